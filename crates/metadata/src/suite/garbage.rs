//! What is on its way out: looks at leases and blobs, the trash, condemned objects, damaged blobs.

use super::content::manifest;
use super::fixture::{World, digest, id, write};
use crate::{CondemnedObject, Damage, Error, Lease, MetadataStore, PutBlob, Reader};
use model::RepositoryId;

pub(super) async fn run(store: &MetadataStore) {
    condemned_objects_are_deleted_when_their_time_has_come(store).await;
    a_lease_ends_when_it_ran_out_and_nothing_needs_it(store).await;
    looks_are_taken_in_order_and_once(store).await;
    a_blob_goes_when_nothing_refers_to_it(store).await;
    a_dry_run_counts_each_blob_once(store).await;
    a_damaged_blob_is_out_of_service_until_it_is_replaced(store).await;
}

/// A question that has to be answered.
pub(super) async fn read<T: Send + 'static>(
    store: &MetadataStore,
    question: impl Fn(&Reader<'_>) -> Result<T, Error> + Send + 'static,
) -> T {
    store.list(question).await.unwrap()
}

async fn condemned_objects_are_deleted_when_their_time_has_come(store: &MetadataStore) {
    let objects = [id(), id(), id()];
    let condemned = objects.clone();
    write(store, move |tx| {
        for (at_ms, object) in [-20, -30].into_iter().zip(&condemned) {
            tx.condemn_object(object, at_ms)?;
            tx.condemn_object(object, at_ms - 1000)?;
        }
        tx.condemn_blob(&condemned[2], 77, -90, -10)
    })
    .await;
    let list = async |now_ms, limit| {
        read(store, move |reader| {
            reader.list_condemned_objects(now_ms, limit)
        })
        .await
    };
    let object = |at: usize, size_bytes| CondemnedObject {
        location: objects[at].clone(),
        size_bytes,
    };
    assert_eq!(list(-20, 10).await, [object(1, 0), object(0, 0)]);
    assert_eq!(list(-10, 1).await, [object(1, 0)]);
    let stuck = objects[1].clone();
    write(store, move |tx| tx.put_off_condemned_object(&stuck, -5)).await;
    assert_eq!(list(-10, 10).await, [object(0, 0), object(2, 77)]);
    let gone = objects.clone();
    write(store, move |tx| {
        for object in &gone {
            tx.delete_condemned_object(object)?;
            tx.delete_condemned_object(object)?;
        }
        Ok::<_, Error>(())
    })
    .await;
    assert_eq!(list(-5, 10).await, []);
}

async fn a_lease_ends_when_it_ran_out_and_nothing_needs_it(store: &MetadataStore) {
    let world = World::create(store).await;
    let blob = digest(&id());
    world.add_blob(store, &blob, 5).await;
    let (new, to, needed) = (manifest(&id()), world.clone(), blob.clone());
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        assert!(tx.renew_repository_blob(repository, &needed, 90)?);
        assert!(!tx.end_lease(repository, &needed, 89)?, "it still runs");
        tx.create_manifest(&new, account, repository, 110)?;
        tx.create_manifest_blob(&new.id, repository, "shared", &needed)?;
        let lease = tx.find_lease(repository, &needed)?;
        let expected = Lease {
            renewed_at_ms: 90,
            is_referenced: true,
        };
        assert_eq!(lease, Some(expected));
        assert!(
            !tx.end_lease(repository, &needed, 1000)?,
            "a manifest needs it"
        );
        tx.remove_manifest(repository, &new.digest)?.unwrap();
        assert!(!tx.find_lease(repository, &needed)?.unwrap().is_referenced);
        assert!(tx.end_lease(repository, &needed, 90)?);
        assert!(!tx.end_lease(repository, &needed, 90)?);
        assert_eq!(tx.find_lease(repository, &needed)?, None);
        assert!(!tx.renew_repository_blob(repository, &needed, 200)?);
        Ok(())
    })
    .await;
}

