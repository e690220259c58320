//! Time limits for what a connection does.

use crate::error::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Virtual-machine steps of SQLite between two looks at the clock.
const STEPS_PER_CHECK: i32 = 10_000;

/// When a connection's present work must be done; what runs longer is interrupted.
pub(crate) struct Deadline {
    started: Instant,
    /// Milliseconds since `started`; 0 for no limit.
    at_ms: AtomicU64,
}

impl Deadline {
    /// Puts a connection under a deadline that is not set yet.
    pub(crate) fn watch(connection: &mut rusqlite::Connection) -> Result<Arc<Self>> {
        let deadline = Arc::new(Self {
            started: Instant::now(),
            at_ms: AtomicU64::new(0),
        });
        let watched = deadline.clone();
        connection.progress_handler(STEPS_PER_CHECK, Some(move || watched.is_over()))?;
        Ok(deadline)
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn set(&self, limit: Duration) {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        self.at_ms.store(
            self.elapsed_ms().saturating_add(limit_ms).max(1),
            Ordering::Relaxed,
        );
    }

    pub(crate) fn clear(&self) {
        self.at_ms.store(0, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        let at_ms = self.at_ms.load(Ordering::Relaxed);
        at_ms != 0 && self.elapsed_ms() > at_ms
    }
}
