//! What may have become unreferenced, to be looked at when due; and taking away what nothing needs.
//!
//! There are two queues. A look at a *lease* asks whether a repository may go on knowing a blob; a look at a *blob* asks
//! whether anything at all still refers to it. Each look costs the same, however much refers to the blob.
//!
//! Whoever takes a reference away asks for a look in the same transaction. The look is taken out of its queue first, and
//! only a later statement asks what refers to the blob. So a transaction that takes the last reference away either commits
//! before that question, or finds the queue empty and asks anew.

use crate::connection::{Row, params};
use crate::error::Result;
use crate::{Reader, Tx, fragments};
use model::RepositoryId;
use oci::Digest;

/// A look at a repository's lease on a blob.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeaseReview {
    /// The repository.
    pub repository_id: RepositoryId,
    /// The blob.
    pub digest: Digest,
    /// Where it is stored.
    pub storage: String,
    /// When the look is due.
    pub due_at_ms: i64,
}

/// A look at a blob.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlobReview {
    /// Where it is stored.
    pub storage: String,
    /// The blob.
    pub digest: Digest,
    /// When the look is due.
    pub due_at_ms: i64,
}

/// A repository's lease on a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// When it was last renewed.
    pub renewed_at_ms: i64,
    /// Whether a manifest of the repository makes it lasting.
    pub is_referenced: bool,
}

/// A blob that was taken away: its bytes are still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectedBlob {
    /// The key of its object.
    pub location: String,
    /// Its size.
    pub size_bytes: u64,
}

fn read_lease_review(row: &Row<'_>) -> Result<LeaseReview> {
    Ok(LeaseReview {
        repository_id: RepositoryId::new(row.text(0)?),
        digest: row.digest(1, "repository_blob_reviews.digest")?,
        storage: row.text(2)?,
        due_at_ms: row.int(3)?,
    })
}

fn read_blob_review(row: &Row<'_>) -> Result<BlobReview> {
    Ok(BlobReview {
        storage: row.text(0)?,
        digest: row.digest(1, "review_queue.digest")?,
        due_at_ms: row.int(2)?,
    })
}

