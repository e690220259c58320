//! What accounts stored, month by month, and which months are closed. A month is a text, as in `2026-11`.

use crate::connection::{Row, params};
use crate::error::{Error, Result};
use crate::traffic::{Traffic, read_traffic};
use crate::{Reader, Tx};
use model::{AccountId, AccountState};

/// What an account stored in a month, by looks at it on the hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountStorage {
    /// The sum of the bytes that the looks saw.
    pub byte_hours: u64,
    /// How many looks.
    pub hours: u64,
    /// The most that one saw.
    pub peak_bytes: u64,
    /// The name of the plan at the last of them.
    pub plan: Option<String>,
}

/// An account's month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountMonth {
    /// The account's name.
    pub account: String,
    /// What it may do at present.
    pub state: AccountState,
    /// What it stored.
    pub storage: AccountStorage,
    /// What was pulled and pushed.
    pub traffic: Traffic,
}

pub(crate) fn read_storage(row: &Row<'_>, at: usize) -> Result<AccountStorage> {
    Ok(AccountStorage {
        byte_hours: row.size(at, "account_storage.byte_hours")?,
        hours: row.size(at + 1, "account_storage.hours")?,
        peak_bytes: row.size(at + 2, "account_storage.peak_bytes")?,
        plan: row.optional_text(at + 3)?,
    })
}

impl Reader<'_> {
    /// What an account stored in a month.
    pub fn find_account_storage(&self, account: &AccountId, month: &str) -> Result<AccountStorage> {
        const SQL: &str = "SELECT byte_hours, hours, peak_bytes, plan FROM account_storage \
             WHERE account_id = ?1 AND month = ?2";
        let found = self
            .connection
            .find(SQL, params![account.as_str(), month], |row| {
                read_storage(row, 0)
            })?;
        Ok(found.unwrap_or_default())
    }

    /// The accounts that there were in a month, by their names after `after`.
    pub fn list_account_months(
        &self,
        month: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<AccountMonth>> {
        const SQL: &str = "SELECT a.name, a.state, COALESCE(s.byte_hours, 0), COALESCE(s.hours, 0), \
             COALESCE(s.peak_bytes, 0), s.plan, COALESCE(t.pull_bytes, 0), COALESCE(t.pulls, 0), COALESCE(t.pushes, 0) \
             FROM accounts a \
             LEFT JOIN account_storage s ON s.account_id = a.id AND s.month = ?1 \
             LEFT JOIN account_traffic t ON t.account_id = a.id AND t.month = ?1 \
             WHERE a.name > ?2 AND (s.month IS NOT NULL OR t.month IS NOT NULL) ORDER BY a.name LIMIT ?3";
        self.connection
            .list(SQL, params![month, after, limit], |row| {
                let state = AccountState::parse(&row.text(1)?);
                Ok(AccountMonth {
                    account: row.text(0)?,
                    state: state.ok_or(Error::Unreadable {
                        column: "accounts.state",
                    })?,
                    storage: read_storage(row, 2)?,
                    traffic: read_traffic(row, 6)?,
                })
            })
    }

    /// When a month was closed; `None` while its figures may still change.
    pub fn find_month_closed(&self, month: &str) -> Result<Option<i64>> {
        const SQL: &str = "SELECT closed_at_ms FROM closed_months WHERE month = ?1";
        self.connection.find(SQL, params![month], |row| row.int(0))
    }

    /// The first month after `after` in which anything was stored.
    pub fn find_next_month(&self, after: &str) -> Result<Option<String>> {
        const SQL: &str =
            "SELECT month FROM account_storage WHERE month > ?1 ORDER BY month LIMIT 1";
        self.connection.find(SQL, params![after], |row| row.text(0))
    }

    /// The last month that was closed.
    pub fn find_last_closed_month(&self) -> Result<Option<String>> {
        const SQL: &str =
            "SELECT month FROM closed_months WHERE month > '' ORDER BY month DESC LIMIT 1";
        self.connection.find(SQL, params![], |row| row.text(0))
    }
}

impl Tx<'_> {
    /// Looks at what every account stores, as on each full hour (since 1970) after `from_hour`, up to `to_hour`, which must
    /// all be in the month. Accounts that were made meanwhile count from then on. Says how many accounts there are.
    pub fn sample_storage(&mut self, month: &str, from_hour: i64, to_hour: i64) -> Result<usize> {
        const SQL: &str = "INSERT INTO account_storage (account_id, month, byte_hours, hours, peak_bytes, plan) \
             SELECT u.account_id, ?1, \
             u.used_bytes * (?3 - CASE WHEN a.created_at_ms / 3600000 > ?2 THEN a.created_at_ms / 3600000 ELSE ?2 END), \
             ?3 - CASE WHEN a.created_at_ms / 3600000 > ?2 THEN a.created_at_ms / 3600000 ELSE ?2 END, u.used_bytes, p.name \
             FROM account_usage u JOIN accounts a ON a.id = u.account_id \
             LEFT JOIN account_terms t ON t.account_id = a.id LEFT JOIN plans p ON p.id = t.plan_id \
             WHERE a.created_at_ms / 3600000 < ?3 AND (t.destroyed_at_ms IS NULL OR t.destroyed_at_ms / 3600000 >= ?3) \
             ON CONFLICT (account_id, month) DO UPDATE SET \
             byte_hours = account_storage.byte_hours + excluded.byte_hours, hours = account_storage.hours + excluded.hours, \
             peak_bytes = CASE WHEN account_storage.peak_bytes > excluded.peak_bytes \
             THEN account_storage.peak_bytes ELSE excluded.peak_bytes END, plan = excluded.plan";
        self.connection
            .execute(SQL, params![month, from_hour, to_hour])
    }

    /// Says that a month's figures will not change any more. Says whether that is news.
    pub fn close_month(&mut self, month: &str, now_ms: i64) -> Result<bool> {
        const SQL: &str = "INSERT INTO closed_months (month, closed_at_ms) VALUES (?1, ?2) \
             ON CONFLICT (month) DO NOTHING";
        Ok(self.connection.execute(SQL, params![month, now_ms])? > 0)
    }
}
