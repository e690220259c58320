//! The store over a directory. Everything here blocks.

use std::fmt;
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::batch::Budget;
use crate::body::BlobFile;
use crate::disk::{self, Access, Disk};
use crate::key::ObjectKey;
use crate::layout::Layout;
use crate::locks::KeyLocks;
use crate::store::{FilesystemOptions, StorageError};

/// What a sweep of the uploads found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Uploads removed because nobody knows them.
    pub removed: u64,
    /// Uploads that are known, and stay.
    pub kept: u64,
}

/// A directory that holds blobs.
pub(crate) struct Filesystem {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) layout: Layout,
    pub(crate) locks: Arc<KeyLocks>,
    pub(crate) budget: Budget,
    reserve_bytes: u64,
    probing: Mutex<()>,
}

/// Where the bytes of an unfinished upload are.
pub(crate) enum Found {
    /// Where they belong.
    Upload(File),
    /// Among the completed objects: the caller's commit never followed. Never changed in place.
    Blob(File),
    Nothing,
}

impl fmt::Debug for Filesystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filesystem")
            .field("root", &self.layout.root())
            .finish_non_exhaustive()
    }
}

impl Filesystem {
    pub(crate) fn open(options: FilesystemOptions, disk: Arc<dyn Disk>) -> io::Result<Self> {
        let layout = Layout::new(options.root);
        layout.create(&*disk)?;
        disk::require_local(layout.root())?;
        Ok(Self {
            disk,
            layout,
            locks: Arc::default(),
            budget: Budget::new(),
            reserve_bytes: options.reserve_bytes,
            probing: Mutex::new(()),
        })
    }

    pub(crate) fn read(&self, key: &ObjectKey, size_bytes: u64) -> Result<BlobFile, StorageError> {
        let file = self
            .open_existing(&self.layout.blob(key), Access::Read)?
            .ok_or_else(|| StorageError::Missing { key: key.clone() })?;
        let found_bytes = self.disk.len(&file)?;
        if found_bytes != size_bytes {
            let key = key.clone();
            return Err(StorageError::Damaged {
                key,
                expected_bytes: size_bytes,
                found_bytes,
            });
        }
        Ok(BlobFile::new(file, size_bytes))
    }

    /// Looks for the bytes of an upload, in both places.
    pub(crate) fn find(&self, key: &ObjectKey) -> io::Result<Found> {
        let (upload_path, blob_path) = (self.layout.upload(key), self.layout.blob(key));
        let upload = self.open_existing(&upload_path, Access::Write)?;
        let Some(upload) = upload else {
            let blob = self.open_existing(&blob_path, Access::Read)?;
            return Ok(blob.map_or(Found::Nothing, Found::Blob));
        };
        let metadata = upload.metadata()?;
        if metadata.nlink() > 1
            && let Some(blob) = self.open_existing(&blob_path, Access::Read)?
            && blob.metadata()?.ino() == metadata.ino()
        {
            // A power cut kept the new name of a rename and brought the old one back.
            self.disk.remove(&upload_path)?;
            return Ok(Found::Blob(blob));
        }
        Ok(Found::Upload(upload))
    }

    /// Removes both names. The removal of an upload's name is not flushed: should a power cut bring it back, the sweep
    /// of the next start removes it. Nothing looks through the completed objects, so theirs is.
    pub(crate) fn delete(&self, key: &ObjectKey) -> io::Result<()> {
        self.remove_if_there(&self.layout.upload(key))?;
        if self.remove_if_there(&self.layout.blob(key))? {
            self.disk.sync_dir(&self.layout.shard(key))?;
        }
        Ok(())
    }

    pub(crate) fn list_uploads(&self) -> io::Result<Vec<ObjectKey>> {
        let names = self.disk.list(&self.layout.uploads())?;
        // Anything else in there is not ours to judge.
        Ok(names
            .iter()
            .filter_map(|name| ObjectKey::parse(name).ok())
            .collect())
    }

    pub(crate) fn list_blobs(&self, shard: u8) -> io::Result<Vec<(ObjectKey, u64)>> {
        let names = self.disk.list(&self.layout.shard_of(shard))?;
        let keys = names.iter().filter_map(|name| ObjectKey::parse(name).ok());
        keys.filter_map(|key| {
            // One that is deleted meanwhile is not there.
            let file = self.open_existing(&self.layout.blob(&key), Access::Read);
            let len = |file: File| Ok((key, self.disk.len(&file)?));
            file.transpose().map(|file| file.and_then(len))
        })
        .collect()
    }

    pub(crate) fn sweep_uploads(&self, is_known: impl Fn(&ObjectKey) -> bool) -> io::Result<Sweep> {
        let mut sweep = Sweep::default();
        for key in self.list_uploads()? {
            if is_known(&key) {
                sweep.kept += 1;
            } else if self.remove_if_there(&self.layout.upload(&key))? {
                sweep.removed += 1;
            }
        }
        Ok(sweep)
    }

    pub(crate) fn free_bytes(&self) -> io::Result<u64> {
        let free = self.disk.free_bytes(self.layout.root())?;
        Ok(free.saturating_sub(self.reserve_bytes))
    }

    /// Fails when only the reserve is left.
    pub(crate) fn require_space(&self) -> io::Result<()> {
        if self.free_bytes()? == 0 {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }

    pub(crate) fn probe(&self) -> io::Result<()> {
        let _one_at_a_time = self.probing.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.layout.probe();
        self.remove_if_there(&path)?;
        let file = self.disk.open(&path, Access::Create)?;
        disk::write_all_at(&*self.disk, &file, &mut [IoSlice::new(b"ready\n")], 0)?;
        self.disk.sync_all(&file)?;
        self.disk.remove(&path)
    }

    fn open_existing(&self, path: &std::path::Path, access: Access) -> io::Result<Option<File>> {
        match self.disk.open(path, access) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether there was anything to remove.
    fn remove_if_there(&self, path: &std::path::Path) -> io::Result<bool> {
        match self.disk.remove(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
