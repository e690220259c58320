//! How often someone may try to log in, asked before anything is hashed.
//!
//! Three limits, each a token bucket that also backs off after failures in a row: per client address, per name, and per
//! name *from* an address. An attempt is taken from all three when it is admitted, so a thousand guesses sent at once
//! do not all slip through before the first has failed; a success gives it back.
//!
//! **No one is locked out for ever.** Back-off is capped at seconds, and failures are forgotten after a quiet while. A
//! stranger who keeps failing under someone's name uses up that name's attempts, but not for the addresses from which
//! this name has succeeded before: those are asked only for their own limits. (From a new address, in the middle of a
//! distributed attack on that very name, a login may take several tries; sessions and tokens are not affected.)
//!
//! **Existence does not matter**: nobody is looked up here; unknown names are counted like known ones. Memory is bounded:
//! entries are fixed in size, capped in number, and refused attempts create none for the name.

mod addresses;

pub use addresses::AddressThrottle;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::hmac;
use quick_cache::unsync::Cache;

use crate::random::Random;

mod checks;
mod unanswered;

pub use checks::CheckGate;

/// The attempt is refused: too many before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many failed logins; try again in {secs} seconds")]
pub struct RetryAfter {
    /// Whole seconds until another attempt may be admitted, at least 1: the value of `Retry-After`.
    pub secs: u64,
}

/// One limit: attempts in stock, and the pause after failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Attempts that may come at once.
    pub burst: u32,
    /// Milliseconds until one attempt is in stock again.
    pub refill_every_ms: i64,
    /// Failures in a row before pauses begin.
    pub free_failures: u32,
    /// The first pause; each further failure doubles it.
    pub first_pause_ms: i64,
    /// Longest pause.
    pub longest_pause_ms: i64,
}

/// Settings of a [`LoginThrottle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleLimits {
    /// Per client address (IPv6: per /64 network).
    pub address: Limit,
    /// Per name, from whatever addresses it has not succeeded from.
    pub name: Limit,
    /// Per name from one address.
    pub name_from_address: Limit,
    /// Passwords that are checked, of all callers together, in each of two halves: see [`CheckGate`].
    pub checks: Limit,
    /// After this long without a failure, those before are forgotten.
    pub forget_after_ms: i64,
    /// How long a success makes an address known for a name.
    pub known_for_ms: i64,
    /// Most entries in each of the four tables (some 100 bytes each).
    pub max_entries: usize,
}

impl Default for ThrottleLimits {
    /// Wide enough for an office behind one address and a build with a wrong password next to one with the right one;
    /// narrow enough that a name can be tried a few thousand times a day.
    fn default() -> Self {
        Self {
            address: Limit {
                burst: 100,
                refill_every_ms: 2_000,
                free_failures: 50,
                first_pause_ms: 1_000,
                longest_pause_ms: 30_000,
            },
            name: Limit {
                burst: 50,
                refill_every_ms: 10_000,
                free_failures: 20,
                first_pause_ms: 1_000,
                longest_pause_ms: 30_000,
            },
            name_from_address: Limit {
                burst: 20,
                refill_every_ms: 10_000,
                free_failures: 5,
                first_pause_ms: 1_000,
                longest_pause_ms: 60_000,
            },
            checks: Limit::checks_each_second(10),
            forget_after_ms: 15 * 60 * 1_000,
            known_for_ms: 30 * 24 * 60 * 60 * 1_000,
            max_entries: 50_000,
        }
    }
}

/// Counts logins in memory. Replicas count each for themselves.
pub struct LoginThrottle {
    limits: ThrottleLimits,
    /// Names from strangers are kept only as a keyed hash: fixed in size, and collisions cannot be arranged.
    key: hmac::Key,
    tables: Mutex<Tables>,
    checks: Mutex<checks::Checks>,
}

type EntryKey = [u8; 16];

struct Tables {
    addresses: Cache<EntryKey, Bucket>,
    names: Cache<EntryKey, Bucket>,
    names_from_addresses: Cache<EntryKey, Bucket>,
    /// Until when a name is known at an address.
    known: Cache<EntryKey, i64>,
}

