//! What a job knows of the run it is in.

use model::JobLogLevel;
use services::{Job, NewJobLogLine, Services};
use std::sync::{Arc, Mutex, PoisonError};

/// Lines that wait for the next sign of life; more are not kept.
const WAITING_LINES: usize = 1000;

/// One run of a job. Cheap to clone.
#[derive(Clone)]
pub struct Run {
    services: Arc<Services>,
    job: Arc<Job>,
    lines: Arc<Mutex<Vec<NewJobLogLine>>>,
}

impl Run {
    pub(crate) fn new(services: &Arc<Services>, job: Job) -> Self {
        Self {
            services: services.clone(),
            job: Arc::new(job),
            lines: Arc::default(),
        }
    }

    /// The job, as it was when it was claimed.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Says something for whoever reads the job's log. No secrets.
    pub fn tell(&self, level: JobLogLevel, text: &str) {
        let line = self.services.jobs.log_line(level, text);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < WAITING_LINES {
            lines.push(line);
        }
    }

    /// Says how much there was to do, if there was any.
    pub(crate) fn tell_count(&self, count: u64, what: &str) {
        if count > 0 {
            self.tell(JobLogLevel::Info, &format!("{count} {what}"));
        }
    }

    /// What was said and not yet written down.
    pub(crate) fn take_lines(&self) -> Vec<NewJobLogLine> {
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
