//! Work that an account's people ask for, at once or by a schedule, and what became of it: the same for each kind. An account
//! has one such job of a kind at a time.

use super::{JobRequest, next_of};
use crate::account_access::AccountContext;
use crate::core::Core;
use crate::{Error, Result};
use metadata::{JobRow, NewSchedule, Numbered, ScheduleRow, Tx};
use model::{AccountId, JobId, JobKind, ScheduleId};
use std::sync::Arc;

/// Lines of a log that are shown.
const LOG_LINES: i64 = 2000;

/// A job that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedJob {
    /// It.
    pub id: JobId,
    /// Harbor's number for it.
    pub number: i64,
}

/// A schedule to be: when it comes, with what, and whether it is to be the first.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) payload: String,
    pub(crate) cron: String,
    pub(crate) next_run_at_ms: i64,
    pub(crate) is_new: bool,
}

impl Wanted {
    /// # Errors
    /// [`Error::Invalid`] for a cron text that is none.
    pub(crate) fn parse(payload: String, cron: &str, now_ms: i64, is_new: bool) -> Result<Self> {
        Ok(Self {
            payload,
            cron: cron.to_owned(),
            next_run_at_ms: next_of(cron, now_ms)?,
            is_new,
        })
    }
}

/// Asks for a job; `what` it is stands in the refusal.
///
/// # Errors
/// [`Error::NotNow`] while one of the kind waits or runs.
pub(crate) fn ask(
    core: &Core,
    tx: &mut Tx<'_>,
    account: &AccountId,
    (kind, payload): (JobKind, String),
    what: &str,
) -> Result<AskedJob> {
    let request = JobRequest {
        kind,
        account: Some(account.clone()),
        payload,
        dedup_key: Some(kind.name.to_owned()),
        run_at_ms: None,
    };
    let job = core.enqueue(tx, &request)?;
    if !job.is_new {
        return Err(Error::NotNow(format!(
            "{what} is under way; wait until it has ended, or stop it"
        )));
    }
    let number = tx.give_number(account, Numbered::Job, job.id.as_str())?;
    Ok(AskedJob { id: job.id, number })
}

/// Makes the account's schedule for a kind, changes it, or ends it. Says whether anything is different now.
///
/// # Errors
/// [`Error::NotNow`] when it is to be the first and there is one.
pub(crate) fn put_schedule(
    core: &Core,
    tx: &mut Tx<'_>,
    account: &AccountId,
    (kind, what): (JobKind, &str),
    wanted: Option<&Wanted>,
) -> Result<bool> {
    let Some(wanted) = wanted else {
        return Ok(tx.delete_schedule_named(account, kind.name)?);
    };
    let found = tx.find_schedule_named(account, kind.name)?;
    if found.is_some() && wanted.is_new {
        return Err(Error::NotNow(format!(
            "there is a schedule for {what} already; change that one"
        )));
    }
    let is_same = found.is_some_and(|found| {
        found.payload == wanted.payload && found.cron.as_deref() == Some(wanted.cron.as_str())
    });
    let schedule = NewSchedule {
        id: &ScheduleId::new(core.ids.next_id()),
        account_id: Some(account),
        name: kind.name,
        kind: kind.name,
        payload: &wanted.payload,
        max_attempts: kind.max_attempts,
        every_ms: None,
        cron: Some(&wanted.cron),
        next_run_at_ms: wanted.next_run_at_ms,
    };
    tx.put_schedule(&schedule, core.now_ms())?;
    Ok(!is_same)
}

/// The account's schedule for a kind.
pub(crate) async fn find_schedule(
    core: &Arc<Core>,
    by: &AccountContext,
    kind: JobKind,
) -> Result<Option<ScheduleRow>> {
    let found = core
        .metadata
        .read(|reader| Ok::<_, Error>(reader.find_schedule_named(by.id(), kind.name)?));
    found.await
}

/// The account's job of a kind that Harbor's number stands for.
pub(crate) async fn find(
    core: &Arc<Core>,
    by: &AccountContext,
    kind: JobKind,
    number: i64,
) -> Result<Option<JobRow>> {
    let Some(id) = core.find_numbered(by.id(), Numbered::Job, number).await? else {
        return Ok(None);
    };
    let id = JobId::new(id);
    let found = core
        .metadata
        .read(|reader| Ok::<_, Error>(reader.find_job(&id)?));
    let is_own = |job: &JobRow| job.account_id.as_ref() == Some(by.id()) && job.kind == kind.name;
    Ok(found.await?.filter(is_own))
}

/// What a job said, line by line.
pub(crate) async fn log(core: &Arc<Core>, id: JobId) -> Result<String> {
    let listed = core
        .metadata
        .list(move |reader| Ok::<_, Error>(reader.list_job_log(&id, (0, 0), LOG_LINES)?));
    let mut text = String::new();
    for line in listed.await? {
        text.push_str(&line.line);
        text.push('\n');
    }
    Ok(text)
}
