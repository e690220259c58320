//! What an operator sees who turns traces on, and that nothing is sent by one who does not.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::Method;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message as _;
use tokio::net::{TcpListener, TcpSocket};

use crate::registry::client::Credentials;
use crate::registry::content::{noise, sha256};
use crate::registry::{ADMIN_PASSWORD, TestRegistry};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// Whoever the traces are sent to: notes every connection and every body.
#[derive(Clone, Default)]
struct Collector {
    connections: Arc<Mutex<usize>>,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    async fn start() -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let collector = Self::default();
        let serving = collector.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *serving.connections.lock().expect("no panic") += 1;
                let serving = serving.clone();
                let service = service_fn(move |request| serving.clone().answer(request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        (collector, address)
    }

    async fn answer(
        self,
        request: http::Request<Incoming>,
    ) -> Result<http::Response<Full<bytes::Bytes>>, hyper::Error> {
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri().path(), "/v1/traces");
        assert_eq!(request.headers()["content-type"], "application/x-protobuf");
        let body = request.into_body().collect().await?.to_bytes();
        self.bodies.lock().expect("no panic").push(body.to_vec());
        Ok(http::Response::new(Full::default()))
    }

    fn connections(&self) -> usize {
        *self.connections.lock().expect("no panic")
    }

    fn bodies(&self) -> Vec<Vec<u8>> {
        self.bodies.lock().expect("no panic").clone()
    }

    fn resources(&self) -> Vec<ResourceSpans> {
        let decode = |body: Vec<u8>| {
            ExportTraceServiceRequest::decode(body.as_slice()).expect("it is what OTLP says")
        };
        let requests = self.bodies().into_iter().map(decode);
        requests
            .flat_map(|request| request.resource_spans)
            .collect()
    }

    fn spans(&self) -> Vec<Span> {
        let of_resource = |resource: ResourceSpans| resource.scope_spans;
        let scopes = self.resources().into_iter().flat_map(of_resource);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

fn word(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("unexpected {other:?}"),
    }
}

fn words(attributes: &[KeyValue]) -> BTreeMap<&str, String> {
    let word_of = |one: &'_ KeyValue| word(one.value.as_ref());
    attributes
        .iter()
        .map(|one| (one.key.as_str(), word_of(one)))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves
        .filter_map(|half| char::from_digit(u32::from(half), 16))
        .collect()
}

fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let mut found = spans.iter().filter(|span| span.name == name);
    let span = found
        .next()
        .unwrap_or_else(|| panic!("no span {name} among {:?}", names(spans)));
    assert!(found.next().is_none(), "{name} was asked for once");
    span
}

fn names(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

fn child<'s>(spans: &'s [Span], parent: &Span, name: &str) -> &'s Span {
    let is_child = |span: &&Span| span.name == name && span.parent_span_id == parent.span_id;
    let child = spans.iter().find(is_child);
    child.unwrap_or_else(|| panic!("{} has no {name}: {:?}", parent.name, names(spans)))
}

