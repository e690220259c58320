//! A collector of OpenTelemetry that others made (rotel) takes an account's log, and its metrics.

use std::time::{Duration, Instant};

use engines::Rotel;
use serde_json::{Value, json};

use super::{PATIENCE, SINKS, caught_up, create, registry};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;

/// Has it looked at once for metrics that are due, and waits until a sink shows something about them.
async fn pushed(registry: &TestRegistry, path: &str, field: &str) -> Value {
    let now = "UPDATE schedules SET next_run_at_ms = 0 WHERE kind = 'tend_followers' RETURNING id";
    assert_eq!(registry.sql(now).len(), 1);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let sink = registry.v1_get(path).await.assert_status(200).json();
        if !sink[field].is_null() {
            return sink;
        }
        assert!(Instant::now() < deadline, "nothing is pushed: {sink}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn the_collector_understands(backends: Backends) {
    let registry = registry(backends).await;
    let collector = Rotel::start().expect("the collector runs");
    let body = json!({ "name": "otel", "type": "otlp", "metrics": true, "url": format!("{}/v1/logs", collector.origin()) });
    let path = create(&registry, &body).await;
    registry.push_image("library/app", "v1").await;
    let limit = json!({ "storage_bytes": 123_456_789 });
    let set = registry.v1_put("/accounts/default/limits", &limit).await;
    set.assert_no_content();
    caught_up(&registry, &path).await;
    let printed = collector.printed();
    for line in [
        "-> roadstead.account: Str(default)",
        "InstrumentationScope roadstead.audit",
        "SeverityNumber: SEVERITY_NUMBER_INFO(9)",
        "-> event.name: Str(sink.created)",
        "-> event.name: Str(manifest.pushed)",
    ] {
        assert!(printed.contains(line), "{line} in {printed}");
    }

    let sink = pushed(&registry, &path, "metrics_sent_at").await;
    assert_eq!(
        (&sink["metrics"], &sink["metrics_error"]),
        (&json!(true), &Value::Null)
    );
    let printed = collector.printed();
    let metrics = printed.split_once("ResourceMetrics").expect("metrics").1;
    for text in [
        "-> roadstead.account: Str(default)",
        "InstrumentationScope roadstead.account",
        "-> Name: roadstead_account_pushes",
        "-> DataType: Gauge",
        "Value: 123456789",
        "-> sink: Str(otel)",
    ] {
        assert!(metrics.contains(text), "{text} in {metrics}");
    }
}

#[tokio::test]
async fn a_collector_understands_the_log_and_the_metrics() {
    the_collector_understands(Backends::EMBEDDED).await;
}

#[tokio::test]
async fn a_collector_understands_the_log_and_the_metrics_on_postgresql() {
    the_collector_understands(Backends::PRODUCTION).await;
}

#[tokio::test]
async fn metrics_go_to_collectors_only_and_beside_the_log() {
    let registry = registry(Backends::EMBEDDED).await;
    for (kind, url) in [
        ("https", "https://127.0.0.1:1/v1/logs"),
        ("syslog", "syslog://127.0.0.1:1"),
        ("otlp", "https://127.0.0.1:1/logs"),
        ("otlp", "https://127.0.0.1:1/v1/logs?key=1"),
    ] {
        let body = json!({ "name": "bad", "type": kind, "url": url, "metrics": true });
        let refused = registry.v1_post(SINKS, &body).await.assert_status(422);
        assert!(refused.text().contains("metrics"), "{}", refused.text());
    }
    let mut body = json!({ "name": "otel", "type": "otlp", "url": "https://127.0.0.1:1/v1/logs", "secret": "Bearer key", "metrics": true });
    let path = create(&registry, &body).await;
    let sink = pushed(&registry, &path, "metrics_error").await;
    let error = sink["metrics_error"].as_str().expect("text");
    assert!(
        error.starts_with("https://127.0.0.1:1 cannot be reached"),
        "{error}"
    );
    assert!(sink["metrics_sent_at"].is_null());
    body["metrics"] = json!(false);
    let changed = registry.v1_change(&path, &body).await;
    assert_eq!(
        (&changed["metrics"], &changed["metrics_error"]),
        (&json!(false), &Value::Null)
    );
}
