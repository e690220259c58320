//! The queue, as those who work see it, with a clock that stands still.

use crate::testing::{TestRegistry, settings};
use crate::{
    AccountContext, ClaimedJob, Error, Held, JobQueue, JobRequest, JobSettings, Outcome, Settled,
    Timing,
};
use model::{AccountId, JobId, JobKind, JobLogLevel, JobState};
use std::collections::BTreeSet;

const SECOND: i64 = 1000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;

const WORK: JobKind = JobKind {
    name: "work",
    max_attempts: 3,
    is_routine: false,
};

async fn registry(running_per_account: u32) -> TestRegistry {
    let jobs = JobSettings {
        running_per_account,
        ..JobSettings::default()
    };
    TestRegistry::start(crate::Settings { jobs, ..settings() }).await
}

fn queue(registry: &TestRegistry) -> &JobQueue {
    &registry.services.jobs
}

/// The operator at the machine, and for that the account `default`.
async fn operator(registry: &TestRegistry) -> AccountContext {
    registry.create_account("default").await.unwrap();
    let accounts = &registry.services.accounts;
    match accounts.enter_locally("default").await {
        Ok(management) => management,
        Err(error) => panic!("{error}"),
    }
}

fn request(account: Option<&AccountId>) -> JobRequest {
    JobRequest {
        kind: WORK,
        account: account.cloned(),
        payload: "{}".to_owned(),
        dedup_key: None,
        run_at_ms: None,
    }
}

async fn ask(registry: &TestRegistry, account: Option<&AccountId>) -> JobId {
    let asked = queue(registry).enqueue(request(account)).await.unwrap();
    assert!(asked.is_new);
    asked.id
}

async fn claim(registry: &TestRegistry) -> Option<ClaimedJob> {
    queue(registry).claim().await.unwrap()
}

fn failed(message: &str) -> Outcome {
    Outcome::Failed {
        message: message.to_owned(),
        is_final: false,
    }
}

async fn settle(registry: &TestRegistry, claimed: &ClaimedJob, outcome: Outcome) -> Settled {
    let settled = queue(registry).settle(claimed, outcome, Vec::new()).await;
    settled.unwrap()
}

async fn state(registry: &TestRegistry, by: &AccountContext, id: &JobId) -> JobState {
    queue(registry).get(by, id).await.unwrap().state
}

#[tokio::test]
async fn an_account_with_very_many_jobs_takes_its_turn_like_all_others() {
    let registry = registry(1_000_000).await;
    let (big, small) = (
        registry.create_account("big").await.unwrap(),
        registry.create_account("small").await.unwrap(),
    );
    let (core, owner) = (registry.services.core.clone(), big.clone());
    let many = registry.services.core.metadata.write(move |tx| {
        for _ in 0..20_000 {
            core.enqueue(tx, &request(Some(&owner)))?;
        }
        Ok::<_, Error>(())
    });
    many.await.unwrap();
    let served = |claimed: Option<ClaimedJob>| claimed.and_then(|claimed| claimed.job.account_id);
    assert_eq!(served(claim(&registry).await), Some(big.clone()));
    ask(&registry, Some(&small)).await;
    ask(&registry, None).await;
    let next = [
        served(claim(&registry).await),
        served(claim(&registry).await),
        served(claim(&registry).await),
    ];
    assert_eq!(next, [Some(small), None, Some(big)]);
}

#[tokio::test]
async fn an_account_runs_no_more_at_once_than_it_may() {
    let registry = registry(2).await;
    let (busy, other) = (
        registry.create_account("busy").await.unwrap(),
        registry.create_account("other").await.unwrap(),
    );
    for _ in 0..4 {
        ask(&registry, Some(&busy)).await;
    }
    let first = claim(&registry).await.unwrap();
    let second = claim(&registry).await.unwrap();
    assert!(claim(&registry).await.is_none());
    ask(&registry, Some(&other)).await;
    let third = claim(&registry).await.unwrap();
    assert_eq!(third.job.account_id, Some(other));
    assert!(claim(&registry).await.is_none());
    assert_eq!(
        settle(&registry, &first, Outcome::Done).await,
        Settled::Done
    );
    assert!(claim(&registry).await.is_some());
    assert!(claim(&registry).await.is_none());
    assert_eq!(second.job.attempts, 1);
}

