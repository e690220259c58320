//! What is uploaded and not used has a limit of its own.

use super::push_layer;
use crate::registry::TestRegistry;
use crate::registry::content::{OCI_CONFIG, descriptor, image_manifest, noise};

const LIMIT: usize = 1 << 20;

async fn registry() -> TestRegistry {
    let limit = LIMIT.to_string();
    let registry =
        TestRegistry::builder().setting("LIMITS__UNREFERENCED_BYTES_PER_ACCOUNT", &limit);
    registry.start().await
}

#[tokio::test]
async fn blobs_that_nothing_uses_fill_it_and_images_empty_it() {
    let registry = registry().await;
    let (one, other) = (noise(1, LIMIT - 10), noise(2, 100));
    registry.push_blob("library/app", one.clone()).await;
    // What begins below the limit is taken to its end.
    registry.push_blob("library/app", other.clone()).await;
    let refused = registry.post("/v2/library/more/blobs/uploads/").await;
    assert_eq!(
        refused.error_message(),
        format!(
            "{} bytes that the account has uploaded are in no image, and {LIMIT} may be; push the images that they are for, \
             cancel uploads, or wait until they are collected",
            LIMIT + 90
        )
    );
    refused.assert_error(403, "DENIED");
    // Another account has another limit.
    let boss = registry.create_account("other", "boss");
    registry.admin(&["--account", "other", "namespace", "create", "theirs"]);
    boss.push_blob("theirs/app", one.clone()).await;
    // An image that uses them makes room, and so does what is there already and used again.
    let manifest = image_manifest(
        &descriptor(OCI_CONFIG, &other),
        &[descriptor(OCI_CONFIG, &one)],
    );
    registry.push_manifest("library/app", "v1", &manifest).await;
    push_layer(&registry, "library/app", "v2", (3, 2000)).await;
    registry.push_blob("library/copy", one.clone()).await;
    registry.push_blob("library/copy", noise(4, 50)).await;
    let waiting = registry.sql("SELECT COUNT(*) FROM unreferenced_blobs");
    assert_eq!(waiting, [["2"]], "one of each account");
}

#[tokio::test]
async fn open_uploads_count_until_they_are_cancelled() {
    let registry = registry().await;
    let begun = registry.post("/v2/library/app/blobs/uploads/").await;
    let location = begun.assert_status(202).location();
    let patched = registry
        .patch(&location)
        .content_type("application/octet-stream")
        .body(noise(1, LIMIT))
        .await;
    let location = patched.assert_status(202).location();
    registry
        .post("/v2/library/app/blobs/uploads/")
        .await
        .assert_error(403, "DENIED");
    registry.delete(&location).await.assert_status(204);
    registry
        .post("/v2/library/app/blobs/uploads/")
        .await
        .assert_status(202);
}

#[tokio::test]
async fn what_is_deleted_is_free() {
    let registry = registry().await;
    let digest = registry.push_blob("library/app", noise(1, LIMIT)).await;
    let begin = async || registry.post("/v2/library/app/blobs/uploads/").await;
    begin().await.assert_error(403, "DENIED");
    registry
        .delete(&format!("/v2/library/app/blobs/{digest}"))
        .await
        .assert_status(202);
    begin().await.assert_status(202);
    let kept = registry.sql("SELECT COUNT(*) FROM unreferenced_blobs");
    assert_eq!(kept, [["0"]]);
}
