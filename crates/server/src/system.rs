//! The real clock and the real source of identifiers: the one place that asks the machine.

use keys::{Random, SystemRandom};
use model::{Clock, IdSource};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everyone else is given"
    )]
    fn now_ms(&self) -> i64 {
        // Before 1970 nothing was pushed.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// Bits after the time.
const TAIL_BITS: u32 = 74;
/// A clock that goes back by less does not bring smaller identifiers.
const SET_BACK_MS: u64 = 10_000;

/// UUIDv7 (RFC 9562, 5.7 and 6.2, method 2): 48 bits of the clock, 74 that are random in the first identifier of a millisecond
/// and grow by a random step in those after it. So each is larger than those that this process made before.
pub(crate) struct SystemIds {
    clock: Arc<dyn Clock>,
    /// The time and the tail of the last one.
    last: Mutex<(u64, u128)>,
}

impl SystemIds {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            last: Mutex::default(),
        }
    }
}

impl IdSource for SystemIds {
    fn next_id(&self) -> String {
        let mut random = [0; 16];
        SystemRandom.fill(&mut random);
        let random = u128::from_be_bytes(random);
        let (at_ms, tail) = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            // Asked under the lock: else an older time could come second.
            let now_ms = u64::try_from(self.clock.now_ms()).unwrap_or(0);
            *last = after(*last, now_ms, random);
            *last
        };
        let rest = (tail & ((1 << 62) - 1)) | ((tail >> 62) << 64);
        let [_, _, _, _, _, _, bytes @ ..] = rest.to_be_bytes();
        uuid::Builder::from_unix_timestamp_millis(at_ms, &bytes)
            .into_uuid()
            .to_string()
    }
}

/// The time and the tail that come after the last ones.
fn after((last_ms, tail): (u64, u128), now_ms: u64, random: u128) -> (u64, u128) {
    let is_new = now_ms > last_ms || last_ms - now_ms > SET_BACK_MS;
    if is_new {
        // The first half only: there is room for those after it.
        return (now_ms, random >> (128 - TAIL_BITS + 1));
    }
    let next = tail + 1 + (random & u128::from(u32::MAX));
    match next >> TAIL_BITS {
        0 => (last_ms, next),
        _ => (last_ms + 1, random >> (128 - TAIL_BITS + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn identifiers_are_version_7_and_never_repeat() {
        let ids = SystemIds::new(Arc::new(SystemClock));
        let made: HashSet<String> = (0..1000).map(|_| ids.next_id()).collect();
        assert_eq!(made.len(), 1000);
        assert!(
            made.iter()
                .all(|id| uuid::Uuid::parse_str(id).is_ok_and(|id| id.get_version_num() == 7))
        );
    }

    #[test]
    fn each_identifier_is_larger_than_those_that_were_made_before() {
        let ids = SystemIds::new(Arc::new(SystemClock));
        let made: Vec<Vec<String>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..5000).map(|_| ids.next_id()).collect::<Vec<_>>()))
                .collect();
            let ended = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
            ended.map(|made| made.expect("no panic")).collect()
        });
        let last = ids.next_id();
        for of_one in &made {
            assert!(of_one.windows(2).all(|two| two[0] < two[1]));
            assert!(of_one.last().is_some_and(|one| *one < last));
        }
        let all: HashSet<&String> = made.iter().flatten().collect();
        assert_eq!(all.len(), 20_000);
    }

    #[test]
    fn a_clock_that_is_set_back_a_little_and_a_full_millisecond_keep_the_order() {
        let full = (1000, (1 << TAIL_BITS) - 1);
        for (last, now_ms) in [
            ((1000, 5), 1000),
            ((1000, 5), 999),
            ((1000, 5), 1001),
            (full, 1000),
        ] {
            let next = after(last, now_ms, u128::MAX);
            assert!(next > last, "{last:?} {now_ms}");
            assert!(next.1 >> TAIL_BITS == 0);
        }
        // Set back by an hour: it is not waited for.
        assert_eq!(after((3_600_000, 5), 1, 0), (1, 0));
    }
}
