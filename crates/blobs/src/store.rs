//! The contract: what a caller may rely on, whatever holds the bytes.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::Stream;
use oci::{Algorithm, Digest, Hasher};
use tracing::Instrument as _;

use crate::body::Blob;
use crate::disk::{Disk, RealDisk};
use crate::filesystem::{Filesystem, Sweep};
use crate::key::ObjectKey;
use crate::s3::{self, BlobObject, Check, InvalidS3Options, S3, S3Options};
use crate::timings::{StoreOperation, StoreTimings};
use crate::transfer;

pub use crate::error::{AppendError, CompleteError, PutError, StorageError};

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
    /// What else the store needs to continue. Opaque; empty for files. About 40 bytes for each part, of which there are
    /// at most 10,000 and rarely more than 200.
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
    pub(crate) is_stored: Option<IsStored>,
}

/// Asks whether content is stored already. May block.
pub(crate) type IsStored = Box<dyn FnOnce() -> bool + Send>;

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
    backend: Backend,
    timings: Arc<StoreTimings>,
}

#[derive(Debug, Clone)]
enum Backend {
    Filesystem(Arc<Filesystem>),
    S3(Arc<S3>),
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
            backend: Backend::Filesystem(Arc::new(Filesystem::open(options, disk)?)),
            timings: Arc::default(),
        })
    }

    /// Opens a store over a bucket. Asks the bucket nothing: see [`check`](Self::check).
    pub fn open_s3(options: &S3Options) -> Result<Self, InvalidS3Options> {
        let timings = Arc::default();
        Ok(Self {
            backend: Backend::S3(Arc::new(S3::open(options, &timings)?)),
            timings,
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
    /// a request that died, count for nothing. `limit_bytes` is the largest the whole object may be.
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
        let append = async {
            match &self.backend {
                Backend::Filesystem(files) => {
                    transfer::append(files, progress, body, limit_bytes).await
                }
                Backend::S3(s3) => s3::append(s3, progress, body, limit_bytes).await,
            }
        };
        let result = append.instrument(tracing::info_span!("blobs.append")).await;
        self.timings.count(StoreOperation::Append, begun, result)
    }

    /// [`append`](Self::append), then [`complete`](Self::complete), with less work than both:
    /// for an upload whose last request brings bytes and digest together. If its commit never followed, a repetition
    /// of that request is answered the same, or [`StorageError::UploadLost`].
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
        let put = async {
            match &self.backend {
                Backend::Filesystem(files) => {
                    transfer::append_and_complete(files, progress, body, limit_bytes, expected)
                        .await
                }
                Backend::S3(s3) => {
                    s3::append_and_complete(s3, progress, body, limit_bytes, expected).await
                }
            }
        };
        let span = tracing::info_span!("blobs.append_and_complete");
        let result = put.instrument(span).await;
        self.timings.count(StoreOperation::Complete, begun, result)
    }

    /// Verifies the digest and makes the object readable; durable when it returns. Repeating it with
    /// the same progress, after a crash for example, answers the same. If `expected` uses another
    /// algorithm than the upload was hashed with, the object is read once more. After a mismatch
    /// the bytes stay with the upload until it is [deleted](Self::delete) or swept; unless a remote store had to make
    /// them an object to read them once more, then they are gone.
    pub async fn complete(
        &self,
        progress: &UploadProgress,
        expected: impl Into<Expected>,
    ) -> Result<Completed, CompleteError> {
        let expected = expected.into();
        let begun = Instant::now();
        let complete = async {
            match &self.backend {
                Backend::Filesystem(files) => transfer::complete(files, progress, expected).await,
                Backend::S3(s3) => s3::complete(s3, progress, expected).await,
            }
        };
        let result = complete
            .instrument(tracing::info_span!("blobs.complete"))
            .await;
        self.timings.count(StoreOperation::Complete, begun, result)
    }

    /// Finds a completed object for reading. `size_bytes` is what the caller's row says; an object
    /// of another length is refused as [`StorageError::Damaged`], a missing one as [`StorageError::Missing`]: a file
    /// here, an object of a remote store when its [body](Blob::body) is asked for.
    ///
    /// Opening a file is done on the calling thread: it touches no content and takes microseconds.
    #[expect(
        clippy::unused_async,
        reason = "whether a store is asked here is its own affair"
    )]
    pub async fn read(&self, key: &ObjectKey, size_bytes: u64) -> Result<Blob, StorageError> {
        match &self.backend {
            Backend::Filesystem(files) => {
                let begun = Instant::now();
                let result = files.read(key, size_bytes).map(Blob::File);
                self.timings.count(StoreOperation::Read, begun, result)
            }
            Backend::S3(s3) => Ok(Blob::Object(BlobObject::new(s3, key, size_bytes))),
        }
    }

    /// Asks the store whether a completed object is there with this length; fails like [`read`](Self::read) and
    /// [`Blob::body`].
    pub async fn verify_length(
        &self,
        key: &ObjectKey,
        size_bytes: u64,
    ) -> Result<(), StorageError> {
        match self.read(key, size_bytes).await? {
            Blob::File(_) => Ok(()),
            Blob::Object(object) => object.verify_length().await,
        }
    }

    /// Removes whatever is stored under the key, finished or not. Removing nothing is success.
    pub async fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        let begun = Instant::now();
        let delete = async {
            match &self.backend {
                Backend::Filesystem(files) => transfer::delete(files, key).await,
                Backend::S3(s3) => s3.delete(key).await,
            }
        };
        let result = delete.instrument(tracing::info_span!("blobs.delete")).await;
        self.timings.count(StoreOperation::Delete, begun, result)
    }

    /// Keys of the uploads of which bytes are stored, in no order.
    pub async fn list_uploads(&self) -> Result<Vec<ObjectKey>, StorageError> {
        match &self.backend {
            Backend::Filesystem(files) => {
                let files = Arc::clone(files);
                Ok(transfer::blocking(move || files.list_uploads()).await??)
            }
            Backend::S3(s3) => s3.list_uploads().await,
        }
    }

    /// Keys and lengths of the completed objects whose keys end in this byte, in no order: a 256th of them all.
    pub async fn list_blobs(&self, shard: u8) -> Result<Vec<(ObjectKey, u64)>, StorageError> {
        match &self.backend {
            Backend::Filesystem(files) => {
                let files = Arc::clone(files);
                Ok(transfer::blocking(move || files.list_blobs(shard)).await??)
            }
            Backend::S3(s3) => s3.list_blobs(shard).await,
        }
    }

    /// Removes the bytes of every upload that `is_known` denies. It runs on the blocking pool and may
    /// ask a database. Correct because a key is stored by the caller before its first byte arrives. A remote store
    /// spares what is not [old enough](S3Options::orphans_after).
    pub async fn sweep_uploads<F>(&self, is_known: F) -> Result<Sweep, StorageError>
    where
        F: Fn(&ObjectKey) -> bool + Send + 'static,
    {
        match &self.backend {
            Backend::Filesystem(files) => {
                let files = Arc::clone(files);
                Ok(transfer::blocking(move || files.sweep_uploads(is_known)).await??)
            }
            Backend::S3(s3) => s3.sweep_uploads(is_known).await,
        }
    }

    /// Bytes that uploads may still take: free space less the reserve. A remote store does not say: as many as there
    /// are numbers.
    pub async fn free_space(&self) -> Result<u64, StorageError> {
        match &self.backend {
            Backend::Filesystem(files) => {
                let files = Arc::clone(files);
                Ok(transfer::blocking(move || files.free_bytes()).await??)
            }
            Backend::S3(_) => Ok(u64::MAX),
        }
    }

    /// Proves that the store takes writes: writes, flushes or reads, and removes a few bytes.
    pub async fn probe(&self) -> Result<(), StorageError> {
        match &self.backend {
            Backend::Filesystem(files) => {
                let files = Arc::clone(files);
                Ok(transfer::blocking(move || files.probe()).await??)
            }
            Backend::S3(s3) => s3.probe().await,
        }
    }

    /// Tries, within a second or so, what is counted on: for a start. The first thing that does not work may hide others.
    pub async fn check(&self) -> Vec<Check> {
        match &self.backend {
            Backend::Filesystem(_) => s3::of_probe(self.probe().await),
            Backend::S3(s3) => s3.check().await,
        }
    }

    /// What kind of store it is: `filesystem` or `s3`.
    pub fn kind(&self) -> &'static str {
        match &self.backend {
            Backend::Filesystem(_) => "filesystem",
            Backend::S3(_) => "s3",
        }
    }

    /// The clock of a remote store in its last answer, in milliseconds since 1970, to the second.
    pub fn clock_ms(&self) -> Option<i64> {
        match &self.backend {
            Backend::Filesystem(_) => None,
            Backend::S3(s3) => s3.clock_ms(),
        }
    }

    /// The same and whatever takes longer: for someone who asks what is wrong.
    pub async fn check_thoroughly(&self) -> Vec<Check> {
        match &self.backend {
            Backend::Filesystem(_) => s3::of_probe(self.probe().await),
            Backend::S3(s3) => s3.check_thoroughly().await,
        }
    }
}