async fn looks_are_taken_in_order_and_once(store: &MetadataStore) {
    let repositories = [RepositoryId::new(id()), RepositoryId::new(id())];
    let blobs = [digest(&id()), digest(&id())];
    let (asked, blob) = (repositories.clone(), blobs.clone());
    write(store, move |tx| {
        let shared = ("shared", &blob[0]);
        tx.enqueue_lease_review(&asked[0], shared, -900)?;
        tx.enqueue_lease_review(&asked[0], shared, -700)?;
        tx.enqueue_lease_review(&asked[1], shared, -750)?;
        tx.enqueue_lease_review(&asked[1], shared, -800)?;
        tx.enqueue_review("shared", &blob[0], -700)?;
        tx.enqueue_review("shared", &blob[0], -600)?;
        tx.enqueue_review("shared", &blob[1], -650)?;
        tx.enqueue_review("shared", &blob[1], -800)
    })
    .await;
    let (leases, later) = read(store, |reader| {
        let first = reader.list_due_lease_reviews(-700, 1)?;
        let later = reader.list_due_lease_reviews_after(&first[0], -700, 10)?;
        let last = reader.list_due_lease_reviews_after(&later[0], -700, 10)?;
        assert_eq!(last, []);
        assert_eq!(reader.list_due_lease_reviews(-801, 10)?, []);
        Ok((first, later))
    })
    .await;
    assert_eq!(leases[0].repository_id, repositories[1]);
    assert_eq!((&leases[0].digest, leases[0].due_at_ms), (&blobs[0], -800));
    assert_eq!(later[0].repository_id, repositories[0]);
    assert_eq!(
        (later[0].storage.as_str(), later[0].due_at_ms),
        ("shared", -700)
    );
    let (first, second) = read(store, |reader| {
        let first = reader.list_due_blob_reviews(-700, 1)?;
        let second = reader.list_due_blob_reviews_after(&first[0], -700, 10)?;
        Ok((first, second))
    })
    .await;
    assert_eq!((&first[0].digest, first[0].due_at_ms), (&blobs[1], -800));
    assert_eq!((&second[0].digest, second[0].due_at_ms), (&blobs[0], -700));
    let backlog = read(store, |reader| reader.get_collection_backlog(-700)).await;
    assert_eq!((backlog.due, backlog.oldest_due_at_ms), (4, Some(-800)));

    let (asked, blob) = (repositories.clone(), blobs.clone());
    write(store, move |tx| {
        for repository in &asked {
            assert!(
                !tx.take_lease_review(repository, &blob[0], -801)?,
                "not yet"
            );
            assert!(tx.take_lease_review(repository, &blob[0], -700)?);
            assert!(!tx.take_lease_review(repository, &blob[0], -700)?);
        }
        tx.put_off_blob_review("shared", &blob[1], -801, 10)?;
        tx.put_off_blob_review("shared", &blob[1], -800, -500)?;
        assert!(!tx.take_blob_review("shared", &blob[1], -501)?);
        assert!(tx.take_blob_review("shared", &blob[1], -500)?);
        assert!(tx.take_blob_review("shared", &blob[0], -700)?);
        assert!(!tx.take_blob_review("shared", &blob[0], -700)?);
        Ok(())
    })
    .await;
}

async fn a_blob_goes_when_nothing_refers_to_it(store: &MetadataStore) {
    let world = World::create(store).await;
    let blob = digest(&id());
    world.add_blob(store, &blob, 12).await;
    let (new, to, needed) = (manifest(&id()), world.clone(), blob.clone());
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        assert_eq!(tx.collect_blob("shared", &needed)?, None, "a lease");
        tx.create_manifest(&new, account, repository, 110)?;
        tx.create_manifest_blob(&new.id, repository, "shared", &needed)?;
        tx.delete_repository_blob(repository, &needed)?;
        assert_eq!(tx.collect_blob("shared", &needed)?, None, "a manifest");
        tx.remove_manifest(repository, &new.digest)?.unwrap();
        let location = tx.find_blob("shared", &needed)?.unwrap().location;
        assert_eq!(tx.collect_blob("elsewhere", &needed)?, None);
        let collected = tx.collect_blob("shared", &needed)?.unwrap();
        assert_eq!((collected.location, collected.size_bytes), (location, 12));
        assert_eq!(tx.collect_blob("shared", &needed)?, None);
        assert_eq!(tx.find_blob("shared", &needed)?, None);
        Ok(())
    })
    .await;
}

