//! Pushes, mounts, deletions, time and the collector in random order, several at a time. Whatever manifest was acknowledged
//! and not deleted is wholly there; a client that is told of a blob can use it; at rest, nothing is left that nothing needs;
//! and usage is what it should be.
//!
//! `TEST_SEED` repeats a run, `TEST_COUNT` says how many schedules there are: `cargo xtask soak interleave` makes many.

mod steps;

use super::registry::{GRACE_MS, Registry};
use futures_util::future::join_all;
use oci::{Digest, Reference};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use steps::{
    BLOBS, MANIFESTS, Promises, REPOSITORIES, Random, Round, Step, bytes_of, digest, needed, take,
};

/// Schedules in an ordinary run.
const SCHEDULES: u64 = 200;
/// Schedules that share a registry: at the end of each it is empty again.
const PER_REGISTRY: u64 = 25;
/// How long deleted manifests are kept, in one registry after the other: shorter and longer than leases, and not at all.
const TRASH_MS: [i64; 3] = [3 * GRACE_MS, 3_600_000, 0];
/// Threads, each with registries of its own.
const THREADS: u64 = 2;

/// What a repository must or may have, as far as the answers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expectation {
    Must,
    MustNot,
    /// It was put and deleted at the same time.
    May,
}

type Expected = BTreeMap<(usize, usize), Expectation>;

/// Learns from a round of steps that ran at the same time, with what each came to.
fn learn(expected: &mut Expected, round: &[(Step, bool)]) {
    let did = |wanted: (usize, usize), is_put: bool| {
        round.iter().any(|(step, is_done)| match *step {
            Step::PushManifest {
                repository,
                manifest,
                ..
            }
            | Step::PushImage {
                repository,
                manifest,
                ..
            } if is_put => *is_done && (repository, manifest) == wanted,
            Step::DeleteManifest {
                repository,
                manifest,
            } if !is_put => *is_done && (repository, manifest) == wanted,
            _ => false,
        })
    };
    for repository in 0..REPOSITORIES.len() {
        for manifest in 0..MANIFESTS {
            let key = (repository, manifest);
            let learnt = match (did(key, true), did(key, false)) {
                (true, true) => Expectation::May,
                (true, false) => Expectation::Must,
                (false, true) => Expectation::MustNot,
                (false, false) => continue,
            };
            expected.insert(key, learnt);
        }
    }
}

/// Pulls everything that may be there. Answers with the manifests that are.
async fn check(registry: &Registry, expected: &Expected) -> Vec<(usize, usize)> {
    let mut served = Vec::new();
    for (&(repository, manifest), &expectation) in expected {
        let (name, bytes) = (REPOSITORIES[repository], bytes_of(manifest));
        let reference = Reference::Digest(Digest::sha256_of(&bytes));
        let access = registry.pull(name).await;
        let found = registry.services.manifests.get(&access, &reference).await;
        match expectation {
            Expectation::Must => assert!(found.is_ok(), "{name} lost manifest {manifest}"),
            Expectation::MustNot => assert!(found.is_err(), "{name} still has manifest {manifest}"),
            Expectation::May => {}
        }
        if found.is_ok() {
            let needed = needed(manifest).map(digest);
            registry.assert_whole(name, &bytes, &needed).await;
            served.push((repository, manifest));
        }
    }
    let maintenance = &registry.services.maintenance;
    let (running, counted) = maintenance.compare_usage(&registry.account).await.unwrap();
    assert_eq!(running, counted, "usage");
    served
}

/// Lets everything run out that can, and takes away what may go.
async fn come_to_rest(registry: &Registry) {
    let services = &registry.services;
    services.blobs.flush_renewals().await.unwrap();
    for _ in 0..6 {
        registry.clock.advance(GRACE_MS + 1);
        registry.maintain().await;
        registry.collect_everything().await;
    }
}

/// Fails unless the database and the store hold exactly what these manifests need.
async fn assert_nothing_is_left(registry: &Registry, served: &[(usize, usize)]) {
    let leases: BTreeSet<(usize, Digest)> = served
        .iter()
        .flat_map(|(repository, manifest)| {
            needed(*manifest).map(|number| (*repository, digest(number)))
        })
        .collect();
    let blobs: BTreeSet<Digest> = leases.iter().map(|(_, digest)| digest.clone()).collect();
    registry.assert_holds_exactly(&blobs).await;
    for (repository, name) in REPOSITORIES.iter().enumerate() {
        for number in 0..BLOBS {
            let (access, digest) = (registry.pull(name).await, digest(number));
            let known = registry.services.blobs.open(&access, &digest).await.is_ok();
            let is_needed = leases.contains(&(repository, digest));
            assert_eq!(known, is_needed, "{name} and blob {number}");
        }
    }
}

async fn live(registry: &Registry, random: &mut Random) {
    let (mut expected, mut promises) = (Expected::new(), Promises::new());
    for steps in random.schedule() {
        let round = Round {
            steps: &steps,
            begun_ms: model::Clock::now_ms(&*registry.clock),
            promises: &promises,
        };
        let mut randoms: Vec<_> = steps
            .iter()
            .map(|_| Random::new(random.below(usize::MAX) as u64))
            .collect();
        let taken = steps.iter().zip(&mut randoms);
        let taken = taken.map(|(step, random)| take(registry, *step, round, random));
        let taken: Vec<_> = join_all(taken).await.iter().map(Result::is_ok).collect();
        promises = round.learn(&taken);
        let outcomes: Vec<_> = steps.iter().copied().zip(taken).collect();
        learn(&mut expected, &outcomes);
        if random.below(4) == 0 {
            check(registry, &expected).await;
        }
    }
    check(registry, &expected).await;
    come_to_rest(registry).await;
    let served = check(registry, &expected).await;
    assert_nothing_is_left(registry, &served).await;
    for (repository, manifest) in served {
        let deleted = steps::delete_manifest(registry, repository, manifest);
        deleted.await.unwrap();
    }
    come_to_rest(registry).await;
    assert_nothing_is_left(registry, &[]).await;
}

/// Says how to repeat a schedule that failed.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "repeat this schedule with TEST_SEED={} TEST_COUNT=1",
                self.0
            );
        }
    }
}

fn live_through(seeds: impl Iterator<Item = u64>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut seeds = seeds.peekable();
        let mut trash_periods = TRASH_MS.into_iter().cycle();
        while seeds.peek().is_some() {
            let trash_ms = trash_periods.next().unwrap();
            let registry = Registry::start_with_trash(trash_ms).await;
            for seed in seeds.by_ref().take(usize::try_from(PER_REGISTRY).unwrap()) {
                let _named = Named(seed);
                live(&registry, &mut Random::new(seed)).await;
            }
        }
    });
}

fn from_environment(name: &str) -> Option<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test run decides how long it is"
    )]
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap())
}

#[test]
fn whatever_was_acknowledged_and_not_deleted_is_whole_and_nothing_else_is_left() {
    let count = from_environment("TEST_COUNT").unwrap_or(SCHEDULES);
    let first = from_environment("TEST_SEED").unwrap_or_else(|| {
        let random = RandomState::new().build_hasher().finish();
        u64::from(u32::try_from(random >> 32).unwrap())
    });
    eprintln!("schedules with the seeds from {first}, {count} of them");
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS.min(count))
            .map(|thread| {
                let step = usize::try_from(THREADS).unwrap();
                scope.spawn(move || live_through((first + thread..first + count).step_by(step)))
            })
            .collect();
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}
