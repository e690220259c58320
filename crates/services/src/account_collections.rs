//! Collections of garbage that an account's people ask for: at once, by a schedule, or only to see what would go.
//!
//! What nothing needs goes by itself. A collection that is asked for does it now, for the one account, and takes manifests
//! without a tag along if it is to. All that it says and counts is of the account: what others have does not change it.

mod leftovers;
mod removing;
mod untagged;
mod work;

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::job_queue::{AskedJob, JobQueue, asked};
use crate::{Error, Result};
use metadata::{CollectionFigures, JobRow, ListQuery, Listed, Numbered, ScheduleRow};
use model::{AccountId, Action, Event, JobKind};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

const KIND: JobKind = JobKind::COLLECT_ACCOUNT;
const WHAT: &str = "a collection of the account's garbage";
/// The most workers that can be asked for, as in Harbor.
const MAX_WORKERS: i64 = 10;

/// What a collection is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountCollection {
    /// Whether manifests go that have no tag, and that nothing with a tag holds.
    pub deletes_untagged: bool,
    /// Whether nothing goes, and it is only said what would.
    pub is_dry_run: bool,
    /// A number, 1 to 10, that Harbor's clients send and want to see again. It means nothing: how much is done at a time for
    /// one account, the deployment decides.
    pub workers: i64,
    /// Whether the account's schedule asked for it.
    #[serde(default)]
    pub is_scheduled: bool,
}

/// A collection that was asked for, as people see it.
#[derive(Clone, Debug)]
pub struct AccountCollectionRun {
    /// Harbor's number for it.
    pub number: i64,
    /// What it is to do.
    pub collection: AccountCollection,
    /// What it took until now, or would take; nothing is known of one that did not begin.
    pub figures: Option<CollectionFigures>,
    /// Its job.
    pub job: JobRow,
}

/// When garbage is collected by itself beyond what the registry always does.
#[derive(Clone, Debug)]
pub struct AccountCollectionSchedule {
    /// What each collection does.
    pub collection: AccountCollection,
    /// Six fields, in UTC.
    pub cron: String,
    /// The next time.
    pub next_ms: i64,
}

/// Collections of accounts' garbage.
pub struct AccountCollections {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    jobs: Arc<JobQueue>,
    /// This life of this process: whose leases count.
    owner: Arc<str>,
}

impl AccountCollection {
    /// What a schedule asks for; `None` when it is one for something else.
    pub fn of(schedule: &ScheduleRow) -> Option<Self> {
        let is_one = schedule.kind == KIND.name;
        is_one.then(|| read(&schedule.payload).ok()).flatten()
    }
}

fn read(payload: &str) -> Result<AccountCollection> {
    serde_json::from_str(payload).map_err(|error| {
        tracing::error!(%error, "a stored collection of garbage cannot be read");
        Error::Internal
    })
}

fn write(collection: &AccountCollection) -> Result<String> {
    serde_json::to_string(collection).map_err(|_| Error::Internal)
}

fn check(collection: &AccountCollection) -> Result<()> {
    if (1..=MAX_WORKERS).contains(&collection.workers) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "workers is a number from 1 to {MAX_WORKERS}"
    )))
}

impl AccountCollections {
    pub(crate) fn new(
        core: Arc<Core>,
        authorizer: Arc<Authorizer>,
        jobs: Arc<JobQueue>,
        owner: Arc<str>,
    ) -> Self {
        Self {
            core,
            authorizer,
            jobs,
            owner,
        }
    }

    /// Asks for a collection now.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a number of workers out of bounds, [`Error::NotNow`] while one is under way.
    pub async fn start(
        &self,
        by: &AccountContext,
        collection: AccountCollection,
    ) -> Result<AskedJob, Refused> {
        let action = Action::GarbageCollectionCreate;
        self.authorizer.require(by, action).await?;
        check(&collection)?;
        let collection = AccountCollection {
            is_scheduled: false,
            ..collection
        };
        let started = self.core.change(by, move |core, tx, account| {
            let job = asked::ask(core, tx, account, (KIND, write(&collection)?), WHAT)?;
            let event = Event::GarbageCollectionStarted {
                job: job.id.to_string(),
                is_dry_run: collection.is_dry_run,
                deletes_untagged: collection.deletes_untagged,
            };
            Ok((job, Some(event)))
        });
        Ok(started.await?)
    }

    /// When the account's garbage is collected by itself; `None` for no more than the registry always does.
    pub async fn schedule(
        &self,
        by: &AccountContext,
    ) -> Result<Option<AccountCollectionSchedule>, Refused> {
        let action = Action::GarbageCollectionRead;
        self.authorizer.require(by, action).await?;
        let Some(row) = asked::find_schedule(&self.core, by, KIND).await? else {
            return Ok(None);
        };
        Ok(Some(AccountCollectionSchedule {
            collection: read(&row.payload)?,
            cron: row.cron.unwrap_or_default(),
            next_ms: row.next_run_at_ms,
        }))
    }

