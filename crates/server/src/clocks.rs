//! Whether this machine's clock agrees with the others that the registry works with.
//!
//! Leases, tokens and signed requests compare moments that different machines have noted, so all clocks have to be close.

use crate::system::SystemClock;
use crate::text::date;
use model::Clock as _;

/// From here on a difference is worth mending.
pub(crate) const NOTABLE_MS: i64 = 2_000;
/// With more than this the registry does not start: a job's lease lasts three times as long, an upload's six times.
pub(crate) const LARGEST_MS: i64 = 10_000;
/// How exact a clock is of which only whole seconds are known.
pub(crate) const SECOND_MS: i64 = 1_000;

/// Another clock beside ours.
#[expect(clippy::struct_field_names, reason = "a unit belongs to each")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    here_ms: i64,
    there_ms: i64,
    /// Positive: the other one is ahead. What the question's own duration explains is no difference.
    pub(crate) ahead_ms: i64,
}

impl Comparison {
    /// `there_ms` was read between `before_ms` and `after_ms` of our clock; `exact_to_ms` says how exact it is.
    pub(crate) fn new(before_ms: i64, there_ms: i64, after_ms: i64, exact_to_ms: i64) -> Self {
        let ahead_ms = if there_ms > after_ms {
            there_ms - after_ms
        } else if there_ms + exact_to_ms < before_ms {
            there_ms + exact_to_ms - before_ms
        } else {
            0
        };
        Self {
            here_ms: after_ms,
            there_ms,
            ahead_ms,
        }
    }

    pub(crate) fn is_too_large(self) -> bool {
        self.ahead_ms.abs() > LARGEST_MS
    }

    pub(crate) fn is_notable(self) -> bool {
        self.ahead_ms.abs() > NOTABLE_MS
    }

    /// The difference in figures, as in "17.3 s ahead of this machine's (here …, there …)".
    pub(crate) fn figures(self) -> String {
        if !self.is_notable() {
            return format!("agrees with this machine's to {} s", NOTABLE_MS / 1000);
        }
        let by_ms = self.ahead_ms.abs();
        let way = if self.ahead_ms > 0 {
            "ahead of"
        } else {
            "behind"
        };
        format!(
            "is {}.{} s {way} this machine's (here {}, there {})",
            by_ms / 1000,
            by_ms % 1000 / 100,
            date(Some(self.here_ms)),
            date(Some(self.there_ms))
        )
    }
}

/// This machine's clock.
pub(crate) fn now_ms() -> i64 {
    SystemClock.now_ms()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_question_took_is_no_difference() {
        for (there_ms, ahead_ms) in [(5_000, 0), (5_400, 0), (5_500, 0), (4_100, 0)] {
            let compared = Comparison::new(5_000, there_ms, 5_500, SECOND_MS);
            assert_eq!(compared.ahead_ms, ahead_ms, "{there_ms}");
        }
    }

    #[test]
    fn a_difference_has_a_direction_and_figures() {
        let ahead = Comparison::new(0, 17_850, 500, 0);
        assert_eq!(ahead.ahead_ms, 17_350);
        assert!(ahead.is_too_large() && ahead.is_notable());
        assert_eq!(
            ahead.figures(),
            "is 17.3 s ahead of this machine's (here 1970-01-01T00:00:00Z, there 1970-01-01T00:00:17Z)"
        );
        let behind = Comparison::new(20_000, 14_000, 20_100, SECOND_MS);
        assert_eq!(behind.ahead_ms, -5_000);
        assert!(!behind.is_too_large() && behind.is_notable());
        assert!(behind.figures().starts_with("is 5.0 s behind"));
    }
}
