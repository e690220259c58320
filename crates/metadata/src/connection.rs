//! One connection to whichever database is open, and the few ways to ask it.
//!
//! Every query is written once, with `?1`-style parameters, and goes through [`Connection`]. A second database is a
//! second variant here, not a second text elsewhere; the few texts that differ are in `fragments`.

use crate::error::{Error, Result};
use crate::fragments::Fragment;
use crate::postgresql::{Int, Session};
use crate::timings::{Cost, Spent};
use oci::Digest;
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::ops::{Deref, DerefMut};

/// One value bound to a query.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Param<'a> {
    /// Text.
    Text(&'a str),
    /// A 64-bit integer.
    Int(i64),
    /// Nothing.
    Null,
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl From<i64> for Param<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Param<'_> {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Null => ValueRef::Null,
        }))
    }
}

/// Binds values in order: `params![repository.as_str(), now_ms]`.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::connection::Param::from($value)),*] };
}
pub(crate) use params;

/// One row of an answer; columns count from 0.
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    /// A text column.
    pub(crate) fn text(&self, column: usize) -> Result<String> {
        Ok(match self {
            Self::Sqlite(row) => row.get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// A text column that may be null.
    pub(crate) fn optional_text(&self, column: usize) -> Result<Option<String>> {
        Ok(match self {
            Self::Sqlite(row) => row.get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// An integer column.
    pub(crate) fn int(&self, column: usize) -> Result<i64> {
        Ok(match self {
            Self::Sqlite(row) => row.get(column)?,
            Self::Postgres(row) => row.try_get::<_, Int>(column)?.0,
        })
    }

    /// An integer column that may be null.
    pub(crate) fn optional_int(&self, column: usize) -> Result<Option<i64>> {
        Ok(match self {
            Self::Sqlite(row) => row.get(column)?,
            Self::Postgres(row) => row.try_get::<_, Option<Int>>(column)?.map(|found| found.0),
        })
    }

    /// A column of 0 or 1.
    pub(crate) fn flag(&self, column: usize) -> Result<bool> {
        Ok(self.int(column)? != 0)
    }

    /// A size in bytes.
    pub(crate) fn size(&self, column: usize, name: &'static str) -> Result<u64> {
        u64::try_from(self.int(column)?).map_err(|_| Error::Unreadable { column: name })
    }

    /// A digest column.
    pub(crate) fn digest(&self, column: usize, name: &'static str) -> Result<Digest> {
        Digest::parse(&self.text(column)?).map_err(|_| Error::Unreadable { column: name })
    }
}

/// An open connection, inside a transaction or not.
pub(crate) enum Connection<'c> {
    Sqlite {
        connection: &'c rusqlite::Connection,
        is_in_transaction: bool,
        /// What its questions cost so far.
        spent: Spent,
    },
    Postgres(&'c Session),
}

impl<'c> Connection<'c> {
    /// To read from.
    pub(crate) fn sqlite(connection: &'c rusqlite::Connection) -> Self {
        Self::Sqlite {
            connection,
            is_in_transaction: false,
            spent: Spent::default(),
        }
    }

    /// To change things in a transaction that has begun. When SQLite ends it (it does when a statement that writes runs
    /// out of time or space), nothing runs any more: outside of it each statement would be committed by itself.
    pub(crate) fn sqlite_transaction(connection: &'c rusqlite::Connection) -> Self {
        Self::Sqlite {
            connection,
            is_in_transaction: true,
            spent: Spent::default(),
        }
    }

    /// To read from or, in a transaction that has begun, to change things.
    pub(crate) fn postgres(session: &'c Session) -> Self {
        Self::Postgres(session)
    }

    /// What the questions asked here took so far. On PostgreSQL, what its session asked since somebody asked this.
    pub(crate) fn cost(&self) -> Cost {
        match self {
            Self::Sqlite { spent, .. } => spent.cost(),
            Self::Postgres(session) => Cost {
                statements: session.take_asked(),
                steps: 0,
            },
        }
    }

    /// The words of this database.
    pub(crate) fn text_of(&self, fragment: &Fragment) -> &'static str {
        match self {
            Self::Sqlite { .. } => fragment.sqlite,
            Self::Postgres(_) => fragment.postgres,
        }
    }

    /// Keeps what a query finds from others until the end of the transaction. Says whether there are others.
    pub(crate) fn keep(&self, postgres: &'static str, params: &[Param<'_>]) -> Result<bool> {
        match self {
            Self::Sqlite { .. } => Ok(false),
            Self::Postgres(session) => session.execute(postgres, params).map(|_| true),
        }
    }

    /// The first row, read by `read`, or `None` when there is no row.
    pub(crate) fn find<T>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        match self {
            Self::Sqlite {
                connection,
                is_in_transaction,
                spent,
            } => {
                let mut statement = prepare(connection, *is_in_transaction, spent, sql)?;
                let mut rows = statement.query(rusqlite::params_from_iter(params))?;
                match rows.next()? {
                    Some(row) => read(&Row::Sqlite(row)).map(Some),
                    None => Ok(None),
                }
            }
            Self::Postgres(session) => {
                let rows = session.rows(sql, params)?;
                rows.first()
                    .map(|row| read(&Row::Postgres(row)))
                    .transpose()
            }
        }
    }

    /// The one row that the query always answers with.
    pub(crate) fn get<T>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.find(sql, params, read)?
            .ok_or_else(|| Error::Database(format!("no row where one always is: {sql}")))
    }

    /// Every row, in order.
    pub(crate) fn list<T>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        if let Self::Postgres(session) = self {
            let rows = session.rows(sql, params)?;
            return rows.iter().map(|row| read(&Row::Postgres(row))).collect();
        }
        let mut items = Vec::new();
        self.visit(sql, params, |row| {
            items.push(read(row)?);
            Ok(true)
        })?;
        Ok(items)
    }

    /// The same for a text that was put together for this one question, see [`query`](crate::query).
    pub(crate) fn list_once<T>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        match self {
            Self::Sqlite {
                connection, spent, ..
            } => {
                tracing::trace!(sql);
                let mut statement = connection.prepare(sql)?;
                let mut rows = statement.query(rusqlite::params_from_iter(params))?;
                let mut items = Vec::new();
                while let Some(row) = rows.next()? {
                    items.push(read(&Row::Sqlite(row))?);
                }
                drop(rows);
                spent.add(&statement);
                Ok(items)
            }
            Self::Postgres(session) => {
                let rows = session.rows_once(sql, params)?;
                rows.iter().map(|row| read(&Row::Postgres(row))).collect()
            }
        }
    }

    /// Rows in order for as long as `visit` answers true: for lists bounded by something other than their number. It asks
    /// nothing itself, and the query has a limit: PostgreSQL sends all of it, whoever looks.
    pub(crate) fn visit(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        mut visit: impl FnMut(&Row<'_>) -> Result<bool>,
    ) -> Result<()> {
        match self {
            Self::Sqlite {
                connection,
                is_in_transaction,
                spent,
            } => {
                let mut statement = prepare(connection, *is_in_transaction, spent, sql)?;
                let mut rows = statement.query(rusqlite::params_from_iter(params))?;
                while let Some(row) = rows.next()? {
                    if !visit(&Row::Sqlite(row))? {
                        break;
                    }
                }
                Ok(())
            }
            Self::Postgres(session) => session.visit(sql, params, visit),
        }
    }

    /// Runs a change and says how many rows it touched.
    pub(crate) fn execute(&self, sql: &'static str, params: &[Param<'_>]) -> Result<usize> {
        match self {
            Self::Sqlite {
                connection,
                is_in_transaction,
                spent,
            } => {
                let mut statement = prepare(connection, *is_in_transaction, spent, sql)?;
                Ok(statement.execute(rusqlite::params_from_iter(params))?)
            }
            Self::Postgres(session) => session.execute(sql, params),
        }
    }

    /// Whether the query has a row.
    pub(crate) fn exists(&self, sql: &'static str, params: &[Param<'_>]) -> Result<bool> {
        Ok(self.find(sql, params, |_| Ok(()))?.is_some())
    }
}

