//! What the registry counts: requests, durations, bytes, connections; and a place for others to add theirs.
//!
//! The counters of a request are plain atomics found by index, one set per group of threads, so that
//! counting costs nanoseconds and nothing is allocated. Every label set is fixed at start.

mod exposition;

use crate::connection::Exposure;
use http::StatusCode;
use prometheus_client::registry::Registry;
use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use exposition::{CONTENT_TYPE, ValueKind, ValueSink};

/// How many labels are this crate's own.
const OWN: u16 = 4;
/// Labels of what this crate answers itself; a handler's own follow.
const OWN_ENDPOINTS: [&str; OWN as usize] = ["unknown", "livez", "readyz", "metrics"];

/// Statuses with a counter of their own; the last column counts all others.
const STATUSES: [u16; 34] = [
    200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 409, 410,
    411, 412, 413, 415, 416, 421, 422, 429, 431, 500, 501, 502, 503, 504, 507,
];
/// Column of the statuses without one of their own.
const OTHER_STATUS: usize = STATUSES.len();
/// Column of requests whose client went away before the response began.
const CANCELLED: usize = STATUSES.len() + 1;
const STATUS_COLUMNS: usize = STATUSES.len() + 2;

/// Upper bounds of the duration buckets, in microseconds; one more is endless.
const BUCKETS_MICROS: [u64; 18] = [
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    60_000_000,
    300_000_000,
];
const BUCKET_COLUMNS: usize = BUCKETS_MICROS.len() + 1;

const EXPOSURES: [Exposure; 2] = [Exposure::Public, Exposure::Private];

/// Which row of the request metrics a request belongs to. Bounded: made from a handler's fixed list only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointLabel(u16);

impl EndpointLabel {
    /// A request that reached no endpoint.
    pub const UNKNOWN: Self = Self(0);
    pub(crate) const LIVEZ: Self = Self(1);
    pub(crate) const READYZ: Self = Self(2);
    pub(crate) const METRICS: Self = Self(3);

    /// The endpoint at `index` of the list the metrics were made with; past its end it counts as unknown.
    pub const fn at(index: u16) -> Self {
        Self(OWN.saturating_add(index))
    }
}

/// Why the server ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutReason {
    /// The TLS handshake failed or took too long.
    Handshake,
    /// The header of the PROXY protocol did not come, or not from a proxy.
    ProxyHeader,
    /// The request's head did not arrive in time.
    HeaderTimeout,
    /// The client took nothing for too long.
    WriteStall,
    /// The drain's time was up.
    Drain,
}

impl CutReason {
    const ALL: [Self; 5] = [
        Self::Handshake,
        Self::ProxyHeader,
        Self::HeaderTimeout,
        Self::WriteStall,
        Self::Drain,
    ];

    /// The word in metrics and logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::ProxyHeader => "proxy_header",
            Self::HeaderTimeout => "header_timeout",
            Self::WriteStall => "write_stall",
            Self::Drain => "drain",
        }
    }
}

/// All metrics of the process.
pub struct Metrics {
    registry: Mutex<Registry>,
    counters: Arc<Counters>,
}

