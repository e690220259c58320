//! What is counted of jobs, for metrics.

use super::Settled;
use crate::{Error, Result};
use metadata::Reader;
use model::{JobKind, JobState};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// How far jobs are counted for metrics: looking must not take longer the more of them wait.
const COUNTED_AT_MOST: i64 = 100_000;
/// Kinds that are counted by themselves, and one place for all others.
const KINDS: usize = JobKind::ALL.len() + 1;
/// How a run can end, as metrics say it.
const OUTCOMES: [&str; 4] = ["done", "retried", "failed", "cancelled"];

/// How the queue of the whole deployment stood at one moment.
pub(super) struct Stock {
    queued: i64,
    running: i64,
    oldest_due_ms: Option<i64>,
}

impl Stock {
    pub(super) fn take(reader: &Reader<'_>) -> Result<Self> {
        Ok::<_, Error>(Self {
            queued: reader.count_jobs(JobState::Queued, COUNTED_AT_MOST)?,
            running: reader.count_jobs(JobState::Running, COUNTED_AT_MOST)?,
            oldest_due_ms: reader.find_oldest_due_job()?,
        })
    }
}

/// What metrics show of jobs.
#[derive(Default)]
pub struct JobCounts {
    queued: AtomicI64,
    running: AtomicI64,
    oldest_due_age_ms: AtomicI64,
    ended: [[AtomicU64; OUTCOMES.len()]; KINDS],
    lost: AtomicU64,
}

impl JobCounts {
    pub(super) fn note(&self, stock: &Stock, now_ms: i64) {
        self.queued.store(stock.queued, Ordering::Relaxed);
        self.running.store(stock.running, Ordering::Relaxed);
        let age_ms = stock.oldest_due_ms.map_or(0, |due_ms| now_ms - due_ms);
        self.oldest_due_age_ms
            .store(age_ms.max(0), Ordering::Relaxed);
    }

    pub(super) fn count(&self, kind: &str, settled: Settled) {
        let outcome = match settled {
            Settled::Done => 0,
            Settled::Retried { .. } => 1,
            Settled::Failed => 2,
            Settled::Cancelled => 3,
            Settled::Lost => return,
        };
        let known = JobKind::ALL.iter().position(|one| one.name == kind);
        self.ended[known.unwrap_or(KINDS - 1)][outcome].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Jobs of the whole deployment that are queued, and that are running, counted up to 100,000; as of when anyone
    /// looked last.
    pub fn in_state(&self) -> [(&'static str, i64); 2] {
        [
            ("queued", self.queued.load(Ordering::Relaxed)),
            ("running", self.running.load(Ordering::Relaxed)),
        ]
    }

    /// For how many seconds the longest waiting job of the deployment could have run, as of then.
    pub fn oldest_due_age_secs(&self) -> i64 {
        self.oldest_due_age_ms.load(Ordering::Relaxed) / 1000
    }

    /// Runs that ended in this process: kind, outcome, number. `other` is every kind that is not the product's.
    pub fn ended(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        self.ended.iter().enumerate().flat_map(|(kind, outcomes)| {
            let kind = JobKind::ALL.get(kind).map_or("other", |kind| kind.name);
            OUTCOMES
                .into_iter()
                .zip(outcomes)
                .map(move |(outcome, count)| (kind, outcome, count.load(Ordering::Relaxed)))
        })
    }

    /// Jobs that this process took over from one that was lost.
    pub fn taken_over(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}
