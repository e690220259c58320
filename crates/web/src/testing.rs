//! A small site to test the transport with, over real sockets.

use crate::access_log::AccessLog;
use crate::body::{Body, BodyError, IncomingBody, byteranges};
use crate::connection::{ConnectionLimits, Exposure};
use crate::exchange::{Answer, Handler, RequestContext, Site};
use crate::forwarded::Forwarding;
use crate::health::Health;
use crate::listener::{ListenerConfig, ListenerKind, Listeners, Server};
use crate::metrics::{EndpointLabel, Metrics};
use crate::request_id::RequestIds;
use crate::sendfile::FileSource;
use crate::tls::Certificates;
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;

/// Bytes without a period that a power of two would hide.
pub(crate) fn content(length: usize) -> Vec<u8> {
    (0..length)
        .map(|i| u8::try_from(i % 251).unwrap_or(0))
        .collect()
}

/// A file on disk. What `map` gives can be made to differ, to tell sendfile from a copy of the mapping.
pub(crate) struct TestFile {
    file: std::fs::File,
    mapping: Bytes,
}

impl TestFile {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self::with_mapping(bytes, Bytes::copy_from_slice(bytes))
    }

    pub(crate) fn with_mapping(bytes: &[u8], mapping: Bytes) -> Self {
        let mut file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).expect("temporary file");
        file.write_all(bytes).expect("write");
        file.sync_all().expect("sync");
        Self { file, mapping }
    }
}

impl FileSource for TestFile {
    fn file(&self) -> &std::fs::File {
        &self.file
    }

    fn map(&self, range: Range<u64>) -> io::Result<Bytes> {
        let start = usize::try_from(range.start).map_err(io::Error::other)?;
        let end = usize::try_from(range.end).map_err(io::Error::other)?;
        // A copy of its own: like a mapping, its addresses belong to this response alone.
        Ok(Bytes::copy_from_slice(&self.mapping[start..end]))
    }
}

pub(crate) struct TestHandler {
    pub(crate) file: Arc<dyn FileSource>,
    pub(crate) length: u64,
    /// `/wait` rings the first and answers after the second.
    pub(crate) arrived: Notify,
    pub(crate) go_on: Notify,
}

impl Handler for TestHandler {
    async fn handle(&self, request: Request<IncomingBody>, context: RequestContext) -> Answer {
        let path = request.uri().path().to_owned();
        let mut response = match path.as_str() {
            "/small" | "/v2/" => Response::new(Body::full("hello")),
            "/file" => Response::new(Body::file(Arc::clone(&self.file), 0..self.length)),
            "/range" => Response::new(Body::file(Arc::clone(&self.file), 70_001..self.length - 3)),
            "/parts" => self.parts(),
            "/empty" => Response::new(Body::empty()),
            "/panic" => panic!("asked to"),
            "/who" => {
                let host = context
                    .host(request.uri(), request.headers())
                    .unwrap_or("-");
                let text = format!(
                    "{} {} {host}",
                    context.client.address, context.client.is_secure
                );
                Response::new(Body::full(text))
            }
            "/limited" => limited(request.into_body()).await,
            "/refuse" => status(StatusCode::FORBIDDEN),
            "/upload" => upload(request.into_body()).await,
            "/wait" => {
                self.arrived.notify_one();
                self.go_on.notified().await;
                Response::new(Body::full("waited"))
            }
            _ => status(StatusCode::NOT_FOUND),
        };
        if path == "/file" {
            let octets = HeaderValue::from_static("application/octet-stream");
            response
                .headers_mut()
                .insert(http::header::CONTENT_TYPE, octets);
        }
        Answer {
            response,
            endpoint: EndpointLabel::at(0),
            caller: Some("tester".into()),
        }
    }
}

impl TestHandler {
    pub(crate) fn ranges(&self) -> [Range<u64>; 3] {
        [
            0..10,
            100_000..self.length - 1,
            self.length - 1..self.length,
        ]
    }

    fn parts(&self) -> Response<Body> {
        let parts =
            byteranges(&self.file, &self.ranges(), "text/plain", self.length, "B").expect("header");
        let mut response = Response::new(parts.body);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        response
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, parts.content_type);
        response
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::full(status.as_str().to_owned()));
    *response.status_mut() = status;
    response
}

fn failure(error: &BodyError) -> Response<Body> {
    status(match error {
        BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        BodyError::Idle(_) => StatusCode::REQUEST_TIMEOUT,
        BodyError::Interrupted(_) => StatusCode::BAD_REQUEST,
    })
}

