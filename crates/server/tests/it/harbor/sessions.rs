//! Logins by form: a cookie, and the token that other sites' pages do not know.

use serde_json::json;

use super::{API, Harbor};
use crate::registry::client::{Answer, Client};
use crate::registry::{ADMIN, ADMIN_PASSWORD, TestRegistry};

async fn log_in(caller: &Client, name: &str, password: &str) -> Answer {
    let form = caller.request(http::Method::POST, "/c/login");
    let form = form.content_type("application/x-www-form-urlencoded");
    form.body(format!("principal={name}&password={password}"))
        .await
}

/// The cookie that a login gave, as it is sent back.
fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie");
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Lax"),
        "{set}"
    );
    let (cookie, _) = set.split_once(';').expect("attributes");
    cookie.to_owned()
}

/// T28.
#[tokio::test]
async fn t28_a_session_changes_things_only_with_its_token() {
    let registry = TestRegistry::start().await;
    let anonymous = registry.anonymous();
    let cookie = cookie(
        &log_in(&anonymous, ADMIN, ADMIN_PASSWORD)
            .await
            .assert_status(200),
    );
    let me = anonymous
        .api_get("/users/current")
        .header("cookie", &cookie)
        .await
        .assert_status(200);
    assert_eq!(me.json()["username"], ADMIN);
    let token = me.header("x-harbor-csrf-token").to_owned();

    let body = json!({ "project_name": "by-session" });
    let post = || {
        anonymous
            .api_post("/projects", &body)
            .header("cookie", &cookie)
    };
    let refused = post().await.assert_harbor_error(403, "FORBIDDEN");
    assert_eq!(refused.error_message(), "CSRF token not found in request");
    // Terraform's provider tries again with what the refusal brought.
    assert_eq!(refused.header("x-harbor-csrf-token"), token);
    let wrong = post().header("x-harbor-csrf-token", "0".repeat(64)).await;
    assert_eq!(
        wrong.assert_harbor_error(403, "FORBIDDEN").error_message(),
        "CSRF token invalid"
    );
    let other = self::cookie(&log_in(&anonymous, ADMIN, ADMIN_PASSWORD).await);
    let others = anonymous.api_get("/ping").header("cookie", &other).await;
    let others = post()
        .header("x-harbor-csrf-token", others.header("x-harbor-csrf-token"))
        .await;
    others.assert_harbor_error(403, "FORBIDDEN");
    assert_eq!(
        registry.api_get("/projects").await.each("name"),
        ["library"]
    );
    post()
        .header("x-harbor-csrf-token", &token)
        .await
        .assert_status(201);
    // A password in the request is no cookie that comes along by itself.
    let basic = registry.api_post("/projects", &json!({ "project_name": "by-password" }));
    basic.header("cookie", &cookie).await.assert_status(201);
}

#[tokio::test]
async fn a_session_ends_by_logging_out_and_with_its_password() {
    let registry = TestRegistry::start().await;
    let anonymous = registry.anonymous();
    let bob = registry.create_user("bob");
    let password = match bob.credentials() {
        crate::registry::client::Credentials::Basic { password, .. } => password.clone(),
        other => panic!("{other:?}"),
    };
    let who = |cookie: String| anonymous.api_get("/users/current").header("cookie", cookie);
    let first = cookie(
        &log_in(&anonymous, "bob", &password)
            .await
            .assert_status(200),
    );
    let second = cookie(
        &log_in(&anonymous, "bob", &password)
            .await
            .assert_status(200),
    );
    assert_ne!(first, second);
    let out = anonymous
        .get("/c/log_out")
        .header("cookie", &first)
        .await
        .assert_status(200);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    who(first).await.assert_harbor_error(401, "UNAUTHORIZED");
    who(second.clone()).await.assert_status(200);
    registry.admin(&["user", "reset-password", "bob"]);
    who(second).await.assert_harbor_error(401, "UNAUTHORIZED");
    who("sid=rss_nobody-was-given-this".to_owned())
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
    // Nobody gets a cookie for asking: clients with a jar would need a token from then on.
    assert_eq!(
        registry
            .api_get("/projects")
            .await
            .find_header("set-cookie"),
        None
    );
    log_in(&anonymous, "bob", &password)
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
}

/// T20: what is narrower than its user opens no session, which is as wide.
#[tokio::test]
async fn t20_t28_neither_tokens_nor_other_sites_open_a_session() {
    let registry = TestRegistry::start().await;
    let anonymous = registry.anonymous();
    let made = registry.admin(&["token", "create", ADMIN, "narrow", "--may", "pull"]);
    let secret = made["secret"].as_str().expect("a secret");
    log_in(&anonymous, ADMIN, secret)
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
    let form = format!("principal={ADMIN}&password={ADMIN_PASSWORD}");
    let post = |origin: &str| {
        let call = anonymous
            .request(http::Method::POST, "/c/login")
            .body(form.clone());
        call.header("origin", origin)
    };
    for origin in [
        "https://evil.example",
        "null",
        "http://",
        &format!("{}.evil", registry.origin()),
    ] {
        post(origin).await.assert_harbor_error(403, "FORBIDDEN");
    }
    post(registry.origin()).await.assert_status(200);
    anonymous
        .get("/c/login")
        .await
        .assert_harbor_error(405, "METHOD_NOT_ALLOWED");
    let narrow = registry.as_user(ADMIN, secret);
    narrow.api_get("/projects").await.assert_status(200);
    let change = json!({ "project_name": "more" });
    narrow
        .api_post("/projects", &change)
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    // A token for images is none for managing.
    let token = registry
        .with_token(&["repository:library/app:pull,push"])
        .await;
    token
        .get(&format!("{API}/projects/library"))
        .await
        .assert_harbor_error(403, "FORBIDDEN");
}
