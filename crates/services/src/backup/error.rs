//! Why there is no backup, or nothing was restored.

use super::BlobProblem;
use blobs::StorageError;
use metadata::SnapshotError;

/// What can go wrong with a backup. Texts are for the operator who typed the command.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The registry's store failed.
    #[error("the registry's blob store")]
    Store(#[source] StorageError),
    /// The place of the backups failed.
    #[error("the place of the backups")]
    Place(#[source] StorageError),
    /// The records could not be written down, or read back.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// There is no such backup.
    #[error("{0}")]
    NotFound(String),
    /// It must not be restored here.
    #[error("{0}")]
    Refused(String),
    /// What is in the place is not what was put there.
    #[error(
        "backup {id} is damaged: {what}; restore another one, and see with `roadstead backup verify` which are whole"
    )]
    Damaged {
        /// The backup.
        id: String,
        /// What is wrong with it.
        what: String,
    },
    /// Objects of the backup are damaged or missing.
    #[error("{} of the backup's objects cannot be restored, the first of them {}: {}; nothing was changed in the database", .0.len(),
        .0.first().map_or("", |problem| problem.digest.as_str()), .0.first().map_or("", |problem| problem.what.as_str()))]
    Lost(Vec<BlobProblem>),
    /// So many blobs cannot be read that something else must be wrong.
    #[error(
        "more than {0} blobs cannot be read: see what is wrong with the registry's store, with `roadstead fsck`"
    )]
    TooManyProblems(usize),
    /// A defect.
    #[error("the backup broke off: {0}")]
    BrokeOff(String),
}
