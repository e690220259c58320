//! What is on its way out: objects whose bytes are to be deleted.

use crate::connection::params;
use crate::error::Result;
use crate::{Reader, Tx};

/// An object whose bytes are to be deleted: no row names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CondemnedObject {
    /// Its key.
    pub location: String,
    /// The size of the blob that it was; 0 for what never was one.
    pub size_bytes: u64,
}

impl Reader<'_> {
    /// Objects to be deleted at `now_ms`, those whose time came first at the front; none while a backup goes on. Pins and
    /// objects are looked at by one statement: see [`Reader::list_running_backups`] and the head of its file.
    pub fn list_condemned_objects(&self, now_ms: i64, limit: i64) -> Result<Vec<CondemnedObject>> {
        const SQL: &str = "SELECT location, size_bytes FROM condemned_objects WHERE delete_at_ms <= ?1 \
             AND NOT EXISTS (SELECT 1 FROM backups WHERE ended_at_ms IS NULL AND pinned_until_ms > ?1) \
             ORDER BY delete_at_ms LIMIT ?2";
        self.connection.list(SQL, params![now_ms, limit], |row| {
            Ok(CondemnedObject {
                location: row.text(0)?,
                size_bytes: row.size(1, "condemned_objects.size_bytes")?,
            })
        })
    }
}

impl Tx<'_> {
    /// Says that no row names an object that never was a blob, so that it is deleted from the blob store at once.
    pub fn condemn_object(&mut self, location: &str, now_ms: i64) -> Result<()> {
        self.condemn(location, 0, now_ms, now_ms)
    }

    /// Says that no row names an object any more that was a blob, so that it is deleted from the blob store at
    /// `delete_at_ms`.
    pub fn condemn_blob(
        &mut self,
        location: &str,
        size_bytes: u64,
        now_ms: i64,
        delete_at_ms: i64,
    ) -> Result<()> {
        let size_bytes = i64::try_from(size_bytes).unwrap_or(i64::MAX);
        self.condemn(location, size_bytes, now_ms, delete_at_ms)
    }

    fn condemn(
        &mut self,
        location: &str,
        size_bytes: i64,
        now_ms: i64,
        delete_at_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO condemned_objects (location, size_bytes, condemned_at_ms, delete_at_ms) \
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT (location) DO NOTHING";
        let params = params![location, size_bytes, now_ms, delete_at_ms];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Puts off deleting an object, because that did not work.
    pub fn put_off_condemned_object(&mut self, location: &str, delete_at_ms: i64) -> Result<()> {
        const SQL: &str = "UPDATE condemned_objects SET delete_at_ms = ?1 WHERE location = ?2";
        self.connection
            .execute(SQL, params![delete_at_ms, location])?;
        Ok(())
    }

    /// Forgets a condemned object: its bytes are gone.
    pub fn delete_condemned_object(&mut self, location: &str) -> Result<()> {
        const SQL: &str = "DELETE FROM condemned_objects WHERE location = ?1";
        self.connection.execute(SQL, params![location])?;
        Ok(())
    }
}
