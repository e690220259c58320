//! What is deleted, what stays, and what is written down about it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::lone_manifest;
use crate::registry::client::Client;
use crate::registry::content::{
    OCI_CONFIG, OCI_INDEX, OCI_LAYER, descriptor, image_manifest, index, sha256,
};
use crate::registry::{PATIENCE, TestRegistry};

const CONFIG: &str = "{}";
const LAYER: &str = "a layer that two repositories have";

/// A registry that keeps nothing longer than it must.
async fn forgetful() -> TestRegistry {
    TestRegistry::builder()
        // Long enough to push an image on a machine that is busy.
        .setting("GARBAGE_COLLECTION__GRACE_PERIOD_SECS", 5)
        .setting("GARBAGE_COLLECTION__TRASH_PERIOD_SECS", 0)
        .setting("GARBAGE_COLLECTION__RECOVERY_WINDOW_SECS", 0)
        .start()
        .await
}

async fn push_shared(client: &Client, repository: &str) -> String {
    client.push_blob(repository, CONFIG).await;
    client.push_blob(repository, LAYER).await;
    let manifest = image_manifest(
        &descriptor(OCI_CONFIG, CONFIG),
        &[descriptor(OCI_LAYER, LAYER)],
    );
    client.push_manifest(repository, "latest", &manifest).await
}

async fn assert_is_whole(client: &Client, repository: &str, digest: &str) {
    let manifest = client.get(&format!("/v2/{repository}/manifests/{digest}"));
    manifest.await.assert_status(200);
    for bytes in [CONFIG, LAYER] {
        let target = format!("/v2/{repository}/blobs/{}", sha256(bytes));
        let blob = client.get(&target).await.assert_status(200);
        blob.assert_body(bytes.as_bytes());
    }
}

/// Collects until the database has so many blobs. The grace period must run out for that.
async fn collect_until(registry: &TestRegistry, blobs: usize) {
    let deadline = Instant::now() + PATIENCE;
    while registry.sql("SELECT digest FROM blobs").len() != blobs {
        assert!(Instant::now() < deadline, "the collector leaves blobs");
        assert_eq!(registry.run(&["gc", "--json"]).code, Some(0));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// T49: what two repositories share stays whole in one when it is deleted from the other, blobs and manifest, also after
/// the collector was there; and it goes with the last that has it.
#[tokio::test(flavor = "multi_thread")]
async fn t49_what_is_shared_goes_with_the_last() {
    let registry = forgetful().await;
    let image = push_shared(&registry, "library/a").await;
    assert_eq!(push_shared(&registry, "library/b").await, image);
    // A third blob, that only the first has: once it is gone, the collector was there.
    registry.push_blob("library/a", "a blob of its own").await;
    let manifest = registry.delete(&format!("/v2/library/a/manifests/{image}"));
    manifest.await.assert_status(202);
    let layer = format!("/v2/library/a/blobs/{}", sha256(LAYER));
    registry.delete(&layer).await.assert_status(202);
    registry.get(&layer).await.assert_status(404);
    collect_until(&registry, 2).await;
    assert_is_whole(&registry, "library/b", &image).await;
    let manifest = registry.delete(&format!("/v2/library/b/manifests/{image}"));
    manifest.await.assert_status(202);
    collect_until(&registry, 0).await;
}

/// T49: an index goes alone. What it named stays, with a tag or without; and what it names can be deleted while it is there.
#[tokio::test]
async fn t49_an_index_and_its_manifests_are_deleted_one_by_one() {
    const PATH: &str = "/v2/library/app/manifests";
    let registry = TestRegistry::start().await;
    let tagged = lone_manifest("tagged");
    let untagged = lone_manifest("untagged");
    let tagged_digest = registry
        .push_manifest("library/app", "child", &tagged)
        .await;
    let untagged_digest = sha256(untagged.to_string());
    registry
        .push_manifest("library/app", &untagged_digest, &untagged)
        .await;
    let entry = |manifest: &Value| descriptor(OCI_INDEX, manifest.to_string());
    let parent = index(&[entry(&tagged), entry(&untagged)]);
    let parent_digest = registry
        .push_manifest("library/app", "parent", &parent)
        .await;

    let deleted = registry.delete(&format!("{PATH}/{parent_digest}"));
    deleted.await.assert_status(202);
    registry
        .get(&format!("{PATH}/parent"))
        .await
        .assert_status(404);
    for reference in ["child", &tagged_digest, &untagged_digest] {
        let child = registry.get(&format!("{PATH}/{reference}"));
        child.await.assert_status(200);
    }
    let tags = registry.get("/v2/library/app/tags/list").await.json();
    assert_eq!(tags["tags"], json!(["child"]));

    registry
        .push_manifest("library/app", "parent", &parent)
        .await;
    let deleted = registry.delete(&format!("{PATH}/{tagged_digest}"));
    deleted.await.assert_status(202);
    for reference in ["child", &tagged_digest] {
        let child = registry.get(&format!("{PATH}/{reference}"));
        child.await.assert_error(404, "MANIFEST_UNKNOWN");
    }
    for reference in ["parent", &untagged_digest] {
        let left = registry.get(&format!("{PATH}/{reference}"));
        left.await.assert_status(200);
    }
}

/// T48: a collection that an operator asked for is in the log of events once, with all that it did, however long it took.
#[tokio::test(flavor = "multi_thread")]
async fn t48_a_collection_by_hand_is_one_event() {
    // More than one request of the command takes; and at the end of the queue a blob that goes.
    const LOOKS: usize = 12_000;
    let registry = TestRegistry::start().await;
    registry.push_blob("library/app", LAYER).await;
    let setup = registry.stop();
    // Nobody but the command shall collect it, so its time comes only now.
    setup.sql("DELETE FROM repository_blobs RETURNING digest");
    setup.sql(&format!(
        "INSERT INTO review_queue (storage, digest, due_at_ms) VALUES ('shared', '{}', 1) RETURNING digest",
        sha256(LAYER)
    ));
    let zeros = "0".repeat(64);
    let queued = setup.sql(&format!(
        "INSERT INTO review_queue (storage, digest, due_at_ms) \
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {LOOKS}) \
         SELECT 'shared', 'sha256:' || substr('{zeros}' || CAST(n AS TEXT), length(CAST(n AS TEXT)) + 1), 0 \
         FROM numbers RETURNING digest"
    ));
    assert_eq!(queued.len(), LOOKS);
    let ended = setup.run(&["gc", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let done = ended.json();
    assert!(done["reviewed"].as_u64() >= Some(LOOKS as u64), "{done}");
    let events = setup.sql("SELECT payload FROM events WHERE kind = 'garbage.collected'");
    assert_eq!(events.len(), 1, "{events:?}");
    let event: Value = serde_json::from_str(&events[0][0]).expect("it is JSON");
    assert_eq!(event["blobs"], done["collected"]);
    assert_eq!(event["bytes"], done["collected_bytes"]);
    assert_eq!(event["bytes"], LAYER.len(), "{event}");
    let runs =
        setup.sql("SELECT requested_by, ended_at_ms FROM collections WHERE reviewed >= 12000");
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_ne!(runs[0][1], "", "it has ended");
}
