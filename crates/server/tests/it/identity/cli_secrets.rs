//! The secret that somebody who logs in elsewhere chooses for tools.

use serde_json::json;

use super::oidc_login::{SOURCES, log_in, source};
use super::{Api, Outside};
use crate::harbor::Harbor as _;
use crate::registry::client::{Client, Credentials};

const SECRET: &str = "Chosen-secret-7";

/// A person who came by an issuer and may push to `library`: its number, and its session.
async fn person(outside: &Outside) -> (i64, String) {
    let registry = &outside.registry;
    let made = registry.api(
        http::Method::POST,
        SOURCES,
        &source("corp", &outside.provider.issuer()),
    );
    made.await.assert_status(201);
    let session = log_in(outside, "", "zoe").await;
    let browser = registry.anonymous();
    let current = browser
        .get("/api/v2.0/users/current")
        .header("cookie", &session)
        .await;
    let current = current.assert_status(200).json();
    let name = current["username"].as_str().expect("a name").to_owned();
    registry.admin(&["member", "add", "library", &name, "--role", "developer"]);
    (current["user_id"].as_i64().expect("a number"), name)
}

#[tokio::test]
async fn it_logs_tools_in_and_the_one_before_no_more() {
    let outside = Outside::start().await;
    let (number, name) = person(&outside).await;
    let registry = &outside.registry;
    let path = format!("/users/{number}/cli_secret");
    let with = |secret: &str| -> Client { registry.client(Credentials::basic(&name, secret)) };
    with(SECRET)
        .get("/v2/")
        .await
        .assert_error(401, "UNAUTHORIZED");
    for weak in ["", "short", "no-upper-case-7"] {
        let refused = registry.api_put(&path, &json!({ "secret": weak })).await;
        refused.assert_harbor_error(400, "BAD_REQUEST");
    }
    let set = registry.api_put(&path, &json!({ "secret": SECRET })).await;
    assert_eq!((set.status(), set.text().as_str()), (200, ""));
    let tool = with(SECRET);
    tool.get("/v2/").await.assert_status(200);
    tool.push_blob("library/app", "{}").await;
    let token = tool.with_token(&["repository:library/app:pull,push"]).await;
    token.push_blob("library/app", "[]").await;
    let listed = tool.api_get("/projects/library/repositories").await;
    listed.assert_status(200);
    // It is for tools: nobody is managed with it.
    let own = json!({ "secret": "Another-secret-8" });
    let refused = tool.api_put(&path, &own).await;
    refused.assert_harbor_error(403, "FORBIDDEN");
    with("Chosen-secret-8")
        .get("/v2/")
        .await
        .assert_error(401, "UNAUTHORIZED");
    registry.api_put(&path, &own).await.assert_status(200);
    tool.get("/v2/").await.assert_error(401, "UNAUTHORIZED");
    with("Another-secret-8")
        .get("/v2/")
        .await
        .assert_status(200);
    // It is one of the tokens that one sees and takes away.
    registry.admin(&["token", "revoke", &name, "cli-secret"]);
    with("Another-secret-8")
        .get("/v2/")
        .await
        .assert_error(401, "UNAUTHORIZED");
    for table in ["access_tokens", "events"] {
        let column = if table == "events" {
            "payload"
        } else {
            "secret_hash"
        };
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE {column} LIKE '%secret-7%'");
        assert_eq!(registry.sql(&sql), [["0"]]);
    }
}

#[tokio::test]
async fn who_has_a_password_has_none_and_others_do_not_decide() {
    let outside = Outside::start().await;
    let (number, _) = person(&outside).await;
    let registry = &outside.registry;
    let body = json!({ "secret": SECRET });
    // The administrator has a password.
    let refused = registry.api_put("/users/1/cli_secret", &body).await;
    refused.assert_harbor_error(412, "PRECONDITION");
    let refused = registry.api_put("/users/999/cli_secret", &body).await;
    refused.assert_harbor_error(404, "NOT_FOUND");
    let path = format!("/users/{number}/cli_secret");
    let member = registry.create_member("library", "mia", "maintainer");
    let refused = member.api_put(&path, &body).await;
    refused.assert_harbor_error(403, "FORBIDDEN");
    let boss = registry.create_account("other", "boss");
    let refused = boss.api_put(&path, &body).await;
    refused.assert_harbor_error(404, "NOT_FOUND");
    let refused = registry.anonymous().api_put(&path, &body).await;
    refused.assert_harbor_error(401, "UNAUTHORIZED");
}
