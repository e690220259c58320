//! What is known of blobs: where their bytes are, and which repositories may serve them.

use crate::connection::{params, parse_column};
use crate::error::Result;
use crate::{Reader, RepositoryKey, Tx};
use model::{AccountId, AccountState, RepositoryId};
use oci::Digest;

/// A blob as a repository serves it.
#[derive(Clone, Debug)]
pub struct BlobRow {
    /// The key of its object in the blob store.
    pub location: String,
    /// Its size.
    pub size_bytes: u64,
    /// When its membership of the repository was last renewed.
    pub renewed_at_ms: i64,
    /// The repository.
    pub repository_id: RepositoryId,
    /// What the repository's account may do at present.
    pub account_state: AccountState,
}

/// A repository that knows a blob.
#[derive(Clone, Debug)]
pub struct MembershipRow {
    /// The repository's full name.
    pub repository: String,
    /// Where the bytes are stored: `shared`, or an account's id.
    pub storage: String,
}

impl Reader<'_> {
    /// A blob that a repository knows.
    pub fn find_repository_blob(
        &self,
        key: &RepositoryKey,
        digest: &Digest,
    ) -> Result<Option<BlobRow>> {
        const SQL: &str = "SELECT b.location, b.size_bytes, k.renewed_at_ms, r.id, a.state FROM repositories r \
             JOIN accounts a ON a.id = r.account_id \
             JOIN repository_blobs k ON k.repository_id = r.id AND k.digest = ?3 \
             JOIN blobs b ON b.storage = k.storage AND b.digest = k.digest \
             WHERE r.account_id = ?1 AND r.name = ?2";
        let params = params![key.account_id.as_str(), key.name.as_str(), digest.as_str()];
        self.connection.find(SQL, params, |row| {
            Ok(BlobRow {
                location: row.text(0)?,
                size_bytes: row.size(1, "blobs.size_bytes")?,
                renewed_at_ms: row.int(2)?,
                repository_id: RepositoryId::new(row.text(3)?),
                account_state: parse_column("accounts.state", AccountState::parse(&row.text(4)?))?,
            })
        })
    }

    /// Where a repository's blob is stored and its size, or `None` when the repository does not know it.
    pub fn find_membership(
        &self,
        repository: &RepositoryId,
        digest: &Digest,
    ) -> Result<Option<(String, u64)>> {
        const SQL: &str = "SELECT b.storage, b.size_bytes FROM repository_blobs k \
             JOIN blobs b ON b.storage = k.storage AND b.digest = k.digest \
             WHERE k.repository_id = ?1 AND k.digest = ?2";
        let params = params![repository.as_str(), digest.as_str()];
        self.connection.find(SQL, params, |row| {
            Ok((row.text(0)?, row.size(1, "blobs.size_bytes")?))
        })
    }

    /// An account's repositories that know a blob, at most `limit`.
    pub fn list_memberships(
        &self,
        account: &AccountId,
        digest: &Digest,
        limit: i64,
    ) -> Result<Vec<MembershipRow>> {
        const SQL: &str = "SELECT r.name, k.storage FROM repository_blobs k JOIN repositories r ON r.id = k.repository_id \
             WHERE k.digest = ?1 AND k.account_id = ?2 LIMIT ?3";
        let params = params![digest.as_str(), account.as_str(), limit];
        self.connection.list(SQL, params, |row| {
            Ok(MembershipRow {
                repository: row.text(0)?,
                storage: row.text(1)?,
            })
        })
    }

    /// The key of the object that holds a digest's bytes.
    pub fn find_blob_location(&self, storage: &str, digest: &Digest) -> Result<Option<String>> {
        const SQL: &str = "SELECT location FROM blobs WHERE storage = ?1 AND digest = ?2";
        self.connection
            .find(SQL, params![storage, digest.as_str()], |row| row.text(0))
    }

    /// Whether a manifest of the repository needs the blob.
    pub fn is_blob_referenced(&self, repository: &RepositoryId, digest: &Digest) -> Result<bool> {
        const SQL: &str =
            "SELECT 1 FROM manifest_blobs WHERE repository_id = ?1 AND digest = ?2 LIMIT 1";
        self.connection
            .exists(SQL, params![repository.as_str(), digest.as_str()])
    }
}

impl Tx<'_> {
    /// Says where a digest's bytes are, unless that is known already. Says whether it was news.
    pub fn create_blob(
        &mut self,
        storage: &str,
        digest: &Digest,
        size_bytes: u64,
        location: &str,
        now_ms: i64,
    ) -> Result<bool> {
        const SQL: &str = "INSERT INTO blobs (storage, digest, size_bytes, location, created_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (storage, digest) DO NOTHING";
        let size = i64::try_from(size_bytes).unwrap_or(i64::MAX);
        let params = params![storage, digest.as_str(), size, location, now_ms];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Makes a repository know a blob, or renews that it does.
    ///
    /// # Errors
    /// [`Error::ReferenceViolated`](crate::Error::ReferenceViolated) when the blob is gone.
    pub fn put_repository_blob(
        &mut self,
        account: &AccountId,
        repository: &RepositoryId,
        storage: &str,
        digest: &Digest,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO repository_blobs (repository_id, digest, account_id, storage, renewed_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (repository_id, digest) DO UPDATE \
             SET renewed_at_ms = excluded.renewed_at_ms";
        let params = params![
            repository.as_str(),
            digest.as_str(),
            account.as_str(),
            storage,
            now_ms
        ];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Renews that a repository knows a blob, if it does.
    pub fn renew_repository_blob(
        &mut self,
        repository: &RepositoryId,
        digest: &Digest,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "UPDATE repository_blobs SET renewed_at_ms = ?3 \
             WHERE repository_id = ?1 AND digest = ?2 AND renewed_at_ms < ?3";
        self.connection
            .execute(SQL, params![repository.as_str(), digest.as_str(), now_ms])?;
        Ok(())
    }

    /// Makes a repository forget a blob. Answers with its storage, or `None` when it did not know it.
    pub fn delete_repository_blob(
        &mut self,
        repository: &RepositoryId,
        digest: &Digest,
    ) -> Result<Option<String>> {
        const SQL: &str = "DELETE FROM repository_blobs WHERE repository_id = ?1 AND digest = ?2 RETURNING storage";
        self.connection
            .find(SQL, params![repository.as_str(), digest.as_str()], |row| {
                row.text(0)
            })
    }
}
