//! What people of an account should look at.

use crate::Reader;
use crate::connection::params;
use crate::error::Result;
use model::AccountId;

impl Reader<'_> {
    /// Robot accounts that expire between two times, those in force, the first to expire first: names and times.
    pub fn list_expiring_robots(
        &self,
        account: &AccountId,
        (from_ms, until_ms): (i64, i64),
        limit: i64,
    ) -> Result<Vec<(String, i64)>> {
        const SQL: &str = "SELECT name, expires_at_ms FROM robots WHERE account_id = ?1 AND expires_at_ms IS NOT NULL \
             AND expires_at_ms >= ?2 AND expires_at_ms < ?3 AND is_disabled = 0 ORDER BY expires_at_ms LIMIT ?4";
        let params = params![account.as_str(), from_ms, until_ms, limit];
        self.connection
            .list(SQL, params, |row| Ok((row.text(0)?, row.int(1)?)))
    }

    /// How many of an account's jobs failed since a time; a hundred at most are counted.
    pub fn count_failed_jobs(&self, account: &AccountId, since_ms: i64) -> Result<i64> {
        const SQL: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE account_id = ?1 AND state = 'failed' \
             AND ended_at_ms >= ?2 LIMIT 100) AS failed";
        self.connection
            .get(SQL, params![account.as_str(), since_ms], |row| row.int(0))
    }

    /// The names of an account's sinks whose receivers fail, or that were paused for it.
    pub fn list_failing_sinks(&self, account: &AccountId) -> Result<Vec<String>> {
        const SQL: &str = "SELECT s.name FROM sinks s JOIN event_followers f ON f.id = s.id \
             WHERE s.account_id = ?1 AND (f.failures > 0 OR f.state = 'paused') ORDER BY s.name";
        self.connection
            .list(SQL, params![account.as_str()], |row| row.text(0))
    }
}
