//! Uploads: how a blob arrives. Intent row, then bytes, then rows.
//!
//! An upload's row is safe before its first byte is written; its bytes are safe before the row says so; and the
//! repository knows the blob only once both are. So a crash at any moment leaves either a whole blob or an upload that
//! expires with its bytes.

use crate::access::{Access, Push};
use crate::core::{Core, SHARED_STORAGE};
use crate::growth::storage_is_full;
use crate::quota_refusals;
use crate::repositories::ensure_repository;
use crate::stored_blobs::locate;
use crate::upload_lease::{UploadLease, require_own};
use crate::{Error, Result};
use blobs::{AppendError, CompleteError, Completed, Expected, ObjectKey, PutError, UploadProgress};
use bytes::Bytes;
use futures_util::Stream;
use metadata::{NewUpload, UploadState};
use oci::{Algorithm, ContentRange, Digest, UploadId};
use std::sync::Arc;
use tokio::runtime::Handle;

/// How long a finished upload's row answers a repeated request.
const REMEMBER_DONE_MS: i64 = 3_600_000;

/// A piece of an upload: its bytes, and where the client says they belong.
pub struct Chunk<S> {
    /// The request's `Content-Range`, if it has one. Without, bytes are added where the upload stands.
    pub range: Option<ContentRange>,
    /// The bytes.
    pub body: S,
}

/// Where an upload stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    /// Bytes that are there.
    pub offset: u64,
    /// The blob it became, when it is done.
    pub done: Option<Digest>,
}

/// Uploads of all repositories.
pub struct Uploads {
    pub(crate) core: Arc<Core>,
    /// Names this life of this process, so that leases of an earlier one count for nothing.
    owner: Arc<str>,
}

impl Uploads {
    pub(crate) fn new(core: Arc<Core>, owner: Arc<str>) -> Self {
        Self { core, owner }
    }

    /// Begins an upload. Its row is safe when this returns.
    ///
    /// # Errors
    /// [`Error::NamespaceUnknown`], [`Error::TooManyUploads`], [`Error::QuotaExceeded`] for an account that is full already,
    /// [`Error::TooMuchUnreferenced`], [`Error::AccountSuspended`].
    pub async fn start(&self, access: &Access<Push>, algorithm: Algorithm) -> Result<UploadId> {
        let id = UploadId::parse(&self.core.ids.next_id()).map_err(|_| Error::Internal)?;
        let (core, by, new_id) = (self.core.clone(), access, id.clone());
        let access = access.clone();
        let done = self.core.metadata.write(move |tx| {
            let repository = ensure_repository(&core, tx, &access)?;
            let limit = core.settings.open_uploads_per_account;
            let room = tx.find_upload_room(&access.account, limit.into())?;
            if room.open >= limit.into() {
                return Err(Error::TooManyUploads { limit });
            }
            // What the account has it can mount, and for anything else there is no place.
            if room.is_full {
                return Err(storage_is_full(tx, &access.account)?);
            }
            let used = room.unreferenced_bytes.saturating_add(room.open_bytes);
            let limit = core.settings.unreferenced_bytes_per_account;
            if used >= limit {
                return Err(Error::TooMuchUnreferenced { used, limit });
            }
            let now_ms = core.now_ms();
            let upload = NewUpload {
                id: new_id,
                account_id: access.account.clone(),
                repository_id: repository,
                caller: access.caller_key(),
                algorithm,
                expires_at_ms: now_ms + core.settings.upload_lifetime_ms,
            };
            Ok(tx.create_upload(&upload, now_ms)?)
        });
        quota_refusals::told(&self.core, by, done.await).await?;
        Ok(id)
    }

    /// Where an upload stands.
    ///
    /// # Errors
    /// [`Error::UploadUnknown`] for one that is not the caller's, too.
    pub async fn status(&self, access: &Access<Push>, id: &UploadId) -> Result<UploadStatus> {
        let now_ms = self.core.now_ms();
        let status = self.core.metadata.read(|reader| {
            let upload = reader
                .find_upload(id, now_ms)?
                .ok_or(Error::UploadUnknown)?;
            require_own(reader, access, &upload)?;
            Ok(match upload.state {
                UploadState::Open => UploadStatus {
                    offset: upload.offset_bytes,
                    done: None,
                },
                UploadState::Done(digest) => UploadStatus {
                    offset: upload.offset_bytes,
                    done: Some(digest),
                },
            })
        });
        status.await
    }

