//! What accounts did and stored, day by day, for as long as people look at it. A day is a text, as in `2026-11-23`.

use crate::connection::params;
use crate::error::Result;
use crate::traffic::{Traffic, read_traffic};
use crate::{Reader, Tx};
use model::AccountId;

/// An account's day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountDay {
    /// The day, in UTC.
    pub day: String,
    /// What was pulled and pushed.
    pub traffic: Traffic,
    /// What was stored at the last look of the day, in bytes; `None` when there was none.
    pub stored_bytes: Option<u64>,
}

impl Reader<'_> {
    /// An account's days from one on, of which anything is known, in their order.
    pub fn list_account_days(&self, account: &AccountId, from: &str) -> Result<Vec<AccountDay>> {
        const SQL: &str = "SELECT day, pull_bytes, pulls, pushes, stored_bytes FROM account_days \
             WHERE account_id = ?1 AND day >= ?2 ORDER BY day";
        self.connection
            .list(SQL, params![account.as_str(), from], |row| {
                let stored = row.optional_int(4)?;
                Ok(AccountDay {
                    day: row.text(0)?,
                    traffic: read_traffic(row, 1)?,
                    stored_bytes: stored.and_then(|bytes| u64::try_from(bytes).ok()),
                })
            })
    }
}

impl Tx<'_> {
    /// Adds to an account's traffic on a day.
    pub fn add_day_traffic(
        &mut self,
        account: &AccountId,
        day: &str,
        traffic: &Traffic,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO account_days (account_id, day, pull_bytes, pulls, pushes) \
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (account_id, day) DO UPDATE SET \
             pull_bytes = account_days.pull_bytes + excluded.pull_bytes, \
             pulls = account_days.pulls + excluded.pulls, \
             pushes = account_days.pushes + excluded.pushes";
        let [bytes, pulls, pushes] = traffic.kept();
        let params = params![account.as_str(), day, bytes, pulls, pushes];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Writes down what every account stores now, as what it stored on a day.
    pub fn sample_day(&mut self, day: &str) -> Result<usize> {
        const SQL: &str = "INSERT INTO account_days (account_id, day, pull_bytes, pulls, pushes, stored_bytes) \
             SELECT u.account_id, ?1, 0, 0, 0, u.used_bytes FROM account_usage u \
             LEFT JOIN account_terms t ON t.account_id = u.account_id WHERE t.destroyed_at_ms IS NULL \
             ON CONFLICT (account_id, day) DO UPDATE SET stored_bytes = excluded.stored_bytes";
        self.connection.execute(SQL, params![day])
    }

    /// Forgets days before one, so many rows at most. Says how many that were.
    pub fn forget_days(&mut self, before: &str, limit: i64) -> Result<usize> {
        const SQL: &str = "DELETE FROM account_days WHERE (account_id, day) IN \
             (SELECT account_id, day FROM account_days WHERE day < ?1 ORDER BY day LIMIT ?2)";
        self.connection.execute(SQL, params![before, limit])
    }
}