impl Reader<'_> {
    /// Looks at leases that are due at `now_ms`, the oldest first.
    pub fn list_due_lease_reviews(&self, now_ms: i64, limit: i64) -> Result<Vec<LeaseReview>> {
        const SQL: &str = "SELECT repository_id, digest, storage, due_at_ms FROM repository_blob_reviews \
             WHERE due_at_ms <= ?1 ORDER BY due_at_ms, repository_id, digest LIMIT ?2";
        self.connection
            .list(SQL, params![now_ms, limit], read_lease_review)
    }

    /// The same, after the one given.
    pub fn list_due_lease_reviews_after(
        &self,
        after: &LeaseReview,
        now_ms: i64,
        limit: i64,
    ) -> Result<Vec<LeaseReview>> {
        const SQL: &str = "SELECT repository_id, digest, storage, due_at_ms FROM repository_blob_reviews \
             WHERE (due_at_ms, repository_id, digest) > (?1, ?2, ?3) AND due_at_ms <= ?4 \
             ORDER BY due_at_ms, repository_id, digest LIMIT ?5";
        let params = params![
            after.due_at_ms,
            after.repository_id.as_str(),
            after.digest.as_str(),
            now_ms,
            limit
        ];
        self.connection.list(SQL, params, read_lease_review)
    }

    /// Looks at blobs that are due at `now_ms`, the oldest first.
    pub fn list_due_blob_reviews(&self, now_ms: i64, limit: i64) -> Result<Vec<BlobReview>> {
        const SQL: &str = "SELECT storage, digest, due_at_ms FROM review_queue \
             WHERE due_at_ms <= ?1 ORDER BY due_at_ms, storage, digest LIMIT ?2";
        self.connection
            .list(SQL, params![now_ms, limit], read_blob_review)
    }

    /// The same, after the one given.
    pub fn list_due_blob_reviews_after(
        &self,
        after: &BlobReview,
        now_ms: i64,
        limit: i64,
    ) -> Result<Vec<BlobReview>> {
        const SQL: &str = "SELECT storage, digest, due_at_ms FROM review_queue \
             WHERE (due_at_ms, storage, digest) > (?1, ?2, ?3) AND due_at_ms <= ?4 \
             ORDER BY due_at_ms, storage, digest LIMIT ?5";
        let params = params![
            after.due_at_ms,
            &after.storage,
            after.digest.as_str(),
            now_ms,
            limit
        ];
        self.connection.list(SQL, params, read_blob_review)
    }

    /// A repository's lease on a blob, or `None` when it does not know the blob.
    pub fn find_lease(&self, repository: &RepositoryId, digest: &Digest) -> Result<Option<Lease>> {
        const SQL: &str = "SELECT k.renewed_at_ms, CASE WHEN EXISTS (SELECT 1 FROM manifest_blobs m \
             WHERE m.repository_id = k.repository_id AND m.digest = k.digest) THEN 1 ELSE 0 END \
             FROM repository_blobs k WHERE k.repository_id = ?1 AND k.digest = ?2";
        let params = params![repository.as_str(), digest.as_str()];
        self.connection.find(SQL, params, |row| {
            Ok(Lease {
                renewed_at_ms: row.int(0)?,
                is_referenced: row.flag(1)?,
            })
        })
    }

    /// The size of a blob, if a collection at `now_ms` would take it away: nothing refers to it but leases that were last
    /// renewed by `renewed_by_ms` and are due for a look. It is counted at the last of those repositories, or, without
    /// `counted_at`, when there is none: whoever asks for each of them counts the blob once.
    pub fn find_collectable_blob(
        &self,
        (storage, digest): (&str, &Digest),
        counted_at: Option<&RepositoryId>,
        now_ms: i64,
        renewed_by_ms: i64,
    ) -> Result<Option<u64>> {
        const SQL: &str = "SELECT b.size_bytes FROM blobs b WHERE b.storage = ?1 AND b.digest = ?2 \
             AND (SELECT 1 FROM manifest_blobs m WHERE m.storage = b.storage AND m.digest = b.digest LIMIT 1) IS NULL \
             AND (SELECT 1 FROM trash_blobs t WHERE t.storage = b.storage AND t.digest = b.digest LIMIT 1) IS NULL \
             AND (SELECT 1 FROM trash_item_blobs i WHERE i.storage = b.storage AND i.digest = b.digest LIMIT 1) IS NULL \
             AND NOT EXISTS (SELECT 1 FROM repository_blobs k WHERE k.storage = b.storage AND k.digest = b.digest \
             AND (k.repository_id > ?3 OR k.renewed_at_ms > ?4 OR NOT EXISTS (SELECT 1 FROM repository_blob_reviews v \
             WHERE v.repository_id = k.repository_id AND v.digest = k.digest AND v.due_at_ms <= ?5)))";
        // Every id is larger than the empty one.
        let last = counted_at.map_or("", RepositoryId::as_str);
        let params = params![storage, digest.as_str(), last, renewed_by_ms, now_ms];
        self.connection
            .find(SQL, params, |row| row.size(0, "blobs.size_bytes"))
    }
}

