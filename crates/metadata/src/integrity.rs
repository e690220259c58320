//! What a check of everything goes through, a page at a time.

use crate::connection::{Param, params};
use crate::error::{Error, Result};
use crate::quarantine::{StoredBlob, read_stored_blob};
use crate::{LeaseReview, Reader, Tx};
use model::{AccountId, RepositoryId};

/// What some digests of an account come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageSum {
    /// How many they are.
    pub digests: u64,
    /// Their bytes, each digest once.
    pub bytes: u64,
    /// Manifests that refer to them, each as often as it refers to one.
    pub references: u64,
}

/// A run of an account's digests, in their order: what is counted of them, and what its manifests refer to. The two are
/// read at the same moment and must be equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsagePage {
    /// By the rows that count.
    pub counted: UsageSum,
    /// By the manifests.
    pub referenced: UsageSum,
    /// The last digest of the run; `None` when no more are counted after it.
    pub last: Option<String>,
}

/// Leases found, and where the search ended: repository and digest.
pub type LeasePage = (Vec<LeaseReview>, Option<(String, String)>);

impl Reader<'_> {
    /// Stored blobs by storage and digest, after those given.
    pub fn list_blobs(
        &self,
        (storage, digest): (&str, &str),
        limit: i64,
    ) -> Result<Vec<StoredBlob>> {
        const SQL: &str = "SELECT storage, digest, size_bytes, location, damage FROM blobs \
             WHERE (storage, digest) > (?1, ?2) ORDER BY storage, digest LIMIT ?3";
        self.connection
            .list(SQL, params![storage, digest, limit], read_stored_blob)
    }

    /// Blobs that no lease, manifest or trash refers to and that nobody was asked to look at, after those given.
    /// There are none, unless something else changed the database. Looks through `limit` blobs.
    pub fn list_forgotten_blobs(
        &self,
        (storage, digest): (&str, &str),
        limit: i64,
    ) -> Result<Vec<StoredBlob>> {
        // With NOT EXISTS, PostgreSQL would read all of the other tables once for each page.
        const SQL: &str = "SELECT storage, digest, size_bytes, location, damage FROM \
             (SELECT * FROM blobs WHERE (storage, digest) > (?1, ?2) ORDER BY storage, digest LIMIT ?3) counted \
             WHERE (SELECT 1 FROM repository_blobs k WHERE k.storage = counted.storage AND k.digest = counted.digest LIMIT 1) IS NULL \
             AND (SELECT 1 FROM manifest_blobs m WHERE m.storage = counted.storage AND m.digest = counted.digest LIMIT 1) IS NULL \
             AND (SELECT 1 FROM trash_blobs t WHERE t.storage = counted.storage AND t.digest = counted.digest LIMIT 1) IS NULL \
             AND (SELECT 1 FROM trash_item_blobs i WHERE i.storage = counted.storage AND i.digest = counted.digest LIMIT 1) IS NULL \
             AND (SELECT 1 FROM review_queue v WHERE v.storage = counted.storage AND v.digest = counted.digest LIMIT 1) IS NULL";
        self.connection
            .list(SQL, params![storage, digest, limit], read_stored_blob)
    }

    /// Those of the locations that no row names: neither a blob's, nor an open upload's, nor one that waits to be deleted.
    pub fn list_unnamed_locations(&self, locations: &[&str]) -> Result<Vec<String>> {
        const AT_ONCE: usize = 32;
        const SQL: &str = "SELECT asked.column1 FROM (VALUES \
             (?1),(?2),(?3),(?4),(?5),(?6),(?7),(?8), \
             (?9),(?10),(?11),(?12),(?13),(?14),(?15),(?16), \
             (?17),(?18),(?19),(?20),(?21),(?22),(?23),(?24), \
             (?25),(?26),(?27),(?28),(?29),(?30),(?31),(?32)) asked \
             WHERE (SELECT 1 FROM blobs b WHERE b.location = asked.column1 LIMIT 1) IS NULL \
             AND (SELECT 1 FROM uploads u WHERE u.id = asked.column1 AND u.state <> 'done' LIMIT 1) IS NULL \
             AND (SELECT 1 FROM condemned_objects c WHERE c.location = asked.column1 LIMIT 1) IS NULL";
        let mut unnamed = Vec::new();
        for some in locations.chunks(AT_ONCE) {
            // What is asked for twice is answered twice: the last ones fill the places with the first.
            let params: Vec<Param<'_>> = some
                .iter()
                .cycle()
                .take(AT_ONCE)
                .map(|at| Param::from(*at))
                .collect();
            let mut rows = self.connection.list(SQL, &params, |row| row.text(0))?;
            rows.sort_unstable();
            rows.dedup();
            unnamed.append(&mut rows);
        }
        Ok(unnamed)
    }

    /// Leases that no manifest makes lasting and that nobody was asked to look at, after those given (repository and
    /// digest). There are none, unless something else changed the database. Looks through `limit` leases, and says where
    /// that ended; `None` at the end.
    pub fn list_forgotten_leases(
        &self,
        (repository, digest): (&str, &str),
        limit: i64,
    ) -> Result<LeasePage> {
        const SQL: &str = "SELECT counted.repository_id, counted.digest, counted.storage, counted.renewed_at_ms, \
             CASE WHEN (SELECT 1 FROM manifest_blobs m \
             WHERE m.repository_id = counted.repository_id AND m.digest = counted.digest LIMIT 1) IS NULL \
             AND (SELECT 1 FROM repository_blob_reviews v \
             WHERE v.repository_id = counted.repository_id AND v.digest = counted.digest LIMIT 1) IS NULL \
             THEN 1 ELSE 0 END FROM \
             (SELECT repository_id, digest, storage, renewed_at_ms FROM repository_blobs \
             WHERE (repository_id, digest) > (?1, ?2) ORDER BY repository_id, digest LIMIT ?3) counted";
        let mut last = None;
        let mut looked_at = 0;
        let mut forgotten = Vec::new();
        let params = params![repository, digest, limit];
        self.connection.visit(SQL, params, |row| {
            let at = (row.text(0)?, row.text(1)?);
            if row.flag(4)? {
                forgotten.push(LeaseReview {
                    repository_id: RepositoryId::new(at.0.clone()),
                    digest: row.digest(1, "repository_blobs.digest")?,
                    storage: row.text(2)?,
                    due_at_ms: row.int(3)?,
                });
            }
            looked_at += 1;
            last = last.take().max(Some(at));
            Ok(true)
        })?;
        Ok((forgotten, last.filter(|_| looked_at == limit)))
    }

    /// Accounts by their ids, after the one given.
    pub fn list_account_ids(&self, after: &str, limit: i64) -> Result<Vec<AccountId>> {
        const SQL: &str = "SELECT account_id FROM account_usage WHERE account_id > ?1 ORDER BY account_id LIMIT ?2";
        self.connection.list(SQL, params![after, limit], |row| {
            row.text(0).map(AccountId::new)
        })
    }

    /// An account's running total, which limits are held against, and the sum of the digests that are counted for it, at
    /// the same moment.
    pub fn find_usage_totals(&self, account: &AccountId) -> Result<Option<(u64, u64)>> {
        const SQL: &str = "SELECT u.used_bytes, (SELECT COALESCE(CAST(SUM(c.size_bytes) AS BIGINT), 0) \
             FROM account_blobs c WHERE c.account_id = u.account_id) FROM account_usage u WHERE u.account_id = ?1";
        self.connection.find(SQL, params![account.as_str()], |row| {
            let running = row.size(0, "account_usage.used_bytes")?;
            Ok((running, row.size(1, "account_blobs.size_bytes")?))
        })
    }

    /// Compares the `limit` counted digests after the one given, and whatever is referenced between them, with what the
    /// account's manifests refer to.
    pub fn compare_usage_page(
        &self,
        account: &AccountId,
        after: &str,
        limit: i64,
    ) -> Result<UsagePage> {
        const LAST: &str = "SELECT digest FROM account_blobs WHERE account_id = ?1 AND digest > ?2 \
             ORDER BY digest LIMIT 1 OFFSET ?3";
        const SQL: &str = "SELECT c.digests, c.bytes, c.refs, k.digests, k.bytes, k.refs FROM \
             (SELECT COUNT(*) AS digests, COALESCE(CAST(SUM(size_bytes) AS BIGINT), 0) AS bytes, \
             COALESCE(CAST(SUM(reference_count) AS BIGINT), 0) AS refs FROM account_blobs \
             WHERE account_id = ?1 AND digest > ?2 AND digest <= ?3) c, \
             (SELECT COUNT(*) AS digests, COALESCE(CAST(SUM(size_bytes) AS BIGINT), 0) AS bytes, \
             COALESCE(CAST(SUM(refs) AS BIGINT), 0) AS refs FROM \
             (SELECT m.digest, MAX(b.size_bytes) AS size_bytes, COUNT(*) AS refs FROM repositories r \
             JOIN manifest_blobs m ON m.repository_id = r.id AND m.digest > ?2 AND m.digest <= ?3 \
             JOIN blobs b ON b.storage = m.storage AND b.digest = m.digest \
             WHERE r.account_id = ?1 GROUP BY m.digest) counted) k";
        // After every digest, in whatever language the database sorts.
        const END: &str = "zz";
        let params = params![account.as_str(), after, limit - 1];
        let last = self.connection.find(LAST, params, |row| row.text(0))?;
        let params = params![account.as_str(), after, last.as_deref().unwrap_or(END)];
        self.connection.get(SQL, params, |row| {
            let sum = |at: usize| {
                Ok::<_, Error>(UsageSum {
                    digests: row.size(at, "account_blobs.digest")?,
                    bytes: row.size(at + 1, "account_blobs.size_bytes")?,
                    references: row.size(at + 2, "account_blobs.reference_count")?,
                })
            };
            Ok(UsagePage {
                counted: sum(0)?,
                referenced: sum(3)?,
                last: last.clone(),
            })
        })
    }
}

impl Tx<'_> {
    /// Makes an account's running total the sum of the digests counted for it. Says what it was and what it is, or `None`
    /// when they were equal.
    pub fn correct_usage(&mut self, account: &AccountId) -> Result<Option<(u64, u64)>> {
        // The lock first: whoever changes what is counted changes the running total with it, and waits.
        const LOCK: &str = "UPDATE account_usage SET used_bytes = used_bytes WHERE account_id = ?1 RETURNING used_bytes";
        const SUM: &str = "SELECT COALESCE(CAST(SUM(c.size_bytes) AS BIGINT), 0) FROM account_blobs c WHERE c.account_id = ?1";
        const SET: &str = "UPDATE account_usage SET used_bytes = ?1 WHERE account_id = ?2";
        let key = params![account.as_str()];
        let Some(was) = self.connection.find(LOCK, key, |row| row.int(0))? else {
            return Ok(None);
        };
        let sum = self.connection.get(SUM, key, |row| row.int(0))?;
        if was == sum {
            return Ok(None);
        }
        self.connection
            .execute(SET, params![sum, account.as_str()])?;
        let size = |bytes: i64| u64::try_from(bytes).unwrap_or(0);
        Ok(Some((size(was), size(sum))))
    }
}
