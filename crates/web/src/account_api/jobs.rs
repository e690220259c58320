//! An account's jobs and schedules: what is done for it later, and again and again.

use super::reply::{Answered, Done, List, Shown};
use super::work::{self, CollectionShown, WorkShown};
use super::{ApiError, Call, Time};
use model::{JobId, JobState, Page};
use serde::Serialize;
use services::{Job, JobLogLine, QueueAction, QueueView, ScheduleRow};
use utoipa::ToSchema;

/// A job.
#[derive(Serialize, ToSchema)]
pub(super) struct JobShown {
    id: String,
    /// What is to be done, such as `run_retention`.
    kind: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    state: &'static str,
    /// Whether it was stopped; while it is running, it still has to notice.
    is_stopped: bool,
    /// Runs that have begun.
    attempts: i64,
    /// Runs before it counts as failed.
    max_attempts: i64,
    /// It does not run before then.
    run_at: Time,
    /// Why the last run failed.
    last_error: Option<String>,
    /// When it was asked for.
    created_at: Time,
    /// When the last run began.
    started_at: Option<Time>,
    /// When it ended for good.
    ended_at: Option<Time>,
    /// Of `collect_account`: what it took until now, or would take. Null before it begins, of other kinds, and in lists.
    collection: Option<CollectionShown>,
}

impl JobShown {
    pub(super) fn with(self, collection: Option<CollectionShown>) -> Self {
        Self { collection, ..self }
    }
}

/// A line of a job's log.
#[derive(Serialize, ToSchema)]
pub(super) struct JobLogLineShown {
    /// The run that said it, from 1.
    attempt: i64,
    /// Its number in that run, from 1.
    number: i64,
    at: Time,
    /// `info`, `warning` or `error`.
    level: &'static str,
    text: String,
}

/// What became of a job that was to stop.
#[derive(Serialize, ToSchema)]
pub(super) struct JobStoppedShown {
    /// `cancelled`, or `running` for one that still has to notice.
    state: &'static str,
}

/// What waits of one kind.
#[derive(Serialize, ToSchema)]
pub(super) struct JobQueueShown {
    /// What its jobs do, such as `run_retention`.
    kind: &'static str,
    /// Jobs that wait, counted up to 10,000.
    waiting: i64,
    /// For how long the oldest of them has waited.
    waited_seconds: i64,
    /// Since when none of them begins; `null` unless the queue is paused.
    paused_at: Option<Time>,
}

/// What is done again and again.
#[derive(Serialize, ToSchema)]
pub(super) struct ScheduleShown {
    /// Its name, unique in the account.
    name: String,
    /// What is done.
    kind: String,
    /// When it comes, as cron says it, in UTC.
    cron: Option<String>,
    /// Seconds from one time to the next, if it has no cron text.
    every_seconds: Option<i64>,
    enabled: bool,
    /// When it comes next.
    next_run_at: Time,
    /// The job of last time. It may be forgotten.
    last_job: Option<String>,
    /// How it is done; null for what has rules of its own, such as retention.
    parameters: Option<WorkShown>,
}

pub(super) fn shown(job: Job) -> JobShown {
    JobShown {
        id: job.id.to_string(),
        kind: job.kind,
        state: job.state.as_str(),
        is_stopped: job.is_cancelled,
        attempts: job.attempts,
        max_attempts: job.max_attempts,
        run_at: Time::from_ms(job.run_at_ms),
        last_error: job.last_error,
        created_at: Time::from_ms(job.created_at_ms),
        started_at: job.started_at_ms.map(Time::from_ms),
        ended_at: job.ended_at_ms.map(Time::from_ms),
        collection: None,
    }
}

fn line(line: JobLogLine) -> JobLogLineShown {
    JobLogLineShown {
        attempt: line.attempt,
        number: line.number,
        at: Time::from_ms(line.at_ms),
        level: line.level.as_str(),
        text: line.line,
    }
}

fn schedule(row: ScheduleRow) -> ScheduleShown {
    ScheduleShown {
        parameters: work::shown(&row),
        name: row.name,
        kind: row.kind,
        cron: row.cron,
        every_seconds: row.every_ms.map(|ms| ms / 1000),
        enabled: row.is_enabled,
        next_run_at: Time::from_ms(row.next_run_at_ms),
        last_job: row.last_job_id.map(|id| id.to_string()),
    }
}

fn wanted(call: &Call<'_>) -> JobId {
    JobId::new(call.param("job").to_owned())
}

/// After which line of which run a page of a log begins.
fn place(cursor: &str) -> Answered<(i64, i64)> {
    if cursor.is_empty() {
        return Ok((0, 0));
    }
    let parts = cursor.split_once('.');
    parts
        .and_then(|(attempt, number)| Some((attempt.parse().ok()?, number.parse().ok()?)))
        .ok_or_else(|| {
            ApiError::bad_request("cursor has to be what `next` of the page before says")
        })
}

pub(super) async fn list(call: &Call<'_>) -> Answered<List<JobShown>> {
    let by = call.account().await?;
    let (before, limit) = call.after();
    let page = call.services().jobs.browse(&by, before, limit).await?;
    Ok(call.page(page, shown))
}

pub(super) async fn log(call: &Call<'_>) -> Answered<List<JobLogLineShown>> {
    let by = call.account().await?;
    let (cursor, limit) = call.after();
    let from = (place(&cursor)?, limit);
    let id = wanted(call);
    let page = call.services().jobs.read_log(&by, &id, from).await?;
    Ok(call.page(page, line))
}

pub(super) async fn stop(call: &Call<'_>) -> Answered<Shown<JobStoppedShown>> {
    let by = call.account().await?;
    let state: JobState = call.services().jobs.stop(&by, &wanted(call)).await?;
    let state = state.as_str();
    Ok(Shown(JobStoppedShown { state }))
}

pub(super) async fn schedules(call: &Call<'_>) -> Answered<List<ScheduleShown>> {
    let by = call.account().await?;
    let (after, limit) = call.after();
    let page = call.services().jobs.schedules(&by, after, limit).await?;
    Ok(call.page(page, schedule))
}

#[expect(clippy::needless_pass_by_value, reason = "as the entries of all lists")]
fn queue(view: QueueView) -> JobQueueShown {
    JobQueueShown {
        kind: view.kind,
        waiting: view.waiting,
        waited_seconds: view.waited_ms / 1000,
        paused_at: view.paused_at_ms.map(Time::from_ms),
    }
}

pub(super) async fn queues(call: &Call<'_>) -> Answered<List<JobQueueShown>> {
    let by = call.account().await?;
    let items = call.services().jobs.queues(&by).await?;
    Ok(call.page(Page { items, next: None }, queue))
}

async fn act(call: &Call<'_>, action: QueueAction) -> Answered<Done> {
    let by = call.account().await?;
    let (jobs, kind) = (&call.services().jobs, call.param("kind"));
    jobs.act_on_queues(&by, Some(kind), action).await?;
    Ok(Done)
}

pub(super) async fn pause(call: &Call<'_>) -> Answered<Done> {
    act(call, QueueAction::Pause).await
}

pub(super) async fn resume(call: &Call<'_>) -> Answered<Done> {
    act(call, QueueAction::Resume).await
}

pub(super) async fn empty(call: &Call<'_>) -> Answered<Done> {
    act(call, QueueAction::Empty).await
}
