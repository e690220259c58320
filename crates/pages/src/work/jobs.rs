//! Jobs: what is done for an account later, and again and again.

use crate::frame::Frame;
use crate::links::Link;
use crate::values::Moment;
use askama::Template;

/// The jobs of an account.
#[derive(Clone, Debug, Template)]
#[template(path = "work/jobs.html")]
pub struct Jobs {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The jobs, the newest first.
    pub jobs: Vec<JobLine>,
    /// Where the next ones are.
    pub next: Option<String>,
}

/// A job.
#[derive(Clone, Debug)]
pub struct JobLine {
    /// How it is named in addresses.
    pub id: String,
    /// What it does, as `run_retention`.
    pub kind: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    pub state: &'static str,
    /// Whether it was stopped, and still has to notice.
    pub is_stopping: bool,
    /// When it was asked for.
    pub created: Moment,
    /// When it ended.
    pub ended: Option<Moment>,
    /// Why its last run failed.
    pub why: Option<String>,
}

impl JobLine {
    pub(crate) fn is_going(&self) -> bool {
        matches!(self.state, "queued" | "running")
    }
}

impl Jobs {
    pub(crate) fn link(&self, id: &str) -> String {
        Link::Under(&self.account, &["jobs", id]).to_string()
    }

    pub(crate) fn is_going(&self) -> bool {
        self.jobs.iter().any(JobLine::is_going)
    }
}

/// A job, with what its runs had to say.
#[derive(Clone, Debug, Template)]
#[template(path = "work/job.html")]
pub struct Job {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The job.
    pub line: JobLine,
    /// Runs that have begun.
    pub attempts: u64,
    /// Runs before it counts as failed.
    pub most_attempts: u64,
    /// When its last run began.
    pub started: Option<Moment>,
    /// What the runs had to say; `None` for whoever may not read it.
    pub log: Option<Vec<LogLine>>,
    /// Where the log goes on.
    pub next: Option<String>,
    /// Whether the reader may stop it.
    pub may_stop: bool,
    /// Whether it can be done again.
    pub may_retry: bool,
    /// Why that did not work.
    pub failed: Option<String>,
}

/// A line of a job's log.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// The run that said it.
    pub attempt: u64,
    /// When.
    pub at: Moment,
    /// `info`, `warning` or `error`.
    pub level: &'static str,
    /// What.
    pub text: String,
}

impl Job {
    /// Where it is stopped, or done again.
    pub(crate) fn way(&self, word: &str) -> String {
        Link::Under(&self.account, &["jobs", &self.line.id, word]).to_string()
    }
}
