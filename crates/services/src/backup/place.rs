//! Where backups are kept: objects, which all of them share, and a record of each.

use super::BackupError;
use super::walk::Walk;
use blobs::{BlobStore, BlobStream, ObjectKey};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use oci::{Algorithm, Digest};
use serde::{Deserialize, Serialize};

/// Shards listed at once.
const LISTED_AT_ONCE: usize = 16;
/// No record is longer.
const LONGEST_RECORD: u64 = 64 << 20;

/// A directory or a bucket with backups in it, as two stores.
///
/// Objects and records are written as blobs are: readable when they are durable and verified, and never changed.
#[derive(Clone)]
pub struct BackupPlace {
    /// Blobs, under the keys that they have in the registry, and snapshots.
    pub objects: BlobStore,
    /// Records, under the identifiers of their backups.
    pub records: BlobStore,
}

/// What makes a backup one: it is written when everything that it names is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupRecord {
    /// Its identifier. Those of later backups sort after it.
    pub id: String,
    /// When it began: what was pushed later is not in it.
    pub begun_at_ms: i64,
    /// When it was whole.
    pub ended_at_ms: i64,
    /// The schema of its rows.
    pub schema_version: i64,
    /// The deployment's key, without which it is worth little.
    pub deployment_key_id: Option<String>,
    /// The records.
    pub snapshot: StoredSnapshot,
    /// Blobs that it names.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// How many of them were not in the place before.
    pub copied: u64,
    /// Their bytes.
    pub copied_bytes: u64,
    /// Blobs that could not be read, and so are not in it.
    pub problems: Vec<BlobProblem>,
}

/// A snapshot in a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSnapshot {
    /// The key of its object.
    pub key: String,
    /// Its digest.
    pub digest: String,
    /// Its size.
    pub size_bytes: u64,
}

/// A blob that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobProblem {
    /// Its digest.
    pub digest: String,
    /// The key of its object.
    pub location: String,
    /// What is wrong with it.
    pub what: String,
}

impl BackupPlace {
    /// All backups, the oldest first.
    ///
    /// # Errors
    /// [`BackupError::Place`]; [`BackupError::Damaged`] for a record that cannot be read.
    pub async fn list(&self) -> Result<Vec<BackupRecord>, BackupError> {
        let mut found: Vec<(ObjectKey, u64)> = stream::iter(0..=u8::MAX)
            .map(|shard| self.records.list_blobs(shard))
            .buffer_unordered(LISTED_AT_ONCE)
            .try_concat()
            .await
            .map_err(BackupError::Place)?;
        found.sort_unstable_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        let mut records = Vec::with_capacity(found.len());
        for (key, size_bytes) in found {
            records.push(self.read_record(&key, size_bytes).await?);
        }
        Ok(records)
    }

    /// A backup, or the newest one.
    ///
    /// # Errors
    /// [`BackupError::NotFound`], and those of [`list`](Self::list).
    pub async fn find(&self, id: Option<&str>) -> Result<BackupRecord, BackupError> {
        let mut records = self.list().await?;
        let Some(id) = id else {
            return records.pop().ok_or_else(|| {
                BackupError::NotFound("no finished backup is kept there".to_owned())
            });
        };
        let found = records.into_iter().find(|record| record.id == id);
        found.ok_or_else(|| {
            BackupError::NotFound(format!(
                "backup {id} is not kept there; `roadstead backup list` names those that are"
            ))
        })
    }

    /// Refuses a place that another deployment keeps its backups in: they would be pruned together.
    ///
    /// # Errors
    /// [`BackupError::Refused`], and those of [`list`](Self::list).
    pub async fn require_ours(&self, key_id: Option<&str>) -> Result<(), BackupError> {
        let others = self.list().await?.into_iter().find(|record| {
            record.deployment_key_id.is_some() && record.deployment_key_id.as_deref() != key_id
        });
        match others {
            None => Ok(()),
            Some(record) => Err(BackupError::Refused(format!(
                "another deployment keeps its backups there ({}): name a place of its own for each",
                record.id
            ))),
        }
    }

    /// A record's text is its digest on the first line, and JSON after.
    async fn read_record(
        &self,
        key: &ObjectKey,
        size_bytes: u64,
    ) -> Result<BackupRecord, BackupError> {
        let damaged = |what: &str| BackupError::Damaged {
            id: key.to_string(),
            what: what.to_owned(),
        };
        if size_bytes > LONGEST_RECORD {
            return Err(damaged("its record is too long"));
        }
        let found = self.records.read(key, size_bytes).await;
        let body = found.map_err(BackupError::Place)?.body(0..size_bytes).await;
        let mut text = Vec::new();
        let mut chunks = body.map_err(BackupError::Place)?.into_stream();
        while let Some(chunk) = chunks.next().await {
            text.extend_from_slice(&chunk.map_err(|error| BackupError::Place(error.into()))?);
        }
        let end_of_line = text.iter().position(|byte| *byte == b'\n');
        let (digest, json) = text.split_at(end_of_line.map_or(0, |at| at + 1));
        let is_whole = digest.trim_ascii() == Digest::sha256_of(json).as_str().as_bytes();
        let record: Option<BackupRecord> = serde_json::from_slice(json).ok();
        record
            .filter(|record| is_whole && record.id == key.as_str())
            .ok_or_else(|| damaged("its record is not what was written"))
    }

    pub(super) async fn write_record(&self, record: &BackupRecord) -> Result<(), BackupError> {
        let broke_off = |error: &dyn std::fmt::Display| BackupError::BrokeOff(error.to_string());
        let json = serde_json::to_string(record).map_err(|error| broke_off(&error))?;
        let text = Bytes::from(format!("{}\n{json}", Digest::sha256_of(json.as_bytes())));
        let key = ObjectKey::parse(&record.id).map_err(|error| broke_off(&error))?;
        let digest = Digest::sha256_of(&text);
        let length = text.len() as u64;
        let upload = self.records.begin(key, Algorithm::Sha256);
        let body = stream::iter([Ok::<_, std::io::Error>(text)]);
        self.records
            .append_and_complete(upload, body, length, &digest)
            .await
            .map_err(|error| broke_off(&error))?;
        Ok(())
    }

    /// The text of a snapshot, as it comes. It has to be compared with its digest.
    pub(super) async fn read_snapshot(
        &self,
        snapshot: &StoredSnapshot,
    ) -> Result<BlobStream, BackupError> {
        let key = ObjectKey::parse(&snapshot.key)
            .map_err(|error| BackupError::BrokeOff(error.to_string()))?;
        let found = self.objects.read(&key, snapshot.size_bytes).await;
        let found = found.map_err(BackupError::Place)?;
        let body = found.body(0..snapshot.size_bytes).await;
        Ok(body.map_err(BackupError::Place)?.into_stream())
    }

    /// The blobs that a snapshot names.
    pub(super) async fn walk(&self, snapshot: &StoredSnapshot) -> Result<Walk, BackupError> {
        Ok(Walk::new(self.read_snapshot(snapshot).await?))
    }
}
