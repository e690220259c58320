//! Backups, and the way back from one.
//!
//! A backup is a snapshot of the records and the objects that it names, in a place of their own: a directory or a bucket.
//!
//! ```text
//!  pin ─► snapshot ─► objects that the place does not have yet ─► pin still alive? ─► record
//!          │ one consistent read      │ each verified by its digest                    └ only now it is a backup
//!          └ itself an object of the place
//!
//!  record ─► snapshot whole? deployment empty? ─► objects, each verified ─► all rows, in one step
//! ```
//!
//! Objects never change and their keys are never used again, so whatever a place has it need not be given again: a backup
//! is incremental, one that was cut off goes on, and all backups of a place share their objects.
//!
//! It needs no running services: whoever asks has opened the stores and the database's place.

mod copying;
mod error;
mod pins;
mod place;
mod pruning;
mod restoring;
mod running;
mod verifying;
mod walk;

pub use error::BackupError;
pub use pins::Backups;
pub use place::{BackupPlace, BackupRecord, BlobProblem, StoredSnapshot};
pub use pruning::{Pruned, prune_backups};
pub use restoring::{Restore, Restored};
pub use running::{Backup, BackupCopy};
pub use verifying::{Verified, verify_backup};

/// Objects on their way at once.
const AT_ONCE: usize = 8;
/// Blobs that cannot be read, beyond which something else is wrong.
const MOST_PROBLEMS: usize = 10_000;

/// Hears how far it is.
pub trait Progress: Sync {
    /// Something new begins, with so many objects and bytes to go.
    fn begin(&self, what: &'static str, objects: u64, bytes: u64);
    /// So many objects are done, and so many bytes.
    fn advance(&self, objects: u64, bytes: u64);
    /// Something to be told at once.
    fn tell(&self, what: &str);
}
