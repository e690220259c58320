//! Serving, draining, ended: and everyone who must know.

use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// How far the process is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Not at all.
    Serving = 0,
    /// No new connections; requests under way are finished.
    Draining = 1,
    /// What is left is cut.
    Ended = 2,
}

/// The phase, and a bell that rings when it changes.
#[derive(Default)]
pub(crate) struct Lifecycle {
    phase: AtomicU8,
    changed: Notify,
}

impl Lifecycle {
    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Serving,
            1 => Phase::Draining,
            _ => Phase::Ended,
        }
    }

    /// Completes at the next change after it was enabled.
    pub(crate) fn changes(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Completes once the phase is `phase` or later.
    pub(crate) async fn reaches(&self, phase: Phase) {
        loop {
            let mut changed = pin!(self.changes());
            changed.as_mut().enable();
            if self.phase() >= phase {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
        self.changed.notify_waiters();
    }
}
