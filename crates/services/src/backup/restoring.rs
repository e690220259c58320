//! Making a deployment from a backup.

use super::copying::{NotCopied, copy, verify};
use super::verifying::verify_snapshot;
use super::walk::Object;
use super::{AT_ONCE, BackupError, BackupPlace, BackupRecord, BlobProblem, Progress};
use blobs::{BlobStore, ObjectKey};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use metadata::{
    DatabasePlace, SnapshotBlob, SnapshotError, SnapshotHeader, import_snapshot, require_empty,
};
use oci::{Algorithm, Hasher};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use tokio::sync::mpsc;

/// Pieces of a snapshot between whoever reads it and whoever makes rows of it.
const PIECES: usize = 4;

/// A deployment that is being made. Nobody may use it meanwhile.
pub struct Restore<'a> {
    /// Where backups are kept.
    pub place: BackupPlace,
    /// Which one it is.
    pub record: BackupRecord,
    /// Where its records go to.
    pub database: DatabasePlace,
    /// Where its objects go to.
    pub blobs: BlobStore,
    /// Who hears how far it is.
    pub progress: &'a dyn Progress,
}

/// What was put into the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Objects that were copied.
    pub copied: u64,
    /// Objects that were there, from a restore that was cut off, and are what they should be.
    pub there: u64,
    /// Blobs whose bytes are lost. They stay in quarantine until they are pushed again.
    pub lost: Vec<BlobProblem>,
}

/// What became of an object.
enum Outcome {
    Copied,
    There,
    Lost(BlobProblem),
}

