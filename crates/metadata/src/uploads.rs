//! Uploads in progress: what has arrived, and who is writing.

use crate::connection::{Row, params, parse_column};
use crate::error::Result;
use crate::fragments;
use crate::{Reader, Tx};
use model::{AccountId, RepositoryId};
use oci::{Algorithm, Digest, UploadId};

/// Unreferenced blobs whose sizes one sum reads at most, the largest first: no honest client leaves so many.
const SUMMED: i64 = 100_000;

/// How far an upload is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadState {
    /// It takes more bytes.
    Open,
    /// Its blob is stored, under this digest.
    Done(Digest),
}

/// An upload.
#[derive(Clone, Debug)]
pub struct UploadRow {
    /// Its id, which is also the key of its object.
    pub id: UploadId,
    /// Whose it is.
    pub account_id: AccountId,
    /// The repository it goes to.
    pub repository_id: RepositoryId,
    /// Who began it, in the form of [`caller_key`](NewUpload::caller).
    pub caller: String,
    /// How far it is.
    pub state: UploadState,
    /// The algorithm its bytes are hashed with while they arrive.
    pub algorithm: Algorithm,
    /// Bytes that arrived and are safe.
    pub offset_bytes: u64,
    /// The state of the hash after those bytes, in hexadecimal.
    pub hash_state: String,
    /// What the blob store wants to know again, opaque.
    pub parts: String,
    /// Whether somebody is writing to it at `now_ms` of the query.
    pub is_leased: bool,
}

/// An upload to be begun.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// Its id.
    pub id: UploadId,
    /// Whose it is.
    pub account_id: AccountId,
    /// The repository it goes to.
    pub repository_id: RepositoryId,
    /// Who begins it: only the same caller may go on with it.
    pub caller: String,
    /// The algorithm to hash with.
    pub algorithm: Algorithm,
    /// When it ends if nobody goes on with it.
    pub expires_at_ms: i64,
}

/// What an account has uploaded and not used, when it would upload more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadRoom {
    /// Open uploads.
    pub open: i64,
    /// Bytes that they have.
    pub open_bytes: u64,
    /// Bytes of the digests that are stored for the account and that none of its manifests references.
    pub unreferenced_bytes: u64,
    /// Whether the account's storage is full.
    pub is_full: bool,
}

/// An upload that the claimer alone may write to, until the lease ends.
#[derive(Clone, Debug)]
pub struct ClaimedUpload {
    /// The upload.
    pub upload: UploadRow,
    /// Grows with each claim: what is written with an older one changes nothing.
    pub fence: i64,
}

fn read_upload(row: &Row<'_>) -> Result<UploadRow> {
    let state = match (row.text(4)?.as_str(), row.optional_text(9)?) {
        ("open", _) => Some(UploadState::Open),
        ("done", Some(digest)) => Digest::parse(&digest).ok().map(UploadState::Done),
        _ => None,
    };
    let algorithm = row.text(5)?;
    let algorithms = [Algorithm::Sha256, Algorithm::Sha512];
    Ok(UploadRow {
        id: parse_column("uploads.id", UploadId::parse(&row.text(0)?).ok())?,
        account_id: AccountId::new(row.text(1)?),
        repository_id: RepositoryId::new(row.text(2)?),
        caller: row.text(3)?,
        state: parse_column("uploads.state", state)?,
        algorithm: parse_column(
            "uploads.algorithm",
            algorithms
                .into_iter()
                .find(|known| known.as_str() == algorithm),
        )?,
        offset_bytes: row.size(6, "uploads.offset_bytes")?,
        hash_state: row.text(7)?,
        parts: row.text(8)?,
        is_leased: row.flag(10)?,
    })
}

impl Reader<'_> {
    /// An upload that has not expired.
    pub fn find_upload(&self, id: &UploadId, now_ms: i64) -> Result<Option<UploadRow>> {
        const SQL: &str = "SELECT id, account_id, repository_id, caller, state, algorithm, offset_bytes, hash_state, parts, \
             digest, CASE WHEN lease_owner IS NOT NULL AND lease_until_ms > ?2 THEN 1 ELSE 0 END \
             FROM uploads WHERE id = ?1 AND expires_at_ms > ?2";
        self.connection
            .find(SQL, params![id.as_str(), now_ms], read_upload)
    }

    /// What an account has uploaded and not used; open uploads are counted up to `limit`.
    pub fn find_upload_room(&self, account: &AccountId, limit: i64) -> Result<UploadRoom> {
        const SQL: &str = "SELECT COUNT(*), COALESCE(CAST(SUM(open.offset_bytes) AS BIGINT), 0), \
             (SELECT COALESCE(CAST(SUM(s.size_bytes) AS BIGINT), 0) FROM (SELECT b.size_bytes FROM unreferenced_blobs b \
             WHERE b.account_id = ?1 ORDER BY b.size_bytes DESC LIMIT ?3) s), \
             (SELECT CASE WHEN u.used_bytes >= u.limit_bytes THEN 1 ELSE 0 END FROM account_usage u WHERE u.account_id = ?1) \
             FROM (SELECT o.offset_bytes FROM uploads o WHERE o.account_id = ?1 AND o.state = 'open' LIMIT ?2) open";
        let params = params![account.as_str(), limit, SUMMED];
        self.connection.get(SQL, params, |row| {
            Ok(UploadRoom {
                open: row.int(0)?,
                open_bytes: row.size(1, "uploads.offset_bytes")?,
                unreferenced_bytes: row.size(2, "unreferenced_blobs.size_bytes")?,
                is_full: row.flag(3)?,
            })
        })
    }

    /// Whether an upload of that id is open, expired or not.
    pub fn is_upload_open(&self, id: &str) -> Result<bool> {
        // With "= 'open'" PostgreSQL could go through the index of open uploads instead.
        const SQL: &str = "SELECT 1 FROM uploads WHERE id = ?1 AND state <> 'done'";
        self.connection.exists(SQL, params![id])
    }
}