#[tokio::test]
async fn a_failed_job_is_tried_again_later_and_later_and_then_given_up() {
    let registry = registry(2).await;
    let by = operator(&registry).await;
    let id = ask(&registry, None).await;
    for attempt in 1..WORK.max_attempts {
        let claimed = claim(&registry).await.unwrap();
        assert_eq!(claimed.job.attempts, attempt);
        let now_ms = registry.services.core.now_ms();
        let Settled::Retried { run_at_ms } = settle(&registry, &claimed, failed("no")).await else {
            panic!("it is given up too soon");
        };
        let longest = (10 * SECOND) << (attempt - 1);
        assert!((now_ms..=now_ms + longest).contains(&run_at_ms));
        registry.clock.advance(longest);
        assert!(queue(&registry).wake_waiting().await.unwrap() <= 1);
    }
    let claimed = claim(&registry).await.unwrap();
    let settled = settle(&registry, &claimed, failed("no, and that is that")).await;
    assert_eq!(settled, Settled::Failed);
    let job = queue(&registry).get(&by, &id).await.unwrap();
    assert_eq!((job.state, job.attempts), (JobState::Failed, 3));
    assert_eq!(job.last_error.as_deref(), Some("no, and that is that"));

    let hopeless = ask(&registry, None).await;
    let claimed = claim(&registry).await.unwrap();
    let never = Outcome::Failed {
        message: "there is no such thing".to_owned(),
        is_final: true,
    };
    assert_eq!(settle(&registry, &claimed, never).await, Settled::Failed);
    assert_eq!(state(&registry, &by, &hopeless).await, JobState::Failed);
}

#[tokio::test]
async fn back_off_is_spread_and_bounded() {
    let registry = registry(2).await;
    let queue = queue(&registry);
    let now_ms = registry.services.core.now_ms();
    let waits = |attempt| -> BTreeSet<i64> {
        let draws = (0..200).map(|_| queue.retry_at_ms(attempt) - now_ms);
        draws.collect()
    };
    for (attempt, longest) in [(1, 10 * SECOND), (2, 20 * SECOND), (100, HOUR)] {
        let waits = waits(attempt);
        assert!(waits.iter().all(|wait| (0..=longest).contains(wait)));
        assert!(waits.first().is_some_and(|least| *least < longest / 4));
        assert!(waits.last().is_some_and(|most| *most > longest * 3 / 4));
    }
}

#[tokio::test]
async fn the_job_of_a_lost_process_is_run_by_another() {
    let registry = registry(2).await;
    let by = operator(&registry).await;
    let id = ask(&registry, None).await;
    let dead = claim(&registry).await.unwrap();
    registry.clock.advance(29 * SECOND);
    assert_eq!(queue(&registry).take_over_lost().await.unwrap(), 0);
    assert_eq!(
        queue(&registry).renew(&dead, Vec::new()).await.unwrap(),
        Held::Yes
    );
    registry.clock.advance(29 * SECOND);
    assert_eq!(queue(&registry).take_over_lost().await.unwrap(), 0);
    registry.clock.advance(SECOND);
    assert_eq!(queue(&registry).take_over_lost().await.unwrap(), 1);
    assert_eq!(queue(&registry).counts().taken_over(), 1);
    let alive = claim(&registry).await.unwrap();
    assert_eq!((&alive.job.id, alive.job.attempts), (&id, 2));

    let line = queue(&registry).log_line(JobLogLevel::Info, "I was only asleep");
    let held = queue(&registry).renew(&dead, vec![line]).await.unwrap();
    assert_eq!(held, Held::Lost);
    assert_eq!(settle(&registry, &dead, Outcome::Done).await, Settled::Lost);
    assert_eq!(state(&registry, &by, &id).await, JobState::Running);
    assert_eq!(
        settle(&registry, &alive, Outcome::Done).await,
        Settled::Done
    );
    let log = queue(&registry).log(&by, &id, (0, 0)).await.unwrap();
    let said: Vec<_> = log.iter().map(|line| (line.attempt, line.level)).collect();
    assert_eq!(said, [(1, JobLogLevel::Warning)]);
}

#[tokio::test]
async fn a_job_that_ends_its_process_each_time_is_given_up() {
    let registry = registry(2).await;
    let by = operator(&registry).await;
    let id = ask(&registry, None).await;
    for _ in 0..WORK.max_attempts {
        claim(&registry).await.unwrap();
        registry.clock.advance(HOUR);
        assert_eq!(queue(&registry).take_over_lost().await.unwrap(), 1);
    }
    assert!(claim(&registry).await.is_none());
    assert_eq!(state(&registry, &by, &id).await, JobState::Failed);
}

