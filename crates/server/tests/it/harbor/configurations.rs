//! What Harbor calls the system's configuration.

use serde_json::{Value, json};

use super::Harbor;
use crate::registry::TestRegistry;

async fn value_of(registry: &TestRegistry, key: &str) -> Value {
    let all = registry
        .api_get("/configurations")
        .await
        .assert_status(200)
        .json();
    all[key]["value"].clone()
}

#[tokio::test]
async fn every_key_has_a_value_and_says_whether_it_can_be_changed() {
    let registry = TestRegistry::start().await;
    let all = registry
        .api_get("/configurations")
        .await
        .assert_status(200)
        .json();
    let all = all.as_object().expect("an object");
    let mut editable = Vec::new();
    for (key, item) in all {
        let fields: Vec<_> = item.as_object().expect("an item").keys().collect();
        assert_eq!(fields, ["editable", "value"], "{key}");
        assert!(
            !key.ends_with("_password") && !key.ends_with("_secret"),
            "{key}"
        );
        if item["editable"] == true {
            editable.push(key.as_str());
        }
    }
    editable.sort_unstable();
    assert_eq!(
        editable,
        [
            "banner_message",
            "project_creation_restriction",
            "pull_count_update_disable",
            "pull_time_update_disable",
            "robot_token_duration",
            "storage_per_project"
        ]
    );
    for (key, value) in [
        ("auth_mode", json!("db_auth")),
        ("banner_message", json!("")),
        ("project_creation_restriction", json!("adminonly")),
        ("read_only", json!(false)),
        ("robot_name_prefix", json!("robot$")),
        ("robot_token_duration", json!(30)),
        ("self_registration", json!(false)),
        ("session_timeout", json!(60)),
        ("storage_per_project", json!(-1)),
        ("token_expiration", json!(5)),
    ] {
        assert_eq!(all[key]["value"], value, "{key}");
    }
    // What was read can be sent back.
    let same: Value = all
        .iter()
        .map(|(key, item)| (key.clone(), item["value"].clone()))
        .collect();
    registry
        .api_put("/configurations", &same)
        .await
        .assert_done();
}

#[tokio::test]
async fn settings_of_the_account_are_changed_and_followed() {
    let registry = TestRegistry::start().await;
    let change = json!({ "robot_token_duration": 7, "banner_message": "<b>closed</b> on \"Friday\"", "galaxy": 1 });
    registry
        .api_put("/configurations", &change)
        .await
        .assert_done();
    assert_eq!(value_of(&registry, "robot_token_duration").await, 7);
    let info = registry.anonymous().api_get("/systeminfo").await.json();
    assert_eq!(info["banner_message"], "<b>closed</b> on \"Friday\"");
    let robot = json!({ "name": "ci", "level": "system", "permissions": [
        { "kind": "project", "namespace": "*", "access": [{ "resource": "repository", "action": "pull" }] }] });
    registry
        .api_post("/robots", &robot)
        .await
        .assert_status(201);
    assert_eq!(registry.api_get("/robots/1").await.json()["duration"], 7);
    let events = registry.sql("SELECT payload FROM events WHERE kind = 'configuration.updated'");
    assert_eq!(events.len(), 1);
    assert!(!format!("{events:?}").contains("Friday"));
}

