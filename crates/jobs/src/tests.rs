//! Runners over a real queue. Time is the test's; what happens is waited for, never slept for.

use crate::{Failed, Kinds, Pace, Run, Runner};
use model::{JobId, JobKind, JobLogLevel, JobState};
use services::testing::{TestRegistry, settings};
use services::{AccountContext, Job, JobRequest, JobSettings, Services, Settings, Timing};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const WORK: JobKind = JobKind {
    name: "work",
    max_attempts: 3,
    is_routine: false,
};
/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_mins(2);

struct World {
    registry: TestRegistry,
    by: AccountContext,
}

impl World {
    async fn start() -> Self {
        let jobs = JobSettings {
            running_per_account: 100,
            ..JobSettings::default()
        };
        let registry = TestRegistry::start(Settings { jobs, ..settings() }).await;
        registry
            .create_account("default")
            .await
            .expect("an account");
        let by = registry.services.accounts.enter_locally("default").await;
        Self {
            by: by.unwrap_or_else(|refused| panic!("{refused}")),
            registry,
        }
    }

    fn services(&self) -> &Arc<Services> {
        &self.registry.services
    }

    async fn ask(&self, kind: JobKind) -> JobId {
        let request = JobRequest {
            dedup_key: None,
            ..JobRequest::of_deployment(kind)
        };
        let asked = self.services().jobs.enqueue(request).await;
        asked.expect("a job").id
    }

    async fn job(&self, id: &JobId) -> Job {
        let found = self.services().jobs.get(&self.by, id).await;
        found.expect("a job")
    }

