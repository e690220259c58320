//! One request and its answer: what surrounds every handler.

use crate::access_log::{AccessLog, Line};
use crate::body::{Body, IncomingBody};
use crate::connection::{Connection, ConnectionInfo};
use crate::forwarded::{Client, Forwarding};
use crate::health::Health;
use crate::listener::ListenerKind;
use crate::metrics::{self, EndpointLabel, Metrics};
use crate::request_id::{REQUEST_ID, RequestId, RequestIds};
use crate::traces::{self, AdoptParent};
use futures_util::FutureExt;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header,
};
use hyper::body::Incoming;
use rustls::sign::CertifiedKey;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const API_VERSION_VALUE: HeaderValue = HeaderValue::from_static("registry/2.0");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// Answers requests. Everything around it (ids, log, metrics, limits, security headers, HEAD) is done by
/// the caller.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. A HEAD may be answered like its GET: the body is left out and its length
    /// announced. If the client goes away the future is dropped at its next pause.
    fn handle(
        &self,
        request: Request<IncomingBody>,
        context: RequestContext,
    ) -> impl Future<Output = Answer> + Send;

    /// The certificate that clients are shown who ask for this host name, which is lower case, instead of the listener's.
    fn certificate_for(
        &self,
        _name: &str,
    ) -> impl Future<Output = Option<Arc<CertifiedKey>>> + Send {
        std::future::ready(None)
    }

    /// The answer when [`handle`](Self::handle) panicked: the error form of the protocol (distribution
    /// specification, "Error Codes"; Harbor's API has the same form).
    fn internal_error(&self, request_id: &RequestId) -> Response<Body> {
        let text = serde_json::json!({ "errors": [{
            "code": "UNKNOWN",
            "message": format!(
                "the registry failed to answer; try again, and report request id {request_id} if it stays so"
            ),
        }]});
        let mut response = Response::new(Body::full(text.to_string()));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

/// What a handler returns.
pub struct Answer {
    /// Status, headers, body.
    pub response: Response<Body>,
    /// What the request is counted and logged under.
    pub endpoint: EndpointLabel,
    /// Who asked, for the log; `None` when nobody was authenticated.
    pub caller: Option<Arc<str>>,
}

impl From<Response<Body>> for Answer {
    fn from(response: Response<Body>) -> Self {
        Self {
            response,
            endpoint: EndpointLabel::UNKNOWN,
            caller: None,
        }
    }
}

/// What a handler may know about a request beside the request.
#[derive(Clone)]
pub struct RequestContext {
    /// The id that log lines about this request carry.
    pub request_id: RequestId,
    /// The client, behind configured proxies.
    pub client: Client,
    connection: Arc<Connection>,
    forwarding: Arc<Forwarding>,
}

impl RequestContext {
    /// The connection it came by.
    pub fn connection(&self) -> &ConnectionInfo {
        &self.connection.info
    }

    /// The host the client asked for, see [`Forwarding::host`].
    pub fn host<'a>(&'a self, uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
        self.forwarding.host(&self.client, uri, headers)
    }
}

/// A handler and all that its requests need.
pub struct Site<H> {
    /// Answers what the site does not answer itself.
    pub handler: H,
    /// Where requests are counted.
    pub metrics: Arc<Metrics>,
    /// Answers probes.
    pub health: Arc<Health>,
    /// Names requests.
    pub request_ids: RequestIds,
    /// Which proxies are believed.
    pub forwarding: Arc<Forwarding>,
    /// Which requests are logged.
    pub access_log: AccessLog,
    /// How a request's span is told its parent; `None` when requests have no spans.
    pub adopt_parent: Option<AdoptParent>,
}

/// What is known about a request until it is over; then it is counted and perhaps logged, exactly once.
pub(crate) struct Record {
    connection: Arc<Connection>,
    started: Instant,
    method: Method,
    /// Kept only when something is logged.
    uri: Option<Uri>,
    request_id: RequestId,
    client: Client,
    endpoint: EndpointLabel,
    caller: Option<Arc<str>>,
    status: Option<StatusCode>,
    /// Bytes the response has, when known.
    expected: Option<u64>,
    log: AccessLog,
    sent: Option<u64>,
    span: Span,
}

impl Record {
    pub(crate) fn request_id(&self) -> &str {
        self.request_id.as_str()
    }

    /// The request is over; `sent` bytes of body were handed to the connection.
    pub(crate) fn finish(mut self, sent: u64) {
        self.sent = Some(sent);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let info = &self.connection.info;
        let metrics = &self.connection.metrics;
        let duration = self.started.elapsed();
        let sent = self.sent.unwrap_or(0);
        metrics.request_finished(info.exposure, self.endpoint, self.status, duration);
        if sent > 0 {
            metrics.bytes_sent(info.exposure, sent);
        }
        let is_complete =
            self.sent.is_some() && self.expected.is_none_or(|expected| expected == sent);
        let outcome = traces::Outcome {
            endpoint: metrics.endpoint_name(self.endpoint),
            status: self.status,
            bytes: sent,
            is_complete,
        };
        traces::end(&self.span, &outcome);
        if !self.log.includes(&self.method, self.status) {
            return;
        }
        Line {
            method: &self.method,
            path: self.uri.as_ref().map_or("", Uri::path),
            endpoint: outcome.endpoint,
            status: self.status,
            duration,
            bytes: sent,
            is_complete,
            request_id: self.request_id.as_str(),
            caller: self.caller.as_deref().unwrap_or("-"),
            client: self.client.address,
        }
        .write();
    }
}

