//! Runs, as people see them: asking for one, stopping it, and what it did.

use super::{Retention, RetentionRef, ends, schedule_name, work};
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::core::Core;
use crate::job_queue::JobRequest;
use crate::{Error, Result};
use metadata::{
    Error as MetadataError, ListQuery, Listed, NamespaceRow, Numbered, RetentionPolicyRow,
    RetentionRunRow, RetentionState, RetentionTaskRow, Tx,
};
use model::{Action, Event, JobId, JobKind, JobState};

/// Rows of lines that one log shows; each has up to 100 lines.
const LOG_ROWS: i64 = 200;

/// A run as people see it.
#[derive(Clone, Debug)]
pub struct RetentionRunView {
    /// The run.
    pub row: RetentionRunRow,
    /// Harbor's number for it.
    pub number: i64,
    /// Harbor's number for its policy.
    pub policy_number: i64,
}

/// What a run did in one repository, as people see it.
#[derive(Clone, Debug)]
pub struct RetentionTaskView {
    /// It.
    pub row: RetentionTaskRow,
    /// Harbor's number for it.
    pub number: i64,
    /// The run.
    pub run: RetentionRunRow,
}

/// A run that is to be asked for by a person, or by its schedule's job.
pub(super) struct Wanted<'a> {
    pub(super) policy: &'a RetentionPolicyRow,
    pub(super) namespace: &'a str,
    pub(super) is_dry_run: bool,
    /// The schedule's job that does it.
    pub(super) scheduled: Option<JobId>,
}

/// Writes a run down. Only one of a policy is under way: one whose job has gone ends here.
pub(super) fn begin(core: &Core, tx: &mut Tx<'_>, wanted: &Wanted<'_>) -> Result<RetentionRunRow> {
    let policy = wanted.policy;
    if let Some(going) = tx.find_going_retention_run(&policy.id)? {
        let job = tx.find_job(&going.job_id)?;
        let is_alive = |state| matches!(state, JobState::Queued | JobState::Running);
        if job.is_some_and(|job| is_alive(job.state)) {
            return Err(under_way(wanted.namespace));
        }
        let why = Some("its job is gone");
        ends::end(core, tx, &going, (RetentionState::Failed, why), None)?;
    }
    let id = core.ids.next_id();
    let job_id = if let Some(job) = &wanted.scheduled {
        job.clone()
    } else {
        let request = JobRequest {
            kind: JobKind::RUN_RETENTION,
            account: Some(policy.account_id.clone()),
            payload: work::payload(&policy.id, Some(&id)),
            dedup_key: Some(format!("{}:{id}", schedule_name(&policy.id))),
            run_at_ms: None,
        };
        core.enqueue(tx, &request)?.id
    };
    let run = RetentionRunRow {
        id,
        account_id: policy.account_id.clone(),
        policy_id: Some(policy.id.clone()),
        namespace_id: policy.namespace_id.clone(),
        namespace: wanted.namespace.to_owned(),
        rules: policy.rules.clone(),
        is_dry_run: wanted.is_dry_run,
        is_scheduled: wanted.scheduled.is_some(),
        state: RetentionState::Queued,
        job_id,
        done_until: String::new(),
        total: 0,
        retained: 0,
        removed: 0,
        why: None,
        created_at_ms: core.now_ms(),
        started_at_ms: None,
        ended_at_ms: None,
    };
    tx.create_retention_run(&run).map_err(|error| match error {
        // Another request was quicker.
        MetadataError::AlreadyExists => under_way(wanted.namespace),
        error => error.into(),
    })?;
    Ok(run)
}

fn under_way(namespace: &str) -> Error {
    Error::NotNow(format!(
        "a retention run of the namespace {namespace} is under way; wait until it has ended, or stop it"
    ))
}

pub(super) fn started(run: &RetentionRunRow) -> Event {
    Event::RetentionStarted {
        namespace: run.namespace.clone(),
        retention: run.id.clone(),
        is_dry_run: run.is_dry_run,
        trigger: ends::trigger(run).to_owned(),
    }
}

impl Retention {
    /// Asks for a run of a policy, by its rules as they are now. Answers with the run.
    ///
    /// # Errors
    /// [`Error::NotNow`] while one is under way.
    pub async fn start(
        &self,
        by: &AccountContext,
        policy: RetentionRef<'_>,
        is_dry_run: bool,
    ) -> Result<RetentionRunView, Refused> {
        let action = Action::TagRetentionUpdate;
        let (row, namespace) = self.find(by, policy, action).await?;
        let begun = self.core.change(by, move |core, tx, account| {
            let taken = tx.take_retention_policy(&row.id)?;
            let policy = taken.ok_or_else(|| super::no_policy(&namespace.name))?;
            let wanted = Wanted {
                policy: &policy,
                namespace: &namespace.name,
                is_dry_run,
                scheduled: None,
            };
            let run = begin(core, tx, &wanted)?;
            let view = RetentionRunView {
                number: tx.give_number(account, Numbered::RetentionRun, &run.id)?,
                policy_number: tx.give_number(account, Numbered::RetentionPolicy, &policy.id)?,
                row: run,
            };
            let event = started(&view.row);
            Ok((view, Some(event)))
        });
        Ok(begun.await?)
    }

