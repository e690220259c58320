//! The collector, the scrub, the check of everything and the proof of usage, each by itself.

use super::pushes::{Client, Shape, content, image, image_digests};
use super::registry::{GRACE_MS, Registry};
use crate::maintenance::{Finding, FsckPosition, Problem};
use crate::{Error, OpenBlob};
use model::Caller;
use oci::{Digest, Reference};
use std::collections::BTreeSet;

async fn push_image(registry: &Registry, repository: &str) {
    let mut client = Client::without_snapshots();
    let pushed = client.push_image(registry, repository, Shape::Monolithic);
    pushed.await.unwrap();
}

async fn delete_image(registry: &Registry, repository: &str) {
    let access = registry.delete(repository).await;
    let manifests = &registry.services.manifests;
    let tag = Reference::Tag(oci::Tag::parse("latest").unwrap());
    let pull = registry.pull(repository).await;
    let digest = manifests.get(&pull, &tag).await.unwrap().digest;
    let reference = Reference::Digest(digest);
    manifests.delete(&access, &reference).await.unwrap();
}

async fn preview(registry: &Registry) -> (BTreeSet<Digest>, u64) {
    let (mut digests, mut bytes, mut after) = (BTreeSet::new(), 0, None);
    loop {
        let step = registry.services.maintenance.preview_collection(after);
        let step = step.await.unwrap();
        for (digest, size_bytes) in step.blobs {
            bytes += size_bytes;
            assert!(digests.insert(digest), "each blob is counted once");
        }
        after = step.next;
        if after.is_none() {
            return (digests, bytes);
        }
    }
}

#[tokio::test]
async fn a_collection_is_told_of_before_and_after() {
    let registry = Registry::start().await;
    let maintenance = &registry.services.maintenance;
    push_image(&registry, "app").await;
    push_image(&registry, "other").await;
    delete_image(&registry, "app").await;
    registry.expire_everything().await;
    registry.clock.advance(GRACE_MS + 1);
    assert_eq!(
        preview(&registry).await.0.len(),
        0,
        "another one needs them"
    );
    delete_image(&registry, "other").await;
    registry.expire_everything().await;
    assert_eq!(preview(&registry).await.0.len(), 0, "not yet");
    registry.clock.advance(GRACE_MS + 1);
    let backlog = maintenance.refresh_backlog().await.unwrap();
    assert!(backlog.due > 0 && maintenance.oldest_look_age_secs() > 0);

    let (config, layer) = image();
    let size = (config.len() + layer.len()) as u64;
    let (would_go, bytes) = preview(&registry).await;
    assert_eq!((would_go.len(), bytes), (2, size));
    let caller = Caller::local_operator();
    let run = maintenance
        .run_collection(Some(&caller), None, 100)
        .await
        .unwrap();
    assert!(run.is_done);
    assert_eq!(
        (run.counts.collected, run.counts.collected_bytes),
        (2, size)
    );
    let again = maintenance.run_collection(None, None, 100).await.unwrap();
    assert_eq!(again.counts.reviewed, 0);
    let runs = maintenance.list_collections(10).await.unwrap();
    assert_eq!(runs.len(), 1, "a run with nothing to do is not remembered");
    assert_eq!(runs[0].requested_by, "local operator");
    assert!(runs[0].ended_at_ms.is_some());
    assert_eq!(maintenance.refresh_backlog().await.unwrap().condemned, 2);
    // What was pushed twice was stored twice for a moment.
    let (objects, bytes) = maintenance.collection_totals().freed;
    while maintenance.delete_condemned_objects().await.unwrap() > 0 {}
    let freed = maintenance.collection_totals().freed;
    assert_eq!(freed, (objects + 2, bytes + size));
    registry.assert_holds_exactly(&BTreeSet::new()).await;
}

#[tokio::test]
async fn a_run_of_many_steps_is_one_run() {
    let registry = Registry::start().await;
    let maintenance = &registry.services.maintenance;
    // More looks than two steps take.
    let repositories = (0..90).map(|number| format!("r{number}"));
    for repository in repositories {
        push_image(&registry, &repository).await;
        delete_image(&registry, &repository).await;
    }
    registry.expire_everything().await;
    registry.clock.advance(GRACE_MS + 1);
    let caller = Caller::local_operator();
    let mut run = maintenance
        .run_collection(Some(&caller), None, 1)
        .await
        .unwrap();
    let (id, mut steps) = (run.id.clone(), 1);
    while !run.is_done {
        let goes_on = Some(run.id.as_str());
        run = maintenance
            .run_collection(Some(&caller), goes_on, 1)
            .await
            .unwrap();
        steps += 1;
    }
    assert_eq!(run.id, id);
    assert!(
        steps > 2 && run.counts.reviewed > 180,
        "{run:?} in {steps} steps"
    );
    assert_eq!(run.counts.collected, 2);
    let runs = maintenance.list_collections(10).await.unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].counts, run.counts);
    assert!(runs[0].ended_at_ms.is_some());
    // One that has ended does not go on.
    let next = maintenance
        .run_collection(Some(&caller), Some(&id), 1)
        .await
        .unwrap();
    assert_ne!(next.id, id);
}

