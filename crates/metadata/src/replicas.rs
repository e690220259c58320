//! The programs that serve the deployment.

use crate::connection::params;
use crate::error::Result;
use crate::{Reader, Tx};

/// A program that serves the deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaRow {
    /// Another one at each start.
    pub id: String,
    /// The name of the machine that it runs on.
    pub host: String,
    /// Where it listens, separated by spaces.
    pub addresses: String,
    /// Its version.
    pub version: String,
    /// When it began.
    pub started_at_ms: i64,
    /// When it last looked in.
    pub seen_at_ms: i64,
}

impl Reader<'_> {
    /// Those that looked in since a time, the oldest first.
    pub fn list_replicas(&self, since_ms: i64) -> Result<Vec<ReplicaRow>> {
        const SQL: &str = "SELECT id, host, addresses, version, started_at_ms, seen_at_ms FROM replicas \
             WHERE seen_at_ms >= ?1 ORDER BY started_at_ms, id";
        self.connection.list(SQL, params![since_ms], |row| {
            Ok(ReplicaRow {
                id: row.text(0)?,
                host: row.text(1)?,
                addresses: row.text(2)?,
                version: row.text(3)?,
                started_at_ms: row.int(4)?,
                seen_at_ms: row.int(5)?,
            })
        })
    }
}

impl Tx<'_> {
    /// Notes that one is there, and forgets those that have not looked in since `lost_ms`.
    pub fn put_replica(&mut self, replica: &ReplicaRow, lost_ms: i64) -> Result<()> {
        const PUT: &str = "INSERT INTO replicas (id, host, addresses, version, started_at_ms, seen_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO UPDATE SET seen_at_ms = excluded.seen_at_ms";
        const LOST: &str = "DELETE FROM replicas WHERE seen_at_ms < ?1";
        let ReplicaRow {
            id,
            host,
            addresses,
            version,
            started_at_ms,
            seen_at_ms,
        } = replica;
        self.connection.execute(
            PUT,
            params![id, host, addresses, version, *started_at_ms, *seen_at_ms],
        )?;
        self.connection.execute(LOST, params![lost_ms])?;
        Ok(())
    }

    /// One ends.
    pub fn delete_replica(&mut self, id: &str) -> Result<()> {
        const SQL: &str = "DELETE FROM replicas WHERE id = ?1";
        self.connection.execute(SQL, params![id])?;
        Ok(())
    }
}
