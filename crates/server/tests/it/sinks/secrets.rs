//! What sinks are sent with is never shown, and goes nowhere else; where sinks may be; how many there may be.

use http::Method;
use serde_json::{Value, json};

use super::{SINKS, create, registry};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;
use crate::registry::client::Client;

const KEY: &str = "key-in-the-query";
const SECRET: &str = "Bearer only-the-receiver-knows";

impl Client {
    /// What came of a trial.
    pub(super) async fn v1_test(&self, path: &str) -> Value {
        let tried = self.v1(Method::POST, path).await.assert_status(200);
        tried.json()
    }

    /// Changes a sink.
    pub(super) async fn v1_change(&self, path: &str, body: &Value) -> Value {
        self.v1_put(path, body).await.assert_status(200).json()
    }
}

#[tokio::test]
async fn secrets_are_in_no_answer_log_event_or_row_and_stay_with_their_host() {
    let registry = registry(Backends::EMBEDDED).await;
    let mut body = json!({ "name": "logs", "type": "https", "secret": SECRET,
                           "url": format!("https://127.0.0.1:1/in/{KEY}?key={KEY}") });
    let path = create(&registry, &body).await;
    let tried = registry.v1_test(&format!("{path}/test")).await;
    assert_eq!(tried["delivered"], false);
    let shown = registry.v1_get(&path).await.assert_status(200);
    let (version, shown) = (shown.header("etag").to_owned(), shown.json());
    assert_eq!(
        (&shown["receiver"], &shown["has_secret"]),
        (&json!("https://127.0.0.1:1"), &json!(true))
    );

    // Whoever may change a sink has its secret sent nowhere else.
    body.as_object_mut().expect("an object").remove("secret");
    body["url"] = json!("https://127.0.0.1:2/");
    let moved = registry.v1_put(&path, &body).await;
    assert!(moved.assert_status(422).text().contains("secret anew"));
    body["url"] = json!(format!("https://127.0.0.1:1/other?key={KEY}"));
    body["skip_cert_verify"] = json!(true);
    registry.v1_put(&path, &body).await.assert_status(422);
    body["skip_cert_verify"] = json!(false);
    let put = || registry.v1_put(&path, &body);
    put().header("if-match", &version).await.assert_status(200);
    put().header("if-match", &version).await.assert_status(412);
    // The same once more is no change.
    let again = put().await.assert_status(200);
    let updates = "SELECT COUNT(*) FROM events WHERE kind = 'sink.updated'";
    assert_eq!(registry.sql(updates)[0][0], "1");
    put()
        .header("if-match", again.header("etag"))
        .await
        .assert_status(200);
    body["type"] = json!("otlp");
    registry.v1_put(&path, &body).await.assert_status(422);

    let events = registry.v1_get("/accounts/default/audit-events?page_size=200");
    let rows = registry.sql(
        "SELECT sealed_url || sealed_secret || settings || origin FROM sinks UNION ALL SELECT payload FROM events \
         UNION ALL SELECT payload FROM jobs UNION ALL SELECT COALESCE(last_error, '') FROM event_followers",
    );
    let everything = [
        registry.log(),
        events.await.text(),
        registry.v1_get(SINKS).await.text(),
        tried.to_string(),
        format!("{rows:?}"),
    ];
    for secret in [KEY, SECRET, "only-the-receiver-knows"] {
        for text in &everything {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test]
async fn sinks_are_where_the_registry_may_go_and_never_many() {
    // Nothing is listed here.
    let registry = TestRegistry::start().await;
    for (kind, url) in [
        ("https", "https://127.0.0.1/"),
        ("https", "https://[::ffff:169.254.169.254]/"),
        ("https", "https://user@logs.example.com/"),
        ("https", "ftp://logs.example.com/"),
        ("https", "http://logs.example.com/"),
        ("s3", "http://store.example.com/bucket"),
        ("syslog", "syslog://logs.example.com"),
        ("otlp", "https://0x7f.1:4318/v1/logs"),
        ("s3", "https://10.0.0.1/bucket"),
        ("s3", "https://store.example.com/"),
        ("s3", "https://store.example.com/a%2fb"),
        ("syslog", "syslog://8.8.8.8"),
        ("syslog", "syslogs://127.0.0.1"),
        ("syslog", "syslogs://[::1]:6514"),
        ("syslog", "https://logs.example.com"),
    ] {
        let mut body = json!({ "name": "bad", "type": kind, "url": url });
        if kind == "s3" {
            body["access_key_id"] = json!("id");
            body["secret"] = json!("secret");
        }
        let refused = registry.v1_post(SINKS, &body).await;
        assert_eq!(refused.status(), 422, "{url}: {}", refused.text());
    }
    let body = |name: &str| json!({ "name": name, "type": "https", "url": "https://logs.example.com/", "enabled": false });
    for number in 0..10 {
        create(&registry, &body(&format!("sink {number}"))).await;
    }
    registry
        .v1_post(SINKS, &body("one more"))
        .await
        .assert_status(412);
    assert_eq!(registry.v1_get(SINKS).await.items("name").len(), 10);
}