    /// Stops a run, unless it has ended. What has gone stays gone.
    pub async fn stop(
        &self,
        by: &AccountContext,
        policy: RetentionRef<'_>,
        run: i64,
    ) -> Result<(), Refused> {
        let action = Action::TagRetentionUpdate;
        let (run, _, _) = self.find_run(by, policy, run, action).await?;
        let context = by.clone();
        let stopped = self.core.change(by, move |core, tx, _| {
            let how = (RetentionState::Stopped, Some("it was stopped"));
            ends::end(core, tx, &run, how, Some(&context))?;
            Ok(((), None))
        });
        Ok(stopped.await?)
    }

    /// A policy's runs, the newest first: those of the last 50 that have ended, and one that has not.
    pub async fn list_runs(
        &self,
        by: &AccountContext,
        policy: RetentionRef<'_>,
        query: ListQuery,
    ) -> Result<Listed<RetentionRunView>, Refused> {
        let (row, _) = self.find(by, policy, Action::TagRetentionList).await?;
        let core = &self.core;
        let policy_number = core
            .number(by.id(), Numbered::RetentionPolicy, &row.id)
            .await?;
        let listed = core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_retention_runs(&row.id, &query)?));
        let listed = listed.await?;
        let ids: Vec<&str> = listed.items.iter().map(|run| run.id.as_str()).collect();
        let numbers = core.numbers(by.id(), Numbered::RetentionRun, &ids).await?;
        let views = listed.items.into_iter().map(|row| {
            Ok(RetentionRunView {
                number: numbers.of(&row.id)?,
                policy_number,
                row,
            })
        });
        Ok(Listed {
            items: views.collect::<Result<_>>()?,
            total: listed.total,
        })
    }

    /// What a run did, repository by repository.
    pub async fn list_tasks(
        &self,
        by: &AccountContext,
        policy: RetentionRef<'_>,
        run: i64,
        query: ListQuery,
    ) -> Result<Listed<RetentionTaskView>, Refused> {
        let (run, _, _) = self
            .find_run(by, policy, run, Action::TagRetentionList)
            .await?;
        let id = run.id.clone();
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_retention_tasks(&id, &query)?));
        let listed = listed.await?;
        let ids: Vec<&str> = listed.items.iter().map(|task| task.id.as_str()).collect();
        let numbers = self
            .core
            .numbers(by.id(), Numbered::RetentionTask, &ids)
            .await?;
        let views = listed.items.into_iter().map(|row| {
            Ok(RetentionTaskView {
                number: numbers.of(&row.id)?,
                row,
                run: run.clone(),
            })
        });
        Ok(Listed {
            items: views.collect::<Result<_>>()?,
            total: listed.total,
        })
    }

    /// What a run says of the artifacts of one repository, line by line.
    pub async fn log(
        &self,
        by: &AccountContext,
        policy: RetentionRef<'_>,
        run: i64,
        task: i64,
    ) -> Result<String, Refused> {
        let (run, _, _) = self
            .find_run(by, policy, run, Action::TagRetentionRead)
            .await?;
        let unknown = || Error::NotFound(format!("the task {task} of the retention run"));
        let id = self
            .core
            .find_numbered(by.id(), Numbered::RetentionTask, task)
            .await?;
        let id = id.ok_or_else(unknown)?;
        let read = self.core.metadata.list(move |reader| {
            let found = reader.find_retention_task(&id)?;
            let Some(row) = found.filter(|row| row.run_id == run.id) else {
                return Ok(None);
            };
            let lines = reader.list_retention_lines(&row.id, LOG_ROWS)?;
            Ok::<_, Error>(Some((row, lines)))
        });
        let (row, lines) = read.await?.ok_or_else(unknown)?;
        let mut text = format!(
            "{}: {} artifacts, {} stay by the rules, {} gone\n",
            row.repository, row.total, row.retained, row.removed
        );
        text.extend(lines);
        Ok(text)
    }

    /// A run by its number, when the caller may do an action to its policy.
    pub(super) async fn find_run(
        &self,
        by: &AccountContext,
        policy: RetentionRef<'_>,
        number: i64,
        action: Action,
    ) -> Result<(RetentionRunRow, RetentionPolicyRow, NamespaceRow), Refused> {
        let (policy, namespace) = self.find(by, policy, action).await?;
        let unknown = || Error::NotFound(format!("the retention run {number}"));
        let id = self
            .core
            .find_numbered(by.id(), Numbered::RetentionRun, number)
            .await?;
        let id = id.ok_or_else(unknown)?;
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_retention_run(&id));
        let found = found.await.map_err(Error::from)?;
        let is_of_policy = |run: &RetentionRunRow| run.policy_id.as_ref() == Some(&policy.id);
        let run = found.filter(is_of_policy).ok_or_else(unknown)?;
        Ok((run, policy, namespace))
    }
}
