//! What is done for the account behind its requests: who is at what, what waits in its queues, and how to stop it.

use super::reply::{Reply, omit_empty, time};
use super::{Call, HarborError};
use model::{JobId, JobKind};
use serde::Deserialize;
use serde_json::{Value, json};
use services::{Job, QueueAction, QueueView};

/// The account's share of the workers is its pool.
const POOL: &str = "account";
/// Lines of a log that are shown.
const LOG_LINES: usize = 2000;
/// Kinds of jobs that Harbor has a word for. All others go by their own name in capital letters.
const WORDS: [(&str, JobKind); 3] = [
    ("GARBAGE_COLLECTION", JobKind::COLLECT_ACCOUNT),
    ("RETENTION", JobKind::RUN_RETENTION),
    ("WEBHOOK", JobKind::DELIVER_WEBHOOKS),
];

#[derive(Deserialize)]
struct ActionRequest {
    #[serde(default)]
    action: String,
}

/// The job type of a kind.
pub(super) fn job_type(kind: &str) -> String {
    let word = WORDS.iter().find(|(_, one)| one.name == kind);
    word.map_or_else(|| kind.to_ascii_uppercase(), |(word, _)| (*word).to_owned())
}

/// The kind that a job type stands for, if there is one: which of them are accounts' is not decided here.
fn kind_of(job_type: &str) -> String {
    let word = WORDS.iter().find(|(word, _)| *word == job_type);
    word.map_or_else(
        || job_type.to_ascii_lowercase(),
        |(_, kind)| kind.name.to_owned(),
    )
}

fn worker(job: &Job) -> Value {
    omit_empty(
        json!({
            "id": job.id.as_str(),
            "pool_id": POOL,
            "job_name": job_type(&job.kind),
            "job_id": job.id.as_str(),
            "start_at": time(job.started_at_ms),
        }),
        &[],
    )
}

fn queue(view: &QueueView) -> Value {
    omit_empty(
        json!({
            "job_type": job_type(view.kind),
            "count": view.waiting,
            "latency": view.waited_ms / 1000,
            "paused": view.paused_at_ms.is_some(),
        }),
        &["paused"],
    )
}

/// `getWorkerPools`: how many jobs of the account run at once.
pub(super) async fn pools(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let jobs = &call.services().jobs;
    // Whoever may not see what runs is not told how much may.
    jobs.running(&call.by).await?;
    Ok(Reply::json(&json!([{
        "worker_pool_id": POOL,
        "concurrency": jobs.running_at_once(),
    }])))
}

/// `getWorkers`: those who are at something.
pub(super) async fn workers(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let running = call.services().jobs.running(&call.by).await?;
    let wanted = call.param("pool_id");
    if wanted != "all" && wanted != POOL {
        return Err(HarborError::not_found(format!(
            "there is no worker pool {wanted}"
        )));
    }
    Ok(Reply::json(&Value::Array(
        running.iter().map(worker).collect(),
    )))
}

/// `stopRunningJob`.
pub(super) async fn stop(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let id = JobId::new(call.param("job_id").to_owned());
    call.services().jobs.stop(&call.by, &id).await?;
    Ok(Reply::done())
}

/// `actionGetJobLog`.
pub(super) async fn log(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let id = JobId::new(call.param("job_id").to_owned());
    let from = ((0, 0), LOG_LINES);
    let page = call.services().jobs.read_log(&call.by, &id, from).await?;
    let mut text = String::new();
    for line in page.items {
        let at = time(Some(line.at_ms));
        let level = line.level.as_str().to_ascii_uppercase();
        let words = [at.as_str(), &level, &line.line];
        text.push_str(&words.join(" "));
        text.push('\n');
    }
    Ok(Reply::text("text/plain; charset=utf-8", text))
}

/// `listJobQueues`.
pub(super) async fn queues(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let queues = call.services().jobs.queues(&call.by).await?;
    Ok(Reply::json(&Value::Array(
        queues.iter().map(queue).collect(),
    )))
}

/// `actionPendingJobs`.
pub(super) async fn act(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let request: ActionRequest = call.json()?;
    let wanted = match request.action.as_str() {
        "stop" => QueueAction::Empty,
        "pause" => QueueAction::Pause,
        "resume" => QueueAction::Resume,
        other => {
            return Err(HarborError::unprocessable(format!(
                "action in body should be one of [stop pause resume], not {other:?}"
            )));
        }
    };
    let job_type = call.param("job_type");
    let kind = kind_of(job_type);
    let name = (job_type != "all").then_some(kind.as_str());
    let jobs = &call.services().jobs;
    jobs.act_on_queues(&call.by, name, wanted).await?;
    Ok(Reply::done())
}

#[cfg(test)]
mod tests {
    use super::{job_type, kind_of};
    use model::JobKind;

    #[test]
    fn every_job_type_stands_for_its_kind() {
        for kind in JobKind::ALL {
            assert_eq!(kind_of(&job_type(kind.name)), kind.name);
        }
        assert_eq!(job_type("run_retention"), "RETENTION");
        assert_eq!(job_type("purge_audit_log"), "PURGE_AUDIT_LOG");
    }
}
