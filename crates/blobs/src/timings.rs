//! What the store measures of itself, readable at any moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the store is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreOperation {
    /// Taking bytes of an upload, for as long as the client sends.
    Append,
    /// Making an upload an object: flush and rename, and the last bytes when they come with it.
    Complete,
    /// Opening an object.
    Read,
    /// Removing an object.
    Delete,
}

impl StoreOperation {
    /// Every operation.
    pub const ALL: [Self; 4] = [Self::Append, Self::Complete, Self::Read, Self::Delete];

    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Complete => "complete",
            Self::Read => "read",
            Self::Delete => "delete",
        }
    }
}

/// What was counted of one operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    /// How often it was done.
    pub done: u64,
    /// How often it failed, through the client's fault or the store's.
    pub failed: u64,
    /// The time spent in both.
    pub time: Duration,
}

#[derive(Debug, Default)]
struct Counter {
    done: AtomicU64,
    failed: AtomicU64,
    nanos: AtomicU64,
}

/// Counts of every operation since the store was opened.
#[derive(Debug, Default)]
pub struct StoreTimings {
    counters: [Counter; StoreOperation::ALL.len()],
    requests: AtomicU64,
    reread_bytes: AtomicU64,
}

impl StoreTimings {
    /// What was counted of an operation.
    pub fn get(&self, operation: StoreOperation) -> Count {
        let counter = &self.counters[operation as usize];
        let load = |value: &AtomicU64| value.load(Ordering::Relaxed);
        Count {
            done: load(&counter.done),
            failed: load(&counter.failed),
            time: Duration::from_nanos(load(&counter.nanos)),
        }
    }

    /// Requests sent to a remote store, tries included; 0 for files.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Bytes of uploads that were read again: the short rests of requests when the next one went on from them, and
    /// whole objects whose digest had to be taken anew. 0 for files.
    pub fn reread_bytes(&self) -> u64 {
        self.reread_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_reread(&self, bytes: u64) {
        self.reread_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts an operation that began then and came to this.
    pub(crate) fn count<T, E>(
        &self,
        operation: StoreOperation,
        begun: Instant,
        result: Result<T, E>,
    ) -> Result<T, E> {
        let counter = &self.counters[operation as usize];
        let outcome = if result.is_ok() {
            &counter.done
        } else {
            &counter.failed
        };
        outcome.fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        counter.nanos.fetch_add(nanos, Ordering::Relaxed);
        result
    }
}
