//! An account's queues are held, let go and emptied, each by itself.

use super::super::fixture::{World, write};
use super::{ask, claim, find, job_id, state};
use crate::{Enqueued, MetadataStore, NewJob};
use model::{AccountId, JobId, JobState};

pub(super) async fn run(store: &MetadataStore) {
    a_held_queue_is_passed_by_and_goes_on(store).await;
    a_held_job_comes_back_by_itself(store).await;
    a_queue_is_emptied_of_what_has_not_begun(store).await;
    whoever_runs_a_job_that_was_called_off_can_ask(store).await;
}

/// Asks for a job of a kind other than that of [`ask`].
async fn ask_other(store: &MetadataStore, account: &AccountId, run_at_ms: i64) -> JobId {
    let (id, account) = (job_id(), account.clone());
    let made: Enqueued = write(store, move |tx| {
        let job = NewJob {
            id: &id,
            account_id: Some(&account),
            kind: "other",
            payload: "{}",
            dedup_key: None,
            run_at_ms,
            max_attempts: 3,
        };
        tx.enqueue(&job, 100)
    })
    .await;
    made.id
}

async fn pause(store: &MetadataStore, account: &AccountId) -> bool {
    let account = account.clone();
    write(store, move |tx| tx.pause_queue(&account, "test", 120)).await
}

async fn resume(store: &MetadataStore, account: &AccountId) -> bool {
    let account = account.clone();
    write(store, move |tx| tx.resume_queue(&account, "test")).await
}

async fn release(store: &MetadataStore, account: &AccountId, now_ms: i64, limit: i64) -> usize {
    let account = account.clone();
    write(store, move |tx| {
        tx.release_jobs(&account, "test", now_ms, limit)
    })
    .await
}

/// What waits of the kind of [`ask`], and the names of the held queues.
async fn stand(
    store: &MetadataStore,
    account: &AccountId,
    limit: i64,
) -> ((i64, Option<i64>), Vec<(String, i64)>) {
    let account = account.clone();
    let found = store.list(move |reader| {
        let count = reader.count_queued_jobs(&account, "test", limit)?;
        Ok::<_, crate::Error>((count, reader.list_paused_queues(&account)?))
    });
    found.await.unwrap()
}

async fn a_held_queue_is_passed_by_and_goes_on(store: &MetadataStore) {
    let (world, neighbour) = (World::create(store).await, World::create(store).await);
    let (account, next) = (&world.account.id, &neighbour.account.id);
    let first = ask(store, account, None, 10).await.id;
    let second = ask(store, account, None, 20).await.id;
    let later = ask(store, account, None, 5000).await.id;
    let other = ask_other(store, account, 30).await;
    let others = ask(store, next, None, 10).await.id;
    assert_eq!(stand(store, account, 9).await, ((3, Some(100)), Vec::new()));
    assert_eq!(stand(store, account, 2).await.0.0, 2, "counted no further");
    assert!(pause(store, account).await);
    assert!(!pause(store, account).await, "once");
    let held = vec![("test".to_owned(), 120)];
    assert_eq!(stand(store, account, 9).await, ((3, Some(100)), held));

    // Two wait before it, and it is its turn.
    let claimed = claim(store, account, "one", 9, 200).await.unwrap();
    assert_eq!(claimed.job.id, other);
    assert!(claim(store, account, "one", 9, 200).await.is_none());
    let claimed = claim(store, next, "one", 9, 200).await.unwrap();
    assert_eq!(claimed.job.id, others, "another account's goes on");
    assert!(!resume(store, next).await);

    assert!(resume(store, account).await);
    assert_eq!(release(store, account, 200, 1).await, 1);
    assert_eq!(release(store, account, 200, 9).await, 1);
    assert_eq!(
        release(store, account, 200, 9).await,
        0,
        "what waits for its time goes on waiting"
    );
    for expected in [first, second] {
        let claimed = claim(store, account, "one", 9, 200).await.unwrap();
        assert_eq!(claimed.job.id, expected);
    }
    assert_eq!(state(store, &later).await, JobState::Queued);
    assert_eq!(find(store, &later).await.unwrap().run_at_ms, 5000);
}

/// As when it is held in the same moment in which the queue is resumed.
async fn a_held_job_comes_back_by_itself(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = &world.account.id;
    let id = ask(store, account, Some("k"), 10).await.id;
    assert!(pause(store, account).await);
    assert!(claim(store, account, "one", 9, 200).await.is_none());
    assert!(resume(store, account).await);
    assert!(claim(store, account, "one", 9, 200).await.is_none());
    let much_later = 10_000_000;
    write(store, move |tx| tx.mark_jobs_due(much_later, 1000)).await;
    let claimed = claim(store, account, "one", 9, much_later).await.unwrap();
    assert_eq!(claimed.job.id, id);
}

async fn a_queue_is_emptied_of_what_has_not_begun(store: &MetadataStore) {
    let (world, neighbour) = (World::create(store).await, World::create(store).await);
    let (account, next) = (&world.account.id, &neighbour.account.id);
    let running = ask(store, account, None, 10).await.id;
    let claimed = claim(store, account, "one", 9, 200).await.unwrap();
    assert_eq!(claimed.job.id, running);
    let first = ask(store, account, Some("k"), 20).await.id;
    let second = ask(store, account, None, 9000).await.id;
    let other = ask_other(store, account, 30).await;
    let others = ask(store, next, None, 10).await.id;
    let cancel = |limit: i64| {
        let account = account.clone();
        write(store, move |tx| {
            tx.cancel_queued_jobs(&account, "test", (300, 5000), limit)
        })
    };
    let mut stopped = cancel(1).await;
    assert_eq!(stopped.len(), 1);
    stopped.extend(cancel(9).await);
    stopped.sort_unstable();
    let mut expected = vec![first.clone(), second];
    expected.sort_unstable();
    assert_eq!(stopped, expected);
    assert!(cancel(9).await.is_empty());
    let ended = find(store, &first).await.unwrap();
    assert_eq!(
        (ended.state, ended.ended_at_ms),
        (JobState::Cancelled, Some(300))
    );
    assert!(
        ask(store, account, Some("k"), 20).await.is_new,
        "its key is free"
    );
    assert_eq!(state(store, &running).await, JobState::Running);
    assert_eq!(state(store, &other).await, JobState::Queued);
    assert_eq!(state(store, &others).await, JobState::Queued);
}

async fn whoever_runs_a_job_that_was_called_off_can_ask(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = world.account.id.clone();
    let id = ask(store, &account, None, 10).await.id;
    let claimed = claim(store, &account, "a told one", 9, 200).await.unwrap();
    let is_any = |owner: &'static str| store.list(move |reader| reader.has_called_off_jobs(owner));
    assert!(!is_any("a told one").await.unwrap());
    assert_eq!(super::cancel(store, &id).await, Some(JobState::Running));
    assert!(is_any("a told one").await.unwrap());
    assert!(!is_any("another one").await.unwrap());
    let running = store.list(move |reader| reader.list_running_jobs(&account, 9));
    assert_eq!(running.await.unwrap()[0].id, id);
    assert!(super::finish(store, &claimed, JobState::Cancelled).await);
    assert!(!is_any("a told one").await.unwrap(), "it has heard of it");
}
