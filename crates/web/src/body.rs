//! Bodies: what a client sends ([`IncomingBody`]) and what it gets ([`Body`]).

mod files;
mod incoming;
mod multipart;

use crate::connection::Connection;
use crate::exchange::Record;
use crate::sendfile::FileSource;
use bytes::Bytes;
use files::Files;
use futures_util::Stream;
use http_body::{Frame, SizeHint};
use services::{Meter, Seat};
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

pub use incoming::{BodyError, IncomingBody};
pub use multipart::{Multipart, byteranges, byteranges_of_streams};

/// Bodies up to this are counted when their response starts; larger ones are watched to their end.
const TRANSFER_FROM: u64 = 64 * 1024;

/// The body of every response.
pub struct Body {
    content: Content,
    transfer: Option<Box<Transfer>>,
    /// The place that the request has among those of its account, until the body is gone.
    seat: Option<Seat>,
    /// Counts the bytes as content that was pulled.
    meter: Option<Meter>,
}

enum Content {
    Empty,
    Full(Bytes),
    Files(Box<Files>),
    Stream(Box<BoxedStream>),
}

struct BoxedStream {
    chunks: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
    /// Bytes still to come, when the length was announced.
    left: Option<u64>,
}

impl Body {
    /// No bytes.
    pub const fn empty() -> Self {
        Self::with(Content::Empty)
    }

    /// Bytes in memory.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::with(if bytes.is_empty() {
            Content::Empty
        } else {
            Content::Full(bytes)
        })
    }

    /// A range of a file. The caller has checked that it lies inside.
    pub fn file(source: Arc<dyn FileSource>, range: Range<u64>) -> Self {
        Self::files(Files::new().with_range(source, range))
    }

    /// What `services` answers a reader of a blob with.
    pub fn blob(blob: services::BlobBody) -> Self {
        match blob {
            services::BlobBody::File { file, range } => Self::file(Arc::new(file), range),
            other => {
                let length = Some(other.len());
                Self::stream(other.into_stream(), length)
            }
        }
    }

    /// Chunks from elsewhere. With `length` the response announces it, and a stream that gives more or
    /// less ends the connection; without, the response is chunked.
    pub fn stream<S>(chunks: S, length: Option<u64>) -> Self
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        Self::with(Content::Stream(Box::new(BoxedStream {
            chunks: Box::pin(chunks),
            left: length,
        })))
    }

    fn files(files: Files) -> Self {
        Self::with(if files.left() == 0 {
            Content::Empty
        } else {
            Content::Files(Box::new(files))
        })
    }

    const fn with(content: Content) -> Self {
        Self {
            content,
            transfer: None,
            seat: None,
            meter: None,
        }
    }

    /// Keeps the request's place among those of its account until the last byte was taken, or nobody wants it any more.
    pub(crate) fn hold(&mut self, seat: Seat) {
        self.seat = Some(seat);
    }

    /// Counts every byte that goes out as content that was pulled.
    pub(crate) fn metered(mut self, meter: Meter) -> Self {
        self.meter = Some(meter);
        self
    }

    /// Bytes still to come, when known.
    pub fn length(&self) -> Option<u64> {
        match &self.content {
            Content::Empty => Some(0),
            Content::Full(bytes) => Some(bytes.len() as u64),
            Content::Files(files) => Some(files.left()),
            Content::Stream(stream) => stream.left,
        }
    }

    /// Whether the request is only over when the body is.
    pub(crate) fn is_transfer(&self) -> bool {
        !matches!(self.content, Content::Empty | Content::Full(_))
            && self.length().is_none_or(|length| length > TRANSFER_FROM)
    }

    /// Chooses how files leave, by what the connection can do.
    pub(crate) fn attach(&mut self, connection: &Arc<Connection>) {
        if let Content::Files(files) = &mut self.content {
            if connection.can_sendfile() {
                files.send_mapped(Arc::clone(connection));
            } else if connection.info.is_http2 {
                files.send_in_stream();
            }
        }
    }

    /// Makes the body account for itself: `record` is written when it ends or is given up.
    pub(crate) fn watch(&mut self, connection: Arc<Connection>, record: Record) {
        connection.pulse.transfer_started();
        connection.metrics.transfer_started();
        self.transfer = Some(Box::new(Transfer {
            connection,
            record: Some(record),
            sent: 0,
        }));
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match &mut self.content {
            Content::Empty => Poll::Ready(None),
            Content::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.content = Content::Empty;
                Poll::Ready(Some(Ok(bytes)))
            }
            Content::Files(files) => files.poll_chunk(context),
            Content::Stream(stream) => stream.poll_chunk(context),
        }
    }
}

impl BoxedStream {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let chunk = ready!(self.chunks.as_mut().poll_next(context));
        let wrong = |what| Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::InvalidData, what))));
        match (&chunk, &mut self.left) {
            (Some(Ok(bytes)), Some(left)) => match left.checked_sub(bytes.len() as u64) {
                Some(rest) => *left = rest,
                None => return wrong("the body is longer than announced"),
            },
            (None, Some(left)) if *left > 0 => return wrong("the body is shorter than announced"),
            _ => {}
        }
        Poll::Ready(chunk)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let chunk = ready!(self.poll_chunk(context));
        if let (Some(meter), Some(Ok(bytes))) = (&self.meter, &chunk) {
            meter.sent(bytes.len() as u64);
        }
        if let Some(transfer) = &mut self.transfer {
            match &chunk {
                Some(Ok(bytes)) => transfer.moved(bytes.len()),
                Some(Err(error)) => transfer.failed(error),
                None => {}
            }
        }
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.length() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.length()
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// A large body under way.
struct Transfer {
    connection: Arc<Connection>,
    record: Option<Record>,
    sent: u64,
}

impl Transfer {
    fn moved(&mut self, bytes: usize) {
        self.sent += bytes as u64;
        self.connection.pulse.transfer_moved();
    }

    fn failed(&mut self, error: &io::Error) {
        if let Some(record) = &self.record {
            tracing::error!(request_id = record.request_id(), %error, "a response body could not be read; the connection is ended");
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.connection.pulse.transfer_finished();
        self.connection.metrics.transfer_finished();
        if let Some(record) = self.record.take() {
            record.finish(self.sent);
        }
    }
}

#[cfg(test)]
mod tests;
