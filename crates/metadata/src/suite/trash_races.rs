//! The trash while several come at once, on a database where they do: what is restored is there, what is purged is gone, and never
//! both; nothing is restored into a namespace that goes.

use super::content::manifest;
use super::fixture::{World, digest, id, write};
use super::postgres::Database;
use super::races::race;
use crate::{Error, MetadataStore, NewManifest, RepositoryKey, Trashing};
use model::RepositoryId;
use oci::{Digest, RepositoryName};

const RACERS: usize = 12;
const ROUNDS: usize = 8;

/// A manifest in the trash that needs a blob which no repository knows.
async fn trashed(store: &MetadataStore, world: &World) -> (NewManifest, Digest) {
    let (new, blob) = (manifest(&id()), digest(&id()));
    world.add_blob(store, &blob, 5).await;
    let (made, to, needed) = (new.clone(), world.clone(), blob.clone());
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        tx.create_manifest(&made, account, repository, 1)?;
        tx.create_manifest_blob(&made.id, repository, "shared", &needed)?;
        let removed = tx.remove_manifest(repository, &made.digest)?.unwrap();
        let how = Trashing {
            account,
            parent: None,
            deleted_by: "somebody",
            now_ms: 10,
            period_ms: 1000,
        };
        tx.trash_manifest(&how, (repository, &made.digest), &removed, id)?;
        tx.delete_repository_blob(repository, &needed).map(drop)
    })
    .await;
    (new, blob)
}

/// What a restore does, a purge, and a collection: whoever takes the row first decides.
#[derive(Clone, Copy)]
enum Racer {
    Restore,
    Purge,
    Collect,
}

async fn run(
    store: MetadataStore,
    world: World,
    (new, blob): (NewManifest, Digest),
    racer: Racer,
) -> Result<bool, Error> {
    store
        .write(move |tx| {
            let (account, repository) = (&world.account.id, &world.repository);
            if matches!(racer, Racer::Collect) {
                tx.collect_blob("shared", &blob)?;
                return Ok(false);
            }
            if tx.take_trash(account, &new.id)?.is_none() {
                return Ok(false);
            }
            let is_restored = matches!(racer, Racer::Restore);
            if is_restored {
                tx.create_manifest(&new, account, repository, 20)?;
                for (storage, digest, _) in tx.list_trash_blobs(&new.id)? {
                    tx.put_repository_blob(account, repository, &storage, &digest, 20)?;
                    tx.create_manifest_blob(&new.id, repository, &storage, &digest)?;
                }
            }
            tx.forget_trash(&new.id)?;
            Ok::<_, Error>(is_restored)
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_in_the_trash_is_restored_or_purged_and_never_both() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    for _ in 0..ROUNDS {
        let it = trashed(store, &world).await;
        let racers = (0..RACERS).map(|number| {
            let racer = [Racer::Restore, Racer::Purge, Racer::Collect][number % 3];
            run(store.clone(), world.clone(), it.clone(), racer)
        });
        let answers: Vec<bool> = race(racers)
            .await
            .into_iter()
            // A collector that the foreign key stopped looks again later.
            .map(|answer| match answer {
                Ok(is_restored) => is_restored,
                Err(Error::ReferenceViolated) => false,
                Err(error) => panic!("{error}"),
            })
            .collect();
        let restored = answers.iter().filter(|is_restored| **is_restored).count();
        assert!(restored <= 1, "{answers:?}");
        let (of, (new, blob)) = (world.clone(), it);
        let (there, gone, bytes) = write(store, move |tx| {
            let there = tx.find_manifest_id(&of.repository, &new.digest)?.is_some();
            let gone = tx.find_trash(&of.account.id, &new.id, 0)?.is_none();
            let bytes = tx.find_blob_location("shared", &blob)?.is_some();
            Ok((there, gone, bytes))
        })
        .await;
        assert!(gone, "somebody took it");
        assert_eq!(there, restored == 1);
        assert!(bytes || !there, "a manifest's blob is there");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_restored_into_a_namespace_that_goes() {
    let database = Database::new();
    let store = &database.store;
    for _ in 0..ROUNDS {
        let world = World::create(store).await;
        let of = world.clone();
        write(store, move |tx| {
            tx.delete_repository(&of.repository, &of.key.name)
        })
        .await;
        let racers = (0..RACERS).map(|number| {
            let (store, world) = (store.clone(), world.clone());
            async move {
                let restores = number % 2 == 0;
                let done = store.write(move |tx| {
                    if !restores {
                        return tx.delete_namespace(&world.namespace).map(|()| false);
                    }
                    let (account, name) = (&world.account.id, &world.namespace_name);
                    if !tx.keep_namespace(account, &world.namespace, name)? {
                        return Ok(false);
                    }
                    let name = RepositoryName::parse(&format!("{name}/r{number}")).unwrap();
                    let key = RepositoryKey {
                        account_id: account.clone(),
                        name,
                    };
                    tx.create_repository(&RepositoryId::new(id()), &key, &world.namespace, 5)
                });
                match done.await {
                    Ok(is_restored) => is_restored,
                    // There is something in it: it stays.
                    Err(Error::ReferenceViolated) if !restores => false,
                    Err(error) => panic!("{error}"),
                }
            }
        });
        let restored = race(racers).await.into_iter().filter(|done| *done).count();
        let of = world.clone();
        let (is_there, listed) = write(store, move |tx| {
            let name = &of.namespace_name;
            let is_there = tx.keep_namespace(&of.account.id, &of.namespace, name)?;
            Ok((is_there, tx.list_repositories_of(&of.namespace, 100)?.len()))
        })
        .await;
        assert_eq!(listed, restored, "what was said to be restored is there");
        assert!(is_there || restored == 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_wish_for_a_look_at_the_trash_outlives_a_look_that_began_before() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    let account = world.account.id.clone();
    let of = account.clone();
    write(store, move |tx| tx.request_trash_recount(&of)).await;
    let waiting = store
        .list(|reader| reader.list_trash_recounts(1))
        .await
        .unwrap();
    let (_, version) = waiting[0].clone();
    let racers = (0..RACERS).map(|number| {
        let (store, of) = (store.clone(), account.clone());
        async move {
            let done = store.write(move |tx| match number % 2 {
                0 => tx.request_trash_recount(&of),
                _ => tx.end_trash_recount(&of, version),
            });
            done.await.unwrap();
        }
    });
    race(racers).await;
    let waiting = store
        .list(|reader| reader.list_trash_recounts(1))
        .await
        .unwrap();
    assert_eq!(waiting.len(), 1, "somebody asked after the look had begun");
}
