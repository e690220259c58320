//! Logins with the same name and secret at the same moment: one of them is looked at, the others learn from it.
//!
//! A build that begins forty pulls at once asks for forty tokens. Each of them looked at alone would be a hash each, and more
//! attempts at once than a [`keys::LoginThrottle`] lets anybody have.

use keys::token_cache::CacheKey;
use quick_cache::sync::Cache;
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Credentials whose login is under way, at most; of those beyond it each is looked at alone.
const AT_ONCE: usize = 1_000;

pub(super) struct UnderWay {
    turns: Cache<CacheKey, Arc<Mutex<()>>>,
}

impl UnderWay {
    pub(super) fn new() -> Self {
        Self {
            turns: Cache::new(AT_ONCE),
        }
    }

    /// The turn of whoever comes first with these credentials, to be kept until the outcome is remembered. The others wait for
    /// its end and get `None`: then the outcome is remembered, or they have to look themselves, all at once as if nobody had
    /// come before them, so that nobody waits for a slow directory more than twice.
    pub(super) async fn first_turn(&self, key: &CacheKey) -> Option<OwnedMutexGuard<()>> {
        let turn = self
            .turns
            .get_or_insert_with(key, || Ok::<_, ()>(Arc::default()))
            .unwrap_or_default();
        if let Ok(first) = turn.clone().try_lock_owned() {
            return Some(first);
        }
        drop(turn.lock().await);
        None
    }
}
