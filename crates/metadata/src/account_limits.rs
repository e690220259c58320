//! Limits that accounts set for themselves, below those of their plans.

use crate::connection::{Row, params};
use crate::error::{Error, Result};
use crate::{Reader, Tx};
use model::AccountId;

/// What an account may use by its own will; `None` for as much as its plan allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountLimits {
    /// Bytes of distinct digests.
    pub storage_bytes: Option<u64>,
    /// Bytes pulled per calendar month.
    pub pull_bytes_per_month: Option<u64>,
}

/// What pushes are held against: the smaller of the plan's limit and the account's own.
pub(crate) const SET_STORAGE_LIMIT: &str = "UPDATE account_usage SET limit_bytes = (SELECT MIN(l.bytes) FROM (\
     SELECT p.storage_bytes AS bytes FROM account_terms t JOIN plans p ON p.id = t.plan_id WHERE t.account_id = ?1 \
     UNION ALL SELECT o.storage_bytes FROM account_limits o WHERE o.account_id = ?1) l) WHERE account_id = ?1";

pub(crate) fn read_limits(row: &Row<'_>, at: usize) -> Result<AccountLimits> {
    let limit = |column| {
        let limit = row.optional_int(column)?.map(u64::try_from).transpose();
        limit.map_err(|_| Error::Unreadable {
            column: "account_limits",
        })
    };
    Ok(AccountLimits {
        storage_bytes: limit(at)?,
        pull_bytes_per_month: limit(at + 1)?,
    })
}

impl Reader<'_> {
    /// The limits that an account has set for itself.
    pub fn find_account_limits(&self, account: &AccountId) -> Result<AccountLimits> {
        const SQL: &str =
            "SELECT storage_bytes, pull_bytes_per_month FROM account_limits WHERE account_id = ?1";
        let found = self
            .connection
            .find(SQL, params![account.as_str()], |row| read_limits(row, 0))?;
        Ok(found.unwrap_or_default())
    }
}

impl Tx<'_> {
    /// Writes the limits that an account sets for itself, both of them, and what its pushes are held against. After
    /// [`Tx::take_account`].
    pub fn set_account_limits(
        &mut self,
        account: &AccountId,
        limits: &AccountLimits,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO account_limits (account_id, storage_bytes, pull_bytes_per_month, updated_at_ms) \
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT (account_id) DO UPDATE SET storage_bytes = excluded.storage_bytes, \
             pull_bytes_per_month = excluded.pull_bytes_per_month, updated_at_ms = excluded.updated_at_ms";
        let kept = |limit: Option<u64>| limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let (storage, pulled) = (
            kept(limits.storage_bytes),
            kept(limits.pull_bytes_per_month),
        );
        self.connection
            .execute(SQL, params![account.as_str(), storage, pulled, now_ms])?;
        self.connection
            .execute(SET_STORAGE_LIMIT, params![account.as_str()])?;
        self.changes.policy();
        Ok(())
    }
}
