//! What a reader gets.

use std::fmt;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use oci::{Digest, Hasher};
use rustix::fs::Advice;
use rustix::io::{Errno, ReadWriteFlags};

use crate::kernel;
use crate::s3::BlobObject;
use crate::store::StorageError;
use crate::transfer::blocking;

/// What is read of a file at once.
const PIECE_BYTES: u64 = 256 * 1024;

/// A completed object, found. Clones share it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Blob {
    /// An open file.
    File(BlobFile),
    /// An object of a remote store, which has not been asked for it yet.
    Object(BlobObject),
}

impl Blob {
    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::File(file) => file.len(),
            Self::Object(object) => object.len(),
        }
    }

    /// Whether the object has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The open file, if it is one.
    pub fn as_file(&self) -> Option<&BlobFile> {
        match self {
            Self::File(file) => Some(file),
            Self::Object(_) => None,
        }
    }

    /// A range as the body of a response. A remote store is asked once, for exactly this range, and an object of
    /// another length refused as [`StorageError::Damaged`] before the first byte.
    pub async fn body(&self, range: Range<u64>) -> Result<BlobBody, StorageError> {
        match self {
            Self::File(file) => Ok(BlobBody::File {
                file: file.clone(),
                range,
            }),
            Self::Object(object) => object.body(range).await,
        }
    }

    /// A URL under which anyone can read the object for a short while; `None` when readers are not to be sent to the
    /// store. It asks the store nothing.
    pub async fn signed_url(&self) -> Result<Option<String>, StorageError> {
        match self {
            Self::File(_) => Ok(None),
            Self::Object(object) => object.signed_url().await,
        }
    }
}

/// A completed object, open for reading. Clones share the descriptor. The content never changes, and
/// stays readable through this handle after the object is deleted.
#[derive(Debug, Clone)]
pub struct BlobFile {
    file: Arc<File>,
    len: u64,
}

/// The body of a response.
#[derive(Debug)]
#[non_exhaustive]
pub enum BlobBody {
    /// Bytes `range` of an open file.
    File {
        /// The file.
        file: BlobFile,
        /// First byte, and the one after the last.
        range: Range<u64>,
    },
    /// Bytes that come from elsewhere.
    Stream(BlobStream),
}

/// Bytes on their way from a remote store, as they come; a connection that breaks is taken up again where it broke.
/// An error ends them. Whoever reads slowly slows the store down: next to nothing is held here.
pub struct BlobStream {
    chunks: BoxStream<'static, io::Result<Bytes>>,
    len: u64,
}

impl BlobStream {
    /// Bytes that were to come at first.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether none were to come.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The same bytes, of which the last ones come only if all of them together have this digest. If not, `on_damage` is
    /// awaited and an error ends them: nobody takes them for whole.
    #[must_use]
    pub fn verified<F>(
        self,
        digest: &Digest,
        on_damage: impl FnOnce() -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let len = self.len;
        let verifying = Verifying {
            chunks: self.chunks,
            left: len,
            hasher: Hasher::new(digest.algorithm()),
            digest: digest.clone(),
            on_damage,
        };
        // Ended by `None` after the last bytes or an error.
        let chunks = stream::unfold(Some(verifying), |verifying| async move {
            let mut verifying = verifying?;
            let chunk = match verifying.chunks.next().await? {
                Ok(chunk) => chunk,
                Err(error) => return Some((Err(error), None)),
            };
            verifying.hasher.update(&chunk);
            verifying.left = verifying.left.saturating_sub(chunk.len() as u64);
            if verifying.left > 0 {
                return Some((Ok(chunk), Some(verifying)));
            }
            if verifying.hasher.finish() == verifying.digest {
                return Some((Ok(chunk), None));
            }
            (verifying.on_damage)().await;
            let error = io::Error::new(
                io::ErrorKind::InvalidData,
                "the stored object does not have its digest",
            );
            Some((Err(error), None))
        });
        Self::new(chunks.boxed(), len)
    }

    /// `chunks` have `len` bytes together.
    pub(crate) fn new(chunks: BoxStream<'static, io::Result<Bytes>>, len: u64) -> Self {
        Self { chunks, len }
    }
}

/// Bytes whose digest is taken as they pass.
struct Verifying<D> {
    chunks: BoxStream<'static, io::Result<Bytes>>,
    left: u64,
    hasher: Hasher,
    digest: Digest,
    on_damage: D,
}

impl Stream for BlobStream {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.as_mut().poll_next(context)
    }
}

impl fmt::Debug for BlobStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobStream({} bytes)", self.len)
    }
}

impl BlobBody {
    /// Bytes that this body holds.
    pub fn len(&self) -> u64 {
        match self {
            Self::File { range, .. } => range.end.saturating_sub(range.start),
            Self::Stream(stream) => stream.len,
        }
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes one after the other, wherever they come from: for whoever reads them rather than sends them. A file is
    /// read on the blocking pool.
    pub fn into_stream(self) -> BlobStream {
        let len = self.len();
        match self {
            Self::Stream(stream) => stream,
            Self::File { file, range } => {
                let pieces = stream::try_unfold((file, range), |(file, mut range)| async move {
                    if range.is_empty() {
                        return Ok(None);
                    }
                    let (piece, file) = file.read_piece(range.clone()).await?;
                    range.start += piece.len() as u64;
                    Ok(Some((piece, (file, range))))
                });
                BlobStream::new(pieces.boxed(), len)
            }
        }
    }
}

impl BlobFile {
    /// The front of a range that is not empty.
    async fn read_piece(self, range: Range<u64>) -> io::Result<(Bytes, Self)> {
        blocking(move || {
            let len = (range.end - range.start).min(PIECE_BYTES);
            let mut piece = vec![0; usize::try_from(len).map_err(io::Error::other)?];
            match self.read_at(&mut piece, range.start)? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                read => {
                    piece.truncate(read);
                    Ok((piece.into(), self))
                }
            }
        })
        .await?
    }

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
