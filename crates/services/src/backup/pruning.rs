//! Taking old backups away, and whatever no other one needs.

use super::verifying::verify_snapshot;
use super::{BackupError, BackupPlace};
use blobs::ObjectKey;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::HashSet;

/// Objects deleted at once.
const DELETED_AT_ONCE: usize = 8;

/// What was taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Backups that are gone.
    pub backups: u64,
    /// Backups that stay.
    pub kept: u64,
    /// Objects that are gone.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Keeps the newest `keep` backups, and the newest one that is whole; takes away the others, and every object that none of
/// those left names: also what a backup that was cut off had copied already. Nobody may make a backup there meanwhile.
///
/// # Errors
/// [`BackupError::Place`]; [`BackupError::Damaged`] when a record or a snapshot that stays cannot be read, because then it is
/// not known what it names. What was begun goes on with the next call.
pub async fn prune_backups(place: &BackupPlace, keep: usize) -> Result<Pruned, BackupError> {
    let mut records = place.list().await?;
    let newest_whole = records
        .iter()
        .rposition(|record| record.problems.is_empty());
    let first_kept = records.len().saturating_sub(keep.max(1));
    let mut pruned = Pruned::default();
    let (mut kept, mut old) = (Vec::new(), Vec::new());
    for (index, record) in records.drain(..).enumerate() {
        if index >= first_kept || Some(index) == newest_whole {
            // Before anything goes: an older one may be all that is left.
            verify_snapshot(place, &record).await?;
            kept.push(record);
        } else {
            old.push(record);
        }
    }
    // First the records: a backup whose objects are going is none any more.
    for record in old {
        let key = ObjectKey::parse(&record.id)
            .map_err(|error| BackupError::BrokeOff(error.to_string()))?;
        let deleted = place.records.delete(&key).await;
        deleted.map_err(BackupError::Place)?;
        pruned.backups += 1;
    }
    pruned.kept = kept.len() as u64;
    let mut walks = Vec::new();
    for record in &kept {
        walks.push(place.walk(&record.snapshot).await?);
    }
    for shard in 0..=u8::MAX {
        let mut named: HashSet<String> = kept
            .iter()
            .map(|record| record.snapshot.key.clone())
            .collect();
        for walk in &mut walks {
            named.extend(
                walk.shard(shard)
                    .await?
                    .into_iter()
                    .map(|blob| blob.location),
            );
        }
        let there = place.objects.list_blobs(shard).await;
        let unnamed = there
            .map_err(BackupError::Place)?
            .into_iter()
            .filter(|(key, _)| !named.contains(key.as_str()));
        let deleted: Vec<u64> = stream::iter(unnamed)
            .map(|(key, size_bytes)| async move {
                place.objects.delete(&key).await.map(|()| size_bytes)
            })
            .buffer_unordered(DELETED_AT_ONCE)
            .try_collect()
            .await
            .map_err(BackupError::Place)?;
        pruned.objects += deleted.len() as u64;
        pruned.bytes += deleted.iter().sum::<u64>();
    }
    // What was on its way when a backup was cut off.
    for store in [&place.objects, &place.records] {
        let swept = store.sweep_uploads(|_| false).await;
        swept.map_err(BackupError::Place)?;
    }
    Ok(pruned)
}
