//! Gives up at once while the store is known to be down.
//!
//! Without it, every request would wait through all its tries before it is told the same, and a store that comes back
//! would find all of them waiting. After a number of failures in a row nothing is sent for a moment; then one request
//! goes ahead, and its outcome decides for the others.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Failures in a row that mean "down": more than one request's own tries.
const FAILURES: u32 = 12;
/// How long nothing is sent then.
const PAUSE: Duration = Duration::from_secs(1);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// When one request may go ahead.
    closed_until: Option<Instant>,
}

impl Breaker {
    /// Whether a request may be sent at this moment. One that may has to say how it ended.
    pub(crate) fn admits(&self, now: Instant) -> bool {
        let mut state = self.state();
        match state.closed_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                // The one that tries. If it never says how it ended, another may try later.
                state.closed_until = Some(now + PAUSE);
                true
            }
        }
    }

    pub(crate) fn succeeded(&self) {
        *self.state() = State::default();
    }

    pub(crate) fn failed(&self, now: Instant) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES {
            if state.closed_until.is_none() {
                tracing::error!(
                    "the object store failed {FAILURES} times in a row; asking it once a second only"
                );
            }
            state.closed_until = Some(now + PAUSE);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_one_request_tries_for_all() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        for _ in 1..FAILURES {
            breaker.failed(start);
        }
        breaker.succeeded();
        for _ in 1..FAILURES {
            breaker.failed(start);
        }
        assert!(breaker.admits(start));
        breaker.failed(start);
        assert!(!breaker.admits(start));
        let later = start + PAUSE;
        assert!(breaker.admits(later));
        assert!(!breaker.admits(later), "only one tries");
        breaker.failed(later);
        assert!(!breaker.admits(later + PAUSE / 2));
        assert!(breaker.admits(later + PAUSE));
        breaker.succeeded();
        assert!(breaker.admits(start) && breaker.admits(start));
    }
}