async fn limited(body: IncomingBody) -> Response<Body> {
    match body.read_to_limit(1000).await {
        Ok(bytes) => Response::new(Body::full(bytes)),
        Err(error) => failure(&error),
    }
}

async fn upload(mut body: IncomingBody) -> Response<Body> {
    let (mut length, mut sum) = (0_u64, 0_u64);
    while let Some(chunk) = body.next().await {
        match chunk {
            Ok(bytes) => {
                length += bytes.len() as u64;
                sum += bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
            }
            Err(error) => return failure(&error),
        }
    }
    Response::new(Body::full(format!("{length} {sum}")))
}

/// Limits no test runs into by accident.
pub(crate) fn patient() -> ConnectionLimits {
    let long = Duration::from_mins(2);
    ConnectionLimits {
        max_connections: 100,
        tls_handshake: long,
        header_read: long,
        keep_alive: long,
        body_idle: long,
        write_stall: long,
        linger: long,
        ..ConnectionLimits::default()
    }
}

pub(crate) struct Setup {
    pub(crate) limits: ConnectionLimits,
    pub(crate) certificates: Option<Arc<Certificates>>,
    pub(crate) file: TestFile,
    pub(crate) length: usize,
    pub(crate) forwarding: Forwarding,
}

impl Setup {
    pub(crate) fn new(length: usize) -> Self {
        Self {
            limits: patient(),
            certificates: None,
            file: TestFile::new(&content(length)),
            length,
            forwarding: Forwarding::default(),
        }
    }

    pub(crate) fn start(self) -> Running {
        let site = Arc::new(Site {
            handler: TestHandler {
                file: Arc::new(self.file),
                length: self.length as u64,
                arrived: Notify::new(),
                go_on: Notify::new(),
            },
            metrics: Arc::new(Metrics::new(&["test"])),
            health: Arc::new(Health::new(Box::new(|| Box::pin(async { Vec::new() })))),
            request_ids: RequestIds::new("test"),
            forwarding: Arc::new(self.forwarding),
            access_log: AccessLog::All,
            adopt_parent: None,
        });
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let registry = ListenerConfig {
            address,
            exposure: Exposure::Public,
            kind: ListenerKind::Registry,
            certificates: self.certificates,
            proxies: None,
        };
        let metrics = ListenerConfig {
            address,
            exposure: Exposure::Private,
            kind: ListenerKind::Metrics,
            certificates: None,
            proxies: None,
        };
        let listeners = Listeners::bind(vec![registry, metrics]).expect("bind");
        let addresses = listeners.addresses();
        let server = listeners.serve(&site, self.limits);
        Running {
            site,
            server,
            address: addresses[0],
            metrics_address: addresses[1],
        }
    }
}

pub(crate) struct Running {
    pub(crate) site: Arc<Site<TestHandler>>,
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
    pub(crate) metrics_address: SocketAddr,
}

impl Running {
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connect")
    }

    /// A connection whose client buffers little, so that the server soon has to wait for it.
    pub(crate) async fn connect_small(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("socket");
        socket.set_recv_buffer_size(8 * 1024).expect("buffer");
        socket.connect(self.address).await.expect("connect")
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        let mut stream = self.connect().await;
        ask(
            &mut stream,
            &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"),
        )
        .await
    }
}

/// What a client got.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or("not text")
    }
}

pub(crate) async fn ask(stream: &mut TcpStream, request: &str) -> Reply {
    stream.write_all(request.as_bytes()).await.expect("write");
    let (head, headers) = read_head(stream).await.expect("a response");
    let mut body = vec![0; announced(&headers)];
    if !request.starts_with("HEAD ") {
        stream.read_exact(&mut body).await.expect("body");
    }
    Reply {
        status: status_of(&head),
        head,
        headers,
        body,
    }
}

pub(crate) fn announced(headers: &HeaderMap) -> usize {
    let value = headers
        .get("content-length")
        .and_then(|value| value.to_str().ok());
    value.and_then(|text| text.parse().ok()).unwrap_or(0)
}

pub(crate) fn status_of(head: &str) -> u16 {
    head.split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or(0)
}

/// The head of a response; `None` when the connection ends first.
pub(crate) async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> Option<(String, HeaderMap)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).expect("head");
    let mut headers = HeaderMap::new();
    for line in head.lines().skip(1).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").expect("header line");
        let name = http::HeaderName::from_bytes(name.as_bytes()).expect("header name");
        headers.append(name, HeaderValue::from_str(value).expect("header value"));
    }
    Some((head, headers))
}
