use super::*;
use crate::testing::{Setup, announced, content, read_head};
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const LENGTH: usize = 3_000_011;

struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("folder"),
        }
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("tls.crt")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("tls.key")
    }

    /// Writes a new self-signed certificate and returns it.
    fn renew(&self) -> CertificateDer<'static> {
        let made =
            rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("certificate");
        std::fs::write(self.certificate(), made.cert.pem()).expect("write");
        std::fs::write(self.key(), made.signing_key.serialize_pem()).expect("write");
        made.cert.der().clone()
    }

    fn load(&self) -> Result<Arc<Certificates>, TlsError> {
        Certificates::load(self.certificate(), self.key())
    }
}

async fn connect(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    protocol: &str,
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("root");
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(address).await?;
    let name = "localhost".try_into().expect("name");
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

#[tokio::test]
async fn a_file_arrives_byte_for_byte_over_tls_and_http1() {
    let files = Files::new();
    let trusted = files.renew();
    let mut setup = Setup::new(LENGTH);
    setup.certificates = Some(files.load().expect("certificates"));
    let running = setup.start();
    let mut stream = connect(running.address, &trusted, "http/1.1")
        .await
        .expect("handshake");
    for _ in 0..2 {
        stream
            .write_all(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .expect("write");
        let (_, headers) = read_head(&mut stream).await.expect("head");
        let mut body = vec![0; announced(&headers)];
        stream.read_exact(&mut body).await.expect("body");
        assert!(body == content(LENGTH));
    }
    stream
        .write_all(b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("write");
    let (_, headers) = read_head(&mut stream).await.expect("head");
    let mut body = vec![0; announced(&headers)];
    stream.read_exact(&mut body).await.expect("body");
    assert_eq!(body, b"127.0.0.1 true x");
}

#[tokio::test]
async fn files_and_parts_arrive_byte_for_byte_over_tls_and_http2() {
    let files = Files::new();
    let trusted = files.renew();
    let mut setup = Setup::new(LENGTH);
    setup.certificates = Some(files.load().expect("certificates"));
    let running = setup.start();
    let stream = connect(running.address, &trusted, "h2")
        .await
        .expect("handshake");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("http2");
    tokio::spawn(connection);
    let mut answers = Vec::new();
    for path in ["/file", "/range", "/small", "/file"] {
        let request = Request::get(format!("https://localhost{path}"));
        let request = request.body(Empty::<bytes::Bytes>::new()).expect("request");
        answers.push((path, sender.send_request(request).await.expect("response")));
    }
    for (path, response) in answers {
        let length = response.headers()["content-length"].clone();
        let body = response
            .into_body()
            .collect()
            .await
            .expect("body")
            .to_bytes();
        assert_eq!(length, body.len().to_string(), "{path}");
        let all = content(LENGTH);
        let expected = match path {
            "/file" => &all[..],
            "/range" => &all[70_001..LENGTH - 3],
            _ => b"hello",
        };
        assert!(body == expected, "{path}");
    }
    let request = Request::head("https://localhost/file")
        .body(Empty::new())
        .expect("request");
    let response = sender.send_request(request).await.expect("response");
    assert_eq!(response.headers()["content-length"], LENGTH.to_string());
}

#[tokio::test]
async fn a_renewed_certificate_is_served_and_open_connections_stay() {
    let files = Files::new();
    let first = files.renew();
    let certificates = files.load().expect("certificates");
    let mut setup = Setup::new(10);
    setup.certificates = Some(Arc::clone(&certificates));
    let running = setup.start();
    let mut old = connect(running.address, &first, "http/1.1")
        .await
        .expect("handshake");

    let second = files.renew();
    assert!(certificates.reload_if_changed());
    assert!(!certificates.reload_if_changed(), "nothing changed since");
    assert!(connect(running.address, &first, "http/1.1").await.is_err());
    connect(running.address, &second, "http/1.1")
        .await
        .expect("new certificate");

    old.write_all(b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("write");
    let (head, _) = read_head(&mut old).await.expect("head");
    assert!(head.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_leaves_the_old_one_in_place() {
    let files = Files::new();
    let first = files.renew();
    let certificates = files.load().expect("certificates");
    let mut setup = Setup::new(10);
    setup.certificates = Some(Arc::clone(&certificates));
    let running = setup.start();

    // Another key: the pair does not match until the certificate follows.
    let other = Files::new();
    let second = other.renew();
    std::fs::copy(other.key(), files.key()).expect("copy");
    let error = certificates.reload().expect_err("mismatch");
    assert!(matches!(&error, TlsError::Mismatch { .. }), "{error}");
    connect(running.address, &first, "http/1.1")
        .await
        .expect("old certificate");
    std::fs::copy(other.certificate(), files.certificate()).expect("copy");
    assert!(certificates.reload_if_changed());
    connect(running.address, &second, "http/1.1")
        .await
        .expect("new certificate");
    std::fs::remove_file(files.key()).expect("remove");
    assert!(!certificates.reload_if_changed());
    connect(running.address, &second, "http/1.1")
        .await
        .expect("still there");
}

#[test]
fn errors_name_the_file_and_what_is_wrong() {
    let files = Files::new();
    let missing = files.load().expect_err("missing").to_string();
    assert!(
        missing.contains("tls.crt") && missing.contains("cannot read"),
        "{missing}"
    );
    files.renew();
    let certificate = std::fs::read(files.certificate()).expect("read");
    std::fs::write(files.certificate(), "hello").expect("write");
    let empty = files.load().expect_err("no certificate").to_string();
    assert!(
        empty.contains("tls.crt") && empty.contains("no certificate"),
        "{empty}"
    );
    std::fs::write(files.certificate(), &certificate).expect("write");
    std::fs::write(files.key(), &certificate).expect("write");
    let no_key = files.load().expect_err("no key").to_string();
    assert!(
        no_key.contains("tls.key") && no_key.contains("private key"),
        "{no_key}"
    );
}

#[tokio::test]
async fn a_client_that_never_shakes_hands_is_cut() {
    let files = Files::new();
    files.renew();
    let mut setup = Setup::new(10);
    setup.certificates = Some(files.load().expect("certificates"));
    setup.limits.tls_handshake = Duration::from_millis(20);
    let running = setup.start();
    let mut stream = running.connect().await;
    assert_eq!(stream.read(&mut [0]).await.expect("closed"), 0);
}
