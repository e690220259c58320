//! Manifests that name manifests, very deep: whatever is done with one costs what it names, and not what lies below.

use super::pushes::{Client, Shape, content};
use super::registry::{GRACE_MS, Registry};
use crate::ManifestPush;
use bytes::Bytes;
use oci::{Digest, Reference};
use std::collections::BTreeSet;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const REPOSITORY: &str = "deep";
/// Pushed one after the other.
const LEVELS: usize = 10_000;
/// Of two indexes each, both naming both of the level below: as many paths as 2 to the power of this.
const DOUBLE_LEVELS: usize = 500;

async fn push(registry: &Registry, media_type: &str, content: Bytes) -> Digest {
    let digest = Digest::sha256_of(&content);
    let push = ManifestPush {
        reference: Reference::Digest(digest.clone()),
        tags: Vec::new(),
        content_type: media_type.to_owned(),
        content,
    };
    let access = registry.push(REPOSITORY).await;
    registry
        .services
        .manifests
        .put(&access, push)
        .await
        .unwrap();
    digest
}

async fn delete(registry: &Registry, digest: &Digest) {
    let access = registry.delete(REPOSITORY).await;
    let reference = Reference::Digest(digest.clone());
    let deleted = registry.services.manifests.delete(&access, &reference);
    deleted.await.unwrap();
}

/// An index over some, the `number`th of its level.
fn index(below: &[(Digest, usize)], number: usize) -> Bytes {
    let entries: Vec<_> = below
        .iter()
        .map(|(digest, size)| {
            serde_json::json!({ "mediaType": INDEX, "digest": digest.as_str(), "size": size })
        })
        .collect();
    let index = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": entries,
        "annotations": { "number": number.to_string() },
    });
    Bytes::from(index.to_string())
}

/// An image of one blob; answers with the blob, and with what an index says of the image.
async fn push_bottom(registry: &Registry) -> (Digest, (Digest, usize)) {
    let bytes = content(1, 500);
    let mut client = Client::without_snapshots();
    let pushed = client.push_blob(registry, REPOSITORY, Shape::Monolithic, &bytes);
    let blob = pushed.await.unwrap();
    let manifest = super::pushes::manifest(&[(blob.clone(), bytes.len())]);
    let size = manifest.len();
    (blob, (push(registry, IMAGE, manifest).await, size))
}

async fn assert_usage_is_right(registry: &Registry) {
    let maintenance = &registry.services.maintenance;
    let (running, counted) = maintenance.compare_usage(&registry.account).await.unwrap();
    assert_eq!(running, counted);
}

/// Nothing is left, and the collector has looked no more often than there were blobs and manifests with one.
async fn assert_collects_in_few_looks(registry: &Registry) {
    assert_usage_is_right(registry).await;
    registry.expire_everything().await;
    registry.clock.advance(GRACE_MS + 1);
    let maintenance = &registry.services.maintenance;
    let run = maintenance.run_collection(None, None, 100).await.unwrap();
    assert!(run.is_done && run.counts.collected == 1, "{run:?}");
    assert!(run.counts.reviewed <= 4, "{run:?}");
    registry.collect_everything().await;
    registry.assert_holds_exactly(&BTreeSet::new()).await;
}

#[tokio::test]
async fn ten_thousand_indexes_above_each_other_are_ten_thousand_pushes() {
    let registry = Registry::start_with_trash(0).await;
    let (blob, bottom) = push_bottom(&registry).await;
    let mut levels = vec![bottom];
    for level in 0..LEVELS {
        let index = index(&levels[level..], level);
        let size = index.len();
        levels.push((push(&registry, INDEX, index).await, size));
    }
    assert_usage_is_right(&registry).await;
    // Not held up by what is above, and nothing else goes.
    delete(&registry, &levels[0].0).await;
    for (digest, _) in [&levels[1], &levels[LEVELS]] {
        let access = registry.pull(REPOSITORY).await;
        let reference = Reference::Digest(digest.clone());
        let got = registry.services.manifests.get(&access, &reference);
        got.await.unwrap();
    }
    delete(&registry, &levels[LEVELS].0).await;
    registry.read_blob(REPOSITORY, &blob).await.unwrap();
    assert_collects_in_few_looks(&registry).await;
}

#[tokio::test]
async fn more_paths_than_anyone_could_follow_are_a_thousand_indexes() {
    let registry = Registry::start_with_trash(0).await;
    let (_, bottom) = push_bottom(&registry).await;
    let (mut below, mut all) = (vec![bottom.clone()], vec![bottom.0]);
    for _ in 0..DOUBLE_LEVELS {
        let mut level = Vec::new();
        for number in 0..2 {
            let index = index(&below, number);
            let size = index.len();
            level.push((push(&registry, INDEX, index).await, size));
        }
        all.extend(level.iter().map(|(digest, _)| digest.clone()));
        below = level;
    }
    assert_usage_is_right(&registry).await;
    for digest in all.iter().rev() {
        delete(&registry, digest).await;
    }
    assert_collects_in_few_looks(&registry).await;
}