    async fn until_in(&self, id: &JobId, state: JobState) -> Job {
        let waiting = async {
            loop {
                let job = self.job(id).await;
                if job.state == state {
                    return job;
                }
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| panic!("{id} is never {state:?}"))
    }

    fn runner(&self, kinds: Kinds, pace: Pace) -> Runner {
        Runner::start(self.services(), kinds, pace)
    }
}

/// Looks all the time.
fn busy(workers: usize) -> Pace {
    Pace {
        poll: Duration::from_millis(2),
        heartbeat: Duration::from_millis(5),
        ..Pace::new(workers)
    }
}

/// Hears only what it is told.
fn idle(workers: usize) -> Pace {
    Pace {
        poll: Duration::from_hours(1),
        heartbeat: Duration::from_hours(1),
        stops: Duration::from_hours(1),
        ..Pace::new(workers)
    }
}

/// A kind whose runs do nothing but say that they are there.
fn telling() -> (Kinds, UnboundedReceiver<Job>) {
    let (told, runs) = unbounded_channel();
    let kinds = Kinds::default().with(WORK, move |_, run: Run| {
        told.send(run.job().clone()).expect("a test that listens");
        async { Ok(()) }
    });
    (kinds, runs)
}

async fn next<T>(runs: &mut UnboundedReceiver<T>) -> T {
    let next = tokio::time::timeout(PATIENCE, runs.recv()).await;
    next.expect("in time").expect("a runner")
}

/// Says when it is dropped.
struct Guard(UnboundedSender<&'static str>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

/// A kind whose runs begin, and then wait until they are let go.
fn waiting() -> (Kinds, UnboundedReceiver<&'static str>, Arc<Notify>) {
    let (told, events) = unbounded_channel();
    let go = Arc::new(Notify::new());
    let let_go = go.clone();
    let kinds = Kinds::default().with(WORK, move |_, _| {
        let (guard, go) = (Guard(told.clone()), let_go.clone());
        async move {
            let _ = guard.0.send("begun");
            go.notified().await;
            drop(guard);
            Ok(())
        }
    });
    (kinds, events, go)
}

#[tokio::test]
async fn what_this_process_asks_for_runs_at_once() {
    let world = World::start().await;
    let (kinds, mut runs) = telling();
    let _runner = world.runner(kinds, idle(1));
    for _ in 0..3 {
        let id = world.ask(WORK).await;
        assert_eq!(next(&mut runs).await.id, id);
        world.until_in(&id, JobState::Done).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_runners_run_each_job_once() {
    const JOBS: usize = 300;
    let world = World::start().await;
    let (kinds, mut runs) = telling();
    let runners: Vec<_> = (0..8)
        .map(|_| world.runner(kinds.clone(), busy(4)))
        .collect();
    let mut asked = Vec::new();
    for _ in 0..JOBS {
        asked.push(world.ask(WORK).await);
    }
    let mut counts = BTreeMap::new();
    for _ in 0..JOBS {
        *counts.entry(next(&mut runs).await.id).or_insert(0) += 1;
    }
    for mut runner in runners {
        runner.drain(PATIENCE).await;
    }
    drop(kinds);
    assert!(runs.recv().await.is_none(), "a job was run again");
    assert_eq!(
        counts.keys().collect::<Vec<_>>(),
        asked.iter().collect::<Vec<_>>()
    );
    assert!(counts.values().all(|count| *count == 1));
    for id in &asked {
        assert_eq!(world.job(id).await.state, JobState::Done);
    }
}

#[tokio::test]
async fn no_more_run_at_once_than_there_are_places() {
    let world = World::start().await;
    let (kinds, mut events, go) = waiting();
    let mut runner = world.runner(kinds, busy(2));
    let ids = [
        world.ask(WORK).await,
        world.ask(WORK).await,
        world.ask(WORK).await,
    ];
    next(&mut events).await;
    next(&mut events).await;
    assert_eq!(world.job(&ids[2]).await.state, JobState::Queued);
    go.notify_one();
    assert_eq!(next(&mut events).await, "dropped");
    assert_eq!(next(&mut events).await, "begun");
    go.notify_waiters();
    runner.drain(PATIENCE).await;
    for id in &ids {
        assert_eq!(world.job(id).await.state, JobState::Done);
    }
}

#[tokio::test]
async fn draining_lets_jobs_end_and_begins_none() {
    let world = World::start().await;
    let (kinds, mut events, go) = waiting();
    let mut runner = world.runner(kinds, busy(1));
    let running = world.ask(WORK).await;
    assert_eq!(next(&mut events).await, "begun");
    // There is no place for it until the first has ended; by then the runner is to claim nothing more.
    let queued = world.ask(WORK).await;
    tokio::join!(biased; runner.drain(PATIENCE), async { go.notify_one() });
    assert_eq!(world.job(&running).await.state, JobState::Done);
    assert_eq!(world.job(&queued).await.state, JobState::Queued);
}

#[tokio::test]
async fn what_does_not_end_in_time_is_given_back_and_run_by_another() {
    let world = World::start().await;
    let (kinds, mut events, _go) = waiting();
    let mut runner = world.runner(kinds, idle(1));
    let id = world.ask(WORK).await;
    assert_eq!(next(&mut events).await, "begun");
    runner.drain(Duration::ZERO).await;
    assert_eq!(events.try_recv(), Ok("dropped"), "it goes on after the end");
    let job = world.job(&id).await;
    assert_eq!((job.state, job.lease_owner), (JobState::Queued, None));
    let (kinds, mut runs) = telling();
    let _runner = world.runner(kinds, idle(1));
    assert_eq!(next(&mut runs).await.id, id);
    world.until_in(&id, JobState::Done).await;
}

#[tokio::test]
async fn the_job_of_a_runner_that_died_is_run_by_another() {
    let world = World::start().await;
    let (kinds, mut events, _go) = waiting();
    let runner = world.runner(kinds, idle(1));
    let id = world.ask(WORK).await;
    assert_eq!(next(&mut events).await, "begun");
    drop(runner);
    assert_eq!(next(&mut events).await, "dropped");
    assert_eq!(world.job(&id).await.state, JobState::Running);

    let queue = &world.services().jobs;
    assert_eq!(queue.take_over_lost().await.expect("an answer"), 0);
    world.registry.clock.advance(30_000);
    assert_eq!(queue.take_over_lost().await.expect("an answer"), 1);
    let (kinds, mut runs) = telling();
    let _runner = world.runner(kinds, idle(1));
    assert_eq!(next(&mut runs).await.attempts, 2);
    world.until_in(&id, JobState::Done).await;
}

#[tokio::test]
async fn a_running_job_that_is_called_off_stops_at_once() {
    let world = World::start().await;
    let (kinds, mut events, _go) = waiting();
    // No sign of life is due for an hour: it is the cancellation that is heard.
    let _runner = world.runner(kinds, idle(1));
    let id = world.ask(WORK).await;
    assert_eq!(next(&mut events).await, "begun");
    let cancelled = world.services().jobs.cancel(&world.by, &id).await;
    assert_eq!(cancelled.expect("a running job"), JobState::Running);
    assert_eq!(next(&mut events).await, "dropped");
    world.until_in(&id, JobState::Cancelled).await;
}

#[tokio::test]
async fn a_job_called_off_elsewhere_stops_before_its_next_sign_of_life() {
    let world = World::start().await;
    let (kinds, mut events, _go) = waiting();
    let pace = Pace {
        stops: Duration::from_millis(2),
        ..idle(1)
    };
    let _runner = world.runner(kinds, pace);
    let id = world.ask(WORK).await;
    assert_eq!(next(&mut events).await, "begun");
    let cancelled = world.registry.cancel_as_another_process(&id).await;
    cancelled.expect("a running job");
    assert_eq!(next(&mut events).await, "dropped");
    world.until_in(&id, JobState::Cancelled).await;
}

#[tokio::test]
async fn a_run_that_lost_its_claim_is_stopped() {
    let world = World::start().await;
    let (kinds, mut events, _go) = waiting();
    // It does not look for lost jobs itself: where it is the only process, it would take this one back.
    let pace = Pace {
        heartbeat: Duration::from_millis(5),
        ..idle(1)
    };
    let _runner = world.runner(kinds, pace);
    let id = world.ask(WORK).await;
    assert_eq!(next(&mut events).await, "begun");
    let seized = world.registry.seize_as_another_process(&id).await;
    seized.expect("a running job");
    assert_eq!(next(&mut events).await, "dropped");
    let job = world.job(&id).await;
    assert_eq!(job.state, JobState::Running);
    assert_eq!(job.lease_owner.as_deref(), Some("another process"));
}

#[tokio::test]
async fn what_a_job_says_and_why_it_fails_can_be_read() {
    let world = World::start().await;
    let kind = JobKind {
        max_attempts: 1,
        ..WORK
    };
    let breaks = JobKind {
        name: "breaks",
        ..kind
    };
    let kinds = Kinds::default()
        .with(kind, |_, run: Run| async move {
            run.tell(JobLogLevel::Info, "looking");
            run.tell(JobLogLevel::Warning, "not there");
            Err(Failed {
                message: "it is nowhere".to_owned(),
                is_final: false,
            })
        })
        .with(breaks, |_, _| async { panic!("of a test") });
    let _runner = world.runner(kinds, idle(1));
    let id = world.ask(kind).await;
    let job = world.until_in(&id, JobState::Failed).await;
    assert_eq!(job.last_error.as_deref(), Some("it is nowhere"));
    let log = world.services().jobs.log(&world.by, &id, (0, 0)).await;
    let log = log.expect("a log");
    let lines: Vec<_> = log
        .iter()
        .map(|line| (line.level, line.line.as_str()))
        .collect();
    let said = [
        (JobLogLevel::Info, "looking"),
        (JobLogLevel::Warning, "not there"),
        (JobLogLevel::Error, "it is nowhere"),
    ];
    assert_eq!(lines, said);

    let id = world.ask(breaks).await;
    let job = world.until_in(&id, JobState::Failed).await;
    let error = job.last_error.expect("an error");
    assert!(
        error.contains("broke off") && !error.contains("of a test"),
        "{error}"
    );
}

#[tokio::test]
async fn a_kind_of_a_newer_release_is_left_to_it() {
    let world = World::start().await;
    let newer = JobKind {
        name: "newer",
        ..WORK
    };
    let (kinds, mut runs) = telling();
    let _runner = world.runner(kinds, idle(1));
    let id = world.ask(newer).await;
    let known = world.ask(WORK).await;
    assert_eq!(next(&mut runs).await.id, known);
    let job = world.until_in(&id, JobState::Queued).await;
    assert_eq!(job.last_error, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_comes_once_with_four_runners() {
    let world = World::start().await;
    let (kinds, mut runs) = telling();
    let every = Timing::Every { ms: 60_000 };
    let followed = world.services().jobs.follow_schedules(vec![(WORK, every)]);
    followed.await.expect("a schedule");
    let runners: Vec<_> = (0..4)
        .map(|_| world.runner(kinds.clone(), busy(2)))
        .collect();
    for _ in 0..10 {
        world.registry.clock.advance(60_000);
        let run = next(&mut runs).await;
        world.until_in(&run.id, JobState::Done).await;
    }
    for mut runner in runners {
        runner.drain(PATIENCE).await;
    }
    drop(kinds);
    assert!(runs.recv().await.is_none(), "it came more often");
}
