//! Making a backup.

use super::copying::{NotCopied, copy};
use super::walk::{Object, Walk};
use super::{
    AT_ONCE, BackupError, BackupPlace, BackupRecord, BlobProblem, MOST_PROBLEMS, Progress,
    StoredSnapshot,
};
use blobs::{BlobStore, ObjectKey};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use metadata::{DatabasePlace, SnapshotBlob, SnapshotError, SnapshotHeader, export_snapshot};
use oci::{Algorithm, Hasher};
use std::collections::HashMap;
use std::io;
use tokio::sync::mpsc;

/// Pieces of a snapshot between whoever writes it and whoever stores it.
const PIECES: usize = 4;

/// A backup that is being made. Whoever makes it holds a pin from before [`take_snapshot`](Self::take_snapshot) on, and
/// makes sure that it was alive all the time before [`conclude`](Self::conclude).
pub struct Backup<'a> {
    /// The records of the registry.
    pub database: DatabasePlace,
    /// Its objects.
    pub blobs: BlobStore,
    /// Where the backup is to be.
    pub place: BackupPlace,
    /// Who hears how far it is.
    pub progress: &'a dyn Progress,
}

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackupCopy {
    /// Objects that the place did not have.
    pub copied: u64,
    /// Their bytes.
    pub copied_bytes: u64,
    /// Blobs that could not be read.
    pub problems: Vec<BlobProblem>,
}

/// What is to be done about a blob.
enum Due {
    Copy(SnapshotBlob, Object),
    Nothing(u64),
    Impossible(BlobProblem),
}

/// What was done.
enum Done {
    Copied(u64),
    Nothing,
    Impossible(BlobProblem),
}

