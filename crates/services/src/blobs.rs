//! Blobs: looking at them, reading them, taking them from a repository.

use crate::access::{Access, Delete, Pull};
use crate::core::Core;
use crate::repositories::get_repository;
use crate::{Error, Result};
use blobs::{BlobFile, ObjectKey};
use metadata::BlobRow;
use model::{Event, RepositoryId};
use oci::Digest;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Renewals that wait for the next batch; over that, a request writes them itself.
const MAX_WAITING: usize = 4096;

/// Blobs of all repositories.
pub struct Blobs {
    core: Arc<Core>,
    /// Memberships to renew because somebody was told that the blob is there. Written in batches.
    renewals: Mutex<HashMap<(RepositoryId, Digest), i64>>,
}

impl Blobs {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            renewals: Mutex::new(HashMap::new()),
        }
    }

    /// The size of a blob that the repository has.
    ///
    /// # Errors
    /// [`Error::BlobUnknown`], also when other repositories have it.
    pub async fn stat(&self, access: &Access<Pull>, digest: &Digest) -> Result<u64> {
        let row = self.find(access, digest)?;
        self.renew(&row, digest).await?;
        Ok(row.size_bytes)
    }

    /// Opens a blob that the repository has.
    ///
    /// # Errors
    /// [`Error::BlobUnknown`]; [`Error::Damaged`] when its bytes are not there or have another length.
    pub async fn open(&self, access: &Access<Pull>, digest: &Digest) -> Result<BlobFile> {
        let row = self.find(access, digest)?;
        let key = ObjectKey::parse(&row.location).map_err(|_| Error::Damaged)?;
        Ok(self.core.blobs.read(&key, row.size_bytes).await?)
    }

    fn find(&self, access: &Access<Pull>, digest: &Digest) -> Result<BlobRow> {
        let key = access.key();
        let row = self
            .core
            .metadata
            .read(|reader| reader.find_repository_blob(&key, digest))?;
        let row = row.ok_or(Error::BlobUnknown)?;
        if row.account_state.allows_pull() {
            Ok(row)
        } else {
            Err(Error::AccountSuspended)
        }
    }

    /// A client that was told "this blob is here" will not send it: the repository must go on knowing it.
    async fn renew(&self, row: &BlobRow, digest: &Digest) -> Result<()> {
        let now_ms = self.core.now_ms();
        if now_ms - row.renewed_at_ms < self.core.settings.grace_period_ms / 4 {
            return Ok(());
        }
        let waiting = {
            let mut renewals = self.renewals.lock().unwrap_or_else(PoisonError::into_inner);
            renewals.insert((row.repository_id.clone(), digest.clone()), now_ms);
            renewals.len()
        };
        if waiting > MAX_WAITING {
            self.flush_renewals().await
        } else {
            Ok(())
        }
    }

    /// Writes the renewals that wait.
    pub async fn flush_renewals(&self) -> Result<()> {
        let waiting = {
            let mut renewals = self.renewals.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *renewals)
        };
        if waiting.is_empty() {
            return Ok(());
        }
        let written = Arc::new(waiting);
        let waiting = written.clone();
        let result = self
            .core
            .metadata
            .write_relaxed(move |tx| {
                for ((repository, digest), at_ms) in &*waiting {
                    tx.renew_repository_blob(repository, digest, *at_ms)?;
                }
                Ok(())
            })
            .await;
        if result.is_err() {
            // They wait for the next time; what came meanwhile is newer.
            let mut renewals = self.renewals.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, at_ms) in &*written {
                renewals.entry(key.clone()).or_insert(*at_ms);
            }
        }
        result
    }

    /// Takes a blob from a repository. Other repositories keep it.
    ///
    /// # Errors
    /// [`Error::BlobUnknown`]; [`Error::BlobInUse`] while a manifest of the repository needs it.
    pub async fn delete(&self, access: &Access<Delete>, digest: &Digest) -> Result<()> {
        let (core, access, digest) = (self.core.clone(), access.clone(), digest.clone());
        self.core
            .metadata
            .write(move |tx| {
                let repository = get_repository(tx, &access)?;
                if tx.is_blob_referenced(&repository, &digest)? {
                    return Err(Error::BlobInUse);
                }
                let storage = tx
                    .delete_repository_blob(&repository, &digest)?
                    .ok_or(Error::BlobUnknown)?;
                let due_at_ms = core.now_ms() + core.settings.grace_period_ms;
                tx.enqueue_review(&storage, &digest, due_at_ms)?;
                let repository = access.repository.clone();
                core.record(tx, &Event::BlobDeleted { repository, digest }, &access)
            })
            .await
    }
}
