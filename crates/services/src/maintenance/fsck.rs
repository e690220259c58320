//! Comparing database and store both ways, a page at a time, beside a running registry or without one.
//!
//! A row may come or go between two looks, so whatever seems wrong is looked at again before it is told.

use super::Maintenance;
use crate::{Error, Result};
use blobs::{ObjectKey, StorageError};
use futures_util::{StreamExt, TryStreamExt, stream};
use metadata::{Damage, StoredBlob};
use model::RepositoryId;
use oci::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Rows fetched at once.
const PAGE: i64 = 500;
/// Objects asked for at once.
const AT_ONCE: usize = 8;
/// An object that no row names is left alone until it is so old.
const OLD_MS: i64 = 86_400_000;

/// How far a check is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FsckPosition {
    /// Blobs after this storage and digest.
    Blobs(String, String),
    /// Objects from this 256th of the store on.
    Objects(u8),
    /// What is stored of uploads.
    Uploads,
    /// Leases after this repository and digest.
    Leases(String, String),
    /// Accounts after this one.
    Usage(String),
}

impl FsckPosition {
    /// Where a check begins.
    pub fn start() -> Self {
        Self::Blobs(String::new(), String::new())
    }
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// A blob's object is not in the store.
    MissingObject,
    /// A blob's object is longer or shorter than the blob.
    WrongLength,
    /// A blob is in quarantine: its bytes were found damaged.
    Quarantined,
    /// An object that no row names.
    UnnamedObject,
    /// Bytes of an upload that no row names.
    UnnamedUpload,
    /// A blob that nothing refers to and that the collector was not asked to look at.
    ForgottenBlob,
    /// A lease that no manifest makes lasting and that the collector was not asked to look at.
    ForgottenLease,
    /// An account's usage is not what its manifests add up to.
    WrongUsage,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub problem: Problem,
    /// With what: a digest, the key of an object, an account.
    pub subject: String,
    /// More about it, for people.
    pub detail: String,
    /// Whether something was done about it.
    pub is_repaired: bool,
}

/// What one step of a check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FsckStep {
    /// Things looked at.
    pub checked: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Where to go on; `None` at the end.
    pub next: Option<FsckPosition>,
}

fn finding(problem: Problem, subject: impl Into<String>, detail: impl Into<String>) -> Finding {
    Finding {
        problem,
        subject: subject.into(),
        detail: detail.into(),
        is_repaired: false,
    }
}

impl Maintenance {
    /// Checks from `at` on, a page of it. With `repairs`, objects that no row names and that are older than a day are
    /// condemned, and the collector is asked to look at what was forgotten. Nothing else is changed.
    pub async fn fsck(&self, at: FsckPosition, repairs: bool) -> Result<FsckStep> {
        match at {
            FsckPosition::Blobs(storage, digest) => self.fsck_blobs(storage, digest, repairs).await,
            FsckPosition::Objects(shard) => self.fsck_objects(shard, repairs).await,
            FsckPosition::Uploads => self.fsck_uploads(repairs).await,
            FsckPosition::Leases(repository, digest) => {
                self.fsck_leases(repository, digest, repairs).await
            }
            FsckPosition::Usage(account) => self.fsck_usage(account).await,
        }
    }

    async fn fsck_blobs(&self, storage: String, digest: String, repairs: bool) -> Result<FsckStep> {
        let page = self.core.metadata.list(move |reader| {
            let after = (storage.as_str(), digest.as_str());
            let page = reader.list_blobs(after, PAGE)?;
            Ok::<_, Error>((page, reader.list_forgotten_blobs(after, PAGE)?))
        });
        let (page, forgotten) = page.await?;
        let last = page.last().cloned();
        let checked = page.len() as u64;
        let mut findings: Vec<Finding> = stream::iter(page)
            .map(|blob| self.fsck_blob(blob))
            .buffered(AT_ONCE)
            .try_filter_map(|found| std::future::ready(Ok(found)))
            .try_collect()
            .await?;
        for blob in forgotten {
            let detail = format!("{} bytes that nothing refers to", blob.size_bytes);
            let mut found = finding(Problem::ForgottenBlob, blob.digest.as_str(), detail);
            if repairs {
                self.look_at_blob_soon(blob).await?;
                found.is_repaired = true;
            }
            findings.push(found);
        }
        let next = last.map_or(FsckPosition::Objects(0), |last| {
            FsckPosition::Blobs(last.storage, last.digest.as_str().to_owned())
        });
        Ok(FsckStep {
            checked,
            findings,
            next: Some(next),
        })
    }

