//! The contract: what a caller may rely on, whatever holds the bytes.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::Stream;
use oci::{Algorithm, Digest, Hasher};
use tracing::Instrument as _;

use crate::body::BlobFile;
use crate::disk::{Disk, RealDisk};
use crate::filesystem::{Filesystem, Sweep};
use crate::key::ObjectKey;
use crate::timings::{StoreOperation, StoreTimings};
use crate::transfer;

/// Everything an unfinished upload is, between two requests. The caller keeps it in its own row;
/// any replica that reads the row can carry on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadProgress {
    /// The object being written.
    pub key: ObjectKey,
    /// Bytes that are durable. Whatever the store holds beyond them is overwritten.
    pub offset: u64,
    /// State of the digest over those bytes: [`Hasher::export`].
    pub hash: Vec<u8>,
    /// What else the store needs to continue. Opaque; empty for files.
    pub parts: Vec<u8>,
}

/// An object that is durable, verified, and can be read from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// Its name in the store.
    pub key: ObjectKey,
    /// Its length.
    pub size_bytes: u64,
    /// Its verified digest.
    pub digest: Digest,
    /// Whether the object holds the bytes. False when they were [stored already](Expected::unless_stored): then the
    /// object is gone.
    pub is_kept: bool,
}

/// What an upload must turn out to be.
pub struct Expected {
    pub(crate) digest: Digest,
    pub(crate) is_stored: Option<Box<dyn FnOnce() -> bool + Send>>,
}

impl Expected {
    /// Content of this digest. Once every byte has arrived and the digest is right, `is_stored` is asked on the
    /// blocking pool whether the same content is durable under another key; if so, this copy is dropped without being
    /// flushed. Asking earlier would tell a client about content that it has not shown to have.
    pub fn unless_stored(
        digest: &Digest,
        is_stored: impl FnOnce() -> bool + Send + 'static,
    ) -> Self {
        Self {
            digest: digest.clone(),
            is_stored: Some(Box::new(is_stored)),
        }
    }
}

impl From<&Digest> for Expected {
    /// Content of this digest, to be kept whatever else is stored.
    fn from(digest: &Digest) -> Self {
        Self {
            digest: digest.clone(),
            is_stored: None,
        }
    }
}

/// What the store itself may answer instead of doing as asked.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The object is not there, though the caller's row says it is.
    #[error("the stored object {key} is missing; restore it from a backup")]
    Missing {
        /// The object.
        key: ObjectKey,
    },
    /// The object has another length than the caller's row says. It is never served.
    #[error(
        "the stored object {key} is damaged: {found_bytes} bytes instead of {expected_bytes}; \
         restore it from a backup"
    )]
    Damaged {
        /// The object.
        key: ObjectKey,
        /// What the row says.
        expected_bytes: u64,
        /// What the store holds.
        found_bytes: u64,
    },
    /// The bytes that an upload's row counts on are gone: a file was lost, or a last request with bytes of
    /// its own was completed and its commit never followed. The upload has to start again.
    #[error("the bytes of upload {key} are not where they were left; start the upload again")]
    UploadLost {
        /// The upload.
        key: ObjectKey,
    },
    /// The digest state kept in the row cannot be read, or belongs to another offset.
    #[error("the saved digest state of upload {key} is unreadable; start the upload again")]
    InvalidProgress {
        /// The upload.
        key: ObjectKey,
    },
    /// The disk is full, its quota is used up, or only the reserve is left.
    #[error("the blob store is full; free space or raise its quota, then try again")]
    Full,
    /// Anything else the disk reports.
    #[error("the blob store failed; see the server's disk and its log, then try again")]
    Io(#[source] io::Error),
}

impl From<io::Error> for StorageError {
    fn from(error: io::Error) -> Self {
        if crate::disk::is_full(&error) {
            Self::Full
        } else {
            Self::Io(error)
        }
    }
}

