//! Answers that are no errors.

use crate::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

/// JSON.
pub(super) fn json(status: StatusCode, value: &Value) -> Response<Body> {
    json_text(status, value.to_string())
}

/// JSON that is text already.
pub(super) fn json_text(status: StatusCode, text: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::full(text));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// No body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A time as text: `2026-11-22T09:00:00Z`; nothing for one that no calendar has.
pub(super) fn time(at_ms: i64) -> Value {
    jiff::Timestamp::from_millisecond(at_ms).map_or(Value::Null, |at| at.to_string().into())
}
