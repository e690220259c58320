//! What is measured: every row of the table, who takes part in it and what it should reach.

mod downloads;
mod launches;
mod memory;
mod mixes;
mod production;
mod requests;
mod scripts;
mod traffic;
mod uploads;

use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::Bench;
use super::driver::Tally;
use super::histogram::Percentiles;
use super::peers::{Kind, Peer};
use super::process::Usage;

/// Bytes in all, and on average for each request, from which on CPU per GiB says something.
const BULK: u64 = 8 << 20;
const BULK_PER_REQUEST: u64 = 64 << 10;

/// Requests from which on what the server does by itself, a few statements a second, is lost in rounding.
const COUNTABLE: u64 = 1000;

/// What a row's value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unit {
    RequestsPerSecond,
    IterationsPerSecond,
    MebibytesPerSecond,
    Milliseconds,
    Mebibytes,
}

impl Unit {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RequestsPerSecond => "req/s",
            Self::IterationsPerSecond => "iter/s",
            Self::MebibytesPerSecond => "MiB/s",
            Self::Milliseconds => "ms",
            Self::Mebibytes => "MiB",
        }
    }
}

/// What ours should reach in a row. Ratios are medians of the rounds' own ratios.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// Value at least this many times the peer's.
    Rate(Kind, f64),
    /// Server CPU per request or per GiB at most this many times the peer's.
    Cpu(Kind, f64),
    /// Server CPU per request, in microseconds, at most.
    CpuMicroseconds(f64),
    /// The value itself at most.
    AtMost(f64),
    /// The value at most this many times another row's.
    AtMostTimesRow(&'static str, f64),
    /// CPU per request or per GiB of the first at most this many times that of the second.
    CpuBetween(Kind, Kind, f64),
    /// Statements of PostgreSQL per request at most, to a hundredth.
    Queries(f64),
    /// Requests to the S3 store per request at most, to a hundredth.
    StoreCalls(f64),
}

/// How long a peer's process and store live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// For all rounds of the row.
    Row,
    /// For one round: rows that write start from an empty store each time.
    Round,
    /// The row starts processes itself.
    Own,
}

/// One line of the table.
pub(crate) struct Row {
    pub id: String,
    pub title: String,
    pub unit: Unit,
    pub peers: Vec<Kind>,
    pub goals: Vec<Goal>,
    pub workload: Box<dyn Workload>,
}

/// How a row is made ready and measured.
pub(crate) trait Workload {
    fn lifetime(&self) -> Lifetime {
        Lifetime::Row
    }

    /// Whether peers keep everything in PostgreSQL and the S3 store.
    fn is_on_engines(&self) -> bool {
        false
    }

    /// Fills the store after a peer's start; not measured.
    fn seed(&self, _bench: &Bench, _peer: &Peer) -> Result<()> {
        Ok(())
    }

    /// One round against a running peer.
    fn measure(&self, _bench: &Bench, peer: &Peer, _round: u64) -> Result<Measurement> {
        bail!("this row doesn't measure a running {}", peer.kind.name());
    }

    /// One round of what isn't a running peer: `dd`, or a start.
    fn measure_alone(&self, _bench: &Bench, kind: Kind, _round: u64) -> Result<Measurement> {
        bail!("this row doesn't measure {} by itself", kind.name());
    }
}

/// The outcome of one round for one peer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Measurement {
    pub value: f64,
    pub iterations: u64,
    pub requests: u64,
    pub bytes: u64,
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub driver_cpu_seconds: f64,
    pub peak_anon_bytes: u64,
    /// Statements of PostgreSQL, and requests to the S3 store, for each request.
    #[serde(default)]
    pub queries: Option<f64>,
    #[serde(default)]
    pub store_calls: Option<f64>,
    pub latency: Percentiles,
    pub steps: Vec<(String, Percentiles)>,
    pub failures: Vec<String>,
}

