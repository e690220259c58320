//! What can go wrong below the services.

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be reached, is full, or could not make a commit durable. Nothing was changed.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A transaction ran longer than its limit and was rolled back.
    #[error("the database took too long; nothing was changed")]
    TimedOut,
    /// A foreign key held: the row is still needed, or what it needs is gone.
    #[error("a reference to another row does not hold")]
    ReferenceViolated,
    /// The row exists already.
    #[error("the row exists already")]
    AlreadyExists,
    /// A column holds what no version of this program wrote.
    #[error("{column} holds an unreadable value; the database was changed by something else")]
    Unreadable {
        /// `table.column`.
        column: &'static str,
    },
    /// The schema was made by a newer release.
    #[error(
        "the database has schema version {found}, this release knows {known}: run the newer release"
    )]
    TooNew {
        /// The version found.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// Any other answer of the database.
    #[error("database: {0}")]
    Database(String),
}

/// The result of a query.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ffi;
        let Some(code) = error.sqlite_error() else {
            return Self::Database(error.to_string());
        };
        match code.extended_code {
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Self::ReferenceViolated,
            ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE => {
                Self::AlreadyExists
            }
            _ => match code.code {
                rusqlite::ErrorCode::OperationInterrupted => Self::TimedOut,
                rusqlite::ErrorCode::DiskFull
                | rusqlite::ErrorCode::CannotOpen
                | rusqlite::ErrorCode::SystemIoFailure
                | rusqlite::ErrorCode::DatabaseBusy
                | rusqlite::ErrorCode::ReadOnly => Self::Unavailable(error.to_string()),
                _ => Self::Database(error.to_string()),
            },
        }
    }
}