impl LoginThrottle {
    /// An empty throttle.
    pub fn new(limits: ThrottleLimits, random: &dyn Random) -> Self {
        let mut key = zeroize::Zeroizing::new([0; 32]);
        random.fill(&mut *key);
        let max_entries = limits.max_entries.max(1);
        Self {
            checks: Mutex::new(checks::Checks::new(&limits.checks)),
            limits,
            key: hmac::Key::new(hmac::HMAC_SHA256, &*key),
            tables: Mutex::new(Tables {
                addresses: Cache::new(max_entries),
                names: Cache::new(max_entries),
                names_from_addresses: Cache::new(max_entries),
                known: Cache::new(max_entries),
            }),
        }
    }

    /// Whether an attempt may go on to have its password checked. If so it is counted, and the caller reports how it
    /// ended; an attempt that ended otherwise (the server was busy) is not reported and its place refills with time.
    pub fn check(&self, name: &str, address: IpAddr, now_ms: i64) -> Result<(), RetryAfter> {
        let keys = self.keys(name, address);
        let limits = &self.limits;
        let mut tables = self.tables();
        let is_known = tables.is_known(&keys.pair, now_ms);
        let of_address = self.bucket(&tables.addresses, &keys.address, &limits.address, now_ms);
        // The address first: one that may not try leaves no trace under any name.
        of_address.admits(&limits.address, now_ms)?;
        let of_pair = self.bucket(
            &tables.names_from_addresses,
            &keys.pair,
            &limits.name_from_address,
            now_ms,
        );
        of_pair.admits(&limits.name_from_address, now_ms)?;
        if !is_known {
            let of_name = self.bucket(&tables.names, &keys.name, &limits.name, now_ms);
            of_name.admits(&limits.name, now_ms)?;
            tables.names.insert(keys.name, of_name.taken());
        }
        tables.addresses.insert(keys.address, of_address.taken());
        tables
            .names_from_addresses
            .insert(keys.pair, of_pair.taken());
        Ok(())
    }

    /// An admitted attempt had a wrong name or password (which of them must not matter here or anywhere).
    pub fn record_failure(&self, name: &str, address: IpAddr, now_ms: i64) {
        let keys = self.keys(name, address);
        let limits = &self.limits;
        let mut tables = self.tables();
        let of_address = self
            .bucket(&tables.addresses, &keys.address, &limits.address, now_ms)
            .failed(&limits.address, now_ms);
        let of_pair = self
            .bucket(
                &tables.names_from_addresses,
                &keys.pair,
                &limits.name_from_address,
                now_ms,
            )
            .failed(&limits.name_from_address, now_ms);
        if !tables.is_known(&keys.pair, now_ms) {
            let of_name = self
                .bucket(&tables.names, &keys.name, &limits.name, now_ms)
                .failed(&limits.name, now_ms);
            tables.names.insert(keys.name, of_name);
        }
        tables.addresses.insert(keys.address, of_address);
        tables.names_from_addresses.insert(keys.pair, of_pair);
    }

    /// An admitted attempt was right: its places are given back, and the address is known for this name from now on.
    /// Failures counted for the address or the name stay: an attacker's own account must not clear them.
    pub fn record_success(&self, name: &str, address: IpAddr, now_ms: i64) {
        let keys = self.keys(name, address);
        let limits = &self.limits;
        let mut tables = self.tables();
        let of_address = self
            .bucket(&tables.addresses, &keys.address, &limits.address, now_ms)
            .given_back(&limits.address);
        tables.addresses.insert(keys.address, of_address);
        if !tables.is_known(&keys.pair, now_ms) {
            let of_name = self
                .bucket(&tables.names, &keys.name, &limits.name, now_ms)
                .given_back(&limits.name);
            tables.names.insert(keys.name, of_name);
        }
        tables.names_from_addresses.remove(&keys.pair);
        let known_until = now_ms.saturating_add(limits.known_for_ms);
        tables.known.insert(keys.pair, known_until);
    }

    fn bucket(
        &self,
        table: &Cache<EntryKey, Bucket>,
        key: &EntryKey,
        limit: &Limit,
        now_ms: i64,
    ) -> Bucket {
        match table.get(key) {
            Some(bucket) => bucket.at(limit, now_ms, self.limits.forget_after_ms),
            None => Bucket::full(limit, now_ms),
        }
    }

    fn tables(&self) -> std::sync::MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keys(&self, name: &str, address: IpAddr) -> Keys {
        let name = folded_name(name);
        let network = network_of(address).octets();
        Keys {
            address: self.entry_key(b"address", &[&network]),
            name: self.entry_key(b"name", &[name.as_bytes()]),
            pair: self.entry_key(b"pair", &[&network, name.as_bytes()]),
        }
    }

