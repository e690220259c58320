//! Files as a response body: mapped for sendfile, or read piece by piece.
//!
//! Neither way makes an async worker wait for the disk. Before a piece is used the kernel is asked whether
//! memory holds it; if not, the blocking pool fetches it. The next piece is asked for one piece ahead.

use crate::connection::Connection;
use crate::sendfile::FileSource;
use bytes::Bytes;
use rustix::fs::Advice;
use rustix::io::{Errno, ReadWriteFlags};
use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::num::NonZeroU64;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::task::JoinHandle;

/// A piece of a mapped file: what is made sure to be in memory at a time.
const MAPPED_PIECE: u64 = 1 << 20;
/// A piece of a file that is read: what a transfer holds in memory, twice at most.
const READ_PIECE: u64 = 128 * 1024;
/// The same for one of many streams on a connection: each may hold a piece that its client does not take.
const STREAM_PIECE: u64 = 32 * 1024;
/// Below this a mapping costs more than a copy.
const MAP_FROM: u64 = 64 * 1024;

/// Bytes and file ranges, one after the other.
pub(super) struct Files {
    parts: VecDeque<Part>,
    left: u64,
    /// Set when the connection can send mapped files.
    sendfile: Option<Arc<Connection>>,
    /// The most that is read at once where nothing is mapped.
    read_piece: u64,
    current: Option<Reader>,
}

enum Part {
    Bytes(Bytes),
    Range {
        source: Arc<dyn FileSource>,
        range: Range<u64>,
    },
}

impl Files {
    pub(super) fn new() -> Self {
        Self {
            parts: VecDeque::new(),
            left: 0,
            sendfile: None,
            read_piece: READ_PIECE,
            current: None,
        }
    }

    pub(super) fn with_bytes(mut self, bytes: Bytes) -> Self {
        if !bytes.is_empty() {
            self.left += bytes.len() as u64;
            self.parts.push_back(Part::Bytes(bytes));
        }
        self
    }

    pub(super) fn with_range(mut self, source: Arc<dyn FileSource>, range: Range<u64>) -> Self {
        if !range.is_empty() {
            self.left += range.end - range.start;
            self.parts.push_back(Part::Range { source, range });
        }
        self
    }

    /// Bytes not yet given out.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    pub(super) fn send_mapped(&mut self, connection: Arc<Connection>) {
        self.sendfile = Some(connection);
    }

    /// The response is one of many on its connection.
    pub(super) fn send_in_stream(&mut self) {
        self.read_piece = STREAM_PIECE;
    }

    pub(super) fn poll_chunk(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(reader) = &mut self.current {
                let chunk = ready!(reader.poll_chunk(context));
                if reader.range.is_empty() || chunk.is_err() {
                    self.current = None;
                }
                return Poll::Ready(Some(self.count(chunk)));
            }
            match self.parts.pop_front() {
                None => return Poll::Ready(None),
                Some(Part::Bytes(bytes)) => return Poll::Ready(Some(self.count(Ok(bytes)))),
                Some(Part::Range { source, range }) => {
                    self.current = Some(self.reader(source, range));
                }
            }
        }
    }

    fn count(&mut self, chunk: io::Result<Bytes>) -> io::Result<Bytes> {
        if let Ok(bytes) = &chunk {
            self.left = self.left.saturating_sub(bytes.len() as u64);
        }
        chunk
    }

    fn reader(&self, source: Arc<dyn FileSource>, range: Range<u64>) -> Reader {
        let mut mapped = None;
        if let Some(connection) = &self.sendfile
            && range.end - range.start >= MAP_FROM
        {
            // A process has only so many mappings; without one the file is read.
            if let Ok(bytes) = source.map(range.clone()) {
                let source = Arc::clone(&source);
                connection
                    .regions
                    .announce(bytes.clone(), source, range.start);
                mapped = Some(bytes);
            }
        }
        Reader {
            source,
            range,
            mapped,
            read_piece: self.read_piece,
            is_resident: false,
            fetch: None,
        }
    }
}

