//! Garbage collection: taking away blobs that nothing needs any more, while pushes go on.
//!
//! ```text
//!  upload, mount, manifest deleted ─► look at the lease ─► lease ends ─► look at the blob ─► row away, object condemned
//!                                       │ still running: put off            ▲                        │ recovery window
//!  blob deleted, trash purged ──────────┼───────────────────────────────────┘                        ▼
//!                                       └ a manifest needs it: dropped                           bytes away
//! ```
//!
//! Every step is one short transaction, right whatever else goes on: any number of processes may collect, and any may die.

use super::Maintenance;
use crate::core::Core;
use crate::{Error, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use metadata::{BlobReview, CollectionBacklog, CollectionCounts, CondemnedObject, LeaseReview, Tx};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Looks taken in one transaction: pushes wait for it.
const LOOKS: i64 = 100;
/// Condemned objects fetched at once, and of those deleted at once.
const OBJECTS: i64 = 200;
const OBJECTS_AT_ONCE: usize = 8;
/// How long what did not work is left alone.
const TRY_AGAIN_MS: i64 = 10 * 60_000;
/// What this process has collected since it started, and what waited when it last looked.
#[derive(Default)]
pub(super) struct Tally {
    blobs: AtomicU64,
    bytes: AtomicU64,
    objects: AtomicU64,
    freed_bytes: AtomicU64,
    scrubbed: AtomicU64,
    scrubbed_bytes: AtomicU64,
    damaged: AtomicU64,
    wrong_usage: AtomicU64,
    backlog: Mutex<CollectionBacklog>,
}

impl Tally {
    pub(super) fn add_scrubbed(&self, blobs: u64, bytes: u64, damaged: u64) {
        self.scrubbed.fetch_add(blobs, Ordering::Relaxed);
        self.scrubbed_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.damaged.fetch_add(damaged, Ordering::Relaxed);
    }

    pub(super) fn add_wrong_usage(&self, accounts: u64) {
        self.wrong_usage.fetch_add(accounts, Ordering::Relaxed);
    }
}

/// Totals since this process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectionTotals {
    /// Blobs taken away, and their bytes.
    pub collected: (u64, u64),
    /// Objects deleted from the store, and bytes of those that had been blobs.
    pub freed: (u64, u64),
    /// Blobs whose bytes the scrub read, and their bytes.
    pub scrubbed: (u64, u64),
    /// Blobs that it found damaged.
    pub damaged: u64,
    /// Accounts whose usage was wrong.
    pub wrong_usage: u64,
}

impl Maintenance {
    /// Takes some of the looks that are due: at leases, then at blobs. Nothing is due once `reviewed` is 0.
    pub async fn collect(&self) -> Result<CollectionCounts> {
        let leases = self.look_at_leases().await?;
        let blobs = self.look_at_blobs().await?;
        let counts = sum(leases, blobs);
        let tally = &self.tally;
        tally.blobs.fetch_add(counts.collected, Ordering::Relaxed);
        tally
            .bytes
            .fetch_add(counts.collected_bytes, Ordering::Relaxed);
        Ok(counts)
    }

    async fn look_at_leases(&self) -> Result<CollectionCounts> {
        let core = self.core.clone();
        self.core
            .metadata
            .write(move |tx| {
                let now_ms = core.now_ms();
                let mut counts = CollectionCounts::default();
                let mut due = tx.list_due_lease_reviews(now_ms, LOOKS)?;
                // In one order, so that two collectors wait for each other rather than for ever.
                due.sort_unstable_by(|a, b| {
                    (&a.repository_id, &a.digest).cmp(&(&b.repository_id, &b.digest))
                });
                for look in &due {
                    look_at_lease(&core, tx, look, now_ms, &mut counts)?;
                }
                Ok(counts)
            })
            .await
    }

    async fn look_at_blobs(&self) -> Result<CollectionCounts> {
        let core = self.core.clone();
        let looked = self.core.metadata.write(move |tx| {
            let now_ms = core.now_ms();
            let mut counts = CollectionCounts::default();
            let mut due = tx.list_due_blob_reviews(now_ms, LOOKS)?;
            due.sort_unstable_by(|a, b| (&a.storage, &a.digest).cmp(&(&b.storage, &b.digest)));
            for look in &due {
                look_at_blob(&core, tx, look, now_ms, &mut counts)?;
            }
            Ok(counts)
        });
        match looked.await {
            // One of them is referred to in a way that was not seen: it must not hold up the others.
            Err(metadata::Error::ReferenceViolated) => self.look_at_blobs_one_by_one().await,
            looked => Ok(looked?),
        }
    }

