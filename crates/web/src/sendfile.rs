//! Blobs from the page cache to a plain socket without a copy in user space.
//!
//! hyper has no interface for sendfile(2), but it queues body bytes by pointer. So a response body hands it
//! `Bytes` that point into a mapping of the file, nobody touches them, and the connection's writer, which
//! sees the same pointers again, sends the file's range instead. Whoever else reads the bytes (TLS, HTTP/2)
//! gets them from the mapping: the content never depends on this.

use bytes::Bytes;
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags};
use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most bytes given to one system call. A call keeps the socket to itself: with more than this the receiver's answers
/// pile up behind it, and one connection alone takes a quarter more CPU per byte.
pub(crate) const MAX_PER_CALL: usize = 256 << 10;

/// A file a response body can be made of. Its content must never change.
pub trait FileSource: Send + Sync + 'static {
    /// The open file.
    fn file(&self) -> &std::fs::File;
    /// The range as memory, not yet read.
    fn map(&self, range: Range<u64>) -> io::Result<Bytes>;
}

impl FileSource for services::BlobFile {
    fn file(&self) -> &std::fs::File {
        services::BlobFile::file(self)
    }

    fn map(&self, range: Range<u64>) -> io::Result<Bytes> {
        services::BlobFile::map(self, range)
    }
}

/// A mapped range on its way to the socket. Holding `mapped` keeps the addresses from being reused, so a
/// slice that lies inside is this file's content and nothing else.
struct Region {
    mapped: Bytes,
    source: Arc<dyn FileSource>,
    offset: u64,
}

/// The mapped ranges that one connection's response is sending.
#[derive(Default)]
pub(crate) struct Regions {
    is_used: AtomicBool,
    regions: Mutex<Vec<Region>>,
}

impl Regions {
    /// Announces that slices of `mapped`, which is `source` from `offset` on, will be written soon.
    pub(crate) fn announce(&self, mapped: Bytes, source: Arc<dyn FileSource>, offset: u64) {
        self.lock().push(Region {
            mapped,
            source,
            offset,
        });
        self.is_used.store(true, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Region>> {
        self.regions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the next write can be an ordinary one.
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_used.load(Ordering::Relaxed)
    }

    /// Sends from the front of `slices`: mapped files by sendfile, the ordinary bytes before one with a
    /// note to the kernel that more follows. Answers like a write to a socket that does not block.
    pub(crate) fn send(&self, socket: impl AsFd, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut regions = self.lock();
        let first_mapped = slices
            .iter()
            .position(|slice| find(&regions, slice).is_some());
        let Some(mapped) = first_mapped else {
            return send_bytes(socket, slices, SendFlags::empty());
        };
        if slices[..mapped].iter().any(|slice| !slice.is_empty()) {
            return send_bytes(socket, &slices[..mapped], SendFlags::MORE);
        }
        let Some((index, start)) = find(&regions, &slices[mapped]) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let region = &regions[index];
        let mut offset = region.offset + start as u64;
        let count = slices[mapped].len().min(MAX_PER_CALL);
        let sent = loop {
            match rustix::fs::sendfile(&socket, region.source.file(), Some(&mut offset), count) {
                Err(Errno::INTR) => {}
                // Not every file system can: then its bytes are read from the mapping.
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                    break send_bytes(&socket, &slices[mapped..=mapped], SendFlags::empty())?;
                }
                other => break other?,
            }
        };
        if sent == 0 {
            // The file is shorter than it was when it was mapped: end the connection, send nothing wrong.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if start + sent == region.mapped.len() {
            regions.swap_remove(index);
            self.is_used.store(!regions.is_empty(), Ordering::Relaxed);
        }
        Ok(sent)
    }
}

fn send_bytes(socket: impl AsFd, slices: &[IoSlice<'_>], more: SendFlags) -> io::Result<usize> {
    let flags = more | SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    let mut nothing = SendAncillaryBuffer::default();
    Ok(rustix::net::sendmsg(socket, slices, &mut nothing, flags)?)
}

/// Which region a slice lies in, and how far from its start.
fn find(regions: &[Region], slice: &[u8]) -> Option<(usize, usize)> {
    if slice.is_empty() {
        return None;
    }
    regions.iter().enumerate().find_map(|(index, region)| {
        let start = slice
            .as_ptr()
            .addr()
            .checked_sub(region.mapped.as_ptr().addr())?;
        let end = start.checked_add(slice.len())?;
        (end <= region.mapped.len()).then_some((index, start))
    })
}

#[cfg(test)]
mod tests;
