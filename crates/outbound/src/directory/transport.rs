//! The way to a directory: an address that may be gone to, and TLS before anything is said.

use super::ber::length_of;
use super::message::{self, Answer};
use super::{DirectoryFailed, DirectoryPlace};
use crate::destinations::Destinations;
use crate::http_client::{Lookup, MAX_ANSWERS};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const CONNECT_LIMIT: Duration = Duration::from_secs(4);
/// Where directories listen: LDAP, LDAP over TLS, and the same of a global catalogue.
const USUAL_PORTS: [u16; 4] = [389, 636, 3268, 3269];
/// Ports of other services are below.
const FIRST_FREE_PORT: u16 = 1024;
/// What a directory may send on one connection, in bytes.
const MAX_RECEIVED: usize = 2 * 1024 * 1024;
/// The longest text of an address.
const MAX_URL_BYTES: usize = 255;
/// Certificates of authorities that one place may name.
const MAX_AUTHORITIES: usize = 20;
/// Where systems keep the authorities that they trust.
const SYSTEM_AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// An address, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) is_tls: bool,
    pub(super) host: &'a str,
    pub(super) port: u16,
}

/// `ldap://HOST[:PORT]` or `ldaps://HOST[:PORT]`, and nothing after it but one slash.
pub(super) fn parts(url: &str) -> Result<Parts<'_>, DirectoryFailed> {
    let wrong = DirectoryFailed::Place("its URL is ldap://HOST:PORT or ldaps://HOST:PORT");
    let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong.clone())?;
    let is_tls = match scheme.to_ascii_lowercase().as_str() {
        "ldap" => false,
        "ldaps" => true,
        _ => return Err(wrong),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let bracketed = authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'));
    let (host, port) = match bracketed {
        Some((host, "")) => (host, None),
        Some((host, port)) => (
            host,
            Some(port.strip_prefix(':').ok_or_else(|| wrong.clone())?),
        ),
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_host = match bracketed {
        Some(_) => host.parse::<IpAddr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(is_letter),
    };
    let usual = if is_tls { 636 } else { 389 };
    let port = match port {
        None => usual,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().map_err(|_| wrong.clone())?
        }
        Some(_) => return Err(wrong),
    };
    if url.len() > MAX_URL_BYTES || !is_host || port == 0 {
        return Err(wrong);
    }
    Ok(Parts { is_tls, host, port })
}

/// Whether only what the deployment lists may be gone to in this way: passwords in the clear, and ports of other services.
fn is_listed_only(place: &DirectoryPlace, parts: &Parts<'_>) -> bool {
    let is_plain = !parts.is_tls && !place.starts_tls;
    let is_odd = parts.port < FIRST_FREE_PORT && !USUAL_PORTS.contains(&parts.port);
    is_plain || is_odd
}