    async fn look_at_blobs_one_by_one(&self) -> Result<CollectionCounts> {
        let now_ms = self.core.now_ms();
        let due = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_due_blob_reviews(now_ms, LOOKS)?));
        let mut counts = CollectionCounts::default();
        for look in due.await? {
            let (core, one) = (self.core.clone(), look.clone());
            let looked = self.core.metadata.write(move |tx| {
                let mut counts = CollectionCounts::default();
                look_at_blob(&core, tx, &one, now_ms, &mut counts)?;
                Ok(counts)
            });
            match looked.await {
                Ok(one) => counts = sum(counts, one),
                Err(metadata::Error::ReferenceViolated) => {
                    tracing::warn!(digest = %look.digest, "a blob that seemed unreferenced is not; it is looked at again later");
                    self.put_off(look, now_ms).await?;
                    counts.reviewed += 1;
                    counts.put_off += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(counts)
    }

    async fn put_off(&self, look: BlobReview, now_ms: i64) -> Result<()> {
        self.core
            .metadata
            .write(move |tx| {
                let (storage, digest) = (&look.storage, &look.digest);
                Ok(tx.put_off_blob_review(storage, digest, now_ms, now_ms + TRY_AGAIN_MS)?)
            })
            .await
    }

    /// Deletes the bytes of objects that no row names any more and whose time has come. Says how many it dealt with; call
    /// again while any are left. One that cannot be deleted is left alone for a while and holds up no other.
    pub async fn delete_condemned_objects(&self) -> Result<usize> {
        let now_ms = self.core.now_ms();
        let condemned = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_condemned_objects(now_ms, OBJECTS)?));
        let condemned = condemned.await?;
        let count = condemned.len();
        stream::iter(condemned)
            .map(|object| self.delete_object(object, now_ms))
            .buffer_unordered(OBJECTS_AT_ONCE)
            .try_collect::<()>()
            .await?;
        Ok(count)
    }

    async fn delete_object(&self, object: CondemnedObject, now_ms: i64) -> Result<()> {
        let Err(error) = self.core.delete_condemned(&object.location).await else {
            self.tally.objects.fetch_add(1, Ordering::Relaxed);
            self.tally
                .freed_bytes
                .fetch_add(object.size_bytes, Ordering::Relaxed);
            return Ok(());
        };
        let location = object.location;
        tracing::error!(%error, location, "an object could not be deleted; it is tried again later");
        self.core
            .metadata
            .write_relaxed(move |tx| {
                Ok(tx.put_off_condemned_object(&location, now_ms + TRY_AGAIN_MS)?)
            })
            .await
    }

    /// What this process has collected since it started.
    pub fn collection_totals(&self) -> CollectionTotals {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let tally = &self.tally;
        CollectionTotals {
            collected: (load(&tally.blobs), load(&tally.bytes)),
            freed: (load(&tally.objects), load(&tally.freed_bytes)),
            scrubbed: (load(&tally.scrubbed), load(&tally.scrubbed_bytes)),
            damaged: load(&tally.damaged),
            wrong_usage: load(&tally.wrong_usage),
        }
    }

    /// What waited for the collector when it was last looked at: by the last run, or by
    /// [`refresh_backlog`](Self::refresh_backlog).
    pub fn collection_backlog(&self) -> CollectionBacklog {
        *self
            .tally
            .backlog
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds for which the oldest look has been due.
    pub fn oldest_look_age_secs(&self) -> i64 {
        let oldest = self.collection_backlog().oldest_due_at_ms;
        oldest.map_or(0, |due_at_ms| {
            (self.core.now_ms() - due_at_ms).max(0) / 1000
        })
    }

    /// Counts what waits for the collector.
    pub async fn refresh_backlog(&self) -> Result<CollectionBacklog> {
        let now_ms = self.core.now_ms();
        let backlog = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.get_collection_backlog(now_ms)?))
            .await?;
        let mut known = self
            .tally
            .backlog
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *known = backlog;
        Ok(backlog)
    }
}

/// Ends a lease that ran out, unless a manifest makes it lasting. A blob that lost a lease may have lost its last.
fn look_at_lease(
    core: &Core,
    tx: &mut Tx<'_>,
    look: &LeaseReview,
    now_ms: i64,
    counts: &mut CollectionCounts,
) -> Result<()> {
    let (repository, digest) = (&look.repository_id, &look.digest);
    if !tx.take_lease_review(repository, digest, now_ms)? {
        return Ok(());
    }
    counts.reviewed += 1;
    let grace_ms = core.settings.grace_period_ms;
    if tx.end_lease(repository, digest, now_ms - grace_ms)? {
        counts.released += 1;
        return Ok(tx.enqueue_review(&look.storage, digest, now_ms)?);
    }
    match tx.find_lease(repository, digest)? {
        // Whoever deletes the manifest asks for a look.
        Some(lease) if lease.is_referenced => tx.review_unreferenced_blob(repository, digest)?,
        Some(lease) => {
            counts.put_off += 1;
            let due_at_ms = (lease.renewed_at_ms + grace_ms).max(now_ms + 1);
            tx.enqueue_lease_review(repository, (&look.storage, digest), due_at_ms)?;
        }
        None => tx.enqueue_review(&look.storage, digest, now_ms)?,
    }
    Ok(())
}

/// Takes a blob away that nothing refers to. Whatever does refer to it has somebody who asks for a look when it goes.
fn look_at_blob(
    core: &Core,
    tx: &mut Tx<'_>,
    look: &BlobReview,
    now_ms: i64,
    counts: &mut CollectionCounts,
) -> metadata::Result<()> {
    if !tx.take_blob_review(&look.storage, &look.digest, now_ms)? {
        return Ok(());
    }
    counts.reviewed += 1;
    let Some(blob) = tx.collect_blob(&look.storage, &look.digest)? else {
        return Ok(());
    };
    counts.collected += 1;
    counts.collected_bytes += blob.size_bytes;
    let delete_at_ms = now_ms + core.settings.condemned_ms;
    tx.condemn_blob(&blob.location, blob.size_bytes, now_ms, delete_at_ms)
}

pub(super) fn sum(a: CollectionCounts, b: CollectionCounts) -> CollectionCounts {
    CollectionCounts {
        reviewed: a.reviewed + b.reviewed,
        put_off: a.put_off + b.put_off,
        released: a.released + b.released,
        collected: a.collected + b.collected,
        collected_bytes: a.collected_bytes + b.collected_bytes,
    }
}
