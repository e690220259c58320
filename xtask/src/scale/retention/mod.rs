//! A retention run over a namespace with very many artifacts: it reads each once, in memory that does not grow with them,
//! pushes do not notice it, and when it is killed it goes on where it was.

mod policy;
mod pushes;
mod report;
mod windows;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use engines::Postgres;

use super::Database;
use super::counts::Counts;
use super::registry::{Place, Registry};
use super::seed;
use super::shape::Size;
use policy::{End, Policy, compare, manifests};
pub(super) use windows::settle;
use windows::{Kind, Window, windows};

/// Of PostgreSQL's, which logs whoever waited longer for a lock.
const WAITED: &str = "10ms";

/// What whole runs took in one registry.
#[derive(Clone, Debug, Default)]
struct Whole {
    artifacts: u64,
    /// Read by a dry run, which reads what a run reads.
    rows: Counts,
    took: Duration,
    cpu: Duration,
    /// The most memory that the registry had, in bytes.
    memory: u64,
}

/// What came of killing the registry.
#[derive(Clone, Debug, Default)]
struct Killed {
    /// Artifacts left to remove when it was killed, and left in the end.
    at: u64,
    kept: u64,
    /// From its second start to the end of the run.
    took: Duration,
    memory: u64,
}

/// Everything that was measured on a database.
#[derive(Clone, Debug)]
struct Measured {
    small: Whole,
    large: Whole,
    windows: Vec<Window>,
    killed: Killed,
    counts_locks: bool,
}

/// A registry that is filled and has its policy.
struct Filled<'s> {
    place: Place<'s>,
    size: Size,
    postgres: Option<&'s Postgres>,
    /// Images that were pushed besides, or begun to be.
    pushes: AtomicU64,
    /// What stays by the model.
    staying: u64,
}

impl<'s> Filled<'s> {
    fn make(
        place: Place<'s>,
        size: Size,
        postgres: Option<&'s Postgres>,
        what: &str,
    ) -> anyhow::Result<Self> {
        let begun = Instant::now();
        Registry::start(&place, &[])?.stop()?;
        let repositories = size.of_one_team();
        seed::fill_with(&*place.seed(), &place.data, (size, &repositories), what)?;
        let said = place.check()?;
        let took = begun.elapsed().as_secs_f64();
        println!(
            "{what}: {} artifacts in {took:.0} s; {said}",
            size.manifests
        );
        Ok(Self {
            place,
            size,
            postgres,
            pushes: AtomicU64::new(0),
            staying: policy::staying_count(size),
        })
    }

    /// What no rule keeps and is still there.
    fn to_go(&self) -> anyhow::Result<u64> {
        let staying = self.staying + self.pushes.load(Ordering::Relaxed);
        Ok(manifests(&self.place)?.saturating_sub(staying))
    }
}

pub(super) fn run(
    server: &Path,
    root: &Path,
    database: Database,
    artifacts: u64,
) -> anyhow::Result<(String, Vec<String>)> {
    let postgres = match database {
        Database::Sqlite => None,
        Database::Postgresql => Some(
            Postgres::builder()
                .setting("shared_buffers", "512MB")
                .setting("maintenance_work_mem", "512MB")
                .setting("max_wal_size", "16GB")
                .setting("log_lock_waits", "on")
                .setting("deadlock_timeout", WAITED)
                .start()?,
        ),
    };
    let small = Size {
        manifests: (artifacts / 100_000 * 1000).max(1000),
    };
    let large = Size {
        manifests: artifacts,
    };
    let mut filled = Vec::new();
    for (name, size) in [("small", small), ("large", large)] {
        let data = root.join(format!("retention-{database:?}-{name}").to_lowercase());
        let server_of = postgres.as_ref().map(|postgres| (postgres, name));
        let place = Place::make(server, data, server_of)?;
        let what = format!("{}, {name}", database.title());
        filled.push(Filled::make(place, size, postgres.as_ref(), &what)?);
    }
    let Ok([small, large]) = <[Filled<'_>; 2]>::try_from(filled) else {
        bail!("there are two registries");
    };
    Ok(report::of(&measure(&small, &large)?))
}

