//! Harbor's operations for webhooks, as its clients use them.

use serde_json::json;

use super::receiver::Receiver;
use super::registry;
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;

async fn policies(backends: Backends) {
    let (registry, mut receiver) = (registry(backends).await, Receiver::start().await);
    let registry: &TestRegistry = &registry;
    let target = json!({
        "type": "http", "address": format!("{}/hook", receiver.origin), "auth_header": "Bearer secret-of-harbor",
        "skip_cert_verify": true, "payload_format": "CloudEvents",
    });
    let body = json!({
        "name": "ci", "description": "builds", "enabled": true, "targets": [target],
        "event_types": ["PUSH_ARTIFACT", "DELETE_ARTIFACT"],
    });
    let all = "/projects/library/webhook/policies";
    let made = registry.api_post(all, &body).await.assert_status(201);
    let path = made.location();
    let path = path.strip_prefix("/api/v2.0").expect("a path").to_owned();
    let shown = registry.api_get(&path).await.assert_status(200).json();
    assert_eq!(shown["targets"][0]["address"], target["address"]);
    assert_eq!(shown["targets"][0]["payload_format"], "CloudEvents");
    assert!(shown["targets"][0]["auth_header"].is_null(), "{shown}");
    assert_eq!(
        shown["event_types"],
        json!(["PUSH_ARTIFACT", "DELETE_ARTIFACT"])
    );
    let number = shown["id"].as_i64().expect("a number");
    let listed = registry.api_get(all).await.assert_status(200);
    assert_eq!(listed.header("x-total-count"), "1");

    registry.push_image("library/app", "v1").await;
    let received = receiver.next().await;
    assert_eq!(received.header("authorization"), "Bearer secret-of-harbor");
    let told = received.json();
    let project = shown["project_id"].as_i64().expect("a number");
    let source = format!("/projects/{project}/webhook/policies/{number}");
    assert_eq!(
        (&told["source"], &told["type"]),
        (&json!(source), &json!("harbor.artifact.pushed"))
    );

    // What a client read it can write: the secret that it does not see stays.
    let mut changed = shown.clone();
    changed["description"] = json!("all builds");
    registry.api_put(&path, &changed).await.assert_status(200);
    registry.push_image("library/app", "v2").await;
    assert_eq!(
        receiver.next().await.header("authorization"),
        "Bearer secret-of-harbor"
    );

    what_it_did_is_seen(registry, &path, number).await;
    let types = registry.api_get("/projects/library/webhook/events").await;
    assert_eq!(
        types.assert_status(200).json()["notify_type"],
        json!(["http", "slack"])
    );
    registry.api_delete(&path).await.assert_status(200);
    registry
        .api_get(&path)
        .await
        .assert_harbor_error(404, "NOT_FOUND");
}

async fn what_it_did_is_seen(registry: &TestRegistry, path: &str, number: i64) {
    let executions = format!("{path}/executions?q=status%3DSuccess&sort=-creation_time");
    let execution = loop {
        let listed = registry.api_get(&executions).await.assert_status(200);
        if listed.header("x-total-count") == "2" {
            break listed.json()[0].clone();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        (
            &execution["vendor_type"],
            &execution["vendor_id"],
            &execution["status"]
        ),
        (&json!("WEBHOOK"), &json!(number), &json!("Success"))
    );
    let tasks = format!("{path}/executions/{}/tasks", execution["id"]);
    let task = registry.api_get(&tasks).await.assert_status(200).json()[0].clone();
    assert_eq!(task["execution_id"], execution["id"]);
    let log = registry
        .api_get(&format!("{tasks}/{}/log", task["id"]))
        .await;
    let log = log.assert_status(200).text();
    assert!(
        log.contains("answered with status 200") && !log.contains("secret-of-harbor"),
        "{log}"
    );
    registry
        .api_get(&format!("{tasks}/99/log"))
        .await
        .assert_status(404);
    registry
        .api_get(&format!("{path}/executions/99/tasks"))
        .await
        .assert_status(404);
    let jobs = format!("/projects/library/webhook/jobs?policy_id={number}");
    let jobs = registry.api_get(&jobs).await.assert_status(200).json();
    assert_eq!(
        (&jobs[0]["event_type"], &jobs[0]["notify_type"]),
        (&json!("PUSH_ARTIFACT"), &json!("http"))
    );
    let last = registry
        .api_get("/projects/library/webhook/lasttrigger")
        .await;
    let last = last.assert_status(200).json();
    assert_eq!(
        (&last[0]["policy_name"], &last[0]["event_type"]),
        (&json!("ci"), &json!("PUSH_ARTIFACT"))
    );
    assert!(last[0]["last_trigger_time"].is_string() && last[1]["last_trigger_time"].is_null());
}

#[tokio::test]
async fn policies_are_managed_and_what_they_did_is_seen() {
    policies(Backends::EMBEDDED).await;
}

#[tokio::test]
async fn policies_are_managed_and_what_they_did_is_seen_on_postgresql() {
    policies(Backends::PRODUCTION).await;
}

#[tokio::test]
async fn what_is_no_policy_is_refused_in_harbors_form() {
    let registry = registry(Backends::EMBEDDED).await;
    let all = "/projects/library/webhook/policies";
    let target = json!({ "type": "http", "address": "https://hooks.example.com/" });
    let fine = json!({ "name": "ci", "targets": [target], "event_types": ["PUSH_ARTIFACT"] });
    for (field, value) in [
        ("name", json!("")),
        ("targets", json!([])),
        ("targets", json!([target, target])),
        (
            "targets",
            json!([{ "type": "mail", "address": "https://hooks.example.com/" }]),
        ),
        (
            "targets",
            json!([{ "type": "http", "address": "https://10.0.0.1/" }]),
        ),
        (
            "targets",
            json!([{ "type": "http", "address": "https://hooks.example.com/", "payload_format": "XML" }]),
        ),
        (
            "targets",
            json!([{ "type": "slack", "address": "https://hooks.example.com/", "payload_format": "CloudEvents" }]),
        ),
        ("event_types", json!([])),
        ("event_types", json!(["SCANNING_COMPLETED"])),
    ] {
        let mut wrong = fine.clone();
        wrong[field] = value;
        let refused = registry.api_post(all, &wrong).await;
        refused.assert_harbor_error(400, "BAD_REQUEST");
    }
    registry.api_post(all, &fine).await.assert_status(201);
    let twice = registry.api_post(all, &fine).await;
    twice.assert_harbor_error(409, "CONFLICT");
}