#[tokio::test]
async fn a_job_is_called_off() {
    let registry = registry(2).await;
    let by = operator(&registry).await;
    let queue = queue(&registry);
    let queued = ask(&registry, None).await;
    let cancelled = queue.cancel(&by, &queued).await.unwrap();
    assert_eq!(cancelled, JobState::Cancelled);
    assert!(claim(&registry).await.is_none());
    assert!(matches!(
        queue.cancel(&by, &queued).await,
        Err(Error::Invalid(_))
    ));

    let running = ask(&registry, None).await;
    let claimed = claim(&registry).await.unwrap();
    let told = queue.cancellations();
    assert_eq!(
        queue.cancel(&by, &running).await.unwrap(),
        JobState::Running
    );
    assert!(told.has_changed().unwrap());
    assert_eq!(
        queue.renew(&claimed, Vec::new()).await.unwrap(),
        Held::Cancelled
    );
    // Whatever came of it meanwhile, it does not run again.
    assert_eq!(
        settle(&registry, &claimed, failed("stopped")).await,
        Settled::Cancelled
    );
    assert_eq!(state(&registry, &by, &running).await, JobState::Cancelled);

    let given_back = ask(&registry, None).await;
    let claimed = claim(&registry).await.unwrap();
    queue.cancel(&by, &given_back).await.unwrap();
    queue.give_back(&claimed, Vec::new()).await.unwrap();
    assert_eq!(
        state(&registry, &by, &given_back).await,
        JobState::Cancelled
    );
}

#[tokio::test]
async fn a_job_given_back_is_run_at_once_and_nothing_is_lost() {
    let registry = registry(2).await;
    let by = operator(&registry).await;
    let id = ask(&registry, None).await;
    for _ in 0..5 {
        let claimed = claim(&registry).await.unwrap();
        let line = queue(&registry).log_line(JobLogLevel::Info, "begun");
        let given_back = queue(&registry).give_back(&claimed, vec![line]).await;
        given_back.unwrap();
    }
    let claimed = claim(&registry).await.unwrap();
    assert!(
        matches!(
            settle(&registry, &claimed, failed("no")).await,
            Settled::Retried { .. }
        ),
        "runs that were given back do not count"
    );
    let log = queue(&registry).log(&by, &id, (0, 0)).await.unwrap();
    assert_eq!(log.len(), 5);

    let unknown = ask(&registry, None).await;
    let claimed = claim(&registry).await.unwrap();
    assert_eq!(claimed.job.id, unknown);
    queue(&registry).leave_to_others(&claimed).await.unwrap();
    assert!(claim(&registry).await.is_none());
    registry.clock.advance(60 * SECOND);
    queue(&registry).wake_waiting().await.unwrap();
    assert!(claim(&registry).await.is_some());
}

#[tokio::test]
async fn a_job_asked_for_in_a_transaction_that_fails_is_not_there() {
    let registry = registry(2).await;
    let core = registry.services.core.clone();
    let asked = registry.services.core.metadata.write(move |tx| {
        core.enqueue(tx, &request(None))?;
        Err::<(), _>(Error::AccountSuspended)
    });
    assert!(asked.await.is_err());
    assert!(claim(&registry).await.is_none());
}

#[tokio::test]
async fn jobs_are_forgotten_each_in_its_time() {
    let registry = registry(2).await;
    let by = operator(&registry).await;
    let upkeep = JobRequest::of_deployment(JobKind::PURGE_TRASH);
    let routine = queue(&registry).enqueue(upkeep).await.unwrap().id;
    let claimed = claim(&registry).await.unwrap();
    settle(&registry, &claimed, Outcome::Done).await;
    let work = ask(&registry, None).await;
    let claimed = claim(&registry).await.unwrap();
    settle(&registry, &claimed, Outcome::Done).await;

    assert_eq!(queue(&registry).forget_ended().await.unwrap(), 0);
    registry.clock.advance(HOUR);
    assert_eq!(queue(&registry).forget_ended().await.unwrap(), 1);
    let gone = queue(&registry).get(&by, &routine).await;
    assert!(matches!(gone, Err(Error::NotFound(_))));
    registry.clock.advance(7 * DAY - HOUR - 1);
    assert_eq!(queue(&registry).forget_ended().await.unwrap(), 0);
    assert_eq!(state(&registry, &by, &work).await, JobState::Done);
    registry.clock.advance(1);
    assert_eq!(queue(&registry).forget_ended().await.unwrap(), 1);
}

