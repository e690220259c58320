//! Usage: the distinct digests that an account's manifests reference, each counted once.

use crate::connection::params;
use crate::error::{Error, Result};
use crate::fragments;
use crate::{Reader, Tx};
use model::AccountId;
use oci::Digest;

/// What adding to an account's running total came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// There was nothing to add.
    Nothing,
    /// It was done.
    Total {
        /// The total now.
        used_bytes: u64,
        /// What it may be.
        limit_bytes: Option<u64>,
    },
    /// It would be over the limit: nothing was added.
    TooMuch,
}

impl Added {
    /// Whether what was to be added is, or was nothing.
    pub fn is_done(self) -> bool {
        self != Self::TooMuch
    }
}

impl Reader<'_> {
    /// Bytes that an account uses, and its limit.
    pub fn get_usage(&self, account: &AccountId) -> Result<(u64, Option<u64>)> {
        const SQL: &str = "SELECT used_bytes, limit_bytes FROM account_usage WHERE account_id = ?1";
        self.connection.get(SQL, params![account.as_str()], |row| {
            let limit = row
                .optional_int(1)?
                .and_then(|limit| u64::try_from(limit).ok());
            Ok((row.size(0, "account_usage.used_bytes")?, limit))
        })
    }

    /// The same sum, counted anew from the references: what the running total must equal.
    pub fn count_usage(&self, account: &AccountId) -> Result<u64> {
        const SQL: &str = "SELECT COALESCE(CAST(SUM(size_bytes) AS BIGINT), 0) FROM (\
             SELECT m.account_id, k.digest, MAX(b.size_bytes) AS size_bytes FROM manifests m \
             JOIN manifest_blobs k ON k.manifest_id = m.id \
             JOIN blobs b ON b.storage = k.storage AND b.digest = k.digest \
             WHERE m.account_id = ?1 GROUP BY m.account_id, k.digest) counted";
        self.connection.get(SQL, params![account.as_str()], |row| {
            row.size(0, "account_usage.used_bytes")
        })
    }
}

impl Tx<'_> {
    /// Counts one more manifest that references a digest. Says whether it is the account's first.
    pub fn add_reference(
        &mut self,
        account: &AccountId,
        digest: &Digest,
        size_bytes: u64,
    ) -> Result<bool> {
        const SQL: &str = "INSERT INTO account_blobs (account_id, digest, size_bytes, reference_count) \
             VALUES (?1, ?2, ?3, 1) ON CONFLICT (account_id, digest) \
             DO UPDATE SET reference_count = account_blobs.reference_count + 1 RETURNING reference_count";
        let size = i64::try_from(size_bytes).unwrap_or(i64::MAX);
        let params = params![account.as_str(), digest.as_str(), size];
        Ok(self.connection.get(SQL, params, |row| row.int(0))? == 1)
    }

    /// Counts one manifest less that references a digest. Answers with the bytes freed: 0 unless it was the last.
    pub fn drop_reference(&mut self, account: &AccountId, digest: &Digest) -> Result<u64> {
        const LAST: &str = "DELETE FROM account_blobs WHERE account_id = ?1 AND digest = ?2 AND reference_count = 1 \
             RETURNING size_bytes";
        const LESS: &str = "UPDATE account_blobs SET reference_count = reference_count - 1 \
             WHERE account_id = ?1 AND digest = ?2";
        let params = params![account.as_str(), digest.as_str()];
        // Between the two statements the count must not become 1.
        self.connection.keep(fragments::TAKE_ACCOUNT_BLOB, params)?;
        let last = self
            .connection
            .find(LAST, params, |row| row.size(0, "account_blobs.size_bytes"))?;
        if let Some(freed) = last {
            return Ok(freed);
        }
        self.connection.execute(LESS, params)?;
        Ok(0)
    }

    /// Adds to an account's running total, unless that would go over its limit. Answers with the total and the limit, where
    /// there is one, or with [`Added::TooMuch`].
    pub fn add_usage(&mut self, account: &AccountId, added_bytes: u64) -> Result<Added> {
        const SQL: &str = "UPDATE account_usage SET used_bytes = used_bytes + ?2 \
             WHERE account_id = ?1 AND (limit_bytes IS NULL OR used_bytes + ?2 <= limit_bytes) \
             RETURNING used_bytes, limit_bytes";
        let added = i64::try_from(added_bytes).map_err(|_| Error::Unreadable {
            column: "blobs.size_bytes",
        })?;
        if added == 0 {
            return Ok(Added::Nothing);
        }
        let params = params![account.as_str(), added];
        let total = self.connection.find(SQL, params, |row| {
            let limit = row.optional_int(1)?;
            Ok(Added::Total {
                used_bytes: row.size(0, "account_usage.used_bytes")?,
                limit_bytes: limit.and_then(|limit| u64::try_from(limit).ok()),
            })
        })?;
        Ok(total.unwrap_or(Added::TooMuch))
    }

    /// Takes from an account's running total.
    pub fn free_usage(&mut self, account: &AccountId, freed_bytes: u64) -> Result<()> {
        const SQL: &str =
            "UPDATE account_usage SET used_bytes = used_bytes - ?2 WHERE account_id = ?1";
        let freed = i64::try_from(freed_bytes).map_err(|_| Error::Unreadable {
            column: "blobs.size_bytes",
        })?;
        if freed != 0 {
            self.connection
                .execute(SQL, params![account.as_str(), freed])?;
        }
        Ok(())
    }
}
