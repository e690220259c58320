//! Looks at what is stored, with a clock that only these tests move.

use super::*;
use crate::testing::{TestRegistry, settings};

async fn store(registry: &TestRegistry, account: &AccountId, bytes: u64) {
    let (core, account) = (&registry.services.core, account.clone());
    let stored = core.metadata.write(move |tx| {
        let (used, _) = tx.get_usage(&account)?;
        tx.free_usage(&account, used)?;
        Ok::<_, Error>(tx.add_usage(&account, bytes)?)
    });
    assert!(stored.await.unwrap().is_done());
}

fn storage_of(registry: &TestRegistry, account: &AccountId, month: &str) -> AccountStorage {
    let metadata = &registry.services.core.metadata;
    metadata
        .read_blocking(|reader| reader.find_account_storage(account, month))
        .unwrap()
}

#[tokio::test]
async fn each_full_hour_counts_once_however_many_look() {
    let registry = TestRegistry::start(settings()).await;
    let account = registry.create_account("acme").await.unwrap();
    let usage = &registry.services.usage;
    store(&registry, &account, 10).await;
    assert_eq!(usage.take().await.unwrap(), 1);
    assert_eq!(usage.take().await.unwrap(), 0);
    registry.clock.advance(HOUR_MS);
    store(&registry, &account, 30).await;
    let (one, other) = tokio::join!(usage.take(), usage.take());
    assert_eq!(one.unwrap() + other.unwrap(), 1);
    // Nobody looked for two hours: what is there now was there then.
    registry.clock.advance(2 * HOUR_MS);
    store(&registry, &account, 20).await;
    assert_eq!(usage.take().await.unwrap(), 2);
    let expected = AccountStorage {
        byte_hours: 10 + 30 + 20 + 20,
        hours: 4,
        peak_bytes: 30,
        plan: None,
    };
    assert_eq!(storage_of(&registry, &account, "2023-11"), expected);
}

#[tokio::test]
async fn days_show_the_last_look_and_are_forgotten() {
    let registry = TestRegistry::start(settings()).await;
    let account = registry.create_account("acme").await.unwrap();
    let usage = &registry.services.usage;
    let days = || {
        let metadata = &registry.services.core.metadata;
        let read = metadata.read_blocking(|reader| reader.list_account_days(&account, ""));
        let days = read.unwrap().into_iter();
        days.map(|day| (day.day, day.stored_bytes))
            .collect::<Vec<_>>()
    };
    for (bytes, hours) in [(10, 1), (30, 2)] {
        store(&registry, &account, bytes).await;
        registry.clock.advance(hours * HOUR_MS);
        usage.take().await.unwrap();
    }
    // The clock begins two hours before midnight.
    let first = ("2023-11-14".to_owned(), Some(10));
    let second = ("2023-11-15".to_owned(), Some(30));
    assert_eq!(days(), [first, second.clone()]);
    registry.clock.advance(92 * 24 * HOUR_MS);
    usage.take().await.unwrap();
    assert_eq!(days(), [second, ("2024-02-15".to_owned(), Some(30))]);
}

#[tokio::test]
async fn a_month_is_closed_once_and_an_hour_after_its_end() {
    let registry = TestRegistry::start(settings()).await;
    let account = registry.create_account("acme").await.unwrap();
    let usage = &registry.services.usage;
    store(&registry, &account, 7).await;
    usage.take().await.unwrap();
    let november = usage.this_month();
    let until_december = november.ends_at_ms() - registry.services.now_ms();
    registry.clock.advance(until_december);
    let hours = usage.take().await.unwrap();
    assert_eq!(
        hours,
        u64::try_from((until_december + HOUR_MS - 1) / HOUR_MS).unwrap()
    );
    registry.clock.advance(HOUR_MS - 1);
    assert_eq!(usage.take().await.unwrap(), 0);
    registry.clock.advance(1);
    assert_eq!(usage.take().await.unwrap(), 2, "an hour and a month");
    registry.clock.advance(HOUR_MS);
    assert_eq!(usage.take().await.unwrap(), 1);
    let (old, new) = (
        storage_of(&registry, &account, "2023-11"),
        storage_of(&registry, &account, "2023-12"),
    );
    assert_eq!((old.hours, new.hours), (hours + 1, 2));
    assert_eq!((old.byte_hours, new.byte_hours), (7 * (hours + 1), 14));
    let core = &registry.services.core;
    let read = read_usage(core, &account, Some(november)).await.unwrap();
    assert_eq!(read.closed_at_ms, Some(november.ends_at_ms() + HOUR_MS));
    assert_eq!(read.now, None);
    let now = read_usage(core, &account, None).await.unwrap();
    assert_eq!((now.month, now.closed_at_ms), (november.next(), None));
    assert_eq!(now.now.map(|now| now.used_bytes), Some(7));
}

#[test]
fn a_share_is_reached_exactly() {
    let of = |used, limit| reached([80, 95], used, limit);
    assert_eq!(of(79, Some(100)), None);
    assert_eq!(of(80, Some(100)), Some(80));
    assert_eq!(of(95, Some(100)), Some(95));
    assert_eq!(of(u64::MAX, Some(u64::MAX)), Some(95));
    assert_eq!(of(1, Some(0)), Some(95));
    assert_eq!(of(100, None), None);
    assert_eq!(reached([0, 0], 100, Some(100)), None);
}
