//! How bytes travel from a request to the disk.
//!
//! ```text
//!  body ─► batch (≤ 1 MiB) ─► blocking pool: pwritev, hash, start writeback ─► last hop: flush, rename
//!            └ filled while the previous batch is being written
//! ```
//!
//! A batch is handed over when the disk is idle and 512 KiB have gathered, or 64 KiB and no more came for two
//! milliseconds, or when the body ends. A fast body therefore makes large batches, whose hop costs little
//! beside the work, a slow one small ones, and a body below 64 KiB a single hop for everything, flush
//! included.
//!
//! **Memory.** Each transfer may hold up to 64 KiB while it waits for its client. Everything beyond that,
//! and everything on its way to the disk, is admitted against 8 MiB for all transfers together
//! ([`Budget`]). 64 transfers hold at most 12 MiB, 1,024 at most 72 MiB. When the budget is used up,
//! batches become smaller and hand-overs wait in line. Nobody waits for a client for longer than those two
//! milliseconds while holding a permit, so stalled clients cannot stop the others.

use std::io;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Duration, Instant, sleep_until};

use crate::batch::{Batch, Budget};
use crate::filesystem::Filesystem;
use crate::key::ObjectKey;
use crate::store::{
    AppendError, CompleteError, Completed, Expected, PutError, StorageError, UploadProgress,
};
use crate::upload::OpenUpload;

/// How long a batch that could be written waits for more.
const GATHERING: Duration = Duration::from_millis(2);

/// Why no more is received.
enum Reason<E> {
    SourceFailed(E),
    TooLarge,
    Storage(StorageError),
}

/// A transfer that ended early.
struct Stopped<E> {
    /// The upload and what was still to be written, where they count.
    kept: Option<(OpenUpload, Batch)>,
    reason: Reason<E>,
}

impl<E, F: Into<StorageError>> From<F> for Stopped<E> {
    fn from(error: F) -> Self {
        Self {
            kept: None,
            reason: Reason::Storage(error.into()),
        }
    }
}

impl<E> Stopped<E> {
    /// A store that is full keeps what it has; after any other failure nothing new is trusted.
    fn by_storage(upload: OpenUpload, error: StorageError) -> Self {
        let kept = matches!(error, StorageError::Full).then(|| (upload, Batch::default()));
        Self {
            kept,
            reason: Reason::Storage(error),
        }
    }

    /// Makes durable what counts, and answers. `before` is the progress that the request began with.
    async fn settle(
        self,
        before: UploadProgress,
        limit_bytes: u64,
        budget: &Budget,
    ) -> AppendError<E> {
        let flushed = match self.kept {
            Some((upload, rest)) => flush(upload, rest, before, budget).await,
            None => Ok(Flushed {
                progress: before,
                is_full: false,
            }),
        };
        match (self.reason, flushed) {
            (Reason::TooLarge, _) => AppendError::TooLarge { limit_bytes },
            (Reason::Storage(StorageError::Full), Ok(Flushed { progress, .. }))
            | (
                _,
                Ok(Flushed {
                    progress,
                    is_full: true,
                }),
            ) => AppendError::StorageFull { progress },
            (_, Err(error)) | (Reason::Storage(error), _) => AppendError::Storage(error),
            (Reason::SourceFailed(error), Ok(Flushed { progress, .. })) => {
                AppendError::SourceFailed { error, progress }
            }
        }
    }
}

/// The upload travels to the blocking pool and back. With it travels its key's lock: when a request is
/// dropped, the batch that is being written still ends before the next request begins.
type Written = (OpenUpload, Result<(), StorageError>);

/// Locks the key and receives the body, writing behind it. Returns the upload and what is still to be
/// written to it.
async fn receive<S, E>(
    filesystem: &Arc<Filesystem>,
    progress: &UploadProgress,
    body: S,
    limit_bytes: u64,
) -> Result<(OpenUpload, Batch), Stopped<E>>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    let guard = filesystem.locks.lock(&progress.key).await;
    let upload = OpenUpload::resume(filesystem, guard, progress)?;
    let budget = &filesystem.budget;
    let mut room_bytes = limit_bytes.saturating_sub(progress.offset);
    let mut body = pin!(body);
    let (mut idle, mut writing) = (Some(upload), None::<JoinHandle<Written>>);
    let mut batch = Batch::default();
    // What has arrived and does not fit into the batch.
    let mut piece = Bytes::new();
    // When the batch goes, large or not.
    let mut due = None::<Instant>;
    let broken_off = loop {
        batch.take_from(&mut piece, budget);
        if due.is_none() && batch.is_worth_writing() {
            due = Some(Instant::now() + GATHERING);
        }
        let is_due = batch.is_large() || due.is_some_and(|at| at <= Instant::now());
        if is_due && let Some(mut upload) = idle.take() {
            due = None;
            let full = std::mem::take(&mut batch).admitted(budget).await;
            writing = Some(tokio::task::spawn_blocking(move || {
                let written = upload.write(&full.parts);
                (upload, written)
            }));
            continue;
        }
        tokio::select! {
            biased;
            next = body.next(), if piece.is_empty() && batch.has_room() => match next {
                None => break None,
                Some(Err(error)) => break Some(error),
                Some(Ok(arrived)) => match room_bytes.checked_sub(arrived.len() as u64) {
                    None => return Err(Stopped { kept: None, reason: Reason::TooLarge }),
                    Some(room) => (room_bytes, piece) = (room, arrived),
                },
            },
            upload = end_of(&mut writing) => (idle, writing) = (Some(upload?), None),
            () = until(due), if idle.is_some() => {}
        }
    };
    let upload = match idle {
        Some(upload) => upload,
        None => end_of(&mut writing).await?,
    };
    match broken_off {
        None => Ok((upload, batch)),
        Some(error) => Err(Stopped {
            kept: Some((upload, batch)),
            reason: Reason::SourceFailed(error),
        }),
    }
}

