//! Clients of a listener with TLS that look at the certificate which they are shown, whatever it is.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificates::good;
use crate::registry::{Setup, TestRegistry};

/// The certificate of a listener, in files.
pub(super) struct Listener {
    folder: TempDir,
    pub(super) fingerprint: String,
}

impl Listener {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let made = good(&["hub.example", "localhost"]);
        std::fs::write(folder.path().join("chain.pem"), made.chain).expect("it is ours");
        std::fs::write(folder.path().join("key.pem"), made.key).expect("it is ours");
        Self {
            folder,
            fingerprint: made.fingerprint,
        }
    }

    /// A registry with a second listener that speaks TLS.
    pub(super) fn on(&self, setup: Setup) -> Setup {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        setup
            .listening_too("TLS_CERTIFICATE", file("chain.pem"))
            .setting("LISTENERS__1__TLS_PRIVATE_KEY", file("key.pem"))
    }

    /// Where it listens.
    pub(super) fn address(registry: &TestRegistry) -> SocketAddr {
        let origin = registry.second_origin();
        let address = origin.strip_prefix("https://").expect("it speaks TLS");
        address.parse().expect("an address")
    }
}

pub(super) fn fingerprint(der: &[u8]) -> String {
    let digest = Sha256::digest(der);
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// One request on a connection of its own.
pub(super) struct Request {
    name: &'static str,
    host: &'static str,
    is_http2: bool,
}

impl Request {
    /// The handshake asks for this name; for an address it asks for none.
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            host: name,
            is_http2: false,
        }
    }

    /// The request is for this host.
    pub(super) fn for_host(self, host: &'static str) -> Self {
        Self { host, ..self }
    }

    pub(super) fn by_http2(self) -> Self {
        Self {
            is_http2: true,
            ..self
        }
    }

    async fn connect(&self, address: SocketAddr) -> TlsStream<TcpStream> {
        let provider = Arc::new(default_provider());
        let mut config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth();
        let protocol: &[u8] = if self.is_http2 { b"h2" } else { b"http/1.1" };
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from(self.name).expect("a name");
        let stream = TcpStream::connect(address).await.expect("it listens");
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await.expect("a handshake")
    }

    /// SHA-256 of the certificate that is shown.
    pub(super) async fn shown_by(self, address: SocketAddr) -> String {
        let stream = self.connect(address).await;
        let (_, session) = stream.get_ref();
        let chain = session.peer_certificates().expect("a certificate");
        fingerprint(&chain[0])
    }

    pub(super) async fn status(self, address: SocketAddr) -> u16 {
        self.send(address).await.0
    }

    pub(super) async fn body(self, address: SocketAddr) -> String {
        self.send(address).await.1
    }

    async fn send(self, address: SocketAddr) -> (u16, String) {
        let stream = TokioIo::new(self.connect(address).await);
        let answer = if self.is_http2 {
            let request = http::Request::get(format!("https://{}/v2/", self.host));
            let request = request.body(Empty::<Bytes>::new()).expect("a request");
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
                    .await
                    .expect("HTTP/2");
            tokio::spawn(connection);
            sender.send_request(request).await
        } else {
            let request = http::Request::get("/v2/").header("host", self.host);
            let request = request.body(Empty::<Bytes>::new()).expect("a request");
            let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
                .await
                .expect("HTTP/1.1");
            tokio::spawn(connection);
            sender.send_request(request).await
        };
        let answer = answer.expect("an answer");
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.expect("a body");
        let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        (status, body)
    }
}

/// Believes every certificate: the test looks at it itself.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