    /// Adds a chunk and answers with the bytes that are there then.
    ///
    /// # Errors
    /// [`Error::ChunkOutOfOrder`], [`Error::ChunkSizeMismatch`], [`Error::UploadBusy`], [`Error::BodyBrokeOff`],
    /// [`Error::BlobTooLarge`], [`Error::StorageFull`].
    pub async fn append<S, E>(
        &self,
        access: &Access<Push>,
        id: &UploadId,
        chunk: Chunk<S>,
    ) -> Result<u64>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let mut lease = UploadLease::take(&self.core, &self.owner, access, id).await?;
        let appended = self.append_under(&mut lease, chunk).await;
        lease.give_back().await;
        appended
    }

    async fn append_under<S, E>(&self, lease: &mut UploadLease, chunk: Chunk<S>) -> Result<u64>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        require_open(lease)?;
        require_in_order(lease, chunk.range.as_ref())?;
        let progress = lease.progress()?;
        let limit = self.core.settings.blob_bytes;
        match self.core.blobs.append(progress, chunk.body, limit).await {
            Ok(progress) => {
                require_length(lease, chunk.range.as_ref(), progress.offset)?;
                lease.record(&progress).await?;
                Ok(progress.offset)
            }
            Err(error) => Err(keep_what_arrived(lease, error).await?),
        }
    }

    /// Adds the last chunk, which may be empty, and makes the blob: durable and known to the repository when this
    /// returns. Repeating it answers the same.
    ///
    /// # Errors
    /// Those of [`append`](Self::append), and [`Error::DigestMismatch`].
    pub async fn complete<S, E>(
        &self,
        access: &Access<Push>,
        id: &UploadId,
        chunk: Option<Chunk<S>>,
        expected: &Digest,
    ) -> Result<()>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let mut lease = UploadLease::take(&self.core, &self.owner, access, id).await?;
        let completed = self
            .complete_under(access, &mut lease, chunk, expected)
            .await;
        lease.give_back().await;
        completed
    }

    async fn complete_under<S, E>(
        &self,
        access: &Access<Push>,
        lease: &mut UploadLease,
        chunk: Option<Chunk<S>>,
        expected: &Digest,
    ) -> Result<()>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        if let UploadState::Done(digest) = &lease.upload.state {
            // What was deleted since is not there because it was once.
            return if digest == expected && self.knows(lease, digest).await? {
                Ok(())
            } else {
                Err(Error::UploadUnknown)
            };
        }
        let range = chunk.as_ref().and_then(|chunk| chunk.range);
        require_in_order(lease, range.as_ref())?;
        let progress = lease.progress()?;
        let expected = self.unless_known(access, expected);
        let completed = if let Some(chunk) = chunk {
            self.receive_last(lease, progress, chunk, expected).await?
        } else {
            let completed = self.core.blobs.complete(&progress, expected).await;
            completed.map_err(complete_failed)?
        };
        self.finish(access, lease, completed).await
    }

    async fn receive_last<S, E>(
        &self,
        lease: &mut UploadLease,
        progress: UploadProgress,
        chunk: Chunk<S>,
        expected: Expected,
    ) -> Result<Completed>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let limit = self.core.settings.blob_bytes;
        match self
            .core
            .blobs
            .append_and_complete(progress, chunk.body, limit, expected)
            .await
        {
            Ok(completed) => {
                require_length(lease, chunk.range.as_ref(), completed.size_bytes)?;
                Ok(completed)
            }
            Err(PutError::Append(error)) => Err(keep_what_arrived(lease, error).await?),
            Err(PutError::Complete(error)) => Err(complete_failed(error)),
        }
    }

    /// Whether the repository of an upload has a blob.
    async fn knows(&self, lease: &UploadLease, digest: &Digest) -> Result<bool> {
        let known = self
            .core
            .metadata
            .read(|reader| reader.find_membership(&lease.upload.repository_id, digest));
        Ok(known.await?.is_some())
    }

    /// Content that the account has already shown to have is not made durable a second time, provided that it is still
    /// there. What other accounts have makes no difference, not even in time.
    fn unless_known(&self, access: &Access<Push>, expected: &Digest) -> Expected {
        let (core, account, digest) = (self.core.clone(), access.account.clone(), expected.clone());
        let runtime = Handle::current();
        Expected::unless_stored(expected, move || {
            let known = core
                .metadata
                .read_blocking(|reader| reader.find_account_blob(&account, &digest));
            let Ok(Some((location, size_bytes))) = known else {
                return false;
            };
            let Ok(key) = ObjectKey::parse(&location) else {
                return false;
            };
            // Bytes that were lost, or became fewer, are taken from this upload instead.
            runtime
                .block_on(core.blobs.verify_length(&key, size_bytes))
                .is_ok()
        })
    }

    /// The rows of a blob whose bytes are durable. If its digest is stored already, our own copy goes.
    async fn finish(
        &self,
        access: &Access<Push>,
        lease: &mut UploadLease,
        completed: Completed,
    ) -> Result<()> {
        let (core, access) = (self.core.clone(), access.clone());
        let (id, fence) = (lease.upload.id.clone(), lease.fence);
        let is_copy = self
            .core
            .metadata
            .write(move |tx| {
                let now_ms = core.now_ms();
                let digest = &completed.digest;
                let repository = ensure_repository(&core, tx, &access)?;
                let is_copy = locate(&core, tx, &completed, now_ms)?;
                // Should no manifest ever need it, the collector finds it by this.
                let due_at_ms = now_ms + core.settings.grace_period_ms;
                tx.enqueue_lease_review(&repository, (SHARED_STORAGE, digest), due_at_ms)?;
                tx.put_repository_blob(
                    &access.account,
                    &repository,
                    SHARED_STORAGE,
                    digest,
                    now_ms,
                )?;
                tx.note_unreferenced_blob(&access.account, digest, completed.size_bytes)?;
                if !tx.finish_upload(&id, fence, digest, now_ms + REMEMBER_DONE_MS)? {
                    return Err(Error::UploadBusy);
                }
                Ok(is_copy.then(|| completed.key.as_str().to_owned()))
            })
            .await?;
        lease.end();
        if let Some(copy) = is_copy {
            self.core.delete_condemned_now(&copy).await;
        }
        Ok(())
    }

    /// Ends an upload without a blob; its bytes go.
    ///
    /// # Errors
    /// [`Error::UploadUnknown`], [`Error::UploadBusy`].
    pub async fn cancel(&self, access: &Access<Push>, id: &UploadId) -> Result<()> {
        let mut lease = UploadLease::take(&self.core, &self.owner, access, id).await?;
        let cancelled = self.cancel_under(&mut lease).await;
        lease.give_back().await;
        cancelled?;
        self.core.delete_condemned(id.as_str()).await
    }

    async fn cancel_under(&self, lease: &mut UploadLease) -> Result<()> {
        require_open(lease)?;
        let (core, id, fence) = (self.core.clone(), lease.upload.id.clone(), lease.fence);
        self.core
            .metadata
            .write(move |tx| {
                let now_ms = core.now_ms();
                // Whoever has lost the right to write has lost this one, too.
                if !tx.renew_upload_lease(&id, fence, now_ms)? {
                    return Err(Error::UploadBusy);
                }
                Ok(tx.delete_upload(id.as_str(), now_ms)?)
            })
            .await?;
        lease.end();
        Ok(())
    }
}