/// Waits until a moment; for ever if there is none.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Waits for a write in progress; for ever if there is none.
async fn end_of<E>(writing: &mut Option<JoinHandle<Written>>) -> Result<OpenUpload, Stopped<E>> {
    let Some(handle) = writing else {
        return std::future::pending().await;
    };
    match joined(handle.await)? {
        (upload, Ok(())) => Ok(upload),
        (upload, Err(error)) => Err(Stopped::by_storage(upload, error)),
    }
}

/// What is durable, and whether the store had no room for more.
struct Flushed {
    progress: UploadProgress,
    is_full: bool,
}

/// Writes the rest and makes everything durable, in one hop. `before` still holds when the flush itself
/// finds that there is no room.
async fn flush(
    mut upload: OpenUpload,
    rest: Batch,
    before: UploadProgress,
    budget: &Budget,
) -> Result<Flushed, StorageError> {
    let rest = rest.admitted(budget).await;
    blocking(move || {
        let is_full = match upload.write(&rest.parts) {
            Ok(()) => false,
            Err(StorageError::Full) => true,
            Err(error) => return Err(error),
        };
        match upload.sync() {
            Ok(progress) => Ok(Flushed { progress, is_full }),
            Err(StorageError::Full) => Ok(Flushed {
                progress: before,
                is_full: true,
            }),
            Err(error) => Err(error),
        }
    })
    .await?
}

pub(crate) async fn append<S, E>(
    filesystem: &Arc<Filesystem>,
    before: UploadProgress,
    body: S,
    limit_bytes: u64,
) -> Result<UploadProgress, AppendError<E>>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    let budget = &filesystem.budget;
    match receive(filesystem, &before, body, limit_bytes).await {
        Err(stopped) => Err(stopped.settle(before, limit_bytes, budget).await),
        Ok((upload, rest)) => match flush(upload, rest, before, budget).await {
            Ok(Flushed {
                progress,
                is_full: false,
            }) => Ok(progress),
            Ok(Flushed {
                progress,
                is_full: true,
            }) => Err(AppendError::StorageFull { progress }),
            Err(error) => Err(AppendError::Storage(error)),
        },
    }
}

pub(crate) async fn append_and_complete<S, E>(
    filesystem: &Arc<Filesystem>,
    before: UploadProgress,
    body: S,
    limit_bytes: u64,
    expected: Expected,
) -> Result<Completed, PutError<E>>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    let budget = &filesystem.budget;
    let stopped = match receive(filesystem, &before, body, limit_bytes).await {
        Err(stopped) => stopped,
        Ok((mut upload, rest)) => {
            let rest = rest.admitted(budget).await;
            // One hop for the last bytes, the flush and the rename.
            let last = blocking(move || match upload.write(&rest.parts) {
                Ok(()) => ControlFlow::Continue(upload.complete(expected)),
                Err(error) => ControlFlow::Break((upload, error)),
            });
            match last.await {
                Ok(ControlFlow::Continue(completed)) => {
                    return completed.map_err(PutError::Complete);
                }
                Ok(ControlFlow::Break((upload, error))) => Stopped::by_storage(upload, error),
                Err(error) => error.into(),
            }
        }
    };
    Err(PutError::Append(
        stopped.settle(before, limit_bytes, budget).await,
    ))
}

pub(crate) async fn complete(
    filesystem: &Arc<Filesystem>,
    progress: &UploadProgress,
    expected: Expected,
) -> Result<Completed, CompleteError> {
    let guard = filesystem.locks.lock(&progress.key).await;
    let upload = OpenUpload::resume(filesystem, guard, progress)?;
    blocking(move || upload.complete(expected)).await?
}

pub(crate) async fn delete(
    filesystem: &Arc<Filesystem>,
    key: &ObjectKey,
) -> Result<(), StorageError> {
    let guard = filesystem.locks.lock(key).await;
    let (filesystem, key) = (Arc::clone(filesystem), key.clone());
    Ok(blocking(move || {
        let _guard = guard;
        filesystem.delete(&key)
    })
    .await??)
}

/// Runs blocking work where it may block. An error means that the runtime is shutting down.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    joined(tokio::task::spawn_blocking(work).await)
}

fn joined<T>(result: Result<T, JoinError>) -> io::Result<T> {
    result.or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Err(io::Error::other("the server is shutting down")),
    })
}
