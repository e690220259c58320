//! The memory that all uploads share.
//!
//! An upload may hold [`FREE_BYTES`] without asking. To gather a part it reserves the whole part, in line. A client that
//! pauses in the middle keeps only what it sent; and while others wait in line, not even that: what it sent goes to the
//! store as a piece. So clients that stall, however many, never stop the others, and nobody waits in line while holding
//! what others wait for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// What an upload may hold without asking.
pub(crate) const FREE_BYTES: u64 = 64 * 1024;
/// What one permit stands for.
const UNIT: u64 = 64 * 1024;

/// What is left of it.
#[derive(Debug, Clone)]
pub(crate) struct Memory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    permits: Arc<Semaphore>,
    units: u32,
    waiting: AtomicUsize,
    /// Rung when somebody begins to wait.
    is_short: Notify,
}

/// A share of it, given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    permit: OwnedSemaphorePermit,
    /// Bytes that it is good for. More than its permits say when it is all there is: then it is alone.
    bytes: u64,
}

struct Waiting<'m>(&'m Shared);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Memory {
    pub(crate) fn new(bytes: u64) -> Self {
        let units = u32::try_from(bytes.div_ceil(UNIT))
            .unwrap_or(u32::MAX)
            .clamp(1, 1 << 28);
        Self(Arc::new(Shared {
            permits: Arc::new(Semaphore::new(units as usize)),
            units,
            waiting: AtomicUsize::new(0),
            is_short: Notify::new(),
        }))
    }

    /// Waits in line for room for `bytes`; for all there is if that is less.
    pub(crate) async fn reserve(&self, bytes: u64) -> Reservation {
        let shared = &*self.0;
        let units = self.units(bytes);
        let permit = if let Ok(permit) = Arc::clone(&shared.permits).try_acquire_many_owned(units) {
            permit
        } else {
            shared.waiting.fetch_add(1, Ordering::AcqRel);
            let _waiting = Waiting(shared);
            shared.is_short.notify_waiters();
            let permits = Arc::clone(&shared.permits);
            permits
                .acquire_many_owned(units)
                .await
                .expect("the semaphore is never closed")
        };
        Reservation { permit, bytes }
    }

    /// Makes a reservation good for `bytes`, if there is room at this moment.
    pub(crate) fn grow(&self, reservation: &mut Reservation, bytes: u64) -> bool {
        let held = u32::try_from(reservation.permit.num_permits()).unwrap_or(u32::MAX);
        let missing = self.units(bytes).saturating_sub(held);
        if missing > 0 {
            match Arc::clone(&self.0.permits).try_acquire_many_owned(missing) {
                Ok(more) => reservation.permit.merge(more),
                Err(_) => return false,
            }
        }
        reservation.bytes = bytes;
        true
    }

    /// Waits until somebody waits in line.
    pub(crate) async fn shortage(&self) {
        loop {
            let rung = self.0.is_short.notified();
            if self.0.waiting.load(Ordering::Acquire) > 0 {
                return;
            }
            rung.await;
        }
    }

    fn units(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT))
            .unwrap_or(u32::MAX)
            .min(self.0.units)
    }
}

impl Reservation {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives back what is beyond `bytes`.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        let needed = usize::try_from(bytes.div_ceil(UNIT)).unwrap_or(usize::MAX);
        let surplus = self.permit.num_permits().saturating_sub(needed);
        drop(self.permit.split(surplus));
        self.bytes = self.bytes.min(bytes.max(needed as u64 * UNIT));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn reservations_wait_in_line_and_can_shrink() {
        let memory = Memory::new(10 * UNIT);
        let mut first = memory.reserve(8 * UNIT).await;
        let mut second = Box::pin(memory.reserve(8 * UNIT));
        let mut shortage = Box::pin(memory.shortage());
        assert!((&mut shortage).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut shortage).now_or_never().is_some());
        first.shrink(UNIT + 1);
        assert_eq!(first.bytes(), 2 * UNIT);
        let second = second.await;
        assert!(memory.shortage().now_or_never().is_none());
        assert!(!memory.grow(&mut first, 3 * UNIT));
        assert_eq!(first.bytes(), 2 * UNIT);
        drop(second);
        assert!(memory.grow(&mut first, 10 * UNIT));
        drop(first);
        assert_eq!(memory.reserve(u64::MAX).await.bytes(), u64::MAX);
    }

    #[tokio::test]
    async fn who_gives_up_waiting_is_forgotten() {
        let memory = Memory::new(UNIT);
        let _held = memory.reserve(UNIT).await;
        let mut waiting = Box::pin(memory.reserve(UNIT));
        assert!((&mut waiting).now_or_never().is_none());
        drop(waiting);
        assert!(memory.shortage().now_or_never().is_none());
    }
}
