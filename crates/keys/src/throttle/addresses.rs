//! How often an address may try what names nobody: exchanges of other issuers' tokens.

use super::{Bucket, Limit, RetryAfter, ThrottleLimits, network_of};
use quick_cache::unsync::Cache;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Addresses remembered at most: some 100 bytes each.
const MAX_ADDRESSES: usize = 10_000;

/// Counts attempts per client address (IPv6: per /64 network), in memory, apart from logins: neither keeps the other out.
/// Replicas count each for themselves. When there are more addresses than places, those that tried least lately are forgotten.
pub struct AddressThrottle {
    limit: Limit,
    forget_after_ms: i64,
    buckets: Mutex<Cache<Ipv6Addr, Bucket>>,
}

impl AddressThrottle {
    /// An empty throttle, with the limit that logins have per address.
    pub fn new(limits: &ThrottleLimits) -> Self {
        let places = limits.max_entries.clamp(1, MAX_ADDRESSES);
        Self {
            limit: limits.address,
            forget_after_ms: limits.forget_after_ms,
            buckets: Mutex::new(Cache::new(places)),
        }
    }

    /// Whether an attempt may go on. If so it is counted, and the caller says how it ended.
    ///
    /// # Errors
    /// [`RetryAfter`] when there were too many; this one is not counted.
    pub fn check(&self, address: IpAddr, now_ms: i64) -> Result<(), RetryAfter> {
        let mut buckets = self.lock();
        let network = network_of(address);
        let bucket = self.bucket(&buckets, &network, now_ms);
        bucket.admits(&self.limit, now_ms)?;
        buckets.insert(network, bucket.taken());
        Ok(())
    }

    /// An admitted attempt was refused.
    pub fn record_failure(&self, address: IpAddr, now_ms: i64) {
        let mut buckets = self.lock();
        let network = network_of(address);
        let bucket = self.bucket(&buckets, &network, now_ms);
        buckets.insert(network, bucket.failed(&self.limit, now_ms));
    }

    /// An admitted attempt was right, or could not be decided: its place is given back. Failures before it stay counted.
    pub fn give_back(&self, address: IpAddr, now_ms: i64) {
        let mut buckets = self.lock();
        let network = network_of(address);
        let bucket = self.bucket(&buckets, &network, now_ms);
        buckets.insert(network, bucket.given_back(&self.limit));
    }

    fn bucket(&self, buckets: &Cache<Ipv6Addr, Bucket>, network: &Ipv6Addr, now_ms: i64) -> Bucket {
        match buckets.get(network) {
            Some(bucket) => bucket.at(&self.limit, now_ms, self.forget_after_ms),
            None => Bucket::full(&self.limit, now_ms),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Cache<Ipv6Addr, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for AddressThrottle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressThrottle")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit {
        burst: 4,
        refill_every_ms: 10_000,
        free_failures: 2,
        first_pause_ms: 1_000,
        longest_pause_ms: 4_000,
    };

    fn throttle(max_entries: usize) -> AddressThrottle {
        AddressThrottle::new(&ThrottleLimits {
            address: LIMIT,
            forget_after_ms: 60_000,
            max_entries,
            ..ThrottleLimits::default()
        })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_that_fails_waits_longer_each_time_and_others_do_not() {
        let (throttle, guesser) = (throttle(100), address("192.0.2.1"));
        for _ in 0..3 {
            throttle.check(guesser, 0).expect("it is admitted");
            throttle.record_failure(guesser, 0);
        }
        assert_eq!(throttle.check(guesser, 0), Err(RetryAfter { secs: 1 }));
        // The same by its longer name.
        assert!(throttle.check(address("::ffff:192.0.2.1"), 0).is_err());
        throttle.check(address("192.0.2.2"), 0).expect("another");
        throttle.check(guesser, 1_000).expect("the pause is over");
        throttle.record_failure(guesser, 1_000);
        // None is left of the four, and the next comes after ten seconds.
        assert_eq!(throttle.check(guesser, 1_001), Err(RetryAfter { secs: 9 }));
        throttle.check(guesser, 10_000).expect("one is there again");
    }

    #[test]
    fn what_is_right_takes_nothing_and_forgives_nothing() {
        let (throttle, runner) = (throttle(100), address("2001:db8::1"));
        for at in 0..1_000 {
            throttle.check(runner, at).expect("it is admitted");
            throttle.give_back(runner, at);
        }
        for _ in 0..3 {
            throttle.check(runner, 1_000).expect("it is admitted");
            throttle.record_failure(runner, 1_000);
        }
        // Neighbours of one network are one.
        assert!(throttle.check(address("2001:db8::2"), 1_000).is_err());
        throttle
            .check(address("2001:db8:0:1::1"), 1_000)
            .expect("another");
        throttle.give_back(runner, 1_000);
        assert!(throttle.check(runner, 1_000).is_err());
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = throttle(100);
        for number in 0..10_000_u32 {
            let address = IpAddr::from(number.to_be_bytes());
            throttle.check(address, 0).expect("each its first");
        }
        assert!(throttle.lock().len() <= 100);
        assert_eq!(throttle.limit, LIMIT);
    }
}