/// A statement that adds what it cost to its connection's count when it is done with.
struct Counted<'c> {
    statement: rusqlite::CachedStatement<'c>,
    spent: &'c Spent,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.spent.add(&self.statement);
    }
}

impl<'c> Deref for Counted<'c> {
    type Target = rusqlite::CachedStatement<'c>;

    fn deref(&self) -> &Self::Target {
        &self.statement
    }
}

impl DerefMut for Counted<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.statement
    }
}

fn prepare<'c>(
    connection: &'c rusqlite::Connection,
    is_in_transaction: bool,
    spent: &'c Spent,
    sql: &'static str,
) -> Result<Counted<'c>> {
    #[cfg(test)]
    recorded::note(sql);
    // `log.level = "info,metadata=trace"` shows every question, without what it is about.
    tracing::trace!(sql);
    if is_in_transaction && connection.is_autocommit() {
        return Err(Error::Unavailable(
            "the transaction was ended by the database".to_owned(),
        ));
    }
    Ok(Counted {
        statement: connection.prepare_cached(sql)?,
        spent,
    })
}

/// Reads a stored word back into its type, or says which column holds something else.
pub(crate) fn parse_column<T>(column: &'static str, parsed: Option<T>) -> Result<T> {
    parsed.ok_or(Error::Unreadable { column })
}

/// Every text that was run, for the test that looks at their plans.
#[cfg(test)]
pub(crate) mod recorded {
    use std::collections::BTreeSet;
    use std::sync::{Mutex, PoisonError};

    type Texts = Mutex<BTreeSet<&'static str>>;

    static SQLITE: Texts = Mutex::new(BTreeSet::new());
    static POSTGRES: Texts = Mutex::new(BTreeSet::new());

    fn insert(texts: &Texts, sql: &'static str) {
        let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.insert(sql);
    }

    fn all(texts: &Texts) -> BTreeSet<&'static str> {
        texts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn note(sql: &'static str) {
        insert(&SQLITE, sql);
    }

    pub(crate) fn note_postgres(sql: &'static str) {
        insert(&POSTGRES, sql);
    }

    pub(crate) fn texts() -> BTreeSet<&'static str> {
        all(&SQLITE)
    }

    pub(crate) fn postgres_texts() -> BTreeSet<&'static str> {
        all(&POSTGRES)
    }
}
