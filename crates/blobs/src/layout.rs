//! Where a file lies. The only code that makes a path.
//!
//! ```text
//! <root>/                        0700
//!   uploads/<key>                what arrived of an unfinished upload; 0600
//!   blobs/<2 hex>/<key>          completed objects, in 256 directories by the last two digits of the key
//!   quarantine/                  reserved: objects that a consistency check took out of service
//!   .probe                       written and removed when readiness is asked for
//! ```
//!
//! The 256 directories are made once, when the store is opened: a rename then flushes one small
//! directory that already exists, and never its parent.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::key::ObjectKey;

/// The paths of one store.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    pub(crate) fn upload(&self, key: &ObjectKey) -> PathBuf {
        self.uploads().join(key.as_str())
    }

    fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// The directory that holds the completed object.
    pub(crate) fn shard(&self, key: &ObjectKey) -> PathBuf {
        self.blobs().join(key.shard())
    }

    /// The directory of the completed objects whose keys end in this byte.
    pub(crate) fn shard_of(&self, last_byte: u8) -> PathBuf {
        self.blobs().join(format!("{last_byte:02x}"))
    }

    pub(crate) fn blob(&self, key: &ObjectKey) -> PathBuf {
        self.shard(key).join(key.as_str())
    }

    pub(crate) fn probe(&self) -> PathBuf {
        self.root.join(".probe")
    }

    /// Makes whatever is missing, durably. Each parent is flushed after all its children.
    pub(crate) fn create(&self, disk: &dyn Disk) -> io::Result<()> {
        disk.create_dir(&self.root)?;
        if let Some(parent) = self
            .root
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            disk.sync_dir(parent)?;
        }
        let blobs = self.blobs();
        for dir in [self.uploads(), blobs.clone(), self.root.join("quarantine")] {
            disk.create_dir(&dir)?;
        }
        disk.sync_dir(&self.root)?;
        for shard in 0..=u8::MAX {
            disk.create_dir(&self.shard_of(shard))?;
        }
        disk.sync_dir(&blobs)
    }
}
