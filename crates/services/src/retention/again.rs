//! A run that failed is tried again: by the policy's rules as they are now.

use super::no_policy;
use super::runs::{Wanted, begin, started};
use crate::Result;
use crate::core::Core;
use metadata::{RetentionRunRow, Tx};
use model::JobId;

/// Begins another run like one whose job failed. Answers with its job.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound) when its policy is gone, [`Error::NotNow`](crate::Error::NotNow) while another run
/// of it is under way.
pub(crate) fn try_again(core: &Core, tx: &mut Tx<'_>, failed: &RetentionRunRow) -> Result<JobId> {
    let gone = || no_policy(&failed.namespace);
    let policy = failed.policy_id.as_deref().ok_or_else(gone)?;
    let policy = tx.take_retention_policy(policy)?.ok_or_else(gone)?;
    let wanted = Wanted {
        policy: &policy,
        namespace: &failed.namespace,
        is_dry_run: failed.is_dry_run,
        scheduled: None,
    };
    let run = begin(core, tx, &wanted)?;
    core.record_by_itself(tx, &started(&run), &run.account_id)?;
    Ok(run.job_id)
}