/// Why [`BlobStore::append`] did not take the whole body. `E` is the error of the body itself.
#[derive(Debug, thiserror::Error)]
pub enum AppendError<E> {
    /// The body broke off. What had arrived is durable; keep `progress`, the client can resume.
    #[error("the request body broke off at byte {} of the upload; resume from there", progress.offset)]
    SourceFailed {
        /// Why it broke off.
        error: E,
        /// Where to resume.
        progress: UploadProgress,
    },
    /// The object would become larger than allowed. Nothing of this body counts.
    #[error("the upload is larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// The limit that was passed in.
        limit_bytes: u64,
    },
    /// The store is full. `progress` is durable; resume from it when there is room again.
    #[error("the blob store is full; free space or raise its quota, then resume the upload")]
    StorageFull {
        /// Where to resume.
        progress: UploadProgress,
    },
    /// The store failed. The progress passed in still holds.
    #[error(transparent)]
    Storage(StorageError),
}

/// Why [`BlobStore::complete`] made nothing readable.
#[derive(Debug, thiserror::Error)]
pub enum CompleteError {
    /// The bytes have another digest than the client said.
    #[error("the uploaded bytes have digest {actual}, not the expected one; upload them again")]
    DigestMismatch {
        /// What they have.
        actual: Digest,
    },
    /// The store failed. The progress passed in still holds.
    #[error(transparent)]
    Storage(StorageError),
}

impl<T: Into<StorageError>> From<T> for CompleteError {
    fn from(error: T) -> Self {
        Self::Storage(error.into())
    }
}

/// Why [`BlobStore::append_and_complete`] made nothing readable.
#[derive(Debug, thiserror::Error)]
pub enum PutError<E> {
    /// The body was not taken.
    #[error(transparent)]
    Append(AppendError<E>),
    /// The body was taken, the object is not acknowledged.
    #[error(transparent)]
    Complete(CompleteError),
}

/// How to open a store over a directory.
#[derive(Debug, Clone)]
pub struct FilesystemOptions {
    /// The directory that holds everything; made when it is missing.
    pub root: PathBuf,
    /// Free space that uploads leave untouched, so that the database on the same disk can still
    /// commit deletions.
    pub reserve_bytes: u64,
}

/// Handle of the store; clones share it.
#[derive(Debug, Clone)]
pub struct BlobStore {
    filesystem: Arc<Filesystem>,
    timings: Arc<StoreTimings>,
}

impl BlobStore {
    /// Opens, or makes, a store in a directory of a local file system. Blocks; call it before
    /// serving. Fails with a sentence for the operator when the directory lies on a network file
    /// system.
    pub fn open(options: FilesystemOptions) -> io::Result<Self> {
        Self::open_on(options, Arc::new(RealDisk))
    }

    /// The same over another [`Disk`]; tests pass one that fails.
    pub fn open_on(options: FilesystemOptions, disk: Arc<dyn Disk>) -> io::Result<Self> {
        Ok(Self {
            filesystem: Arc::new(Filesystem::open(options, disk)?),
            timings: Arc::default(),
        })
    }

    /// What the store measured of itself.
    pub fn timings(&self) -> &StoreTimings {
        &self.timings
    }

    /// The progress of an upload of which nothing has arrived. The store learns of the key with its
    /// first byte, so the caller must have stored the key before it appends.
    pub fn begin(&self, key: ObjectKey, algorithm: Algorithm) -> UploadProgress {
        let hash = Hasher::new(algorithm).export();
        UploadProgress {
            key,
            offset: 0,
            hash,
            parts: Vec::new(),
        }
    }