/// Tells the watchdog that a handler is at work.
struct AtWork(Arc<Connection>);

impl AtWork {
    fn start(connection: &Arc<Connection>) -> Self {
        connection.pulse.handler_started();
        connection.metrics.request_started();
        Self(Arc::clone(connection))
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.pulse.handler_finished();
    }
}

/// Answers one request from hyper.
pub(crate) async fn exchange<H: Handler>(
    site: &Site<H>,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Response<Body> {
    let _at_work = AtWork::start(connection);
    let info = &connection.info;
    let request_id = site.request_ids.for_request(request.headers());
    let client = site
        .forwarding
        .client(info.peer, info.is_secure, request.headers());
    let span = site.adopt_parent.map_or_else(Span::none, |adopt_parent| {
        traces::begin(adopt_parent, &request, &request_id, client.is_secure)
    });
    let record = Record {
        connection: Arc::clone(connection),
        started: Instant::now(),
        method: request.method().clone(),
        uri: (site.access_log != AccessLog::None).then(|| request.uri().clone()),
        request_id,
        client,
        endpoint: EndpointLabel::UNKNOWN,
        caller: None,
        status: None,
        expected: None,
        log: site.access_log,
        sent: None,
        span,
    };
    let is_registry_api = is_registry_api(request.uri().path());
    let answer = match own_answer(site, connection, &request).await {
        Some(answer) => answer,
        None => {
            handled(site, connection, request, &record)
                .instrument(record.span.clone())
                .await
        }
    };
    finish(answer, record, is_registry_api)
}

/// Distribution specification: everything under `/v2/`.
fn is_registry_api(path: &str) -> bool {
    path.strip_prefix("/v2")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What every listener answers without the handler.
async fn own_answer<H>(
    site: &Site<H>,
    connection: &Connection,
    request: &Request<Incoming>,
) -> Option<Answer> {
    let serves_metrics = connection.info.kind == ListenerKind::Metrics;
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let (response, endpoint) = match request.uri().path() {
        "/livez" if is_read => (Health::livez(), EndpointLabel::LIVEZ),
        "/readyz" if is_read => (site.health.readyz().await, EndpointLabel::READYZ),
        "/metrics" if is_read && serves_metrics => {
            (metrics_page(&site.metrics), EndpointLabel::METRICS)
        }
        _ if serves_metrics => {
            let mut response =
                Response::new(Body::full("only /metrics, /livez and /readyz are here\n"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            (response, EndpointLabel::UNKNOWN)
        }
        _ => return None,
    };
    Some(Answer {
        response,
        endpoint,
        caller: None,
    })
}

fn metrics_page(metrics: &Metrics) -> Response<Body> {
    let Ok(text) = metrics.render() else {
        let mut response = Response::new(Body::full("the metrics could not be written\n"));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    };
    let mut response = Response::new(Body::full(text));
    let content_type = HeaderValue::from_static(metrics::CONTENT_TYPE);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

async fn handled<H: Handler>(
    site: &Site<H>,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
    record: &Record,
) -> Answer {
    let request = request.map(|incoming| IncomingBody::new(incoming, connection));
    let context = RequestContext {
        request_id: record.request_id,
        client: record.client,
        connection: Arc::clone(connection),
        forwarding: Arc::clone(&site.forwarding),
    };
    // The handler's state is shared by design: what a panic can leave half-done lives behind services,
    // whose transactions undo it.
    let handling = AssertUnwindSafe(async { site.handler.handle(request, context).await });
    handling.catch_unwind().await.unwrap_or_else(|_panic| {
        tracing::error!(
            request_id = record.request_id(),
            "a handler panicked; answered 500"
        );
        site.handler.internal_error(&record.request_id).into()
    })
}

fn finish(answer: Answer, mut record: Record, is_registry_api: bool) -> Response<Body> {
    let Answer {
        mut response,
        endpoint,
        caller,
    } = answer;
    let status = response.status();
    record.endpoint = endpoint;
    record.caller = caller;
    record.status = Some(status);

    if record.method == Method::HEAD {
        leave_body_out(&mut response);
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, record.request_id.header_value());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    if !record.connection.info.is_http2 && record.connection.pulse.has_unread_body() {
        // The rest of the request will not be read, so nothing that comes after it: the client must know.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if is_registry_api {
        headers.insert(API_VERSION, API_VERSION_VALUE);
    }

    let body = response.body_mut();
    body.attach(&record.connection);
    record.expected = body.length();
    if body.is_transfer() {
        body.watch(Arc::clone(&record.connection), record);
    } else {
        let sent = record.expected.unwrap_or(0);
        record.finish(sent);
    }
    response
}

/// RFC 9110, 9.3.2: the headers of the GET, `Content-Length` included, and no body.
fn leave_body_out(response: &mut Response<Body>) {
    let body = std::mem::replace(response.body_mut(), Body::empty());
    let has_length = !matches!(
        response.status(),
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    if let Some(length) = body.length()
        && has_length
        && !response.headers().contains_key(header::CONTENT_LENGTH)
    {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
}
