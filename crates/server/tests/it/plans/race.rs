//! Many pushes that race for the last bytes, of an account and of a namespace: what is used is never more than what may be,
//! and in the end it is the sum of what is there.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{create_plan, give_plan};
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;
use crate::registry::client::Client;
use crate::registry::content::{OCI_CONFIG, OCI_LAYER, descriptor, image_manifest, noise};
use crate::replicas::Replicas;

const PUSHES: u64 = 200;
const BYTES: usize = 1000;
/// So many images fit, and a part of one more.
const FITTING: u64 = 60;
const LIMIT: u64 = FITTING * BYTES as u64 + BYTES as u64 / 2;

/// An image of one layer that no other has; its configuration is that layer.
fn image(number: u64) -> (bytes::Bytes, Value) {
    let layer = noise(number + 1, BYTES);
    let config = descriptor(OCI_CONFIG, &layer);
    let manifest = image_manifest(&config, &[descriptor(OCI_LAYER, &layer)]);
    (layer, manifest)
}

/// Brings all blobs, then sends all manifests at once. Says how many were taken.
async fn race(client: &Client, namespace: &str) -> u64 {
    let repository = |number: u64| format!("{namespace}/app{}", number % 7);
    // By a token: passwords that so many show at once wait for each other.
    let scopes: Vec<String> = (0..7)
        .map(|number| format!("repository:{}:pull,push", repository(number)))
        .collect();
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let client = &client.with_token(&scopes).await;
    for number in 0..PUSHES {
        client.push_blob(&repository(number), image(number).0).await;
    }
    let mut racing = JoinSet::new();
    for number in 0..PUSHES {
        let (client, (_, manifest)) = (client.clone(), image(number));
        let path = format!("/v2/{}/manifests/v{number}", repository(number));
        racing.spawn(async move {
            let pushed = client
                .put(&path)
                .content_type(manifest["mediaType"].as_str().expect("a type"))
                .body(manifest.to_string())
                .await;
            match pushed.status() {
                201 => true,
                403 => {
                    pushed.assert_error(403, "DENIED");
                    false
                }
                status => panic!("{status}: {}", pushed.text()),
            }
        });
    }
    let taken = racing.join_all().await;
    taken.into_iter().map(u64::from).sum()
}

/// What the account uses, by its running total.
async fn used_by_account(client: &Client) -> Value {
    let usage = client.v1_get("/accounts/default/usage").await;
    usage.assert_status(200).json()["now"]["used_bytes"].clone()
}

async fn used_by_namespace(client: &Client, number: &Value) -> Value {
    let quota = client.api_get(&format!("/quotas/{number}")).await;
    quota.assert_status(200).json()["used"]["storage"].clone()
}

async fn set_limit(client: &Client, number: &Value, storage: i64) {
    let body = json!({ "hard": { "storage": storage } });
    let set = client.api_put(&format!("/quotas/{number}"), &body).await;
    set.assert_status(200);
}

/// Deletes everything of a namespace that the race left.
async fn empty(client: &Client, namespace: &str) {
    for number in 0..7 {
        let path = format!("/projects/{namespace}/repositories/app{number}");
        client.api_delete(&path).await.assert_status(200);
    }
}

async fn nobody_gets_more_than_there_is(client: &Client) {
    create_plan(client, "tight", &json!({ "storage_bytes": LIMIT })).await;
    give_plan(client, "default", "tight").await;
    let body = json!({ "project_name": "race" });
    client.api_post("/projects", &body).await.assert_status(201);
    assert_eq!(race(client, "race").await, FITTING);
    assert_eq!(used_by_account(client).await, FITTING * BYTES as u64);
    empty(client, "race").await;
    assert_eq!(used_by_account(client).await, 0);

    create_plan(client, "wide", &json!({})).await;
    give_plan(client, "default", "wide").await;
    let body = json!({ "project_name": "small", "storage_limit": LIMIT });
    client.api_post("/projects", &body).await.assert_status(201);
    let project = client.api_get("/projects/small").await.json();
    let number = project["project_id"].clone();
    assert_eq!(race(client, "small").await, FITTING);
    assert_eq!(
        used_by_namespace(client, &number).await,
        FITTING * BYTES as u64
    );
    assert_eq!(used_by_account(client).await, FITTING * BYTES as u64);
    // A limit that comes and goes while pushes go on counts each of them once.
    set_limit(client, &number, -1).await;
    let pushing = race(client, "small");
    let changing = async {
        loop {
            set_limit(client, &number, -1).await;
            set_limit(client, &number, 10_000_000).await;
        }
    };
    let taken = tokio::select! {
        taken = pushing => taken,
        () = changing => unreachable!("it goes on for ever"),
    };
    assert_eq!(taken, PUSHES, "they are there, or fit");
    set_limit(client, &number, 9_000_000).await;
    assert_eq!(
        used_by_namespace(client, &number).await,
        PUSHES * BYTES as u64
    );
    empty(client, "small").await;
    assert_eq!(used_by_namespace(client, &number).await, 0);
    assert_eq!(used_by_account(client).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_pushes_race_for_the_last_bytes_of_one_registry() {
    let registry = TestRegistry::start().await;
    nobody_gets_more_than_there_is(&registry).await;
    let left =
        "SELECT (SELECT COUNT(*) FROM account_blobs) + (SELECT COUNT(*) FROM namespace_blobs)";
    assert_eq!(registry.sql(left), [["0"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_pushes_race_for_the_last_bytes_of_three_replicas() {
    let replicas = Replicas::start(3).await;
    nobody_gets_more_than_there_is(&replicas).await;
}

/// Nothing is set aside for an upload: what is given up, or expires, was never counted.
#[tokio::test]
async fn uploads_that_come_to_nothing_leave_the_space_to_others() {
    let registry = TestRegistry::start().await;
    create_plan(&registry, "tight", &json!({ "storage_bytes": BYTES })).await;
    give_plan(&registry, "default", "tight").await;
    for number in 0..3 {
        let location = registry.start_upload("library/app").await;
        registry
            .patch(&location)
            .content_type("application/octet-stream")
            .body(image(number).0)
            .await
            .assert_status(202);
        if number > 0 {
            registry.delete(&location).await.assert_status(204);
        }
    }
    let (layer, manifest) = image(9);
    registry.push_blob("library/app", layer).await;
    registry.push_manifest("library/app", "v9", &manifest).await;
    assert_eq!(used_by_account(&registry).await, BYTES);
    // Now that nothing fits any more, that is said before the first byte.
    let refused = registry.post("/v2/library/app/blobs/uploads/").await;
    refused.assert_error(403, "DENIED");
    registry
        .get("/v2/library/app/manifests/v9")
        .await
        .assert_status(200);
}
