//! What is known of blobs: where their bytes are, and which repositories may serve them.

use crate::connection::{params, parse_column};
use crate::error::Result;
use crate::fragments;
use crate::quarantine::{Damage, read_damage};
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
    /// Why the blob is in quarantine, if it is.
    pub damage: Option<Damage>,
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
        const SQL: &str = "SELECT b.location, b.size_bytes, k.renewed_at_ms, r.id, a.state, b.damage FROM repositories r \
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
                damage: read_damage(row, 5)?,
            })
        })
    }

    /// Where a repository's blob is stored and its size, or `None` when the repository does not know it, or it is in
    /// quarantine.
    pub fn find_membership(
        &self,
        repository: &RepositoryId,
        digest: &Digest,
    ) -> Result<Option<(String, u64)>> {
        const SQL: &str = "SELECT b.storage, b.size_bytes FROM repository_blobs k \
             JOIN blobs b ON b.storage = k.storage AND b.digest = k.digest \
             WHERE k.repository_id = ?1 AND k.digest = ?2 AND b.quarantined_at_ms IS NULL";
        let params = params![repository.as_str(), digest.as_str()];
        self.connection.find(SQL, params, |row| {
            Ok((row.text(0)?, row.size(1, "blobs.size_bytes")?))
        })
    }

    /// The object and the size of a blob that some repository of the account knows and that is not in quarantine.
    pub fn find_account_blob(
        &self,
        account: &AccountId,
        digest: &Digest,
    ) -> Result<Option<(String, u64)>> {
        const SQL: &str = "SELECT b.location, b.size_bytes FROM repository_blobs k \
             JOIN blobs b ON b.storage = k.storage AND b.digest = k.digest \
             WHERE k.digest = ?1 AND k.account_id = ?2 AND b.quarantined_at_ms IS NULL LIMIT 1";
        let params = params![digest.as_str(), account.as_str()];
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
    /// The same as [`find_membership`](Reader::find_membership), and the repository goes on knowing the blob until the
    /// transaction ends.
    pub fn keep_membership(
        &mut self,
        repository: &RepositoryId,
        digest: &Digest,
    ) -> Result<Option<(String, u64)>> {
        let sql = self.connection.text_of(&fragments::KEEP_MEMBERSHIP);
        let params = params![repository.as_str(), digest.as_str()];
        self.connection.find(sql, params, |row| {
            Ok((row.text(0)?, row.size(1, "blobs.size_bytes")?))
        })
    }

    /// The same as [`find_blob_location`](Reader::find_blob_location) for a blob that is not in quarantine, and it is not
    /// collected until the transaction ends.
    pub fn keep_blob_location(&mut self, storage: &str, digest: &Digest) -> Result<Option<String>> {
        let sql = self.connection.text_of(&fragments::KEEP_BLOB);
        self.connection
            .find(sql, params![storage, digest.as_str()], |row| row.text(0))
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

    /// Renews that a repository knows a blob, if it does, and says whether it does. The row stays locked until the
    /// transaction ends: nobody ends the lease meanwhile.
    pub fn renew_repository_blob(
        &mut self,
        repository: &RepositoryId,
        digest: &Digest,
        now_ms: i64,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE repository_blobs \
             SET renewed_at_ms = CASE WHEN renewed_at_ms < ?1 THEN ?1 ELSE renewed_at_ms END \
             WHERE repository_id = ?2 AND digest = ?3";
        let params = params![now_ms, repository.as_str(), digest.as_str()];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Makes a repository forget a blob. Answers with its storage, or `None` when it did not know it.
    pub fn delete_repository_blob(
        &mut self,
        repository: &RepositoryId,
        digest: &Digest,
    ) -> Result<Option<String>> {
        const SQL: &str = "DELETE FROM repository_blobs WHERE repository_id = ?1 AND digest = ?2 RETURNING storage";
        let params = params![repository.as_str(), digest.as_str()];
        let storage = self.connection.find(SQL, params, |row| row.text(0))?;
        if storage.is_some() {
            self.review_unreferenced_blob(repository, digest)?;
        }
        Ok(storage)
    }
}
