//! A job that failed is done again by another, when somebody asks for it: only what may be done twice, and with what it was asked
//! for with.

use super::{JobQueue, asked};
use crate::access::Refused;
use crate::account_access::{AccountContext, NamespaceRef};
use crate::{Error, Result, retention};
use metadata::{JobRow, RetentionRunRow};
use model::{Action, Event, JobId, JobKind, JobState};
use serde_json::Value;

/// What is done again, how one of them is called, and what one has to be allowed.
const ASKED: [(JobKind, &str, Action); 2] = [
    (
        JobKind::COLLECT_ACCOUNT,
        "a collection of the account's garbage",
        Action::GarbageCollectionCreate,
    ),
    (
        JobKind::PURGE_AUDIT_LOG,
        "a purge of the audit log",
        Action::PurgeAuditCreate,
    ),
];

/// With what a job was asked for, as if a person had.
fn by_hand(payload: &str) -> Result<String> {
    let Ok(Value::Object(mut payload)) = serde_json::from_str(payload) else {
        tracing::error!("the payload of a job that failed cannot be read");
        return Err(Error::Internal);
    };
    payload.insert("is_scheduled".to_owned(), false.into());
    Ok(Value::Object(payload).to_string())
}

fn retried(new: &JobId, failed: &JobRow) -> Event {
    Event::JobRetried {
        job: new.to_string(),
        job_kind: failed.kind.clone(),
        instead_of: failed.id.to_string(),
    }
}

impl JobQueue {
    /// Whether a job is of a kind that is done again by hand.
    pub fn is_done_again(&self, job: &JobRow) -> bool {
        let asked = ASKED.iter().map(|(kind, _, _)| kind.name);
        asked
            .chain([JobKind::RUN_RETENTION.name])
            .any(|kind| kind == job.kind)
    }

    /// Does what one of the account's jobs was to do, and did not, by another. Answers with the other one.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for a job of somebody else; [`Error::NotNow`] when it has not failed, is of a kind that is not
    /// done again by hand, or while one of its kind is under way.
    pub async fn retry(&self, by: &AccountContext, id: &JobId) -> Result<JobId, Refused> {
        let action = Action::JobserviceMonitorList;
        self.authorizer.require(by, action).await?;
        let job = self.own(by, id).await?;
        if job.kind == JobKind::RUN_RETENTION.name {
            return self.retry_retention(by, job).await;
        }
        let known = ASKED.iter().find(|(kind, _, _)| kind.name == job.kind);
        let Some((kind, what, action)) = known else {
            let text = format!("jobs {} come again by themselves", job.kind);
            return Err(Error::NotNow(text).into());
        };
        self.authorizer.require(by, *action).await?;
        require_failed(&job)?;
        let made = self.core.change(by, move |core, tx, account| {
            let payload = by_hand(&job.payload)?;
            let new = asked::ask(core, tx, account, (*kind, payload), what)?;
            let event = retried(&new.id, &job);
            Ok((new.id, Some(event)))
        });
        Ok(made.await?)
    }

    async fn retry_retention(&self, by: &AccountContext, job: JobRow) -> Result<JobId, Refused> {
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_retention_run_of_job(&job.id)?));
        let is_own = |run: &RetentionRunRow| run.account_id == *by.id();
        let unknown = || Error::NotFound(format!("the retention run of the job {}", job.id));
        let run = found.await?.filter(is_own).ok_or_else(unknown)?;
        let named = NamespaceRef::Name(&run.namespace);
        let action = Action::TagRetentionUpdate;
        self.authorizer.namespace(by, named, action).await?;
        require_failed(&job)?;
        let made = self.core.change(by, move |core, tx, _| {
            let new = retention::try_again(core, tx, &run)?;
            let event = retried(&new, &job);
            Ok((new, Some(event)))
        });
        Ok(made.await?)
    }
}

fn require_failed(job: &JobRow) -> Result<()> {
    if job.state == JobState::Failed {
        return Ok(());
    }
    Err(Error::NotNow(format!(
        "the job {} has not failed; only what failed is tried again",
        job.id
    )))
}
