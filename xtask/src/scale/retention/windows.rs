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
    let (before, waits) = (manifests(&filled.place)?, lock_waits(filled).len());
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
    let waited = lock_waits(filled).split_off(waits);
    for statement in &waited {
        println!("waited for a lock: {statement}");
    }
    Ok(Window {
        kind,
        cpu,
        removed: (before + pushed.count).saturating_sub(after),
        pushed,
        lock_waits: waited.len() as u64,
        is_last: end == Some(End::Success),
    })
}

/// The statements that waited for locks, by PostgreSQL's log so far. Whoever calls a run off waits for its step: that is none.
fn lock_waits(filled: &Filled<'_>) -> Vec<String> {
    let log = filled.postgres.map(Postgres::log).unwrap_or_default();
    waited(&log)
}

fn waited(log: &str) -> Vec<String> {
    let mut lines = log.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if !line.contains(" still waiting for ") {
            continue;
        }
        // Behind details and contexts, which may be missing.
        let mut rest = lines.clone().take(4);
        let statement = rest.find_map(|line| line.split_once("STATEMENT:  "));
        let statement = statement.map_or("", |(_, statement)| statement);
        if !statement.contains("retention_runs") {
            found.push(statement.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::waited;

    #[test]
    fn a_statement_that_waited_is_found_in_the_log() {
        let log = "\
            2026-01-01 00:00:00.000 UTC [7] LOG:  process 7 still waiting for ShareLock on transaction 5 after 10.1 ms\n\
            2026-01-01 00:00:00.000 UTC [7] DETAIL:  Process holding the lock: 8. Wait queue: 7.\n\
            2026-01-01 00:00:00.000 UTC [7] STATEMENT:  UPDATE account_usage SET used_bytes = $1\n\
            2026-01-01 00:00:00.000 UTC [7] LOG:  process 7 acquired ShareLock on transaction 5 after 11.1 ms\n\
            2026-01-01 00:00:01.000 UTC [9] LOG:  process 9 still waiting for ShareLock on transaction 6 after 10.1 ms\n\
            2026-01-01 00:00:01.000 UTC [9] STATEMENT:  SELECT 1 FROM retention_runs WHERE id = $1\n";
        assert_eq!(waited(log), ["UPDATE account_usage SET used_bytes = $1"]);
    }
}
