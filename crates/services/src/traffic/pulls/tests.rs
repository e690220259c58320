//! No pull is left out: not when there are too many at once, and not when whoever has them written goes away.

use super::super::counts::MAX_COUNTED;
use super::*;
use crate::testing::{TestRegistry, settings};
use oci::RepositoryName;
use std::task::{Context, Waker};

fn place(address: &str, agent: &str) -> Place {
    Place {
        address: address.parse().ok(),
        agent: Some(agent.into()),
    }
}

fn pull(account: &model::AccountId, at: usize) -> (PullKey, Count<Place>) {
    let key = PullKey {
        repository: RepositoryKey {
            account_id: account.clone(),
            name: RepositoryName::parse("team/app").unwrap(),
        },
        digest: Digest::sha256_of(at.to_string().as_bytes()),
        tag: None,
        caller: "somebody".into(),
        credential: "token",
    };
    let count = Count {
        times: 1,
        last_at_ms: 7,
        place: place("192.0.2.1", "docker"),
    };
    (key, count)
}

#[test]
fn of_several_places_none_is_named() {
    let mut known = place("192.0.2.1", "docker");
    merge_places(&mut known, &place("192.0.2.1", "docker"));
    assert_eq!(known, place("192.0.2.1", "docker"));
    merge_places(&mut known, &place("192.0.2.2", "docker"));
    assert_eq!(known, place("no address", "docker"));
}

#[tokio::test]
async fn whoever_finds_no_place_has_the_others_written() {
    let registry = TestRegistry::start(settings()).await;
    let account = registry.create_account("default").await.unwrap();
    let pulls = Arc::new(Pulls::new(registry.services.core.clone()));
    {
        let mut counted = lock(&pulls.counted);
        for at in 0..MAX_COUNTED {
            let (key, count) = pull(&account, at);
            counted.add(key, count, merge_places);
        }
    }
    // One that is known already has a place.
    let (known, count) = pull(&account, 0);
    pulls.add(known, count).await;
    assert_eq!(lock(&pulls.counted).counts.len(), MAX_COUNTED);
    let (one_more, count) = pull(&account, MAX_COUNTED);
    pulls.add(one_more.clone(), count).await;
    let (len, others) = {
        let counted = lock(&pulls.counted);
        assert!(counted.counts.contains_key(&one_more));
        (counted.counts.len(), counted.others)
    };
    assert_eq!((len, others), (1, 0));
    pulls.flush().await.unwrap();
    assert!(lock(&pulls.counted).counts.is_empty());
}

#[tokio::test]
async fn what_cannot_be_written_keeps_nobody_waiting() {
    let registry = TestRegistry::start(settings()).await;
    let account = registry.create_account("default").await.unwrap();
    let pulls = Arc::new(Pulls::new(registry.services.core.clone()));
    {
        let mut counted = lock(&pulls.counted);
        for at in 0..MAX_COUNTED {
            let (key, count) = pull(&account, at);
            counted.add(key, count, merge_places);
        }
    }
    pulls.writing.lock().await.is_failing = true;
    let (one_more, count) = pull(&account, MAX_COUNTED);
    pulls.add(one_more, count).await;
    let counted = lock(&pulls.counted);
    assert_eq!((counted.counts.len(), counted.others), (MAX_COUNTED, 1));
}

/// A preview has pulls written, and its client may break off.
#[tokio::test]
async fn pulls_are_written_when_whoever_waits_for_that_goes_away() {
    let registry = TestRegistry::start(settings()).await;
    let account = registry.create_account("default").await.unwrap();
    let pulls = Arc::new(Pulls::new(registry.services.core.clone()));
    let before = registry.services.core.metadata.timings().commits().1;
    let (key, count) = pull(&account, 1);
    pulls.add(key, count).await;
    let mut flush = Box::pin(pulls.flush());
    let is_ready = flush
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_ready();
    assert!(!is_ready);
    drop(flush);
    pulls.flush().await.unwrap();
    assert!(lock(&pulls.counted).counts.is_empty());
    assert!(registry.services.core.metadata.timings().commits().1 > before);
}
