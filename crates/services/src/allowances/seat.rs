//! What a request holds of its account's allowance while it goes on.

use super::{Allowance, Counts, Everyone, lock};
use crate::core::Core;
use crate::usage::Month;
use crate::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A place among an account's requests, for as long as it lives: until the last byte of the answer was taken, or nobody
/// wants it any more.
pub struct Seat {
    core: Arc<Core>,
    allowance: Arc<Allowance>,
    everyone: Arc<Everyone>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.allowance.requests.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Seat {
    pub(super) fn new(
        core: &Arc<Core>,
        allowance: Arc<Allowance>,
        everyone: &Arc<Everyone>,
    ) -> Self {
        Self {
            core: core.clone(),
            allowance,
            everyone: everyone.clone(),
        }
    }

    /// Whether content may be sent: not when the account has pulled as much this month as its plan allows. An answer that
    /// has begun is sent to its end.
    ///
    /// # Errors
    /// [`Error::PullLimitReached`].
    pub fn require_pull(&self) -> Result<()> {
        let now_ms = self.core.now_ms();
        let mut terms = lock(&self.allowance.terms);
        let Some(limit) = terms.pull_bytes_per_month else {
            return Ok(());
        };
        if now_ms >= terms.month_ends_at_ms {
            terms.month_ends_at_ms = Month::at(now_ms).ends_at_ms();
            terms.pulled = 0;
        }
        let used = terms.pulled + self.allowance.unwritten.load(Ordering::Acquire);
        if used < limit {
            return Ok(());
        }
        Err(Error::PullLimitReached {
            used,
            limit,
            until: crate::usage::time_text(terms.month_ends_at_ms),
            is_own: terms.is_own,
        })
    }

    /// Counts what is pulled from and pushed to a namespace.
    pub fn meter(&self, namespace: &str) -> Meter {
        Meter {
            allowance: self.allowance.clone(),
            counts: self.allowance.counts_of(namespace),
        }
    }

    /// A place among the blobs under way, of which `free` of `all` are free. While less than a quarter of them is, an account
    /// gets none that holds its share already: all of them, divided by one more than the accounts that have any. The last
    /// quarter so waits for those who come next, unless there is one account only.
    pub fn begin_transfer(&self, free: usize, all: usize) -> Option<TransferShare> {
        let everyone = &self.everyone;
        let is_alone = everyone.accounts.load(Ordering::Acquire) <= 1;
        let holds = self.allowance.transfers.load(Ordering::Acquire);
        let with_any = everyone.transferring.load(Ordering::Acquire);
        let others = with_any.saturating_sub(usize::from(holds > 0));
        if !is_alone && free < all / 4 && holds >= all / (others + 2) {
            return None;
        }
        if self.allowance.transfers.fetch_add(1, Ordering::AcqRel) == 0 {
            everyone.transferring.fetch_add(1, Ordering::AcqRel);
        }
        Some(TransferShare {
            allowance: self.allowance.clone(),
            everyone: everyone.clone(),
        })
    }
}

/// One of an account's blobs under way.
#[derive(Debug)]
pub struct TransferShare {
    allowance: Arc<Allowance>,
    everyone: Arc<Everyone>,
}

impl Drop for TransferShare {
    fn drop(&mut self) {
        if self.allowance.transfers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.everyone.transferring.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Counts for one namespace.
#[derive(Clone, Debug)]
pub struct Meter {
    allowance: Arc<Allowance>,
    counts: Arc<Counts>,
}

impl Meter {
    /// Bytes of content went out.
    pub fn sent(&self, bytes: u64) {
        self.counts.pull_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.allowance.unwritten.fetch_add(bytes, Ordering::AcqRel);
    }

    /// A manifest was pulled.
    pub fn pulled(&self) {
        self.counts.pulls.fetch_add(1, Ordering::Relaxed);
    }

    /// A manifest was pushed.
    pub fn pushed(&self) {
        self.counts.pushes.fetch_add(1, Ordering::Relaxed);
    }
}
