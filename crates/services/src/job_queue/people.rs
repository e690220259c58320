//! The queue, as people see it: what is there, what it said, and how to call it off.

use super::{JobQueue, JobRequest};
use crate::account_access::AccountContext;
use crate::{Error, Result};
use metadata::{Enqueued, JobLogRow, JobRow};
use model::{JobId, JobKind, JobState};

/// Rows of one list.
const PAGE: i64 = 100;
/// Lines of one page of a log.
const LOG_PAGE: i64 = 1000;

pub(super) fn unknown(id: &JobId) -> Error {
    Error::NotFound(format!("the job {id}"))
}

/// Whether whoever manages an account may know of a job. The operator at the machine may know of all.
fn may_see(by: &AccountContext, job: &JobRow) -> bool {
    by.is_local_operator() || job.account_id.as_ref() == Some(&by.account.id)
}

impl JobQueue {
    /// An account's jobs, newest first, asked for before `before`: 100 at most.
    pub async fn list_of_account(
        &self,
        by: &AccountContext,
        before: Option<JobId>,
    ) -> Result<Vec<JobRow>> {
        let account = by.account.id.clone();
        self.core
            .metadata
            .list(move |reader| Ok(reader.list_account_jobs(&account, before.as_ref(), PAGE)?))
            .await
    }

    /// Everybody's jobs, newest first, asked for before `before`, those of one state or of all: 100 at most. Only for the
    /// operator at the machine.
    ///
    /// # Errors
    /// [`Error::NotFound`] for anyone else.
    pub async fn list_everything(
        &self,
        by: &AccountContext,
        state: Option<JobState>,
        before: Option<JobId>,
    ) -> Result<Vec<JobRow>> {
        if !by.is_local_operator() {
            return Err(Error::NotFound("a list of everybody's jobs".to_owned()));
        }
        self.core
            .metadata
            .list(move |reader| {
                Ok(match state {
                    Some(state) => reader.list_jobs_in_state(state, before.as_ref(), PAGE)?,
                    None => reader.list_jobs(before.as_ref(), PAGE)?,
                })
            })
            .await
    }

    /// A job.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for a job of somebody else.
    pub async fn get(&self, by: &AccountContext, id: &JobId) -> Result<JobRow> {
        let wanted = id.clone();
        let found = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.find_job(&wanted)?));
        let found = found.await?.filter(|job| may_see(by, job));
        found.ok_or_else(|| unknown(id))
    }

    /// What the runs of a job had to say, in order, after line `after.1` of run `after.0`: 1,000 lines at most.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for a job of somebody else.
    pub async fn log(
        &self,
        by: &AccountContext,
        id: &JobId,
        after: (i64, i64),
    ) -> Result<Vec<JobLogRow>> {
        self.get(by, id).await?;
        let id = id.clone();
        self.core
            .metadata
            .list(move |reader| Ok(reader.list_job_log(&id, after, LOG_PAGE)?))
            .await
    }

    /// Calls a job off: at once when it is queued; when it is running, whoever is at it hears of it with the next sign of
    /// life. Says which state it is in now.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for a job of somebody else; [`Error::Invalid`] when it has ended.
    pub async fn cancel(&self, by: &AccountContext, id: &JobId) -> Result<JobState> {
        let job = self.get(by, id).await?;
        let wanted = id.clone();
        let now_ms = self.core.now_ms();
        let forget_at_ms = now_ms + self.settings.keep_ms;
        let core = self.core.clone();
        let cancelled = self.core.metadata.write(move |tx| {
            let state = tx.cancel_job(&wanted, now_ms, forget_at_ms)?;
            if let Some(state) = state {
                super::hooks::job_ended(&core, tx, &wanted, state)?;
            }
            Ok::<_, Error>(state)
        });
        let state = cancelled.await?;
        match state {
            Some(JobState::Running) => {
                self.cancellations.send_modify(|count| *count += 1);
                Ok(JobState::Running)
            }
            Some(state) => {
                self.counts.count(&job.kind, super::Settled::Cancelled);
                Ok(state)
            }
            None => Err(Error::Invalid(format!(
                "the job {id} has ended already; there is nothing to call off"
            ))),
        }
    }

    /// Runs one of the deployment's own jobs now, whatever its schedule says. Only for the operator at the machine.
    /// Answers with the one that is queued or running already, if there is one; a queued one waits no longer.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no such kind, [`Error::NotFound`] for anyone else.
    pub async fn run_now(&self, by: &AccountContext, kind: &str) -> Result<Enqueued> {
        if !by.is_local_operator() {
            return Err(Error::NotFound("a job of the deployment".to_owned()));
        }
        let kind = JobKind::find(kind)
            .filter(|kind| kind.is_routine)
            .ok_or_else(|| {
                let kinds = JobKind::ALL.iter().filter(|kind| kind.is_routine);
                let names: Vec<_> = kinds.map(|kind| kind.name).collect();
                Error::Invalid(format!(
                    "there is no job {kind} to run; there are: {}",
                    names.join(", ")
                ))
            })?;
        let core = self.core.clone();
        let request = JobRequest::of_deployment(kind);
        self.core
            .metadata
            .write(move |tx| {
                let job = core.enqueue(tx, &request)?;
                tx.hasten_job(&job.id, core.now_ms())?;
                Ok(job)
            })
            .await
    }
}
