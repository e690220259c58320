//! Jobs: asked for once, done by one at a time, called off, forgotten; and their schedules.

mod leases;
mod queues;
mod schedules;
mod turns;

use super::fixture::{World, id, write};
use crate::{ClaimedJob, Enqueued, Error, JobLogRow, JobRow, MetadataStore, NewJob};
use model::{AccountId, JobId, JobState};

pub(super) async fn run(store: &MetadataStore) {
    a_job_is_asked_for_once(store).await;
    many_ask_for_a_job_and_one_makes_it(store).await;
    a_job_waits_for_its_time(store).await;
    jobs_are_listed_newest_first(store).await;
    a_job_is_called_off(store).await;
    a_job_is_forgotten_with_its_log(store).await;
    leases::run(store).await;
    queues::run(store).await;
    schedules::run(store).await;
}

fn job_id() -> JobId {
    JobId::new(id())
}

/// Asks for a job of `account` for `run_at_ms`, at time 100.
async fn ask(
    store: &MetadataStore,
    account: &AccountId,
    dedup_key: Option<&'static str>,
    run_at_ms: i64,
) -> Enqueued {
    let (id, account) = (job_id(), account.clone());
    write(store, move |tx| {
        let job = NewJob {
            id: &id,
            account_id: Some(&account),
            kind: "test",
            payload: r#"{"a":1}"#,
            dedup_key,
            run_at_ms,
            max_attempts: 3,
        };
        tx.enqueue(&job, 100)
    })
    .await
}

async fn find(store: &MetadataStore, id: &JobId) -> Option<JobRow> {
    let id = id.clone();
    store
        .list(move |reader| reader.find_job(&id))
        .await
        .unwrap()
}

async fn state(store: &MetadataStore, id: &JobId) -> JobState {
    find(store, id).await.unwrap().state
}

async fn log(store: &MetadataStore, id: &JobId, after: (i64, i64), limit: i64) -> Vec<JobLogRow> {
    let id = id.clone();
    store
        .list(move |reader| reader.list_job_log(&id, after, limit))
        .await
        .unwrap()
}

/// Claims the next job of an account at `now_ms`, for 50 ms; at most `at_once` at a time.
async fn claim(
    store: &MetadataStore,
    account: &AccountId,
    owner: &'static str,
    at_once: i64,
    now_ms: i64,
) -> Option<ClaimedJob> {
    let lane = account.as_str().to_owned();
    write(store, move |tx| {
        tx.claim_job(&lane, owner, at_once, now_ms, now_ms + 50)
    })
    .await
}

async fn finish(store: &MetadataStore, claimed: &ClaimedJob, state: JobState) -> bool {
    let (id, fence) = (claimed.job.id.clone(), claimed.fence);
    write(store, move |tx| {
        tx.finish_job((&id, fence), state, None, 400, 5000)
    })
    .await
}

async fn cancel(store: &MetadataStore, id: &JobId) -> Option<JobState> {
    let id = id.clone();
    write(store, move |tx| tx.cancel_job(&id, 300, 5000)).await
}

async fn a_job_is_asked_for_once(store: &MetadataStore) {
    let (world, other) = (World::create(store).await, World::create(store).await);
    let account = &world.account.id;
    let first = ask(store, account, Some("k"), 100).await;
    assert!(first.is_new);
    let again = ask(store, account, Some("k"), 100).await;
    let same = Enqueued {
        id: first.id.clone(),
        is_new: false,
    };
    assert_eq!(again, same);
    assert!(
        ask(store, &other.account.id, Some("k"), 100).await.is_new,
        "a key is one account's own"
    );
    assert!(ask(store, account, None, 100).await.is_new);
    assert!(ask(store, account, None, 100).await.is_new);

    let found = find(store, &first.id).await.unwrap();
    assert_eq!(
        (found.id, found.state),
        (first.id.clone(), JobState::Queued)
    );
    assert_eq!(found.account_id.as_ref(), Some(account));
    assert_eq!(
        (found.kind.as_str(), found.payload.as_str()),
        ("test", r#"{"a":1}"#)
    );
    assert_eq!((found.run_at_ms, found.created_at_ms), (100, 100));
    assert_eq!((found.attempts, found.max_attempts), (0, 3));
    assert_eq!((found.started_at_ms, found.ended_at_ms), (None, None));
    assert!(!found.is_cancelled && found.last_error.is_none() && found.lease_owner.is_none());

    let claimed = claim(store, account, "one", 9, 200).await.unwrap();
    assert_eq!(claimed.job.id, first.id, "the first asked for comes first");
    assert_eq!(ask(store, account, Some("k"), 100).await, same);
    assert!(finish(store, &claimed, JobState::Done).await);
    assert!(ask(store, account, Some("k"), 100).await.is_new);
    assert!(find(store, &job_id()).await.is_none());
}

async fn many_ask_for_a_job_and_one_makes_it(store: &MetadataStore) {
    let world = World::create(store).await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (store, account) = (store.clone(), world.account.id.clone());
        asking.spawn(async move { ask(&store, &account, Some("race"), 100).await });
    }
    let answers = asking.join_all().await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.is_new).collect();
    assert_eq!(made.len(), 1);
    assert!(answers.iter().all(|answer| answer.id == made[0].id));
}

