//! How many passwords are hashed for those who may be anybody.
//!
//! The limits of names and addresses add up: with enough of both, somebody could have so much hashed that the registry does
//! nothing else. So wrong passwords of all callers together have one limit, too. A right one gives its place back, and a
//! name at an address from which it has succeeded before needs none. Half of the places are for addresses that have hardly
//! tried lately, so that an attack does not keep those out who come for the first time either.

use std::net::IpAddr;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Bucket, Limit, LoginThrottle, RetryAfter};
use crate::password::Gate;

impl Limit {
    /// For [`ThrottleLimits::checks`](super::ThrottleLimits::checks): so many wrong passwords are checked each second, and at
    /// most twice as many in any one.
    pub fn checks_each_second(count: u32) -> Self {
        let half = count.div_ceil(2).max(1);
        Self {
            burst: half,
            refill_every_ms: (1_000 / i64::from(half)).max(1),
            free_failures: u32::MAX,
            first_pause_ms: 0,
            longest_pause_ms: 0,
        }
    }
}

/// So many attempts that were not right, and an address has hardly tried.
const HARDLY: u32 = 3;

/// The places of both halves.
pub(super) struct Checks {
    of_newcomers: Bucket,
    of_others: Bucket,
}

impl Checks {
    pub(super) fn new(limit: &Limit) -> Self {
        Self {
            of_newcomers: Bucket::full(limit, 0),
            of_others: Bucket::full(limit, 0),
        }
    }

    fn half(&mut self, is_newcomer: bool) -> &mut Bucket {
        if is_newcomer {
            &mut self.of_newcomers
        } else {
            &mut self.of_others
        }
    }
}

/// Before the password of a name is hashed, for a caller that [`LoginThrottle::check`] let pass.
pub struct CheckGate<'a, Now> {
    throttle: &'a LoginThrottle,
    name: &'a str,
    address: IpAddr,
    now_ms: Now,
    /// Whose place was taken.
    is_newcomer: AtomicBool,
}

impl LoginThrottle {
    /// The way to having a password hashed. `now_ms` says what time it is when its turn has come.
    pub fn gate<'a, Now: Fn() -> i64 + Sync>(
        &'a self,
        name: &'a str,
        address: IpAddr,
        now_ms: Now,
    ) -> CheckGate<'a, Now> {
        CheckGate {
            throttle: self,
            name,
            address,
            now_ms,
            is_newcomer: AtomicBool::new(false),
        }
    }
}

impl<Now: Fn() -> i64 + Sync> CheckGate<'_, Now> {
    /// Whether the name has succeeded from the address, and whether that has hardly tried.
    fn standing(&self) -> (bool, bool) {
        let (throttle, now_ms) = (self.throttle, (self.now_ms)());
        let (keys, limit) = (
            throttle.keys(self.name, self.address),
            &throttle.limits.address,
        );
        let tables = throttle.tables();
        let of_address = throttle.bucket(&tables.addresses, &keys.address, limit, now_ms);
        let has_hardly_tried = of_address.tokens.saturating_add(HARDLY) >= limit.burst;
        (tables.is_known(&keys.pair, now_ms), has_hardly_tried)
    }
}

impl<Now: Fn() -> i64 + Sync> Gate for CheckGate<'_, Now> {
    fn admit(&self) -> Result<(), RetryAfter> {
        let (is_known, is_newcomer) = self.standing();
        if is_known {
            return Ok(());
        }
        self.is_newcomer.store(is_newcomer, Ordering::Relaxed);
        let limits = &self.throttle.limits;
        let checks = &self.throttle.checks;
        let mut checks = checks.lock().unwrap_or_else(PoisonError::into_inner);
        let half = checks.half(is_newcomer);
        // Asked for by whoever has the lock: among callers that wait for it, it must not go backwards.
        let now_ms = (self.now_ms)();
        *half = half.at(&limits.checks, now_ms, limits.forget_after_ms);
        half.admits(&limits.checks, now_ms)?;
        *half = half.taken();
        Ok(())
    }

    fn give_back(&self) {
        let (is_known, _) = self.standing();
        if is_known {
            return;
        }
        let checks = &self.throttle.checks;
        let mut checks = checks.lock().unwrap_or_else(PoisonError::into_inner);
        let half = checks.half(self.is_newcomer.load(Ordering::Relaxed));
        *half = half.given_back(&self.throttle.limits.checks);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::ThrottleLimits;
    use crate::random::SeededRandom;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const NOW: i64 = 1_790_000_000_000;

    fn stranger(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number))
    }

    #[test]
    fn wrong_passwords_of_all_callers_have_one_limit() {
        let throttle = LoginThrottle::new(ThrottleLimits::default(), &SeededRandom::new(1));
        let mut hashed = Vec::new();
        // Each from another address, under another name, 500 a second, for a minute.
        for number in 0..30_000_u32 {
            let now = NOW + i64::from(number) * 2;
            let (name, from) = (format!("user-{number}"), stranger(number));
            assert_eq!(throttle.check(&name, from, now), Ok(()));
            if throttle.gate(&name, from, || now).admit().is_ok() {
                throttle.record_failure(&name, from, now);
                hashed.push(now);
            }
        }
        for second in (0..59).map(|second| NOW + second * 1_000) {
            let within = second..second + 1_000;
            let count = hashed.iter().filter(|at| within.contains(at)).count();
            assert!((5..=20).contains(&count), "{count}");
        }
    }

    #[test]
    fn right_passwords_and_known_people_are_not_held_up() {
        let throttle = LoginThrottle::new(ThrottleLimits::default(), &SeededRandom::new(1));
        let gate = |name: &'static str| throttle.gate(name, HOME, || NOW);
        let anna = gate("anna");
        for _ in 0..100 {
            assert_eq!(anna.admit(), Ok(()));
            anna.give_back();
        }
        throttle.record_success("anna", HOME, NOW);
        for _ in 0..5 {
            assert_eq!(gate("guess").admit(), Ok(()));
        }
        let refused = Err(RetryAfter { secs: 1 });
        assert_eq!(gate("guess").admit(), refused);
        assert_eq!(gate("anna").admit(), Ok(()));
        // From elsewhere it is not known that she is who she says.
        let elsewhere = throttle.gate("anna", stranger(1), || NOW);
        assert_eq!(elsewhere.admit(), refused);
        gate("anna").give_back();
        assert_eq!(gate("guess").admit(), refused, "she took no place");
    }

    #[test]
    fn who_comes_for_the_first_time_gets_in_beside_an_attack() {
        let throttle = LoginThrottle::new(ThrottleLimits::default(), &SeededRandom::new(1));
        let mut hashed = 0;
        // 50 addresses, each with names of its own, 500 a second in all, for ten seconds; someone comes in the third.
        let mut waited = None;
        for number in 0..5_000_u32 {
            let now = NOW + i64::from(number) * 2;
            let name = format!("user-{}-{}", number % 50, number / 500);
            let from = stranger(number % 50);
            if throttle.check(&name, from, now).is_ok()
                && throttle.gate(&name, from, || now).admit().is_ok()
            {
                throttle.record_failure(&name, from, now);
                hashed += 1;
            }
            let is_time = now >= NOW + 3_000 && (now - NOW) % 1_000 == 0;
            if is_time && waited.is_none() && throttle.check("anna", HOME, now).is_ok() {
                let admitted = throttle.gate("anna", HOME, || now).admit().is_ok();
                waited = admitted.then_some(now - NOW - 3_000);
            }
        }
        assert!(hashed <= 120, "{hashed}");
        assert!(waited.is_some_and(|waited| waited <= 1_000), "{waited:?}");
    }
}
