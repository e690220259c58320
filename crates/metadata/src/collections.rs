//! Runs of the collector, and how much waits for it.

use crate::connection::{Row, params};
use crate::error::Result;
use crate::{Reader, Tx};

/// What a run of the collector came to so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectionCounts {
    /// Looks taken.
    pub reviewed: u64,
    /// Looks that were put off, because a lease still runs.
    pub put_off: u64,
    /// Leases of repositories that ended.
    pub released: u64,
    /// Blobs taken away.
    pub collected: u64,
    /// Their bytes.
    pub collected_bytes: u64,
}

/// A run of the collector that found something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionRow {
    /// Its identifier.
    pub id: String,
    /// Who asked for it: a schedule, or an operator.
    pub requested_by: String,
    /// When it began.
    pub started_at_ms: i64,
    /// When it ended; `None` while it goes on, and for one that was cut off.
    pub ended_at_ms: Option<i64>,
    /// What it came to.
    pub counts: CollectionCounts,
}

/// What waits for the collector. Rows are counted up to [`COUNTED_AT_MOST`](Self::COUNTED_AT_MOST) of each kind: beyond,
/// their number says no more than "many".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectionBacklog {
    /// Looks that are due, in both queues.
    pub due: u64,
    /// Since when the oldest of them is due.
    pub oldest_due_at_ms: Option<i64>,
    /// Objects whose bytes are still to be deleted, due or not.
    pub condemned: u64,
    /// Blobs in quarantine.
    pub quarantined: u64,
}

impl CollectionBacklog {
    /// The most rows of each kind that are counted.
    pub const COUNTED_AT_MOST: i64 = 10_000;
}

impl Reader<'_> {
    /// What waits for the collector at `now_ms`.
    pub fn get_collection_backlog(&self, now_ms: i64) -> Result<CollectionBacklog> {
        const LEASES: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM repository_blob_reviews WHERE due_at_ms <= ?1 LIMIT ?2) counted";
        const BLOBS: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM review_queue WHERE due_at_ms <= ?1 LIMIT ?2) counted";
        const CONDEMNED: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM condemned_objects WHERE delete_at_ms >= ?1 LIMIT ?2) counted";
        const QUARANTINED: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM blobs WHERE quarantined_at_ms IS NOT NULL \
             AND storage >= ?1 LIMIT ?2) counted";
        const OLDEST_LEASE: &str = "SELECT due_at_ms FROM repository_blob_reviews WHERE due_at_ms <= ?1 \
             ORDER BY due_at_ms LIMIT 1";
        const OLDEST_BLOB: &str =
            "SELECT due_at_ms FROM review_queue WHERE due_at_ms <= ?1 ORDER BY due_at_ms LIMIT 1";
        let count = |sql, from: crate::connection::Param<'_>| {
            let params = &[from, CollectionBacklog::COUNTED_AT_MOST.into()];
            self.connection
                .get(sql, params, |row| row.size(0, "COUNT(*)"))
        };
        let oldest = |sql| self.connection.find(sql, params![now_ms], |row| row.int(0));
        let oldest_due_at_ms = match (oldest(OLDEST_LEASE)?, oldest(OLDEST_BLOB)?) {
            (Some(lease), Some(blob)) => Some(lease.min(blob)),
            (lease, blob) => lease.or(blob),
        };
        Ok(CollectionBacklog {
            due: count(LEASES, now_ms.into())? + count(BLOBS, now_ms.into())?,
            oldest_due_at_ms,
            condemned: count(CONDEMNED, i64::MIN.into())?,
            quarantined: count(QUARANTINED, "".into())?,
        })
    }

    /// A run of the collector.
    pub fn find_collection(&self, id: &str) -> Result<Option<CollectionRow>> {
        const SQL: &str = "SELECT id, requested_by, started_at_ms, ended_at_ms, reviewed, put_off, released, collected, \
             collected_bytes FROM collections WHERE id = ?1";
        self.connection.find(SQL, params![id], read_collection)
    }

    /// Runs of the collector that began by `started_by_ms`, the newest first.
    pub fn list_collections(&self, started_by_ms: i64, limit: i64) -> Result<Vec<CollectionRow>> {
        const SQL: &str = "SELECT id, requested_by, started_at_ms, ended_at_ms, reviewed, put_off, released, collected, \
             collected_bytes FROM collections WHERE started_at_ms <= ?1 ORDER BY started_at_ms DESC, id DESC LIMIT ?2";
        let params = params![started_by_ms, limit];
        self.connection.list(SQL, params, read_collection)
    }
}

fn read_collection(row: &Row<'_>) -> Result<CollectionRow> {
    Ok(CollectionRow {
        id: row.text(0)?,
        requested_by: row.text(1)?,
        started_at_ms: row.int(2)?,
        ended_at_ms: row.optional_int(3)?,
        counts: CollectionCounts {
            reviewed: row.size(4, "collections.reviewed")?,
            put_off: row.size(5, "collections.put_off")?,
            released: row.size(6, "collections.released")?,
            collected: row.size(7, "collections.collected")?,
            collected_bytes: row.size(8, "collections.collected_bytes")?,
        },
    })
}

impl Tx<'_> {
    /// Notes how far a run of the collector is; the first time, that there is one.
    pub fn put_collection(&mut self, collection: &CollectionRow) -> Result<()> {
        const SQL: &str = "INSERT INTO collections (id, requested_by, started_at_ms, ended_at_ms, reviewed, put_off, \
             released, collected, collected_bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
             ON CONFLICT (id) DO UPDATE SET ended_at_ms = excluded.ended_at_ms, reviewed = excluded.reviewed, \
             put_off = excluded.put_off, released = excluded.released, collected = excluded.collected, \
             collected_bytes = excluded.collected_bytes";
        let column = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let counts = &collection.counts;
        self.connection.execute(
            SQL,
            params![
                &collection.id,
                &collection.requested_by,
                collection.started_at_ms,
                collection.ended_at_ms,
                column(counts.reviewed),
                column(counts.put_off),
                column(counts.released),
                column(counts.collected),
                column(counts.collected_bytes)
            ],
        )?;
        Ok(())
    }

    /// Forgets at most `limit` runs of the collector that began before `before_ms`. Says how many.
    pub fn delete_old_collections(&mut self, before_ms: i64, limit: i64) -> Result<usize> {
        const SQL: &str = "DELETE FROM collections WHERE id IN \
             (SELECT id FROM collections WHERE started_at_ms < ?1 ORDER BY started_at_ms LIMIT ?2)";
        self.connection.execute(SQL, params![before_ms, limit])
    }
}