impl Backup<'_> {
    /// Writes everything down that the registry knows, as it is at one moment, under a new key.
    ///
    /// # Errors
    /// [`BackupError::Snapshot`], [`BackupError::Place`].
    pub async fn take_snapshot(
        &self,
        key: &str,
    ) -> Result<(SnapshotHeader, StoredSnapshot), BackupError> {
        let key = ObjectKey::parse(key).map_err(|error| broke_off(&error))?;
        let (sender, pieces) = mpsc::channel::<Bytes>(PIECES);
        let database = self.database.clone();
        let exporting = tokio::task::spawn_blocking(move || {
            export_snapshot(&database, &mut |piece| {
                let gone = |_| io::Error::other("nobody takes the snapshot any more");
                let sent = sender.blocking_send(piece.into()).map_err(gone);
                sent.map_err(SnapshotError::Io)
            })
        });
        let body = stream::unfold(pieces, |mut pieces| async {
            let piece = pieces.recv().await?;
            Some((Ok::<_, io::Error>(piece), pieces))
        });
        let objects = &self.place.objects;
        let upload = objects.begin(key.clone(), Algorithm::Sha256);
        let appended = objects.append(upload, body, u64::MAX).await;
        let header = exporting.await.map_err(|error| broke_off(&error))?;
        // Why it was not stored says more than that nobody took it.
        let upload = appended.map_err(|error| broke_off(&error))?;
        let header = header?;
        let hasher = Hasher::import(&upload.hash).map_err(|error| broke_off(&error))?;
        let digest = hasher.finish();
        let stored = objects.complete(&upload, &digest).await;
        let stored = stored.map_err(|error| broke_off(&error))?;
        let snapshot = StoredSnapshot {
            key: key.to_string(),
            digest: digest.as_str().to_owned(),
            size_bytes: stored.size_bytes,
        };
        Ok((header, snapshot))
    }

    /// Copies whatever the snapshot names and the place does not have. Blobs that cannot be read are told, and left out.
    ///
    /// # Errors
    /// [`BackupError::Store`], [`BackupError::Place`] when a store does not answer: try again, and it goes on.
    pub async fn copy_blobs(
        &self,
        header: &SnapshotHeader,
        snapshot: &StoredSnapshot,
    ) -> Result<BackupCopy, BackupError> {
        self.progress
            .begin("copying blobs", header.blobs, header.blob_bytes);
        let walk = self.place.walk(snapshot).await?;
        let due = stream::try_unfold((walk, 0_u16), |(mut walk, shard)| async move {
            let Ok(shard) = u8::try_from(shard) else {
                return Ok::<_, BackupError>(None);
            };
            let due = self.due(&mut walk, shard).await?;
            Ok(Some((due, (walk, u16::from(shard) + 1))))
        });
        let done = due
            .map_ok(|due| stream::iter(due.into_iter().map(Ok::<_, BackupError>)))
            .try_flatten()
            .map(|due| async { self.carry_out(due?).await })
            .buffer_unordered(AT_ONCE);
        let mut done = std::pin::pin!(done);
        let mut all = BackupCopy::default();
        while let Some(done) = done.next().await {
            match done? {
                Done::Nothing => {}
                Done::Copied(size_bytes) => {
                    all.copied += 1;
                    all.copied_bytes += size_bytes;
                }
                Done::Impossible(problem) => {
                    self.progress
                        .tell(&format!("{}: {}", problem.digest, problem.what));
                    all.problems.push(problem);
                }
            }
            if all.problems.len() > MOST_PROBLEMS {
                return Err(BackupError::TooManyProblems(MOST_PROBLEMS));
            }
        }
        all.problems
            .sort_unstable_by(|a, b| (&a.digest, &a.location).cmp(&(&b.digest, &b.location)));
        Ok(all)
    }

    /// What is to be done for the blobs of one shard.
    async fn due(&self, walk: &mut Walk, shard: u8) -> Result<Vec<Due>, BackupError> {
        let named = walk.shard(shard).await?;
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let there = self.place.objects.list_blobs(shard).await;
        let there: HashMap<ObjectKey, u64> =
            there.map_err(BackupError::Place)?.into_iter().collect();
        let mut due = Vec::with_capacity(named.len());
        for blob in named {
            let Some(object) = Object::of(&blob) else {
                due.push(Due::Impossible(problem(
                    &blob,
                    "no object can have its key",
                )));
                continue;
            };
            match there.get(&object.key) {
                Some(length) if *length == object.size_bytes => {
                    due.push(Due::Nothing(object.size_bytes));
                    continue;
                }
                Some(_) => {
                    // It was right when it was written.
                    let deleted = self.place.objects.delete(&object.key).await;
                    deleted.map_err(BackupError::Place)?;
                }
                None => {}
            }
            due.push(Due::Copy(blob, object));
        }
        Ok(due)
    }

    async fn carry_out(&self, due: Due) -> Result<Done, BackupError> {
        let (blob, object) = match due {
            Due::Copy(blob, object) => (blob, object),
            Due::Nothing(size_bytes) => {
                self.progress.advance(1, size_bytes);
                return Ok(Done::Nothing);
            }
            Due::Impossible(problem) => return Ok(Done::Impossible(problem)),
        };
        match copy(&self.blobs, &self.place.objects, &object, self.progress).await {
            Ok(()) => Ok(Done::Copied(object.size_bytes)),
            Err(NotCopied::Damaged(what)) if blob.is_quarantined => {
                let what = format!("it is in quarantine, and {what}");
                Ok(Done::Impossible(problem(&blob, &what)))
            }
            Err(NotCopied::Damaged(what)) => Ok(Done::Impossible(problem(&blob, &what))),
            Err(NotCopied::From(error)) => Err(BackupError::Store(error)),
            Err(NotCopied::To(error)) => Err(BackupError::Place(error)),
        }
    }

    /// Makes it a backup.
    ///
    /// # Errors
    /// [`BackupError::BrokeOff`].
    pub async fn conclude(&self, record: &BackupRecord) -> Result<(), BackupError> {
        self.place.write_record(record).await
    }
}

fn problem(blob: &SnapshotBlob, what: &str) -> BlobProblem {
    BlobProblem {
        digest: blob.digest.clone(),
        location: blob.location.clone(),
        what: what.to_owned(),
    }
}

fn broke_off(error: &(impl std::error::Error + 'static)) -> BackupError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    BackupError::BrokeOff(text)
}
