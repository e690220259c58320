use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::random::SeededRandom;

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Some day in 2026.
const NOW: i64 = 1_790_000_000_000;

fn throttle() -> LoginThrottle {
    LoginThrottle::new(ThrottleLimits::default(), &SeededRandom::new(1))
}

fn stranger(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number))
}

/// Fails as often as admitted during this time, trying each `every_ms`; gives the number of guesses made.
fn attack(
    throttle: &LoginThrottle,
    mut attempt: impl FnMut(u32) -> (String, IpAddr),
    duration_ms: i64,
    every_ms: usize,
) -> u32 {
    let mut guesses = 0;
    for (number, now) in (0_u32..).zip((NOW..NOW + duration_ms).step_by(every_ms)) {
        let (name, address) = attempt(number);
        if throttle.check(&name, address, now).is_ok() {
            throttle.record_failure(&name, address, now);
            guesses += 1;
        }
    }
    guesses
}

#[test]
fn a_few_mistakes_cost_nothing_then_each_costs_twice_the_last() {
    let throttle = throttle();
    let mut now = NOW;
    for _ in 0..5 {
        assert_eq!(throttle.check("alice", HOME, now), Ok(()));
        throttle.record_failure("alice", HOME, now);
    }
    for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(throttle.check("alice", HOME, now), Ok(()));
        throttle.record_failure("alice", HOME, now);
        assert_eq!(
            throttle.check("alice", HOME, now),
            Err(RetryAfter { secs: expected })
        );
        now += i64::try_from(expected).unwrap() * 1_000;
        let early = throttle.check("alice", HOME, now - 1);
        assert_eq!(early, Err(RetryAfter { secs: 1 }));
    }
}

#[test]
fn guessing_one_name_from_one_address_is_slow() {
    let day = attack(&throttle(), |_| ("alice".into(), HOME), DAY_MS, 500);
    assert!((1_000..1_600).contains(&day), "{day}");
}

#[test]
fn guessing_one_name_from_everywhere_is_slow_too() {
    let day = attack(
        &throttle(),
        |number| ("alice".into(), stranger(number)),
        DAY_MS,
        500,
    );
    assert!(day < 3_500, "{day}");
}

#[test]
fn spraying_many_names_from_one_address_is_slow_too() {
    let day = attack(
        &throttle(),
        |number| (format!("user{number}"), HOME),
        DAY_MS,
        500,
    );
    assert!(day < 3_500, "{day}");
}

#[test]
fn case_and_surrounding_space_are_no_way_around() {
    let throttle = throttle();
    let names = ["alice", "ALICE", " Alice\t", "aLiCe", "\u{a0}alice"];
    let hour = attack(
        &throttle,
        |number| (names[number as usize % names.len()].into(), HOME),
        3_600_000,
        500,
    );
    assert!(hour < 90, "{hour}");
    assert_eq!(folded_name(" ÄRGER "), "ärger");
    assert_eq!(folded_name("ΑΛΊΚΗ"), "αλίκη");
}

#[test]
fn addresses_of_one_network_or_written_otherwise_are_one() {
    let same = |a: &str, b: &str| network_of(a.parse().unwrap()) == network_of(b.parse().unwrap());
    assert!(same("192.0.2.1", "::ffff:192.0.2.1"));
    assert!(!same("192.0.2.1", "192.0.2.2"));
    assert!(same("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"));
    assert!(!same("2001:db8:0:1::1", "2001:db8:0:2::1"));
    assert!(!same("::1", "0.0.0.1"));
}

#[test]
fn guesses_sent_all_at_once_are_counted_before_the_first_has_failed() {
    let throttle = throttle();
    let admitted = (0..1_000)
        .filter(|_| throttle.check("alice", HOME, NOW).is_ok())
        .count();
    assert_eq!(admitted, 20);
    let from_everywhere = (0..1_000)
        .filter(|&number| throttle.check("bob", stranger(number), NOW).is_ok())
        .count();
    assert_eq!(from_everywhere, 50);
    let sprayed = (0..1_000)
        .filter(|number| {
            throttle
                .check(&format!("u{number}"), stranger(0), NOW)
                .is_ok()
        })
        .count();
    assert_eq!(sprayed, 99, "one of the hundred was used for bob");
}

#[test]
fn successes_are_free_however_many() {
    let throttle = throttle();
    for number in 0..10_000 {
        let name = format!("user{}", number % 7);
        assert_eq!(throttle.check(&name, HOME, NOW), Ok(()), "{number}");
        throttle.record_success(&name, HOME, NOW);
    }
}

#[test]
fn what_nobody_could_answer_is_no_attempt() {
    let throttle = throttle();
    for _ in 0..1000 {
        assert!(throttle.check("zoe", HOME, NOW).is_ok());
        throttle.record_unanswered("zoe", HOME, NOW);
    }
    // It washes no failures away either.
    let guesses = attack(
        &throttle,
        |_| {
            throttle.check("other", HOME, NOW).ok();
            throttle.record_unanswered("other", HOME, NOW);
            ("zoe".to_owned(), HOME)
        },
        60_000,
        100,
    );
    assert!(guesses < 40, "{guesses}");
}

#[test]
fn a_user_at_a_known_address_is_not_locked_out_by_an_attack_on_the_name() {
    let throttle = throttle();
    throttle.check("alice", HOME, NOW).unwrap();
    throttle.record_success("alice", HOME, NOW);
    attack(
        &throttle,
        |number| ("alice".into(), stranger(number)),
        600_000,
        100,
    );
    let now = NOW + 600_000;
    assert!(
        throttle.check("alice", stranger(99_999), now).is_err(),
        "the attack goes on"
    );
    assert_eq!(throttle.check("alice", HOME, now), Ok(()));
}