    /// Decides when the account's garbage is collected by itself, instead of what was decided before; `None` for never. The
    /// action is that of making a schedule or that of changing it.
    ///
    /// # Errors
    /// [`Error::Invalid`] as for [`Self::start`], and for a cron text that is none; [`Error::NotNow`] when one is to be made
    /// and there is one.
    pub async fn set_schedule(
        &self,
        by: &AccountContext,
        wanted: Option<(AccountCollection, String)>,
        action: Action,
    ) -> Result<(), Refused> {
        self.authorizer.require(by, action).await?;
        let wanted = wanted
            .map(|(collection, cron)| {
                check(&collection)?;
                let collection = AccountCollection {
                    is_scheduled: true,
                    ..collection
                };
                let is_new = action == Action::GarbageCollectionCreate;
                let payload = write(&collection)?;
                let wanted = asked::Wanted::parse(payload, &cron, self.core.now_ms(), is_new)?;
                Ok::<_, Error>((wanted, collection.deletes_untagged))
            })
            .transpose()?;
        let changed = self.core.change(by, move |core, tx, account| {
            let schedule = wanted.as_ref().map(|(schedule, _)| schedule);
            let what = (KIND, "collections of the account's garbage");
            let is_changed = asked::put_schedule(core, tx, account, what, schedule)?;
            let event = Event::GarbageCollectionScheduled {
                cron: schedule.map(|schedule| schedule.cron.clone()),
                deletes_untagged: wanted.as_ref().map(|(_, untagged)| *untagged),
            };
            Ok(((), is_changed.then_some(event)))
        });
        Ok(changed.await?)
    }

    /// The account's collections, the newest first, for as long as ended jobs are remembered.
    pub async fn list(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<AccountCollectionRun>, Refused> {
        let action = Action::GarbageCollectionList;
        self.authorizer.require(by, action).await?;
        let account = by.id().clone();
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_asked_collections(&account, &query)?));
        let listed = listed.await?;
        Ok(Listed {
            items: self.runs(by.id(), listed.items).await?,
            total: listed.total,
        })
    }

    /// One of the account's collections.
    ///
    /// # Errors
    /// [`Error::NotFound`] also for another account's, and for one that is not remembered any more.
    pub async fn get(
        &self,
        by: &AccountContext,
        number: i64,
    ) -> Result<AccountCollectionRun, Refused> {
        let job = self.find(by, number, Action::GarbageCollectionRead).await?;
        let runs = self.runs(by.id(), vec![job]).await?;
        let run = runs.into_iter().next();
        Ok(run.ok_or(Error::Internal)?)
    }

    /// What a collection said, line by line.
    pub async fn log(&self, by: &AccountContext, number: i64) -> Result<String, Refused> {
        let job = self.find(by, number, Action::GarbageCollectionRead).await?;
        Ok(asked::log(&self.core, job.id).await?)
    }

    /// Stops a collection. What has gone stays gone.
    ///
    /// # Errors
    /// [`Error::NotFound`] as for [`Self::get`], [`Error::NotNow`] when it has ended.
    pub async fn stop(&self, by: &AccountContext, number: i64) -> Result<(), Refused> {
        let job = self.find(by, number, Action::GarbageCollectionStop).await?;
        self.jobs.stop_one(by, job).await?;
        Ok(())
    }

    /// What a collection took until now, by its job, for somebody who may see the job; `None` for one that has not begun, and
    /// for a job that is none.
    pub async fn figures_of(
        &self,
        by: &AccountContext,
        job: &JobRow,
    ) -> Result<Option<CollectionFigures>> {
        if job.kind != KIND.name {
            return Ok(None);
        }
        let figures = self.figures(by.id(), std::slice::from_ref(job)).await?;
        Ok(figures.into_values().next())
    }

    async fn figures(
        &self,
        account: &AccountId,
        jobs: &[JobRow],
    ) -> Result<HashMap<String, CollectionFigures>> {
        let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.list_account_collections(account, &ids)?));
        let rows = found.await?.into_iter();
        Ok(rows
            .map(|row| (row.job_id.to_string(), row.figures))
            .collect())
    }

    async fn runs(
        &self,
        account: &AccountId,
        jobs: Vec<JobRow>,
    ) -> Result<Vec<AccountCollectionRun>> {
        let mut figures = self.figures(account, &jobs).await?;
        let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
        let numbers = self.core.numbers(account, Numbered::Job, &ids).await?;
        let runs = jobs.into_iter().map(|job| {
            Ok(AccountCollectionRun {
                number: numbers.of(job.id.as_str())?,
                collection: read(&job.payload)?,
                figures: figures.remove(job.id.as_str()),
                job,
            })
        });
        runs.collect()
    }

    async fn find(
        &self,
        by: &AccountContext,
        number: i64,
        action: Action,
    ) -> Result<JobRow, Refused> {
        self.authorizer.require(by, action).await?;
        let found = asked::find(&self.core, by, KIND, number).await?;
        let unknown = || Error::NotFound(format!("the collection of garbage {number}"));
        Ok(found.ok_or_else(unknown)?)
    }
}