/// Each way for bytes to be damaged.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Missing,
    Shorter,
    Changed,
}

fn harm(path: &std::path::Path, harm: Harm) {
    match harm {
        Harm::Missing => std::fs::remove_file(path).unwrap(),
        Harm::Shorter => {
            let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(10).unwrap();
        }
        Harm::Changed => {
            let mut bytes = std::fs::read(path).unwrap();
            bytes[100] ^= 1;
            std::fs::write(path, bytes).unwrap();
        }
    }
}

async fn open(registry: &Registry, digest: &Digest) -> Result<OpenBlob, Error> {
    let access = registry.pull("app").await;
    registry.services.blobs.open(&access, digest).await
}

async fn stat(registry: &Registry, digest: &Digest) -> Result<u64, Error> {
    let access = registry.pull("app").await;
    registry.services.blobs.stat(&access, digest).await
}

async fn scrub_everything(registry: &Registry) -> (u64, u64, u64) {
    let (mut checked, mut damaged, mut released) = (0, 0, 0);
    loop {
        let step = registry.services.maintenance.scrub(u64::MAX, 1).await;
        let step = step.unwrap();
        checked += step.checked;
        damaged += step.damaged;
        released += step.released;
        assert!(step.checked <= 1, "a step ends when it has read enough");
        if step.is_round_over {
            return (checked, damaged, released);
        }
    }
}

#[tokio::test]
async fn a_damaged_blob_is_not_served_until_it_is_pushed_again() {
    for kind in [Harm::Missing, Harm::Shorter, Harm::Changed] {
        let registry = Registry::start().await;
        push_image(&registry, "app").await;
        let (_, layer) = image();
        let digest = Digest::sha256_of(&layer);
        assert_eq!(scrub_everything(&registry).await, (2, 0, 0));
        let path = registry.file_of(&digest).await;
        harm(&path, kind);
        assert_eq!(scrub_everything(&registry).await, (2, 1, 0), "{kind:?}");
        let refused = open(&registry, &digest).await;
        assert!(matches!(refused, Err(Error::Damaged)), "{kind:?}");
        let unknown = stat(&registry, &digest).await;
        assert!(matches!(unknown, Err(Error::BlobUnknown)), "{kind:?}");
        let backlog = registry.services.maintenance.refresh_backlog().await;
        assert_eq!(backlog.unwrap().quarantined, 1);

        push_image(&registry, "app").await;
        assert_eq!(registry.read_blob("app", &digest).await.unwrap(), layer);
        assert_eq!(stat(&registry, &digest).await.unwrap(), layer.len() as u64);
        assert_ne!(registry.file_of(&digest).await, path);
        assert_eq!(scrub_everything(&registry).await, (2, 0, 0));
        registry.maintain().await;
        assert!(!path.exists(), "what was damaged is gone");
        registry.assert_nothing_left_over(image_digests().iter());
    }
}

/// Nobody has noticed before the client comes.
#[tokio::test]
async fn pushing_again_replaces_bytes_that_were_lost() {
    for kind in [Harm::Missing, Harm::Shorter] {
        let registry = Registry::start().await;
        push_image(&registry, "app").await;
        let (_, layer) = image();
        let digest = Digest::sha256_of(&layer);
        harm(&registry.file_of(&digest).await, kind);
        let refused = open(&registry, &digest).await;
        assert!(matches!(refused, Err(Error::Damaged)), "{kind:?}");
        push_image(&registry, "app").await;
        assert_eq!(registry.read_blob("app", &digest).await.unwrap(), layer);
    }
}

#[tokio::test]
async fn a_blob_that_comes_back_is_served_again() {
    let registry = Registry::start().await;
    push_image(&registry, "app").await;
    let (_, layer) = image();
    let digest = Digest::sha256_of(&layer);
    let path = registry.file_of(&digest).await;
    let elsewhere = path.with_extension("away");
    std::fs::rename(&path, &elsewhere).unwrap();
    assert!(matches!(
        open(&registry, &digest).await,
        Err(Error::Damaged)
    ));
    assert!(stat(&registry, &digest).await.is_err());
    std::fs::rename(&elsewhere, &path).unwrap();
    assert_eq!(registry.read_blob("app", &digest).await.unwrap(), layer);
    assert!(stat(&registry, &digest).await.is_ok());
}

