//! The jobs of an account.

use crate::console::accounts::unsigned;
use crate::console::failed::{Failed, mendable};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::{Action, JobId, JobState};
use pages::work::jobs::{JobLine, Jobs, LogLine};
use pages::{Link, Moment, Notice, Page as _, Section, encoded, work};
use services::{AccountContext, Job, JobLogLine, Refused};

/// Jobs on a page, and lines of a log.
const PAGE: usize = 50;
const LINES: usize = 100;

/// `GET /accounts/{account}/jobs`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let before = visit.query.get("after").to_owned();
    let listed = visit.services().jobs.browse(&by, before, PAGE).await?;
    let next = listed.next.map(|next| format!("?after={}", encoded(&next)));
    let page = Jobs {
        frame: visit.frame_of(&by, Section::Jobs).await?,
        account: by.account().name.clone(),
        jobs: listed.items.into_iter().map(line).collect(),
        next,
    };
    Ok(Sent::page(page.html()))
}

fn line(job: Job) -> JobLine {
    let is_over = job.ended_at_ms.is_some();
    JobLine {
        id: job.id.to_string(),
        kind: job.kind,
        state: job.state.as_str(),
        is_stopping: job.is_cancelled && !is_over,
        created: Moment(job.created_at_ms),
        ended: job.ended_at_ms.map(Moment),
        why: job.last_error,
    }
}

fn wanted(visit: &Visit<'_>) -> JobId {
    JobId::new(visit.param("job"))
}

/// `GET /accounts/{account}/jobs/{job}`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let page = page(visit, &by, None).await?;
    Ok(Sent::page(page.html()))
}

async fn page(
    visit: &Visit<'_>,
    by: &AccountContext,
    failed: Option<String>,
) -> Result<work::jobs::Job, Failed> {
    let (services, id) = (visit.services(), wanted(visit));
    let job = services.jobs.look_at(by, &id).await?;
    let from = (place(visit.query.get("after")), LINES);
    let (log, next) = match services.jobs.read_log(by, &id, from).await {
        Ok(read) => (Some(read.items), read.next),
        Err(Refused::Forbidden) => (None, None),
        Err(refused) => return Err(refused.into()),
    };
    let may_stop = visit.may(by, Action::JobserviceMonitorStop).await?;
    let is_going = matches!(job.state, JobState::Queued | JobState::Running);
    Ok(work::jobs::Job {
        frame: visit.frame_of(by, Section::Jobs).await?,
        account: by.account().name.clone(),
        attempts: unsigned(job.attempts),
        most_attempts: unsigned(job.max_attempts),
        started: job.started_at_ms.map(Moment),
        may_stop: may_stop && is_going && !job.is_cancelled,
        may_retry: job.state == JobState::Failed && services.jobs.is_done_again(&job),
        line: line(job),
        log: log.map(|lines| lines.into_iter().map(said).collect()),
        next: next.map(|next| format!("?after={}", encoded(&next))),
        failed,
    })
}

fn said(line: JobLogLine) -> LogLine {
    LogLine {
        attempt: unsigned(line.attempt),
        at: Moment(line.at_ms),
        level: line.level.as_str(),
        text: line.line,
    }
}

/// After which line of which run a page of a log begins; from the first for what is no such place.
fn place(after: &str) -> (i64, i64) {
    let parts = after.split_once('.');
    let place = parts.and_then(|(run, line)| Some((run.parse().ok()?, line.parse().ok()?)));
    place.unwrap_or((0, 0))
}

async fn refused(visit: &Visit<'_>, by: &AccountContext, why: Refused) -> Result<Sent, Failed> {
    let page = page(visit, by, Some(mendable(why)?)).await?;
    Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

fn there(by: &AccountContext, id: &str, notice: Notice) -> Sent {
    let link = Link::Under(&by.account().name, &["jobs", id]).to_string();
    Sent::to(&format!("{link}?notice={}", notice.word()))
}

/// `POST /accounts/{account}/jobs/{job}/stop`.
pub(super) async fn stop(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let (by, id) = (visit.account().await?, wanted(visit));
    match visit.services().jobs.stop(&by, &id).await {
        Ok(_) => Ok(there(&by, id.as_str(), Notice::Saved)),
        Err(why) => refused(visit, &by, why).await,
    }
}

/// `POST /accounts/{account}/jobs/{job}/retry`: then to the job that does it again.
pub(super) async fn retry(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let (by, id) = (visit.account().await?, wanted(visit));
    match visit.services().jobs.retry(&by, &id).await {
        Ok(new) => Ok(there(&by, new.as_str(), Notice::Saved)),
        Err(why) => refused(visit, &by, why).await,
    }
}
