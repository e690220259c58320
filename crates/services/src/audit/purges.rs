//! Purges of an account's audit log that its people ask for: at once, by a schedule, or only to see what would go.
//!
//! A log is a chain without holes: a purge takes events from its old end, up to the first that is younger than was asked
//! for, or whose type was not named. What follows can still be proven.

use super::subject::event_types;
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::job_queue::{AskedJob, JobQueue, asked};
use crate::{Error, Result};
use metadata::{JobRow, ListQuery, Listed, Numbered, ScheduleRow};
use model::{Action, Event, JobKind};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The largest age that can be asked for, in hours: as in Harbor.
const MAX_HOURS: i64 = 240_000;
const KIND: JobKind = JobKind::PURGE_AUDIT_LOG;
const WHAT: &str = "a purge of the audit log";

/// What a purge is to take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPurge {
    /// How old what goes has to be, in hours.
    pub hours: i64,
    /// Types of what goes, as [`super::Audit::event_types`] has them.
    pub event_types: Vec<String>,
    /// Whether nothing goes, and it is only said what would.
    pub is_dry_run: bool,
    /// Whether the account's schedule asked for it.
    #[serde(default)]
    pub is_scheduled: bool,
}

/// A purge that was asked for, as people see it.
#[derive(Clone, Debug)]
pub struct AuditPurgeRun {
    /// Harbor's number for it.
    pub number: i64,
    /// What it takes.
    pub purge: AuditPurge,
    /// Its job.
    pub job: JobRow,
}

/// When the log is purged by itself.
#[derive(Clone, Debug)]
pub struct AuditPurgeSchedule {
    /// What each purge takes.
    pub purge: AuditPurge,
    /// Six fields, in UTC.
    pub cron: String,
    /// The next time.
    pub next_ms: i64,
}

/// Purges of audit logs.
pub struct AuditPurges {
    pub(super) core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    jobs: Arc<JobQueue>,
}

impl AuditPurge {
    /// What a schedule asks for; `None` when it is one for something else.
    pub fn of(schedule: &ScheduleRow) -> Option<Self> {
        let is_one = schedule.kind == KIND.name;
        is_one.then(|| read(&schedule.payload).ok()).flatten()
    }
}

pub(super) fn read(payload: &str) -> Result<AuditPurge> {
    serde_json::from_str(payload).map_err(|error| {
        tracing::error!(%error, "a stored purge of an audit log cannot be read");
        Error::Internal
    })
}

fn write(purge: &AuditPurge) -> Result<String> {
    serde_json::to_string(purge).map_err(|_| Error::Internal)
}