impl Restore<'_> {
    /// Finds out whether the backup may be restored here at all. Changes nothing.
    ///
    /// # Errors
    /// [`BackupError::Refused`] for another deployment's key, or a store with other objects in it;
    /// [`BackupError::Snapshot`] for a database that is not empty, or rows that this release does not know;
    /// [`BackupError::Damaged`] for a snapshot that is not whole.
    pub async fn check(&self, key_id: &str) -> Result<SnapshotHeader, BackupError> {
        if let Some(of_backup) = &self.record.deployment_key_id
            && of_backup != key_id
        {
            return Err(BackupError::Refused(format!(
                "the backup belongs to the deployment key {of_backup}, and the key here is {key_id}: put the deployment.key of \
                 the deployment that was backed up where deployment_key says"
            )));
        }
        let database = self.database.clone();
        let checked = tokio::task::spawn_blocking(move || require_empty(&database));
        checked
            .await
            .map_err(|error| BackupError::BrokeOff(error.to_string()))??;
        let header = verify_snapshot(&self.place, &self.record).await?;
        self.require_no_strangers().await?;
        Ok(header)
    }

    /// Refuses a store that holds what the backup does not name: it belongs to somebody. What it does name is there from a
    /// restore that was cut off.
    async fn require_no_strangers(&self) -> Result<(), BackupError> {
        let mut walk = self.place.walk(&self.record.snapshot).await?;
        for shard in 0..=u8::MAX {
            let named = walk.shard(shard).await?;
            let named: HashSet<&str> = named.iter().map(|blob| blob.location.as_str()).collect();
            let there = self.blobs.list_blobs(shard).await;
            let there = there.map_err(BackupError::Store)?;
            if let Some((key, _)) = there.iter().find(|(key, _)| !named.contains(key.as_str())) {
                return Err(BackupError::Refused(format!(
                    "the blob store is not empty: it holds object {key}, which is not in the backup; a backup is restored into \
                     an empty deployment only"
                )));
            }
        }
        Ok(())
    }

    /// Puts every object of the backup into the store, each compared with its digest on the way; those that are there are read
    /// and compared. With `despite_damage`, objects that cannot be restored are left out; blobs that could not be read when
    /// the backup was made always are.
    ///
    /// # Errors
    /// [`BackupError::Lost`] names all objects that cannot be restored; [`BackupError::Store`], [`BackupError::Place`].
    pub async fn copy_blobs(
        &self,
        header: &SnapshotHeader,
        despite_damage: bool,
    ) -> Result<Restored, BackupError> {
        self.progress
            .begin("restoring blobs", header.blobs, header.blob_bytes);
        let known: HashMap<&str, &BlobProblem> = self
            .record
            .problems
            .iter()
            .map(|problem| (problem.location.as_str(), problem))
            .collect();
        let mut walk = self.place.walk(&self.record.snapshot).await?;
        let mut restored = Restored::default();
        let mut unexpected = Vec::new();
        for shard in 0..=u8::MAX {
            let named = walk.shard(shard).await?;
            if named.is_empty() {
                continue;
            }
            let there = self.blobs.list_blobs(shard).await;
            let there: HashMap<ObjectKey, u64> =
                there.map_err(BackupError::Store)?.into_iter().collect();
            let mut done = stream::iter(named)
                .map(|blob| self.restore(blob, &there))
                .buffer_unordered(AT_ONCE);
            while let Some(outcome) = done.next().await {
                match outcome? {
                    Outcome::Copied => restored.copied += 1,
                    Outcome::There => restored.there += 1,
                    Outcome::Lost(problem) if known.contains_key(problem.location.as_str()) => {
                        restored.lost.push(problem);
                    }
                    Outcome::Lost(problem) => {
                        self.progress
                            .tell(&format!("{}: {}", problem.digest, problem.what));
                        unexpected.push(problem);
                    }
                }
            }
        }
        if !unexpected.is_empty() && !despite_damage {
            return Err(BackupError::Lost(unexpected));
        }
        restored.lost.append(&mut unexpected);
        Ok(restored)
    }

    async fn restore(
        &self,
        blob: SnapshotBlob,
        there: &HashMap<ObjectKey, u64>,
    ) -> Result<Outcome, BackupError> {
        let lost = |what: String| {
            Ok(Outcome::Lost(BlobProblem {
                digest: blob.digest.clone(),
                location: blob.location.clone(),
                what,
            }))
        };
        let Some(object) = Object::of(&blob) else {
            return lost("no object can have its key".to_owned());
        };
        if there.contains_key(&object.key) {
            match verify(&self.blobs, &object, self.progress).await {
                Ok(()) => return Ok(Outcome::There),
                Err(NotCopied::Damaged(_)) => {
                    let deleted = self.blobs.delete(&object.key).await;
                    deleted.map_err(BackupError::Store)?;
                }
                Err(NotCopied::From(error) | NotCopied::To(error)) => {
                    return Err(BackupError::Store(error));
                }
            }
        }
        match copy(&self.place.objects, &self.blobs, &object, self.progress).await {
            Ok(()) => Ok(Outcome::Copied),
            Err(NotCopied::Damaged(what)) => lost(what),
            Err(NotCopied::From(error)) => Err(BackupError::Place(error)),
            Err(NotCopied::To(error)) => Err(BackupError::Store(error)),
        }
    }

    /// Makes the rows, all in one step: from then on it is a deployment.
    ///
    /// # Errors
    /// [`BackupError::Snapshot`]; the database is as it was.
    pub async fn import(&self, restored: &Restored, now_ms: i64) -> Result<(), BackupError> {
        let lost: BTreeSet<String> = restored
            .lost
            .iter()
            .map(|problem| problem.location.clone())
            .collect();
        let (sender, mut pieces) = mpsc::channel(PIECES);
        let database = self.database.clone();
        let importing = tokio::task::spawn_blocking(move || {
            let mut next = || match pieces.blocking_recv() {
                Some(piece) => piece,
                None => Err(SnapshotError::Io(io::ErrorKind::UnexpectedEof.into())),
            };
            import_snapshot(&database, &mut next, &lost, now_ms)
        });
        let fed = self.feed(sender).await;
        let imported = importing.await;
        imported.map_err(|error| BackupError::BrokeOff(error.to_string()))??;
        fed
    }

    /// Passes a snapshot on. That it has ended is said only when its bytes were the right ones.
    async fn feed(
        &self,
        sender: mpsc::Sender<Result<Option<Bytes>, SnapshotError>>,
    ) -> Result<(), BackupError> {
        let mut pieces = self.place.read_snapshot(&self.record.snapshot).await?;
        let mut hasher = Hasher::new(Algorithm::Sha256);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(SnapshotError::Io);
            if let Ok(piece) = &piece {
                hasher.update(piece);
            }
            if sender.send(piece.map(Some)).await.is_err() {
                // Whoever takes them has failed, and says why.
                return Ok(());
            }
        }
        let end = if hasher.finish().as_str() == self.record.snapshot.digest {
            Ok(None)
        } else {
            let what = "it holds other bytes than a moment ago".to_owned();
            Err(SnapshotError::Unreadable(what))
        };
        // The same.
        let _ = sender.send(end).await;
        Ok(())
    }
}
