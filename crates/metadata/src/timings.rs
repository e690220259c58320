//! What a database measures of itself.

use rusqlite::StatementStatus;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Times and counts, in a form that metrics can read at any moment.
#[derive(Default)]
pub struct Timings {
    commits: AtomicU64,
    committed_closures: AtomicU64,
    commit_nanos: AtomicU64,
    reads: AtomicU64,
    read_nanos: AtomicU64,
    statements: AtomicU64,
    steps: AtomicU64,
}

impl Timings {
    pub(crate) fn commit(&self, took: Duration, closures: usize) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.committed_closures
            .fetch_add(closures as u64, Ordering::Relaxed);
        self.commit_nanos.fetch_add(nanos(took), Ordering::Relaxed);
    }

    pub(crate) fn read(&self, took: Duration) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.read_nanos.fetch_add(nanos(took), Ordering::Relaxed);
    }

    pub(crate) fn spent(&self, cost: Cost) {
        self.statements
            .fetch_add(cost.statements, Ordering::Relaxed);
        self.steps.fetch_add(cost.steps, Ordering::Relaxed);
    }

    /// Statements that were run, in questions and in transactions; what begins and ends a transaction is none.
    pub fn statements(&self) -> u64 {
        load(&self.statements)
    }

    /// Steps of SQLite's virtual machine, in reads and in transactions: every row that is looked at costs a few, in a table
    /// or in an index, so it tells whether the work grows with what is stored. 0 on PostgreSQL, which counts for itself.
    pub fn steps(&self) -> u64 {
        load(&self.steps)
    }

    /// Commits, transactions in them, and seconds spent in them.
    pub fn commits(&self) -> (u64, u64, f64) {
        (
            load(&self.commits),
            load(&self.committed_closures),
            seconds(&self.commit_nanos),
        )
    }

    /// Reads and seconds spent in them.
    pub fn reads(&self) -> (u64, f64) {
        (load(&self.reads), seconds(&self.read_nanos))
    }
}

/// What questions cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Texts that were run.
    pub(crate) statements: u64,
    /// Steps of SQLite's virtual machine: each row read takes a few. PostgreSQL counts for itself.
    pub(crate) steps: u64,
}

/// What the questions of one connection have cost so far.
#[derive(Default)]
pub(crate) struct Spent {
    statements: Cell<u64>,
    steps: Cell<u64>,
}

impl Spent {
    /// What that is.
    pub(crate) fn cost(&self) -> Cost {
        Cost {
            statements: self.statements.get(),
            steps: self.steps.get(),
        }
    }

    /// Adds a statement that was run once.
    pub(crate) fn add(&self, statement: &rusqlite::Statement<'_>) {
        let steps = statement.reset_status(StatementStatus::VmStep);
        self.statements.set(self.statements.get() + 1);
        self.steps
            .set(self.steps.get() + u64::try_from(steps).unwrap_or(0));
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[expect(clippy::cast_precision_loss, reason = "a metric in seconds")]
fn seconds(nanos: &AtomicU64) -> f64 {
    load(nanos) as f64 / 1e9
}
