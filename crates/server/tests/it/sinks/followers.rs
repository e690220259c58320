//! How far those are behind who are told of what happens: what operators see of it.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{PATIENCE, create, registry};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;

async fn operators_see_who_is_behind(backends: Backends) {
    let registry = registry(backends).await;
    let body = json!({ "name": "logs", "type": "https", "url": "https://127.0.0.1:1/" });
    let path = create(&registry, &body).await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let sink = registry.v1_get(&path).await.assert_status(200).json();
        if sink["failures"] != 0 {
            break;
        }
        assert!(Instant::now() < deadline, "nothing was tried: {sink}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Every process looks when it starts, and then now and then.
    let registry = registry.kill().start().await;
    let failing = "roadstead_followers{kind=\"sink\",state=\"failing\"} 1";
    let text = with(&registry, failing).await;
    for line in [
        "roadstead_followers{kind=\"sink\",state=\"behind\"} 0",
        "roadstead_followers{kind=\"webhook\",state=\"failing\"} 0",
        "roadstead_followers_oldest_undelivered_seconds{kind=\"sink\",state=\"behind\"} 0",
        "roadstead_followers_oldest_undelivered_seconds{kind=\"sink\",state=\"failing\"} ",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("default"), "nothing is about one account");
}

/// The metrics, once they have this line.
async fn with(registry: &TestRegistry, line: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = registry.metrics().await;
        if text.contains(line) {
            return text;
        }
        assert!(Instant::now() < deadline, "{line} is not in {text}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn operators_see_how_many_are_behind_and_for_how_long() {
    operators_see_who_is_behind(Backends::EMBEDDED).await;
}

#[tokio::test]
async fn operators_see_how_many_are_behind_and_for_how_long_on_postgresql() {
    operators_see_who_is_behind(Backends::PRODUCTION).await;
}

/// The account's own monitoring sees that a webhook fails, and the sinks by name.
#[tokio::test]
async fn an_account_sees_that_its_webhooks_fail() {
    let registry = registry(Backends::EMBEDDED).await;
    let url = "https://127.0.0.1:1/";
    let hook = json!({ "name": "ci", "url": url, "event_types": ["PUSH_ARTIFACT"] });
    let made = registry.v1_post("/accounts/default/namespaces/library/webhooks", &hook);
    made.await.assert_status(201);
    let read = || async {
        let read = registry.v1_get("/accounts/default/metrics").await;
        read.assert_status(200).text()
    };
    let none = read().await;
    assert!(none.contains("roadstead_account_webhooks{state=\"failing\"} 0\n"));
    registry.push_image("library/app", "v1").await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = read().await;
        if text.contains("roadstead_account_webhooks{state=\"failing\"} 1\n") {
            assert!(text.contains("\nroadstead_account_webhooks_lag_seconds "));
            assert!(!text.contains(url) && !text.contains("{sink="));
            return;
        }
        assert!(Instant::now() < deadline, "{text}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