impl Metrics {
    /// `endpoints` are the labels a handler's requests are counted under, in the order of [`EndpointLabel::at`].
    pub fn new(endpoints: &'static [&'static str]) -> Self {
        let counters = Arc::new(Counters::new(endpoints));
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Arc::clone(&counters)));
        Self {
            registry: Mutex::new(registry),
            counters,
        }
    }

    /// Adds metrics of one's own, once, at start.
    pub fn with_registry<T>(&self, add: impl FnOnce(&mut Registry) -> T) -> T {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a metric whose values are read at each scrape: `read` calls its argument once per label set.
    pub fn register_values<F>(
        &self,
        name: &'static str,
        help: &'static str,
        kind: ValueKind,
        read: F,
    ) where
        F: Fn(&mut ValueSink<'_, '_>) + Send + Sync + 'static,
    {
        self.with_registry(|registry| {
            registry.register_collector(exposition::values(name, help, kind, Box::new(read)));
        });
    }

    /// Everything in the OpenMetrics text form, see [`CONTENT_TYPE`].
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::with_capacity(16 * 1024);
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }

    /// The label as text.
    pub fn endpoint_name(&self, endpoint: EndpointLabel) -> &'static str {
        self.counters.endpoints[self.counters.row(endpoint)]
    }

    pub(crate) fn request_started(&self) {
        self.counters
            .shard()
            .started
            .fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn request_finished(
        &self,
        exposure: Exposure,
        endpoint: EndpointLabel,
        status: Option<StatusCode>,
        duration: Duration,
    ) {
        let row = self.counters.row(endpoint);
        let column = status.map_or(CANCELLED, status_column);
        let shard = self.counters.shard();
        shard.requests[request_index(row, exposure, column)].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_MICROS.partition_point(|bound| *bound < micros);
        shard.buckets[row * BUCKET_COLUMNS + bucket].fetch_add(1, Ordering::Relaxed);
        shard.micros[row].fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn bytes_received(&self, exposure: Exposure, bytes: u64) {
        self.counters.shard().received[exposure as usize].fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn bytes_sent(&self, exposure: Exposure, bytes: u64) {
        self.counters.shard().sent[exposure as usize].fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn connection_opened(&self, exposure: Exposure) {
        self.counters.connections[exposure as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn connection_closed(&self, exposure: Exposure) {
        self.counters.connections[exposure as usize].fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn connection_cut(&self, reason: CutReason) {
        self.counters.cuts[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn accept_failed(&self) {
        self.counters
            .accept_failures
            .fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn transfer_started(&self) {
        self.counters.transfers.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn transfer_finished(&self) {
        self.counters.transfers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

struct Counters {
    endpoints: Vec<&'static str>,
    shards: Vec<Shard>,
    connections: [AtomicI64; EXPOSURES.len()],
    cuts: [AtomicU64; CutReason::ALL.len()],
    accept_failures: AtomicU64,
    transfers: AtomicI64,
}

/// One set of counters; aligned so that two threads' sets share no cache line.
#[repr(align(128))]
struct Shard {
    started: AtomicU64,
    received: [AtomicU64; EXPOSURES.len()],
    sent: [AtomicU64; EXPOSURES.len()],
    /// By endpoint, exposure, status.
    requests: Box<[AtomicU64]>,
    /// By endpoint, bucket.
    buckets: Box<[AtomicU64]>,
    /// By endpoint.
    micros: Box<[AtomicU64]>,
}

impl Counters {
    fn new(handlers: &'static [&'static str]) -> Self {
        let endpoints: Vec<_> = OWN_ENDPOINTS.iter().chain(handlers).copied().collect();
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let shards = (0..threads.min(16))
            .map(|_| Shard::new(endpoints.len()))
            .collect();
        Self {
            endpoints,
            shards,
            connections: Default::default(),
            cuts: Default::default(),
            accept_failures: AtomicU64::new(0),
            transfers: AtomicI64::new(0),
        }
    }

    fn row(&self, endpoint: EndpointLabel) -> usize {
        let row = usize::from(endpoint.0);
        if row < self.endpoints.len() { row } else { 0 }
    }

    fn shard(&self) -> &Shard {
        &self.shards[thread_number() % self.shards.len()]
    }

    /// The sum of one counter over all shards.
    fn sum(&self, pick: impl Fn(&Shard) -> &AtomicU64) -> u64 {
        self.shards
            .iter()
            .map(|shard| pick(shard).load(Ordering::Relaxed))
            .sum()
    }
}

impl Shard {
    fn new(endpoints: usize) -> Self {
        let zeroes = |count: usize| (0..count).map(|_| AtomicU64::new(0)).collect();
        Self {
            started: AtomicU64::new(0),
            received: Default::default(),
            sent: Default::default(),
            requests: zeroes(endpoints * EXPOSURES.len() * STATUS_COLUMNS),
            buckets: zeroes(endpoints * BUCKET_COLUMNS),
            micros: zeroes(endpoints),
        }
    }
}

fn request_index(row: usize, exposure: Exposure, column: usize) -> usize {
    (row * EXPOSURES.len() + exposure as usize) * STATUS_COLUMNS + column
}

fn status_column(status: StatusCode) -> usize {
    STATUSES
        .binary_search(&status.as_u16())
        .unwrap_or(OTHER_STATUS)
}

/// A small number that stays the same for a thread's life.
fn thread_number() -> usize {
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NUMBER.with(|number| {
        if number.get() == usize::MAX {
            number.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        number.get()
    })
}

#[cfg(test)]
mod tests;
