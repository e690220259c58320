//! Jobs in many hands.

use super::super::fixture::{World, write};
use super::{ask, cancel, claim, find, finish, job_id, log, state};
use crate::{ClaimedJob, Error, JobLogLimits, MetadataStore, NewJob, NewJobLogLine};
use model::{AccountId, JobId, JobLogLevel, JobState};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const LIMITS: JobLogLimits = JobLogLimits {
    lines: 4,
    bytes: 30,
};

pub(super) async fn run(store: &MetadataStore) {
    a_lane_runs_no_more_at_once_than_it_may(store).await;
    an_old_fence_changes_nothing(store).await;
    a_lost_job_is_taken_over_once(store).await;
    a_job_is_queued_again(store).await;
    a_log_keeps_what_fits(store).await;
    many_claim_and_each_job_is_run_once(store).await;
}

pub(super) async fn say(store: &MetadataStore, claimed: &ClaimedJob, lines: &[&str]) -> bool {
    let lines: Vec<_> = lines
        .iter()
        .map(|line| NewJobLogLine {
            at_ms: 350,
            level: JobLogLevel::Info,
            line: (*line).to_owned(),
        })
        .collect();
    let (id, fence) = (claimed.job.id.clone(), claimed.fence);
    write(store, move |tx| {
        tx.append_job_log(&id, fence, &lines, LIMITS)
    })
    .await
}

async fn requeue(
    store: &MetadataStore,
    claimed: &ClaimedJob,
    error: Option<&'static str>,
    run_at_ms: i64,
) -> bool {
    let (id, fence) = (claimed.job.id.clone(), claimed.fence);
    write(store, move |tx| {
        tx.requeue_job((&id, fence), error, 500, run_at_ms)
    })
    .await
}

async fn renew(store: &MetadataStore, claimed: &ClaimedJob, until_ms: i64) -> Option<bool> {
    let (id, fence) = (claimed.job.id.clone(), claimed.fence);
    write(store, move |tx| tx.renew_job_lease(&id, fence, until_ms)).await
}

async fn lost(
    store: &MetadataStore,
    owner: &'static str,
    others_are_dead: bool,
    now_ms: i64,
) -> Vec<JobId> {
    store
        .list(move |reader| reader.list_lost_jobs(owner, others_are_dead, now_ms, 1000))
        .await
        .unwrap()
}

async fn seize(
    store: &MetadataStore,
    id: &JobId,
    owner: &'static str,
    others_are_dead: bool,
    now_ms: i64,
) -> Option<ClaimedJob> {
    let id = id.clone();
    write(store, move |tx| {
        tx.seize_lost_job(&id, owner, others_are_dead, now_ms, now_ms + 50)
    })
    .await
}

async fn a_lane_runs_no_more_at_once_than_it_may(store: &MetadataStore) {
    let (world, other) = (World::create(store).await, World::create(store).await);
    let account = &world.account.id;
    for _ in 0..3 {
        ask(store, account, None, 100).await;
    }
    ask(store, &other.account.id, None, 100).await;
    let first = claim(store, account, "one", 2, 200).await.unwrap();
    let second = claim(store, account, "two", 2, 200).await.unwrap();
    assert_ne!(first.job.id, second.job.id);
    assert!(claim(store, account, "three", 2, 200).await.is_none());
    assert!(
        claim(store, &other.account.id, "three", 2, 200)
            .await
            .is_some(),
        "another lane is free"
    );
    let lane = account.as_str().to_owned();
    let counted = store
        .list(move |reader| {
            Ok::<_, Error>((
                reader.count_running_jobs(&lane, 9)?,
                reader.count_running_jobs(&lane, 1)?,
            ))
        })
        .await;
    assert_eq!(counted.unwrap(), (2, 1));
    assert_eq!(first.job.state, JobState::Running);
    assert_eq!(first.job.lease_owner.as_deref(), Some("one"));
    assert_eq!(
        (first.job.attempts, first.job.started_at_ms),
        (1, Some(200))
    );
    assert!(finish(store, &first, JobState::Done).await);
    assert!(claim(store, account, "three", 2, 200).await.is_some());
}

