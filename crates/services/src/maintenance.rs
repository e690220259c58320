//! What has to happen without anyone asking for it. Each is one bounded batch; `jobs` says when.

mod collection_runs;
mod collector;
mod fsck;
mod preview;
mod scrub;
mod usage;

pub use collection_runs::CollectionRun;
pub use collector::CollectionTotals;
pub use fsck::{Finding, FsckPosition, FsckStep, Problem};
pub use preview::{PreviewPosition, PreviewStep};
pub use scrub::ScrubStep;
pub use usage::UsageStep;

use crate::core::Core;
use crate::{Error, Result};
use metadata::MetadataStore;
use std::sync::Arc;

/// Rows handled by one call.
const BATCH: i64 = 200;

/// Upkeep of what expires.
pub struct Maintenance {
    core: Arc<Core>,
    /// This life of this process: whose leases count.
    owner: Arc<str>,
    tally: collector::Tally,
}

impl Maintenance {
    pub(crate) fn new(core: Arc<Core>, owner: Arc<str>) -> Self {
        Self {
            core,
            owner,
            tally: collector::Tally::default(),
        }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Ends uploads that nobody went on with and deletes their bytes. Says how many ended; call again while any do.
    pub async fn expire_uploads(&self) -> Result<usize> {
        let (core, owner) = (self.core.clone(), self.owner.clone());
        let others_are_dead = !core.metadata.is_shared();
        let ended = self
            .core
            .metadata
            .write(move |tx| {
                let now_ms = core.now_ms();
                let expired = tx.take_expired_uploads(&owner, others_are_dead, now_ms, BATCH)?;
                for id in &expired {
                    tx.delete_upload(id, now_ms)?;
                }
                Ok::<_, Error>(expired)
            })
            .await?;
        Ok(ended.len())
    }

    /// Forgets refresh tokens and sessions that have ended. Says how many; call again while any go.
    pub async fn expire_logins(&self) -> Result<usize> {
        let now_ms = self.core.now_ms();
        let tokens = self
            .core
            .metadata
            .write(move |tx| {
                Ok::<_, crate::Error>(tx.delete_expired_refresh_tokens(now_ms, BATCH)?)
            })
            .await?;
        Ok(tokens + crate::sessions::forget_ended(&self.core).await?)
    }

    /// Deletes bytes of uploads whose row a power cut took before it was safe, and what a power cut brought back of
    /// finished ones; in a bucket, what no replica could remove. Looks at open uploads only, so it takes the same time
    /// however much is stored. Says how many went.
    pub async fn sweep_lost_uploads(&self) -> Result<u64> {
        let metadata: MetadataStore = self.core.metadata.clone();
        let is_known = move |key: &blobs::ObjectKey| {
            // When in doubt it is known: nothing is deleted on a failed question.
            metadata
                .read_blocking(|reader| reader.is_upload_open(key.as_str()))
                .unwrap_or(true)
        };
        let swept = self.core.blobs.sweep_uploads(is_known).await?;
        tracing::debug!(?swept, "looked for bytes of lost uploads");
        Ok(swept.removed)
    }

    /// Proves that the database answers.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn probe_database(&self) -> Result<()> {
        self.core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.probe()?))
            .await
    }

    /// Proves that the store answers and takes writes.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::StorageFull`].
    pub async fn probe_store(&self) -> Result<()> {
        Ok(self.core.blobs.probe().await?)
    }

    /// What the blob store measured of itself: operation, how often it was done, how often it failed, seconds.
    pub fn store_timings(&self) -> impl Iterator<Item = (&'static str, u64, u64, f64)> {
        blobs::StoreOperation::ALL.into_iter().map(|operation| {
            let count = self.core.blobs.timings().get(operation);
            (
                operation.as_str(),
                count.done,
                count.failed,
                count.time.as_secs_f64(),
            )
        })
    }

    /// Requests sent to a remote store, tries included.
    pub fn store_requests(&self) -> u64 {
        self.core.blobs.timings().requests()
    }

    /// Bytes of uploads that were read again: rests shorter than a part, and objects whose digest had to be taken anew.
    pub fn store_reread_bytes(&self) -> u64 {
        self.core.blobs.timings().reread_bytes()
    }

    /// Connections of the database that are open for reading.
    pub fn database_readers(&self) -> usize {
        self.core.metadata.reader_count()
    }

    /// What the database measured of itself.
    pub fn database_timings(&self) -> &metadata::Timings {
        self.core.metadata.timings()
    }
}
