//! Transactions that run at the same time, on a database where they do: whatever their order, it is as if they had run one
//! after the other.

use super::content::{manifest, tag};
use super::fixture::{World, digest, id, write};
use super::postgres::Database;
use crate::{Error, MetadataStore, NewManifest, NewUpload, PutBlob};
use model::{NamespaceId, RepositoryId};
use oci::{Algorithm, Digest, UploadId};
use std::sync::Arc;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// Who race each other.
const RACERS: usize = 12;
const ROUNDS: usize = 8;

/// Lets racers go at the same moment, and collects what each answers.
pub(super) async fn race<T, F>(racers: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let racers: Vec<F> = racers.into_iter().collect();
    let start = Arc::new(Barrier::new(racers.len()));
    let mut running = JoinSet::new();
    for racer in racers {
        let start = start.clone();
        running.spawn(async move {
            start.wait().await;
            racer.await
        });
    }
    running.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_upload_has_one_writer() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    for _ in 0..ROUNDS {
        let upload = UploadId::parse(&id()).unwrap();
        let new = NewUpload {
            id: upload.clone(),
            account_id: world.account.id.clone(),
            repository_id: world.repository.clone(),
            caller: "somebody".to_owned(),
            algorithm: Algorithm::Sha256,
            expires_at_ms: 10_000,
        };
        write(store, move |tx| tx.create_upload(&new, 1)).await;
        let claims = race((0..RACERS).map(|number| {
            let (store, upload) = (store.clone(), upload.clone());
            async move {
                let owner = format!("replica-{number}");
                store
                    .write_relaxed(move |tx| tx.claim_upload(&upload, &owner, false, 100, 200))
                    .await
                    .unwrap()
            }
        }))
        .await;
        let won: Vec<_> = claims.into_iter().flatten().collect();
        assert_eq!(won.len(), 1, "so many believe that they alone write");
        // Its lease is over: of those who claim it next, again one gets it, and the first changes nothing any more.
        let (other, mine) = (upload.clone(), upload.clone());
        let fence = won[0].fence;
        let claimed = write(store, move |tx| {
            tx.claim_upload(&other, "next", false, 300, 400)
        });
        assert_eq!(claimed.await.map(|claimed| claimed.fence), Some(fence + 1));
        let late = write(store, move |tx| {
            tx.record_upload_progress((&mine, fence), 5, "", "", 10_000)
        });
        assert!(!late.await);
    }
}

/// What a push does, in the order in which `services` does it.
pub(super) async fn push(
    store: &MetadataStore,
    world: &World,
    new: &NewManifest,
    blobs: &[(Digest, u64)],
) -> Result<bool, Error> {
    let (world, new, mut blobs) = (world.clone(), new.clone(), blobs.to_vec());
    blobs.sort_unstable();
    store
        .write(move |tx| {
            let (account, repository) = (&world.account.id, &world.repository);
            if !tx.create_manifest(&new, account, repository, 1)? {
                let theirs = tx.keep_manifest(repository, &new.digest)?;
                tx.put_tag(account, repository, &tag("latest"), &theirs.unwrap(), 1)?;
                return Ok(false);
            }
            let mut added = 0;
            for (digest, size) in &blobs {
                let Some((storage, _)) = tx.keep_membership(repository, digest)? else {
                    return Err(Error::ReferenceViolated);
                };
                tx.create_manifest_blob(&new.id, repository, &storage, digest)?;
                if tx.add_reference(account, digest, *size)? {
                    added += size;
                }
            }
            tx.put_tag(account, repository, &tag("latest"), &new.id, 1)?;
            assert!(tx.add_usage(account, added)?.is_done());
            Ok(true)
        })
        .await
}

