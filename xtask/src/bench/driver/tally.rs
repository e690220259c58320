//! What a driver counted.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::bench::histogram::Histogram;

use super::connection::Failure;

const FAILURES_KEPT: usize = 5;

/// Counts of one thread, later of all.
#[derive(Default)]
pub(crate) struct Tally {
    /// Time per iteration (one request, or all requests of a script).
    pub latency: Histogram,
    /// Time per kind of step inside an iteration, where a row tells them apart.
    pub steps: BTreeMap<&'static str, Histogram>,
    /// Set by an iteration that is of a kind of its own; its latency is then also counted under that name.
    pub kind: Option<&'static str>,
    pub iterations: u64,
    pub requests: u64,
    /// Requests whose answers were given up at the end of the measured time.
    pub cut: u64,
    pub statuses: BTreeMap<u16, u64>,
    pub received: u64,
    pub sent: u64,
    pub failed: u64,
    /// The first few failures in words.
    pub failures: Vec<String>,
}

impl Tally {
    pub(crate) fn count_status(&mut self, status: u16) {
        self.requests += 1;
        *self.statuses.entry(status).or_default() += 1;
    }

    /// Counts the status, and refuses every other than `expected`.
    pub(crate) fn expect(&mut self, what: &str, status: u16, expected: u16) -> Result<(), Failure> {
        self.count_status(status);
        if status == expected {
            return Ok(());
        }
        Err(Failure::Unexpected(format!(
            "{what} answered {status}, not {expected}"
        )))
    }

    pub(crate) fn record_step(&mut self, name: &'static str, duration: Duration) {
        self.steps.entry(name).or_default().record(duration);
    }

    pub(crate) fn record_failure(&mut self, failure: &Failure) {
        self.failed += 1;
        if self.failures.len() < FAILURES_KEPT {
            self.failures.push(failure.to_string());
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.latency.merge(&other.latency);
        for (name, histogram) in other.steps {
            self.steps.entry(name).or_default().merge(&histogram);
        }
        self.iterations += other.iterations;
        self.requests += other.requests;
        self.cut += other.cut;
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.received += other.received;
        self.sent += other.sent;
        self.failed += other.failed;
        let room = FAILURES_KEPT.saturating_sub(self.failures.len());
        self.failures.extend(other.failures.into_iter().take(room));
    }
}
