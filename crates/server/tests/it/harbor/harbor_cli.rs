//! What `harbor-cli` sends, in the order in which somebody works with it: a generated client, which names everything it knows in
//! queries and headers, encodes slashes once, and leaves out of bodies what is empty.

use serde_json::{Value, json};

use super::{API, Harbor};
use crate::registry::TestRegistry;
use crate::registry::client::{Answer, Call, Client};

/// The headers of a generated client, with a project by its name.
fn by_name(call: Call) -> Call {
    call.header("accept", "application/json")
        .header("x-is-resource-name", "true")
}

async fn ask(client: &Client, path: &str) -> Answer {
    by_name(client.api_get(path)).await.assert_status(200)
}

/// A list, with how much there is in all.
async fn list(client: &Client, path: &str) -> Vec<Value> {
    let listed = ask(client, path).await;
    assert!(listed.header("x-total-count").parse::<u64>().is_ok());
    listed
        .json()
        .as_array()
        .expect("a list, never null")
        .clone()
}

async fn create(client: &Client, path: &str, body: &Value) -> String {
    let made = by_name(client.api_post(path, body))
        .await
        .assert_status(201);
    let location = made.location();
    location
        .strip_prefix(API)
        .expect("a path below the API")
        .to_owned()
}

#[tokio::test]
async fn logging_in_and_looking_around() {
    let registry = TestRegistry::start().await;
    let me = ask(&registry, "/users/current").await.json();
    assert_eq!(me["username"], "admin");
    assert!(me["user_id"].is_i64() && me["sysadmin_flag"].is_boolean());
    list(&registry, "/projects?page=1&page_size=10&with_detail=true").await;
    registry
        .as_user("admin", "wrong")
        .api_get("/users/current")
        .await
        .assert_status(401);
    let health = ask(&registry, "/health").await.json();
    assert_eq!(health["status"], "healthy");
    assert!(health["components"].is_array());
    assert_eq!(
        registry
            .api_get("/ping")
            .header("accept", "text/plain")
            .await
            .text(),
        "Pong"
    );
    let info = ask(&registry, "/systeminfo").await.json();
    assert!(info["harbor_version"].is_string());
    assert!(ask(&registry, "/systeminfo/volumes").await.json()["storage"].is_array());
    let statistic = ask(&registry, "/statistics").await.json();
    assert!(statistic["total_project_count"].is_i64(), "{statistic}");
    let found = ask(&registry, "/search?q=lib").await.json();
    assert_eq!(found["project"][0]["name"], "library");
    let permissions = ask(&registry, "/permissions").await.json();
    assert!(permissions["system"].is_array() && permissions["project"].is_array());
    list(&registry, "/audit-logs?page=1&page_size=10&sort=op_time").await;
    list(&registry, "/auditlog-exts?page=1&page_size=10").await;
    assert!(
        ask(&registry, "/auditlog-exts/events")
            .await
            .json()
            .is_array()
    );
    list(
        &registry,
        "/projects/library/auditlog-exts?page=1&page_size=10",
    )
    .await;
}

#[tokio::test]
async fn a_project_and_what_is_pushed_to_it() {
    let registry = TestRegistry::start().await;
    let new =
        json!({ "metadata": { "public": "false" }, "project_name": "team", "storage_limit": -1 });
    create(&registry, "/projects", &new).await;
    let shown = ask(&registry, "/projects/team").await.json();
    assert!(shown["project_id"].is_i64() && shown["repo_count"].is_i64());
    let listed = list(
        &registry,
        "/projects?name=team&page=1&page_size=10&sort=name&with_detail=true",
    )
    .await;
    assert_eq!(listed[0]["name"], "team");
    let summary = ask(&registry, "/projects/team/summary").await.json();
    assert!(summary["quota"]["hard"]["storage"].is_i64(), "{summary}");
    // Its client has a slash after this one.
    let metadata = ask(&registry, "/projects/team/metadatas/").await.json();
    assert_eq!(metadata["public"], "false");
    let change = json!({ "metadata": { "public": "true" } });
    by_name(registry.api_put("/projects/team", &change))
        .await
        .assert_status(200);

    let artifacts = what_was_pushed(&registry).await;
    let repository = "/projects/team/repositories/deep%2Fapp";
    for path in [artifacts.as_str(), repository, "/projects/team"] {
        by_name(registry.api_delete(path)).await.assert_status(200);
    }
}