impl Measurement {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts and bytes of a run are far below 2^53"
    )]
    pub(crate) fn of(tally: &Tally, usage: Usage, unit: Unit) -> Self {
        let bytes = tally.received + tally.sent;
        let amount = match unit {
            Unit::RequestsPerSecond => tally.requests as f64,
            Unit::MebibytesPerSecond => bytes as f64 / f64::from(1 << 20),
            _ => tally.iterations as f64,
        };
        let mut failures = tally.failures.clone();
        if tally.failed > failures.len() as u64 {
            failures.push(format!(
                "{} failures in all; statuses {:?}",
                tally.failed, tally.statuses
            ));
        }
        let asked = tally.requests + tally.cut;
        let per_request = |count: u64| {
            let figure = (count as f64 / asked as f64 * 100.0).round() / 100.0;
            (asked >= COUNTABLE).then_some(figure)
        };
        let counts = match usage.asked {
            Some(Ok(counts)) => Some(counts),
            Some(Err(why)) => {
                failures.push(why);
                None
            }
            None => None,
        };
        if tally.requests == 0 && bytes == 0 {
            failures.push("nothing was answered".to_owned());
        }
        Self {
            value: amount / usage.seconds,
            iterations: tally.iterations,
            requests: tally.requests,
            bytes,
            seconds: usage.seconds,
            cpu_seconds: usage.cpu_seconds,
            driver_cpu_seconds: usage.driver_cpu_seconds,
            peak_anon_bytes: usage.peak_anon_bytes,
            queries: counts.and_then(|counts| per_request(counts.queries)),
            store_calls: counts.and_then(|counts| per_request(counts.store_calls)),
            latency: tally.latency.summary(),
            steps: tally
                .steps
                .iter()
                .map(|(name, times)| ((*name).to_owned(), times.summary()))
                .collect(),
            failures,
        }
    }

    /// A single figure with nothing else to it.
    pub(crate) fn value(value: f64) -> Self {
        Self {
            value,
            ..Self::default()
        }
    }

    /// Server CPU microseconds per request.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of a run are far below 2^53"
    )]
    pub(crate) fn cpu_per_request(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.cpu_seconds * 1e6 / self.requests as f64)
    }

    /// Server CPU seconds per GiB sent or received; only where bytes are what a request is about.
    #[expect(
        clippy::cast_precision_loss,
        reason = "bytes of a run are far below 2^53"
    )]
    pub(crate) fn cpu_per_gib(&self) -> Option<f64> {
        let bulky = self.bytes >= BULK.max(self.requests * BULK_PER_REQUEST);
        bulky.then(|| self.cpu_seconds * f64::from(1 << 30) / self.bytes as f64)
    }

    pub(crate) fn peak_mebibytes(&self) -> Option<f64> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "memory sizes are far below 2^53"
        )]
        (self.peak_anon_bytes > 0).then(|| self.peak_anon_bytes as f64 / f64::from(1 << 20))
    }
}

/// Sizes, counts and times: the issue's, or small ones for a smoke test.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    pub quick: bool,
    pub duration: Duration,
    pub warm_up: Duration,
    pub gibibyte: u64,
    pub mebibyte: u64,
    pub tags: u64,
    pub repositories: u64,
    /// Multiplies the iterations of the zb rows.
    pub zb: f64,
    pub seed_manifests: u64,
    pub trace_requests: u64,
}

impl Scale {
    pub(crate) fn full(seed_manifests: u64, trace_requests: u64, zb: f64) -> Self {
        Self {
            quick: false,
            duration: Duration::from_secs(4),
            warm_up: Duration::from_millis(500),
            gibibyte: 1 << 30,
            mebibyte: 1 << 20,
            tags: 10_000,
            repositories: 150,
            zb,
            seed_manifests,
            trace_requests,
        }
    }

    /// Every row, in less than a minute; its figures mean nothing.
    pub(crate) fn quick() -> Self {
        Self {
            quick: true,
            duration: Duration::from_millis(100),
            warm_up: Duration::from_millis(10),
            gibibyte: 4 << 20,
            mebibyte: 16 << 10,
            tags: 20,
            repositories: 10,
            zb: 0.0,
            seed_manifests: 50,
            trace_requests: 100,
        }
    }
}

/// Every row, in the order of the table.
pub(crate) fn all(scale: &Scale, trace: bool) -> Vec<Row> {
    let mut rows = requests::rows();
    rows.extend(downloads::rows(scale));
    rows.extend(uploads::rows(scale));
    rows.extend(mixes::rows(scale));
    rows.extend(memory::rows(scale));
    rows.extend(launches::rows(scale));
    rows.extend(traffic::rows(scale, trace));
    rows.extend(production::rows(scale));
    if scale.quick {
        // Figures of a smoke test say nothing about goals.
        for row in &mut rows {
            row.goals.clear();
        }
    }
    rows
}
