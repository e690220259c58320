//! One upload in the hands of one request. Everything here blocks.

use std::fs::File;
use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::Bytes;
use oci::{Algorithm, Digest, Hasher};

use crate::disk::{self, Access};
use crate::filesystem::{Filesystem, Found};
use crate::key::ObjectKey;
use crate::locks::KeyGuard;
use crate::store::{CompleteError, Completed, Expected, StorageError, UploadProgress};

/// How much is written before the kernel is told to start putting it on the disk, and before the free
/// space is looked at again. Without it everything waits for the flush at the end, and the disk idles
/// while bytes arrive.
const WRITEBACK_STEP: u64 = 8 * 1024 * 1024;

/// Bytes read at once where a file is read again.
const REREAD_BYTES: usize = 256 * 1024;

pub(crate) struct OpenUpload {
    filesystem: Arc<Filesystem>,
    key: ObjectKey,
    /// Bytes written and hashed.
    offset: u64,
    hasher: Hasher,
    /// Opened by the first write.
    file: Option<File>,
    /// The file was made by this request, so its name is not durable yet.
    name_is_new: bool,
    /// Bytes that the kernel was told to write out, at least.
    written_back: u64,
    /// Last field: the key is free once everything else is dropped.
    _guard: KeyGuard,
}

impl OpenUpload {
    /// Touches nothing on the disk.
    pub(crate) fn resume(
        filesystem: &Arc<Filesystem>,
        guard: KeyGuard,
        progress: &UploadProgress,
    ) -> Result<Self, StorageError> {
        let hasher = Hasher::import(&progress.hash)
            .ok()
            .filter(|hasher| hasher.length() == progress.offset)
            .ok_or_else(|| StorageError::InvalidProgress {
                key: progress.key.clone(),
            })?;
        Ok(Self {
            filesystem: Arc::clone(filesystem),
            key: progress.key.clone(),
            offset: progress.offset,
            hasher,
            file: None,
            name_is_new: false,
            written_back: progress.offset,
            _guard: guard,
        })
    }

    /// Writes and hashes. After an error, what counts is what [`sync`](Self::sync) says.
    pub(crate) fn write(&mut self, parts: &[Bytes]) -> Result<(), StorageError> {
        let len: u64 = parts.iter().map(|part| part.len() as u64).sum();
        if len == 0 {
            return Ok(());
        }
        if self.file.is_none() {
            self.filesystem.require_space()?;
            let found = self.filesystem.find(&self.key)?;
            self.file = Some(self.prepare(found)?);
        }
        let Some(file) = &self.file else {
            return Ok(());
        };
        let disk = &*self.filesystem.disk;
        let mut slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
        disk::write_all_at(disk, file, &mut slices, self.offset)?;
        for part in parts {
            self.hasher.update(part);
        }
        self.offset += len;
        let unstarted = self.offset - self.written_back;
        if unstarted >= WRITEBACK_STEP {
            // Only a hint; an error of the disk is reported again by the flush.
            let _ = disk.start_writeback(file, self.written_back, unstarted);
            self.written_back = self.offset;
            self.filesystem.require_space()?;
        }
        Ok(())
    }

    /// Makes durable what was written, and says what that is.
    pub(crate) fn sync(&mut self) -> Result<UploadProgress, StorageError> {
        let disk = &*self.filesystem.disk;
        if let Some(file) = &self.file {
            disk.sync_data(file)?;
        }
        if self.name_is_new {
            disk.sync_dir(&self.filesystem.layout.uploads())?;
            self.name_is_new = false;
        }
        Ok(UploadProgress {
            key: self.key.clone(),
            offset: self.offset,
            hash: self.hasher.export(),
            parts: Vec::new(),
        })
    }

    /// Verifies the digest; then flush, rename, flush of the directory, in this order: a name among the
    /// blobs never stands for bytes that are not there.
    pub(crate) fn complete(mut self, expected: Expected) -> Result<Completed, CompleteError> {
        let Expected {
            digest: expected,
            is_stored,
        } = expected;
        if self.hasher.algorithm() == expected.algorithm() {
            verify(self.hasher.clone().finish(), &expected)?;
        }
        let filesystem = Arc::clone(&self.filesystem);
        let (disk, layout) = (&*filesystem.disk, &filesystem.layout);
        let (file, is_in_place) = match self.file.take() {
            Some(file) => (file, false),
            None => self.locate()?,
        };
        if self.hasher.algorithm() != expected.algorithm() {
            verify(self.rehash(&file, expected.algorithm())?, &expected)?;
        }
        let (key, size_bytes) = (self.key.clone(), self.offset);
        if !is_in_place && is_stored.is_some_and(|is_stored| is_stored()) {
            // Both names: an earlier request may have completed the object and died before its commit.
            filesystem.delete(&key)?;
            return Ok(Completed {
                key,
                size_bytes,
                digest: expected,
                is_kept: false,
            });
        }
        if !is_in_place {
            disk.sync_all(&file)?;
            disk.rename(&layout.upload(&self.key), &layout.blob(&self.key))?;
        }
        // Also when an earlier call renamed it: that call may have died before it came here.
        disk.sync_dir(&layout.shard(&self.key))?;
        Ok(Completed {
            key,
            size_bytes,
            digest: expected,
            is_kept: true,
        })
    }

    /// The file to complete, and whether it has its final name already.
    fn locate(&mut self) -> Result<(File, bool), StorageError> {
        match self.filesystem.find(&self.key)? {
            Found::Blob(file) if self.filesystem.disk.len(&file)? == self.offset => {
                Ok((file, true))
            }
            found => Ok((self.prepare(found)?, false)),
        }
    }

    /// The upload's file, ending at the offset.
    fn prepare(&mut self, found: Found) -> Result<File, StorageError> {
        let filesystem = &self.filesystem;
        match found {
            Found::Upload(file) => {
                let len = filesystem.disk.len(&file)?;
                if len < self.offset {
                    return Err(StorageError::UploadLost {
                        key: self.key.clone(),
                    });
                }
                if len > self.offset {
                    filesystem.disk.set_len(&file, self.offset)?;
                }
                Ok(file)
            }
            // Nothing counts yet, so there is nothing to find. A finished object of the same key, which
            // nobody ever committed, is replaced when this upload completes.
            Found::Blob(_) | Found::Nothing if self.offset == 0 => {
                self.name_is_new = true;
                Ok(filesystem
                    .disk
                    .open(&filesystem.layout.upload(&self.key), Access::Create)?)
            }
            Found::Blob(_) | Found::Nothing => Err(StorageError::UploadLost {
                key: self.key.clone(),
            }),
        }
    }

    /// The digest by another algorithm than the one announced: reads the file once.
    fn rehash(&self, file: &File, algorithm: Algorithm) -> Result<Digest, StorageError> {
        let mut hasher = Hasher::new(algorithm);
        let mut buffer = vec![0; REREAD_BYTES];
        let mut at = 0;
        while at < self.offset {
            match self.filesystem.disk.read_at(file, &mut buffer, at) {
                Ok(0) => {
                    return Err(StorageError::UploadLost {
                        key: self.key.clone(),
                    });
                }
                Ok(read) => {
                    hasher.update(&buffer[..read]);
                    at += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(hasher.finish())
    }
}

fn verify(actual: Digest, expected: &Digest) -> Result<(), CompleteError> {
    if actual == *expected {
        Ok(())
    } else {
        Err(CompleteError::DigestMismatch { actual })
    }
}
