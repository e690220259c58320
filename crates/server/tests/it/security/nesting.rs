//! Indexes that name each other. How deep they go is tested in `services`, where a push takes a millisecond.

use serde_json::json;

use super::lone_manifest;
use crate::registry::TestRegistry;
use crate::registry::content::{OCI_INDEX, OCI_MANIFEST, descriptor, index, sha256};

/// T36: an index with 100,000 entries is refused before it is read.
#[tokio::test]
async fn t36_an_index_of_a_hundred_thousand_is_refused() {
    let registry = TestRegistry::start().await;
    let entries: Vec<_> = (0..100_000)
        .map(|number: u32| descriptor(OCI_MANIFEST, number.to_string()))
        .collect();
    let put = registry
        .put("/v2/library/wide/manifests/widest")
        .content_type(OCI_INDEX);
    put.body(index(&entries).to_string())
        .await
        .assert_error(413, "SIZE_INVALID");
    let missing = registry.get("/v2/library/wide/manifests/widest");
    missing.await.assert_status(404);
}

/// T36: where an index may name what is not there, it still cannot be made to name itself, at once or by way of another:
/// that takes bytes of which the digest is known before they are.
#[tokio::test]
async fn t36_no_index_is_above_itself() {
    const PATH: &str = "/v2/library/round/manifests";
    let registry = TestRegistry::builder()
        .setting("REGISTRY__ALLOW_SPARSE_INDEXES", true)
        .start()
        .await;
    let innocent = lone_manifest("not there yet");
    let promised = sha256(innocent.to_string());
    let above = index(&[descriptor(OCI_INDEX, innocent.to_string())]);
    let above_digest = registry
        .push_manifest("library/round", "above", &above)
        .await;

    let below = index(&[descriptor(OCI_INDEX, above.to_string())]);
    let itself = index(&[json!({ "mediaType": OCI_INDEX, "digest": promised, "size": 100 })]);
    for closing in [below, itself] {
        let put = registry
            .put(&format!("{PATH}/{promised}"))
            .content_type(OCI_INDEX);
        put.body(closing.to_string())
            .await
            .assert_error(400, "DIGEST_INVALID");
    }
    registry
        .push_manifest("library/round", &promised, &innocent)
        .await;
    for digest in [&promised, &above_digest] {
        let deleted = registry.delete(&format!("{PATH}/{digest}")).await;
        deleted.assert_status(202);
        registry
            .get(&format!("{PATH}/{digest}"))
            .await
            .assert_status(404);
    }
}
