//! What was verified once, remembered until it ends: access tokens, and name-and-password pairs.
//!
//! The cache never holds a token or password, only an HMAC-SHA256 of it under a key that lives as long as the process.
//! Only successes are remembered: a refusal costs the same each time, and a cache of refusals is memory that strangers
//! can fill.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use aws_lc_rs::hmac;
use quick_cache::sync::Cache;
use zeroize::Zeroizing;

use crate::random::Random;

/// The name under which a secret is remembered: 32 bytes that tell nothing about it. Made by [`TokenCache::key`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CacheKey([u8; 32]);

impl Hash for CacheKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The bytes are a keyed hash already: eight of them spread as evenly as all.
        let mut first = [0; 8];
        first.copy_from_slice(&self.0[..8]);
        state.write_u64(u64::from_le_bytes(first));
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CacheKey")
    }
}

struct Entry<T> {
    value: Arc<T>,
    expires_at_ms: i64,
    epoch: u64,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            expires_at_ms: self.expires_at_ms,
            epoch: self.epoch,
        }
    }
}

/// A bounded map from secrets to what they were found to mean (`T`: parsed rights, a caller).
///
/// **Epochs.** Each entry carries the epoch of whatever could make it wrong before it expires (a user's "changed"
/// counter, say) and is found only under that same epoch, so a new password or a disabled user counts at once. Where
/// nothing can (an access token's rights end with its lifetime), use 0 throughout.
pub struct TokenCache<T> {
    entries: Cache<CacheKey, Entry<T>>,
    key: hmac::Key,
}

impl<T> TokenCache<T> {
    /// A cache of at most this many entries, with a fresh key. Over the limit, entries used least go first.
    pub fn new(max_entries: usize, random: &dyn Random) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        random.fill(&mut *key);
        Self {
            entries: Cache::new(max_entries.max(1)),
            key: hmac::Key::new(hmac::HMAC_SHA256, &*key),
        }
    }

    /// The key for a secret, given in parts (host, name, password). Parts are told apart by their lengths: moving a
    /// character from one to the next gives another key. Begin with a word for the kind of credential, where one
    /// cache holds several.
    pub fn key(&self, parts: &[&[u8]]) -> CacheKey {
        let mut mac = hmac::Context::with_key(&self.key);
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        let mut key = [0; 32];
        key.copy_from_slice(mac.sign().as_ref());
        CacheKey(key)
    }

    /// What was remembered, unless it has expired (`now_ms` ≥ its expiry) or belongs to another epoch.
    pub fn get(&self, key: &CacheKey, now_ms: i64, epoch: u64) -> Option<Arc<T>> {
        let entry = self.entries.get(key)?;
        let is_current = entry.expires_at_ms > now_ms && entry.epoch == epoch;
        if is_current {
            return Some(entry.value);
        }
        // A caller that still sees the previous epoch must not remove what a newer one has stored.
        self.entries.remove_if(key, |entry| {
            entry.expires_at_ms <= now_ms || entry.epoch < epoch
        });
        None
    }

    /// Remembers a success until `expires_at_ms` (a token's `exp`, or now plus a short while for a password).
    pub fn insert(&self, key: CacheKey, value: Arc<T>, expires_at_ms: i64, epoch: u64) {
        self.entries.insert(
            key,
            Entry {
                value,
                expires_at_ms,
                epoch,
            },
        );
    }

    /// Forgets one entry.
    pub fn remove(&self, key: &CacheKey) {
        self.entries.remove(key);
    }

    /// Forgets all: after the signing keys changed, for instance.
    pub fn clear(&self) {
        self.entries.clear();
    }

    /// Number of entries, the expired ones that nobody asked for included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<T> fmt::Debug for TokenCache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache")
            .field("entries", &self.entries.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    fn cache(max_entries: usize) -> TokenCache<&'static str> {
        TokenCache::new(max_entries, &SeededRandom::new(1))
    }

    fn found(
        cache: &TokenCache<&'static str>,
        key: &CacheKey,
        now_ms: i64,
        epoch: u64,
    ) -> Option<&'static str> {
        cache.get(key, now_ms, epoch).map(|value| *value)
    }

    #[test]
    fn an_entry_is_found_until_it_expires() {
        let cache = cache(10);
        let key = cache.key(&[b"token"]);
        assert_eq!(found(&cache, &key, 0, 0), None);
        cache.insert(key, Arc::new("rights"), 1_000, 0);
        assert_eq!(found(&cache, &key, 999, 0), Some("rights"));
        assert_eq!(found(&cache, &key, 1_000, 0), None);
        assert!(
            cache.is_empty(),
            "an expired entry is dropped when it is seen"
        );
    }

    #[test]
    fn a_new_epoch_ends_an_entry_at_once() {
        let cache = cache(10);
        let key = cache.key(&[b"basic", b"alice", b"password"]);
        cache.insert(key, Arc::new("alice"), 1_000, 4);
        assert_eq!(found(&cache, &key, 0, 4), Some("alice"));
        assert_eq!(found(&cache, &key, 0, 5), None);
        assert_eq!(found(&cache, &key, 0, 4), None, "it does not come back");
    }

    #[test]
    fn a_caller_that_is_behind_neither_reads_nor_removes_a_newer_entry() {
        let cache = cache(10);
        let key = cache.key(&[b"token"]);
        cache.insert(key, Arc::new("new"), 1_000, 5);
        assert_eq!(found(&cache, &key, 0, 4), None);
        assert_eq!(found(&cache, &key, 0, 5), Some("new"));
    }

    #[test]
    fn keys_depend_on_every_byte_on_where_parts_end_and_on_the_process() {
        let cache = cache(10);
        let key = cache.key(&[b"alice", b"secret"]);
        assert_eq!(key, cache.key(&[b"alice", b"secret"]));
        for other in [
            cache.key(&[b"alices", b"ecret"]),
            cache.key(&[b"alicesecret"]),
            cache.key(&[b"alice", b"secret", b""]),
            cache.key(&[b"alice", b"Secret"]),
            TokenCache::<()>::new(10, &SeededRandom::new(2)).key(&[b"alice", b"secret"]),
        ] {
            assert_ne!(key, other);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let cache = cache(100);
        for number in 0..10_000_u32 {
            cache.insert(
                cache.key(&[&number.to_be_bytes()]),
                Arc::new("x"),
                i64::MAX,
                0,
            );
        }
        assert!(cache.len() <= 100, "{}", cache.len());
    }

    #[test]
    fn removing_and_clearing_forget() {
        let cache = cache(10);
        let (a, b) = (cache.key(&[b"a"]), cache.key(&[b"b"]));
        cache.insert(a, Arc::new("a"), 1_000, 0);
        cache.insert(b, Arc::new("b"), 1_000, 0);
        cache.remove(&a);
        assert_eq!(found(&cache, &a, 0, 0), None);
        assert_eq!(found(&cache, &b, 0, 0), Some("b"));
        cache.clear();
        assert_eq!(found(&cache, &b, 0, 0), None);
    }

    #[test]
    fn nothing_of_a_key_is_printed() {
        let cache = cache(10);
        assert_eq!(format!("{:?}", cache.key(&[b"a"])), "CacheKey");
        assert_eq!(format!("{cache:?}"), "TokenCache { entries: 0, .. }");
    }
}
