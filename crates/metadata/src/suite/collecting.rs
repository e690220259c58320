//! The collector beside pushes and deletions, on a database where they run at the same time.

use super::content::manifest;
use super::fixture::{World, digest, id, write};
use super::postgres::Database;
use super::races::{push, race};
use crate::{Error, MetadataStore, PutBlob, Tx};
use oci::Digest;
use std::pin::Pin;

const ROUNDS: usize = 40;
/// Every lease of these cases is older.
const OLD: i64 = 1000;

type Racer = Pin<Box<dyn Future<Output = bool> + Send>>;

/// What the collector does with a look at a lease, in the order in which `services` does it. Says whether the lease ended.
fn look_at_lease(tx: &mut Tx<'_>, world: &World, blob: &Digest) -> Result<bool, Error> {
    let repository = &world.repository;
    if !tx.take_lease_review(repository, blob, OLD)? {
        return Ok(false);
    }
    if tx.end_lease(repository, blob, OLD)? {
        tx.enqueue_review("shared", blob, OLD)?;
        return Ok(true);
    }
    match tx.find_lease(repository, blob)? {
        Some(lease) if lease.is_referenced => {}
        Some(_) => tx.enqueue_lease_review(repository, ("shared", blob), OLD)?,
        None => tx.enqueue_review("shared", blob, OLD)?,
    }
    Ok(false)
}

fn looking(store: &MetadataStore, world: &World, blob: &Digest) -> Racer {
    let (store, world, blob) = (store.clone(), world.clone(), blob.clone());
    Box::pin(async move {
        let looked = store.write(move |tx| look_at_lease(tx, &world, &blob));
        looked.await.unwrap()
    })
}

fn collecting(store: &MetadataStore, blob: &Digest) -> Racer {
    let (store, blob) = (store.clone(), blob.clone());
    Box::pin(async move {
        let collected = store.write(move |tx| {
            if !tx.take_blob_review("shared", &blob, OLD)? {
                return Ok(false);
            }
            let Some(gone) = tx.collect_blob("shared", &blob)? else {
                return Ok(false);
            };
            tx.condemn_blob(&gone.location, gone.size_bytes, OLD, OLD)?;
            Ok::<_, Error>(true)
        });
        collected.await.unwrap()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lease_does_not_end_under_a_push() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    let (mut pushed, mut ended) = (0, 0);
    for _ in 0..ROUNDS {
        let blob = digest(&id());
        world.add_blob(store, &blob, 7).await;
        let (to, known) = (world.clone(), blob.clone());
        write(store, move |tx| {
            tx.enqueue_lease_review(&to.repository, ("shared", &known), OLD)
        })
        .await;
        let new = manifest(&format!("{{\"text\":\"{}\"}}", id()));
        let (by_push, to, needed) = (store.clone(), world.clone(), blob.clone());
        let pushing: Racer =
            Box::pin(async move { push(&by_push, &to, &new, &[(needed, 7)]).await.is_ok() });
        race([pushing, looking(store, &world, &blob)]).await;
        let lease = store
            .read_blocking(|reader| reader.find_lease(&world.repository, &blob))
            .unwrap();
        let is_needed = store
            .read_blocking(|reader| reader.is_blob_referenced(&world.repository, &blob))
            .unwrap();
        assert_eq!(lease.is_some(), is_needed, "a manifest has its blob");
        pushed += usize::from(is_needed);
        ended += usize::from(!is_needed);
    }
    assert_eq!(pushed + ended, ROUNDS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_blob_that_is_stored_while_it_is_collected_has_an_object() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    for _ in 0..ROUNDS {
        let blob = digest(&id());
        let (old, new) = (id(), id());
        let (lonely, first) = (blob.clone(), old.clone());
        write(store, move |tx| {
            tx.put_blob(("shared", &lonely), 7, &first, 1)?;
            tx.enqueue_review("shared", &lonely, OLD)
        })
        .await;
        let (by_upload, to) = (store.clone(), world.clone());
        let (stored, place) = (blob.clone(), new.clone());
        let storing: Racer = Box::pin(async move {
            let put = by_upload.write(move |tx| {
                let put = tx.put_blob(("shared", &stored), 7, &place, OLD)?;
                if put == PutBlob::Known {
                    tx.condemn_object(&place, OLD)?;
                }
                let (account, repository) = (&to.account.id, &to.repository);
                tx.enqueue_lease_review(repository, ("shared", &stored), 2 * OLD)?;
                tx.put_repository_blob(account, repository, "shared", &stored, 2 * OLD)?;
                Ok::<_, Error>(put == PutBlob::Stored)
            });
            put.await.unwrap()
        });
        let answers = race([storing, collecting(store, &blob)]).await;
        assert_eq!(answers[0], answers[1], "both or none, in whatever order");
        let row = store
            .read_blocking(|reader| reader.find_blob("shared", &blob))
            .unwrap()
            .unwrap();
        let condemned = store
            .read_blocking(|reader| reader.list_condemned_objects(OLD, 10_000))
            .unwrap();
        let gone = if row.location == old { &new } else { &old };
        let is_condemned = |key: &str| condemned.iter().any(|object| object.location == key);
        assert!(is_condemned(gone) && !is_condemned(&row.location));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reference_that_goes_under_a_look_is_looked_at_again() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    for _ in 0..ROUNDS {
        let blob = digest(&id());
        world.add_blob(store, &blob, 7).await;
        let new = manifest(&format!("{{\"text\":\"{}\"}}", id()));
        push(store, &world, &new, &[(blob.clone(), 7)])
            .await
            .unwrap();
        let (to, known) = (world.clone(), blob.clone());
        write(store, move |tx| {
            tx.enqueue_lease_review(&to.repository, ("shared", &known), OLD)
        })
        .await;
        let (by_deletion, from, gone) = (store.clone(), world.clone(), new.digest.clone());
        let deleting: Racer = Box::pin(async move {
            let deleted = by_deletion.write(move |tx| {
                let repository = &from.repository;
                let removed = tx.remove_manifest(repository, &gone)?.unwrap();
                let mut freed = 0;
                for (storage, blob) in &removed.blobs {
                    freed += tx.drop_reference(&from.account.id, blob)?;
                    tx.enqueue_lease_review(repository, (storage, blob), 2 * OLD)?;
                }
                tx.free_usage(&from.account.id, freed)
            });
            deleted.await.is_ok()
        });
        race([
            deleting,
            looking(store, &world, &blob),
            looking(store, &world, &blob),
        ])
        .await;
        let (lease, looks) = store
            .read_blocking(|reader| {
                let lease = reader.find_lease(&world.repository, &blob)?;
                Ok::<_, Error>((lease, reader.list_due_lease_reviews(2 * OLD, 10_000)?))
            })
            .unwrap();
        let is_asked_for = looks.iter().any(|look| look.digest == blob);
        assert!(lease.is_none() || is_asked_for, "nobody would ever look");
    }
}
