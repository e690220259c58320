//! Webhooks, as receivers see them and as people manage them.

mod chaos;
mod harbor;
pub(crate) mod receiver;
mod replay;
mod secrets;
mod types;

use http::Method;
use receiver::Receiver;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;
use crate::registry::client::Client;

const WEBHOOKS: &str = "/accounts/default/namespaces/library/webhooks";
const AUTH: &str = "Bearer a-token-of-the-receiver";
const SECRET: &str = "what only both of us know";

async fn registry(backends: Backends) -> TestRegistry {
    TestRegistry::builder()
        .on(backends)
        .setting("OUTBOUND__ALLOW", r#"["127.0.0.1"]"#)
        .start()
        .await
}

fn webhook(name: &str, url: &str, types: &[&str]) -> Value {
    json!({ "name": name, "url": url, "event_types": types, "skip_cert_verify": true })
}

/// Makes a webhook; answers with its path.
async fn create(client: &Client, body: &Value) -> String {
    let made = client.v1_post(WEBHOOKS, body).await.assert_status(201);
    let location = made.location();
    location.strip_prefix("/api/v1").expect("a path").to_owned()
}

/// A delivery, once it has ended.
async fn ended(client: &Client, path: &str) -> Value {
    loop {
        let answer = client.v1_get(path).await;
        // What was just done is not sealed yet.
        if answer.status() != 404 {
            let delivery = answer.assert_status(200).json();
            if delivery["state"] != "waiting" {
                return delivery;
            }
        }
        tokio::task::yield_now().await;
    }
}

async fn kinds(client: &Client) -> Vec<String> {
    let path = "/accounts/default/audit-events?page_size=200";
    let events = client.v1_get(path).await.assert_status(200);
    let kinds = events.items("kind").into_iter();
    kinds
        .map(|kind| kind.as_str().expect("a kind").to_owned())
        .collect()
}

/// The five lines of the page about webhooks: whether they take a delivery.
fn script_takes(received: &receiver::Received, secret: &str) -> bool {
    let page = include_str!("../../../../../docs/how-to/webhooks.md");
    let script = page.split("```python\n").nth(1).expect("a script");
    let script = script.split("```").next().expect("its end");
    assert_eq!(script.lines().count(), 5, "{script}");
    let mut python = Command::new("python3")
        .args(["-c", script, secret])
        .arg(received.header("x-roadstead-timestamp"))
        .arg(received.header("x-roadstead-signature"))
        .stdin(Stdio::piped())
        .spawn()
        .expect("Python is there");
    let mut input = python.stdin.take().expect("it reads");
    input.write_all(received.body.as_bytes()).expect("it reads");
    drop(input);
    python.wait().expect("it ends").success()
}

async fn pushes_are_told(backends: Backends) {
    let (registry, mut receiver) = (registry(backends).await, Receiver::start().await);
    registry.push_image("library/before", "v1").await;
    let mut body = webhook(
        "ci",
        &format!("{}/hook", receiver.origin),
        &["PUSH_ARTIFACT"],
    );
    body["auth_header"] = json!(AUTH);
    body["secret"] = json!(SECRET);
    let path = create(&registry, &body).await;
    let mut digests = Vec::new();
    for tag in ["v1", "v2", "v3"] {
        digests.push(registry.push_image("library/app", tag).await);
    }
    for (tag, digest) in ["v1", "v2", "v3"].iter().zip(&digests) {
        let received = receiver.next().await;
        let told = received.json();
        assert_eq!(received.path, "/hook");
        assert_eq!(received.header("authorization"), AUTH);
        assert_eq!(received.header("content-type"), "application/json");
        assert_eq!(received.header("x-roadstead-event"), "PUSH_ARTIFACT");
        assert!(script_takes(&received, SECRET));
        assert!(!script_takes(&received, "another"));
        let mut forged = received.clone();
        forged.body.push(' ');
        assert!(!script_takes(&forged, SECRET));
        assert_eq!(told["type"], "PUSH_ARTIFACT");
        let resource = &told["event_data"]["resources"][0];
        assert_eq!(
            (&resource["tag"], &resource["digest"]),
            (&json!(tag), &json!(digest))
        );
        let repository = &told["event_data"]["repository"];
        assert_eq!(repository["repo_full_name"], "library/app");
    }
    let delivery = ended(&registry, &format!("{path}/deliveries/1")).await;
    assert_eq!(delivery["state"], "delivered");
    assert_eq!(delivery["response_status"], 200);
    let answer = delivery["response"].as_str().expect("an answer");
    assert!(
        answer.len() <= 4096 && answer.starts_with("you sent ***\n"),
        "{answer}"
    );
    let listed = registry.v1_get(&format!("{path}/deliveries")).await;
    assert_eq!(listed.items("id"), [3, 2, 1]);

    // What was sent can be sent again, and a trial is sent at once.
    let again = registry.v1(Method::POST, &format!("{path}/deliveries/1/redelivery"));
    let again = again.await.assert_status(201);
    let received = receiver.next().await;
    assert_eq!(received.json()["event_data"]["resources"][0]["tag"], "v1");
    assert_eq!(again.json()["event_id"], delivery["event_id"]);
    let redelivered = again.location();
    let redelivered = redelivered.strip_prefix("/api/v1").expect("a path");
    assert_eq!(ended(&registry, redelivered).await["of"], 1);
    let trial = registry.v1(Method::POST, &format!("{path}/test")).await;
    assert_eq!(trial.assert_status(201).json()["cause"], "trial");
    assert_eq!(receiver.next().await.json()["type"], "TEST");

    who_is_disabled_is_told_nothing(&registry, &mut receiver, (&path, body)).await;
}

/// Neither is who was deleted.
async fn who_is_disabled_is_told_nothing(
    registry: &TestRegistry,
    receiver: &mut Receiver,
    (path, mut body): (&str, Value),
) {
    body["enabled"] = json!(false);
    registry.v1_put(path, &body).await.assert_status(200);
    registry.push_image("library/app", "v4").await;
    body["enabled"] = json!(true);
    body["tags"] = json!("v5*");
    registry.v1_put(path, &body).await.assert_status(200);
    registry.push_image("library/app", "v6").await;
    registry.push_image("library/app", "v5.1").await;
    let told = receiver.next().await.json();
    assert_eq!(told["event_data"]["resources"][0]["tag"], "v5.1");
    registry.v1_delete(path).await.assert_no_content();
    registry.v1_get(path).await.assert_status(404);
    assert!(receiver.is_quiet());
    for kind in ["created", "updated", "deleted", "tested", "redelivered"] {
        let wanted = format!("webhook.{kind}");
        // Events are seen when they are sealed.
        while !kinds(registry).await.contains(&wanted) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn pushes_are_told_in_order_and_signed() {
    pushes_are_told(Backends::EMBEDDED).await;
}

#[tokio::test]
async fn pushes_are_told_in_order_and_signed_on_postgresql() {
    pushes_are_told(Backends::PRODUCTION).await;
}

#[tokio::test]
async fn a_receiver_that_fails_gets_it_later_and_what_it_never_takes_is_given_up() {
    let (registry, mut receiver) = (registry(Backends::EMBEDDED).await, Receiver::start().await);
    let body = webhook("ci", &receiver.origin, &["PUSH_ARTIFACT"]);
    let path = create(&registry, &body).await;
    receiver.answer_with(&[503, 200, 422, 200]);
    registry.push_image("library/app", "v1").await;
    let first = receiver.next().await;
    let second = receiver.next().await;
    assert_eq!(
        first.header("x-roadstead-delivery"),
        second.header("x-roadstead-delivery")
    );
    let delivery = ended(&registry, &format!("{path}/deliveries/1")).await;
    assert_eq!(
        (&delivery["state"], &delivery["attempts"]),
        (&json!("delivered"), &json!(2))
    );
    registry.push_image("library/app", "v2").await;
    registry.push_image("library/app", "v3").await;
    let refused = ended(&registry, &format!("{path}/deliveries/2")).await;
    assert_eq!(
        (&refused["state"], &refused["response_status"]),
        (&json!("failed"), &json!(422))
    );
    let last = ended(&registry, &format!("{path}/deliveries/3")).await;
    assert_eq!(last["state"], "delivered");
}

#[tokio::test]
async fn cloud_events_and_messages_for_slack_have_their_own_form() {
    let (registry, mut receiver) = (registry(Backends::EMBEDDED).await, Receiver::start().await);
    let mut body = webhook("events", &receiver.origin, &["DELETE_ARTIFACT"]);
    body["format"] = json!("cloudevents");
    let path = create(&registry, &body).await;
    let digest = registry.push_image("library/app", "v1").await;
    let deleted = registry.delete(&format!("/v2/library/app/manifests/{digest}"));
    deleted.await.assert_status(202);
    let received = receiver.next().await;
    assert_eq!(
        received.header("content-type"),
        "application/cloudevents+json"
    );
    let told = received.json();
    assert_eq!(
        (&told["specversion"], &told["type"]),
        (&json!("1.0"), &json!("harbor.artifact.deleted"))
    );
    assert_eq!(told["id"], received.header("x-roadstead-event-id"));
    let delivery = ended(&registry, &format!("{path}/deliveries/1")).await;
    assert_eq!(told["id"], delivery["event_id"]);
    registry.v1_delete(&path).await.assert_no_content();

    let mut body = webhook("slack", &receiver.origin, &["PUSH_ARTIFACT"]);
    body["type"] = json!("slack");
    create(&registry, &body).await;
    registry.push_image("library/app", "v2").await;
    let told = receiver.next().await.json();
    let text = told["blocks"][1]["text"]["text"].as_str();
    assert_eq!(text, Some("*event_type:* PUSH_ARTIFACT"));
}

#[tokio::test]
async fn a_push_that_finds_no_room_is_told_once_a_minute() {
    let (registry, mut receiver) = (registry(Backends::EMBEDDED).await, Receiver::start().await);
    let types = ["QUOTA_EXCEED"];
    create(&registry, &webhook("full", &receiver.origin, &types)).await;
    registry.push_image("library/app", "v1").await;
    let limit = json!({ "storage_bytes": 1 });
    registry
        .v1_put("/accounts/default/limits", &limit)
        .await
        .assert_no_content();
    for _ in 0..2 {
        let upload = registry.post("/v2/library/app/blobs/uploads/").await;
        upload.assert_status(403);
    }
    let told = receiver.next().await.json();
    assert_eq!(told["type"], "QUOTA_EXCEED");
    let exceeded = kinds(&registry).await.into_iter();
    assert_eq!(exceeded.filter(|kind| kind == "quota.exceeded").count(), 1);
}

#[tokio::test]
async fn a_namespace_of_the_same_name_has_nothing_of_the_one_before() {
    let (registry, mut receiver) = (registry(Backends::EMBEDDED).await, Receiver::start().await);
    registry.admin(&["namespace", "create", "team"]);
    let path = WEBHOOKS.replace("library", "team");
    let body = webhook("ci", &receiver.origin, &["PUSH_ARTIFACT"]);
    let made = registry.v1_post(&path, &body).await.assert_status(201);
    let location = made.location();
    registry.admin(&["namespace", "delete", "team"]);
    registry.admin(&["namespace", "create", "team"]);
    let listed = registry.v1_get(&path).await.assert_status(200);
    assert_eq!(listed.json()["total"], 0);
    let gone = location.strip_prefix("/api/v1").expect("a path");
    registry.v1_get(gone).await.assert_status(404);
    registry.push_image("team/app", "v1").await;
    registry.v1_post(WEBHOOKS, &body).await.assert_status(201);
    registry.push_image("library/app", "v1").await;
    let told = receiver.next().await.json();
    assert_eq!(told["event_data"]["repository"]["namespace"], "library");
    assert!(receiver.is_quiet());
}

async fn nothing_is_lost(backends: Backends) {
    let (registry, mut receiver) = (registry(backends).await, Receiver::start().await);
    create(
        &registry,
        &webhook("ci", &receiver.origin, &["PUSH_ARTIFACT"]),
    )
    .await;
    let mut missing = BTreeSet::new();
    for tag in ["v1", "v2", "v3"] {
        missing.insert(registry.push_image("library/app", tag).await);
    }
    // One at least was sent, and nobody knows how far the others are.
    let first = receiver.next().await.json();
    let registry = registry.kill().start().await;
    missing.insert(registry.push_image("library/app", "v4").await);
    let mut told = first;
    loop {
        let digest = &told["event_data"]["resources"][0]["digest"];
        missing.remove(digest.as_str().expect("a digest"));
        if missing.is_empty() {
            break;
        }
        told = receiver.next().await.json();
    }
}

#[tokio::test]
async fn nothing_is_lost_though_the_program_is_killed() {
    nothing_is_lost(Backends::EMBEDDED).await;
}

#[tokio::test]
async fn nothing_is_lost_though_the_program_is_killed_on_postgresql() {
    nothing_is_lost(Backends::PRODUCTION).await;
}