/// Gives out one range.
struct Reader {
    source: Arc<dyn FileSource>,
    /// What is not yet given out.
    range: Range<u64>,
    /// The rest of the mapping, if the range is sent from one.
    mapped: Option<Bytes>,
    read_piece: u64,
    /// The next piece was found in memory when the one before it was given out.
    is_resident: bool,
    /// The blocking pool at work on the front of `range`; the bytes are empty for a mapped piece.
    fetch: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Reader {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let piece = self.piece();
        if std::mem::take(&mut self.is_resident) {
            return Poll::Ready(self.take_resident(&piece));
        }
        if self.fetch.is_none() {
            match residency(self.source.file(), &piece) {
                Residency::Resident => return Poll::Ready(self.take_resident(&piece)),
                Residency::Unknown if self.mapped.is_some() => {
                    return Poll::Ready(self.take_resident(&piece));
                }
                Residency::Absent | Residency::Unknown => self.start_fetch(piece.clone()),
            }
        }
        let Some(fetch) = &mut self.fetch else {
            return Poll::Ready(Ok(Bytes::new()));
        };
        let fetched = ready!(Pin::new(fetch).poll(context));
        self.fetch = None;
        let read = match fetched {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => return Poll::Ready(Err(error)),
            Err(join) => return Poll::Ready(Err(io::Error::other(join))),
        };
        let chunk = match self.take_mapped(&piece) {
            Some(mapped) => mapped,
            None => read,
        };
        self.advance(&piece);
        Poll::Ready(Ok(chunk))
    }

    /// The front of what is left, as large as one piece.
    fn piece(&self) -> Range<u64> {
        let size = if self.mapped.is_some() {
            MAPPED_PIECE
        } else {
            self.read_piece
        };
        self.range.start..self.range.end.min(self.range.start + size)
    }

    fn take_resident(&mut self, piece: &Range<u64>) -> io::Result<Bytes> {
        let chunk = match self.take_mapped(piece) {
            Some(mapped) => mapped,
            None => read(self.source.file(), piece)?,
        };
        self.advance(piece);
        Ok(chunk)
    }

    fn take_mapped(&mut self, piece: &Range<u64>) -> Option<Bytes> {
        let length = usize::try_from(piece.end - piece.start).ok()?;
        self.mapped.as_mut().map(|mapped| mapped.split_to(length))
    }

    /// Goes past a piece, and sees to it that the next one is on its way.
    fn advance(&mut self, piece: &Range<u64>) {
        self.range.start = piece.end;
        if self.range.is_empty() {
            return;
        }
        let next = self.piece();
        match residency(self.source.file(), &next) {
            Residency::Unknown if self.mapped.is_some() => {}
            Residency::Resident => self.is_resident = true,
            Residency::Absent | Residency::Unknown => self.start_fetch(next),
        }
    }

    fn start_fetch(&mut self, piece: Range<u64>) {
        let source = Arc::clone(&self.source);
        let is_mapped = self.mapped.is_some();
        self.fetch = Some(tokio::task::spawn_blocking(move || {
            let file = source.file();
            let ahead = piece.start..piece.end.saturating_add(piece.end - piece.start);
            // A hint: without it the reads below wait for the disk more often.
            let _ = rustix::fs::fadvise(
                file,
                ahead.start,
                NonZeroU64::new(ahead.end - ahead.start),
                Advice::WillNeed,
            );
            if is_mapped {
                touch(file, &piece).map(|()| Bytes::new())
            } else {
                read(file, &piece)
            }
        }));
    }
}

/// Whether memory holds a piece of a file.
enum Residency {
    Resident,
    Absent,
    /// The file system cannot tell.
    Unknown,
}

/// Asks for the first and the last byte: reads bring a file in from front to back, so a piece whose ends
/// are there is there; if not, a worker waits for a page once.
fn residency(file: &std::fs::File, piece: &Range<u64>) -> Residency {
    for offset in [piece.end - 1, piece.start] {
        let mut byte = [0];
        let read = loop {
            match rustix::io::preadv2(
                file,
                &mut [IoSliceMut::new(&mut byte)],
                offset,
                ReadWriteFlags::NOWAIT,
            ) {
                Err(Errno::INTR) => {}
                other => break other,
            }
        };
        match read {
            // At the end of a file that is too short the reader reports it.
            Ok(_) => {}
            Err(Errno::AGAIN) => return Residency::Absent,
            Err(_) => return Residency::Unknown,
        }
    }
    Residency::Resident
}

fn read(file: &std::fs::File, piece: &Range<u64>) -> io::Result<Bytes> {
    let length = usize::try_from(piece.end - piece.start).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let offset = piece.start + bytes.len() as u64;
        match rustix::io::pread(file, rustix::buffer::spare_capacity(&mut bytes), offset) {
            Ok(0) => return Err(too_short(offset)),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(length);
    Ok(Bytes::from(bytes))
}

/// Waits until a piece was read into the page cache.
fn touch(file: &std::fs::File, piece: &Range<u64>) -> io::Result<()> {
    let mut scratch = [0; 16 * 1024];
    let mut offset = piece.start;
    while offset < piece.end {
        match rustix::io::pread(file, &mut scratch, offset) {
            Ok(0) => return Err(too_short(offset)),
            Ok(count) => offset += count as u64,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn too_short(offset: u64) -> io::Error {
    let reason = format!("the file ends at byte {offset}, before the range that was to be sent");
    io::Error::new(io::ErrorKind::UnexpectedEof, reason)
}
