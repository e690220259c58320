//! Pushes, mounts, deletions, time and the collector in random order, several at a time. Whatever manifest was acknowledged
//! and not deleted is wholly there; a client that is told of a blob can use it; at rest, nothing is left that nothing needs;
//! and usage is what it should be.
//!
//! `TEST_SEED` repeats a run, `TEST_COUNT` says how many schedules there are: `cargo xtask soak interleave` makes many.

mod steps;

use super::backends::Backends;
use super::registry::{GRACE_MS, Registry, Site};
use oci::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use steps::{
    BLOBS, MANIFESTS, Promises, REPOSITORIES, Random, Round, Step, bytes_of, digest, needed,
    reference, take,
};

/// Schedules in an ordinary run: in memory, and on each combination of real engines.
const SCHEDULES: u64 = 200;
const DURABLE_SCHEDULES: u64 = 18;
/// Schedules that share a registry: at the end of each it is empty again.
const PER_REGISTRY: usize = 50;
/// How long deleted manifests are kept: shorter and longer than leases, and not at all.
const TRASH_MS: [i64; 3] = [3 * GRACE_MS, 3_600_000, 0];
/// Sites, each with a registry of its own, all at work at the same time. A seed says which one a schedule is for.
const SITES: u64 = 6;

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
        let name = REPOSITORIES[repository];
        let access = registry.pull(name).await;
        let reference = reference(manifest);
        let found = registry.services.manifests.get(&access, &reference).await;
        match expectation {
            Expectation::Must => assert!(found.is_ok(), "{name} lost manifest {manifest}"),
            Expectation::MustNot => assert!(found.is_err(), "{name} still has manifest {manifest}"),
            Expectation::May => {}
        }
        if found.is_ok() {
            let needed = needed(manifest).map(digest);
            let bytes = bytes_of(manifest);
            registry.assert_whole(name, &bytes, &needed).await;
            served.push((repository, manifest));
        }
    }
    let maintenance = &registry.services.maintenance;
    for account in [&registry.account, &registry.other_account] {
        let (running, counted) = maintenance.compare_usage(account).await.unwrap();
        assert_eq!(running, counted, "usage");
    }
    served
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

async fn live(registry: &Arc<Registry>, random: &mut Random) {
    let (mut expected, mut promises) = (Expected::new(), Promises::new());
    for steps in random.schedule() {
        let round = Arc::new(Round {
            steps,
            begun_ms: model::Clock::now_ms(&*registry.clock),
            promises,
        });
        let mut taking = Vec::new();
        for step in &round.steps {
            let random = Random::new(random.below(usize::MAX) as u64);
            taking.push(tokio::spawn(take(
                registry.clone(),
                *step,
                round.clone(),
                random,
            )));
        }
        let mut taken = Vec::new();
        for step in taking {
            match step.await {
                Ok(outcome) => taken.push(outcome.is_ok()),
                Err(failed) => std::panic::resume_unwind(failed.into_panic()),
            }
        }
        promises = round.learn(&taken);
        let outcomes: Vec<_> = round.steps.iter().copied().zip(taken).collect();
        learn(&mut expected, &outcomes);
        if random.below(4) == 0 {
            check(registry, &expected).await;
        }
    }
    check(registry, &expected).await;
    registry.come_to_rest().await;
    let served = check(registry, &expected).await;
    assert_nothing_is_left(registry, &served).await;
    for (repository, manifest) in served {
        let deleted = steps::delete_manifest(registry, repository, manifest);
        deleted.await.unwrap();
    }
    registry.come_to_rest().await;
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

async fn live_at(number: u64, site: Site, seeds: impl Iterator<Item = u64>) {
    let trash_ms = TRASH_MS[usize::try_from(number).unwrap() % TRASH_MS.len()];
    let mut seeds = seeds.peekable();
    while seeds.peek().is_some() {
        let registry = Arc::new(Registry::start_at(&site, trash_ms).await);
        for seed in seeds.by_ref().take(PER_REGISTRY) {
            let _named = Named(seed);
            live(&registry, &mut Random::new(seed)).await;
        }
    }
}

fn from_environment(name: &str) -> Option<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test run decides how long it is"
    )]
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap())
}

/// As many schedules as this run is to have, on backends made for each site.
async fn live_through(schedules: u64, backends: fn() -> Backends) {
    let count = from_environment("TEST_COUNT").unwrap_or(schedules);
    let first = from_environment("TEST_SEED").unwrap_or_else(|| {
        let random = RandomState::new().build_hasher().finish();
        u64::from(u32::try_from(random >> 32).unwrap())
    });
    eprintln!("schedules with the seeds from {first}, {count} of them");
    let mut living = tokio::task::JoinSet::new();
    for number in 0..SITES {
        let seeds = (first..first + count).filter(move |seed| seed % SITES == number);
        if seeds.clone().next().is_some() {
            let site = tokio::task::spawn_blocking(move || Site::new(backends()));
            let site = site.await.unwrap();
            living.spawn(live_at(number, site, seeds));
        }
    }
    while let Some(ended) = living.join_next().await {
        if let Err(failed) = ended {
            std::panic::resume_unwind(failed.into_panic());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_and_not_deleted_is_whole_and_nothing_else_is_left() {
    live_through(SCHEDULES, Backends::in_memory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_is_with_sqlite_and_files() {
    live_through(DURABLE_SCHEDULES, || Backends::durable(false, false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_is_with_postgresql_and_files() {
    live_through(DURABLE_SCHEDULES, || Backends::durable(true, false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_is_with_sqlite_and_s3() {
    live_through(DURABLE_SCHEDULES, || Backends::durable(false, true)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_is_with_postgresql_and_s3() {
    live_through(DURABLE_SCHEDULES, || Backends::durable(true, true)).await;
}
