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
    /// The newest step of the schema that it knows; `None` for a program that is older than this column.
    pub schema_version: Option<i64>,
}

impl Reader<'_> {
    /// Those that looked in since a time, the oldest first.
    pub fn list_replicas(&self, since_ms: i64) -> Result<Vec<ReplicaRow>> {
        const SQL: &str = "SELECT id, host, addresses, version, started_at_ms, seen_at_ms, schema_version FROM replicas \
             WHERE seen_at_ms >= ?1 ORDER BY started_at_ms, id";
        self.connection.list(SQL, params![since_ms], |row| {
            Ok(ReplicaRow {
                id: row.text(0)?,
                host: row.text(1)?,
                addresses: row.text(2)?,
                version: row.text(3)?,
                started_at_ms: row.int(4)?,
                seen_at_ms: row.int(5)?,
                schema_version: row.optional_int(6)?,
            })
        })
    }

    /// Whether one of an older release than this one looked in since a time.
    pub fn is_older_replica_there(&self, since_ms: i64) -> Result<bool> {
        const SQL: &str = "SELECT 1 FROM replicas WHERE seen_at_ms >= ?1 \
             AND (schema_version IS NULL OR schema_version < ?2) LIMIT 1";
        self.connection
            .exists(SQL, params![since_ms, crate::schema::known()])
    }
}

impl Tx<'_> {
    /// Notes that one is there, and forgets those that have not looked in since `lost_ms`.
    pub fn put_replica(&mut self, replica: &ReplicaRow, lost_ms: i64) -> Result<()> {
        const PUT: &str = "INSERT INTO replicas (id, host, addresses, version, started_at_ms, seen_at_ms, \
             schema_version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET seen_at_ms = excluded.seen_at_ms";
        const LOST: &str = "DELETE FROM replicas WHERE seen_at_ms < ?1";
        let ReplicaRow {
            id,
            host,
            addresses,
            version,
            started_at_ms,
            seen_at_ms,
            schema_version,
        } = replica;
        self.connection.execute(
            PUT,
            params![
                id,
                host,
                addresses,
                version,
                *started_at_ms,
                *seen_at_ms,
                *schema_version
            ],
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