    fn entry_key(&self, kind: &[u8], parts: &[&[u8]]) -> EntryKey {
        let mut mac = hmac::Context::with_key(&self.key);
        mac.update(kind);
        for part in parts {
            mac.update(part);
        }
        let mut key = [0; 16];
        key.copy_from_slice(&mac.sign().as_ref()[..16]);
        key
    }
}

impl fmt::Debug for LoginThrottle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginThrottle")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Tables {
    fn is_known(&self, pair: &EntryKey, now_ms: i64) -> bool {
        self.known.get(pair).is_some_and(|&until| now_ms < until)
    }
}

struct Keys {
    address: EntryKey,
    name: EntryKey,
    pair: EntryKey,
}

/// The form under which a name is counted: surrounding white space removed, then Unicode's lower case. Forms that
/// differ in more than that (composed or decomposed accents, full-width letters) count apart, and need no folding: the
/// user they would have to match is looked up by no looser comparison than this one.
pub fn folded_name(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Whom an address stands for: an IPv4 address (also written as IPv6), or an IPv6 /64, of which a single customer
/// usually holds all.
fn network_of(address: IpAddr) -> Ipv6Addr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)),
    }
}

/// The state of one limit for one name or address.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: u32,
    /// When the last token was refilled.
    refilled_at_ms: i64,
    /// Failures in a row.
    failures: u32,
    failed_at_ms: i64,
    paused_until_ms: i64,
}

impl Bucket {
    fn full(limit: &Limit, now_ms: i64) -> Self {
        Self {
            tokens: limit.burst,
            refilled_at_ms: now_ms,
            failures: 0,
            failed_at_ms: now_ms,
            paused_until_ms: i64::MIN,
        }
    }

    /// The bucket as time has left it.
    fn at(mut self, limit: &Limit, now_ms: i64, forget_after_ms: i64) -> Self {
        let every = limit.refill_every_ms.max(1);
        let refills = now_ms.saturating_sub(self.refilled_at_ms).max(0) / every;
        self.tokens = u32::try_from(refills)
            .unwrap_or(u32::MAX)
            .saturating_add(self.tokens)
            .min(limit.burst);
        // The rest of an interval counts towards the next token. A clock set back starts the interval anew.
        self.refilled_at_ms = self
            .refilled_at_ms
            .saturating_add(refills * every)
            .min(now_ms);
        self.paused_until_ms = self
            .paused_until_ms
            .min(now_ms.saturating_add(limit.longest_pause_ms));
        if now_ms.saturating_sub(self.failed_at_ms) >= forget_after_ms {
            self.failures = 0;
        }
        self
    }

    fn admits(&self, limit: &Limit, now_ms: i64) -> Result<(), RetryAfter> {
        let refill = match self.tokens {
            0 => limit
                .refill_every_ms
                .saturating_sub(now_ms.saturating_sub(self.refilled_at_ms)),
            _ => 0,
        };
        let wait_ms = self.paused_until_ms.saturating_sub(now_ms).max(refill);
        match u64::try_from(wait_ms) {
            Ok(wait_ms @ 1..) => Err(RetryAfter {
                secs: wait_ms.div_ceil(1_000),
            }),
            _ => Ok(()),
        }
    }

    fn taken(mut self) -> Self {
        self.tokens = self.tokens.saturating_sub(1);
        self
    }

    fn given_back(mut self, limit: &Limit) -> Self {
        self.tokens = self.tokens.saturating_add(1).min(limit.burst);
        self
    }

    fn failed(mut self, limit: &Limit, now_ms: i64) -> Self {
        self.failures = self.failures.saturating_add(1);
        self.failed_at_ms = now_ms;
        if let Some(beyond) = self.failures.checked_sub(limit.free_failures + 1) {
            let doubled = 1_i64.checked_shl(beyond.min(40)).unwrap_or(i64::MAX);
            let pause = limit
                .first_pause_ms
                .saturating_mul(doubled)
                .min(limit.longest_pause_ms);
            self.paused_until_ms = self.paused_until_ms.max(now_ms.saturating_add(pause));
        }
        self
    }
}

#[cfg(test)]
mod tests;
