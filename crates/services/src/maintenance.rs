//! What has to happen without anyone asking for it. Each is one bounded batch; `jobs` says when.

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
}

impl Maintenance {
    pub(crate) fn new(core: Arc<Core>, owner: Arc<str>) -> Self {
        Self { core, owner }
    }

    /// Ends uploads that nobody went on with and deletes their bytes. Says how many ended; call again while any do.
    pub async fn expire_uploads(&self) -> Result<usize> {
        let (core, owner) = (self.core.clone(), self.owner.clone());
        let ended = self
            .core
            .metadata
            .write(move |tx| {
                let now_ms = core.now_ms();
                let expired = tx.list_expired_uploads(&owner, true, now_ms, BATCH)?;
                for id in &expired {
                    tx.delete_upload(id, now_ms)?;
                }
                Ok::<_, Error>(expired)
            })
            .await?;
        Ok(ended.len())
    }

    /// Deletes the bytes of objects that no row names any more. Says how many went; call again while any do. One that
    /// cannot be deleted stays for the next time and holds up no other.
    pub async fn delete_condemned_objects(&self) -> Result<usize> {
        let before_ms = self.core.now_ms() - self.core.settings.condemned_ms;
        let condemned = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_condemned_objects(before_ms, BATCH)?));
        let condemned = condemned.await?;
        let mut deleted = 0;
        for location in &condemned {
            match self.core.delete_condemned(location).await {
                Ok(()) => deleted += 1,
                Err(error) => tracing::error!(%error, location, "an object could not be deleted"),
            }
        }
        Ok(deleted)
    }

    /// Purges from the trash what has been there long enough. Says how much; call again while any goes.
    pub async fn purge_trash(&self) -> Result<usize> {
        let core = self.core.clone();
        self.core
            .metadata
            .write(move |tx| {
                let now_ms = core.now_ms();
                let due_at_ms = now_ms + core.settings.grace_period_ms;
                Ok(tx.purge_trash(now_ms, BATCH, due_at_ms)?)
            })
            .await
    }

    /// Forgets refresh tokens that have ended. Says how many; call again while any go.
    pub async fn expire_refresh_tokens(&self) -> Result<usize> {
        let now_ms = self.core.now_ms();
        self.core
            .metadata
            .write(move |tx| Ok(tx.delete_expired_refresh_tokens(now_ms, BATCH)?))
            .await
    }

    /// Deletes bytes of uploads whose row a power cut took before it was safe, and what a power cut brought back of
    /// finished ones. Looks at open uploads only, so it takes the same time however much is stored; to be called once,
    /// before serving.
    pub async fn sweep_lost_uploads(&self) -> Result<()> {
        let metadata: MetadataStore = self.core.metadata.clone();
        let is_known = move |key: &blobs::ObjectKey| {
            // When in doubt it is known: nothing is deleted on a failed question.
            metadata
                .read(|reader| reader.is_upload_open(key.as_str()))
                .unwrap_or(true)
        };
        let swept = self.core.blobs.sweep_uploads(is_known).await?;
        tracing::debug!(?swept, "looked for bytes of lost uploads");
        Ok(())
    }

    /// Proves that an account's running total equals the sum of what its manifests reference: both, in bytes.
    pub async fn compare_usage(&self, account: &model::AccountId) -> Result<(u64, u64)> {
        let account = account.clone();
        self.core
            .metadata
            .list(move |reader| {
                Ok::<_, Error>((reader.get_usage(&account)?.0, reader.count_usage(&account)?))
            })
            .await
    }

    /// Proves that database and store answer and take writes.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::StorageFull`].
    pub async fn probe(&self) -> Result<()> {
        self.core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.probe()?))?;
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

    /// Connections of the database that are open for reading.
    pub fn database_readers(&self) -> usize {
        self.core.metadata.reader_count()
    }

    /// What the database measured of itself.
    pub fn database_timings(&self) -> &metadata::Timings {
        self.core.metadata.timings()
    }
}