impl AuditPurges {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>, jobs: Arc<JobQueue>) -> Self {
        Self {
            core,
            authorizer,
            jobs,
        }
    }

    /// What was asked for, with each type once.
    fn check(&self, mut purge: AuditPurge) -> Result<AuditPurge> {
        let least = self.core.settings.audit_log_min_days * 24;
        if !(least..=MAX_HOURS).contains(&purge.hours) {
            return Err(Error::Invalid(format!(
                "an audit log is kept for at least {least} hours here: what a purge takes is {least} to {MAX_HOURS} hours old"
            )));
        }
        if purge.event_types.is_empty() {
            return Err(Error::Invalid(
                "a purge takes events of the types that it names; name at least one".to_owned(),
            ));
        }
        let known = event_types();
        if let Some(unknown) = purge.event_types.iter().find(|name| !known.contains(name)) {
            return Err(Error::Invalid(format!(
                "there are no events of the type {unknown:?}; GET /api/v2.0/auditlog-exts/events lists the types that there are"
            )));
        }
        purge.event_types.sort_unstable();
        purge.event_types.dedup();
        Ok(purge)
    }

    /// Asks for a purge now.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an age out of bounds or an unknown type, [`Error::NotNow`] while one is under way.
    pub async fn start(&self, by: &AccountContext, purge: AuditPurge) -> Result<AskedJob, Refused> {
        self.authorizer
            .require(by, Action::PurgeAuditCreate)
            .await?;
        let purge = self.check(AuditPurge {
            is_scheduled: false,
            ..purge
        })?;
        let started = self.core.change(by, move |core, tx, account| {
            let job = asked::ask(core, tx, account, (KIND, write(&purge)?), WHAT)?;
            let event = Event::AuditPurgeStarted {
                job: job.id.to_string(),
                is_dry_run: purge.is_dry_run,
                hours: purge.hours,
            };
            Ok((job, Some(event)))
        });
        Ok(started.await?)
    }

    /// When the account's log is purged by itself; `None` for never.
    pub async fn schedule(
        &self,
        by: &AccountContext,
    ) -> Result<Option<AuditPurgeSchedule>, Refused> {
        self.authorizer.require(by, Action::PurgeAuditRead).await?;
        let found = asked::find_schedule(&self.core, by, KIND);
        let Some(row) = found.await? else {
            return Ok(None);
        };
        Ok(Some(AuditPurgeSchedule {
            purge: read(&row.payload)?,
            cron: row.cron.unwrap_or_default(),
            next_ms: row.next_run_at_ms,
        }))
    }

    /// Decides when the account's log is purged by itself, instead of what was decided before; `None` for never. The action
    /// is that of making a schedule or that of changing it.
    ///
    /// # Errors
    /// [`Error::Invalid`] as for [`Self::start`], and for a cron text that is none; [`Error::NotNow`] when one is to be made
    /// and there is one.
    pub async fn set_schedule(
        &self,
        by: &AccountContext,
        wanted: Option<(AuditPurge, String)>,
        action: Action,
    ) -> Result<(), Refused> {
        self.authorizer.require(by, action).await?;
        let wanted = wanted
            .map(|(purge, cron)| {
                let purge = self.check(AuditPurge {
                    is_scheduled: true,
                    ..purge
                })?;
                let is_new = action == Action::PurgeAuditCreate;
                let payload = write(&purge)?;
                let wanted = asked::Wanted::parse(payload, &cron, self.core.now_ms(), is_new)?;
                Ok::<_, Error>((wanted, purge.hours))
            })
            .transpose()?;
        let changed = self.core.change(by, move |core, tx, account| {
            let schedule = wanted.as_ref().map(|(schedule, _)| schedule);
            let what = (KIND, "purges of the audit log");
            let is_changed = asked::put_schedule(core, tx, account, what, schedule)?;
            let event = Event::AuditPurgeScheduled {
                cron: schedule.map(|schedule| schedule.cron.clone()),
                hours: wanted.as_ref().map(|(_, hours)| *hours),
            };
            Ok(((), is_changed.then_some(event)))
        });
        Ok(changed.await?)
    }

    /// The account's purges, the newest first, for as long as ended jobs are remembered.
    pub async fn list(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<AuditPurgeRun>, Refused> {
        self.authorizer.require(by, Action::PurgeAuditList).await?;
        let account = by.id().clone();
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_audit_purges(&account, &query)?));
        let listed = listed.await?;
        let ids: Vec<&str> = listed.items.iter().map(|job| job.id.as_str()).collect();
        let numbers = self.core.numbers(by.id(), Numbered::Job, &ids).await?;
        let runs = listed.items.into_iter().map(|job| {
            Ok(AuditPurgeRun {
                number: numbers.of(job.id.as_str())?,
                purge: read(&job.payload)?,
                job,
            })
        });
        Ok(Listed {
            items: runs.collect::<Result<_>>()?,
            total: listed.total,
        })
    }

    /// One of the account's purges.
    ///
    /// # Errors
    /// [`Error::NotFound`] also for another account's, and for one that is not remembered any more.
    pub async fn get(&self, by: &AccountContext, number: i64) -> Result<AuditPurgeRun, Refused> {
        self.find(by, number, Action::PurgeAuditRead).await
    }

    /// What a purge said, line by line.
    pub async fn log(&self, by: &AccountContext, number: i64) -> Result<String, Refused> {
        let run = self.find(by, number, Action::PurgeAuditRead).await?;
        Ok(asked::log(&self.core, run.job.id).await?)
    }

    /// Stops a purge. What has gone stays gone.
    ///
    /// # Errors
    /// [`Error::NotFound`] as for [`Self::get`], [`Error::NotNow`] when it has ended.
    pub async fn stop(&self, by: &AccountContext, number: i64) -> Result<(), Refused> {
        let run = self.find(by, number, Action::PurgeAuditStop).await?;
        self.jobs.stop_one(by, run.job).await?;
        Ok(())
    }

    async fn find(
        &self,
        by: &AccountContext,
        number: i64,
        action: Action,
    ) -> Result<AuditPurgeRun, Refused> {
        self.authorizer.require(by, action).await?;
        let unknown = || Error::NotFound(format!("the purge {number} of the audit log"));
        let found = asked::find(&self.core, by, KIND, number).await?;
        let job = found.ok_or_else(unknown)?;
        Ok(AuditPurgeRun {
            number,
            purge: read(&job.payload)?,
            job,
        })
    }
}
