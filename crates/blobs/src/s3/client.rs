//! Between the S3 client and the network: time-outs, the circuit breaker, counts, and what exactly was refused.
//!
//! The client above tries again, with growing, random pauses; here each single try is watched. What the store answered
//! last is noted for [`observed`], because the client's own errors are made for people.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderValue, Method, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use tokio::time::Sleep;

use super::breaker::Breaker;
use super::{dates, xml};
use crate::timings::StoreTimings;

/// The most of an error's text that is read.
const MAX_ERROR_BYTES: usize = 16 * 1024;
/// A request may take this much longer for each MiB that it carries.
const TIME_PER_MIB: Duration = Duration::from_millis(250);

/// The last thing that a store said instead of doing as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What was asked, and of which object.
    pub(crate) asked: String,
    /// `None`: there was no answer.
    pub(crate) status: Option<u16>,
    /// The store's own word, such as `SlowDown`; without an answer, what went wrong.
    pub(crate) code: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.asked)?;
        match self.status {
            Some(status) => write!(f, "{status} {}", self.code),
            None => f.write_str(&self.code),
        }
    }
}

impl std::error::Error for Refusal {}

tokio::task_local! {
    static LAST: RefCell<Option<Refusal>>;
}

/// Runs a call of the client, and says what the store answered last if that was a refusal.
pub(crate) async fn observed<T>(call: impl Future<Output = T>) -> (T, Option<Refusal>) {
    let call = async {
        let result = call.await;
        let refusal = LAST.with(|last| last.borrow_mut().take());
        (result, refusal)
    };
    LAST.scope(RefCell::new(None), call).await
}

fn note(refusal: Option<Refusal>) {
    // A body that is read later is outside of every call.
    let _ = LAST.try_with(|last| *last.borrow_mut() = refusal);
}

/// The network, watched.
#[derive(Debug)]
pub(crate) struct Watched {
    client: HttpClient,
    breaker: Breaker,
    timings: Arc<StoreTimings>,
    /// For an answer to begin; also the longest silence inside of one.
    timeout: Duration,
    /// The store's clock in its last answer, in milliseconds since 1970; 0 if it never said.
    clock_ms: AtomicI64,
}

impl Watched {
    pub(crate) fn new(client: HttpClient, timings: Arc<StoreTimings>, timeout: Duration) -> Self {
        Self {
            client,
            breaker: Breaker::default(),
            timings,
            timeout,
            clock_ms: AtomicI64::new(0),
        }
    }

    /// The store's clock in its last answer, to the second.
    pub(crate) fn clock_ms(&self) -> Option<i64> {
        Some(self.clock_ms.load(Ordering::Relaxed)).filter(|ms| *ms != 0)
    }

    async fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let asked = format!("{} {}", request.method(), request.uri().path());
        if !self.breaker.admits(Instant::now()) {
            // An unknown error is the only one that is not tried again.
            let code = "not asked, because it failed many times in a row".to_owned();
            return Err(no_answer(asked, code, HttpErrorKind::Unknown));
        }
        self.timings.count_request();
        protect_completed(&mut request);
        let carried = u32::try_from(request.body().content_length() >> 20).unwrap_or(u32::MAX);
        let timeout = self.timeout + TIME_PER_MIB * carried;
        let Ok(answer) = tokio::time::timeout(timeout, self.client.execute(request)).await else {
            self.breaker.failed(Instant::now());
            let code = format!("no answer within {} s", timeout.as_secs());
            return Err(no_answer(asked, code, HttpErrorKind::Timeout));
        };
        match answer {
            Ok(response) => self.judge(asked, response).await,
            Err(error) => {
                self.breaker.failed(Instant::now());
                let code = innermost(&error);
                note(Some(Refusal {
                    asked,
                    status: None,
                    code,
                }));
                Err(error)
            }
        }
    }

    /// Counts an answer, and notes what a refusal says.
    async fn judge(
        &self,
        asked: String,
        response: HttpResponse,
    ) -> Result<HttpResponse, HttpError> {
        let status = response.status();
        let date = response.headers().get(header::DATE);
        if let Some(now_ms) = date.and_then(dates::of_header) {
            self.clock_ms.store(now_ms, Ordering::Relaxed);
        }
        if status.is_server_error() && !is_full(status) {
            self.breaker.failed(Instant::now());
        } else {
            self.breaker.succeeded();
        }
        let (mut parts, body) = response.into_parts();
        let body = Unsilent::new(body, self.timeout);
        if !status.is_client_error() && !status.is_server_error() {
            note(None);
            return Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body)));
        }
        let text = read_error(HttpResponseBody::new(body)).await;
        let code = xml::text_of(&String::from_utf8_lossy(&text), "Code").unwrap_or_default();
        // The client above tries again after errors of the server, and only then.
        if status == StatusCode::TOO_MANY_REQUESTS {
            parts.status = StatusCode::SERVICE_UNAVAILABLE;
        } else if is_full(status) {
            parts.status = StatusCode::PAYLOAD_TOO_LARGE;
        }
        let status = Some(status.as_u16());
        note(Some(Refusal {
            asked,
            status,
            code,
        }));
        Ok(HttpResponse::from_parts(parts, text.into()))
    }
}

/// The store has no room. To ask again would not help.
pub(crate) fn is_full(status: StatusCode) -> bool {
    status == StatusCode::INSUFFICIENT_STORAGE
}

fn no_answer(asked: String, code: String, kind: HttpErrorKind) -> HttpError {
    let refusal = Refusal {
        asked,
        status: None,
        code,
    };
    note(Some(refusal.clone()));
    HttpError::new(kind, std::io::Error::other(refusal.to_string()))
}

/// The cause of an error, which says most.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Completing an upload must never replace an object: its name stands for one content, for ever. The client above
/// cannot say so for multipart uploads. The header is not among those that have to be signed.
fn protect_completed(request: &mut HttpRequest) {
    let query = request.uri().query().unwrap_or_default();
    if request.method() == Method::POST && query.contains("uploadId=") {
        request
            .headers_mut()
            .insert(header::IF_NONE_MATCH, HeaderValue::from_static("*"));
    }
}

async fn read_error(body: HttpResponseBody) -> Bytes {
    let mut text = Vec::new();
    let mut chunks = body.bytes_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        text.extend_from_slice(&chunk[..chunk.len().min(MAX_ERROR_BYTES - text.len())]);
        if text.len() == MAX_ERROR_BYTES {
            break;
        }
    }
    text.into()
}

/// The same as a service that the client can use; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Network(pub(crate) Arc<Watched>);

impl HttpService for Network {
    // Written out: what the attribute macro of the trait makes of an `async fn`.
    fn call<'call, 'future>(
        &'call self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'future>>
    where
        'call: 'future,
        Self: 'future,
    {
        Box::pin(self.0.send(request))
    }
}

impl HttpConnector for Network {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

/// A body that fails when nothing comes for too long. Time in which nobody asks for more does not count.
struct Unsilent {
    body: HttpResponseBody,
    limit: Duration,
    silence: Option<Pin<Box<Sleep>>>,
}

impl Unsilent {
    fn new(body: HttpResponseBody, limit: Duration) -> Self {
        Self {
            body,
            limit,
            silence: None,
        }
    }
}

impl Body for Unsilent {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_ready() {
            self.silence = None;
            return frame;
        }
        let limit = self.limit;
        let silence = self
            .silence
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        silence.as_mut().poll(context).map(|()| {
            let error = std::io::Error::other(format!("silent for {} s", limit.as_secs()));
            Some(Err(HttpError::new(HttpErrorKind::Timeout, error)))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