async fn start(endpoint: &str, sample_ratio: &str) -> TestRegistry {
    TestRegistry::builder()
        .setting("TRACES__OTLP_ENDPOINT", endpoint)
        .setting("TRACES__SAMPLE_RATIO", sample_ratio)
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_a_span_with_what_was_done_for_it_below() {
    let (collector, address) = Collector::start().await;
    let registry = start(&format!("http://{address}/v1/traces"), "1.0").await;

    let content = noise(1, 3 * 64 * 1024);
    let target = "/v2/library/private-thing/blobs/";
    let digest = sha256(&content);
    registry
        .request(
            Method::POST,
            &format!("{target}uploads/?digest={digest}&secret=q5f"),
        )
        .header("x-request-id", "build-7")
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .header("tracestate", "vendor=1")
        .body(content.clone())
        .await
        .assert_status(201);
    let missing = format!("{target}{}", sha256("other"));
    registry.get(&missing).await.assert_status(404);
    let blob = format!("{target}{digest}");
    registry.get(&blob).await.assert_status(200);
    registry.stop();

    assert_resource(&collector);
    let spans = collector.spans();
    assert_upload(&spans);
    assert_downloads(&spans, content.len());
    let without_parent = spans.iter().filter(|span| span.parent_span_id.is_empty());
    assert!(
        without_parent
            .clone()
            .all(|span| span.kind() == SpanKind::Server),
        "what no request asked for is no trace: {:?}",
        names(&spans)
    );
    assert_nothing_private(&collector, &digest);
}

fn assert_resource(collector: &Collector) {
    let resources = collector.resources();
    let resource = resources[0].resource.as_ref().expect("a resource");
    let resource = words(&resource.attributes);
    assert_eq!(resource["service.name"], "roadstead");
    assert!(resource["service.version"].starts_with(env!("CARGO_PKG_VERSION")));
    assert_eq!(resource["service.instance.id"].len(), 36);
}

/// The upload that named its parent.
fn assert_upload(spans: &[Span]) {
    let upload = named(spans, "start_upload");
    assert_eq!(upload.kind(), SpanKind::Server);
    assert_eq!(hex(&upload.trace_id), TRACE);
    assert_eq!(hex(&upload.parent_span_id), CALLER);
    assert_eq!(upload.trace_state, "vendor=1");
    let attributes = words(&upload.attributes);
    let expected = [
        ("http.request.method", "POST"),
        ("http.response.body.size", "0"),
        ("http.response.status_code", "201"),
        ("network.protocol.version", "1.1"),
        ("roadstead.endpoint", "start_upload"),
        ("roadstead.request_id", "build-7"),
        ("url.scheme", "http"),
    ];
    let expected = expected.map(|(key, value)| (key, value.to_owned()));
    assert_eq!(attributes, BTreeMap::from(expected));

    let stored = child(spans, upload, "blobs.append_and_complete");
    assert_eq!(stored.kind(), SpanKind::Internal);
    let written = child(spans, upload, "database.write");
    assert_eq!(written.kind(), SpanKind::Client);
    assert_eq!(words(&written.attributes)["db.system.name"], "sqlite");
    for span in [stored, written] {
        assert_eq!(span.trace_id, upload.trace_id);
        assert!(upload.start_time_unix_nano <= span.start_time_unix_nano);
        assert!(span.end_time_unix_nano <= upload.end_time_unix_nano);
    }
}

/// One of something that is missing, one of `length` bytes.
fn assert_downloads(spans: &[Span], length: usize) {
    let gets: Vec<&Span> = spans.iter().filter(|s| s.name == "get_blob").collect();
    let status_of = |span: &Span| words(&span.attributes)["http.response.status_code"].clone();
    let statuses: Vec<String> = gets.iter().map(|span| status_of(span)).collect();
    assert_eq!(statuses, ["404", "200"]);
    for get in gets {
        assert!(get.parent_span_id.is_empty(), "nobody named a parent");
        // What a client did wrong is no error of ours.
        let status = get.status.clone().unwrap_or_default();
        assert_eq!(status.code(), StatusCode::Unset);
        let attributes = words(&get.attributes);
        if attributes["http.response.status_code"] == "200" {
            assert_eq!(attributes["http.response.body.size"], length.to_string());
        }
    }
}

/// Neither what proves who somebody is, nor what says what is stored.
fn assert_nothing_private(collector: &Collector, digest: &str) {
    let credentials = Credentials::basic("admin", ADMIN_PASSWORD)
        .header()
        .expect("a header");
    let (_, encoded) = credentials.split_once(' ').expect("a scheme");
    let (_, digest) = digest.split_once(':').expect("a digest");
    for body in collector.bodies() {
        let text = String::from_utf8_lossy(&body).to_lowercase();
        let private = [
            ADMIN_PASSWORD,
            encoded,
            "authorization",
            "secret",
            "q5f",
            "private-thing",
            digest,
            "127.0.0.1",
        ];
        for private in private {
            assert!(
                !text.contains(&private.to_lowercase()),
                "{private} in {text}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_decides_for_its_own_requests() {
    let (collector, address) = Collector::start().await;
    let registry = start(&format!("http://{address}/v1/traces"), "0.0").await;
    registry.get("/v2/").await.assert_status(200);
    for flags in ["00", "01"] {
        registry
            .get("/v2/")
            .header("traceparent", format!("00-{TRACE}-{CALLER}-{flags}"))
            .header("x-request-id", flags)
            .await
            .assert_status(200);
    }
    registry.stop();
    let spans = collector.spans();
    assert_eq!(names(&spans), ["ping"]);
    assert_eq!(words(&spans[0].attributes)["roadstead.request_id"], "01");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_nothing_could_be_sent() {
    let (collector, address) = Collector::start().await;
    let on = start(&format!("http://{address}/v1/traces"), "1.0").await;
    assert!(has_sender(&on));
    on.stop();
    // Even then, nobody calls the collector before there is something to say.
    assert_eq!(collector.connections(), 0);

    let off = TestRegistry::start().await;
    off.get("/v2/")
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .await
        .assert_status(200);
    assert!(!has_sender(&off));
}

/// Whether the thread that sends traces is there.
fn has_sender(registry: &TestRegistry) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{}/task", registry.pid()));
    let threads = threads.expect("it runs").filter_map(Result::ok);
    // A thread that ended meanwhile has no name.
    let name_of = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("comm"));
    let mut names = threads.filter_map(|thread| name_of(thread).ok());
    names.any(|name| name.starts_with("OpenTelemetry"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_disturbs_nobody() {
    // A port that is taken, and that nobody listens on.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a port");
    let address = socket.local_addr().expect("an address");
    let registry = start(&format!("http://{address}/v1/traces"), "1.0").await;
    // 512 spans make a batch, so this comes while it runs.
    for _ in 0..600 {
        registry.get("/v2/").await.assert_status(200);
    }
    let line = registry.log_line_with("takes no traces");
    assert!(line.contains("WARN"), "{line}");
    registry.get("/v2/").await.assert_status(200);
    registry.stop();
}