#[tokio::test]
async fn every_member_makes_projects_when_the_account_says_so() {
    let registry = TestRegistry::start().await;
    let member = registry.create_user("member");
    let project = |name: &str| json!({ "project_name": name });
    member
        .api_post("/projects", &project("mine"))
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    let everyone = json!({ "project_creation_restriction": "everyone" });
    registry
        .api_put("/configurations", &everyone)
        .await
        .assert_done();
    let info = member.api_get("/systeminfo").await.json();
    assert_eq!(info["project_creation_restriction"], "everyone");
    member
        .api_post("/projects", &project("mine"))
        .await
        .assert_status(201);
    assert_eq!(
        member.api_get("/projects/mine").await.json()["current_user_role_id"],
        1
    );
    member.push_image("mine/app", "v1").await;
    registry
        .anonymous()
        .api_post("/projects", &project("x"))
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
    // Every member of this account, and nobody of another.
    registry.admin(&["account", "create", "other"]);
    let made = registry.admin(&["--account", "other", "user", "create", "theirs"]);
    let theirs = registry.as_user("theirs", made["password"].as_str().expect("a password"));
    theirs
        .api_post("/projects", &project("x"))
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    let entering = theirs
        .api_post("/projects", &project("x"))
        .header("account", "default");
    entering.await.assert_harbor_error(403, "FORBIDDEN");
    // Nor with a token that is for pulling, or a robot account.
    let made = registry.admin(&["token", "create", "member", "pulling", "--may", "pull"]);
    let token = registry.as_user("member", made["secret"].as_str().expect("a secret"));
    token
        .api_post("/projects", &project("x"))
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    let made = registry.admin(&["robot", "create", "puller"]);
    let robot = registry.as_user("robot$puller", made["secret"].as_str().expect("a secret"));
    robot
        .api_post("/projects", &project("x"))
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    registry.admin(&["user", "disable", "member"]);
    member
        .api_post("/projects", &project("x"))
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn what_is_fixed_or_wrong_is_refused_and_nothing_is_changed() {
    let registry = TestRegistry::start().await;
    for (key, value, status, code) in [
        ("auth_mode", json!("oidc_auth"), 403, "FORBIDDEN"),
        ("read_only", json!(true), 403, "FORBIDDEN"),
        ("robot_name_prefix", json!("bot$"), 403, "FORBIDDEN"),
        ("session_timeout", json!(61), 403, "FORBIDDEN"),
        ("self_registration", json!(true), 403, "FORBIDDEN"),
        ("oidc_client_secret", json!("secret"), 403, "FORBIDDEN"),
        ("ldap_url", json!("ldap://127.0.0.1"), 403, "FORBIDDEN"),
        ("robot_token_duration", json!(0), 400, "BAD_REQUEST"),
        (
            "robot_token_duration",
            json!("7"),
            422,
            "UNPROCESSABLE_ENTITY",
        ),
        (
            "project_creation_restriction",
            json!("nobody"),
            400,
            "BAD_REQUEST",
        ),
        (
            "banner_message",
            json!("x".repeat(5000)),
            400,
            "BAD_REQUEST",
        ),
        ("banner_message", json!({}), 422, "UNPROCESSABLE_ENTITY"),
    ] {
        // Keys before and after it in the alphabet.
        let mut change = json!({ "banner_message": "changed", "robot_token_duration": 9 });
        change[key] = value;
        let refused = registry.api_put("/configurations", &change).await;
        let message = refused.assert_harbor_error(status, code).error_message();
        assert!(
            !message.contains("ldap://") && !message.contains("\"secret\""),
            "{message}"
        );
        assert_eq!(value_of(&registry, "banner_message").await, "", "{key}");
        assert_eq!(
            value_of(&registry, "robot_token_duration").await,
            30,
            "{key}"
        );
    }
    registry
        .api_put(
            "/configurations",
            &json!({ "oidc_client_secret": "", "read_only": false }),
        )
        .await
        .assert_done();
}

#[tokio::test]
async fn settings_are_for_the_accounts_administrators() {
    let registry = TestRegistry::start().await;
    let owner = registry.create_member("library", "owner", "project-admin");
    for caller in [&owner, &registry.create_user("stranger")] {
        caller
            .api_get("/configurations")
            .await
            .assert_harbor_error(403, "FORBIDDEN");
        let change = json!({ "banner_message": "mine" });
        caller
            .api_put("/configurations", &change)
            .await
            .assert_harbor_error(403, "FORBIDDEN");
    }
    let anonymous = registry.anonymous();
    anonymous
        .api_get("/configurations")
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
    anonymous
        .api_put("/configurations", &json!({}))
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
}
