//! Putting an answer together.

use crate::body::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
pub(crate) const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
pub(crate) const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
pub(crate) const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
pub(crate) const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// What lies under a digest never changes, but who may see it does: caches of one client only.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// What a name stands for may be another thing the next time.
const REVALIDATED: HeaderValue = HeaderValue::from_static("private, no-cache");

/// An answer being put together. A value that cannot stand in a header is left out: all of them are made of text that
/// was checked when it came in.
pub(crate) struct Responder(Response<Body>);

/// Begins an answer.
pub(crate) fn respond(status: StatusCode, body: Body) -> Responder {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    Responder(response)
}

impl Responder {
    /// Adds a header.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().append(name, value);
        }
        self
    }

    /// Adds a header whose text is shared, without copying it.
    pub(crate) fn shared(mut self, name: HeaderName, value: &Bytes) -> Self {
        if let Ok(value) = HeaderValue::from_maybe_shared(value.clone()) {
            self.0.headers_mut().insert(name, value);
        }
        self
    }

    pub(crate) fn content_type(self, value: &str) -> Self {
        self.header(header::CONTENT_TYPE, value)
    }

    /// The content's digest, and the entity tag that it is.
    pub(crate) fn digest(self, digest: &str) -> Self {
        let entity_tag = format!("\"{digest}\"");
        self.header(CONTENT_DIGEST, digest)
            .header(header::ETAG, &entity_tag)
    }

    /// Lets the client keep it for good.
    pub(crate) fn immutable(mut self) -> Self {
        self.0
            .headers_mut()
            .insert(header::CACHE_CONTROL, IMMUTABLE);
        self
    }

    /// Lets the client keep it if it asks each time whether it still holds.
    pub(crate) fn revalidated(mut self) -> Self {
        self.0
            .headers_mut()
            .insert(header::CACHE_CONTROL, REVALIDATED);
        self
    }

    pub(crate) fn done(self) -> Response<Body> {
        self.0
    }
}

/// A header's value that is shown as text.
pub(crate) struct HeaderText(pub(crate) HeaderValue);

impl HeaderText {
    pub(crate) fn as_str(&self) -> &str {
        let text = self.0.to_str().unwrap_or_default();
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
        if text.bytes().all(is_host) { text } else { "" }
    }
}

/// Whether an `If-None-Match` or `If-Range` header names the content of this digest (RFC 9110, 13.1.2).
pub(crate) fn names_entity(value: Option<&HeaderValue>, digest: &str) -> bool {
    let Some(text) = value.and_then(|value| value.to_str().ok()) else {
        return false;
    };
    text.split(',').map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || tag.trim_matches('"') == digest
    })
}

#[cfg(test)]
mod tests {
    use super::names_entity;
    use http::HeaderValue;

    #[test]
    fn an_entity_is_named_by_its_tag_in_any_spelling() {
        let names =
            |value: &'static str| names_entity(Some(&HeaderValue::from_static(value)), "sha256:a");
        assert!(names("\"sha256:a\""));
        assert!(names("W/\"sha256:a\""));
        assert!(names("\"x\", \"sha256:a\""));
        assert!(names("*"));
        assert!(names("sha256:a"));
        assert!(!names("\"sha256:b\""));
        assert!(!names(""));
        assert!(!names_entity(None, "sha256:a"));
    }
}
