//! What the console sends.

use crate::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use pages::Asset;
use services::Seat;

/// Everything comes from here, nothing runs that is written into a page, nobody shows our pages in theirs
/// (<https://www.w3.org/TR/CSP3/>).
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// An answer of the console.
pub(super) struct Sent(Response<Body>);

impl Sent {
    /// A page. It is for its reader alone, and for now.
    pub(super) fn page(html: String) -> Self {
        Self(Response::new(Body::full(html)))
            .header(header::CONTENT_TYPE, HTML)
            .header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }

    /// A file to keep, for its reader alone.
    pub(super) fn file(text: String, media_type: HeaderValue) -> Self {
        Self(Response::new(Body::full(text)))
            .header(header::CONTENT_TYPE, media_type)
            .header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }

    /// The way to another page of ours (RFC 9110, 15.4.4: see other).
    pub(super) fn to(path: &str) -> Self {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SEE_OTHER;
        let sent =
            Self(response).header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match HeaderValue::from_str(path) {
            Ok(path) => sent.header(header::LOCATION, path),
            Err(_) => sent.header(header::LOCATION, HeaderValue::from_static(super::PREFIX)),
        }
    }

    /// A part of the program. Its path changes with its content.
    pub(super) fn asset(asset: &'static Asset) -> Self {
        let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
        Self(Response::new(Body::full(asset.content)))
            .header(
                header::CONTENT_TYPE,
                HeaderValue::from_static(asset.media_type),
            )
            .header(header::CACHE_CONTROL, forever)
    }

    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        *self.0.status_mut() = status;
        self
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers_mut().append(name, value);
        self
    }

    /// Sets a cookie.
    pub(super) fn cookie(self, text: &str) -> Self {
        match HeaderValue::from_str(text) {
            Ok(value) => self.header(header::SET_COOKIE, value),
            Err(_) => self,
        }
    }

    pub(super) fn hold(&mut self, seat: Seat) {
        self.0.body_mut().hold(seat);
    }

    pub(super) fn into_response(mut self) -> Response<Body> {
        let headers = self.0.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
        headers.insert(
            header::REFERRER_POLICY,
            HeaderValue::from_static("same-origin"),
        );
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        );
        headers.insert(
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        );
        self.0
    }
}
