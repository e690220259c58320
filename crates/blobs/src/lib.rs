//! Everything bytes: the store of blobs, and its two implementations, over a local file system and over a bucket of an
//! S3-compatible object store.
//!
//! The metadata is the truth, this store only holds bytes under keys. A caller stores the key, lets the
//! bytes arrive, and then stores that they are there:
//!
//! ```text
//!  row with key ─► begin ─► append … append ─► complete ─► row with digest, key, size ─► 201
//!                             │ progress: offset, digest state; kept in the caller's row
//!                             └ any process may continue from it
//! ```
//!
//! **Invariants**
//! - A key names one object for ever. Nothing is ever stored under a digest.
//! - What [`BlobStore::append`] and [`BlobStore::complete`] answered survives a power cut. Files: flush the file,
//!   rename it, flush the directory; only then return. Buckets: the store has acknowledged it.
//! - Nothing is readable before its digest was verified, and nothing readable is ever changed in place.
//! - The state of an upload travels in the caller's row; no process remembers one.
//! - Memory does not depend on the size of an object. Files (see `transfer`): 64 KiB for each transfer and
//!   8 MiB for all of them together. Buckets (see `s3::memory`): 64 KiB for each, and a number of parts for all.
//! - Paths are made in `layout`, names of objects in `s3::parts`, unsafe code is in `kernel`, the disk is touched
//!   through [`disk::Disk`], the network through `s3::client`.

mod batch;
mod body;
pub mod disk;
mod error;
#[cfg(any(test, feature = "fault-injection"))]
pub mod fault;
mod filesystem;
mod kernel;
mod key;
mod layout;
mod locks;
mod s3;
mod store;
#[cfg(test)]
mod suite;
mod timings;
mod transfer;
mod upload;

pub use body::{Blob, BlobBody, BlobFile, BlobStream};
pub use filesystem::Sweep;
pub use key::{InvalidObjectKey, ObjectKey};
pub use s3::{
    BlobObject, CONDITIONAL_WRITES, Check, CheckFault, CheckOutcome, InvalidS3Options,
    S3Credentials, S3Encryption, S3Options,
};
pub use store::{
    AppendError, BlobStore, CompleteError, Completed, Expected, FilesystemOptions, PutError,
    StorageError, UploadProgress,
};
pub use timings::{Count, StoreOperation, StoreTimings};
