//! `multipart/byteranges` (RFC 9110, 14.6): several ranges of one file in one response.

use super::Body;
use super::files::Files;
use crate::sendfile::FileSource;
use bytes::Bytes;
use http::HeaderValue;
use http::header::InvalidHeaderValue;
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
    let content_type = HeaderValue::try_from(format!("multipart/byteranges; boundary={boundary}"))?;
    let mut files = Files::new();
    for (index, range) in ranges.iter().enumerate() {
        let line_end = if index == 0 { "" } else { "\r\n" };
        let last = range.end.saturating_sub(1);
        let head = format!(
            "{line_end}--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: bytes {}-{last}/{total}\r\n\r\n",
            range.start,
        );
        files = files
            .with_bytes(Bytes::from(head))
            .with_range(Arc::clone(source), range.clone());
    }
    files = files.with_bytes(Bytes::from(format!("\r\n--{boundary}--\r\n")));
    Ok(Multipart {
        content_type,
        length: files.left(),
        body: Body::files(files),
    })
}
