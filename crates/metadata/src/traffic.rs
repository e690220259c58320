//! What was pulled and pushed, month by month. Written in batches. A month is a text, as in `2026-11`.

use crate::connection::{Row, params};
use crate::error::Result;
use crate::{Reader, Tx};
use model::AccountId;

/// What was pulled and pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes of manifests and blobs that were sent.
    pub pull_bytes: u64,
    /// Manifests that were asked for, and sent.
    pub pulls: u64,
    /// Manifests that were taken in.
    pub pushes: u64,
}

impl Traffic {
    /// The three as the database keeps them.
    pub(crate) fn kept(&self) -> [i64; 3] {
        [self.pull_bytes, self.pulls, self.pushes].map(|n| i64::try_from(n).unwrap_or(i64::MAX))
    }
}

/// Reads three columns, from `at` on.
pub(crate) fn read_traffic(row: &Row<'_>, at: usize) -> Result<Traffic> {
    Ok(Traffic {
        pull_bytes: row.size(at, "account_traffic.pull_bytes")?,
        pulls: row.size(at + 1, "account_traffic.pulls")?,
        pushes: row.size(at + 2, "account_traffic.pushes")?,
    })
}

impl Reader<'_> {
    /// An account's traffic in a month.
    pub fn find_traffic(&self, account: &AccountId, month: &str) -> Result<Traffic> {
        const SQL: &str = "SELECT pull_bytes, pulls, pushes FROM account_traffic \
             WHERE account_id = ?1 AND month = ?2";
        let found = self
            .connection
            .find(SQL, params![account.as_str(), month], |row| {
                read_traffic(row, 0)
            })?;
        Ok(found.unwrap_or_default())
    }

    /// An account's traffic in a month by namespace, by their names after `after`.
    pub fn list_namespace_traffic(
        &self,
        account: &AccountId,
        month: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(String, Traffic)>> {
        const SQL: &str = "SELECT namespace, pull_bytes, pulls, pushes FROM namespace_traffic \
             WHERE account_id = ?1 AND month = ?2 AND namespace > ?3 ORDER BY namespace LIMIT ?4";
        let params = params![account.as_str(), month, after, limit];
        self.connection
            .list(SQL, params, |row| Ok((row.text(0)?, read_traffic(row, 1)?)))
    }
}

impl Tx<'_> {
    /// Adds to an account's traffic in a month. Answers with the bytes pulled in that month by now.
    pub fn add_traffic(
        &mut self,
        account: &AccountId,
        month: &str,
        traffic: &Traffic,
    ) -> Result<u64> {
        const SQL: &str = "INSERT INTO account_traffic (account_id, month, pull_bytes, pulls, pushes) \
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (account_id, month) DO UPDATE SET \
             pull_bytes = account_traffic.pull_bytes + excluded.pull_bytes, \
             pulls = account_traffic.pulls + excluded.pulls, \
             pushes = account_traffic.pushes + excluded.pushes RETURNING pull_bytes";
        let [bytes, pulls, pushes] = traffic.kept();
        let params = params![account.as_str(), month, bytes, pulls, pushes];
        self.connection
            .get(SQL, params, |row| row.size(0, "account_traffic.pull_bytes"))
    }

    /// Adds to a namespace's.
    pub fn add_namespace_traffic(
        &mut self,
        account: &AccountId,
        month: &str,
        namespace: &str,
        traffic: &Traffic,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO namespace_traffic (account_id, month, namespace, pull_bytes, pulls, pushes) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (account_id, month, namespace) DO UPDATE SET \
             pull_bytes = namespace_traffic.pull_bytes + excluded.pull_bytes, \
             pulls = namespace_traffic.pulls + excluded.pulls, \
             pushes = namespace_traffic.pushes + excluded.pushes";
        let [bytes, pulls, pushes] = traffic.kept();
        let params = params![account.as_str(), month, namespace, bytes, pulls, pushes];
        self.connection.execute(SQL, params)?;
        Ok(())
    }
}