/// Blobs that a collection at -100 would take, with leases that ran out by -200.
async fn a_dry_run_counts_each_blob_once(store: &MetadataStore) {
    let world = World::create(store).await;
    let (other, _) = world.add_repository(store, "other").await;
    let blob = digest(&id());
    world.add_blob(store, &blob, 12).await;
    let counted = async |at: Option<&RepositoryId>, renewed_by_ms: i64| {
        let (at, blob) = (at.cloned(), blob.clone());
        read(store, move |reader| {
            let blob = ("shared", &blob);
            reader.find_collectable_blob(blob, at.as_ref(), -100, renewed_by_ms)
        })
        .await
    };
    let (first, last) = (&world.repository, &other);
    assert_eq!(counted(Some(first), 5).await, None, "nobody is to look");
    let (to, both, new) = (world.clone(), other.clone(), blob.clone());
    write(store, move |tx| {
        tx.put_repository_blob(&to.account.id, &both, "shared", &new, 5)?;
        tx.enqueue_lease_review(&to.repository, ("shared", &new), -100)?;
        tx.enqueue_lease_review(&both, ("shared", &new), -100)
    })
    .await;
    assert!(first < last);
    assert_eq!(counted(Some(first), 5).await, None, "counted at the last");
    assert_eq!(counted(Some(last), 5).await, Some(12));
    assert_eq!(counted(Some(last), 4).await, None, "a lease runs");
    assert_eq!(counted(None, 5).await, None, "counted at a lease");
    let (to, both, gone) = (world.clone(), other.clone(), blob.clone());
    write(store, move |tx| {
        for repository in [&to.repository, &both] {
            assert!(tx.take_lease_review(repository, &gone, -100)?);
            assert!(tx.end_lease(repository, &gone, 5)?);
        }
        Ok(())
    })
    .await;
    assert_eq!(counted(None, 5).await, Some(12));
    let gone = blob.clone();
    let collected = write(store, move |tx| tx.collect_blob("shared", &gone)).await;
    assert!(collected.is_some());
}

async fn a_damaged_blob_is_out_of_service_until_it_is_replaced(store: &MetadataStore) {
    let world = World::create(store).await;
    let (blob, places) = (digest(&id()), [id(), id(), id()]);
    let (to, new, at) = (world.clone(), blob.clone(), places.clone());
    write(store, move |tx| {
        let blob = ("shared", &new);
        assert_eq!(tx.put_blob(blob, 9, &at[0], 1)?, PutBlob::Stored);
        assert_eq!(tx.put_blob(blob, 9, &at[1], 2)?, PutBlob::Known);
        tx.put_repository_blob(&to.account.id, &to.repository, "shared", &new, 3)?;
        let account = &to.account.id;
        let found = tx.find_account_blob(account, &new)?;
        assert_eq!(found, Some((at[0].clone(), 9)));
        assert!(!tx.quarantine_blob(blob, &at[1], Damage::Content, 4)?);
        assert!(tx.quarantine_blob(blob, &at[0], Damage::Missing, 4)?);
        assert!(!tx.quarantine_blob(blob, &at[0], Damage::Missing, 5)?);
        assert!(tx.quarantine_blob(blob, &at[0], Damage::Content, 5)?);
        assert_eq!(tx.find_account_blob(account, &new)?, None);
        assert_eq!(tx.find_membership(&to.repository, &new)?, None);
        let row = tx.find_repository_blob(&to.key, &new)?.unwrap();
        assert_eq!(row.damage, Some(Damage::Content));
        let listed = tx.list_quarantined_blobs(("", ""), 1000)?;
        assert!(listed.iter().any(|listed| listed.digest == new));
        assert!(tx.get_collection_backlog(0)?.quarantined > 0);
        let replaced = tx.put_blob(blob, 9, &at[2], 6)?;
        assert_eq!(replaced, PutBlob::Replaced(at[0].clone(), 9));
        let stored = tx.find_blob("shared", &new)?.unwrap();
        assert_eq!((stored.location, stored.damage), (at[2].clone(), None));
        assert!(!tx.release_blob("shared", &new, &at[2])?);
        assert!(tx.quarantine_blob(blob, &at[2], Damage::Length, 7)?);
        assert!(!tx.release_blob("shared", &new, &at[0])?);
        assert!(tx.release_blob("shared", &new, &at[2])?);
        assert!(tx.find_membership(&to.repository, &new)?.is_some());
        Ok(())
    })
    .await;
    let places = read(store, move |reader| {
        // More than fit into one question.
        let unheard: Vec<String> = (0..40)
            .map(|number| format!("unheard-{number:02}"))
            .collect();
        let asked: Vec<&str> = places.iter().chain(&unheard).map(String::as_str).collect();
        let mut expected = [&places[..2], &unheard].concat();
        let mut unnamed = reader.list_unnamed_locations(&asked)?;
        expected.sort_unstable();
        unnamed.sort_unstable();
        Ok((unnamed, expected))
    });
    let (unnamed, expected) = places.await;
    assert_eq!(unnamed, expected);
}
