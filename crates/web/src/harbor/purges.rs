//! Purges of the account's audit log: one now, by a schedule, and what became of each.

use super::reply::{Reply, omit_empty, time};
use super::{Call, HarborError};
use model::{Action, JobState};
use serde::Deserialize;
use serde_json::{Value, json};
use services::{AuditPurge, AuditPurgeRun, AuditPurgeSchedule, Job};

/// Cron texts that Harbor has words for.
const WORDS: [(&str, &str); 3] = [
    ("Hourly", "0 0 * * * *"),
    ("Daily", "0 0 0 * * *"),
    ("Weekly", "0 0 0 * * 0"),
];

/// When something is to be done, as requests say it.
#[derive(Deserialize, Default)]
struct ScheduleRequest {
    #[serde(default)]
    schedule: TimingRequest,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Deserialize, Default)]
struct TimingRequest {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    cron: String,
}

#[derive(Deserialize, Default)]
struct Parameters {
    audit_retention_hour: Option<i64>,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    include_event_types: String,
    /// The word of older clients: `create,delete,pull`.
    #[serde(default)]
    include_operations: String,
}

/// What a request asks for.
enum Asked {
    Now,
    Never,
    /// By a cron text.
    Then(String),
}

impl TimingRequest {
    fn asked(self) -> Result<Asked, HarborError> {
        match self.kind.as_str() {
            "Manual" => Ok(Asked::Now),
            "None" => Ok(Asked::Never),
            "Hourly" | "Daily" | "Weekly" | "Custom" | "Schedule" => {
                let of_word = WORDS.iter().find(|(word, _)| *word == self.kind);
                match of_word {
                    Some((_, cron)) if self.cron.is_empty() => Ok(Asked::Then((*cron).to_owned())),
                    _ => Ok(Asked::Then(self.cron)),
                }
            }
            other => Err(HarborError::bad_request(format!(
                "there is no schedule of the type {other:?}; the types are Hourly, Daily, Weekly, Custom, Manual and None"
            ))),
        }
    }
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
}

impl Parameters {
    async fn purge(&self, call: &Call<'_>) -> Result<AuditPurge, HarborError> {
        let Some(hours) = self.audit_retention_hour else {
            return Err(HarborError::bad_request(
                "parameters.audit_retention_hour says how old an event has to be to go, in hours",
            ));
        };
        let mut event_types: Vec<String> = split(&self.include_event_types)
            .map(str::to_owned)
            .collect();
        if event_types.is_empty() && !self.include_operations.is_empty() {
            let known = call.services().audit.event_types(&call.by).await?;
            let operations: Vec<&str> = split(&self.include_operations).collect();
            let is_meant = |name: &String| {
                let operation = name.split('_').next().unwrap_or_default();
                operations.contains(&operation)
            };
            event_types = known.into_iter().filter(is_meant).collect();
        }
        Ok(AuditPurge {
            hours,
            event_types,
            is_dry_run: self.dry_run,
            is_scheduled: false,
        })
    }
}

fn parameters(purge: &AuditPurge) -> String {
    let value = json!({
        "audit_retention_hour": purge.hours,
        "dry_run": purge.is_dry_run,
        "include_event_types": purge.event_types.join(","),
    });
    value.to_string()
}

/// A word for how far a job is.
fn status(job: &Job) -> &'static str {
    match job.state {
        JobState::Queued => "Pending",
        JobState::Running => "Running",
        JobState::Done => "Success",
        JobState::Failed => "Error",
        JobState::Cancelled => "Stopped",
    }
}

fn run(run: &AuditPurgeRun) -> Value {
    let job = &run.job;
    let is_scheduled = run.purge.is_scheduled;
    let updated_at_ms = job.ended_at_ms.or(job.started_at_ms);
    omit_empty(
        json!({
            "id": run.number,
            "job_name": "PURGE_AUDIT_LOG",
            "job_kind": if is_scheduled { "SCHEDULE" } else { "MANUAL" },
            "job_parameters": parameters(&run.purge),
            "schedule": { "type": if is_scheduled { "Custom" } else { "Manual" } },
            "job_status": status(job),
            "creation_time": time(Some(job.created_at_ms)),
            "update_time": time(Some(updated_at_ms.unwrap_or(job.created_at_ms))),
        }),
        &[],
    )
}

fn schedule(schedule: &AuditPurgeSchedule) -> Value {
    let word = WORDS.iter().find(|(_, cron)| *cron == schedule.cron);
    json!({
        "job_name": "PURGE_AUDIT_LOG",
        "job_kind": "SCHEDULE",
        "job_parameters": parameters(&schedule.purge),
        "schedule": {
            "type": word.map_or("Custom", |(word, _)| word),
            "cron": schedule.cron,
            "next_scheduled_time": time(Some(schedule.next_ms)),
        },
    })
}

/// Does what a request asks for. Answers with the number of a purge that was asked for now.
async fn follow(call: &Call<'_>, action: Action) -> Result<i64, HarborError> {
    call.require_login()?;
    let request: ScheduleRequest = call.json()?;
    let purges = &call.services().audit_purges;
    match request.schedule.asked()? {
        Asked::Now => {
            let purge = request.parameters.purge(call).await?;
            Ok(purges.start(&call.by, purge).await?)
        }
        Asked::Never => {
            purges.set_schedule(&call.by, None, action).await?;
            Ok(0)
        }
        Asked::Then(cron) => {
            let purge = request.parameters.purge(call).await?;
            purges
                .set_schedule(&call.by, Some((purge, cron)), action)
                .await?;
            Ok(0)
        }
    }
}

/// `getPurgeSchedule`: nothing at all where there is none.
pub(super) async fn get_schedule(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let found = call.services().audit_purges.schedule(&call.by).await?;
    Ok(found.map_or_else(Reply::done, |found| Reply::json(&schedule(&found))))
}

/// `createPurgeSchedule`: its number is 0 unless it is a purge now.
pub(super) async fn create_schedule(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = follow(call, Action::PurgeAuditCreate).await?;
    let path = call
        .path
        .trim_end_matches('/')
        .trim_end_matches("/schedule");
    Ok(Reply::created(&format!("{path}/{number}")))
}

/// `updatePurgeSchedule`.
pub(super) async fn update_schedule(call: &Call<'_>) -> Result<Reply, HarborError> {
    follow(call, Action::PurgeAuditUpdate).await?;
    Ok(Reply::done())
}

/// `getPurgeHistory`.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let query = call.query.list()?;
    let listed = call.services().audit_purges.list(&call.by, query).await?;
    call.page(&listed, run)
}

/// `getPurgeJob`.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let number = call.number("purge_id")?;
    let found = call.services().audit_purges.get(&call.by, number).await?;
    Ok(Reply::json(&run(&found)))
}

/// `stopPurge`.
pub(super) async fn stop(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let number = call.number("purge_id")?;
    call.services().audit_purges.stop(&call.by, number).await?;
    Ok(Reply::done())
}

/// `getPurgeJobLog`.
pub(super) async fn log(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let number = call.number("purge_id")?;
    let text = call.services().audit_purges.log(&call.by, number).await?;
    Ok(Reply::text("text/plain; charset=utf-8", text))
}
