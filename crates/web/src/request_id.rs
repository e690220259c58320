//! Request ids: every response carries one, every log line of the request repeats it.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

/// The header that carries the id, in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id accepted from a client, in bytes.
pub const MAX_LENGTH: usize = 64;

/// Longest process prefix, in bytes: leaves room for a dash and 16 hexadecimal digits.
const MAX_PREFIX: usize = MAX_LENGTH - 17;

/// The id of one request: at most 64 characters of `[A-Za-z0-9._-]`, held inline.
#[derive(Clone, Copy)]
pub struct RequestId {
    bytes: [u8; MAX_LENGTH],
    length: u8,
}

impl RequestId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// The id as the value of `X-Request-Id`.
    pub fn header_value(&self) -> HeaderValue {
        HeaderValue::from_bytes(self.as_bytes()).unwrap_or(HeaderValue::from_static("-"))
    }

    /// Takes an id a client proposes, when it is short and harmless in logs.
    fn parse(text: &[u8]) -> Option<Self> {
        if text.is_empty() || text.len() > MAX_LENGTH || !text.iter().all(|b| is_allowed(*b)) {
            return None;
        }
        let mut id = Self::empty();
        id.push(text);
        Some(id)
    }

    fn empty() -> Self {
        Self {
            bytes: [0; MAX_LENGTH],
            length: 0,
        }
    }

    fn push(&mut self, text: &[u8]) {
        let start = usize::from(self.length);
        let taken = text.len().min(MAX_LENGTH - start);
        self.bytes[start..start + taken].copy_from_slice(&text[..taken]);
        self.length += u8::try_from(taken).unwrap_or(0);
    }
}

impl Write for RequestId {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Makes request ids: a prefix that is random per process, then a counter.
pub struct RequestIds {
    prefix: RequestId,
    counter: AtomicU64,
}

impl RequestIds {
    /// `prefix` should be random per process; what does not fit the alphabet or 47 bytes is left out.
    pub fn new(prefix: &str) -> Self {
        let kept: Vec<u8> = prefix
            .bytes()
            .filter(|b| is_allowed(*b))
            .take(MAX_PREFIX)
            .collect();
        let mut start = RequestId::empty();
        start.push(&kept);
        start.push(b"-");
        Self {
            prefix: start,
            counter: AtomicU64::new(1),
        }
    }

    /// An id no other request of this process has.
    pub fn next_id(&self) -> RequestId {
        let mut id = self.prefix;
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        // Writing into the inline buffer cannot fail.
        let _ = write!(id, "{number:x}");
        id
    }

    /// The client's id when it sent a sane one, otherwise a new one.
    pub fn for_request(&self, headers: &HeaderMap) -> RequestId {
        headers
            .get(REQUEST_ID)
            .and_then(|value| RequestId::parse(value.as_bytes()))
            .unwrap_or_else(|| self.next_id())
    }
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_header(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_str(value).expect("header"));
        headers
    }

    #[test]
    fn a_sane_id_of_the_client_is_kept() {
        let ids = RequestIds::new("p");
        assert_eq!(
            ids.for_request(&with_header("build-7_a.B")).as_str(),
            "build-7_a.B"
        );
        let longest = "x".repeat(64);
        assert_eq!(ids.for_request(&with_header(&longest)).as_str(), longest);
    }

    #[test]
    fn an_id_that_could_harm_a_log_is_replaced() {
        let ids = RequestIds::new("p");
        for bad in ["", "a b", "a\"b", "<x>", "a=b", &"x".repeat(65)] {
            let made = ids.for_request(&with_header(bad));
            assert!(made.as_str().starts_with("p-"), "{bad:?} gave {made}");
        }
    }

    #[test]
    fn made_ids_differ_and_fit() {
        let ids = RequestIds::new(&"long prefix/".repeat(20));
        let (first, second) = (ids.next_id(), ids.next_id());
        assert_ne!(first.as_str(), second.as_str());
        assert!(first.as_str().len() <= MAX_LENGTH);
        assert!(RequestId::parse(first.as_bytes()).is_some());
    }
}
