//! For how long accounts keep their audit logs.

use crate::connection::params;
use crate::error::Result;
use crate::{Reader, Tx};
use model::AccountId;

impl Reader<'_> {
    /// For how many days an account keeps its audit log; `None` for ever.
    pub fn find_audit_retention(&self, account: &AccountId) -> Result<Option<i64>> {
        const SQL: &str = "SELECT keep_days FROM audit_retention WHERE account_id = ?1";
        self.connection
            .find(SQL, params![account.as_str()], |row| row.int(0))
    }

    /// Accounts after `after` that do not keep their audit logs for ever, with the days.
    pub fn list_audit_retention(
        &self,
        after: &AccountId,
        limit: i64,
    ) -> Result<Vec<(AccountId, i64)>> {
        const SQL: &str = "SELECT account_id, keep_days FROM audit_retention WHERE account_id > ?1 \
             ORDER BY account_id LIMIT ?2";
        self.connection
            .list(SQL, params![after.as_str(), limit], |row| {
                Ok((AccountId::new(row.text(0)?), row.int(1)?))
            })
    }
}

impl Tx<'_> {
    /// Writes for how many days an account keeps its audit log; `None` for ever.
    pub fn put_audit_retention(
        &mut self,
        account: &AccountId,
        keep_days: Option<i64>,
        now_ms: i64,
    ) -> Result<()> {
        const FOR_EVER: &str = "DELETE FROM audit_retention WHERE account_id = ?1";
        const DAYS: &str = "INSERT INTO audit_retention (account_id, keep_days, updated_at_ms) VALUES (?1, ?2, ?3) \
             ON CONFLICT (account_id) DO UPDATE SET keep_days = excluded.keep_days, updated_at_ms = excluded.updated_at_ms";
        let account = account.as_str();
        match keep_days {
            None => self.connection.execute(FOR_EVER, params![account])?,
            Some(days) => self
                .connection
                .execute(DAYS, params![account, days, now_ms])?,
        };
        Ok(())
    }
}
