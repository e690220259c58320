//! What webhooks are sent with is never shown, and goes nowhere else; where they may be sent.

use serde_json::json;

use super::receiver::Receiver;
use super::{AUTH, SECRET, WEBHOOKS, create, ended, registry, webhook};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;

/// Part of a URL that only its owner may know.
const KEY: &str = "key-in-the-query";

#[tokio::test]
async fn secrets_are_in_no_answer_log_event_or_row() {
    let (registry, mut receiver) = (registry(Backends::EMBEDDED).await, Receiver::start().await);
    let url = format!("{}/hook?key={KEY}", receiver.origin);
    let mut body = webhook("ci", &url, &["PUSH_ARTIFACT"]);
    body["auth_header"] = json!(AUTH);
    body["secret"] = json!(SECRET);
    let path = create(&registry, &body).await;
    registry.push_image("library/app", "v1").await;
    assert_eq!(receiver.next().await.path, format!("/hook?key={KEY}"));
    let delivery = ended(&registry, &format!("{path}/deliveries/1")).await;
    let shown = registry.v1_get(&path).await.json();
    assert_eq!(shown["url"], format!("{}/hook?***", receiver.origin));
    assert_eq!(
        (&shown["has_secret"], &shown["has_auth_header"]),
        (&json!(true), &json!(true))
    );

    // Nobody is there: what stands in the log and in the delivery names the host at most.
    body["url"] = json!(format!("https://127.0.0.1:1/hook?key={KEY}"));
    registry.v1_put(&path, &body).await.assert_status(200);
    let trial = registry.v1(http::Method::POST, &format!("{path}/test"));
    let trial = trial.await.assert_status(201).location();
    let failed = ended(&registry, trial.strip_prefix("/api/v1").expect("a path")).await;
    assert_eq!(failed["state"], "failed");
    let events = registry
        .v1_get("/accounts/default/audit-events?page_size=200")
        .await
        .text();
    let rows = registry.sql(
        "SELECT sealed_url || sealed_auth || sealed_secret || shown_url FROM webhooks \
         UNION ALL SELECT payload || COALESCE(response, '') || COALESCE(error, '') FROM webhook_deliveries \
         UNION ALL SELECT payload FROM events UNION ALL SELECT payload FROM jobs",
    );
    let everything = [
        registry.log(),
        events,
        shown.to_string(),
        delivery.to_string(),
        failed.to_string(),
        format!("{rows:?}"),
    ];
    for secret in [KEY, SECRET, AUTH, "a-token-of-the-receiver"] {
        for text in &everything {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test]
async fn another_host_gets_no_secret_that_was_not_given_for_it() {
    let registry = registry(Backends::EMBEDDED).await;
    let mut body = webhook("ci", "https://127.0.0.1:9/hook", &["PUSH_ARTIFACT"]);
    body["skip_cert_verify"] = json!(false);
    body["secret"] = json!(SECRET);
    let path = create(&registry, &body).await;
    body.as_object_mut().expect("an object").remove("secret");
    body["url"] = json!("https://127.0.0.1:9/other");
    registry.v1_put(&path, &body).await.assert_status(200);
    for (field, value) in [
        ("url", json!("https://127.0.0.1:10/other")),
        ("url", json!("https://receiver.example.com:9/other")),
        ("skip_cert_verify", json!(true)),
    ] {
        let mut other = body.clone();
        other[field] = value;
        registry.v1_put(&path, &other).await.assert_status(422);
        other["secret"] = json!("");
        registry.v1_put(&path, &other).await.assert_status(200);
        body["secret"] = json!(SECRET);
        registry.v1_put(&path, &body).await.assert_status(200);
        body.as_object_mut().expect("an object").remove("secret");
    }
}

#[tokio::test]
async fn of_two_who_change_a_webhook_at_once_one_is_told() {
    let registry = registry(Backends::EMBEDDED).await;
    let mut body = webhook("ci", "https://127.0.0.1:9/hook", &["PUSH_ARTIFACT"]);
    let path = create(&registry, &body).await;
    let tag = registry.v1_get(&path).await.header("etag").to_owned();
    body["description"] = json!("first");
    let change = |body: &serde_json::Value| registry.v1_put(&path, body).header("if-match", &tag);
    change(&body).await.assert_status(200);
    body["description"] = json!("second");
    change(&body).await.assert_status(412);
    assert_eq!(registry.v1_get(&path).await.json()["description"], "first");
}

#[tokio::test]
async fn t60_webhooks_go_nowhere_inside() {
    let registry = TestRegistry::start().await;
    let library = WEBHOOKS;
    for url in [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://0.0.0.0/",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://10.0.0.1/",
        "https://[fe80::1]/",
        "ftp://receiver.example.com/",
        "http://receiver.example.com/",
        "https://receiver.example.com:25/",
        "file:///etc/passwd",
        "https://user:secret@receiver.example.com/",
        "receiver.example.com",
        "",
    ] {
        let body = webhook("ci", url, &["PUSH_ARTIFACT"]);
        let refused = registry.v1_post(library, &body).await;
        refused.assert_status(422);
    }
    // A name that stands for the machine itself is refused when it is asked for, and nobody is told which it was.
    let body = webhook("ci", "https://localhost:9443/", &["PUSH_ARTIFACT"]);
    let path = create(&registry, &body).await;
    let trial = registry.v1(http::Method::POST, &format!("{path}/test"));
    let trial = trial.await.assert_status(201).location();
    let failed = ended(&registry, trial.strip_prefix("/api/v1").expect("a path")).await;
    assert_eq!(
        failed["error"],
        "the receiver cannot be reached, or the deployment does not allow requests to go there"
    );
    assert!(failed["duration_ms"].is_null());
}

#[tokio::test]
async fn t60_no_redirect_is_followed_and_certificates_are_verified() {
    let (registry, mut receiver) = (registry(Backends::EMBEDDED).await, Receiver::start().await);
    let mut body = webhook("ci", &receiver.origin, &["PUSH_ARTIFACT"]);
    let path = create(&registry, &body).await;
    receiver.redirect_to("http://169.254.169.254/latest/meta-data");
    let trial = registry.v1(http::Method::POST, &format!("{path}/test"));
    let trial = trial.await.assert_status(201).location();
    let failed = ended(&registry, trial.strip_prefix("/api/v1").expect("a path")).await;
    assert_eq!(failed["error"], "the receiver answered with status 307");
    receiver.next().await;
    body["skip_cert_verify"] = json!(false);
    registry.v1_put(&path, &body).await.assert_status(200);
    let trial = registry.v1(http::Method::POST, &format!("{path}/test"));
    let trial = trial.await.assert_status(201).location();
    let failed = ended(&registry, trial.strip_prefix("/api/v1").expect("a path")).await;
    assert_eq!(failed["state"], "failed");
    assert!(receiver.is_quiet());
}