async fn a_job_waits_for_its_time(store: &MetadataStore) {
    let before = id();
    let world = World::create(store).await;
    let lane = world.account.id.as_str().to_owned();
    let (later, later_still) = (
        ask(store, &world.account.id, None, 150).await.id,
        ask(store, &world.account.id, None, i64::MAX).await.id,
    );
    let next_lane = || {
        let before = before.clone();
        async move {
            let found = store
                .list(move |reader| reader.find_due_lane(&before))
                .await;
            found.unwrap()
        }
    };
    assert_ne!(next_lane().await.as_ref(), Some(&lane));
    assert!(
        claim(store, &world.account.id, "one", 9, 200)
            .await
            .is_none()
    );
    write(store, |tx| tx.mark_jobs_due(149, 1000)).await;
    assert_ne!(next_lane().await.as_ref(), Some(&lane));
    let has_some = || store.list(|reader| reader.has_jobs_to_wake(150));
    assert!(has_some().await.unwrap());
    assert!(write(store, |tx| tx.mark_jobs_due(150, 1000)).await >= 1);
    assert!(!has_some().await.unwrap());
    assert_eq!(next_lane().await.as_ref(), Some(&lane));
    let claimed = claim(store, &world.account.id, "one", 9, 200)
        .await
        .unwrap();
    assert_eq!(claimed.job.id, later);
    assert_ne!(next_lane().await.as_ref(), Some(&lane));

    let hasten = |id: JobId| write(store, move |tx| tx.hasten_job(&id, 210));
    assert!(!hasten(later).await, "it is running already");
    assert!(!hasten(job_id()).await);
    assert!(hasten(later_still.clone()).await);
    assert_eq!(find(store, &later_still).await.unwrap().run_at_ms, 210);
    assert!(hasten(later_still.clone()).await, "twice is no harm");
    let claimed = claim(store, &world.account.id, "one", 9, 220).await;
    assert_eq!(claimed.unwrap().job.id, later_still);
}

async fn jobs_are_listed_newest_first(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = world.account.id.clone();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(ask(store, &account, None, 7).await.id);
    }
    let oldest = store.list(|reader| reader.find_oldest_due_job()).await;
    assert_eq!(oldest.unwrap(), Some(7));
    let claimed = claim(store, &account, "one", 9, 200).await.unwrap();
    assert_eq!(claimed.job.id, ids[0]);
    let newest_first = vec![ids[2].clone(), ids[1].clone(), ids[0].clone()];
    let (of_account, of_all, queued, counted) = store
        .list(move |reader| {
            let ids_of = |rows: Vec<JobRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
            let newest = reader.list_account_jobs(&account, None, 2)?;
            let older = reader.list_account_jobs(&account, Some(&newest[1].id), 9)?;
            Ok::<_, Error>((
                [ids_of(newest), ids_of(older)].concat(),
                [
                    ids_of(reader.list_jobs(None, 1)?),
                    ids_of(reader.list_jobs(Some(&ids[2]), 2)?),
                ]
                .concat(),
                ids_of(reader.list_jobs_in_state(JobState::Queued, Some(&ids[2]), 1)?),
                reader.count_jobs(JobState::Queued, 2)?,
            ))
        })
        .await
        .unwrap();
    assert_eq!(of_account, newest_first);
    assert_eq!(of_all, newest_first);
    assert_eq!(queued, newest_first[1..2]);
    assert_eq!(counted, 2, "counted up to the limit");
    for _ in 0..2 {
        let claimed = claim(store, &world.account.id, "one", 9, 200).await;
        finish(store, &claimed.unwrap(), JobState::Done).await;
    }
}

async fn a_job_is_called_off(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = &world.account.id;
    let queued = ask(store, account, Some("queued"), 100).await.id;
    assert_eq!(cancel(store, &queued).await, Some(JobState::Cancelled));
    assert_eq!(cancel(store, &queued).await, None, "it has ended");
    assert_eq!(cancel(store, &job_id()).await, None);
    assert!(claim(store, account, "one", 9, 200).await.is_none());
    let found = find(store, &queued).await.unwrap();
    assert_eq!(
        (found.state, found.ended_at_ms),
        (JobState::Cancelled, Some(300))
    );
    assert!(ask(store, account, Some("queued"), 100).await.is_new);

    let claimed = claim(store, account, "one", 9, 200).await.unwrap();
    let running = claimed.job.id.clone();
    assert_eq!(cancel(store, &running).await, Some(JobState::Running));
    let found = find(store, &running).await.unwrap();
    assert!(found.is_cancelled && found.state == JobState::Running);
    let fence = claimed.fence;
    let heard = write(store, move |tx| tx.renew_job_lease(&running, fence, 260)).await;
    assert_eq!(heard, Some(true));
}

async fn a_job_is_forgotten_with_its_log(store: &MetadataStore) {
    let world = World::create(store).await;
    let ended = ask(store, &world.account.id, None, 100).await.id;
    let waiting = ask(store, &world.account.id, None, 100).await.id;
    let claimed = claim(store, &world.account.id, "one", 9, 200)
        .await
        .unwrap();
    leases::say(store, &claimed, &["well", "done"]).await;
    let (id, fence) = (ended.clone(), claimed.fence);
    write(store, move |tx| {
        tx.finish_job((&id, fence), JobState::Done, None, 400, 410)
    })
    .await;
    let forget = |now_ms| write(store, move |tx| tx.forget_jobs(now_ms, 1000));
    forget(409).await;
    assert_eq!(state(store, &ended).await, JobState::Done);
    assert_eq!(log(store, &ended, (0, 0), 9).await.len(), 2);
    assert!(forget(410).await >= 1);
    assert!(find(store, &ended).await.is_none());
    assert_eq!(log(store, &ended, (0, 0), 9).await, []);
    assert_eq!(state(store, &waiting).await, JobState::Queued);
}