    /// Adds a body at `progress.offset` and returns once every byte is durable, so a row written
    /// afterwards never promises bytes that a power cut can lose. Bytes beyond the offset, left by
    /// a request that died, are dropped first. `limit_bytes` is the largest the whole object may be.
    ///
    /// Requests on one key wait for each other in this process. Dropping the future stops receiving;
    /// what was appended then counts for nothing.
    pub async fn append<S, E>(
        &self,
        progress: UploadProgress,
        body: S,
        limit_bytes: u64,
    ) -> Result<UploadProgress, AppendError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let begun = Instant::now();
        let result = transfer::append(&self.filesystem, progress, body, limit_bytes)
            .instrument(tracing::info_span!("blobs.append"))
            .await;
        self.timings.count(StoreOperation::Append, begun, result)
    }

    /// [`append`](Self::append), then [`complete`](Self::complete), with one flush instead of two:
    /// for an upload whose last request brings bytes and digest together.
    pub async fn append_and_complete<S, E>(
        &self,
        progress: UploadProgress,
        body: S,
        limit_bytes: u64,
        expected: impl Into<Expected>,
    ) -> Result<Completed, PutError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let expected = expected.into();
        let begun = Instant::now();
        let filesystem = &self.filesystem;
        let result =
            transfer::append_and_complete(filesystem, progress, body, limit_bytes, expected)
                .instrument(tracing::info_span!("blobs.append_and_complete"))
                .await;
        self.timings.count(StoreOperation::Complete, begun, result)
    }

    /// Verifies the digest and makes the object readable; durable when it returns. Repeating it with
    /// the same progress, after a crash for example, answers the same. If `expected` uses another
    /// algorithm than the upload was hashed with, the object is read once more. After a mismatch
    /// the bytes stay with the upload until it is [deleted](Self::delete) or its file swept.
    pub async fn complete(
        &self,
        progress: &UploadProgress,
        expected: impl Into<Expected>,
    ) -> Result<Completed, CompleteError> {
        let begun = Instant::now();
        let result = transfer::complete(&self.filesystem, progress, expected.into())
            .instrument(tracing::info_span!("blobs.complete"))
            .await;
        self.timings.count(StoreOperation::Complete, begun, result)
    }

    /// Opens a completed object for reading. `size_bytes` is what the caller's row says; an object
    /// of another length is refused as [`StorageError::Damaged`].
    ///
    /// Opening is done on the calling thread: it touches no content and takes microseconds.
    #[expect(
        clippy::unused_async,
        reason = "the contract is asynchronous: other stores wait here"
    )]
    pub async fn read(&self, key: &ObjectKey, size_bytes: u64) -> Result<BlobFile, StorageError> {
        let begun = Instant::now();
        let result = self.filesystem.read(key, size_bytes);
        self.timings.count(StoreOperation::Read, begun, result)
    }

    /// Removes whatever is stored under the key, finished or not. Removing nothing is success.
    pub async fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        let begun = Instant::now();
        let result = transfer::delete(&self.filesystem, key)
            .instrument(tracing::info_span!("blobs.delete"))
            .await;
        self.timings.count(StoreOperation::Delete, begun, result)
    }

    /// Keys of the uploads of which bytes are stored, in no order.
    pub async fn list_uploads(&self) -> Result<Vec<ObjectKey>, StorageError> {
        let filesystem = Arc::clone(&self.filesystem);
        Ok(transfer::blocking(move || filesystem.list_uploads()).await??)
    }

    /// Removes the bytes of every upload that `is_known` denies. It runs on the blocking pool and may
    /// ask a database. Correct because a key is stored by the caller before its first byte arrives.
    pub async fn sweep_uploads<F>(&self, is_known: F) -> Result<Sweep, StorageError>
    where
        F: Fn(&ObjectKey) -> bool + Send + 'static,
    {
        let filesystem = Arc::clone(&self.filesystem);
        Ok(transfer::blocking(move || filesystem.sweep_uploads(is_known)).await??)
    }

    /// Bytes that uploads may still take: free space less the reserve.
    pub async fn free_space(&self) -> Result<u64, StorageError> {
        let filesystem = Arc::clone(&self.filesystem);
        Ok(transfer::blocking(move || filesystem.free_bytes()).await??)
    }

    /// Proves that the store takes writes: writes, flushes and removes a few bytes.
    pub async fn probe(&self) -> Result<(), StorageError> {
        let filesystem = Arc::clone(&self.filesystem);
        Ok(transfer::blocking(move || filesystem.probe()).await??)
    }
}
