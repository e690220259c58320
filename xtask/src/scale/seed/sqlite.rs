//! SQLite, filled with everything off that makes a crash harmless: a database that was not finished is thrown away.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement, ToSql, params_from_iter};

use super::{Seed, Sink, TABLES, Table, Value};

const OWN_INDEXES: &str =
    "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL";

/// The database in a data directory.
pub(in crate::scale) struct SqliteSeed {
    file: PathBuf,
}

impl SqliteSeed {
    pub(in crate::scale) fn of(data: &Path) -> Self {
        Self {
            file: data.join("roadstead.db"),
        }
    }

    fn open(&self) -> anyhow::Result<Connection> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        Connection::open_with_flags(&self.file, flags)
            .with_context(|| format!("cannot open {}", self.file.display()))
    }
}

struct Statements<'c> {
    of_tables: Vec<(&'static str, Statement<'c>)>,
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Int(value) => ValueRef::Integer(i64::try_from(*value).unwrap_or(i64::MAX)),
            Self::Null => ValueRef::Null,
        }))
    }
}

impl Sink for Statements<'_> {
    fn row(&mut self, table: &Table, values: &[Value<'_>]) -> anyhow::Result<()> {
        let statement = self
            .of_tables
            .iter_mut()
            .find_map(|(name, statement)| (*name == table.name).then_some(statement))
            .context("a table that is not filled")?;
        statement
            .execute(params_from_iter(values))
            .with_context(|| format!("a row of {}", table.name))?;
        Ok(())
    }
}

impl Seed for SqliteSeed {
    fn ask(&self, sql: &str) -> anyhow::Result<String> {
        let connection = self.open()?;
        Ok(connection.query_row(sql, [], |row| row.get(0))?)
    }

    fn run(&self, sql: &str) -> anyhow::Result<()> {
        Ok(self.open()?.execute_batch(sql)?)
    }

    fn fill(
        &self,
        write: &mut dyn FnMut(&mut dyn Sink) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let connection = self.open()?;
        connection.execute_batch(
            "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; \
             PRAGMA foreign_keys = OFF; PRAGMA cache_size = -524288; PRAGMA threads = 2; BEGIN",
        )?;
        let is_empty =
            connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM manifests)", [], |row| {
                row.get::<_, bool>(0)
            })?;
        // An index of many rows is made faster than kept up to date.
        let indexes = if is_empty {
            take_indexes(&connection)?
        } else {
            Vec::new()
        };
        {
            let mut statements = Statements {
                of_tables: Vec::new(),
            };
            for table in TABLES {
                let marks = vec!["?"; table.columns.len()].join(", ");
                let sql = format!(
                    "INSERT INTO {} ({}) VALUES ({marks})",
                    table.name,
                    table.columns.join(", ")
                );
                statements
                    .of_tables
                    .push((table.name, connection.prepare(&sql)?));
            }
            write(&mut statements)?;
        }
        for sql in indexes {
            connection.execute_batch(&sql)?;
        }
        connection.execute_batch("COMMIT")?;
        let dangling = connection
            .prepare("PRAGMA foreign_key_check")?
            .query_map([], |row| row.get::<_, String>(0))?
            .next()
            .transpose()?;
        anyhow::ensure!(
            dangling.is_none(),
            "a row of {} refers to nothing",
            dangling.unwrap_or_default()
        );
        connection.execute_batch("PRAGMA locking_mode = NORMAL; PRAGMA journal_mode = WAL")?;
        Ok(())
    }
}

/// Drops all indexes but those of keys. Answers with what makes them anew.
fn take_indexes(connection: &Connection) -> anyhow::Result<Vec<String>> {
    let found = connection
        .prepare(OWN_INDEXES)?
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    let mut texts = Vec::new();
    for (name, text) in found {
        connection.execute_batch(&format!("DROP INDEX {name}"))?;
        texts.push(text);
    }
    Ok(texts)
}
