//! Writing a snapshot: everything from one consistent read, without keeping anyone from writing meanwhile.

use super::text::{SnapshotWriter, Written};
use super::{DatabasePlace, FORMAT, KEPT, SnapshotError, SnapshotHeader};
use crate::connection::{Connection, params};
use crate::postgresql::Session;
use crate::{Error, PostgresOptions, schema};
use rusqlite::OpenFlags;
use rusqlite::types::ValueRef;
use std::path::Path;
use std::time::Duration;
use tokio_postgres::types::{FromSql, Type};

/// How long SQLite is asked again while somebody else has the file for themselves.
const PATIENCE: Duration = Duration::from_secs(10);
/// How rows of blobs are put in order; without the collation, which SQLite does not have.
const BLOBS_IN_ORDER: &str =
    " ORDER BY substr(location, 35, 2) COLLATE \"C\", location COLLATE \"C\"";

/// Writes a snapshot of a database that others may be working on, and answers with what it says of itself. `out` takes it in
/// pieces of about 256 KiB. Blocks.
///
/// # Errors
/// [`Error::TooNew`] for a database that was changed by a newer release; whatever `out` answers.
pub fn export_snapshot(
    from: &DatabasePlace,
    out: &mut dyn FnMut(Vec<u8>) -> Result<(), SnapshotError>,
) -> Result<SnapshotHeader, SnapshotError> {
    let mut writer = SnapshotWriter::new(out);
    let header = match from {
        DatabasePlace::Sqlite(path) => of_sqlite(path, &mut writer)?,
        DatabasePlace::Postgres(options) => of_postgres(options, &mut writer)?,
    };
    writer.end()?;
    Ok(header)
}

/// A table that was found, with its columns.
fn select(table: &str, columns: &[String]) -> String {
    let order = if table == "blobs" { BLOBS_IN_ORDER } else { "" };
    format!("SELECT {} FROM {table}{order}", columns.join(", "))
}

fn header_of(
    connection: &Connection<'_>,
    schema_version: i64,
) -> Result<SnapshotHeader, SnapshotError> {
    const KEY: &str = "SELECT value FROM deployment WHERE name = 'deployment_key_id'";
    const BLOBS: &str = "SELECT COUNT(*), COALESCE(CAST(SUM(size_bytes) AS BIGINT), 0) FROM blobs /* of a snapshot */";
    let known = schema::known();
    if schema_version > known {
        // There may be tables of which this release knows nothing.
        let found = schema_version;
        return Err(Error::TooNew { found, known }.into());
    }
    let (blobs, blob_bytes) = connection.get(BLOBS, &[], |row| {
        Ok((
            row.size(0, "count of blobs")?,
            row.size(1, "blobs.size_bytes")?,
        ))
    })?;
    Ok(SnapshotHeader {
        format: FORMAT.to_owned(),
        schema_version,
        deployment_key_id: connection.find(KEY, &[], |row| row.text(0))?,
        blobs,
        blob_bytes,
    })
}

fn of_sqlite(
    path: &Path,
    writer: &mut SnapshotWriter<'_>,
) -> Result<SnapshotHeader, SnapshotError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = rusqlite::Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // From its first question to its end this transaction sees the same.
    connection.execute_batch("BEGIN")?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let header = header_of(&Connection::sqlite(&connection), version)?;
    writer.header(&header)?;
    for table in KEPT {
        let mut columns = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
        let columns = columns
            .query_map([table], |row| row.get(0))?
            .collect::<Result<Vec<String>, _>>()?;
        if columns.is_empty() {
            continue;
        }
        writer.table(table, &columns)?;
        let sql = select(table, &columns).replace(" COLLATE \"C\"", "");
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut values = Vec::with_capacity(columns.len());
            for index in 0..columns.len() {
                values.push(match row.get_ref(index)? {
                    ValueRef::Null => Written::Null,
                    ValueRef::Integer(value) => Written::Int(value),
                    ValueRef::Text(text) => Written::Text(utf8(text)?),
                    ValueRef::Real(_) | ValueRef::Blob(_) => return Err(foreign(table)),
                });
            }
            writer.row(values.into_iter())?;
        }
    }
    Ok(header)
}

fn of_postgres(
    options: &PostgresOptions,
    writer: &mut SnapshotWriter<'_>,
) -> Result<SnapshotHeader, SnapshotError> {
    const COLUMNS: &str = "SELECT CAST(a.attname AS TEXT) FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE CAST(c.relname AS TEXT) = ?1 \
         AND pg_catalog.pg_table_is_visible(c.oid) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    let session = Session::open_for_bulk(options)?;
    session.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    let connection = Connection::postgres(&session);
    let version = schema::version_of(&connection)?;
    let header = header_of(&connection, version)?;
    writer.header(&header)?;
    for &table in KEPT {
        let columns = connection.list(COLUMNS, params![table], |row| row.text(0))?;
        if columns.is_empty() {
            continue;
        }
        writer.table(table, &columns)?;
        let select = select(table, &columns);
        session.script(&format!("DECLARE rows NO SCROLL CURSOR FOR {select}"))?;
        let fetch = format!("FETCH {} FROM rows", rows_at_once(table));
        loop {
            let rows = session.rows_of(&fetch)?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                writer.row(values_of(row, table)?.into_iter())?;
            }
        }
        session.script("CLOSE rows")?;
    }
    session.roll_back();
    Ok(header)
}

/// Rows that are held at once: few of those that have whole manifests in them.
fn rows_at_once(table: &str) -> u32 {
    if ["manifests", "trash"].contains(&table) {
        20
    } else {
        500
    }
}

fn values_of<'r>(
    row: &'r tokio_postgres::Row,
    table: &str,
) -> Result<Vec<Written<'r>>, SnapshotError> {
    let columns = row.columns().iter().enumerate();
    let values = columns.map(|(index, column)| match *column.type_() {
        Type::TEXT => text_at(row, index),
        Type::INT8 => int_at::<i64>(row, index),
        Type::INT4 => int_at::<i32>(row, index),
        Type::INT2 => int_at::<i16>(row, index),
        _ => Err(foreign(table)),
    });
    values.collect()
}

fn text_at(row: &tokio_postgres::Row, index: usize) -> Result<Written<'_>, SnapshotError> {
    let found: Option<&str> = row.try_get(index).map_err(Error::from)?;
    Ok(found.map_or(Written::Null, Written::Text))
}

fn int_at<'r, T>(row: &'r tokio_postgres::Row, index: usize) -> Result<Written<'r>, SnapshotError>
where
    T: FromSql<'r> + Into<i64>,
{
    let found: Option<T> = row.try_get(index).map_err(Error::from)?;
    Ok(found.map_or(Written::Null, |value| Written::Int(value.into())))
}

fn utf8(text: &[u8]) -> Result<&str, SnapshotError> {
    std::str::from_utf8(text)
        .map_err(|_| Error::Database("a text in the database is not UTF-8".to_owned()).into())
}

fn foreign(table: &str) -> SnapshotError {
    let what = format!("{table} has a column of a kind that no version of this program has made");
    Error::Database(what).into()
}
