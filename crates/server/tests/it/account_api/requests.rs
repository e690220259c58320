//! What a request has to be like, whatever it asks for.

use serde_json::json;

use super::AccountApi;
use crate::registry::{ADMIN, ADMIN_PASSWORD, TestRegistry};

#[tokio::test]
async fn whoever_shows_nothing_or_something_wrong_is_asked_to_log_in() {
    let registry = TestRegistry::start().await;
    let challenge = "Basic realm=\"roadstead\", charset=\"UTF-8\"";
    let anonymous = registry.anonymous();
    for path in [
        "/user",
        "/accounts/default",
        "/accounts/none",
        "/deployment",
    ] {
        let answer = anonymous
            .v1_get(path)
            .await
            .assert_error(401, "UNAUTHORIZED");
        assert_eq!(answer.header("www-authenticate"), challenge);
        let wrong = registry.as_user(ADMIN, "not the password");
        let wrong = wrong.v1_get(path).await.assert_error(401, "UNAUTHORIZED");
        assert_eq!(wrong.header("www-authenticate"), challenge);
    }
    // What docker shows is for images.
    let token = registry
        .with_token(&["repository:library/app:pull,push"])
        .await;
    let refused = token.v1_get("/accounts/default").await;
    assert_eq!(
        refused.assert_error(401, "UNAUTHORIZED").error_message(),
        "a token for images is no login here; show a name with its password, access token or robot secret"
    );
    anonymous.v1_get("/openapi.json").await.assert_status(200);
}

#[tokio::test]
async fn a_session_changes_things_with_its_token_only() {
    let registry = TestRegistry::start().await;
    let anonymous = registry.anonymous();
    let form = anonymous
        .request(http::Method::POST, "/c/login")
        .content_type("application/x-www-form-urlencoded")
        .body(format!("principal={ADMIN}&password={ADMIN_PASSWORD}"));
    let set = form
        .await
        .assert_status(200)
        .header("set-cookie")
        .to_owned();
    let (cookie, _) = set.split_once(';').expect("attributes");
    let me = anonymous.v1_get("/user").header("cookie", cookie).await;
    assert_eq!(
        me.json(),
        json!({ "name": ADMIN, "kind": "user", "credential": "session" })
    );
    let token = me.header("x-harbor-csrf-token");
    let plan = json!({ "name": "tiny" });
    let post = || {
        anonymous
            .v1_post("/deployment/plans", &plan)
            .header("cookie", cookie)
    };
    post().await.assert_error(403, "FORBIDDEN");
    post()
        .header("x-harbor-csrf-token", token)
        .await
        .assert_status(201);
}

#[tokio::test]
async fn a_body_is_json_of_known_fields() {
    let registry = TestRegistry::start().await;
    let post = |body: &str| {
        let call = registry.v1(http::Method::POST, "/deployment/plans");
        call.content_type("application/json").body(body.to_owned())
    };
    let cases = [
        (
            r#"{"name":"a","admin":true}"#,
            422,
            "INVALID",
            "unknown field `admin`",
        ),
        (r#"{"name":7}"#, 422, "INVALID", "expected a string"),
        (
            r#"{"name":"a","namespaces":-1}"#,
            422,
            "INVALID",
            "expected u64",
        ),
        (
            r#"{"name":"a","namespaces":1.5}"#,
            422,
            "INVALID",
            "expected u64",
        ),
        ("{}", 422, "INVALID", "missing field `name`"),
        ("", 400, "BAD_REQUEST", "no JSON"),
        (r#"{"name":"a""#, 400, "BAD_REQUEST", "no JSON"),
        (
            r#"{"name":"a","name":"b"}"#,
            422,
            "INVALID",
            "duplicate field `name`",
        ),
    ];
    for (body, status, code, text) in cases {
        let answer = post(body).await.assert_error(status, code);
        assert!(
            answer.error_message().contains(text),
            "{body}: {}",
            answer.error_message()
        );
    }
    let nested = format!("{{\"name\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    post(&nested).await.assert_error(422, "INVALID");
    let large = format!(r#"{{"name":"{}"}}"#, "a".repeat(256 * 1024));
    post(&large).await.assert_error(413, "TOO_LARGE");
    let long = format!(r#"{{"{}":1}}"#, "a".repeat(10_000));
    let answer = post(&long).await.assert_error(422, "INVALID");
    assert!(answer.error_message().len() < 600);
    // What a form of another site's page could send.
    let form = registry.v1(http::Method::POST, "/deployment/plans");
    let form = form
        .content_type("text/plain")
        .body(r#"{"name":"by-form"}"#);
    form.await.assert_error(415, "UNSUPPORTED_MEDIA_TYPE");
    registry
        .v1_get("/deployment/plans/by-form")
        .await
        .assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_query_holds_what_the_operation_knows() {
    let registry = TestRegistry::start().await;
    for (query, text) in [
        (
            "stat=active",
            "stat is no parameter of this operation; it knows q, state, plan, cursor, page_size",
        ),
        (
            "state=gone",
            "state has to be one of active, suspended, closing, closed",
        ),
        ("page_size=0", "page_size has to be a number from 1 to 1000"),
        (
            "page_size=18446744073709551616",
            "page_size has to be a number from 1 to 1000",
        ),
        ("q=a&q=b", "q stands there twice"),
    ] {
        let answer = registry
            .v1_get(&format!("/deployment/accounts?{query}"))
            .await;
        assert_eq!(
            answer.assert_error(400, "BAD_REQUEST").error_message(),
            text
        );
    }
    let members = registry.v1_get("/accounts/default/members?cursor=x").await;
    members.assert_error(400, "BAD_REQUEST");
    let long = format!("/deployment/accounts?q={}", "a".repeat(5000));
    registry
        .v1_get(&long)
        .await
        .assert_error(400, "BAD_REQUEST");
    registry
        .v1_get("/user?x=1")
        .await
        .assert_error(400, "BAD_REQUEST");
}

#[tokio::test]
async fn other_paths_and_methods_are_said_to_be_none() {
    let registry = TestRegistry::start().await;
    for path in [
        "/",
        "/nothing",
        "/accounts/default/nothing",
        "/deployment/accounts/a/b/c",
        "/Accounts",
    ] {
        registry.v1_get(path).await.assert_error(404, "NOT_FOUND");
    }
    let answer = registry.v1(http::Method::PUT, "/deployment/accounts").await;
    let answer = answer.assert_error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(answer.header("allow"), "GET, POST");
    let head = registry
        .v1(http::Method::HEAD, "/user")
        .await
        .assert_status(200);
    assert_eq!(
        (head.text().as_str(), head.header("content-type")),
        ("", "application/json")
    );
    let metrics = registry.metrics().await;
    assert!(metrics.contains("endpoint=\"account_api\""), "{metrics}");
}