/// Pushes an image and works with it; returns its path.
async fn what_was_pushed(registry: &TestRegistry) -> String {
    registry.push_image("team/deep/app", "v1").await;
    let listed = list(registry, "/projects/team/repositories?page=1&page_size=10").await;
    assert_eq!(listed[0]["name"], "team/deep/app");
    let repository = "/projects/team/repositories/deep%2Fapp";
    let shown = ask(registry, repository).await.json();
    assert!(shown["artifact_count"].is_i64() && shown["pull_count"].is_i64());
    let described = json!({ "description": "ours" });
    by_name(registry.api_put(repository, &described))
        .await
        .assert_status(200);
    let artifacts = format!("{repository}/artifacts");
    let query = "page=1&page_size=10&with_accessory=false&with_immutable_status=false&with_label=false\
                 &with_sbom_overview=false&with_scan_overview=false&with_signature=false&with_tag=true";
    let listed = list(registry, &format!("{artifacts}?{query}")).await;
    assert_eq!(listed[0]["tags"][0]["name"], "v1");
    assert!(listed[0]["icon"].is_string() && listed[0]["extra_attrs"].is_object());
    let digest = listed[0]["digest"]
        .as_str()
        .expect("a digest")
        .replace(':', "%3A");
    ask(registry, &format!("{artifacts}/{digest}?{query}")).await;
    let tags = format!("{artifacts}/{digest}/tags");
    let made = by_name(registry.api_post(&tags, &json!({ "name": "v2" }))).await;
    made.assert_status(201);
    let query = "page=1&page_size=10&with_immutable_status=false&with_signature=false";
    assert_eq!(list(registry, &format!("{tags}?{query}")).await.len(), 2);
    by_name(registry.api_delete(&format!("{tags}/v2")))
        .await
        .assert_status(200);

    let artifact = format!("{artifacts}/{digest}");
    a_label_of_it(registry, &artifact).await;
    artifact
}

