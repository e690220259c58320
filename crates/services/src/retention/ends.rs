//! The ends of runs, however they come: done, stopped, broken off, or forgotten.

use super::Retention;
use crate::account_access::AccountContext;
use crate::core::Core;
use crate::{Error, Result};
use metadata::{RetentionRunRow, RetentionState, Tx};
use model::{Event, JobId, JobState};

/// Runs of a policy that are shown.
const SHOWN: i64 = 50;
/// Rows that one step of forgetting takes away.
const FORGOTTEN: i64 = 100;

/// Ends a run, if it has not ended, with its event; by whom, or by the registry itself.
pub(super) fn end(
    core: &Core,
    tx: &mut Tx<'_>,
    run: &RetentionRunRow,
    (state, why): (RetentionState, Option<&str>),
    by: Option<&AccountContext>,
) -> Result<bool> {
    if !tx.finish_retention_run(&run.id, state, why, core.now_ms())? {
        return Ok(false);
    }
    if let Some(policy) = &run.policy_id {
        tx.shorten_retention_runs(policy, SHOWN)?;
    }
    let now = tx.find_retention_run(&run.id)?.ok_or(Error::Internal)?;
    let event = Event::RetentionFinished {
        namespace: run.namespace.clone(),
        retention: run.id.clone(),
        status: state.as_str().to_owned(),
        is_dry_run: run.is_dry_run,
        trigger: trigger(run).to_owned(),
        total: now.total,
        retained: now.retained,
        removed: now.removed,
    };
    match by {
        Some(by) => core.record_by(tx, &event, by)?,
        None => core.record_by_itself(tx, &event, &run.account_id)?,
    }
    Ok(true)
}

pub(super) fn trigger(run: &RetentionRunRow) -> &'static str {
    if run.is_scheduled {
        "schedule"
    } else {
        "manual"
    }
}

/// Stops the run of a policy that is under way, if there is one.
pub(super) fn end_going(
    core: &Core,
    tx: &mut Tx<'_>,
    policy: &str,
    (why, by): (&str, Option<&AccountContext>),
) -> Result<()> {
    if let Some(run) = tx.find_going_retention_run(policy)? {
        // Its job finds it ended, and does nothing more.
        end(core, tx, &run, (RetentionState::Stopped, Some(why)), by)?;
    }
    Ok(())
}

/// Ends the run of a job that ended without it: called off, lost, or failed for good.
pub(crate) fn job_ended(core: &Core, tx: &mut Tx<'_>, job: &JobId, state: JobState) -> Result<()> {
    let Some(run) = tx.find_retention_run_of_job(job)? else {
        return Ok(());
    };
    let how = match state {
        JobState::Queued | JobState::Running => return Ok(()),
        JobState::Cancelled => (RetentionState::Stopped, Some("its job was called off")),
        JobState::Done => (RetentionState::Done, None),
        JobState::Failed => (
            RetentionState::Failed,
            Some("its job failed; the job's log says why"),
        ),
    };
    end(core, tx, &run, how, None).map(drop)
}

impl Retention {
    /// Takes one step in forgetting runs that are not shown any more, with what they said. Says how many rows went; call
    /// again while any do.
    pub async fn forget_some(&self) -> Result<usize> {
        let core = self.core.clone();
        let forget = self.core.metadata.write_relaxed(move |tx| {
            let Some(run) = tx.find_left_retention_run()? else {
                return Ok(0);
            };
            // Its policy went with its namespace.
            let why = Some("the namespace was deleted");
            if end(&core, tx, &run, (RetentionState::Stopped, why), None)? {
                return Ok(1);
            }
            Ok::<_, Error>(tx.forget_retention_run(&run, FORGOTTEN)?)
        });
        forget.await
    }
}