    async fn fsck_blob(&self, blob: StoredBlob) -> Result<Option<Finding>> {
        let Ok(key) = ObjectKey::parse(&blob.location) else {
            let detail = format!("{:?} is no key of an object", blob.location);
            let subject = blob.digest.as_str();
            return Ok(Some(finding(Problem::MissingObject, subject, detail)));
        };
        let found = self.core.blobs.verify_length(&key, blob.size_bytes).await;
        let (problem, detail) = match found {
            Ok(()) => match blob.damage {
                None => return Ok(None),
                Some(damage) => (
                    Problem::Quarantined,
                    format!("object {}: {}", blob.location, words(damage)),
                ),
            },
            Err(StorageError::Missing { .. }) => (
                Problem::MissingObject,
                format!("object {} is not there", blob.location),
            ),
            Err(StorageError::Damaged {
                expected_bytes,
                found_bytes,
                ..
            }) => (
                Problem::WrongLength,
                format!(
                    "object {} has {found_bytes} bytes instead of {expected_bytes}",
                    blob.location
                ),
            ),
            Err(error) => return Err(error.into()),
        };
        // It may have been collected, or replaced, since the page was read.
        let (storage, digest) = (blob.storage.clone(), blob.digest.clone());
        let now = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.find_blob(&storage, &digest)?))
            .await?;
        let is_still_so = now.is_some_and(|now| now.location == blob.location);
        Ok(is_still_so.then(|| finding(problem, blob.digest.as_str(), detail)))
    }

    async fn fsck_objects(&self, shard: u8, repairs: bool) -> Result<FsckStep> {
        let listed = self.core.blobs.list_blobs(shard).await?;
        let mut findings = Vec::new();
        let lengths = listed
            .iter()
            .cloned()
            .collect::<std::collections::BTreeMap<_, _>>();
        for key in self.unnamed(listed.iter().map(|(key, _)| key)).await? {
            let size_bytes = lengths.get(&key).copied().unwrap_or(0);
            // Its row may have gone, and then its bytes, since the store was asked.
            if self
                .core
                .blobs
                .verify_length(&key, size_bytes)
                .await
                .is_ok()
            {
                let detail = format!("{size_bytes} bytes that no row names");
                let found = finding(Problem::UnnamedObject, key.as_str(), detail);
                findings.push(self.condemn_unnamed(key, found, repairs).await?);
            }
        }
        let next = shard
            .checked_add(1)
            .map_or(FsckPosition::Uploads, FsckPosition::Objects);
        Ok(FsckStep {
            checked: listed.len() as u64,
            findings,
            next: Some(next),
        })
    }

    async fn fsck_uploads(&self, repairs: bool) -> Result<FsckStep> {
        let listed = self.core.blobs.list_uploads().await?;
        let unnamed = self.unnamed(listed.iter()).await?;
        let mut findings = Vec::new();
        if !unnamed.is_empty() {
            // Their rows may have gone, and then their bytes, since the store was asked.
            let still: BTreeSet<ObjectKey> =
                self.core.blobs.list_uploads().await?.into_iter().collect();
            for key in unnamed.into_iter().filter(|key| still.contains(key)) {
                let detail = "bytes of an upload that no row names";
                let found = finding(Problem::UnnamedUpload, key.as_str(), detail);
                findings.push(self.condemn_unnamed(key, found, repairs).await?);
            }
        }
        Ok(FsckStep {
            checked: listed.len() as u64,
            findings,
            next: Some(FsckPosition::Leases(String::new(), String::new())),
        })
    }

    /// Those of the keys that no row names.
    async fn unnamed<'k>(
        &self,
        keys: impl Iterator<Item = &'k ObjectKey>,
    ) -> Result<Vec<ObjectKey>> {
        let keys: Vec<_> = keys.cloned().collect();
        let mut unnamed = Vec::new();
        for keys in keys.chunks(usize::try_from(PAGE).unwrap_or(1)) {
            let keys = keys.to_vec();
            let some = self.core.metadata.list(move |reader| {
                let locations: Vec<&str> = keys.iter().map(ObjectKey::as_str).collect();
                let unnamed = reader.list_unnamed_locations(&locations)?;
                let is_unnamed = |key: &ObjectKey| unnamed.iter().any(|at| at == key.as_str());
                Ok::<_, Error>(
                    keys.iter()
                        .filter(|key| is_unnamed(key))
                        .cloned()
                        .collect::<Vec<_>>(),
                )
            });
            unnamed.extend(some.await?);
        }
        Ok(unnamed)
    }

    async fn condemn_unnamed(
        &self,
        key: ObjectKey,
        mut found: Finding,
        repairs: bool,
    ) -> Result<Finding> {
        let now_ms = self.core.now_ms();
        if !repairs || born_at_ms(&key).is_none_or(|at_ms| now_ms - at_ms < OLD_MS) {
            return Ok(found);
        }
        found.is_repaired = self
            .core
            .metadata
            .write(move |tx| {
                let is_named = tx.list_unnamed_locations(&[key.as_str()])?.is_empty();
                if !is_named {
                    tx.condemn_object(key.as_str(), now_ms)?;
                }
                Ok::<_, Error>(!is_named)
            })
            .await?;
        Ok(found)
    }

    async fn fsck_leases(
        &self,
        repository: String,
        digest: String,
        repairs: bool,
    ) -> Result<FsckStep> {
        let page = self.core.metadata.list(move |reader| {
            Ok::<_, Error>(reader.list_forgotten_leases((&repository, &digest), PAGE)?)
        });
        let (forgotten, next) = page.await?;
        let mut findings = Vec::new();
        for lease in forgotten {
            let detail = format!("in repository {}", lease.repository_id);
            let mut found = finding(Problem::ForgottenLease, lease.digest.as_str(), detail);
            if repairs {
                self.look_at_lease_soon(lease.repository_id, lease.storage, lease.digest)
                    .await?;
                found.is_repaired = true;
            }
            findings.push(found);
        }
        let next = next.map_or(
            FsckPosition::Usage(String::new()),
            |(repository, digest)| FsckPosition::Leases(repository, digest),
        );
        Ok(FsckStep {
            checked: findings.len() as u64,
            findings,
            next: Some(next),
        })
    }

    async fn fsck_usage(&self, after: String) -> Result<FsckStep> {
        let accounts = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_account_ids(&after, 20)?))
            .await?;
        let mut findings = Vec::new();
        for account in &accounts {
            let compared = self.count_usage(account).await?;
            if let Some(compared) = compared.filter(|compared| !compared.is_right()) {
                let detail = format!(
                    "the running total says {} bytes, the counted digests {}, the manifests {}; \
                     {} digests are in pages that are counted wrongly",
                    compared.running, compared.counted, compared.referenced, compared.miscounted
                );
                findings.push(finding(Problem::WrongUsage, account.as_str(), detail));
            }
        }
        Ok(FsckStep {
            checked: accounts.len() as u64,
            findings,
            next: accounts
                .last()
                .map(|last| FsckPosition::Usage(last.as_str().to_owned())),
        })
    }

    async fn look_at_blob_soon(&self, blob: StoredBlob) -> Result<()> {
        let due_at_ms = self.core.now_ms() + self.core.settings.grace_period_ms;
        self.core
            .metadata
            .write(move |tx| Ok(tx.enqueue_review(&blob.storage, &blob.digest, due_at_ms)?))
            .await
    }

    async fn look_at_lease_soon(
        &self,
        repository: RepositoryId,
        storage: String,
        digest: Digest,
    ) -> Result<()> {
        let now_ms = self.core.now_ms();
        self.core
            .metadata
            .write(move |tx| {
                Ok(tx.enqueue_lease_review(&repository, (&storage, &digest), now_ms)?)
            })
            .await
    }
}

fn words(damage: Damage) -> &'static str {
    match damage {
        Damage::Missing => "was found missing",
        Damage::Length => "was found with another length",
        Damage::Content => "holds other bytes than it should",
    }
}

/// When a key was made: the first 48 bits of a UUIDv7.
fn born_at_ms(key: &ObjectKey) -> Option<i64> {
    let text = key.as_str();
    let digits = format!("{}{}", text.get(..8)?, text.get(9..13)?);
    i64::from_str_radix(&digits, 16).ok()
}
