//! One writer for each key in this process.
//!
//! Between requests the caller's lease on its row does that. But a request can vanish while its last
//! batch is still being written on the blocking pool; the lock travels with that batch, so the next
//! request on the key waits until it is done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::key::ObjectKey;

type Entries = HashMap<ObjectKey, Arc<tokio::sync::Mutex<()>>>;

/// The keys in use.
#[derive(Debug, Default)]
pub(crate) struct KeyLocks {
    entries: Mutex<Entries>,
}

/// Holds a key until dropped.
#[derive(Debug)]
pub(crate) struct KeyGuard {
    locks: Arc<KeyLocks>,
    key: ObjectKey,
    held: Option<OwnedMutexGuard<()>>,
}

impl KeyLocks {
    /// Waits until nobody else holds the key.
    pub(crate) async fn lock(self: &Arc<Self>, key: &ObjectKey) -> KeyGuard {
        let entry = Arc::clone(self.entries().entry(key.clone()).or_default());
        // Made before waiting, so that a waiter that is dropped cleans up as well.
        let mut guard = KeyGuard {
            locks: Arc::clone(self),
            key: key.clone(),
            held: None,
        };
        guard.held = Some(entry.lock_owned().await);
        guard
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for KeyGuard {
    fn drop(&mut self) {
        self.held = None;
        let mut entries = self.locks.entries();
        // Every holder and waiter has a reference of its own, taken under this lock.
        if entries
            .get(&self.key)
            .is_some_and(|entry| Arc::strong_count(entry) == 1)
        {
            entries.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_key_is_held_once_and_forgotten_afterwards() {
        let key = ObjectKey::parse("01890a5d-ac96-774b-bcce-b302099a80f4").expect("a key");
        let locks = Arc::new(KeyLocks::default());
        let first = locks.lock(&key).await;
        let mut second = Box::pin(locks.lock(&key));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        let second = second.await;
        assert_eq!(locks.entries().len(), 1);
        drop(second);
        assert!(locks.entries().is_empty());
    }
}
