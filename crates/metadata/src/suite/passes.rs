//! What goes through a whole stock: looks that were forgotten, the proof of usage; and what is remembered of it.

use super::content::manifest;
use super::fixture::{World, digest, id, write};
use super::garbage::read;
use crate::{CollectionCounts, CollectionRow, Error, MetadataStore, PassRow, Tx, UsageSum};
use model::RepositoryId;
use oci::Digest;

pub(super) async fn run(store: &MetadataStore) {
    what_was_forgotten_is_found(store).await;
    usage_is_compared_and_corrected(store).await;
    what_is_counted_wrongly_is_in_its_page(store).await;
    runs_and_passes_are_remembered(store).await;
}

async fn what_was_forgotten_is_found(store: &MetadataStore) {
    let world = World::create(store).await;
    let (blob, lonely) = (digest(&id()), digest(&id()));
    world.add_blob(store, &blob, 3).await;
    let (new, place) = (lonely.clone(), id());
    write(store, move |tx| tx.put_blob(("shared", &new), 4, &place, 1)).await;
    let (leases, blobs) = forgotten(store).await;
    assert!(leases.contains(&(world.repository.clone(), blob.clone())));
    assert!(blobs.contains(&lonely) && !blobs.contains(&blob));
    let (to, known, gone) = (world.clone(), blob.clone(), lonely.clone());
    write(store, move |tx| {
        tx.enqueue_lease_review(&to.repository, ("shared", &known), 10_000)?;
        tx.enqueue_review("shared", &gone, 10_000)
    })
    .await;
    let (leases, blobs) = forgotten(store).await;
    assert!(!leases.contains(&(world.repository, blob)));
    assert!(!blobs.contains(&lonely));
}

async fn forgotten(store: &MetadataStore) -> (Vec<(RepositoryId, Digest)>, Vec<Digest>) {
    read(store, |reader| {
        let (mut leases, mut blobs, mut seen) = (Vec::new(), Vec::new(), 0);
        let mut after = (String::new(), String::new());
        loop {
            let (page, next) = reader.list_forgotten_leases((&after.0, &after.1), 2)?;
            leases.extend(
                page.into_iter()
                    .map(|lease| (lease.repository_id, lease.digest)),
            );
            let Some(next) = next else { break };
            assert!(next > after, "it goes on");
            after = next;
        }
        let mut after = (String::new(), String::new());
        loop {
            let from = (after.0.as_str(), after.1.as_str());
            let page = reader.list_blobs(from, 3)?;
            let lost = reader.list_forgotten_blobs(from, 3)?;
            assert!(lost.iter().all(|blob| page.contains(blob)));
            blobs.extend(lost.into_iter().map(|blob| blob.digest));
            seen += page.len();
            let Some(last) = page.last() else { break };
            after = (last.storage.clone(), last.digest.as_str().to_owned());
        }
        assert!(seen > 3);
        Ok((leases, blobs))
    })
    .await
}

async fn usage_is_compared_and_corrected(store: &MetadataStore) {
    let world = World::create(store).await;
    let blob = digest(&id());
    world.add_blob(store, &blob, 64).await;
    let (new, to, needed) = (manifest(&id()), world.clone(), blob.clone());
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        tx.create_manifest(&new, account, repository, 110)?;
        tx.create_manifest_blob(&new.id, repository, "shared", &needed)?;
        tx.add_reference(account, &needed, 64)?;
        tx.add_usage(account, 64)?;
        let page = tx.compare_usage_page(account, "", 10)?;
        assert_eq!(page.counted, page.referenced);
        let sum = UsageSum {
            digests: 1,
            bytes: 64,
            references: 1,
        };
        assert_eq!((page.counted, page.last), (sum, None));
        assert_eq!(tx.find_usage_totals(account)?, Some((64, 64)));
        assert_eq!(tx.correct_usage(account)?, None);
        tx.add_usage(account, 6)?;
        assert_eq!(tx.find_usage_totals(account)?, Some((70, 64)));
        assert_eq!(tx.correct_usage(account)?, Some((70, 64)));
        assert_eq!(tx.find_usage_totals(account)?, Some((64, 64)));
        let first = tx.list_account_ids("", 1)?;
        let later = tx.list_account_ids(first[0].as_str(), 10_000)?;
        assert!(!later.contains(&first[0]));
        assert!(first.contains(account) || later.contains(account));
        Ok(())
    })
    .await;
}

