//! Latencies in logarithmic buckets: 64 per doubling, so a percentile is off by at most 1.6 %.

use std::time::Duration;

use serde::{Deserialize, Serialize};

const SUB_BUCKETS: u64 = 64;
const SUB_BITS: u32 = SUB_BUCKETS.ilog2();
const BUCKETS: usize = 64 * 64;

/// Counts of durations, in nanoseconds.
#[derive(Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
            longest: 0,
        }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket_of(nanoseconds)] += 1;
        self.total += 1;
        self.longest = self.longest.max(nanoseconds);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    /// The duration that `share` (0 to 1) of the recorded ones don't exceed, in milliseconds.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are far below 2^53, and a share of a count is a count"
    )]
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let wanted = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper_bound(bucket).min(self.longest) as f64 / 1e6;
            }
        }
        self.longest as f64 / 1e6
    }

    pub(crate) fn summary(&self) -> Percentiles {
        Percentiles {
            count: self.total,
            p50: self.percentile(0.5),
            p99: self.percentile(0.99),
            p999: self.percentile(0.999),
        }
    }
}

/// What of a histogram is reported; milliseconds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Percentiles {
    pub count: u64,
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
}

fn bucket_of(value: u64) -> usize {
    let power = value.max(SUB_BUCKETS).ilog2() - SUB_BITS;
    let bucket = u64::from(power) * SUB_BUCKETS + (value >> power);
    usize::try_from(bucket)
        .unwrap_or(BUCKETS - 1)
        .min(BUCKETS - 1)
}

fn upper_bound(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * SUB_BUCKETS {
        return bucket;
    }
    let power = bucket / SUB_BUCKETS - 1;
    let within = bucket - power * SUB_BUCKETS;
    ((within + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_two_percent_over_nine_orders_of_magnitude() {
        for power in 0..9u32 {
            let mut histogram = Histogram::default();
            for step in 1..=1000u64 {
                histogram.record(Duration::from_nanos(step * 10u64.pow(power)));
            }
            for (share, step) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
                let expected = step * 10f64.powi(i32::try_from(power).unwrap_or(0)) / 1e6;
                let ratio = histogram.percentile(share) / expected;
                assert!(
                    (0.98..=1.02).contains(&ratio),
                    "10^{power} p{share}: {ratio}"
                );
            }
        }
    }

    #[test]
    fn merging_adds_counts_and_keeps_the_longest() {
        let mut left = Histogram::default();
        let mut right = Histogram::default();
        left.record(Duration::from_millis(1));
        right.record(Duration::from_hours(24));
        left.merge(&right);
        assert_eq!(left.summary().count, 2);
        assert!((left.percentile(1.0) - 86_400_000.0).abs() < 1.0);
    }
}
