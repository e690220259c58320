//! `multipart/byteranges` (RFC 9110, 14.6): several ranges of one blob in one response.

use super::Body;
use super::files::Files;
use crate::sendfile::FileSource;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http::HeaderValue;
use http::header::InvalidHeaderValue;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// A response body of several ranges, and what its headers must say.
pub struct Multipart {
    /// `Content-Type`, with the boundary.
    pub content_type: HeaderValue,
    /// `Content-Length`: every byte, part headers included.
    pub length: u64,
    /// The body.
    pub body: Body,
}

/// What stands between the parts.
struct Frame<'a> {
    media_type: &'a str,
    /// Length of the whole content.
    total: u64,
    boundary: &'a str,
}

impl Frame<'_> {
    fn content_type(&self) -> Result<HeaderValue, InvalidHeaderValue> {
        HeaderValue::try_from(format!("multipart/byteranges; boundary={}", self.boundary))
    }

    fn head(&self, index: usize, range: &Range<u64>) -> Bytes {
        let line_end = if index == 0 { "" } else { "\r\n" };
        let (boundary, media_type, total) = (self.boundary, self.media_type, self.total);
        let (first, last) = (range.start, range.end.saturating_sub(1));
        Bytes::from(format!(
            "{line_end}--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: bytes {first}-{last}/{total}\r\n\r\n"
        ))
    }

    fn end(&self) -> Bytes {
        Bytes::from(format!("\r\n--{}--\r\n", self.boundary))
    }
}

/// Builds the body. `ranges` are half-open, not empty and inside of the file's `total` bytes, their number
/// bounded by the caller; `media_type` is each part's; `boundary` must not be guessable by whoever made the
/// content, or the content could pretend to be a part. Fails if `boundary` cannot stand in a header.
pub fn byteranges(
    source: &Arc<dyn FileSource>,
    ranges: &[Range<u64>],
    media_type: &str,
    total: u64,
    boundary: &str,
) -> Result<Multipart, InvalidHeaderValue> {
    let frame = Frame {
        media_type,
        total,
        boundary,
    };
    let mut files = Files::new();
    for (index, range) in ranges.iter().enumerate() {
        files = files
            .with_bytes(frame.head(index, range))
            .with_range(Arc::clone(source), range.clone());
    }
    files = files.with_bytes(frame.end());
    Ok(Multipart {
        content_type: frame.content_type()?,
        length: files.left(),
        body: Body::files(files),
    })
}

/// The same of content that comes from elsewhere. `open` is asked for each range when the one before it has been sent.
pub fn byteranges_of_streams<O, F, S>(
    ranges: &[Range<u64>],
    media_type: &str,
    total: u64,
    boundary: &str,
    open: O,
) -> Result<Multipart, InvalidHeaderValue>
where
    O: Fn(Range<u64>) -> F + Send + 'static,
    F: Future<Output = io::Result<S>> + Send + 'static,
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let frame = Frame {
        media_type,
        total,
        boundary,
    };
    let (end, content_type) = (frame.end(), frame.content_type()?);
    let parts = ranges.iter().enumerate();
    let parts: Vec<(Bytes, Range<u64>)> = parts
        .map(|(index, range)| (frame.head(index, range), range.clone()))
        .collect();
    let lengths = parts
        .iter()
        .map(|(head, range)| head.len() as u64 + (range.end - range.start));
    let length = lengths.sum::<u64>() + end.len() as u64;
    let chunks = stream::iter(parts).map(move |(head, range)| {
        let content = stream::once(open(range)).try_flatten();
        stream::once(std::future::ready(Ok(head))).chain(content)
    });
    let chunks = chunks
        .flatten()
        .chain(stream::once(std::future::ready(Ok(end))));
    Ok(Multipart {
        content_type,
        length,
        body: Body::stream(chunks, Some(length)),
    })
}
