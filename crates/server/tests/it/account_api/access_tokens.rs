//! Personal access tokens that people make for themselves.

use serde_json::{Value, json};

use super::AccountApi;
use crate::registry::TestRegistry;

#[tokio::test]
async fn a_user_makes_tokens_uses_and_revokes_them() {
    let registry = TestRegistry::start().await;
    let user = registry.create_user("zoe");
    let asked = json!({ "name": "for ci", "actions": ["push", "pull"], "expires_at": "2999-01-01T00:00:00Z" });
    let made = user
        .v1_post("/user/access-tokens", &asked)
        .await
        .assert_status(201);
    let (location, token) = (made.location(), made.json());
    let secret = token["secret"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("rst_"));
    assert_eq!(token["actions"], json!(["pull", "push"]));
    assert_eq!(token["expires_at"], "2999-01-01T00:00:00.000Z");
    let id = token["id"].as_str().expect("an id");
    assert_eq!(
        location,
        format!("/api/v1/user/access-tokens/{}", id.replace('-', "%2D"))
    );

    let listed = user.v1_get("/user/access-tokens").await.assert_status(200);
    assert!(!listed.text().contains(&secret) && !listed.text().contains("secret"));
    assert_eq!(listed.items("id"), [id]);
    assert_eq!(listed.items("last_used_at"), [Value::Null]);
    let by_token = registry.as_user("zoe", &secret);
    by_token.v1_get("/user").await.assert_status(200);
    let used = user
        .v1_get("/user/access-tokens")
        .await
        .items("last_used_at");
    assert!(used[0].is_string(), "{used:?}");

    let again = user.v1_post("/user/access-tokens", &asked).await;
    again.assert_error(409, "CONFLICT");
    // Somebody else's is none.
    let other = registry.create_user("yan");
    other.delete(&location).await.assert_error(404, "NOT_FOUND");
    registry
        .delete(&location)
        .await
        .assert_error(404, "NOT_FOUND");
    user.delete(&location).await.assert_no_content();
    user.delete(&location).await.assert_error(404, "NOT_FOUND");
    by_token
        .v1_get("/user")
        .await
        .assert_error(401, "UNAUTHORIZED");
    for (kind, name) in [
        ("access_token.created", "for ci"),
        ("access_token.revoked", "for ci"),
    ] {
        let path = format!("/accounts/default/audit-events?kind={kind}");
        let event = super::audit_events::first(&registry, &path).await;
        assert_eq!(
            (&event["caller"], &event["event"]["token"]),
            (&json!("zoe"), &json!(name))
        );
        assert!(!event.to_string().contains(&secret));
    }
}

/// A token makes no token that can more than itself, or lives longer.
#[tokio::test]
async fn a_token_passes_on_no_more_than_it_has() {
    let registry = TestRegistry::start().await;
    let user = registry.create_user("zoe");
    let make = |caller: &crate::registry::client::Client,
                name: &str,
                actions: Value,
                expires_at: Value| {
        let body = json!({ "name": name, "actions": actions, "expires_at": expires_at });
        caller.v1_post("/user/access-tokens", &body)
    };
    let all = json!(["pull", "push", "delete"]);
    let end = json!("2999-01-01T00:00:00Z");
    let secret = |made: Value| made["secret"].as_str().expect("a secret").to_owned();
    let whole = make(&user, "whole", all.clone(), end.clone())
        .await
        .assert_status(201);
    let whole = registry.as_user("zoe", &secret(whole.json()));
    let narrow = make(&user, "narrow", json!(["pull", "push"]), Value::Null).await;
    let narrow = registry.as_user("zoe", &secret(narrow.assert_status(201).json()));

    make(&narrow, "x", json!(["pull"]), end.clone())
        .await
        .assert_error(403, "FORBIDDEN");
    narrow
        .v1_get("/user/access-tokens")
        .await
        .assert_error(403, "FORBIDDEN");
    make(&whole, "longer", all.clone(), json!("2999-01-01T00:00:01Z"))
        .await
        .assert_error(403, "DENIED");
    make(&whole, "endless", json!(["pull"]), Value::Null)
        .await
        .assert_error(403, "DENIED");
    make(&whole, "child", all, end).await.assert_status(201);
    let names = user.v1_get("/user/access-tokens").await.items("name");
    assert_eq!(names, ["child", "narrow", "whole"]);
}

#[tokio::test]
async fn what_no_token_can_be_is_refused() {
    let registry = TestRegistry::start().await;
    let make = |body: Value| registry.v1_post("/user/access-tokens", &body);
    for body in [
        json!({ "name": "", "actions": ["pull"] }),
        json!({ "name": "a".repeat(256), "actions": ["pull"] }),
        json!({ "name": "a\nb", "actions": ["pull"] }),
        json!({ "name": "a", "actions": [] }),
        json!({ "name": "a", "actions": ["fly"] }),
        json!({ "name": "a", "actions": ["pull"], "expires_at": "2001-01-01T00:00:00Z" }),
        json!({ "name": "a", "actions": ["pull"], "expires_at": "tomorrow" }),
        json!({ "name": "a", "actions": ["pull"], "secret": "rst_mine" }),
        json!({ "name": "a", "actions": ["pull"], "user": "somebody" }),
    ] {
        make(body).await.assert_error(422, "INVALID");
    }
    for count in 0..100 {
        let body = json!({ "name": format!("token {count}"), "actions": ["pull"] });
        make(body).await.assert_status(201);
    }
    let one_more = make(json!({ "name": "one more", "actions": ["pull"] })).await;
    one_more.assert_error(412, "NOT_NOW");
    let robot = registry.admin(&["robot", "create", "ci", "--may", "pull"]);
    let (name, secret) = (robot["name"].as_str(), robot["secret"].as_str());
    let robot = registry.as_user(name.expect("a name"), secret.expect("a secret"));
    robot.v1_get("/user").await.assert_status(200);
    let made = robot.v1_post(
        "/user/access-tokens",
        &json!({ "name": "a", "actions": ["pull"] }),
    );
    made.await.assert_error(403, "FORBIDDEN");
}
