//! Into a file, which gets its name when everything in it is on the disk.

use super::{Rows, Sink};
use crate::schema;
use crate::snapshot::text::Cell;
use crate::snapshot::{KEPT, MADE_BY_ITSELF, SnapshotError, SnapshotHeader};
use crate::sqlite::refuse_others_access;
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

pub(super) fn require_empty(path: &Path) -> Result<(), SnapshotError> {
    if !path.exists() {
        return Ok(());
    }
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = rusqlite::Connection::open_with_flags(path, flags)?;
    for table in KEPT.iter().filter(|table| !MADE_BY_ITSELF.contains(table)) {
        let is_there =
            "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)";
        let has_rows = format!("SELECT EXISTS (SELECT 1 FROM {table})");
        if connection.query_row(is_there, [table], |row| row.get::<_, bool>(0))?
            && connection.query_row(&has_rows, [], |row| row.get::<_, bool>(0))?
        {
            let shown = path.display();
            return Err(SnapshotError::NotEmpty(format!(
                "the database {shown} has {table} in it"
            )));
        }
    }
    Ok(())
}

pub(super) fn fill(
    path: &Path,
    rows: Rows<'_, '_, '_>,
    header: &SnapshotHeader,
) -> Result<(), SnapshotError> {
    require_empty(path)?;
    let made = beside(path, ".restoring");
    // Of a restore that died.
    remove(&made)?;
    let filled = fill_file(&made, rows, header);
    if filled.is_err() {
        remove(&made)?;
    }
    filled?;
    File::open(&made)?.sync_all()?;
    // The log of the empty database that was there must not be taken for one of this.
    for name in ["-wal", "-shm"] {
        remove(&beside(path, name))?;
    }
    fs::rename(&made, path)?;
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

fn fill_file(
    path: &Path,
    rows: Rows<'_, '_, '_>,
    header: &SnapshotHeader,
) -> Result<(), SnapshotError> {
    refuse_others_access(path)?;
    let mut connection = rusqlite::Connection::open(path)?;
    // Nobody knows the file yet: it is flushed once, at the end.
    connection.pragma_update(None, "journal_mode", "off")?;
    connection.pragma_update(None, "synchronous", "off")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    schema::migrate_to(&connection, header.schema_version)?;
    connection.execute_batch("BEGIN")?;
    rows.pour(&mut FileSink {
        connection: &connection,
        sql: String::new(),
    })?;
    connection.execute_batch("COMMIT")?;
    schema::migrate(&mut connection)?;
    connection
        .close()
        .map_err(|(_, error)| SnapshotError::from(error))
}

struct FileSink<'c> {
    connection: &'c rusqlite::Connection,
    sql: String,
}

impl Sink for FileSink<'_> {
    fn table(&mut self, name: &str, columns: &[String]) -> Result<(), SnapshotError> {
        let values: Vec<String> = (1..=columns.len())
            .map(|index| format!("?{index}"))
            .collect();
        self.sql = format!(
            "INSERT INTO {name} ({}) VALUES ({})",
            columns.join(", "),
            values.join(", ")
        );
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> Result<(), SnapshotError> {
        let mut insert = self.connection.prepare_cached(&self.sql)?;
        insert.execute(rusqlite::params_from_iter(cells))?;
        Ok(())
    }
}

impl rusqlite::ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
