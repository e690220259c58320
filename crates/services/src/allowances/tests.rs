//! Places among requests and transfers, and what is counted, with a clock that stands still.

use super::*;
use crate::testing::{TestRegistry, settings};
use metadata::Traffic;
use model::{Plan, PlanId, PlanLimits};

/// A registry with accounts; the first has these limits.
async fn start(limits: PlanLimits) -> (TestRegistry, [AccountId; 2]) {
    let registry = TestRegistry::start(settings()).await;
    let one = registry.create_account("one").await.unwrap();
    let other = registry.create_account("other").await.unwrap();
    set_limits(&registry, &one, limits).await;
    (registry, [one, other])
}

async fn set_limits(registry: &TestRegistry, account: &AccountId, limits: PlanLimits) {
    let id = registry.services.new_id();
    let plan = Plan {
        id: PlanId::new(id.clone()),
        name: id,
        description: String::new(),
        limits,
        is_offered: false,
    };
    let account = account.clone();
    let core = &registry.services.core;
    let set = core.metadata.write(move |tx| {
        tx.create_plan(&plan, 1)?;
        Ok::<_, Error>(tx.set_plan_of_account(&account, &plan, 1)?)
    });
    set.await.unwrap();
}

fn traffic_of(registry: &TestRegistry, account: &AccountId, month: &str) -> Traffic {
    let metadata = &registry.services.core.metadata;
    metadata
        .read_blocking(|reader| reader.find_traffic(account, month))
        .unwrap()
}

#[tokio::test]
async fn requests_over_the_limit_are_refused_to_that_account_alone() {
    let limits = PlanLimits {
        requests_at_once: Some(2),
        ..PlanLimits::default()
    };
    let (registry, [one, other]) = start(limits).await;
    let allowances = &registry.services.allowances;
    let first = allowances.enter_by_id(&one).await.unwrap();
    let _second = allowances.enter_by_id(&one).await.unwrap();
    for _ in 0..3 {
        let refused = allowances.enter_by_id(&one).await.map(drop);
        assert!(matches!(refused, Err(Error::TooManyRequests { limit: 2 })));
    }
    let mut seats = Vec::new();
    for _ in 0..10 {
        seats.push(allowances.enter_by_id(&other).await.unwrap());
    }
    drop(first);
    let third = allowances.enter_by_id(&one).await.unwrap();
    assert!(allowances.enter_by_id(&one).await.is_err());
    // A larger plan counts with the next request, and what is under way before counts, too.
    let more = PlanLimits {
        requests_at_once: Some(3),
        ..limits
    };
    set_limits(&registry, &one, more).await;
    let _fourth = allowances.enter_by_id(&one).await.unwrap();
    assert!(allowances.enter_by_id(&one).await.is_err());
    drop(third);
}

#[tokio::test]
async fn the_last_transfers_are_for_accounts_that_have_few() {
    let (registry, [one, other]) = start(PlanLimits::default()).await;
    let allowances = &registry.services.allowances;
    let seat = allowances.enter_by_id(&one).await.unwrap();
    let fill = |seat: &Seat, held: &mut Vec<TransferShare>| {
        while held.len() < 16 {
            match seat.begin_transfer(16 - held.len(), 16) {
                Some(share) => held.push(share),
                None => return,
            }
        }
    };
    let mut alone = Vec::new();
    fill(&seat, &mut alone);
    assert_eq!(alone.len(), 16, "who is alone gets everything");
    drop(alone);
    let next = allowances.enter_by_id(&other).await.unwrap();
    let mut held = Vec::new();
    fill(&seat, &mut held);
    assert_eq!(held.len(), 13, "of the last quarter one place is taken");
    let mut both = held.len();
    let mut theirs = Vec::new();
    while let Some(share) = next.begin_transfer(16 - both, 16) {
        theirs.push(share);
        both += 1;
        assert!(seat.begin_transfer(16 - both, 16).is_none());
        if both == 16 {
            break;
        }
    }
    assert_eq!(theirs.len(), 3, "those who come next find places");
}

#[tokio::test]
async fn what_is_sent_is_counted_written_and_limited() {
    let limits = PlanLimits {
        pull_bytes_per_month: Some(100),
        ..PlanLimits::default()
    };
    let (registry, [one, other]) = start(limits).await;
    let (services, now_ms) = (&registry.services, registry.services.now_ms());
    let seat = services.allowances.enter_by_id(&one).await.unwrap();
    let meter = seat.meter("team");
    meter.pulled();
    meter.sent(60);
    seat.require_pull().unwrap();
    services.traffic.flush(true).await.unwrap();
    meter.sent(39);
    seat.require_pull().unwrap();
    meter.sent(1);
    meter.pushed();
    let refused = seat.require_pull();
    let Err(Error::PullLimitReached {
        used, limit, until, ..
    }) = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (used, limit, until.as_str()),
        (100, 100, "2023-12-01T00:00:00Z")
    );
    let stranger = services.allowances.enter_by_id(&other).await.unwrap();
    stranger.require_pull().unwrap();
    services.traffic.flush(true).await.unwrap();
    services.traffic.flush(true).await.unwrap();
    let written = traffic_of(&registry, &one, "2023-11");
    let expected = Traffic {
        pull_bytes: 100,
        pulls: 1,
        pushes: 1,
    };
    assert_eq!(written, expected);
    // Another process, which counted nothing itself, reads what was written.
    let elsewhere = Allowances::new(services.core.clone());
    let seat = elsewhere.enter_by_id(&one).await.unwrap();
    assert!(seat.require_pull().is_err());
    // The next month begins with nothing.
    registry
        .clock
        .advance(Month::at(now_ms).ends_at_ms() - now_ms);
    seat.require_pull().unwrap();
    meter.sent(5);
    services.traffic.flush(true).await.unwrap();
    assert_eq!(traffic_of(&registry, &one, "2023-12").pull_bytes, 5);
    assert_eq!(traffic_of(&registry, &one, "2023-11"), expected);
}

#[tokio::test]
async fn what_another_process_wrote_counts_after_the_next_batch() {
    let limits = PlanLimits {
        pull_bytes_per_month: Some(100),
        ..PlanLimits::default()
    };
    let (registry, [one, _]) = start(limits).await;
    let here = Allowances::new(registry.services.core.clone());
    let there = Allowances::new(registry.services.core.clone());
    let (seat, other) = (
        here.enter_by_id(&one).await.unwrap(),
        there.enter_by_id(&one).await.unwrap(),
    );
    other.meter("team").sent(99);
    there.flush().await.unwrap();
    seat.require_pull().unwrap();
    seat.meter("team").sent(1);
    here.flush().await.unwrap();
    assert!(seat.require_pull().is_err());
}
