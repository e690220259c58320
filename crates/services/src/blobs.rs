//! Blobs: looking at them, reading them, taking them from a repository.

use crate::access::{Access, Delete, Pull};
use crate::core::{Core, SHARED_STORAGE};
use crate::repositories::get_repository;
use crate::{Error, Result};
use blobs::{Blob, BlobBody, BlobFile, ObjectKey, StorageError};
use metadata::{BlobRow, Damage};
use model::{Event, RepositoryId};
use oci::Digest;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
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
    /// [`Error::BlobUnknown`], also when other repositories have it, and when its bytes are damaged: whoever can push it
    /// again is to do so.
    pub async fn stat(&self, access: &Access<Pull>, digest: &Digest) -> Result<u64> {
        let row = self.find(access, digest).await?;
        if row.damage.is_some() {
            return Err(Error::BlobUnknown);
        }
        self.renew(&row, digest).await?;
        Ok(row.size_bytes)
    }

    /// Finds a blob that the repository has, for reading.
    ///
    /// # Errors
    /// [`Error::BlobUnknown`]; [`Error::Damaged`] when its bytes are known not to be what they should be, are not there,
    /// or have another length. A remote store says the latter only when it is asked for a [body](OpenBlob::body).
    pub async fn open(&self, access: &Access<Pull>, digest: &Digest) -> Result<OpenBlob> {
        let row = self.find(access, digest).await?;
        if row.damage == Some(Damage::Content) {
            return Err(Error::Damaged);
        }
        let key = ObjectKey::parse(&row.location).map_err(|_| Error::Damaged)?;
        let found = self.core.blobs.read(&key, row.size_bytes).await;
        let is_asked = !matches!(found, Ok(Blob::Object(_)));
        let (core, digest) = (self.core.clone(), digest.clone());
        let seen = Seen { core, row, digest };
        if is_asked {
            seen.note(seen.damage(&found)).await?;
        }
        let seen = Arc::new(seen);
        Ok(OpenBlob { blob: found?, seen })
    }

    async fn find(&self, access: &Access<Pull>, digest: &Digest) -> Result<BlobRow> {
        let key = access.key();
        let row = self
            .core
            .metadata
            .read(|reader| reader.find_repository_blob(&key, digest))
            .await?;
        let row = row.ok_or(Error::BlobUnknown)?;
        if row.account_state.allows_pull() {
            Ok(row)
        } else {
            Err(Error::AccountSuspended)
        }
    }

    /// A client that was told "this blob is here" will not send it: the repository must go on knowing it, for a quarter of
    /// the grace period at least.
    async fn renew(&self, row: &BlobRow, digest: &Digest) -> Result<()> {
        let now_ms = self.core.now_ms();
        let age_ms = now_ms - row.renewed_at_ms;
        let quarter_ms = self.core.settings.grace_period_ms / 4;
        if age_ms < quarter_ms {
            return Ok(());
        }
        if age_ms >= 3 * quarter_ms {
            // The collector may be about to look: what is said must be so already.
            return self.renew_now(row, digest, now_ms).await;
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

    async fn renew_now(&self, row: &BlobRow, digest: &Digest, now_ms: i64) -> Result<()> {
        let (repository, digest) = (row.repository_id.clone(), digest.clone());
        let is_known = self.core.metadata.write_relaxed(move |tx| {
            Ok::<_, Error>(tx.renew_repository_blob(&repository, &digest, now_ms)?)
        });
        if is_known.await? {
            Ok(())
        } else {
            Err(Error::BlobUnknown)
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
        // In order, so that two replicas that write the same ones do not wait for each other crosswise.
        let written: Arc<BTreeMap<_, _>> = Arc::new(waiting.into_iter().collect());
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
                // First taken, then looked at: a push that needs it has either committed by now, or does not find it.
                let storage = tx
                    .delete_repository_blob(&repository, &digest)?
                    .ok_or(Error::BlobUnknown)?;
                if tx.is_blob_referenced(&repository, &digest)? {
                    return Err(Error::BlobInUse);
                }
                let due_at_ms = core.now_ms() + core.settings.grace_period_ms;
                tx.enqueue_review(&storage, &digest, due_at_ms)?;
                let repository = access.repository.clone();
                core.record(tx, &Event::BlobDeleted { repository, digest }, &access)
            })
            .await
    }
}

/// A blob that is being read.
pub struct OpenBlob {
    blob: Blob,
    seen: Arc<Seen>,
}

impl OpenBlob {
    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.blob.len()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.blob.is_empty()
    }

    /// The open file, where blobs are files.
    pub fn as_file(&self) -> Option<&BlobFile> {
        self.blob.as_file()
    }

    /// A range of it, which must lie inside. The whole of it, from a remote store, is compared with its digest on the way:
    /// if it is damaged, its last bytes do not come.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Unavailable`].
    pub async fn body(&self, range: Range<u64>) -> Result<BlobBody> {
        let is_whole = range == (0..self.len());
        let body = self.blob.body(range).await;
        if let Blob::Object(_) = self.blob {
            let damage = self.seen.damage(&body);
            self.seen.note(damage).await?;
        }
        Ok(match body? {
            BlobBody::Stream(stream) if is_whole => {
                let seen = self.seen.clone();
                let on_damage = || async move { seen.found_other_content().await };
                BlobBody::Stream(stream.verified(&self.seen.digest, on_damage))
            }
            body => body,
        })
    }

    /// A URL at which the caller can read the bytes for a short while without any right, where callers may be sent there.
    pub async fn signed_url(&self) -> Result<Option<String>> {
        Ok(self.blob.signed_url().await?)
    }
}

/// What is known of a blob, to be compared with what the store says.
struct Seen {
    core: Arc<Core>,
    row: BlobRow,
    digest: Digest,
}

impl Seen {
    /// What the store's answer says of the blob.
    fn damage<T>(&self, found: &Result<T, StorageError>) -> Option<Damage> {
        match found {
            Ok(_) => None,
            Err(StorageError::Missing { .. }) => Some(Damage::Missing),
            Err(StorageError::Damaged { .. }) => Some(Damage::Length),
            Err(_) => self.row.damage,
        }
    }

    /// Notes it when a blob is found damaged, and when it is found to be whole again.
    async fn note(&self, damage: Option<Damage>) -> Result<()> {
        if damage == self.row.damage {
            return Ok(());
        }
        self.note_damage(damage).await
    }

    /// Its bytes were read and are not what they should be.
    async fn found_other_content(&self) {
        tracing::error!(
            digest = %self.digest, location = self.row.location,
            "a stored blob is damaged: its transfer was cut off, and it is not served until it is pushed again"
        );
        if let Err(error) = self.note_damage(Some(Damage::Content)).await {
            tracing::warn!(%error, "that could not be noted; the next reader or the scrub finds it again");
        }
    }

    /// From now on the blob is not said to be there, so that it is pushed again; or it is, because it has come back.
    async fn note_damage(&self, damage: Option<Damage>) -> Result<()> {
        let (now_ms, digest) = (self.core.now_ms(), self.digest.clone());
        let location = self.row.location.clone();
        self.core
            .metadata
            .write_relaxed(move |tx| {
                let blob = (SHARED_STORAGE, &digest);
                match damage {
                    Some(damage) => tx.quarantine_blob(blob, &location, damage, now_ms)?,
                    None => tx.release_blob(SHARED_STORAGE, &digest, &location)?,
                };
                Ok(())
            })
            .await
    }
}