impl Tx<'_> {
    /// Ids of uploads that expired before `now_ms` and that nobody is writing to; nobody can go on with them any more. A
    /// lease of another life of this process (another `owner`) counts for nothing when `others_are_dead`.
    pub fn take_expired_uploads(
        &mut self,
        owner: &str,
        others_are_dead: bool,
        now_ms: i64,
        limit: i64,
    ) -> Result<Vec<String>> {
        let sql = self.connection.text_of(&fragments::TAKE_EXPIRED_UPLOADS);
        let params = params![owner, others_are_dead, now_ms, limit];
        self.connection.list(sql, params, |row| row.text(0))
    }

    /// Begins an upload. Its row must be safe before its first byte is written.
    pub fn create_upload(&mut self, upload: &NewUpload, now_ms: i64) -> Result<()> {
        const SQL: &str = "INSERT INTO uploads (id, account_id, repository_id, caller, state, algorithm, offset_bytes, \
             hash_state, parts, digest, lease_owner, lease_until_ms, fence, created_at_ms, expires_at_ms) \
             VALUES (?1, ?2, ?3, ?4, 'open', ?5, 0, '', '', NULL, NULL, 0, 0, ?6, ?7)";
        self.connection.execute(
            SQL,
            params![
                upload.id.as_str(),
                upload.account_id.as_str(),
                upload.repository_id.as_str(),
                &upload.caller,
                upload.algorithm.as_str(),
                now_ms,
                upload.expires_at_ms
            ],
        )?;
        Ok(())
    }

    /// Takes the right to write to an upload. `None` when it is unknown or expired, or somebody else has that right.
    /// A lease of another life of this process (another `owner`) counts for nothing when `others_are_dead`.
    pub fn claim_upload(
        &mut self,
        id: &UploadId,
        owner: &str,
        others_are_dead: bool,
        now_ms: i64,
        until_ms: i64,
    ) -> Result<Option<ClaimedUpload>> {
        const SQL: &str = "UPDATE uploads SET lease_owner = ?2, lease_until_ms = ?5, fence = fence + 1 \
             WHERE id = ?1 AND expires_at_ms > ?4 \
             AND (lease_owner IS NULL OR lease_until_ms <= ?4 OR (?3 = 1 AND lease_owner <> ?2)) \
             RETURNING id, account_id, repository_id, caller, state, algorithm, offset_bytes, hash_state, parts, \
             digest, 1, fence";
        let params = params![id.as_str(), owner, others_are_dead, now_ms, until_ms];
        self.connection.find(SQL, params, |row| {
            Ok(ClaimedUpload {
                upload: read_upload(row)?,
                fence: row.int(11)?,
            })
        })
    }

    /// Keeps the right to write for longer, and the upload with it. Says whether it was still held.
    pub fn renew_upload_lease(&mut self, id: &UploadId, fence: i64, until_ms: i64) -> Result<bool> {
        const SQL: &str = "UPDATE uploads SET lease_until_ms = ?3, \
             expires_at_ms = CASE WHEN expires_at_ms < ?3 THEN ?3 ELSE expires_at_ms END \
             WHERE id = ?1 AND fence = ?2 AND lease_owner IS NOT NULL";
        Ok(self
            .connection
            .execute(SQL, params![id.as_str(), fence, until_ms])?
            > 0)
    }

    /// Gives the right to write back.
    pub fn release_upload(&mut self, id: &UploadId, fence: i64) -> Result<()> {
        const SQL: &str = "UPDATE uploads SET lease_owner = NULL WHERE id = ?1 AND fence = ?2";
        self.connection.execute(SQL, params![id.as_str(), fence])?;
        Ok(())
    }

    /// Notes how far an upload is and gives the right to write back. Says whether it was still held.
    pub fn record_upload_progress(
        &mut self,
        (id, fence): (&UploadId, i64),
        offset_bytes: u64,
        hash_state: &str,
        parts: &str,
        expires_at_ms: i64,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE uploads SET offset_bytes = ?3, hash_state = ?4, parts = ?5, expires_at_ms = ?6, \
             lease_owner = NULL WHERE id = ?1 AND fence = ?2 AND lease_owner IS NOT NULL";
        let offset = i64::try_from(offset_bytes).unwrap_or(i64::MAX);
        let params = params![id.as_str(), fence, offset, hash_state, parts, expires_at_ms];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Notes that an upload's blob is stored. Says whether the right to write was still held.
    pub fn finish_upload(
        &mut self,
        id: &UploadId,
        fence: i64,
        digest: &Digest,
        forget_at_ms: i64,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE uploads SET state = 'done', digest = ?3, hash_state = '', parts = '', lease_owner = NULL, \
             expires_at_ms = ?4 WHERE id = ?1 AND fence = ?2 AND lease_owner IS NOT NULL";
        let params = params![id.as_str(), fence, digest.as_str(), forget_at_ms];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Forgets an upload; an open one's object is condemned. Says whether it was there.
    pub fn delete_upload(&mut self, id: &str, now_ms: i64) -> Result<bool> {
        const SQL: &str = "DELETE FROM uploads WHERE id = ?1 RETURNING state";
        let state = self.connection.find(SQL, params![id], |row| row.text(0))?;
        if state.as_deref() == Some("open") {
            self.condemn_object(id, now_ms)?;
        }
        Ok(state.is_some())
    }
}