async fn an_old_fence_changes_nothing(store: &MetadataStore) {
    let world = World::create(store).await;
    let id = ask(store, &world.account.id, None, 100).await.id;
    let old = claim(store, &world.account.id, "one", 9, 200)
        .await
        .unwrap();
    assert!(requeue(store, &old, Some("broken"), 200).await);
    for claimed_anew in [false, true] {
        if claimed_anew {
            let new = claim(store, &world.account.id, "two", 9, 510)
                .await
                .unwrap();
            assert_eq!(new.job.id, id);
            assert!(new.fence > old.fence);
        }
        assert_eq!(renew(store, &old, 9999).await, None);
        assert!(!finish(store, &old, JobState::Done).await);
        assert!(!requeue(store, &old, Some("again"), 200).await);
        assert!(!requeue(store, &old, None, 200).await);
        assert!(!say(store, &old, &["I was here"]).await);
    }
    let found = find(store, &id).await.unwrap();
    assert_eq!(found.state, JobState::Running);
    assert_eq!(found.lease_owner.as_deref(), Some("two"));
    assert_eq!(found.last_error.as_deref(), Some("broken"));
    assert_eq!(log(store, &id, (0, 0), 9).await, []);
}

async fn a_lost_job_is_taken_over_once(store: &MetadataStore) {
    let world = World::create(store).await;
    let id = ask(store, &world.account.id, None, 100).await.id;
    let held = claim(store, &world.account.id, "dead", 9, 1200)
        .await
        .unwrap();
    assert!(!lost(store, "two", false, 1249).await.contains(&id));
    assert!(seize(store, &id, "two", false, 1249).await.is_none());
    assert_eq!(renew(store, &held, 1300).await, Some(false));
    assert!(!lost(store, "two", false, 1299).await.contains(&id));
    assert!(lost(store, "two", false, 1300).await.contains(&id));
    assert!(
        lost(store, "two", true, 1200).await.contains(&id),
        "a lease of a dead process counts for nothing"
    );
    assert!(
        !lost(store, "dead", true, 1200).await.contains(&id),
        "its own holder is not dead"
    );
    let seized = seize(store, &id, "two", false, 1300).await.unwrap();
    assert!(seized.fence > held.fence);
    assert_eq!(seized.job.attempts, 1, "to take over is not to run");
    assert!(seize(store, &id, "three", false, 1300).await.is_none());
    assert_eq!(renew(store, &held, 1400).await, None);
    let alone = seize(store, &id, "three", true, 1301).await.unwrap();
    assert!(finish(store, &alone, JobState::Failed).await);
    assert!(seize(store, &id, "three", true, 9999).await.is_none());
}

async fn a_job_is_queued_again(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = &world.account.id;
    let id = ask(store, account, Some("again"), 100).await.id;
    let first = claim(store, account, "one", 9, 200).await.unwrap();
    assert!(requeue(store, &first, Some("no answer"), 600).await);
    assert!(
        claim(store, account, "one", 9, 550).await.is_none(),
        "its time has not come"
    );
    assert_eq!(ask(store, account, Some("again"), 100).await.id, id);
    write(store, |tx| tx.mark_jobs_due(600, 1000)).await;
    let second = claim(store, account, "one", 9, 600).await.unwrap();
    assert_eq!((second.job.attempts, second.job.max_attempts), (2, 3));
    assert_eq!(second.job.last_error.as_deref(), Some("no answer"));
    assert!(requeue(store, &second, None, 500).await);
    let third = claim(store, account, "one", 9, 600).await.unwrap();
    assert_eq!(
        (third.job.attempts, third.job.max_attempts),
        (3, 4),
        "a run that was given back leaves as many as before"
    );
    assert_eq!(cancel(store, &id).await, Some(JobState::Running));
    assert!(finish(store, &third, JobState::Cancelled).await);
    let found = find(store, &id).await.unwrap();
    assert_eq!(
        (found.state, found.last_error, found.lease_owner),
        (JobState::Cancelled, None, None)
    );
    assert_eq!(found.ended_at_ms, Some(400));
}

