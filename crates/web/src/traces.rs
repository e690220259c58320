//! One span per request, for whoever collects traces.
//!
//! A span says which kind of request it was and how it ended, in OpenTelemetry's words for HTTP servers. It holds no path,
//! no query, no address and of the headers only the request id: who may read traces need not be who may see what is
//! stored.

use crate::request_id::RequestId;
use http::{HeaderMap, Method, Request, StatusCode, Version};
use tracing::Span;
use tracing::field::Empty;

/// Makes a span the child of the one that the caller named: the values of `traceparent` and `tracestate` (W3C Trace
/// Context), as they came.
pub type AdoptParent = fn(span: &Span, traceparent: &str, tracestate: &str);

/// How a request ended.
pub(crate) struct Outcome {
    pub(crate) endpoint: &'static str,
    /// `None`: the client went away before an answer.
    pub(crate) status: Option<StatusCode>,
    /// Bytes of body that were sent.
    pub(crate) bytes: u64,
    /// `false`: the client or the server gave up in the middle of the response.
    pub(crate) is_complete: bool,
}

/// Begins the span of a request.
pub(crate) fn begin<B>(
    adopt_parent: AdoptParent,
    request: &Request<B>,
    request_id: &RequestId,
    is_secure: bool,
) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "http.request",
        otel.kind = "server",
        otel.status_code = Empty,
        "error.type" = Empty,
        http.request.method = method_word(request.method()),
        http.response.body.size = Empty,
        http.response.status_code = Empty,
        network.protocol.version = version_word(request.version()),
        roadstead.endpoint = Empty,
        roadstead.request_id = request_id.as_str(),
        url.scheme = if is_secure { "https" } else { "http" },
    );
    if let Some(traceparent) = only(request.headers(), "traceparent") {
        let states = request.headers().get_all("tracestate").iter();
        let states: Vec<&str> = states.filter_map(|value| value.to_str().ok()).collect();
        adopt_parent(&span, traceparent, &states.join(","));
    }
    span
}

/// Ends the span of a request, now.
pub(crate) fn end(span: &Span, outcome: &Outcome) {
    if span.is_disabled() {
        return;
    }
    // Without this the span would end where it was last entered: when the handler returned, before the body was sent.
    let _now = span.enter();
    span.record("roadstead.endpoint", outcome.endpoint);
    let bytes = i64::try_from(outcome.bytes).unwrap_or(i64::MAX);
    span.record("http.response.body.size", bytes);
    if let Some(status) = outcome.status {
        span.record("http.response.status_code", i64::from(status.as_u16()));
    }
    // What a client did wrong is no error of the server: its span stays unset.
    let error = match &outcome.status {
        Some(status) if status.is_server_error() => status.as_str(),
        Some(_) if outcome.is_complete => return,
        _ => "aborted",
    };
    span.record("error.type", error);
    span.record("otel.status_code", "ERROR");
}

/// The value of a header that must not come twice.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// Methods are the client's to invent; attributes of spans must not be.
fn method_word(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS
        | Method::CONNECT
        | Method::TRACE => method.as_str(),
        _ => "_OTHER",
    }
}

fn version_word(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_methods_and_repeated_parents_are_not_believed() {
        let invented = Method::from_bytes(b"SECRET").expect("a token");
        assert_eq!(method_word(&invented), "_OTHER");
        assert_eq!(method_word(&Method::PATCH), "PATCH");

        let mut headers = HeaderMap::new();
        assert_eq!(only(&headers, "traceparent"), None);
        headers.append("traceparent", http::HeaderValue::from_static("one"));
        assert_eq!(only(&headers, "traceparent"), Some("one"));
        headers.append("traceparent", http::HeaderValue::from_static("two"));
        assert_eq!(only(&headers, "traceparent"), None);
    }

    #[test]
    fn a_span_that_nobody_wants_is_no_span() {
        let adopt: AdoptParent = |span, _, _| assert!(span.is_disabled());
        let request = Request::builder().header("traceparent", "x").body(());
        let ids = crate::request_id::RequestIds::new("p");
        let span = begin(adopt, &request.expect("a request"), &ids.next_id(), false);
        assert!(span.is_disabled());
    }
}
