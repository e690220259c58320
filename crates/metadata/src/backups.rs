//! Backups that were begun, and what they pin: while one goes on, nothing condemned is deleted from the store.
//!
//! Why that is enough, on READ COMMITTED too: a backup takes its snapshot after its pin was committed, so the snapshot names
//! only objects that were condemned later, if at all. Whoever deletes objects asks for condemned ones and for pins in one
//! statement, so at one moment: if no pin was there at that moment, every object it got was condemned before any later pin
//! was committed, and no later snapshot names it. Keys are never used again and a condemned object is never revived, so it
//! does not matter how long after that moment it is deleted.

use crate::connection::{Row, params, parse_column};
use crate::error::Result;
use crate::{Reader, Tx};

/// What a pin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupPurpose {
    /// A backup.
    Backup,
    /// Taking old backups away.
    Prune,
}

impl BackupPurpose {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Prune => "prune",
        }
    }

    /// Reads the word in the database.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Backup, Self::Prune]
            .into_iter()
            .find(|purpose| purpose.as_str() == text)
    }
}

/// What became of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupEnd {
    /// It holds everything.
    Whole,
    /// Blobs could not be read.
    Incomplete,
    /// There is none.
    Failed,
}

impl BackupEnd {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
        }
    }

    /// Reads the word in the database.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Whole, Self::Incomplete, Self::Failed]
            .into_iter()
            .find(|end| end.as_str() == text)
    }
}

/// A backup that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupRow {
    /// Its identifier.
    pub id: String,
    /// What it is for.
    pub purpose: BackupPurpose,
    /// Where it is kept, as it was typed.
    pub place: String,
    /// When it began.
    pub begun_at_ms: i64,
    /// Until when it lives, unless it says something again.
    pub pinned_until_ms: i64,
    /// When it ended and what became of it; `None` while it goes on, and for ever if it died.
    pub end: Option<(i64, BackupEnd)>,
}

fn read_backup(row: &Row<'_>) -> Result<BackupRow> {
    let ended_at_ms = row.optional_int(5)?;
    let end = row
        .optional_text(6)?
        .map(|text| parse_column("backups.outcome", BackupEnd::parse(&text)))
        .transpose()?;
    Ok(BackupRow {
        id: row.text(0)?,
        purpose: parse_column("backups.purpose", BackupPurpose::parse(&row.text(1)?))?,
        place: row.text(2)?,
        begun_at_ms: row.int(3)?,
        pinned_until_ms: row.int(4)?,
        end: ended_at_ms.zip(end),
    })
}

impl Reader<'_> {
    /// Backups that go on at `now_ms`: few.
    pub fn list_running_backups(&self, now_ms: i64) -> Result<Vec<BackupRow>> {
        const SQL: &str = "SELECT id, purpose, place, begun_at_ms, pinned_until_ms, ended_at_ms, outcome FROM backups \
             WHERE ended_at_ms IS NULL AND pinned_until_ms > ?1 ORDER BY pinned_until_ms";
        self.connection.list(SQL, params![now_ms], read_backup)
    }

    /// A backup that was begun.
    pub fn find_backup(&self, id: &str) -> Result<Option<BackupRow>> {
        const SQL: &str = "SELECT id, purpose, place, begun_at_ms, pinned_until_ms, ended_at_ms, outcome FROM backups \
             WHERE id = ?1";
        self.connection.find(SQL, params![id], read_backup)
    }
}

impl Tx<'_> {
    /// Pins what is there.
    pub fn create_backup(&mut self, backup: &BackupRow) -> Result<()> {
        const SQL: &str = "INSERT INTO backups (id, purpose, place, begun_at_ms, pinned_until_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5)";
        let params = params![
            &backup.id,
            backup.purpose.as_str(),
            &backup.place,
            backup.begun_at_ms,
            backup.pinned_until_ms
        ];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Keeps a pin alive that is alive at `now_ms`. Says whether it was: one that was not protects nothing any more.
    pub fn renew_backup(&mut self, id: &str, now_ms: i64, pinned_until_ms: i64) -> Result<bool> {
        const SQL: &str = "UPDATE backups SET pinned_until_ms = ?1 \
             WHERE id = ?2 AND ended_at_ms IS NULL AND pinned_until_ms > ?3";
        let params = params![pinned_until_ms, id, now_ms];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Ends a backup that has not ended, and with it its pin. Says whether it had not.
    pub fn end_backup(&mut self, id: &str, end: BackupEnd, now_ms: i64) -> Result<bool> {
        const SQL: &str = "UPDATE backups SET ended_at_ms = ?1, outcome = ?2 WHERE id = ?3 AND ended_at_ms IS NULL";
        let params = params![now_ms, end.as_str(), id];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Forgets at most `limit` backups that began before `before_ms`, the oldest first.
    pub fn delete_old_backups(&mut self, before_ms: i64, limit: i64) -> Result<usize> {
        const SQL: &str = "DELETE FROM backups WHERE id IN \
             (SELECT id FROM backups WHERE begun_at_ms < ?1 ORDER BY begun_at_ms, id LIMIT ?2)";
        self.connection.execute(SQL, params![before_ms, limit])
    }
}