impl Tx<'_> {
    /// Asks for a look at a repository's lease on a blob. Whoever asks last knows best when it is due.
    pub fn enqueue_lease_review(
        &mut self,
        repository: &RepositoryId,
        (storage, digest): (&str, &Digest),
        due_at_ms: i64,
    ) -> Result<()> {
        // Changing a row that is there locks it: whoever is taking it out waits, and sees what this transaction did.
        const SQL: &str = "INSERT INTO repository_blob_reviews (repository_id, digest, storage, due_at_ms) \
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT (repository_id, digest) DO UPDATE SET due_at_ms = excluded.due_at_ms";
        let params = params![repository.as_str(), digest.as_str(), storage, due_at_ms];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Asks for a look at a blob that may have become unreferenced. A look asked for already is not put off.
    pub fn enqueue_review(&mut self, storage: &str, digest: &Digest, due_at_ms: i64) -> Result<()> {
        const SQL: &str = "INSERT INTO review_queue (storage, digest, due_at_ms) VALUES (?1, ?2, ?3) \
             ON CONFLICT (storage, digest) DO UPDATE SET due_at_ms = \
             CASE WHEN excluded.due_at_ms < review_queue.due_at_ms THEN excluded.due_at_ms \
             ELSE review_queue.due_at_ms END";
        self.connection
            .execute(SQL, params![storage, digest.as_str(), due_at_ms])?;
        Ok(())
    }

    /// Takes a look at a lease out of its queue, if it is still due. Says whether it was.
    pub fn take_lease_review(
        &mut self,
        repository: &RepositoryId,
        digest: &Digest,
        now_ms: i64,
    ) -> Result<bool> {
        const SQL: &str = "DELETE FROM repository_blob_reviews \
             WHERE repository_id = ?1 AND digest = ?2 AND due_at_ms <= ?3";
        let params = params![repository.as_str(), digest.as_str(), now_ms];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Takes a look at a blob out of its queue, if it is still due. Says whether it was.
    pub fn take_blob_review(
        &mut self,
        storage: &str,
        digest: &Digest,
        now_ms: i64,
    ) -> Result<bool> {
        const SQL: &str =
            "DELETE FROM review_queue WHERE storage = ?1 AND digest = ?2 AND due_at_ms <= ?3";
        let params = params![storage, digest.as_str(), now_ms];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Puts a look at a blob off that is due at `now_ms`.
    pub fn put_off_blob_review(
        &mut self,
        storage: &str,
        digest: &Digest,
        now_ms: i64,
        due_at_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "UPDATE review_queue SET due_at_ms = ?1 \
             WHERE storage = ?2 AND digest = ?3 AND due_at_ms <= ?4";
        let params = params![due_at_ms, storage, digest.as_str(), now_ms];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Ends a repository's lease on a blob, if it was last renewed by `renewed_by_ms` and no manifest of the repository
    /// needs the blob. Says whether it ended.
    pub fn end_lease(
        &mut self,
        repository: &RepositoryId,
        digest: &Digest,
        renewed_by_ms: i64,
    ) -> Result<bool> {
        const SQL: &str = "DELETE FROM repository_blobs WHERE repository_id = ?1 AND digest = ?2 \
             AND renewed_at_ms <= ?3 AND (SELECT 1 FROM manifest_blobs m \
             WHERE m.repository_id = repository_blobs.repository_id AND m.digest = repository_blobs.digest LIMIT 1) IS NULL";
        let key = params![repository.as_str(), digest.as_str()];
        self.connection.keep(fragments::TAKE_LEASE, key)?;
        let params = params![repository.as_str(), digest.as_str(), renewed_by_ms];
        let has_ended = self.connection.execute(SQL, params)? > 0;
        if has_ended {
            self.review_unreferenced_blob(repository, digest)?;
        }
        Ok(has_ended)
    }

    /// Takes a blob's row away, if nothing refers to it. `None` when it stays, or was gone.
    ///
    /// # Errors
    /// [`Error::ReferenceViolated`](crate::Error::ReferenceViolated) when a reference was found after all; the transaction
    /// can do no more then. The foreign keys are the last guard, whatever else this program believes.
    pub fn collect_blob(
        &mut self,
        storage: &str,
        digest: &Digest,
    ) -> Result<Option<CollectedBlob>> {
        // Not NOT EXISTS: PostgreSQL may then read every reference to a blob that has many, instead of the first.
        const SQL: &str = "DELETE FROM blobs WHERE storage = ?1 AND digest = ?2 \
             AND (SELECT 1 FROM repository_blobs k WHERE k.storage = blobs.storage AND k.digest = blobs.digest LIMIT 1) IS NULL \
             AND (SELECT 1 FROM manifest_blobs m WHERE m.storage = blobs.storage AND m.digest = blobs.digest LIMIT 1) IS NULL \
             AND (SELECT 1 FROM trash_blobs t WHERE t.storage = blobs.storage AND t.digest = blobs.digest LIMIT 1) IS NULL \
             AND (SELECT 1 FROM trash_item_blobs i WHERE i.storage = blobs.storage AND i.digest = blobs.digest LIMIT 1) IS NULL \
             RETURNING location, size_bytes";
        let params = params![storage, digest.as_str()];
        self.connection.keep(fragments::TAKE_BLOB, params)?;
        self.connection.find(SQL, params, |row| {
            Ok(CollectedBlob {
                location: row.text(0)?,
                size_bytes: row.size(1, "blobs.size_bytes")?,
            })
        })
    }
}
