//! When something is to be done: now, never, or by a cron text; as requests say it and answers show it.

use super::reply::time;
use super::{Call, HarborError};
use model::JobState;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use services::Job;

/// Cron texts that Harbor has words for.
const WORDS: [(&str, &str); 3] = [
    ("Hourly", "0 0 * * * *"),
    ("Daily", "0 0 0 * * *"),
    ("Weekly", "0 0 0 * * 0"),
];

#[derive(Deserialize)]
struct ScheduleRequest<P> {
    #[serde(default)]
    schedule: TimingRequest,
    parameters: Option<P>,
}

#[derive(Deserialize, Default)]
struct TimingRequest {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    cron: String,
}

/// When a request asks for something.
pub(super) enum Asked {
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

/// Reads when a request asks for something, and with which parameters.
pub(super) fn asked<P: DeserializeOwned + Default>(
    call: &Call<'_>,
) -> Result<(Asked, P), HarborError> {
    let request: ScheduleRequest<P> = call.json()?;
    let parameters = request.parameters.unwrap_or_default();
    Ok((request.schedule.asked()?, parameters))
}

/// Where a request finds what it asked for: the number is 0 unless it is to be done now.
pub(super) fn location(call: &Call<'_>, number: i64) -> String {
    let path = call.path.trim_end_matches('/');
    format!("{}/{number}", path.trim_end_matches("/schedule"))
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

/// Something that was asked for: Harbor's number and name for it, whether a schedule asked, its parameters, its job.
pub(super) fn run(
    (number, name): (i64, &str),
    (is_scheduled, parameters): (bool, &str),
    job: &Job,
) -> Value {
    let updated_at_ms = job.ended_at_ms.or(job.started_at_ms);
    json!({
        "id": number,
        "job_name": name,
        "job_kind": if is_scheduled { "SCHEDULE" } else { "MANUAL" },
        "job_parameters": parameters,
        "schedule": { "type": if is_scheduled { "Custom" } else { "Manual" } },
        "job_status": status(job),
        "creation_time": time(Some(job.created_at_ms)),
        "update_time": time(Some(updated_at_ms.unwrap_or(job.created_at_ms))),
    })
}

/// A schedule: its name, parameters, cron text and next time.
pub(super) fn schedule(name: &str, parameters: &str, cron: &str, next_ms: i64) -> Value {
    let word = WORDS.iter().find(|(_, of_word)| *of_word == cron);
    json!({
        "job_name": name,
        "job_kind": "SCHEDULE",
        "job_parameters": parameters,
        "schedule": {
            "type": word.map_or("Custom", |(word, _)| word),
            "cron": cron,
            "next_scheduled_time": time(Some(next_ms)),
        },
    })
}
