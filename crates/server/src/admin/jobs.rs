//! Carrying out `roadstead admin jobs`.

use super::Answer;
use crate::cli::{JobStateWord, JobsCommand};
use crate::text::{date, table};
use model::{AccountId, JobId, JobState};
use serde_json::{Value, json};
use services::{AccountContext, Job, JobLogLine, JobQueue};
use std::fmt::Write as _;

pub(super) async fn carry_out(
    queue: &JobQueue,
    by: &AccountContext,
    command: JobsCommand,
) -> anyhow::Result<Answer> {
    Ok(match command {
        JobsCommand::List { state, before } => {
            let (state, before) = (state.map(state_of), before.map(JobId::new));
            let jobs = queue.list_everything(by, state, before).await?;
            let text = table(
                &[
                    "JOB",
                    "KIND",
                    "STATE",
                    "RUNS",
                    "ASKED FOR",
                    "ENDED",
                    "ACCOUNT",
                ],
                jobs.iter().map(row),
            );
            Answer::new(jobs.iter().map(to_json).collect(), text)
        }
        JobsCommand::Show { job } => show(queue, by, &JobId::new(job)).await?,
        JobsCommand::Cancel { job } => {
            let state = queue.cancel(by, &JobId::new(job.clone())).await?;
            let text = match state {
                JobState::Running => format!("job {job} is told to stop\n"),
                _ => format!("job {job} is called off\n"),
            };
            Answer::new(json!({ "id": job, "state": state.as_str() }), text)
        }
        JobsCommand::Run { kind } => {
            let asked = queue.run_now(by, &kind).await?;
            let word = if asked.is_new {
                "is queued"
            } else {
                "was queued or running already"
            };
            Answer::new(
                json!({ "id": asked.id.as_str(), "kind": kind, "is_new": asked.is_new }),
                format!(
                    "job {id} ({kind}) {word}; see how it goes with: roadstead admin jobs show {id}\n",
                    id = asked.id
                ),
            )
        }
    })
}

async fn show(queue: &JobQueue, by: &AccountContext, id: &JobId) -> anyhow::Result<Answer> {
    let job = queue.get(by, id).await?;
    let mut log: Vec<JobLogLine> = Vec::new();
    loop {
        let after = log
            .last()
            .map_or((0, 0), |line| (line.attempt, line.number));
        let page = queue.log(by, id, after).await?;
        if page.is_empty() {
            break;
        }
        log.extend(page);
    }
    let mut json = to_json(&job);
    json["log"] = log.iter().map(line_to_json).collect();
    Ok(Answer::new(json, described(&job, &log)))
}

fn described(job: &Job, log: &[JobLogLine]) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| _ = writeln!(text, "{name:<11}{value}");
    line("job", job.id.as_str());
    line("kind", &job.kind);
    line("account", account(job));
    line("state", &state(job));
    line(
        "runs",
        &format!("{} of {} at most", job.attempts, job.max_attempts),
    );
    line("asked for", &date(Some(job.created_at_ms)));
    match job.state {
        JobState::Queued => line("not before", &date(Some(job.run_at_ms))),
        JobState::Running => line("began", &date(job.started_at_ms)),
        JobState::Done | JobState::Failed | JobState::Cancelled => {
            line("began", &date(job.started_at_ms));
            line("ended", &date(job.ended_at_ms));
        }
    }
    if let Some(error) = &job.last_error {
        line("error", error);
    }
    if !log.is_empty() {
        text.push('\n');
    }
    for said in log {
        _ = writeln!(
            text,
            "{} run {} {:<7} {}",
            date(Some(said.at_ms)),
            said.attempt,
            said.level.as_str(),
            said.line
        );
    }
    let kept = log.iter().filter(|said| said.attempt == job.attempts);
    let dropped = job.log_lines - i64::try_from(kept.count()).unwrap_or(i64::MAX);
    if dropped > 0 {
        _ = writeln!(
            text,
            "(the last run said {dropped} more lines, which were not kept)"
        );
    }
    text
}

fn row(job: &Job) -> Vec<String> {
    vec![
        job.id.to_string(),
        job.kind.clone(),
        state(job),
        format!("{}/{}", job.attempts, job.max_attempts),
        date(Some(job.created_at_ms)),
        date(job.ended_at_ms),
        account(job).to_owned(),
    ]
}

fn account(job: &Job) -> &str {
    job.account_id.as_ref().map_or("-", AccountId::as_str)
}

fn state(job: &Job) -> String {
    if job.is_cancelled && job.state == JobState::Running {
        return "stopping".to_owned();
    }
    job.state.as_str().to_owned()
}

fn to_json(job: &Job) -> Value {
    let at = |at_ms: Option<i64>| at_ms.map(|at_ms| date(Some(at_ms)));
    json!({
        "id": job.id.as_str(),
        "kind": job.kind,
        "account": job.account_id.as_ref().map(AccountId::as_str),
        "state": job.state.as_str(),
        "is_cancelled": job.is_cancelled,
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "run_at": at(Some(job.run_at_ms)),
        "created_at": at(Some(job.created_at_ms)),
        "started_at": at(job.started_at_ms),
        "ended_at": at(job.ended_at_ms),
        "error": job.last_error,
    })
}

fn line_to_json(said: &JobLogLine) -> Value {
    json!({
        "run": said.attempt,
        "at": date(Some(said.at_ms)),
        "level": said.level.as_str(),
        "text": said.line,
    })
}

fn state_of(word: JobStateWord) -> JobState {
    match word {
        JobStateWord::Queued => JobState::Queued,
        JobStateWord::Running => JobState::Running,
        JobStateWord::Done => JobState::Done,
        JobStateWord::Failed => JobState::Failed,
        JobStateWord::Cancelled => JobState::Cancelled,
    }
}
