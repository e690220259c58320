//! Copying objects from one store to another: verified on the way, durable at the end, a few at a time.

use super::Progress;
use super::walk::Object;
use blobs::{AppendError, BlobStore, CompleteError, PutError, StorageError};
use futures_util::{StreamExt, TryStreamExt};
use oci::Hasher;
use std::io;

/// Why an object was not copied.
#[derive(Debug)]
pub(super) enum NotCopied {
    /// It is not there, or not what it should be, or cannot be read.
    Damaged(String),
    /// The store that it comes from does not answer at all.
    From(StorageError),
    /// The store that it goes to failed.
    To(StorageError),
}

/// What a failure to open an object means.
fn unopened(error: StorageError) -> NotCopied {
    match error {
        StorageError::Missing { .. } => NotCopied::Damaged("its object is missing".to_owned()),
        StorageError::Damaged {
            expected_bytes,
            found_bytes,
            ..
        } => NotCopied::Damaged(format!(
            "its object has {found_bytes} bytes instead of {expected_bytes}"
        )),
        error => NotCopied::From(error),
    }
}

fn unreadable(error: &io::Error) -> NotCopied {
    NotCopied::Damaged(format!("its object cannot be read: {error}"))
}

/// Copies an object. What arrives is compared with its digest before it counts.
pub(super) async fn copy(
    from: &BlobStore,
    to: &BlobStore,
    object: &Object,
    progress: &dyn Progress,
) -> Result<(), NotCopied> {
    let size_bytes = object.size_bytes;
    let found = from.read(&object.key, size_bytes).await.map_err(unopened)?;
    let body = found.body(0..size_bytes).await.map_err(unopened)?;
    let bytes = body
        .into_stream()
        .inspect_ok(|chunk| progress.advance(0, chunk.len() as u64));
    let upload = to.begin(object.key.clone(), object.digest.algorithm());
    let put = to.append_and_complete(upload, bytes, size_bytes, &object.digest);
    let not_copied = match put.await {
        Ok(_) => {
            progress.advance(1, 0);
            return Ok(());
        }
        Err(PutError::Append(AppendError::SourceFailed { error, .. })) => unreadable(&error),
        Err(PutError::Append(AppendError::TooLarge { .. })) => {
            NotCopied::Damaged("its object is longer than it should be".to_owned())
        }
        Err(PutError::Append(AppendError::StorageFull { .. })) => NotCopied::To(StorageError::Full),
        Err(PutError::Complete(CompleteError::DigestMismatch { .. })) => {
            NotCopied::Damaged("its object holds other bytes than it should".to_owned())
        }
        Err(
            PutError::Append(AppendError::Storage(error))
            | PutError::Complete(CompleteError::Storage(error)),
        ) => NotCopied::To(error),
    };
    // What arrived of it is written over by the next try, or swept away when old backups are.
    Err(not_copied)
}

/// Reads an object and compares it with its digest.
pub(super) async fn verify(
    store: &BlobStore,
    object: &Object,
    progress: &dyn Progress,
) -> Result<(), NotCopied> {
    let size_bytes = object.size_bytes;
    let found = store
        .read(&object.key, size_bytes)
        .await
        .map_err(unopened)?;
    let body = found.body(0..size_bytes).await.map_err(unopened)?;
    let mut bytes = body.into_stream();
    let mut hasher = Hasher::new(object.digest.algorithm());
    while let Some(chunk) = bytes.next().await {
        let chunk = chunk.map_err(|error| unreadable(&error))?;
        hasher.update(&chunk);
        progress.advance(0, chunk.len() as u64);
    }
    progress.advance(1, 0);
    if hasher.finish() == object.digest {
        Ok(())
    } else {
        Err(NotCopied::Damaged(
            "its object holds other bytes than it should".to_owned(),
        ))
    }
}