fn measure(small: &Filled<'_>, large: &Filled<'_>) -> anyhow::Result<Measured> {
    let of_small = whole_run(small)?;
    let (registry, policy) = begin(large)?;
    let of_large = dry_run(large, &registry, &policy)?;
    let windows = windows(large, &registry, &policy)?;
    let mut killed = kill(large, registry, &policy)?;
    killed.kept = compare(
        &large.place,
        large.size,
        large.pushes.load(Ordering::Relaxed),
    )?;
    println!("afterwards: {}", large.place.check()?);
    Ok(Measured {
        small: of_small,
        large: of_large,
        windows,
        killed,
        counts_locks: large.postgres.is_some(),
    })
}

/// A dry run and a real one, which nothing disturbs.
fn whole_run(filled: &Filled<'_>) -> anyhow::Result<Whole> {
    let (registry, policy) = begin(filled)?;
    let mut whole = dry_run(filled, &registry, &policy)?;
    let run = policy.start(&registry, false)?;
    let (end, memory) = watched(&registry, || policy.wait(&registry, run))?;
    ensure!(end == End::Success, "the run was stopped");
    whole.memory = whole.memory.max(memory);
    registry.stop()?;
    compare(&filled.place, filled.size, 0)?;
    filled.place.check()?;
    Ok(whole)
}

/// The least of it, for a test.
#[cfg(test)]
pub(super) fn is_followed(place: Place<'_>, size: Size) -> anyhow::Result<()> {
    whole_run(&Filled::make(place, size, None, "a test")?).map(drop)
}

fn begin<'p>(filled: &'p Filled<'p>) -> anyhow::Result<(Registry<'p>, Policy)> {
    let registry = Registry::start(&filled.place, &[])?;
    let policy = Policy::create(&registry, filled.size)?;
    settle(&registry)?;
    Ok((registry, policy))
}

/// A whole dry run that nothing disturbs.
fn dry_run(filled: &Filled<'_>, registry: &Registry<'_>, policy: &Policy) -> anyhow::Result<Whole> {
    let (rows, cpu, begun) = (registry.rows_read()?, registry.cpu(), Instant::now());
    let run = policy.start(registry, true)?;
    let (end, memory) = watched(registry, || policy.wait(registry, run))?;
    ensure!(end == End::Success, "the dry run was stopped");
    let whole = Whole {
        artifacts: filled.size.manifests,
        took: begun.elapsed(),
        cpu: registry.cpu().saturating_sub(cpu),
        rows: registry.rows_read()?.since(&rows),
        memory,
    };
    println!(
        "dry run over {} artifacts: {:?}; rows of {}",
        whole.artifacts,
        whole.took,
        whole.rows.most()
    );
    let there = manifests(&filled.place)?;
    ensure!(
        there == filled.size.manifests,
        "a dry run removed something: {there} are left"
    );
    Ok(whole)
}

/// Does something. Answers with the most memory that the registry had meanwhile, too.
fn watched<T>(
    registry: &Registry<'_>,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, u64)> {
    let (over, is_over) = channel::<()>();
    thread::scope(|scope| {
        let watching = scope.spawn(move || {
            let mut most = 0;
            while is_over.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout)
            {
                most = most.max(registry.memory());
            }
            most
        });
        let worked = work();
        drop(over);
        let Ok(most) = watching.join() else {
            bail!("nobody looked at the memory");
        };
        Ok((worked?, most))
    })
}

/// Kills the registry when a run has removed half of what is left, and lets the next one end it.
fn kill(filled: &Filled<'_>, registry: Registry<'_>, policy: &Policy) -> anyhow::Result<Killed> {
    let to_go = filled.to_go()?;
    ensure!(
        to_go > 0,
        "there is nothing left to remove: take more artifacts"
    );
    let run = policy.start(&registry, false)?;
    let begun = Instant::now();
    let at = loop {
        let left = filled.to_go()?;
        if left <= to_go / 2 {
            break left;
        }
        let state = policy.state(&mut registry.client()?, run)?;
        ensure!(
            state == "InProgress" && begun.elapsed() < Duration::from_hours(2),
            "the run does not get on: {state}"
        );
        thread::sleep(Duration::from_millis(20));
    };
    registry.kill()?;
    println!("killed with {at} artifacts left to remove");
    let begun = Instant::now();
    let registry = Registry::start(&filled.place, &[])?;
    let (end, memory) = watched(&registry, || policy.wait(&registry, run))?;
    ensure!(end == End::Success, "the run that was killed was stopped");
    let took = begun.elapsed();
    settle(&registry)?;
    registry.stop()?;
    Ok(Killed {
        at,
        kept: 0,
        took,
        memory,
    })
}