async fn a_log_keeps_what_fits(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = &world.account.id;
    let id = ask(store, account, None, 100).await.id;
    let first = claim(store, account, "one", 9, 200).await.unwrap();
    assert!(say(store, &first, &["1", "2", "3"]).await);
    assert!(say(store, &first, &["4", "5", "6"]).await);
    assert!(say(store, &first, &["7"]).await);
    assert_eq!(find(store, &id).await.unwrap().log_lines, 7);
    requeue(store, &first, Some("broken"), 200).await;
    let second = claim(store, account, "one", 9, 510).await.unwrap();
    assert!(
        say(
            store,
            &second,
            &["twenty bytes or more", "a", "too much", "bb"]
        )
        .await
    );
    let lines = log(store, &id, (0, 0), 100).await;
    let shown: Vec<_> = lines
        .iter()
        .map(|line| (line.attempt, line.number, line.line.as_str()))
        .collect();
    let kept = [
        (1, 1, "1"),
        (1, 2, "2"),
        (1, 3, "3"),
        (1, 4, "4"),
        (2, 1, "twenty bytes or more"),
        (2, 2, "a"),
        (2, 3, "too much"),
    ];
    assert_eq!(shown, kept);
    assert_eq!((lines[0].at_ms, lines[0].level), (350, JobLogLevel::Info));
    assert_eq!(log(store, &id, (1, 2), 3).await, lines[2..5]);
    finish(store, &second, JobState::Done).await;
    assert_eq!(state(store, &id).await, JobState::Done);
}

async fn ask_for_many(store: &MetadataStore, account: &AccountId, count: usize) {
    let account = account.clone();
    write(store, move |tx| {
        for _ in 0..count {
            let job = NewJob {
                id: &job_id(),
                account_id: Some(&account),
                kind: "test",
                payload: "{}",
                dedup_key: None,
                run_at_ms: 100,
                max_attempts: 3,
            };
            tx.enqueue(&job, 100)?;
        }
        Ok(())
    })
    .await;
}

/// 8 claim, 300 jobs are there, and no more than 3 may run at once.
async fn many_claim_and_each_job_is_run_once(store: &MetadataStore) {
    const JOBS: usize = 300;
    let world = World::create(store).await;
    ask_for_many(store, &world.account.id, JOBS).await;
    let done = Arc::new(AtomicI64::new(0));
    let running = Arc::new(AtomicI64::new(0));
    let mut claimers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (store, account) = (store.clone(), world.account.id.clone());
        let (done, running) = (done.clone(), running.clone());
        claimers.spawn(async move {
            let mut mine = Vec::new();
            while done.load(Ordering::SeqCst) < 300 {
                let Some(claimed) = claim(&store, &account, "some", 3, 1200).await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                assert!(
                    running.fetch_add(1, Ordering::SeqCst) < 3,
                    "too many at once"
                );
                mine.push(claimed.job.id.clone());
                running.fetch_sub(1, Ordering::SeqCst);
                assert!(finish(&store, &claimed, JobState::Done).await);
                done.fetch_add(1, Ordering::SeqCst);
            }
            mine
        });
    }
    let mut runs = BTreeMap::new();
    for id in claimers.join_all().await.into_iter().flatten() {
        *runs.entry(id).or_insert(0) += 1;
    }
    assert_eq!(runs.len(), JOBS);
    assert!(runs.values().all(|count| *count == 1), "{runs:?}");
}
