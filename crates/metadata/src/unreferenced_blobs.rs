//! What an account has uploaded and no manifest of it references yet: each digest once, with a limit of its own.
//!
//! On PostgreSQL an upload that ends while a push of the same digest commits may leave a row that is not true any more. A look
//! at the repository's lease, or the proof of usage, takes it away.

use crate::Tx;
use crate::connection::params;
use crate::error::Result;
use model::{AccountId, RepositoryId};
use oci::Digest;

impl Tx<'_> {
    /// A repository of the account was given a blob. Nothing is noted when a manifest of the account references it.
    pub fn note_unreferenced_blob(
        &mut self,
        account: &AccountId,
        digest: &Digest,
        size_bytes: u64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO unreferenced_blobs (account_id, digest, size_bytes) SELECT ?1, ?2, CAST(?3 AS BIGINT) \
             WHERE NOT EXISTS (SELECT 1 FROM account_blobs WHERE account_id = ?1 AND digest = ?2) \
             ON CONFLICT (account_id, digest) DO NOTHING";
        let size = i64::try_from(size_bytes).unwrap_or(i64::MAX);
        self.connection
            .execute(SQL, params![account.as_str(), digest.as_str(), size])?;
        Ok(())
    }

    /// A manifest references what its rows say: none of it is unreferenced any more.
    pub fn forget_unreferenced_blobs_of(
        &mut self,
        account: &AccountId,
        manifest: &str,
    ) -> Result<()> {
        const SQL: &str = "DELETE FROM unreferenced_blobs WHERE account_id = ?1 \
             AND digest IN (SELECT m.digest FROM manifest_blobs m WHERE m.manifest_id = ?2)";
        self.connection
            .execute(SQL, params![account.as_str(), manifest])?;
        Ok(())
    }

    /// A repository was looked at, or gives a blob away: for its account the digest is not unreferenced any more, if a manifest
    /// references it or no repository of the account knows it.
    pub fn review_unreferenced_blob(
        &mut self,
        repository: &RepositoryId,
        digest: &Digest,
    ) -> Result<()> {
        const SQL: &str = "DELETE FROM unreferenced_blobs WHERE digest = ?2 \
             AND account_id = (SELECT r.account_id FROM repositories r WHERE r.id = ?1) \
             AND (EXISTS (SELECT 1 FROM account_blobs a WHERE a.account_id = unreferenced_blobs.account_id AND a.digest = ?2) \
             OR NOT EXISTS (SELECT 1 FROM repository_blobs k \
             WHERE k.digest = ?2 AND k.account_id = unreferenced_blobs.account_id))";
        self.connection
            .execute(SQL, params![repository.as_str(), digest.as_str()])?;
        Ok(())
    }

    /// The same for all that is noted of an account. Says how much was not true.
    pub fn review_unreferenced_blobs(&mut self, account: &AccountId) -> Result<usize> {
        const SQL: &str = "DELETE FROM unreferenced_blobs WHERE account_id = ?1 \
             AND (EXISTS (SELECT 1 FROM account_blobs a WHERE a.account_id = ?1 AND a.digest = unreferenced_blobs.digest) \
             OR NOT EXISTS (SELECT 1 FROM repository_blobs k \
             WHERE k.digest = unreferenced_blobs.digest AND k.account_id = ?1))";
        self.connection.execute(SQL, params![account.as_str()])
    }
}
