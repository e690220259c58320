//! The running total of an account equals what its references add up to, whatever came before.

use super::content::manifest;
use super::fixture::{Database, World, digest, id};
use crate::{Error, MetadataStore};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

#[derive(Clone, Debug)]
enum Step {
    /// A manifest (of so many repositories) that needs these blobs.
    Put {
        repository: usize,
        blobs: Vec<usize>,
    },
    /// The n-th of the manifests that are there.
    Delete(usize),
    /// The first n of them, at once.
    DeleteMany(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let put = (0..2_usize, prop::collection::btree_set(0..6_usize, 0..5)).prop_map(
        |(repository, blobs)| Step::Put {
            repository,
            blobs: blobs.into_iter().collect(),
        },
    );
    let step = prop_oneof![
        4 => put,
        2 => any::<usize>().prop_map(Step::Delete),
        1 => (0..5_usize).prop_map(Step::DeleteMany),
    ];
    prop::collection::vec(step, 1..25)
}

fn size(blob: usize) -> u64 {
    1 << (4 * blob)
}

async fn follow(store: &MetadataStore, steps: Vec<Step>) {
    let world = World::create(store).await;
    let (second, _) = world.add_repository(store, "second").await;
    let blobs: Vec<_> = (0..6).map(|_| digest(&id())).collect();
    for (at, blob) in blobs.iter().enumerate() {
        world.add_blob(store, blob, size(at)).await;
    }
    let account = world.account.id.clone();
    let repositories = [world.repository.clone(), second];
    let totals: Result<(), Error> = store
        .write(move |tx| {
            let mut stored = Vec::new();
            for step in steps {
                match step {
                    Step::Put {
                        repository,
                        blobs: needed,
                    } => {
                        let (new, to) = (manifest(&id()), &repositories[repository]);
                        tx.create_manifest(&new, &account, to, 1)?;
                        let mut added_bytes = 0;
                        for at in needed {
                            tx.create_manifest_blob(&new.id, to, "shared", &blobs[at])?;
                            if tx.add_reference(&account, &blobs[at], size(at))? {
                                added_bytes += size(at);
                            }
                        }
                        assert!(tx.add_usage(&account, added_bytes)?.is_done());
                        stored.push((repository, new.digest, new.id));
                    }
                    Step::Delete(_) if stored.is_empty() => {}
                    Step::DeleteMany(most) => {
                        let some = most.min(stored.len());
                        let gone: Vec<_> = stored.drain(..some).collect();
                        let ids: Vec<&str> = gone.iter().map(|one| one.2.as_str()).collect();
                        let removed = tx.remove_manifests(&ids)?;
                        let freed_bytes = tx.drop_references(&account, &removed.blobs)?;
                        tx.free_usage(&account, freed_bytes)?;
                    }
                    Step::Delete(at) => {
                        let (from, digest, _) = stored.remove(at % stored.len());
                        let removed = tx.remove_manifest(&repositories[from], &digest)?.unwrap();
                        let mut freed_bytes = 0;
                        for (_, blob) in &removed.blobs {
                            freed_bytes += tx.drop_reference(&account, blob)?;
                        }
                        tx.free_usage(&account, freed_bytes)?;
                    }
                }
                assert_eq!(tx.get_usage(&account)?.0, tx.count_usage(&account)?);
            }
            for (from, digest, _) in stored {
                let removed = tx.remove_manifest(&repositories[from], &digest)?.unwrap();
                for (_, blob) in &removed.blobs {
                    let freed = tx.drop_reference(&account, blob)?;
                    tx.free_usage(&account, freed)?;
                }
            }
            assert_eq!(
                tx.get_usage(&account)?.0,
                0,
                "nothing is left, and nothing is used"
            );
            Ok(())
        })
        .await;
    totals.unwrap();
}

#[test]
fn the_running_total_is_always_the_sum_of_what_is_referenced() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let database = Database::new();
    let config = Config {
        cases: 64,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&steps(), |steps| {
            runtime.block_on(follow(&database.store, steps));
            Ok(())
        })
        .unwrap();
}
