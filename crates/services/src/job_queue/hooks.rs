//! What else ends when a job ends without having done what it was to do: in the same transaction.

use crate::Result;
use crate::core::Core;
use crate::{retention, webhooks};
use metadata::Tx;
use model::{JobId, JobKind, JobState};

/// Says to whoever asked for a job that it was called off, or failed for good.
pub(super) fn job_ended(core: &Core, tx: &mut Tx<'_>, id: &JobId, state: JobState) -> Result<()> {
    if !matches!(state, JobState::Cancelled | JobState::Failed) {
        return Ok(());
    }
    let Some(job) = tx.find_job(id)? else {
        return Ok(());
    };
    if job.kind == JobKind::RUN_RETENTION.name {
        retention::job_ended(core, tx, id, state)
    } else {
        webhooks::job_ended(core, tx, &job, state)
    }
}