async fn runs_and_passes_are_remembered(store: &MetadataStore) {
    let mut run = CollectionRow {
        id: id(),
        requested_by: "schedule".to_owned(),
        started_at_ms: -50,
        ended_at_ms: None,
        counts: CollectionCounts::default(),
    };
    let begun = run.clone();
    write(store, move |tx| tx.put_collection(&begun)).await;
    run.ended_at_ms = Some(-40);
    run.counts = CollectionCounts {
        reviewed: 5,
        put_off: 4,
        released: 3,
        collected: 2,
        collected_bytes: 1,
    };
    let ended = run.clone();
    write(store, move |tx| tx.put_collection(&ended)).await;
    let listed = read(store, |reader| reader.list_collections(-50, 10)).await;
    assert!(listed.contains(&run), "{listed:?}");
    let wanted = run.id.clone();
    let found = read(store, move |reader| reader.find_collection(&wanted)).await;
    assert_eq!(found, Some(run));
    let unknown = id();
    let found = read(store, move |reader| reader.find_collection(&unknown)).await;
    assert_eq!(found, None);
    let deleted = write(store, |tx| {
        let early = tx.delete_old_collections(-50, 10)?;
        Ok((early, tx.delete_old_collections(-49, 10)?))
    });
    assert_eq!(deleted.await, (0, 1));

    let mut pass = PassRow {
        name: id(),
        position: String::new(),
        started_at_ms: 1,
        finished_at_ms: None,
        checked: 0,
        checked_bytes: 0,
        problems: 0,
    };
    let name = pass.name.clone();
    assert_eq!(
        read(store, move |reader| reader.find_pass(&name)).await,
        None
    );
    for round in 1..3 {
        pass.position = format!("after {round}");
        pass.finished_at_ms = Some(round);
        (pass.checked, pass.checked_bytes, pass.problems) = (1, 2, 3);
        let (noted, name) = (pass.clone(), pass.name.clone());
        write(store, move |tx| tx.put_pass(&noted)).await;
        let found = read(store, move |reader| reader.find_pass(&name)).await;
        assert_eq!(found.as_ref(), Some(&pass));
    }
}

async fn what_is_counted_wrongly_is_in_its_page(store: &MetadataStore) {
    let world = World::create(store).await;
    let mut blobs = [(); 5].map(|()| digest(&id()));
    blobs.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    for blob in &blobs {
        world.add_blob(store, blob, 8).await;
    }
    let (new, to) = (manifest(&id()), world.clone());
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        tx.create_manifest(&new, account, repository, 110)?;
        for blob in &blobs {
            tx.create_manifest_blob(&new.id, repository, "shared", blob)?;
            tx.add_reference(account, blob, 8)?;
        }
        let pages = |tx: &Tx<'_>| {
            let (mut pages, mut after) = (Vec::new(), String::new());
            loop {
                let page = tx.compare_usage_page(account, &after, 2)?;
                pages.push((page.counted, page.referenced));
                match page.last {
                    Some(last) => after = last,
                    None => return Ok::<_, Error>(pages),
                }
            }
        };
        let sums = pages(tx)?.into_iter().map(|(sum, same)| {
            assert_eq!(sum, same);
            (sum.digests, sum.bytes, sum.references)
        });
        assert_eq!(
            sums.collect::<Vec<_>>(),
            [(2, 16, 2), (2, 16, 2), (1, 8, 1)]
        );
        // One reference too many; one that is not counted, the last of all.
        tx.add_reference(account, &blobs[2], 8)?;
        tx.drop_reference(account, &blobs[4])?;
        let equal: Vec<bool> = pages(tx)?.iter().map(|(one, other)| one == other).collect();
        assert_eq!(equal, [true, false, false]);
        Ok(())
    })
    .await;
}
