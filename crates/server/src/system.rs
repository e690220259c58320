//! The real clock and the real source of identifiers: the one place that asks the machine.

use keys::{Random, SystemRandom};
use model::{Clock, IdSource};
use std::sync::Arc;
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

/// UUIDv7 (RFC 9562, 5.7): 48 bits of the clock, 74 of randomness.
pub(crate) struct SystemIds {
    clock: Arc<dyn Clock>,
}

impl SystemIds {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

impl IdSource for SystemIds {
    fn next_id(&self) -> String {
        let mut random = [0; 10];
        SystemRandom.fill(&mut random);
        let now_ms = u64::try_from(self.clock.now_ms()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(now_ms, &random)
            .into_uuid()
            .to_string()
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
}