fn require_open(lease: &UploadLease) -> Result<()> {
    match lease.upload.state {
        UploadState::Open => Ok(()),
        UploadState::Done(_) => Err(Error::UploadUnknown),
    }
}

fn require_in_order(lease: &UploadLease, range: Option<&ContentRange>) -> Result<()> {
    let offset = lease.upload.offset_bytes;
    match range {
        Some(range) if range.start() != offset => Err(Error::ChunkOutOfOrder { offset }),
        _ => Ok(()),
    }
}

/// Checks that a chunk brought as many bytes as its range says; `offset` is where the upload stands after it.
fn require_length(lease: &UploadLease, range: Option<&ContentRange>, offset: u64) -> Result<()> {
    let received = offset - lease.upload.offset_bytes;
    match range {
        Some(range) if range.len() != received => Err(Error::ChunkSizeMismatch),
        _ => Ok(()),
    }
}

/// Notes what arrived before an error, so that the client can go on from there. Answers with the error to tell.
async fn keep_what_arrived<E>(lease: &mut UploadLease, error: AppendError<E>) -> Result<Error> {
    match error {
        AppendError::SourceFailed { progress, .. } => {
            let offset = progress.offset;
            lease.record(&progress).await?;
            Ok(Error::BodyBrokeOff { offset })
        }
        AppendError::StorageFull { progress } => {
            lease.record(&progress).await?;
            Ok(Error::StorageFull)
        }
        AppendError::TooLarge { limit_bytes } => Ok(Error::BlobTooLarge { limit_bytes }),
        AppendError::Storage(error) => Ok(error.into()),
    }
}

fn complete_failed(error: CompleteError) -> Error {
    match error {
        CompleteError::DigestMismatch { actual } => Error::DigestMismatch { actual },
        CompleteError::Storage(error) => error.into(),
    }
}
