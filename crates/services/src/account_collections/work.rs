//! The work of a collection, in small transactions: whatever breaks it off, what it took is noted, and the next run goes on.

use super::{AccountCollection, AccountCollections, read};
use crate::core::Core;
use crate::{Error, Result};
use metadata::{CollectionFigures, JobRow, Tx};
use model::{AccountId, Event, JobId, JobLogLevel};
use std::sync::Arc;
use std::time::Duration;

/// A step gives way to other writers for so many times as long as it worked.
const OTHERS_SHARE: u32 = 4;

/// Who hears how it goes.
pub(super) type Tell<'a> = dyn Fn(JobLogLevel, &str) + Send + Sync + 'a;

/// A collection that is under way.
pub(super) struct Going<'a> {
    pub(super) job: JobId,
    pub(super) account: AccountId,
    pub(super) collection: AccountCollection,
    /// What a dry run found. What a real one took stands in its row.
    pub(super) found: CollectionFigures,
    pub(super) tell: &'a Tell<'a>,
}

pub(super) fn add(sum: &mut CollectionFigures, more: &CollectionFigures) {
    sum.manifests += more.manifests;
    sum.blobs += more.blobs;
    sum.uploads += more.uploads;
    sum.freed_bytes = sum.freed_bytes.saturating_add(more.freed_bytes);
}

/// Notes what a step took.
///
/// # Errors
/// [`Error::NotNow`] when the collection is over or forgotten: then the step is not to be.
pub(super) fn note(
    tx: &mut Tx<'_>,
    job: &JobId,
    taken: &CollectionFigures,
    done_until: Option<&str>,
) -> Result<()> {
    if tx.note_account_collection(job, taken, done_until)? {
        return Ok(());
    }
    Err(Error::NotNow("the collection is over".to_owned()))
}

fn summary(figures: &CollectionFigures, is_dry_run: bool) -> String {
    let word = if is_dry_run { "would go" } else { "went" };
    let CollectionFigures {
        manifests,
        blobs,
        uploads,
        freed_bytes,
    } = figures;
    format!(
        "{manifests} manifests, {blobs} blobs and {uploads} uploads {word}; they counted for {freed_bytes} bytes of the account"
    )
}

impl AccountCollections {
    /// Does what a collection's job asks for, or goes on with it.
    pub async fn work(
        &self,
        job: &JobRow,
        tell: &(dyn Fn(JobLogLevel, &str) + Send + Sync),
    ) -> Result<()> {
        let account = job.account_id.clone().ok_or(Error::Internal)?;
        let mut going = Going {
            job: job.id.clone(),
            account,
            collection: read(&job.payload)?,
            found: CollectionFigures::default(),
            tell,
        };
        match self.follow(&mut going).await {
            Err(Error::NotNow(why)) => {
                tell(JobLogLevel::Warning, &why);
                // One that is over has nothing left to do; one that may not go on now may later.
                if self.is_over(&going).await? {
                    Ok(())
                } else {
                    Err(Error::NotNow(why))
                }
            }
            worked => worked,
        }
    }

    async fn is_over(&self, going: &Going<'_>) -> Result<bool> {
        let (job, account) = (going.job.clone(), going.account.clone());
        let found = self
            .core
            .metadata
            .write(move |tx| Ok::<_, Error>(tx.begin_account_collection(&job, &account)?));
        Ok(found.await?.ended_at_ms.is_some())
    }

    async fn follow(&self, going: &mut Going<'_>) -> Result<()> {
        let is_dry_run = going.collection.is_dry_run;
        let (job, account) = (going.job.clone(), going.account.clone());
        let begun = self.core.metadata.write(move |tx| {
            let row = tx.begin_account_collection(&job, &account)?;
            Ok::<_, Error>(row)
        });
        let begun = begun.await?;
        if begun.ended_at_ms.is_some() {
            return Ok(());
        }
        if going.collection.deletes_untagged {
            self.take_untagged(going, begun.done_until).await?;
        }
        self.take_unreferenced(going).await?;
        self.take_uploads(going).await?;
        let (core, job, found) = (self.core.clone(), going.job.clone(), going.found);
        let account = going.account.clone();
        let ended = self.core.metadata.write(move |tx| {
            note(tx, &job, &found, None)?;
            let row = tx.begin_account_collection(&job, &account)?;
            tx.end_account_collection(&job, core.now_ms())?;
            let event = finished(&job, is_dry_run, &row.figures);
            core.record_by_itself(tx, &event, &account)?;
            Ok::<_, Error>(row.figures)
        });
        let figures = ended.await?;
        (going.tell)(JobLogLevel::Info, &summary(&figures, is_dry_run));
        Ok(())
    }

    /// Looks whether the account is still one that may change something.
    ///
    /// # Errors
    /// [`Error::NotNow`] when it is not.
    pub(super) async fn require_active(&self, account: &AccountId) -> Result<()> {
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_account(account)?));
        if found.await?.is_some_and(|one| one.state.allows_push()) {
            return Ok(());
        }
        Err(Error::NotNow(
            "the account may not change anything at present".to_owned(),
        ))
    }

    /// Does a step. Where one writer serves all, whoever else writes gets most of it.
    pub(super) async fn step<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Core, &mut Tx<'_>) -> Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        let core: Arc<Core> = self.core.clone();
        let metadata = &self.core.metadata;
        let (written, begun) = (metadata.timings().commits().1, self.core.now_ms());
        let done = metadata.write_relaxed(move |tx| work(&core, tx)).await?;
        let others = metadata.timings().commits().1 > written + 1;
        if others && !metadata.is_shared() {
            let worked = (self.core.now_ms() - begun).max(0).unsigned_abs();
            tokio::time::sleep(Duration::from_millis(worked) * OTHERS_SHARE).await;
        }
        Ok(done)
    }
}

fn finished(job: &JobId, is_dry_run: bool, figures: &CollectionFigures) -> Event {
    Event::GarbageCollectionFinished {
        job: job.to_string(),
        is_dry_run,
        manifests: figures.manifests,
        blobs: figures.blobs,
        uploads: figures.uploads,
        freed_bytes: figures.freed_bytes,
    }
}
