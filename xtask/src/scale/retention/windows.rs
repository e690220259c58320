//! Windows with pushes alone, a run alone, and both.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;
use engines::Postgres;

use super::Filled;
use super::policy::{End, Policy, manifests};
use super::pushes::{Pushed, during};
use crate::scale::registry::Registry;

/// Rounds of a window with pushes alone, one with a run alone, and one with both; and how long each takes.
const ROUNDS: u64 = 5;
const WINDOW: Duration = Duration::from_secs(5);
/// Artifacts for which windows are as long as that; in a trial they are shorter.
const ENOUGH: u64 = 500_000;
/// What follows from a window's work is done when the registry uses less than this of a core; after the filling, a million
/// events are numbered.
const QUIET: f64 = 0.04;
const LONGEST_SETTLING: Duration = Duration::from_mins(20);

/// What is done in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Pushes,
    Run,
    Both,
}

/// What happened in a window and what followed from it.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) kind: Kind,
    pub(super) cpu: Duration,
    pub(super) removed: u64,
    pub(super) pushed: Pushed,
    /// Times that somebody waited for a lock, by PostgreSQL's log.
    pub(super) lock_waits: u64,
    /// Whether there was nothing left to be removed before it ended.
    pub(super) is_last: bool,
}

fn length(filled: &Filled<'_>) -> Duration {
    let part = WINDOW * u32::try_from(filled.size.manifests.min(ENOUGH)).unwrap_or(0) / 500_000;
    part.max(WINDOW / 20)
}

/// Waits until what was begun has been followed up.
pub(in crate::scale) fn settle(registry: &Registry<'_>) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let (cpu, at) = (registry.cpu(), Instant::now());
        thread::sleep(Duration::from_millis(1500));
        let used = registry.cpu().saturating_sub(cpu).as_secs_f64();
        if used / at.elapsed().as_secs_f64() < QUIET {
            return Ok(());
        }
        ensure!(
            begun.elapsed() < LONGEST_SETTLING,
            "the registry finds no rest"
        );
    }
}

/// Windows in turn, for as long as there is something to remove.
pub(super) fn windows(
    filled: &Filled<'_>,
    registry: &Registry<'_>,
    policy: &Policy,
) -> anyhow::Result<Vec<Window>> {
    let (mut all, at_first) = (Vec::new(), filled.to_go()?);
    // The repositories of the pushes are there, and the first window has nothing that the others have not.
    during(registry, &filled.pushes, || {
        thread::sleep(WINDOW / 4);
        Ok(())
    })?;
    settle(registry)?;
    for round in 0..ROUNDS {
        let mut kinds = [Kind::Pushes, Kind::Run, Kind::Both];
        kinds.rotate_left(usize::try_from(round % 3)?);
        for kind in kinds {
            let window = window(filled, registry, policy, kind)?;
            println!(
                "{kind:?}: {:.1} s of processor time, {} pushed in {:.1} ms each, {} removed",
                window.cpu.as_secs_f64(),
                window.pushed.count,
                window.pushed.median_ms(),
                window.removed
            );
            all.push(window);
            // The rest is for the run in which the registry is killed.
            if filled.to_go()? < at_first / 3 {
                return Ok(all);
            }
        }
    }
    Ok(all)
}

fn window(
    filled: &Filled<'_>,
    registry: &Registry<'_>,
    policy: &Policy,
    kind: Kind,
) -> anyhow::Result<Window> {
    let (before, waits) = (manifests(&filled.place)?, lock_waits(filled));
    let cpu = registry.cpu();
    let work = || {
        let run = match kind {
            Kind::Pushes => None,
            Kind::Run | Kind::Both => Some(policy.start(registry, false)?),
        };
        thread::sleep(length(filled));
        run.map(|run| policy.stop(registry, run)).transpose()
    };
    let (end, pushed) = match kind {
        Kind::Run => (work()?, Pushed::default()),
        Kind::Pushes | Kind::Both => during(registry, &filled.pushes, work)?,
    };
    settle(registry)?;
    let cpu = registry.cpu().saturating_sub(cpu);
    let after = manifests(&filled.place)?;
    Ok(Window {
        kind,
        cpu,
        removed: (before + pushed.count).saturating_sub(after),
        pushed,
        lock_waits: lock_waits(filled) - waits,
        is_last: end == Some(End::Success),
    })
}

/// Lines about waiting for locks in PostgreSQL's log so far.
fn lock_waits(filled: &Filled<'_>) -> u64 {
    let log = filled.postgres.map(Postgres::log).unwrap_or_default();
    log.lines()
        .filter(|line| line.contains(" still waiting for "))
        .count() as u64
}
