//! What else ends when a job ends without having done what it was to do, and who is told of it: in the same transaction.

use crate::Result;
use crate::core::Core;
use crate::{retention, webhooks};
use metadata::{JobRow, Tx};
use model::{Event, JobId, JobKind, JobState};

/// Kinds by which an account's events go out. That one of them failed is no event, or it would have to be told by them: a
/// sink, webhook or mail says itself that it fails, and that it was paused.
const TELLING: [JobKind; 5] = [
    JobKind::FEED_SINKS,
    JobKind::PUSH_METRICS,
    JobKind::DELIVER_WEBHOOKS,
    JobKind::DELIVER_BY_HAND,
    JobKind::SEND_MAIL,
];

/// Says to whoever asked for a job that it was called off, or failed for good.
pub(super) fn job_ended(core: &Core, tx: &mut Tx<'_>, id: &JobId, state: JobState) -> Result<()> {
    if !matches!(state, JobState::Cancelled | JobState::Failed) {
        return Ok(());
    }
    let Some(job) = tx.find_job(id)? else {
        return Ok(());
    };
    if state == JobState::Failed {
        record_failure(core, tx, &job)?;
    }
    if job.kind == JobKind::RUN_RETENTION.name {
        retention::job_ended(core, tx, id, state)
    } else if job.kind == JobKind::COLLECT_ACCOUNT.name {
        // Whoever is still at it notes nothing more, and so takes nothing more.
        tx.end_account_collection(id, core.now_ms())?;
        Ok(())
    } else {
        webhooks::job_ended(core, tx, &job, state)
    }
}

/// Writes into an account's log that one of its jobs failed for good. What the deployment does for itself is in no log.
fn record_failure(core: &Core, tx: &mut Tx<'_>, job: &JobRow) -> Result<()> {
    let Some(account) = &job.account_id else {
        return Ok(());
    };
    if TELLING.iter().any(|kind| kind.name == job.kind) {
        return Ok(());
    }
    let event = Event::JobFailed {
        job: job.id.to_string(),
        job_kind: job.kind.clone(),
        attempts: job.attempts,
    };
    core.record_by_itself(tx, &event, account)
}
