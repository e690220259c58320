//! What a reader gets.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::Advice;
use rustix::io::{Errno, ReadWriteFlags};

use crate::kernel;

/// A completed object, open for reading. Clones share the descriptor. The content never changes, and
/// stays readable through this handle after the object is deleted.
#[derive(Debug, Clone)]
pub struct BlobFile {
    file: Arc<File>,
    len: u64,
}

/// The body of a response.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum BlobBody {
    /// Bytes `range` of an open file.
    File {
        /// The file.
        file: BlobFile,
        /// First byte, and the one after the last.
        range: Range<u64>,
    },
}

impl BlobBody {
    /// Bytes that this body holds.
    pub fn len(&self) -> u64 {
        match self {
            Self::File { range, .. } => range.end.saturating_sub(range.start),
        }
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl BlobFile {
    /// `len` must be the length of the file, which must never change again.
    pub(crate) fn new(file: File, len: u64) -> Self {
        Self {
            file: Arc::new(file),
            len,
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the object has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The open file, for sendfile(2).
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The whole object as a response body.
    pub fn into_body(self) -> BlobBody {
        let range = 0..self.len;
        BlobBody::File { file: self, range }
    }

    /// Reads at `offset` what memory holds already, up to the length of `buffer`; never waits for the
    /// disk, so it may be called on an async worker. `None`: not in memory, use
    /// [`read_at`](Self::read_at) on the blocking pool. `Some(0)`: at the end.
    pub fn read_at_cached(&self, buffer: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        let flags = ReadWriteFlags::NOWAIT;
        match rustix::io::preadv2(&self.file, &mut [IoSliceMut::new(buffer)], offset, flags) {
            Ok(read) => Ok(Some(read)),
            // Not cached; or a kernel or file system that cannot tell.
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads at `offset` up to the length of `buffer`, waiting for the disk: for the blocking pool.
    /// Returns 0 only at the end.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match self.file.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    /// Asks the kernel to bring a range into memory, without waiting for it.
    pub fn prefetch(&self, range: Range<u64>) {
        let Some(len) = std::num::NonZeroU64::new(range.end.saturating_sub(range.start)) else {
            return;
        };
        // A hint: without it the range is read later.
        let _ = rustix::fs::fadvise(&self.file, range.start, Some(len), Advice::WillNeed);
    }

    /// The range as memory, without reading it: the pages come from the disk when they are touched, so
    /// on an async worker pass the bytes on (sendfile) rather than look at them. A range that reaches
    /// past the end is an error of kind `InvalidInput`.
    pub fn map(&self, range: Range<u64>) -> io::Result<Bytes> {
        if range.start > range.end || range.end > self.len {
            let reason = format!(
                "range {range:?} lies outside of an object of {} bytes",
                self.len
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        kernel::map(&self.file, range)
    }
}
