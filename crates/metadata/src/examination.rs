//! What can be asked of a database without changing anything in it, for whoever looks for what is wrong.

use crate::Reader;
use crate::connection::{Connection, Row, params};
use crate::error::{Error, Result};
use crate::postgresql::{self, PostgresOptions};
use crate::schema;
use rusqlite::OpenFlags;
use std::path::Path;

/// What a database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// Version of the schema; 0 where there is none.
    pub schema_version: i64,
    /// The version that this release makes.
    pub known_version: i64,
    /// Why this release cannot work with the schema, if it cannot.
    pub is_too_new: bool,
    /// A value that the deployment remembers; see [`Reader::find_deployment_value`].
    pub deployment_value: Option<String>,
    /// What only a server can say.
    pub server: Option<ServerFacts>,
}

/// What a PostgreSQL server says of itself.
#[expect(
    clippy::struct_excessive_bools,
    reason = "answers to questions that have nothing to do with each other"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFacts {
    /// As in `15.9`.
    pub version: String,
    /// Its clock, in milliseconds since 1970.
    pub clock_ms: i64,
    /// Whether the connection is encrypted.
    pub has_tls: bool,
    /// Whether commits are flushed to its disk at all.
    pub has_fsync: bool,
    /// Whether a crash in the middle of writing a page can be mended.
    pub has_full_page_writes: bool,
    /// What it does before it answers a commit, as in `on`.
    pub synchronous_commit: String,
    /// Connections that it takes from us: the least of its limit and those of user and database.
    pub max_connections: i64,
    /// Connections of clients that are open, all databases together.
    pub open_connections: i64,
    /// Whether we may make tables.
    pub may_create: bool,
    /// Whether we may read and write the tables; true where there are none.
    pub may_write: bool,
}

impl Reader<'_> {
    /// The clock of a database server, in milliseconds since 1970; `None` where the database is part of this process.
    pub fn clock_ms(&self) -> Result<Option<i64>> {
        const SQL: &str =
            "SELECT CAST(FLOOR(EXTRACT(EPOCH FROM clock_timestamp()) * 1000) AS BIGINT)";
        match &self.connection {
            Connection::Sqlite { .. } => Ok(None),
            Connection::Postgres(_) => self
                .connection
                .get(SQL, params![], |row| row.int(0))
                .map(Some),
        }
    }
}

/// Asks a PostgreSQL server. `value_name` is the remembered value to look for.
///
/// # Errors
/// Those of [`MetadataStore::open_postgres`](crate::MetadataStore::open_postgres), but for a schema that is too new.
pub fn examine_postgres(options: &PostgresOptions, value_name: &str) -> Result<DatabaseFacts> {
    postgresql::examine(options, |session| {
        let reader = Reader {
            connection: Connection::postgres(session),
        };
        let version = schema::version_of(&reader.connection)?;
        let mut facts = facts(&reader, version, value_name)?;
        facts.server = Some(server_facts(&reader, version)?);
        Ok(facts)
    })
}

/// Asks a SQLite database, which must exist. `is_alone` says that no other process can have it open; then not even a
/// file beside it is made.
///
/// # Errors
/// [`Error::Unavailable`] when it cannot be opened, [`Error::Database`] when it is no database.
pub fn examine_sqlite(path: &Path, is_alone: bool, value_name: &str) -> Result<DatabaseFacts> {
    let has_log = std::fs::metadata(with_ending(path, "-wal")).is_ok_and(|log| log.len() > 0);
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = if is_alone && !has_log {
        let name = percent_encoding::percent_encode(
            path.as_os_str().as_encoded_bytes(),
            percent_encoding::NON_ALPHANUMERIC,
        );
        let name = name.to_string().replace("%2F", "/");
        let flags = access | OpenFlags::SQLITE_OPEN_URI;
        rusqlite::Connection::open_with_flags(format!("file:{name}?immutable=1"), flags)?
    } else {
        rusqlite::Connection::open_with_flags(path, access)?
    };
    connection.busy_timeout(std::time::Duration::from_secs(2))?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let reader = Reader {
        connection: Connection::sqlite(&connection),
    };
    facts(&reader, version, value_name)
}

fn with_ending(path: &Path, ending: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn facts(reader: &Reader<'_>, version: i64, value_name: &str) -> Result<DatabaseFacts> {
    let is_too_new = match schema::require_compatible(&reader.connection, version) {
        Err(Error::TooNew { .. }) => true,
        other => other.map(|()| false)?,
    };
    let deployment_value = match version {
        0 => None,
        _ => reader.find_deployment_value(value_name)?,
    };
    Ok(DatabaseFacts {
        schema_version: version,
        known_version: schema::known(),
        is_too_new,
        deployment_value,
        server: None,
    })
}

fn server_facts(reader: &Reader<'_>, version: i64) -> Result<ServerFacts> {
    // What this session was given before it set anything itself.
    const SETTINGS: &str = "SELECT current_setting('server_version'), current_setting('fsync'), \
         current_setting('full_page_writes'), \
         (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'synchronous_commit'), \
         (SELECT CASE WHEN ssl THEN 1 ELSE 0 END FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid())";
    const CONNECTIONS: &str = "SELECT CAST(current_setting('max_connections') AS BIGINT) \
         - CAST(current_setting('superuser_reserved_connections') AS BIGINT), \
         CAST((SELECT rolconnlimit FROM pg_catalog.pg_roles WHERE rolname = current_user) AS BIGINT), \
         CAST((SELECT datconnlimit FROM pg_catalog.pg_database WHERE datname = current_database()) AS BIGINT), \
         (SELECT COUNT(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend')";
    const MAY_CREATE: &str = "SELECT CASE WHEN current_schema() IS NOT NULL \
         AND has_schema_privilege(current_schema(), 'CREATE') THEN 1 ELSE 0 END";
    const MAY_WRITE: &str = "SELECT CASE WHEN has_table_privilege('deployment', 'SELECT') \
         AND has_table_privilege('blobs', 'SELECT') AND has_table_privilege('blobs', 'INSERT') \
         AND has_table_privilege('blobs', 'UPDATE') AND has_table_privilege('blobs', 'DELETE') THEN 1 ELSE 0 END";
    let connection = &reader.connection;
    let limits = |row: &Row<'_>| Ok([row.int(0)?, row.int(1)?, row.int(2)?, row.int(3)?]);
    let [server, user, database, open_connections] =
        connection.get(CONNECTIONS, params![], limits)?;
    // -1 is no limit.
    let max_connections = [server, user, database]
        .into_iter()
        .filter(|limit| *limit >= 0)
        .min()
        .unwrap_or(server);
    let may_write = version == 0 || connection.get(MAY_WRITE, params![], |row| row.flag(0))?;
    let may_create = connection.get(MAY_CREATE, params![], |row| row.flag(0))?;
    let clock_ms = reader.clock_ms()?.unwrap_or_default();
    connection.get(SETTINGS, params![], |row| {
        let is_on = |column| Ok::<_, Error>(row.text(column)? != "off");
        Ok(ServerFacts {
            version: row.text(0)?,
            clock_ms,
            has_tls: row.optional_int(4)?.is_some_and(|ssl| ssl != 0),
            has_fsync: is_on(1)?,
            has_full_page_writes: is_on(2)?,
            synchronous_commit: row.text(3)?,
            max_connections,
            open_connections,
            may_create,
            may_write,
        })
    })
}
