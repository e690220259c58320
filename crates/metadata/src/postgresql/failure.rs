//! What an error of PostgreSQL means for whoever asked, and for the connection.

use super::address::reason;
use crate::error::Error;
use std::fmt;
use std::time::Duration;
use tokio_postgres::error::SqlState;

/// Why a connection did not do what it was asked.
#[derive(Debug)]
pub(super) enum Trouble {
    Driver(tokio_postgres::Error),
    /// It was given up on: nothing had come for so long.
    Silent(Duration),
    /// This process could not even begin.
    Ourselves(std::io::Error),
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Driver(error)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Driver(error) => f.write_str(&reason(error)),
            Self::Silent(waited) => {
                write!(f, "the server did not answer for {} s", waited.as_secs())
            }
            Self::Ourselves(error) => error.fmt(f),
        }
    }
}

/// What became of a statement that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The connection is gone or of no use any more, and whatever had not been committed with it.
    Lost,
    /// Another transaction was in the way: the same may go well the next time.
    Passing,
    /// It would fail again.
    Lasting,
}

/// Sorts an error.
pub(super) fn classify(trouble: &Trouble) -> (Failure, Error) {
    let text = trouble.to_string();
    let Trouble::Driver(error) = trouble else {
        return (Failure::Lost, Error::Unavailable(text));
    };
    let Some(code) = error.code() else {
        let is_lost = error.is_closed()
            || std::error::Error::source(error)
                .is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
        return if is_lost {
            (Failure::Lost, Error::Unavailable(text))
        } else {
            (Failure::Lasting, Error::Database(text))
        };
    };
    match code {
        &SqlState::UNIQUE_VIOLATION => (Failure::Lasting, Error::AlreadyExists),
        &SqlState::FOREIGN_KEY_VIOLATION | &SqlState::RESTRICT_VIOLATION => {
            (Failure::Lasting, Error::ReferenceViolated)
        }
        &SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE => {
            (Failure::Passing, Error::Unavailable(text))
        }
        // "cached plan must not change result type": the schema has changed since the connection prepared its statements.
        &SqlState::FEATURE_NOT_SUPPORTED => (Failure::Lost, Error::Database(text)),
        &SqlState::QUERY_CANCELED | &SqlState::LOCK_NOT_AVAILABLE => {
            (Failure::Lasting, Error::TimedOut)
        }
        &SqlState::INSUFFICIENT_PRIVILEGE => (
            Failure::Lasting,
            Error::Database(format!(
                "{text}; make the database's user the owner of the database and its tables"
            )),
        ),
        &SqlState::READ_ONLY_SQL_TRANSACTION => (Failure::Lost, Error::Unavailable(text)),
        code => by_class(code.code(), text),
    }
}

fn by_class(code: &str, text: String) -> (Failure, Error) {
    match code.get(..2) {
        // Connection exceptions; an operator's intervention: shutdown, restart, a dropped database.
        Some("08" | "57") => (Failure::Lost, Error::Unavailable(text)),
        // "Idle in transaction" for too long: the server has closed the connection.
        Some("25") if code == "25P03" => (Failure::Lost, Error::Unavailable(text)),
        // Out of disk, memory or connections; the server's own I/O.
        Some("53" | "58") => (Failure::Lasting, Error::Unavailable(text)),
        _ => (Failure::Lasting, Error::Database(text)),
    }
}

/// What whoever runs the registry can do when there is no connection.
pub(super) fn remedy(trouble: &Trouble) -> &'static str {
    let error = match trouble {
        Trouble::Driver(error) => error,
        Trouble::Silent(_) => {
            return "it takes connections but says nothing, or nothing comes through to it: see what the machine and the network do";
        }
        Trouble::Ourselves(_) => return "give this process more open files, or memory",
    };
    match error.code() {
        Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
            "give the user and password that the server knows, and see its pg_hba.conf"
        }
        Some(&SqlState::INVALID_CATALOG_NAME) => {
            "create it with: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        }
        Some(&SqlState::TOO_MANY_CONNECTIONS) => {
            "let the server take more (max_connections), or the registry open fewer"
        }
        Some(&SqlState::CANNOT_CONNECT_NOW) => "it is starting or ending; try again",
        Some(_) => "see the server's log",
        None => match error.to_string() {
            text if text.contains("authentication") => {
                "give the user and password that the server knows"
            }
            text if text.contains("TLS") => {
                "its certificate must be for that host name, and by the authority in sslrootcert"
            }
            _ => "start the server, or name the one that this machine can reach",
        },
    }
}

/// Of a value that could not be read.
impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        classify(&error.into()).1
    }
}