async fn fsck(registry: &Registry, repairs: bool) -> Vec<Finding> {
    let (mut findings, mut at) = (Vec::new(), Some(FsckPosition::start()));
    while let Some(from) = at {
        let step = registry.services.maintenance.fsck(from, repairs).await;
        let step = step.unwrap();
        findings.extend(step.findings);
        at = step.next;
    }
    findings
}

#[tokio::test]
async fn a_check_finds_what_is_in_one_place_only() {
    let registry = Registry::start().await;
    push_image(&registry, "app").await;
    assert_eq!(fsck(&registry, false).await, []);
    let (config, layer) = image();
    let (config, layer) = (Digest::sha256_of(&config), Digest::sha256_of(&layer));
    harm(&registry.file_of(&config).await, Harm::Missing);
    harm(&registry.file_of(&layer).await, Harm::Shorter);
    let key = "01890a5d-ac96-774b-bcce-b302099a80f4";
    let unnamed = registry.object_path(key);
    std::fs::write(&unnamed, content(1, 50)).unwrap();
    let problems: BTreeSet<_> = fsck(&registry, false)
        .await
        .into_iter()
        .map(|found| (found.problem, found.subject, found.is_repaired))
        .collect();
    let expected = [
        (Problem::MissingObject, config.to_string(), false),
        (Problem::WrongLength, layer.to_string(), false),
        (Problem::UnnamedObject, key.to_owned(), false),
    ];
    assert_eq!(problems, BTreeSet::from(expected));
    assert!(unnamed.exists(), "asking deletes nothing");

    let repaired = fsck(&registry, true).await;
    let repaired: Vec<_> = repaired.iter().filter(|found| found.is_repaired).collect();
    assert_eq!(repaired.len(), 1);
    assert_eq!(repaired[0].problem, Problem::UnnamedObject);
    registry.maintain().await;
    assert!(!unnamed.exists());
    assert_eq!(fsck(&registry, false).await.len(), 2);
}

#[tokio::test]
async fn a_check_leaves_young_objects_alone() {
    let registry = Registry::start().await;
    let now_ms = model::Clock::now_ms(&*registry.clock);
    let born = format!("{now_ms:012x}");
    let key = format!("{}-{}-774b-bcce-b302099a80f4", &born[..8], &born[8..]);
    std::fs::write(registry.object_path(&key), content(1, 50)).unwrap();
    let found = fsck(&registry, true).await;
    assert_eq!(found.len(), 1);
    assert!(!found[0].is_repaired);
}

#[tokio::test]
async fn a_wrong_running_total_is_found_and_corrected() {
    let registry = Registry::start().await;
    push_image(&registry, "app").await;
    let maintenance = &registry.services.maintenance;
    let proven = maintenance.prove_usage().await.unwrap();
    assert_eq!((proven.compared, proven.corrected), (2, 0));
    while maintenance.prove_usage().await.unwrap().compared > 0 {}
    let account = registry.account.clone();
    let spoiled = registry.services.core.metadata.write(move |tx| {
        tx.add_usage(&account, 7)?;
        Ok::<_, Error>(())
    });
    spoiled.await.unwrap();
    assert_eq!(fsck(&registry, true).await[0].problem, Problem::WrongUsage);
    assert_eq!(
        maintenance.prove_usage().await.unwrap().compared,
        0,
        "once a day"
    );
    registry.clock.advance(86_400_001);
    assert_eq!(maintenance.prove_usage().await.unwrap().corrected, 1);
    let (running, counted) = maintenance.compare_usage(&registry.account).await.unwrap();
    assert_eq!(running, counted);
    let events = registry
        .services
        .list_events(&registry.account, String::new());
    let events = events.await.unwrap();
    let corrected = events
        .iter()
        .filter(|event| event.contains("usage.corrected"));
    assert_eq!(corrected.count(), 1);
    assert_eq!(fsck(&registry, false).await, []);
}

/// The bytes agree all the same: a digest without any is counted that no manifest refers to.
#[tokio::test]
async fn references_that_are_counted_wrongly_are_told() {
    let registry = Registry::start().await;
    push_image(&registry, "app").await;
    let account = registry.account.clone();
    let spoiled = registry.services.core.metadata.write(move |tx| {
        let nobodys = Digest::sha256_of(b"");
        tx.add_reference(&account, &nobodys, 0)?;
        Ok::<_, Error>(())
    });
    spoiled.await.unwrap();
    let found = fsck(&registry, true).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].problem, Problem::WrongUsage);
    let proven = registry.services.maintenance.prove_usage().await.unwrap();
    assert_eq!((proven.corrected, proven.miscounted), (0, 1));
}
