//! Into the tables of a server, as one transaction.

use super::{Rows, Sink};
use crate::connection::{Connection, params};
use crate::postgresql::Session;
use crate::snapshot::text::Cell;
use crate::snapshot::{KEPT, MADE_BY_ITSELF, SnapshotError, SnapshotHeader};
use crate::{Error, PostgresOptions, schema};

/// Bytes of rows that are sent at once.
const COPIED_AT_ONCE: usize = 1 << 20;

pub(super) fn require_empty(session: &Session) -> Result<(), SnapshotError> {
    for table in tables_there(session, KEPT)? {
        let rows = session.rows_of(&format!("SELECT 1 FROM {table} LIMIT 1"))?;
        if !rows.is_empty() && !MADE_BY_ITSELF.contains(&table) {
            return Err(SnapshotError::NotEmpty(format!(
                "the database has {table} in it"
            )));
        }
    }
    Ok(())
}

fn tables_there(
    session: &Session,
    names: &[&'static str],
) -> Result<Vec<&'static str>, SnapshotError> {
    const IS_THERE: &str = "SELECT 1 FROM pg_catalog.pg_class WHERE CAST(relname AS TEXT) = ?1 AND relkind = 'r' \
         AND pg_catalog.pg_table_is_visible(oid)";
    let connection = Connection::postgres(session);
    let mut there = Vec::new();
    for &table in names {
        if connection.exists(IS_THERE, params![table])? {
            there.push(table);
        }
    }
    Ok(there)
}

pub(super) fn fill(
    options: &PostgresOptions,
    rows: Rows<'_, '_, '_>,
    header: &SnapshotHeader,
) -> Result<(), SnapshotError> {
    let session = Session::open_for_bulk(options)?;
    schema::begin_postgres(&session)?;
    let filled = fill_tables(&session, rows, header);
    match filled {
        Ok(()) => Ok(session.commit()?),
        Err(error) => {
            session.roll_back();
            Err(error)
        }
    }
}

/// In one transaction, in which everyone waits who wants to change the schema: whoever starts a registry.
fn fill_tables(
    session: &Session,
    rows: Rows<'_, '_, '_>,
    header: &SnapshotHeader,
) -> Result<(), SnapshotError> {
    let wanted = header.schema_version;
    let found = schema::version_of(&Connection::postgres(session))?;
    if found > wanted {
        return Err(SnapshotError::NotEmpty(format!(
            "the database has the tables of schema version {found} already and the backup those of version {wanted}: give it \
             a database without tables"
        )));
    }
    let there = tables_there(session, KEPT)?;
    if !there.is_empty() {
        // A registry that was started at the same time shall not begin a deployment of its own.
        session.script(&format!(
            "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
            there.join(", ")
        ))?;
    }
    require_empty(session)?;
    schema::migrate_postgres_to(session, wanted)?;
    for table in tables_there(session, MADE_BY_ITSELF)? {
        session.script(&format!("DELETE FROM {table}"))?;
    }
    let mut sink = TableSink {
        session,
        sql: String::new(),
        text: Vec::new(),
    };
    rows.pour(&mut sink)?;
    sink.flush()?;
    schema::migrate_postgres_to(session, schema::known())?;
    Ok(())
}

struct TableSink<'s> {
    session: &'s Session,
    sql: String,
    text: Vec<u8>,
}

impl TableSink<'_> {
    fn flush(&mut self) -> Result<(), SnapshotError> {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.session.copy_in(&self.sql, text.into())?;
        }
        Ok(())
    }
}

impl Sink for TableSink<'_> {
    fn table(&mut self, name: &str, columns: &[String]) -> Result<(), SnapshotError> {
        self.flush()?;
        self.sql = format!("COPY {name} ({}) FROM STDIN", columns.join(", "));
        Ok(())
    }

    /// The text form of COPY: values between tabs, rows on lines; what would be taken for either is escaped.
    fn row(&mut self, cells: &[Cell]) -> Result<(), SnapshotError> {
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                self.text.push(b'\t');
            }
            match cell {
                Cell::Null => self.text.extend_from_slice(b"\\N"),
                Cell::Int(value) => self.text.extend_from_slice(value.to_string().as_bytes()),
                Cell::Text(text) if text.contains('\0') => {
                    let what = "a text has a NUL in it, which PostgreSQL cannot keep";
                    return Err(Error::Database(what.to_owned()).into());
                }
                Cell::Text(text) => escape(text, &mut self.text),
            }
        }
        self.text.push(b'\n');
        if self.text.len() >= COPIED_AT_ONCE {
            self.flush()?;
        }
        Ok(())
    }
}

fn escape(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => out.push(byte),
        }
    }
}