#[test]
fn anyone_is_let_in_again_within_a_minute_of_quiet() {
    let throttle = throttle();
    attack(
        &throttle,
        |number| ("alice".into(), stranger(number % 3)),
        DAY_MS,
        1_000,
    );
    let now = NOW + DAY_MS + 60_000;
    assert_eq!(throttle.check("alice", HOME, now), Ok(()));
    assert_eq!(throttle.check("alice", stranger(0), now), Ok(()));
}

#[test]
fn after_a_quiet_while_mistakes_are_free_again() {
    let throttle = throttle();
    attack(&throttle, |_| ("alice".into(), HOME), 600_000, 100);
    let now = NOW + 600_000 + 15 * 60_000;
    for _ in 0..5 {
        assert_eq!(throttle.check("alice", HOME, now), Ok(()));
        throttle.record_failure("alice", HOME, now);
    }
    assert_eq!(throttle.check("alice", HOME, now), Ok(()));
}

#[test]
fn ones_own_success_does_not_wash_away_failures_under_other_names() {
    let throttle = throttle();
    let hour = attack(
        &throttle,
        |number| {
            let now = NOW + i64::from(number) * 100;
            if throttle.check("mallory", HOME, now).is_ok() {
                throttle.record_success("mallory", HOME, now);
            }
            (format!("victim{}", number % 50), HOME)
        },
        3_600_000,
        100,
    );
    assert!(hour < 250, "{hour}");
}

#[test]
fn memory_is_bounded_and_refused_attempts_leave_nothing() {
    let limits = ThrottleLimits {
        max_entries: 100,
        ..ThrottleLimits::default()
    };
    let throttle = LoginThrottle::new(limits, &SeededRandom::new(1));
    for number in 0..5_000 {
        let (name, address) = (format!("user{number}"), stranger(number));
        if throttle.check(&name, address, NOW).is_ok() {
            throttle.record_failure(&name, address, NOW);
            throttle.record_success(&name, address, NOW);
        }
    }
    let tables = throttle.tables();
    for length in [
        tables.addresses.len(),
        tables.names.len(),
        tables.names_from_addresses.len(),
        tables.known.len(),
    ] {
        assert!(length <= 100, "{length}");
    }
    drop(tables);

    let throttle = self::throttle();
    for number in 0..1_000 {
        throttle.check(&format!("user{number}"), HOME, NOW).ok();
    }
    assert_eq!(
        throttle.tables().names.len(),
        100,
        "no more than the address may try"
    );
}

#[test]
fn a_clock_that_is_set_back_does_not_lock_anyone_out() {
    let throttle = throttle();
    for _ in 0..20 {
        if throttle.check("alice", HOME, NOW).is_ok() {
            throttle.record_failure("alice", HOME, NOW);
        }
    }
    let earlier = NOW - 10 * DAY_MS;
    let wait = throttle.check("alice", HOME, earlier).unwrap_err().secs;
    assert!(wait <= 60, "{wait}");
    assert!(throttle.check("alice", HOME, i64::MIN).is_err());
    assert_eq!(throttle.check("alice", HOME, i64::MAX), Ok(()));
}

#[derive(Debug, Clone)]
struct Step {
    name: u8,
    address: u8,
    pause_ms: i64,
    ends_well: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let pause = prop_oneof![Just(0), 0..2_000_i64, 0..120_000_i64, 0..2_000_000_i64];
    (0..3_u8, 0..3_u8, pause, any::<bool>()).prop_map(|(name, address, pause_ms, ends_well)| Step {
        name,
        address,
        pause_ms,
        ends_well,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever happened: a refusal names a time within the longest pause, and someone who comes back then (and is
    /// alone in coming) is let in.
    #[test]
    fn a_refusal_says_truly_when_to_come_back(steps in proptest::collection::vec(step(), 1..300)) {
        let throttle = throttle();
        let mut now = NOW;
        for step in steps {
            now += step.pause_ms;
            let (name, address) = (format!("user{}", step.name), stranger(step.address.into()));
            let mut refusals = 0;
            while let Err(refused) = throttle.check(&name, address, now) {
                prop_assert!((1..=60).contains(&refused.secs), "{refused}");
                refusals += 1;
                // One for each of the three limits at most.
                prop_assert!(refusals <= 3);
                now += i64::try_from(refused.secs).unwrap() * 1_000;
            }
            if step.ends_well {
                throttle.record_success(&name, address, now);
            } else {
                throttle.record_failure(&name, address, now);
            }
        }
    }

    /// Over any stretch of time, no more attempts fail from one address than its stock and its refills allow.
    #[test]
    fn no_sequence_gets_more_guesses_than_stock_and_refill(
        steps in proptest::collection::vec(step(), 1..400),
    ) {
        let throttle = throttle();
        let limit = ThrottleLimits::default().name_from_address;
        let (mut now, mut guesses) = (NOW, 0_i64);
        for step in steps {
            now += step.pause_ms.min(5_000);
            if throttle.check("alice", HOME, now).is_ok() {
                throttle.record_failure("alice", HOME, now);
                guesses += 1;
            }
            let allowed = i64::from(limit.burst) + (now - NOW) / limit.refill_every_ms;
            prop_assert!(guesses <= allowed, "{guesses} of {allowed}");
        }
    }
}
