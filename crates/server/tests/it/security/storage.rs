//! Content that changed where it lies.

use std::path::{Path, PathBuf};

use super::lone_manifest;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;
use crate::registry::content::noise;

/// T68: a manifest whose stored bytes changed is not served under the digest that it no longer has, by tag or digest.
#[tokio::test]
async fn t68_a_changed_manifest_is_not_served() {
    let registry = TestRegistry::start().await;
    let digest = registry
        .push_manifest("library/app", "v1", &lone_manifest("intact"))
        .await;
    registry
        .push_manifest("library/app", "v2", &lone_manifest("another"))
        .await;
    let setup = registry.stop();
    let changed = setup.sql(
        "UPDATE manifests SET content = replace(content, 'intact', 'jntact') RETURNING digest",
    );
    assert_eq!(changed.len(), 2);
    let registry = setup.start().await;
    for reference in ["v1", &digest] {
        let path = format!("/v2/library/app/manifests/{reference}");
        let answer = registry.get(&path).await.assert_error(500, "UNKNOWN");
        assert!(!answer.text().contains("jntact"));
        registry.head(&path).await.assert_status(500);
    }
    registry
        .get("/v2/library/app/manifests/v2")
        .await
        .assert_status(200);
    registry.log_line_with("a stored manifest is damaged");
}

/// The file of the only blob of that size.
fn blob_file(directory: &Path, length: u64) -> Option<PathBuf> {
    std::fs::read_dir(directory)
        .ok()?
        .flatten()
        .find_map(|entry| {
            let metadata = entry.metadata().ok()?;
            if metadata.is_dir() {
                return blob_file(&entry.path(), length);
            }
            (metadata.len() == length).then(|| entry.path())
        })
}

/// T67: a blob whose file was cut short or is gone is never sent as if it were whole.
#[tokio::test]
async fn t67_a_cut_blob_is_not_sent_as_a_whole_one() {
    // On files whatever the run is on: in a bucket nobody but the store reaches the bytes.
    let registry = TestRegistry::builder().on(Backends::EMBEDDED).start().await;
    let content = noise(67, 1_000_003);
    let digest = registry.push_blob("library/app", content.clone()).await;
    let path = format!("/v2/library/app/blobs/{digest}");
    registry.get(&path).await.assert_body(&content);
    let file = blob_file(&registry.data_dir(), 1_000_003).expect("its file");
    let opened = std::fs::OpenOptions::new().write(true).open(&file);
    opened
        .and_then(|file| file.set_len(500_000))
        .expect("it is cut");
    for range in ["bytes=0-", "bytes=499999-", "bytes=0-0,999999-"] {
        let answer = registry.get(&path).header("range", range).await;
        answer.assert_status(500);
    }
    registry.get(&path).await.assert_error(500, "UNKNOWN");
    std::fs::remove_file(&file).expect("it goes");
    registry.get(&path).await.assert_error(500, "UNKNOWN");
    // Pushed again, it is whole again, or its push says that it is not.
    registry.get("/v2/").await.assert_status(200);
}