fn may_go(
    destinations: &Destinations,
    (place, parts): (&DirectoryPlace, &Parts<'_>),
    address: IpAddr,
) -> bool {
    if is_listed_only(place, parts) {
        destinations.list(parts.host, address)
    } else {
        destinations.allow(parts.host, address)
    }
}

/// Whether a place can be gone to at all, as far as that can be said without resolving its name.
pub(super) fn check(
    destinations: &Destinations,
    place: &DirectoryPlace,
) -> Result<(), DirectoryFailed> {
    let parts = parts(&place.url)?;
    if let Ok(address) = parts.host.parse::<IpAddr>()
        && !may_go(destinations, (place, &parts), address)
    {
        return Err(DirectoryFailed::Refused(parts.host.to_owned()));
    }
    authorities(&place.ca_certificates).map(drop)
}

/// A connection, secured or not.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Messages to and fro.
pub(super) struct Transport {
    io: Box<dyn Io>,
    received: Vec<u8>,
    /// Bytes that may still come.
    room: usize,
}

impl Transport {
    /// Goes to a place and secures the connection.
    pub(super) async fn open(
        (destinations, lookup): (&Destinations, &Lookup),
        place: &DirectoryPlace,
    ) -> Result<Self, DirectoryFailed> {
        check(destinations, place)?;
        let parts = parts(&place.url)?;
        let looked_up = lookup(parts.host.to_owned()).await;
        let addresses =
            looked_up.map_err(|error| DirectoryFailed::Unreachable(error.to_string()))?;
        // One that is not allowed among others is how a name is made to stand for something else a moment later.
        let is_fine = |address: &IpAddr| may_go(destinations, (place, &parts), *address);
        if !addresses.iter().all(is_fine) {
            return Err(DirectoryFailed::Refused(parts.host.to_owned()));
        }
        let stream = connect(&addresses, parts.port).await?;
        let mut transport = Self {
            io: Box::new(stream),
            received: Vec::new(),
            room: MAX_RECEIVED,
        };
        if parts.is_tls {
            return transport.secure(place, parts.host).await;
        }
        if place.starts_tls {
            transport.start_tls().await?;
            return transport.secure(place, parts.host).await;
        }
        Ok(transport)
    }

    async fn start_tls(&mut self) -> Result<(), DirectoryFailed> {
        self.send(&message::start_tls(1)).await?;
        match self.receive(1).await? {
            Answer::Extended(outcome) if outcome.code == message::SUCCESS => {}
            Answer::Extended(outcome) => {
                return Err(DirectoryFailed::answered("StartTLS", &outcome));
            }
            _ => return Err(DirectoryFailed::NotLdap),
        }
        // What came before TLS could be anybody's, and must not count as said within.
        if self.received.is_empty() {
            Ok(())
        } else {
            Err(DirectoryFailed::NotLdap)
        }
    }

    async fn secure(self, place: &DirectoryPlace, host: &str) -> Result<Self, DirectoryFailed> {
        let failed = |error: &dyn std::fmt::Display| DirectoryFailed::Tls(error.to_string());
        let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
        let connector = TlsConnector::from(Arc::new(config(place)?));
        let stream = connector.connect(name, self.io).await;
        Ok(Self {
            io: Box::new(stream.map_err(|error| failed(&error))?),
            received: Vec::new(),
            room: self.room,
        })
    }

    pub(super) async fn send(&mut self, message: &[u8]) -> Result<(), DirectoryFailed> {
        let io = &mut self.io;
        let sent = async {
            io.write_all(message).await?;
            io.flush().await
        };
        let sent: std::io::Result<()> = sent.await;
        sent.map_err(|error| DirectoryFailed::Unreachable(error.to_string()))
    }

    /// The next answer, which is to this request.
    pub(super) async fn receive(&mut self, id: u32) -> Result<Answer, DirectoryFailed> {
        loop {
            let length = length_of(&self.received).map_err(|_| DirectoryFailed::NotLdap)?;
            if let Some(length) = length {
                if length > MAX_RECEIVED {
                    return Err(DirectoryFailed::TooLong);
                }
                if self.received.len() >= length {
                    let rest = self.received.split_off(length);
                    let whole = std::mem::replace(&mut self.received, rest);
                    return match message::read(&whole) {
                        Ok((of, answer)) if of == id => Ok(answer),
                        Ok((0, _)) => Err(DirectoryFailed::Unreachable(
                            "it ended the connection".to_owned(),
                        )),
                        _ => Err(DirectoryFailed::NotLdap),
                    };
                }
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), DirectoryFailed> {
        let mut piece = [0; 8 * 1024];
        let read = self.io.read(&mut piece).await;
        let read = read.map_err(|error| DirectoryFailed::Unreachable(error.to_string()))?;
        if read == 0 {
            let ended = "it ended the connection".to_owned();
            return Err(DirectoryFailed::Unreachable(ended));
        }
        self.room = self
            .room
            .checked_sub(read)
            .ok_or(DirectoryFailed::TooLong)?;
        self.received.extend_from_slice(&piece[..read]);
        Ok(())
    }
}

/// A connection to the first address that takes one.
pub(crate) async fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, DirectoryFailed> {
    let mut failed = DirectoryFailed::Unreachable("its name stands for no address".to_owned());
    for address in addresses.iter().take(MAX_ANSWERS) {
        let connecting = TcpStream::connect(SocketAddr::new(*address, port));
        match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failed = DirectoryFailed::Unreachable(error.to_string()),
            Err(_) => failed = DirectoryFailed::TimedOut,
        }
    }
    Err(failed)
}

/// The authorities that a place names; none when it names none.
fn authorities(pem: &str) -> Result<RootCertStore, DirectoryFailed> {
    let wrong = || DirectoryFailed::Place("its certificates are not those of authorities in PEM");
    let mut trusted = RootCertStore::empty();
    if pem.is_empty() {
        return Ok(trusted);
    }
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()).take(MAX_AUTHORITIES) {
        let certificate = certificate.map_err(|_| wrong())?;
        trusted.add(certificate).map_err(|_| wrong())?;
    }
    if trusted.is_empty() {
        Err(wrong())
    } else {
        Ok(trusted)
    }
}

fn system_authorities() -> Result<RootCertStore, DirectoryFailed> {
    let none = || DirectoryFailed::Tls("this system has no list of authorities".to_owned());
    let mut files = SYSTEM_AUTHORITIES.into_iter();
    let file = files
        .find(|file| Path::new(file).exists())
        .ok_or_else(none)?;
    let mut trusted = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|_| none())?;
    // A system's list may hold some that this library does not understand; the others are good.
    trusted.add_parsable_certificates(certificates.filter_map(Result::ok));
    Ok(trusted)
}

/// How TLS is spoken with a place.
pub(crate) fn config(place: &DirectoryPlace) -> Result<ClientConfig, DirectoryFailed> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| DirectoryFailed::Tls(error.to_string()))?;
    if !place.verifies_certificate {
        let any = Arc::new(AnyCertificate(provider));
        let builder = builder.dangerous().with_custom_certificate_verifier(any);
        return Ok(builder.with_no_client_auth());
    }
    let named = authorities(&place.ca_certificates)?;
    let trusted = if named.is_empty() {
        system_authorities()?
    } else {
        named
    };
    Ok(builder
        .with_root_certificates(trusted)
        .with_no_client_auth())
}

/// Takes every certificate, for places where that is wanted. Whoever sent it still has to have its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