async fn a_label_of_it(registry: &TestRegistry, artifact: &str) {
    let project = ask(registry, "/projects/team").await.json()["project_id"].clone();
    let label = json!({ "color": "#0F1571", "name": "good", "project_id": project, "scope": "p" });
    let label = create(registry, "/labels", &label).await;
    let number: i64 = label
        .rsplit('/')
        .next()
        .and_then(|id| id.parse().ok())
        .expect("a number");
    list(
        registry,
        &format!("/labels?page=1&page_size=10&project_id={project}&scope=p"),
    )
    .await;
    let labels = format!("{artifact}/labels");
    by_name(registry.api_post(&labels, &json!({ "id": number })))
        .await
        .assert_status(200);
    by_name(registry.api_delete(&format!("{labels}/{number}")))
        .await
        .assert_status(200);
    let change = json!({ "color": "#0F1571", "name": "better" });
    by_name(registry.api_put(&label, &change))
        .await
        .assert_status(200);
    by_name(registry.api_delete(&label))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn people() {
    let registry = TestRegistry::start().await;
    let user = json!({ "email": "zoe@example.com", "password": "Correct-horse-9", "realname": "Zoe", "username": "zoe" });
    let user = create(&registry, "/users", &user).await;
    list(&registry, "/users?page=1&page_size=10").await;
    let flag = json!({ "sysadmin_flag": true });
    by_name(registry.api_put(&format!("{user}/sysadmin"), &flag))
        .await
        .assert_status(200);
    // It leaves out what is false.
    by_name(registry.api_put(&format!("{user}/sysadmin"), &json!({})))
        .await
        .assert_status(200);
    let password = json!({ "new_password": "Correct-horse-10" });
    by_name(registry.api_put(&format!("{user}/password"), &password))
        .await
        .assert_status(200);

    let member = json!({ "member_user": { "username": "zoe" }, "role_id": 2 });
    let member = create(&registry, "/projects/library/members", &member).await;
    let listed = list(
        &registry,
        "/projects/library/members?entityname=zoe&page=1&page_size=10",
    )
    .await;
    assert_eq!(listed[0]["role_name"], "developer");
    by_name(registry.api_put(&member, &json!({ "role_id": 4 })))
        .await
        .assert_status(200);
    ask(&registry, &member).await;
    by_name(registry.api_delete(&member))
        .await
        .assert_status(200);
    by_name(registry.api_delete(&user)).await.assert_status(200);
}

#[tokio::test]
async fn robots_quotas_and_the_configuration() {
    let registry = TestRegistry::start().await;
    let access = json!([{ "action": "pull", "resource": "repository" }]);
    let robot = json!({
        "duration": 30, "level": "system", "name": "cli",
        "permissions": [{ "access": access, "kind": "project", "namespace": "*" }],
    });
    let made = by_name(registry.api_post("/robots", &robot))
        .await
        .assert_status(201);
    let (shown, robot) = (made.json(), made.location().replace(API, ""));
    for field in ["name", "secret", "creation_time"] {
        assert!(shown[field].is_string(), "{field} of {shown}");
    }
    list(&registry, "/robots?page=1&page_size=10&q=Level%3Dsystem").await;
    let refreshed = registry
        .patch(&format!("{API}{robot}"))
        .content_type("application/json");
    let refreshed = by_name(refreshed.body("{}")).await.assert_status(200);
    assert!(refreshed.json()["secret"].is_string());
    let mut shown = ask(&registry, &robot).await.json();
    shown["description"] = json!("changed");
    by_name(registry.api_put(&robot, &shown))
        .await
        .assert_status(200);
    by_name(registry.api_delete(&robot))
        .await
        .assert_status(200);

    let listed = list(&registry, "/quotas?page=1&page_size=10&reference=project").await;
    let quota = format!("/quotas/{}", listed[0]["id"]);
    let hard = json!({ "hard": { "storage": 10_737_418_240_i64 } });
    by_name(registry.api_put(&quota, &hard))
        .await
        .assert_status(200);
    assert_eq!(ask(&registry, &quota).await.json()["hard"], hard["hard"]);

    // What it read it writes, values alone.
    let shown = ask(&registry, "/configurations").await.json();
    let values = shown.as_object().expect("an object").iter();
    let values: Value = values
        .map(|(key, item)| (key.clone(), item["value"].clone()))
        .collect();
    by_name(registry.api_put("/configurations", &values))
        .await
        .assert_status(200);
    let list = json!({ "items": [{ "cve_id": "CVE-2026-1" }] });
    by_name(registry.api_put("/system/CVEAllowlist", &list))
        .await
        .assert_status(200);
    let shown = ask(&registry, "/system/CVEAllowlist").await.json();
    assert_eq!(shown["items"], list["items"]);
}

/// Commands whose engines are not there say that they failed.
#[tokio::test]
async fn what_is_not_there_yet_is_not_found() {
    let registry = TestRegistry::start().await;
    for path in [
        "/registries?page=1&page_size=10",
        "/replication/adapters",
        "/replication/policies?page=1&page_size=10",
        "/replication/executions?page=1&page_size=10",
        "/scanners?page=1&page_size=10",
        "/scans/all/metrics",
        "/system/scanAll/schedule",
        "/p2p/preheat/instances?page=1&page_size=10",
        "/projects/library/preheat/policies",
        "/security/summary",
        "/security/vul?page=1&page_size=10",
    ] {
        by_name(registry.api_get(path))
            .await
            .assert_harbor_error(404, "NOT_FOUND");
    }
    let scan = "/projects/library/repositories/app/artifacts/v1/scan";
    for path in [scan, "/registries"] {
        by_name(registry.api_post(path, &json!({})))
            .await
            .assert_harbor_error(404, "NOT_FOUND");
    }
}
