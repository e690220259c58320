//! Everything SQL: the two ways to the database (read, write), the schema, and one method per query.
//!
//! To add a query: put a method into the file of its table family, on [`Reader`] when it only reads and on [`Tx`] when
//! it changes something; write the SQL in the dialect both databases share (parameters `?1`, `?2` in order of
//! appearance; no arrays, no JSON operators, no `LIKE`).
//!
//! **Invariant:** knows no HTTP, no bytes of blobs, no rules of the product. A method answers a question or makes a
//! change; what it means is decided in `services`.

mod access_tokens;
mod accounts;
mod blobs;
mod connection;
mod deadline;
mod deployment;
mod epochs;
mod error;
mod events;
mod garbage;
mod grants;
mod manifests;
mod namespaces;
mod readers;
mod referrers;
mod repositories;
mod schema;
mod sqlite;
#[cfg(test)]
mod suite;
mod tags;
mod uploads;
mod usage;
mod users;
mod writer;

pub use access_tokens::{AccessTokenRow, NewAccessToken, NewRefreshToken, RefreshTokenRow};
pub use blobs::{BlobRow, MembershipRow};
pub use deployment::SigningKeyRow;
pub use epochs::{Epoch, Epochs};
pub use error::{Error, Result};
pub use events::{EventRow, NewEvent};
pub use garbage::NewTrash;
pub use grants::GrantRow;
pub use manifests::{ManifestRow, NewManifest, RemovedManifest};
pub use namespaces::NamespaceRow;
pub use referrers::{Choice, ReferrerRow};
pub use repositories::{RepositoryKey, RepositoryRow};
pub use sqlite::{MIN_SQLITE_VERSION, Options, Timings, sqlite_version};
pub use uploads::{ClaimedUpload, NewUpload, UploadRow, UploadState};
pub use users::{NewUser, UserRow};

use connection::Connection;
use epochs::Changes;
use std::ops::Deref;
use std::sync::Arc;
use writer::Durability;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct MetadataStore {
    inner: Arc<sqlite::Sqlite>,
}

/// A view to read from: the newest committed state at the time of the first query.
pub struct Reader<'c> {
    connection: Connection<'c>,
}

/// A transaction to change things in. It commits when the closure that got it answers `Ok`.
pub struct Tx<'c> {
    reader: Reader<'c>,
    changes: Changes,
}

impl<'c> Tx<'c> {
    fn new(connection: &'c rusqlite::Connection) -> Self {
        Self {
            reader: Reader {
                connection: Connection::sqlite_transaction(connection),
            },
            changes: Changes::default(),
        }
    }
}

impl<'c> Deref for Tx<'c> {
    type Target = Reader<'c>;

    fn deref(&self) -> &Self::Target {
        &self.reader
    }
}

impl MetadataStore {
    /// Opens the database, making or upgrading its schema first.
    ///
    /// # Errors
    /// [`Error::TooNew`] for a schema of a later release, [`Error::Unavailable`] when it cannot be opened.
    pub fn open(options: &Options) -> Result<Self> {
        Ok(Self {
            inner: Arc::new(sqlite::Sqlite::open(options)?),
        })
    }

    /// What makes cached answers stale.
    pub fn epochs(&self) -> &Epochs {
        &self.inner.epochs
    }

    /// Reading connections that are open.
    pub fn reader_count(&self) -> usize {
        self.inner.readers.count()
    }

    /// Times and counts of what the database did.
    pub fn timings(&self) -> &Timings {
        &self.inner.timings
    }

    /// Answers a short question: rows found by key. Runs at once on the calling thread, in microseconds.
    pub fn read<T, E: From<Error>>(
        &self,
        question: impl FnOnce(&Reader<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.inner.read(question)
    }

    /// Answers a longer question: lists and counts. Runs where waiting disturbs nobody.
    pub async fn list<T, E>(
        &self,
        question: impl FnOnce(&Reader<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        // Long answers must leave connections for the short ones. The turn goes along with the work: a caller that
        // goes away does not end it.
        let turn = self.inner.lists.clone().acquire_owned().await;
        let inner = self.inner.clone();
        let work = move || {
            let _turn = turn;
            inner.read(question)
        };
        let answer = tokio::task::spawn_blocking(work).await;
        answer.map_err(|_| E::from(Error::Database("a query panicked".to_owned())))?
    }

    /// Runs a transaction and answers once it is on stable storage. The closure runs to its end even when the caller
    /// stops waiting; when it answers an error, nothing of it stays.
    pub async fn write<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.inner.writer.run(Durability::Durable, work).await
    }

    /// Like [`write`](Self::write), but answers before the change is safe from a power cut: for leases, counters and
    /// whatever else may be lost without a promise being broken.
    pub async fn write_relaxed<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.inner.writer.run(Durability::Relaxed, work).await
    }
}
