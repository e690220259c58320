//! Reading a backup again.

use super::copying::{NotCopied, verify};
use super::walk::Object;
use super::{
    AT_ONCE, BackupError, BackupPlace, BackupRecord, BlobProblem, Progress, StoredSnapshot,
};
use futures_util::{StreamExt, stream};
use metadata::{SnapshotBlob, SnapshotHeader, SnapshotParser};
use oci::{Algorithm, Hasher};
use std::collections::HashSet;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Objects that are what they should be.
    pub whole: u64,
    /// Those that are not, or not there.
    pub problems: Vec<BlobProblem>,
}

/// Reads everything that a backup names, and compares it with its digests. Blobs that could not be read when it was made are
/// passed over. With `removes_damaged`, damaged objects are taken away, so that the next backup brings them anew.
///
/// # Errors
/// [`BackupError::Damaged`] when the snapshot is not whole; [`BackupError::Place`].
pub async fn verify_backup(
    place: &BackupPlace,
    record: &BackupRecord,
    removes_damaged: bool,
    progress: &dyn Progress,
) -> Result<Verified, BackupError> {
    let header = verify_snapshot(place, record).await?;
    progress.begin("reading the backup", header.blobs, header.blob_bytes);
    let left_out: HashSet<&str> = record
        .problems
        .iter()
        .map(|problem| problem.location.as_str())
        .collect();
    let mut walk = place.walk(&record.snapshot).await?;
    let mut all = Verified::default();
    for shard in 0..=u8::MAX {
        let named = walk.shard(shard).await?;
        let mut read = stream::iter(named)
            .filter(|blob| std::future::ready(!left_out.contains(blob.location.as_str())))
            .map(|blob| verify_one(place, blob, progress))
            .buffer_unordered(AT_ONCE);
        while let Some(problem) = read.next().await {
            let Some(problem) = problem? else {
                all.whole += 1;
                continue;
            };
            progress.tell(&format!("{}: {}", problem.digest, problem.what));
            if removes_damaged && let Ok(key) = blobs::ObjectKey::parse(&problem.location) {
                let deleted = place.objects.delete(&key).await;
                deleted.map_err(BackupError::Place)?;
            }
            all.problems.push(problem);
        }
    }
    Ok(all)
}

async fn verify_one(
    place: &BackupPlace,
    blob: SnapshotBlob,
    progress: &dyn Progress,
) -> Result<Option<BlobProblem>, BackupError> {
    let read = match Object::of(&blob) {
        Some(object) => verify(&place.objects, &object, progress).await,
        None => Err(NotCopied::Damaged("no object can have its key".to_owned())),
    };
    match read {
        Ok(()) => Ok(None),
        Err(NotCopied::Damaged(what)) => Ok(Some(BlobProblem {
            digest: blob.digest,
            location: blob.location,
            what,
        })),
        Err(NotCopied::From(error) | NotCopied::To(error)) => Err(BackupError::Place(error)),
    }
}

/// Reads a snapshot from its first byte to its last.
pub(super) async fn verify_snapshot(
    place: &BackupPlace,
    record: &BackupRecord,
) -> Result<SnapshotHeader, BackupError> {
    let damaged = |what: String| BackupError::Damaged {
        id: record.id.clone(),
        what,
    };
    let StoredSnapshot { digest, .. } = &record.snapshot;
    let mut pieces = place
        .read_snapshot(&record.snapshot)
        .await
        .map_err(|error| match error {
            BackupError::Place(
                error @ (blobs::StorageError::Missing { .. } | blobs::StorageError::Damaged { .. }),
            ) => damaged(format!("its snapshot: {error}")),
            error => error,
        })?;
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut parser = SnapshotParser::default();
    let mut is_readable = true;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| BackupError::Place(error.into()))?;
        hasher.update(&piece);
        // Whether it is what was written is asked first, at the end.
        is_readable = is_readable && parser.feed(&piece).and_then(|()| parser.blobs()).is_ok();
    }
    if hasher.finish().as_str() != digest {
        return Err(damaged(
            "its snapshot holds other bytes than it should".to_owned(),
        ));
    }
    if let Some(header) = parser.header() {
        header.require_readable()?;
    }
    parser.finish()?;
    match parser.header() {
        Some(header) if is_readable => Ok(header.clone()),
        _ => Err(damaged("its snapshot cannot be read".to_owned())),
    }
}
