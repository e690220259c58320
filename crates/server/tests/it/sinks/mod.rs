//! Sinks: what receivers get is what the account's log says, in its order; and the account's own metrics.

mod collector;
mod followers;
mod jobs;
mod large;
mod races;
mod receivers;
mod rights;
mod rsyslog;
mod secrets;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::account_api::AccountApi as _;
use crate::registry::backends::Backends;
use crate::registry::client::Client;
use crate::registry::{PATIENCE, TestRegistry};
use crate::webhooks::receiver::Receiver;

const SINKS: &str = "/accounts/default/sinks";

async fn registry(backends: Backends) -> TestRegistry {
    TestRegistry::builder()
        .on(backends)
        .setting("OUTBOUND__ALLOW", r#"["127.0.0.1"]"#)
        .start()
        .await
}

/// Makes a sink; answers with its path.
async fn create(client: &Client, body: &Value) -> String {
    let made = client.v1_post(SINKS, body).await.assert_status(201);
    let location = made.location();
    location.strip_prefix("/api/v1").expect("a path").to_owned()
}

/// What the account's log has, from a number on: numbers and ids. `None` while something is not sealed.
fn log_from(registry: &TestRegistry, number: i64) -> Option<BTreeMap<i64, String>> {
    let rows = registry.sql(
        "SELECT COALESCE(number, -1), id FROM events \
         WHERE account_id = (SELECT id FROM accounts WHERE name = 'default')",
    );
    let mut log = BTreeMap::new();
    for row in rows {
        let at: i64 = row[0].parse().expect("a number");
        if at < 0 {
            return None;
        }
        if at >= number {
            log.insert(at, row[1].clone());
        }
    }
    Some(log)
}

/// Waits until nothing is left that a sink's receiver has not taken; answers with the sink.
async fn caught_up(registry: &TestRegistry, path: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let is_sealed = log_from(registry, 0).is_some();
        let sink = registry.v1_get(path).await.assert_status(200).json();
        if is_sealed && sink["lag_events"] == 0 {
            return sink;
        }
        assert!(Instant::now() < deadline, "it does not catch up: {sink}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Takes a batch in: its events come after those before, with no gap; what came before may come again.
fn take_in(got: &mut BTreeMap<i64, String>, batch: &Value) {
    let mut last = None;
    for event in batch.as_array().expect("a batch") {
        let number = event["data"]["number"].as_i64().expect("a number");
        let before = last.or_else(|| got.keys().next_back().copied());
        if let Some(before) = before {
            assert!(number <= before + 1, "{number} comes after {before}");
            assert!(last.is_none() || number == before + 1);
        }
        last = Some(number);
        let id = event["id"].as_str().expect("an id").to_owned();
        let known = got.insert(number, id.clone());
        assert!(known.is_none_or(|known| known == id));
    }
}

async fn the_receiver_has_the_log(backends: Backends) {
    let (mut registry, mut receiver) = (registry(backends).await, Receiver::start().await);
    let body = json!({ "name": "logs", "type": "https", "url": format!("{}/in", receiver.origin),
                       "secret": "Bearer of-the-receiver", "skip_cert_verify": true });
    let path = create(&registry, &body).await;
    let first = receiver.next().await;
    assert_eq!(first.path, "/in");
    assert_eq!(
        (first.header("content-type"), first.header("authorization")),
        (
            "application/cloudevents-batch+json",
            "Bearer of-the-receiver"
        )
    );
    let mut got = BTreeMap::new();
    take_in(&mut got, &first.json());
    assert_eq!(first.json()[0]["type"], "roadstead.sink.created");
    let begins = *got.keys().next().expect("one");
    registry.push_image("library/app", "v1").await;
    // While the receiver is away, the program is killed twice.
    receiver.answer_with(&[503]);
    for tag in ["v2", "v3"] {
        registry.push_image("library/app", tag).await;
        registry = registry.kill().start().await;
        registry
            .push_image("library/app", &format!("{tag}-after"))
            .await;
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        let log = log_from(&registry, begins);
        if log.as_ref() == Some(&got) {
            break;
        }
        assert!(Instant::now() < deadline, "{got:?} is not {log:?}");
        while let Some(batch) = receiver.waiting() {
            take_in(&mut got, &batch.json());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let sink = caught_up(&registry, &path).await;
    assert_eq!(
        (&sink["paused"], &sink["missed_events"]),
        (&json!(false), &json!(0))
    );
    registry.v1_delete(&path).await.assert_no_content();
    registry.v1_get(&path).await.assert_status(404);
}

#[tokio::test]
async fn a_receivers_events_are_the_logs_though_it_fails_and_the_program_is_killed() {
    the_receiver_has_the_log(Backends::EMBEDDED).await;
}

#[tokio::test]
async fn a_receivers_events_are_the_logs_though_it_fails_and_the_program_is_killed_on_postgresql() {
    the_receiver_has_the_log(Backends::PRODUCTION).await;
}

#[tokio::test]
async fn cadf_has_its_own_form_and_a_trial_says_what_came_of_it() {
    let (registry, mut receiver) = (registry(Backends::EMBEDDED).await, Receiver::start().await);
    let body = json!({ "name": "cadf", "type": "https", "url": receiver.origin, "format": "cadf", "skip_cert_verify": true });
    let path = create(&registry, &body).await;
    let event = receiver.next().await.json()["events"][0].clone();
    assert_eq!(
        event["typeURI"],
        "http://schemas.dmtf.org/cloud/audit/1.0/event"
    );
    assert_eq!(
        (
            &event["name"],
            &event["action"],
            &event["outcome"],
            &event["target"]["name"]
        ),
        (
            &json!("sink.created"),
            &json!("create"),
            &json!("success"),
            &json!("cadf")
        )
    );
    caught_up(&registry, &path).await;
    receiver.answer_with(&[200, 200, 500]);
    let test = format!("{path}/test");
    let tried = registry
        .v1(http::Method::POST, &test)
        .await
        .assert_status(200);
    assert_eq!(tried.json(), json!({ "delivered": true, "error": null }));
    // The trial, and the event that says so.
    assert_eq!(
        receiver.next().await.json()["events"][0]["name"],
        "sink.trial"
    );
    assert_eq!(
        receiver.next().await.json()["events"][0]["name"],
        "sink.tested"
    );
    let tried = registry
        .v1(http::Method::POST, &test)
        .await
        .assert_status(200);
    let error = format!("{} answered with status 500", receiver.origin);
    assert_eq!(tried.json(), json!({ "delivered": false, "error": error }));
}

#[tokio::test]
async fn a_collector_gets_the_log_by_otlp() {
    let (registry, mut receiver) = (registry(Backends::EMBEDDED).await, Receiver::start().await);
    let body = json!({ "name": "collector", "type": "otlp", "url": format!("{}/v1/logs", receiver.origin),
                       "secret": "Bearer key", "skip_cert_verify": true });
    create(&registry, &body).await;
    let received = receiver.next().await;
    assert_eq!(received.path, "/v1/logs");
    assert_eq!(received.header("content-type"), "application/x-protobuf");
    assert_eq!(received.header("authorization"), "Bearer key");
    for text in [
        "\n\u{c}service.name\u{12}\u{b}\n\troadstead",
        "roadstead.audit",
        "sink.created",
        "\"sink\":\"collector\"",
    ] {
        assert!(
            received.body.contains(text),
            "{text:?} in {:?}",
            received.body
        );
    }
}

#[tokio::test]
async fn a_sink_that_never_answers_holds_nothing_up() {
    let registry = registry(Backends::EMBEDDED).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("https://{}/", silent.local_addr().expect("an address"));
    let path = create(
        &registry,
        &json!({ "name": "silent", "type": "https", "url": url }),
    )
    .await;
    // It is being spoken to, and says nothing.
    let (_connection, _) = silent.accept().await.expect("the registry comes");
    let mut behind = 0;
    for tag in ["v1", "v2", "v3"] {
        registry.push_image("library/app", tag).await;
        while log_from(&registry, 0).is_none() {
            tokio::task::yield_now().await;
        }
        let sink = registry.v1_get(&path).await.assert_status(200).json();
        let lag = sink["lag_events"].as_i64().expect("a number");
        assert!(lag > behind, "{sink}");
        assert_eq!(sink["sent_events"], 0);
        behind = lag;
    }
    let disabled = json!({ "name": "silent", "type": "https", "enabled": false });
    let sink = registry
        .v1_put(&path, &disabled)
        .await
        .assert_status(200)
        .json();
    assert_eq!(
        (&sink["enabled"], &sink["lag_events"]),
        (&json!(false), &json!(0))
    );
    registry.v1_delete(&path).await.assert_no_content();
}

async fn an_account_reads_its_own_metrics(backends: Backends) {
    let registry = registry(backends).await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}/", silent.local_addr().expect("an address"));
    create(
        &registry,
        &json!({ "name": "a \"sink\"", "type": "https", "url": url }),
    )
    .await;
    registry.push_image("library/app", "v1").await;
    let limit = json!({ "storage_bytes": 123_456_789 });
    let set = registry.v1_put("/accounts/default/limits", &limit).await;
    set.assert_no_content();
    // What is sealed has asked for the sink's job.
    while log_from(&registry, 0).is_none() {
        tokio::task::yield_now().await;
    }
    let read = registry
        .v1_get("/accounts/default/metrics")
        .await
        .assert_status(200);
    assert_eq!(
        read.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = read.text();
    for line in [
        "# TYPE ibm_containerregistry_storage gauge\n",
        "ibm_containerregistry_storage_quota 123456789\n",
        "ibm_containerregistry_pull_traffic 0\n",
        "roadstead_account_sink_paused{sink=\"a \\\"sink\\\"\"} 0\n",
        "roadstead_account_sink_lag_events{sink=",
        "roadstead_account_jobs{state=",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let nobody = registry
        .anonymous()
        .v1_get("/accounts/default/metrics")
        .await;
    nobody.assert_status(401);
}

#[tokio::test]
async fn an_accounts_metrics_are_for_its_own_monitoring() {
    an_account_reads_its_own_metrics(Backends::EMBEDDED).await;
}

#[tokio::test]
async fn an_accounts_metrics_are_for_its_own_monitoring_on_postgresql() {
    an_account_reads_its_own_metrics(Backends::PRODUCTION).await;
}
