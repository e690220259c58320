//! How many mails may go: never more than so many in an hour, and half of them at once.

const HOUR_MS: i64 = 3_600_000;

/// Room for one mail, of `per_hour`. What is taken already is told by a time that moves on with each mail; gives the next such
/// time, or when there is room again.
pub(super) fn take(busy_until_ms: i64, now_ms: i64, per_hour: u32) -> Result<i64, i64> {
    let per_hour = i64::from(per_hour.max(1));
    let at_once = (per_hour / 2).max(1);
    let rest = (per_hour - at_once).max(1);
    let each_ms = (HOUR_MS + rest - 1) / rest;
    let busy_until_ms = busy_until_ms.max(now_ms);
    let free_at_ms = busy_until_ms - (at_once - 1) * each_ms;
    if free_at_ms <= now_ms {
        Ok(busy_until_ms + each_ms)
    } else {
        Err(free_at_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When mails go that are sent as early as they may.
    fn times(per_hour: u32, count: usize) -> Vec<i64> {
        let (mut now_ms, mut busy_until_ms) = (1_000_000, 0);
        let mut times = Vec::new();
        while times.len() < count {
            match take(busy_until_ms, now_ms, per_hour) {
                Ok(busy) => {
                    busy_until_ms = busy;
                    times.push(now_ms);
                }
                Err(free_at_ms) => {
                    assert!(free_at_ms > now_ms, "waiting leads somewhere");
                    now_ms = free_at_ms;
                }
            }
        }
        times
    }

    #[test]
    fn never_more_go_in_an_hour_than_may() {
        for per_hour in [1, 2, 3, 7, 60, 1000] {
            let times = times(per_hour, 3000);
            let window = per_hour as usize;
            let shortest = times
                .windows(window + 1)
                .map(|times| times[window] - times[0]);
            let shortest = shortest.min().expect("windows");
            assert!(
                shortest >= HOUR_MS,
                "{per_hour}: one more after {shortest} ms"
            );
        }
    }

    #[test]
    fn half_of_them_go_at_once_and_in_the_long_run_not_much_less_than_half() {
        let times = times(60, 3000);
        assert_eq!(times[0], times[29]);
        assert!(times[30] > times[29]);
        let hours = (times[2999] - times[0]) / HOUR_MS;
        assert!((98..=100).contains(&hours), "{hours}");
    }
}