#[tokio::test]
async fn a_schedule_asks_once_however_long_nobody_looked() {
    let registry = registry(2).await;
    let by = operator(&registry).await;
    let queue = queue(&registry);
    let wanted = vec![
        (JobKind::PURGE_TRASH, Timing::Every { ms: 60 * SECOND }),
        (JobKind::FORGET_JOBS, Timing::Cron("0 3 * * *".to_owned())),
    ];
    queue.follow_schedules(wanted.clone()).await.unwrap();
    assert_eq!(queue.fire_schedules().await.unwrap(), 0);
    registry.clock.advance(30 * SECOND);
    queue.follow_schedules(wanted).await.unwrap();
    registry.clock.advance(30 * SECOND);
    assert_eq!(
        queue.fire_schedules().await.unwrap(),
        1,
        "a restart puts nothing off"
    );
    let claimed = claim(&registry).await.unwrap();
    assert_eq!(claimed.job.kind, "purge_trash");
    registry.clock.advance(60 * SECOND);
    assert_eq!(queue.fire_schedules().await.unwrap(), 1);
    assert!(
        claim(&registry).await.is_none(),
        "the one that is running stands for this time too"
    );
    settle(&registry, &claimed, Outcome::Done).await;
    registry.clock.advance(9 * DAY);
    assert_eq!(queue.fire_schedules().await.unwrap(), 2);
    assert_eq!(queue.fire_schedules().await.unwrap(), 0);
    let queued = queue.list_everything(&by, Some(JobState::Queued), None);
    let kinds: BTreeSet<_> = queued
        .await
        .unwrap()
        .into_iter()
        .map(|job| job.kind)
        .collect();
    assert_eq!(
        kinds,
        ["forget_jobs", "purge_trash"].map(str::to_owned).into()
    );

    let bad = vec![(JobKind::PURGE_TRASH, Timing::Cron("at dawn".to_owned()))];
    let refused = queue.follow_schedules(bad).await;
    assert!(matches!(refused, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn many_who_see_a_time_come_ask_for_one_job() {
    let registry = registry(9).await;
    let wanted = vec![(JobKind::PURGE_TRASH, Timing::Every { ms: SECOND })];
    queue(&registry).follow_schedules(wanted).await.unwrap();
    for _ in 0..20 {
        registry.clock.advance(SECOND);
        let mut seeing = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let services = registry.services.clone();
            seeing.spawn(async move { services.jobs.fire_schedules().await.unwrap() });
        }
        assert_eq!(seeing.join_all().await.into_iter().sum::<usize>(), 1);
        let claimed = claim(&registry).await.unwrap();
        assert!(claim(&registry).await.is_none());
        settle(&registry, &claimed, Outcome::Done).await;
    }
}

#[tokio::test]
async fn an_account_reads_its_own_jobs_and_no_others() {
    let registry = registry(2).await;
    let by = operator(&registry).await;
    let other = registry.create_account("other").await.unwrap();
    let theirs = ask(&registry, Some(&other)).await;
    let ours = ask(&registry, Some(&by.account.id)).await;
    let deployments = ask(&registry, None).await;
    let manager = by.of_a_person();
    for unseen in [&theirs, &deployments] {
        for refused in [
            queue(&registry).get(&manager, unseen).await.err(),
            queue(&registry).log(&manager, unseen, (0, 0)).await.err(),
            queue(&registry).cancel(&manager, unseen).await.err(),
        ] {
            assert!(matches!(refused, Some(Error::NotFound(_))));
        }
    }
    assert!(queue(&registry).get(&manager, &ours).await.is_ok());
    let listed = queue(&registry).list_of_account(&manager, None).await;
    let listed: Vec<_> = listed.unwrap().into_iter().map(|job| job.id).collect();
    assert_eq!(listed, std::slice::from_ref(&ours));
    let everything = queue(&registry).list_everything(&manager, None, None).await;
    assert!(everything.is_err());
    assert!(
        queue(&registry)
            .run_now(&manager, "purge_trash")
            .await
            .is_err()
    );

    let everything = queue(&registry).list_everything(&by, None, None).await;
    assert_eq!(everything.unwrap().len(), 3);
    assert!(queue(&registry).get(&by, &theirs).await.is_ok());
}

#[tokio::test]
async fn the_operator_runs_upkeep_now() {
    let registry = registry(2).await;
    let by = operator(&registry).await;
    let queue = queue(&registry);
    let asked = queue.run_now(&by, "purge_trash").await.unwrap();
    assert!(asked.is_new);
    let claimed = claim(&registry).await.unwrap();
    settle(&registry, &claimed, failed("no")).await;
    let again = queue.run_now(&by, "purge_trash").await.unwrap();
    assert_eq!((again.is_new, &again.id), (false, &asked.id));
    assert!(claim(&registry).await.is_some(), "it waits no longer");
    let Err(Error::Invalid(message)) = queue.run_now(&by, "bake").await else {
        panic!("there is no such kind");
    };
    assert!(message.contains("purge_trash"), "{message}");
}

#[tokio::test]
async fn metrics_say_how_the_queue_stands() {
    let registry = registry(2).await;
    let queue = queue(&registry);
    queue.take_stock().await.unwrap();
    assert_eq!(queue.counts().oldest_due_age_secs(), 0);
    for _ in 0..3 {
        ask(&registry, None).await;
    }
    let claimed = claim(&registry).await.unwrap();
    registry.clock.advance(7 * SECOND);
    queue.take_stock().await.unwrap();
    let counts = queue.counts();
    assert_eq!(counts.in_state(), [("queued", 2), ("running", 1)]);
    assert_eq!(counts.oldest_due_age_secs(), 7);
    settle(&registry, &claimed, Outcome::Done).await;
    let upkeep = JobRequest::of_deployment(JobKind::PURGE_TRASH);
    queue.enqueue(upkeep).await.unwrap();
    for _ in 0..2 {
        let claimed = claim(&registry).await.unwrap();
        let never = Outcome::Failed {
            message: "no".to_owned(),
            is_final: true,
        };
        settle(&registry, &claimed, never).await;
    }
    let claimed = claim(&registry).await.unwrap();
    settle(&registry, &claimed, Outcome::Done).await;
    let counted: Vec<_> = queue.counts().ended().filter(|one| one.2 > 0).collect();
    assert_eq!(
        counted,
        [
            ("purge_trash", "done", 1),
            ("other", "done", 1),
            ("other", "failed", 2)
        ]
    );
}

/// Kinds of the events in an account's log that are about failed jobs, with their jobs.
async fn failures(registry: &TestRegistry, by: &AccountContext) -> Vec<(String, String)> {
    let listed = registry.services.list_events(by.id(), String::new()).await;
    let events = listed.unwrap().into_iter();
    let events = events.map(|event| serde_json::from_str::<serde_json::Value>(&event).unwrap());
    let failed = events.filter(|event| event["kind"] == "job.failed");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    failed
        .map(|event| (text(&event["job"]), text(&event["job_kind"])))
        .collect()
}

#[tokio::test]
async fn an_accounts_log_says_which_of_its_jobs_failed_for_good() {
    let registry = registry(9).await;
    let by = operator(&registry).await;
    let never = || Outcome::Failed {
        message: "a secret may stand here".to_owned(),
        is_final: true,
    };
    let telling = [
        JobKind::FEED_SINKS,
        JobKind::PUSH_METRICS,
        JobKind::DELIVER_WEBHOOKS,
        JobKind::DELIVER_BY_HAND,
    ];
    for kind in telling {
        let asked = JobRequest {
            kind,
            ..request(Some(by.id()))
        };
        queue(&registry).enqueue(asked).await.unwrap();
        let claimed = claim(&registry).await.unwrap();
        assert_eq!(settle(&registry, &claimed, never()).await, Settled::Failed);
    }
    // Of the deployment: nobody's log has it.
    ask(&registry, None).await;
    let claimed = claim(&registry).await.unwrap();
    settle(&registry, &claimed, never()).await;
    ask(&registry, Some(by.id())).await;
    let claimed = claim(&registry).await.unwrap();
    settle(&registry, &claimed, Outcome::Cancelled).await;
    assert!(failures(&registry, &by).await.is_empty());

    let asked = JobRequest {
        kind: JobKind::PURGE_AUDIT_LOG,
        ..request(Some(by.id()))
    };
    let asked = queue(&registry).enqueue(asked).await.unwrap();
    let claimed = claim(&registry).await.unwrap();
    settle(&registry, &claimed, never()).await;
    // Whoever lost the claim says nothing.
    assert_eq!(settle(&registry, &claimed, never()).await, Settled::Lost);
    ask(&registry, Some(by.id())).await;
    let claimed = claim(&registry).await.unwrap();
    settle(&registry, &claimed, failed("tried again later")).await;
    let expected = [(asked.id.to_string(), "purge_audit_log".to_owned())];
    assert_eq!(failures(&registry, &by).await, expected);
}
