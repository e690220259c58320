//! What can go wrong with a blob store.

use std::io;

use oci::Digest;

use crate::key::ObjectKey;
use crate::store::UploadProgress;

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
    /// The store cannot be reached, is overloaded, or is being restarted. Nothing is wrong with the request: it can be
    /// made again in a moment.
    #[error("the blob store does not answer; see the server's log, then try again")]
    Unavailable(#[source] io::Error),
    /// Anything else the disk or the store reports.
    #[error("the blob store failed; see the server's log and its disk or bucket, then try again")]
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
