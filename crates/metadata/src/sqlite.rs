//! SQLite: how it is opened, its readers, and what it measures of itself.

use crate::Reader;
use crate::connection::Connection;
use crate::epochs::Epochs;
use crate::error::{Error, Result};
use crate::readers::Readers;
use crate::schema::{self, SchemaVersions};
use crate::timings::Timings;
use crate::writer::Writer;
use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Releases before 3.51.3 can corrupt a WAL database that two connections write and checkpoint at once.
pub const MIN_SQLITE_VERSION: i32 = 3_051_003;

/// Prepared statements kept per connection: more than there are queries.
const STATEMENTS: usize = 256;
/// Long answers at once: well below the number of connections.
const LISTS_AT_ONCE: usize = 4;
/// WAL pages (4 KiB) after which a commit also checkpoints.
const CHECKPOINT_PAGES: i64 = 4000;

/// How to open the database.
#[derive(Clone, Debug)]
pub struct Options {
    /// The database file.
    pub path: PathBuf,
    /// Page cache per connection, in bytes.
    pub cache_bytes: u64,
    /// How long one transaction may run.
    pub transaction_time_limit: Duration,
}

/// The version of the SQLite that is compiled in, as `3.54.1`.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

pub(crate) struct Sqlite {
    options: Options,
    pub(crate) epochs: Arc<Epochs>,
    pub(crate) timings: Arc<Timings>,
    /// Closed before the writer: only a connection that may write leaves one file behind when it is the last.
    pub(crate) readers: Readers,
    pub(crate) writer: Writer,
    pub(crate) versions: SchemaVersions,
    /// Long answers being worked on at once.
    lists: Arc<tokio::sync::Semaphore>,
}

impl Sqlite {
    pub(crate) fn open(options: &Options) -> Result<Self> {
        if rusqlite::version_number() < MIN_SQLITE_VERSION {
            return Err(Error::Unavailable(format!(
                "SQLite {} can corrupt databases in WAL mode; 3.51.3 or newer is needed",
                rusqlite::version()
            )));
        }
        let mut connection = connect(options, false)?;
        let versions = schema::migrate(&mut connection)?;
        let epochs = Arc::new(Epochs::default());
        let timings = Arc::new(Timings::default());
        let limit = options.transaction_time_limit;
        let writer = Writer::start(connection, epochs.clone(), timings.clone(), limit)?;
        let readers = Readers::default();
        drop(readers.borrow(|| connect(options, true))?);
        Ok(Self {
            options: options.clone(),
            epochs,
            timings,
            writer,
            readers,
            versions,
            lists: Arc::new(tokio::sync::Semaphore::new(LISTS_AT_ONCE)),
        })
    }

    pub(crate) fn read<T, E: From<Error>>(
        &self,
        question: impl FnOnce(&Reader<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let begun = Instant::now();
        let borrowed = self.readers.borrow(|| connect(&self.options, true))?;
        let reader = Reader {
            connection: Connection::sqlite(&borrowed),
        };
        let answer = question(&reader);
        self.timings.spent(reader.connection.cost());
        drop(borrowed);
        self.timings.read(begun.elapsed());
        answer
    }

    pub(crate) async fn list<T, E>(
        self: &Arc<Self>,
        question: impl FnOnce(&Reader<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        // Long answers must leave connections for the short ones. The turn goes along with the work: a caller that
        // goes away does not end it.
        let turn = self.lists.clone().acquire_owned().await;
        let this = self.clone();
        let work = move || {
            let _turn = turn;
            this.read(question)
        };
        let answer = tokio::task::spawn_blocking(work).await;
        answer.map_err(|_| E::from(Error::Database("a query panicked".to_owned())))?
    }
}

fn connect(options: &Options, reads_only: bool) -> Result<rusqlite::Connection> {
    let access = if reads_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    };
    if !reads_only {
        refuse_others_access(&options.path)?;
    }
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = rusqlite::Connection::open_with_flags(&options.path, flags)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(Duration::from_secs(10))?;
    crate::patterns::teach(&connection)?;
    let cache_kib = i64::try_from(options.cache_bytes / 1024).unwrap_or(i64::MAX);
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    // Otherwise each execution with other values plans the query anew, which costs ten times the query.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    if !reads_only {
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    }
    Ok(connection)
}

/// Makes the file before SQLite does, so that no one else can read it from its first moment.
pub(crate) fn refuse_others_access(path: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|error| Error::Unavailable(format!("{}: {error}", path.display())))
}
