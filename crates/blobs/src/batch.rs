//! Bytes on their way to the disk, and the memory they may take: see [`transfer`](crate::transfer).

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a transfer may hold without asking, and what makes a hand-over worthwhile when no more comes.
const SMALL_BATCH: usize = 64 * 1024;
/// What is handed over as soon as the disk is idle.
const LARGE_BATCH: usize = 512 * 1024;
/// The most that is handed over at once.
const FULL_BATCH: usize = 1024 * 1024;
/// The most that all transfers hold together beyond [`SMALL_BATCH`] each.
const BUDGET_BYTES: usize = 8 * 1024 * 1024;
/// Pieces below this are copied together: a tiny piece costs more to carry than to copy.
const TINY_PIECE: usize = 4 * 1024;

/// The memory that all transfers share; a permit is a byte.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

impl Budget {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(BUDGET_BYTES)))
    }

    fn try_take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0)
            .try_acquire_many_owned(u32::try_from(bytes).ok()?)
            .ok()
    }

    /// In line. A batch never exceeds the budget and the semaphore is never closed.
    async fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0)
            .acquire_many_owned(u32::try_from(bytes).ok()?)
            .await
            .ok()
    }
}

/// Bytes that have arrived and are not being written yet.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) parts: Vec<Bytes>,
    /// Tiny pieces, after all of `parts`.
    tail: BytesMut,
    len: usize,
    /// Covers all of `len` once that exceeds [`SMALL_BATCH`].
    permit: Option<OwnedSemaphorePermit>,
    /// The budget did not admit more.
    is_closed: bool,
}

impl Batch {
    /// Takes from the front of `piece` what fits.
    pub(crate) fn take_from(&mut self, piece: &mut Bytes, budget: &Budget) {
        let wanted = piece.len().min(FULL_BATCH - self.len);
        if wanted == 0 {
            return;
        }
        let admitted = if self.admit(wanted, budget) {
            wanted
        } else {
            self.is_closed = true;
            // Without a permit there may still be room in what needs none.
            wanted.min(SMALL_BATCH.saturating_sub(self.len))
        };
        if admitted == 0 {
            return;
        }
        let taken = piece.split_to(admitted);
        self.len += taken.len();
        if taken.len() < TINY_PIECE {
            self.tail.extend_from_slice(&taken);
        } else {
            self.seal_tail();
            self.parts.push(taken);
        }
    }

    fn admit(&mut self, more: usize, budget: &Budget) -> bool {
        let total = self.len + more;
        if total <= SMALL_BATCH {
            return true;
        }
        let missing = total
            - self
                .permit
                .as_ref()
                .map_or(0, OwnedSemaphorePermit::num_permits);
        let Some(permit) = budget.try_take(missing) else {
            return false;
        };
        match &mut self.permit {
            Some(held) => held.merge(permit),
            none => *none = Some(permit),
        }
        true
    }

    fn seal_tail(&mut self) {
        if !self.tail.is_empty() {
            self.parts.push(self.tail.split().freeze());
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        !self.is_closed && self.len < FULL_BATCH
    }

    /// Waiting for more would gain nothing.
    pub(crate) fn is_large(&self) -> bool {
        self.is_closed || self.len >= LARGE_BATCH
    }

    pub(crate) fn is_worth_writing(&self) -> bool {
        self.is_closed || self.len >= SMALL_BATCH
    }

    /// Admitted to the disk: waits in line unless a permit is held already, so never for one while
    /// holding another.
    pub(crate) async fn admitted(mut self, budget: &Budget) -> Self {
        self.seal_tail();
        if self.permit.is_none() {
            self.permit = budget.take(self.len).await;
        }
        self
    }
}

#[cfg(test)]
mod tests;