async fn delete(store: &MetadataStore, world: &World, gone: &Digest) -> bool {
    let (world, gone) = (world.clone(), gone.clone());
    write(store, move |tx| {
        let Some(removed) = tx.remove_manifest(&world.repository, &gone)? else {
            return Ok(false);
        };
        let mut freed = 0;
        for (_, blob) in &removed.blobs {
            freed += tx.drop_reference(&world.account.id, blob)?;
        }
        tx.free_usage(&world.account.id, freed)?;
        Ok(true)
    })
    .await
}

fn usage(store: &MetadataStore, world: &World) -> (u64, u64) {
    let account = &world.account.id;
    store
        .read_blocking(|reader| {
            Ok::<_, Error>((reader.get_usage(account)?.0, reader.count_usage(account)?))
        })
        .unwrap()
}

/// What no schedule may break: the total is the sum, and a tag leads to a manifest.
fn check(store: &MetadataStore, world: &World) {
    let (total, sum) = usage(store, world);
    assert_eq!(total, sum, "the running total is not the sum");
    let dangling = "/* of a test */ SELECT t.name FROM tags t WHERE NOT EXISTS \
                    (SELECT 1 FROM manifests m WHERE m.id = t.manifest_id)";
    let unknown = "/* of a test */ SELECT k.digest FROM manifest_blobs k WHERE NOT EXISTS \
                   (SELECT 1 FROM repository_blobs r WHERE r.repository_id = k.repository_id AND r.digest = k.digest)";
    for broken in [dangling, unknown] {
        let found = store
            .read_blocking(|reader| reader.connection.list(broken, &[], |row| row.text(0)))
            .unwrap();
        assert_eq!(found, Vec::<String>::new(), "{broken}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pushes_and_deletions_into_one_account_keep_its_total() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    let blobs: Vec<(Digest, u64)> = (1..=6).map(|size| (digest(&id()), size * 10)).collect();
    for (blob, size) in &blobs {
        world.add_blob(store, blob, *size).await;
    }
    let manifests: Vec<NewManifest> = (0..RACERS)
        .map(|_| manifest(&format!("{{\"text\":\"{}\"}}", id())))
        .collect();
    for round in 0..ROUNDS {
        let racers = manifests.iter().enumerate().map(|(at, new)| {
            let (store, world) = (store.clone(), world.clone());
            // Each needs another choice of the same blobs, given in another order.
            let mut needed: Vec<_> = blobs
                .iter()
                .skip(at % 3)
                .step_by(1 + at % 2)
                .cloned()
                .collect();
            needed.rotate_left(at % 2);
            let new = NewManifest {
                id: id(),
                ..new.clone()
            };
            async move {
                if (at + round) % 3 == 0 {
                    delete(&store, &world, &new.digest).await;
                } else {
                    push(&store, &world, &new, &needed).await.unwrap();
                }
            }
        });
        race(racers).await;
        check(store, &world);
    }
    for manifest in &manifests {
        delete(store, &world, &manifest.digest).await;
    }
    assert_eq!(usage(store, &world), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_those_who_store_one_digest_one_wins_and_the_others_know() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    for _ in 0..ROUNDS {
        let blob = digest(&id());
        let keys = race((0..RACERS).map(|_| {
            let (store, world, blob, key) = (store.clone(), world.clone(), blob.clone(), id());
            async move {
                let place = key.clone();
                let located = store.write(move |tx| {
                    let put = tx.put_blob(("shared", &blob), 5, &place, 1)?;
                    let is_first = put == PutBlob::Stored;
                    let location = tx.keep_blob_location("shared", &blob)?.unwrap();
                    if !is_first {
                        tx.condemn_object(&place, 1)?;
                    }
                    let (account, repository) = (&world.account.id, &world.repository);
                    tx.put_repository_blob(account, repository, "shared", &blob, 1)?;
                    assert_eq!(is_first, location == place);
                    Ok::<_, Error>(location)
                });
                (key, located.await.unwrap())
            }
        }))
        .await;
        let winner = &keys[0].1;
        assert!(keys.iter().all(|(_, location)| location == winner));
        let condemned = "/* of a test */ SELECT location FROM condemned_objects";
        let condemned = store
            .read_blocking(|reader| reader.connection.list(condemned, &[], |row| row.text(0)))
            .unwrap();
        for (key, _) in &keys {
            assert_eq!(condemned.contains(key), key != winner);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_manifest_pushed_at_once_by_many_is_stored_and_counted_once() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    for _ in 0..ROUNDS {
        let before = usage(store, &world).0;
        let blob = (digest(&id()), 7);
        world.add_blob(store, &blob.0, blob.1).await;
        let new = manifest(&format!("{{\"text\":\"{}\"}}", id()));
        let answers = race((0..RACERS).map(|_| {
            let (store, world, blob) = (store.clone(), world.clone(), blob.clone());
            let new = NewManifest {
                id: id(),
                ..new.clone()
            };
            async move { push(&store, &world, &new, &[blob]).await.unwrap() }
        }))
        .await;
        assert_eq!(answers.iter().filter(|is_new| **is_new).count(), 1);
        assert_eq!(usage(store, &world), (before + 7, before + 7));
        check(store, &world);
    }
}

/// Whoever deletes a blob takes it first and looks at its manifests then, as `services` does.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_push_and_the_deletion_of_its_blob_do_not_both_succeed() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    let (mut pushed, mut deleted) = (0, 0);
    for round in 0..ROUNDS * 4 {
        let blob = digest(&id());
        world.add_blob(store, &blob, 7).await;
        let new = manifest(&format!("{{\"text\":\"{}\"}}", id()));
        let (by_push, by_deletion) = (store.clone(), store.clone());
        let (to, from, needed, gone) = (world.clone(), world.clone(), blob.clone(), blob);
        let pushing = async move { push(&by_push, &to, &new, &[(needed, 7)]).await.is_ok() };
        let deleting = async move {
            let deleting = by_deletion.write(move |tx| {
                tx.delete_repository_blob(&from.repository, &gone)?;
                if tx.is_blob_referenced(&from.repository, &gone)? {
                    return Err(Error::ReferenceViolated);
                }
                Ok(())
            });
            deleting.await.is_ok()
        };
        let pushing: std::pin::Pin<Box<dyn Future<Output = bool> + Send>> = Box::pin(pushing);
        let mut both = [pushing, Box::pin(deleting)];
        // Who is first often wins.
        both.rotate_left(usize::from(round % 2 == 1));
        // Each is first once without a race: chance may let one of them win all the others.
        let answers = if round < 2 {
            let [first, second] = both;
            vec![first.await, second.await]
        } else {
            race(both).await
        };
        assert_eq!(
            answers.iter().filter(|done| **done).count(),
            1,
            "{answers:?}"
        );
        check(store, &world);
        pushed += usize::from(usage(store, &world).0 > 0);
        deleted += 1;
    }
    assert!(pushed > 0 && deleted > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_many_make_at_once_is_there_once() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    let key = world.key.clone();
    let name = oci::RepositoryName::parse(&format!("{}/new", world.namespace_name)).unwrap();
    let key = crate::RepositoryKey { name, ..key };
    let made = race((0..RACERS).map(|_| {
        let (store, key, namespace) = (store.clone(), key.clone(), world.namespace.clone());
        async move {
            let made = store.write(move |tx| {
                let made = tx.create_repository(&RepositoryId::new(id()), &key, &namespace, 1)?;
                let found = tx.find_repository(&key)?;
                Ok::<_, Error>((made, found.map(|found| found.id)))
            });
            made.await.unwrap()
        }
    }))
    .await;
    assert_eq!(made.iter().filter(|(made, _)| *made).count(), 1);
    assert!(made.iter().all(|(_, found)| *found == made[0].1));

    let account = world.account.id.clone();
    let named = format!("n{}", id().replace('-', ""));
    let made = race((0..RACERS).map(|_| {
        let (store, account, named) = (store.clone(), account.clone(), named.clone());
        async move {
            let made = store.write(move |tx| {
                tx.create_namespace(&NamespaceId::new(id()), &account, &named, false, 1)
            });
            made.await
        }
    }))
    .await;
    assert_eq!(
        made.iter().filter(|made| matches!(made, Ok(true))).count(),
        1
    );
    let refused = made.iter().filter(|made| made.is_err());
    assert!(
        refused
            .clone()
            .all(|made| matches!(made, Err(Error::AlreadyExists)))
    );
    assert_eq!(refused.count(), RACERS - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn transactions_that_wait_for_each_other_are_run_again() {
    let database = Database::new();
    let store = &database.store;
    let names: Vec<String> = (0..4).map(|_| id()).collect();
    for name in names.clone() {
        write(store, move |tx| tx.put_deployment_value(&name, "0")).await;
    }
    // Each changes all of them, half in one order and half in the other: left to themselves they would deadlock.
    let done = race((0..RACERS).map(|number| {
        let (store, mut names) = (store.clone(), names.clone());
        if number % 2 == 0 {
            names.reverse();
        }
        async move {
            store
                .write(move |tx| {
                    for name in &names {
                        let count = "/* of a test */ UPDATE deployment SET value = \
                                     CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = ?1";
                        tx.connection
                            .execute(count, crate::connection::params![name])?;
                    }
                    Ok::<_, Error>(())
                })
                .await
        }
    }))
    .await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    for name in &names {
        let counted = store
            .read_blocking(|reader| reader.find_deployment_value(name))
            .unwrap();
        assert_eq!(
            counted,
            Some(RACERS.to_string()),
            "a transaction was counted twice, or not"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_those_who_drop_a_digest_the_last_one_frees_it() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    for _ in 0..ROUNDS {
        let (account, blob) = (world.account.id.clone(), digest(&id()));
        let counted = blob.clone();
        write(store, move |tx| {
            for _ in 0..RACERS {
                tx.add_reference(&account, &counted, 7)?;
            }
            Ok(())
        })
        .await;
        let freed = race((0..RACERS).map(|_| {
            let (store, account, blob) = (store.clone(), world.account.id.clone(), blob.clone());
            async move {
                store
                    .write(move |tx| tx.drop_reference(&account, &blob))
                    .await
                    .unwrap()
            }
        }))
        .await;
        assert_eq!(freed.iter().filter(|freed| **freed == 7).count(), 1);
        assert_eq!(freed.iter().sum::<u64>(), 7);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_upload_is_not_ended_under_a_writer_that_was_late_with_its_sign_of_life() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    for _ in 0..ROUNDS * 4 {
        let upload = UploadId::parse(&id()).unwrap();
        let new = NewUpload {
            id: upload.clone(),
            account_id: world.account.id.clone(),
            repository_id: world.repository.clone(),
            caller: "somebody".to_owned(),
            algorithm: Algorithm::Sha256,
            expires_at_ms: 100,
        };
        let held = upload.clone();
        write(store, move |tx| {
            tx.create_upload(&new, 1)?;
            tx.claim_upload(&held, "one", false, 1, 50)
        })
        .await;
        let racers = (0..RACERS).map(|number| {
            let (store, upload) = (store.clone(), upload.clone());
            async move {
                let done = store.write(move |tx| {
                    if number % 2 == 0 {
                        return tx.renew_upload_lease(&upload, 1, 1000);
                    }
                    let expired = tx.take_expired_uploads("two", false, 200, 10)?;
                    for id in &expired {
                        assert!(tx.delete_upload(id, 200)?);
                    }
                    Ok(!expired.is_empty())
                });
                (number % 2 == 0, done.await.unwrap())
            }
        });
        let done = race(racers).await;
        let renewed = done.iter().any(|(renews, done)| *renews && *done);
        let ended = done
            .iter()
            .filter(|(renews, done)| !*renews && *done)
            .count();
        assert_eq!(usize::from(renewed) + ended, 1, "{done:?}");
    }
}
