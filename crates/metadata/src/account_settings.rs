//! What an account's administrators decided about it.

use crate::connection::{Row, params};
use crate::error::{Error, Result};
use crate::pull_times::carry_pull_times;
use crate::{Reader, Tx};
use model::AccountId;
use serde_json::Value;
use std::collections::BTreeMap;

/// Settings of an account by their names, those only that were ever set.
pub type AccountSettings = BTreeMap<String, Value>;

fn read_settings(row: &Row<'_>) -> Result<AccountSettings> {
    serde_json::from_str(&row.text(0)?).map_err(|_| Error::Unreadable {
        column: "account_terms.settings",
    })
}

impl Reader<'_> {
    /// An account's settings; none when none was ever set.
    pub fn find_account_settings(&self, account: &AccountId) -> Result<AccountSettings> {
        const SQL: &str = "SELECT settings FROM account_terms WHERE account_id = ?1";
        let found = self
            .connection
            .find(SQL, params![account.as_str()], read_settings)?;
        Ok(found.unwrap_or_default())
    }
}

impl Tx<'_> {
    /// An account's settings, which this transaction is about to change: another that does the same waits.
    pub fn take_account_settings(
        &mut self,
        account: &AccountId,
        now_ms: i64,
    ) -> Result<AccountSettings> {
        const ROW: &str = "INSERT INTO account_terms (account_id, settings, updated_at_ms, noted_at_ms) \
             VALUES (?1, '{}', ?2, ?2) ON CONFLICT (account_id) DO NOTHING";
        const TAKE: &str = "SELECT 1 FROM account_terms WHERE account_id = ?1 FOR UPDATE";
        self.connection
            .execute(ROW, params![account.as_str(), now_ms])?;
        self.connection.keep(TAKE, params![account.as_str()])?;
        self.find_account_settings(account)
    }

    /// Writes an account's settings, all of them, after [`Tx::take_account_settings`].
    pub fn put_account_settings(
        &mut self,
        account: &AccountId,
        settings: &AccountSettings,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = concat!(
            "UPDATE account_terms SET settings = ?1, updated_at_ms = ?2, noted_at_ms = ?2, ",
            carry_pull_times!(),
            " WHERE account_id = ?3"
        );
        let settings = serde_json::to_string(settings)
            .map_err(|_| Error::Database("settings cannot be written as JSON".to_owned()))?;
        self.connection
            .execute(SQL, params![&settings, now_ms, account.as_str()])?;
        self.changes.policy();
        Ok(())
    }
}
