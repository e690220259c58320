//! Counts of a bounded number of things.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Things counted one by one between two batches; what comes beyond is counted together.
pub(super) const MAX_COUNTED: usize = 16 * 1024;

/// How often something happened.
#[derive(Clone, Debug)]
pub(super) struct Count<P> {
    pub(super) times: u64,
    pub(super) last_at_ms: i64,
    /// What else is known.
    pub(super) place: P,
}

/// Counts of a bounded number of things.
pub(super) struct Counts<K, P> {
    pub(super) counts: HashMap<K, Count<P>>,
    /// Those that found no place.
    pub(super) others: u64,
}

impl<K, P> Default for Counts<K, P> {
    fn default() -> Self {
        Self {
            counts: HashMap::new(),
            others: 0,
        }
    }
}

impl<K: Eq + Hash, P> Counts<K, P> {
    /// Whether something can be counted by itself.
    pub(super) fn has_place(&self, key: &K) -> bool {
        self.counts.len() < MAX_COUNTED || self.counts.contains_key(key)
    }

    /// Adds to a count; `merge` brings what is known of it together.
    pub(super) fn add(&mut self, key: K, new: Count<P>, merge: impl FnOnce(&mut P, &P)) {
        if let Some(known) = self.counts.get_mut(&key) {
            known.times += new.times;
            known.last_at_ms = known.last_at_ms.max(new.last_at_ms);
            merge(&mut known.place, &new.place);
        } else if self.counts.len() < MAX_COUNTED {
            self.counts.insert(key, new);
        } else {
            self.others += new.times;
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_place_is_counted_together_and_the_rest_goes_on() {
        let mut counts: Counts<usize, ()> = Counts::default();
        let one = |at_ms| Count {
            times: 1,
            last_at_ms: at_ms,
            place: (),
        };
        for key in 0..MAX_COUNTED + 5 {
            counts.add(key, one(7), |(), &()| {});
        }
        counts.add(0, one(9), |(), &()| {});
        counts.add(0, one(8), |(), &()| {});
        assert_eq!((counts.counts.len(), counts.others), (MAX_COUNTED, 5));
        assert!(counts.has_place(&0) && !counts.has_place(&MAX_COUNTED));
        let first = &counts.counts[&0];
        assert_eq!((first.times, first.last_at_ms), (3, 9));
    }
}
