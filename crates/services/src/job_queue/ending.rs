//! The end of a run, in one transaction.

use super::{LOG, Outcome, Settled};
use crate::Result;
use metadata::{NewJobLogLine, Tx};
use model::{JobId, JobState};

/// The end of one run, with everything that was decided before its transaction.
#[derive(Clone)]
pub(super) struct Ending {
    pub(super) id: JobId,
    pub(super) fence: i64,
    pub(super) is_last_run: bool,
    pub(super) outcome: Outcome,
    pub(super) lines: Vec<NewJobLogLine>,
    pub(super) now_ms: i64,
    pub(super) retry_at_ms: i64,
    pub(super) forget_at_ms: i64,
}

impl Ending {
    pub(super) fn write(&self, tx: &mut Tx<'_>) -> Result<Settled> {
        // Locks the row: nobody calls the job off, or takes it over, until this is committed.
        let Some(is_cancelled) = tx.renew_job_lease(&self.id, self.fence, self.now_ms)? else {
            return Ok(Settled::Lost);
        };
        if !self.lines.is_empty() {
            tx.append_job_log(&self.id, self.fence, &self.lines, LOG)?;
        }
        let (settled, error) = match &self.outcome {
            Outcome::Done => (Settled::Done, None),
            Outcome::Cancelled => (Settled::Cancelled, None),
            Outcome::Failed { message, .. } if is_cancelled => (Settled::Cancelled, Some(message)),
            Outcome::Failed { message, is_final } if *is_final || self.is_last_run => {
                (Settled::Failed, Some(message))
            }
            Outcome::Failed { message, .. } => {
                let run_at_ms = self.retry_at_ms;
                (Settled::Retried { run_at_ms }, Some(message))
            }
        };
        let claim = (&self.id, self.fence);
        let error = error.map(String::as_str);
        let state = match settled {
            Settled::Done => JobState::Done,
            Settled::Failed => JobState::Failed,
            Settled::Cancelled => JobState::Cancelled,
            Settled::Retried { run_at_ms } => {
                tx.requeue_job(claim, error, self.now_ms, run_at_ms)?;
                return Ok(settled);
            }
            Settled::Lost => return Ok(settled),
        };
        tx.finish_job(claim, state, error, self.now_ms, self.forget_at_ms)?;
        Ok(settled)
    }
}
