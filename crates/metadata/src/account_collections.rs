//! Collections of garbage that accounts ask for: what there is to take of one account, and what each collection came to.

use crate::connection::{Row, params};
use crate::error::{Error, Result};
use crate::fragments::{Fragment, listed, text_of};
use crate::{Reader, Tx};
use model::{AccountId, JobId, RepositoryId};
use oci::{Digest, RepositoryName};

/// What a collection took, or would take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectionFigures {
    /// Manifests without a tag, with what was only there for them.
    pub manifests: u64,
    /// Digests that the account references or knows no more.
    pub blobs: u64,
    /// Uploads that had ended.
    pub uploads: u64,
    /// Bytes that all of it counted for in the account.
    pub freed_bytes: u64,
}

/// A collection that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountCollectionRow {
    /// Its job.
    pub job_id: JobId,
    /// The name of the repository that was done last; empty before the first.
    pub done_until: String,
    /// What it took until now.
    pub figures: CollectionFigures,
    /// When it came to its end.
    pub ended_at_ms: Option<i64>,
}

/// How often some manifests, and how often all of an account's, need a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobUse {
    /// The blob.
    pub digest: String,
    /// How many of the manifests that were asked for need it.
    pub times: i64,
    /// How many of the account's manifests do.
    pub references: i64,
    /// Its size.
    pub size_bytes: u64,
}

/// A digest that the account's repositories know and none of its manifests references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreferencedBlob {
    /// The digest.
    pub digest: Digest,
    /// Its size.
    pub size_bytes: u64,
    /// Whether each of the account's leases on it has run out and is due for a look.
    pub is_run_out: bool,
}

macro_rules! expired_uploads {
    () => {
        "SELECT id, offset_bytes FROM uploads WHERE account_id = ?1 AND state = 'open' AND expires_at_ms <= ?4 \
         AND (lease_owner IS NULL OR lease_until_ms <= ?4 OR (?3 = 1 AND lease_owner <> ?2)) LIMIT ?5"
    };
}

fn read_collection(row: &Row<'_>) -> Result<AccountCollectionRow> {
    Ok(AccountCollectionRow {
        job_id: JobId::new(row.text(0)?),
        done_until: row.text(1)?,
        figures: CollectionFigures {
            manifests: row.size(2, "account_collections.manifests")?,
            blobs: row.size(3, "account_collections.blobs")?,
            uploads: row.size(4, "account_collections.uploads")?,
            freed_bytes: row.size(5, "account_collections.freed_bytes")?,
        },
        ended_at_ms: row.optional_int(6)?,
    })
}

fn read_upload(row: &Row<'_>) -> Result<(String, u64)> {
    Ok((row.text(0)?, row.size(1, "uploads.offset_bytes")?))
}

fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Reader<'_> {
    /// Those of an account's collections that have begun, by their jobs, in any order.
    pub fn list_account_collections(
        &self,
        account: &AccountId,
        jobs: &[&str],
    ) -> Result<Vec<AccountCollectionRow>> {
        const SQL: Fragment = listed!(
            [
                "SELECT job_id, done_until, manifests, blobs, uploads, freed_bytes, ended_at_ms FROM account_collections \
             WHERE account_id = ?1 AND job_id"
            ],
            "?2",
            "",
            ""
        );
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let (sql, jobs) = (self.connection.text_of(&SQL), text_of(&jobs)?);
        self.connection
            .list(sql, params![account.as_str(), &jobs], read_collection)
    }

    /// An account's repositories by name, after the name `after`.
    pub fn list_repositories_after(
        &self,
        account: &AccountId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(RepositoryId, RepositoryName)>> {
        const SQL: &str = "SELECT id, name FROM repositories WHERE account_id = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
        self.connection
            .list(SQL, params![account.as_str(), after, limit], |row| {
                let name = RepositoryName::parse(&row.text(1)?);
                let name = name.map_err(|_| Error::Unreadable {
                    column: "repositories.name",
                })?;
                Ok((RepositoryId::new(row.text(0)?), name))
            })
    }

    /// The blobs that some of an account's manifests need, each once, by their digests.
    pub fn list_blob_uses(&self, account: &AccountId, manifests: &[&str]) -> Result<Vec<BlobUse>> {
        const SQL: Fragment = listed!(
            [
                "SELECT k.digest, COUNT(*), MAX(a.reference_count), MAX(a.size_bytes) FROM manifest_blobs k \
             JOIN account_blobs a ON a.account_id = ?1 AND a.digest = k.digest WHERE k.manifest_id"
            ],
            "?2",
            " GROUP BY k.digest ORDER BY k.digest",
            ""
        );
        if manifests.is_empty() {
            return Ok(Vec::new());
        }
        let (sql, manifests) = (self.connection.text_of(&SQL), text_of(&manifests)?);
        self.connection
            .list(sql, params![account.as_str(), &manifests], |row| {
                Ok(BlobUse {
                    digest: row.text(0)?,
                    times: row.int(1)?,
                    references: row.int(2)?,
                    size_bytes: row.size(3, "account_blobs.size_bytes")?,
                })
            })
    }

    /// What an account has uploaded and no manifest of it references, by digest, after the digest `after`. Whether it is no
    /// more to be kept at `now_ms`, when leases that were renewed by `renewed_by_ms` have run out, is said of each.
    pub fn list_unreferenced_blobs(
        &self,
        account: &AccountId,
        after: &str,
        (now_ms, renewed_by_ms): (i64, i64),
        limit: i64,
    ) -> Result<Vec<UnreferencedBlob>> {
        const SQL: &str = "SELECT u.digest, u.size_bytes, CASE WHEN \
             NOT EXISTS (SELECT 1 FROM account_blobs a WHERE a.account_id = ?1 AND a.digest = u.digest) \
             AND EXISTS (SELECT 1 FROM repository_blobs h WHERE h.digest = u.digest AND h.account_id = ?1) \
             AND NOT EXISTS (SELECT 1 FROM repository_blobs k WHERE k.digest = u.digest AND k.account_id = ?1 \
             AND (k.renewed_at_ms > ?4 OR NOT EXISTS (SELECT 1 FROM repository_blob_reviews v \
             WHERE v.repository_id = k.repository_id AND v.digest = k.digest AND v.due_at_ms <= ?3))) \
             THEN 1 ELSE 0 END \
             FROM unreferenced_blobs u WHERE u.account_id = ?1 AND u.digest > ?2 ORDER BY u.digest LIMIT ?5";
        let params = params![account.as_str(), after, now_ms, renewed_by_ms, limit];
        self.connection.list(SQL, params, |row| {
            Ok(UnreferencedBlob {
                digest: row.digest(0, "unreferenced_blobs.digest")?,
                size_bytes: row.size(1, "unreferenced_blobs.size_bytes")?,
                is_run_out: row.flag(2)?,
            })
        })
    }

    /// The account's repositories that know a digest, in any order, and where each has it stored.
    pub fn list_account_leases(
        &self,
        account: &AccountId,
        digest: &Digest,
        limit: i64,
    ) -> Result<Vec<(RepositoryId, String)>> {
        const SQL: &str = "SELECT repository_id, storage FROM repository_blobs WHERE digest = ?2 AND account_id = ?1 LIMIT ?3";
        let params = params![account.as_str(), digest.as_str(), limit];
        self.connection.list(SQL, params, |row| {
            Ok((RepositoryId::new(row.text(0)?), row.text(1)?))
        })
    }

    /// An account's open uploads that expired before `now_ms` and that nobody is writing to, in any order, with their bytes. Leases as in [`take_expired_uploads`](Tx::take_expired_uploads).
    pub fn list_expired_uploads_of(
        &self,
        account: &AccountId,
        (owner, others_are_dead): (&str, bool),
        now_ms: i64,
        limit: i64,
    ) -> Result<Vec<(String, u64)>> {
        const SQL: &str = expired_uploads!();
        let account = account.as_str();
        let params = params![account, owner, others_are_dead, now_ms, limit];
        self.connection.list(SQL, params, read_upload)
    }
}

impl Tx<'_> {
    /// The same; nobody can go on with them any more.
    pub fn take_expired_uploads_of(
        &mut self,
        account: &AccountId,
        (owner, others_are_dead): (&str, bool),
        now_ms: i64,
        limit: i64,
    ) -> Result<Vec<(String, u64)>> {
        const SQL: Fragment = Fragment {
            sqlite: expired_uploads!(),
            postgres: concat!(expired_uploads!(), " FOR UPDATE SKIP LOCKED"),
        };
        let sql = self.connection.text_of(&SQL);
        let account = account.as_str();
        let params = params![account, owner, others_are_dead, now_ms, limit];
        self.connection.list(sql, params, read_upload)
    }

    /// A collection begins, or is begun again. Answers with how far it is.
    pub fn begin_account_collection(
        &mut self,
        job: &JobId,
        account: &AccountId,
    ) -> Result<AccountCollectionRow> {
        const INSERT: &str = "INSERT INTO account_collections \
             (job_id, account_id, done_until, manifests, blobs, uploads, freed_bytes, ended_at_ms) \
             VALUES (?1, ?2, '', 0, 0, 0, 0, NULL) ON CONFLICT (job_id) DO NOTHING";
        const FIND: &str = "SELECT job_id, done_until, manifests, blobs, uploads, freed_bytes, ended_at_ms \
             FROM account_collections WHERE job_id = ?1";
        self.connection
            .execute(INSERT, params![job.as_str(), account.as_str()])?;
        self.connection
            .get(FIND, params![job.as_str()], read_collection)
    }

    /// Notes what a step of a collection took, and the repository that is done with it. Says whether the collection was still
    /// going on.
    pub fn note_account_collection(
        &mut self,
        job: &JobId,
        taken: &CollectionFigures,
        done_until: Option<&str>,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE account_collections SET manifests = manifests + ?2, blobs = blobs + ?3, \
             uploads = uploads + ?4, freed_bytes = freed_bytes + ?5, done_until = COALESCE(?6, done_until) \
             WHERE job_id = ?1 AND ended_at_ms IS NULL";
        let params = params![
            job.as_str(),
            int(taken.manifests),
            int(taken.blobs),
            int(taken.uploads),
            int(taken.freed_bytes),
            done_until
        ];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// A collection came to its end. Says whether it was still going on.
    pub fn end_account_collection(&mut self, job: &JobId, now_ms: i64) -> Result<bool> {
        const SQL: &str = "UPDATE account_collections SET ended_at_ms = ?2 WHERE job_id = ?1 AND ended_at_ms IS NULL";
        Ok(self
            .connection
            .execute(SQL, params![job.as_str(), now_ms])?
            > 0)
    }
}
