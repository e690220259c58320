//! A certificate chain with its private key, as a server shows it: read from PEM, looked at before it is believed.

use crate::secret::SecretString;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::fmt;
use std::sync::Arc;
use x509_cert::Certificate;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{Decode as _, Reader as _, SliceReader};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectAltName};
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use zeroize::Zeroizing;

/// The longest chain, in bytes of PEM and in certificates, and the longest key.
pub const MAX_CHAIN_BYTES: usize = 64 * 1024;
/// Certificates of one chain.
pub const MAX_CERTIFICATES: usize = 10;
/// The longest private key, in bytes of PEM.
pub const MAX_KEY_BYTES: usize = 16 * 1024;
/// The shortest and the longest RSA key, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Names that are read from one certificate, and the length to which a text of it is shown, in characters.
const MAX_NAMES: usize = 100;
const MAX_SHOWN: usize = 512;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ELLIPTIC_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// For servers, and for everything (RFC 5280, 4.2.1.12).
const SERVER_PURPOSES: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1"),
    ObjectIdentifier::new_unwrap("2.5.29.37.0"),
];

/// Why a chain and a key are not accepted. Texts name nothing of the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRejected {
    /// The chain is longer than it may be.
    #[error(
        "the certificate chain has {MAX_CERTIFICATES} certificates and {MAX_CHAIN_BYTES} bytes at most"
    )]
    ChainTooLong,
    /// It is not PEM, or holds no certificate.
    #[error(
        "the certificate chain is not PEM, or has no certificate in it; give the server's own first, then its issuers"
    )]
    NoChain,
    /// A certificate cannot be read.
    #[error("certificate {0} of the chain is not understood")]
    Unreadable(usize),
    /// Each has to be issued by the next.
    #[error(
        "certificate {0} of the chain was not issued by the one after it; give the server's own first, then each issuer"
    )]
    OutOfOrder(usize),
    /// The key is longer than any is.
    #[error("the private key has {MAX_KEY_BYTES} bytes at most")]
    KeyTooLong,
    /// The key cannot be read.
    #[error(
        "the private key is not PEM (PKCS#8, PKCS#1 or SEC1) without a password, or of a kind that is not used here"
    )]
    NoKey,
    /// The key is too weak, or of another kind.
    #[error(
        "the certificate's key has to be RSA of 2048 to 8192 bits, ECDSA on P-256 or P-384, or Ed25519"
    )]
    KeyKind,
    /// The key is another's.
    #[error("the private key does not belong to the first certificate of the chain")]
    Mismatch,
    /// The certificate is made for other things.
    #[error("the first certificate of the chain is not for servers")]
    Purpose,
}

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Whom it is for (RFC 4514); shortened when it is long.
    pub subject: String,
    /// Who issued it; likewise.
    pub issuer: String,
    /// The DNS names that it is for, 100 at most.
    pub names: Vec<String>,
    /// When it begins to be valid, in milliseconds since 1970.
    pub begins_at_ms: i64,
    /// When it ends, or the first of its issuers in the chain does.
    pub ends_at_ms: i64,
    /// SHA-256 of it, as 64 hexadecimal digits.
    pub fingerprint: String,
}

/// A chain and its key, which belong together.
pub struct ServerCertificate {
    certified: Arc<CertifiedKey>,
    facts: CertificateFacts,
    key: PrivateKeyDer<'static>,
}

impl ServerCertificate {
    /// Reads both from PEM. What else stands in the texts is left out.
    pub fn parse(chain: &str, key: &SecretString) -> Result<Self, CertificateRejected> {
        let chain = parse_chain(chain)?;
        let facts = facts(&chain)?;
        if key.len() > MAX_KEY_BYTES {
            return Err(CertificateRejected::KeyTooLong);
        }
        let no_key = || CertificateRejected::NoKey;
        let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes()).map_err(|_| no_key())?;
        let signing = default_provider()
            .key_provider
            .load_private_key(key.clone_key())
            .map_err(|_| no_key())?;
        let certified = CertifiedKey::new(chain, signing);
        certified
            .keys_match()
            .map_err(|_| CertificateRejected::Mismatch)?;
        Ok(Self {
            certified: Arc::new(certified),
            facts,
            key,
        })
    }

    /// What the certificate says.
    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// For whoever does TLS.
    pub fn certified(&self) -> Arc<CertifiedKey> {
        self.certified.clone()
    }

    /// Whether clients that ask for this host name accept the certificate.
    pub fn covers(&self, host: &str) -> bool {
        let Ok(name @ ServerName::DnsName(_)) = ServerName::try_from(host) else {
            return false;
        };
        let leaf = self.certified.end_entity_cert();
        leaf.and_then(ParsedCertificate::try_from)
            .is_ok_and(|leaf| verify_server_name(&leaf, &name).is_ok())
    }

    /// The chain as PEM, and nothing else.
    pub fn chain_pem(&self) -> String {
        let chain = self.certified.cert.iter();
        chain.map(|der| pem("CERTIFICATE", der)).collect()
    }

    /// The private key as PEM, and nothing else.
    pub fn key_pem(&self) -> SecretString {
        let label = match &self.key {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        SecretString::new(pem(label, self.key.secret_der()))
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

/// RFC 7468: lines of 64.
fn pem(label: &str, der: &[u8]) -> String {
    let encoded = Zeroizing::new(STANDARD.encode(der));
    // Room for all of it, so that growing leaves no copy behind.
    let mut text = String::with_capacity(encoded.len() + encoded.len() / 64 + 128);
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

fn parse_chain(text: &str) -> Result<Vec<CertificateDer<'static>>, CertificateRejected> {
    if text.len() > MAX_CHAIN_BYTES {
        return Err(CertificateRejected::ChainTooLong);
    }
    let chain = CertificateDer::pem_slice_iter(text.as_bytes())
        .take(MAX_CERTIFICATES + 1)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| CertificateRejected::NoChain)?;
    match chain.len() {
        0 => Err(CertificateRejected::NoChain),
        1..=MAX_CERTIFICATES => Ok(chain),
        _ => Err(CertificateRejected::ChainTooLong),
    }
}

fn facts(chain: &[CertificateDer<'_>]) -> Result<CertificateFacts, CertificateRejected> {
    let mut parsed = Vec::with_capacity(chain.len());
    for (index, der) in chain.iter().enumerate() {
        let one = Certificate::from_der(der);
        parsed.push(
            one.map_err(|_| CertificateRejected::Unreadable(index + 1))?
                .tbs_certificate,
        );
    }
    let unreadable = || CertificateRejected::Unreadable(1);
    let leaf = parsed.first().ok_or_else(unreadable)?;
    let out_of_order = parsed
        .windows(2)
        .position(|pair| pair[0].issuer != pair[1].subject);
    if let Some(index) = out_of_order {
        return Err(CertificateRejected::OutOfOrder(index + 1));
    }
    if !is_strong(&leaf.subject_public_key_info) {
        return Err(CertificateRejected::KeyKind);
    }
    let purposes = leaf.get::<ExtendedKeyUsage>().map_err(|_| unreadable())?;
    let is_for_servers =
        |purposes: &ExtendedKeyUsage| purposes.0.iter().any(|one| SERVER_PURPOSES.contains(one));
    if purposes.is_some_and(|(_, purposes)| !is_for_servers(&purposes)) {
        return Err(CertificateRejected::Purpose);
    }
    let names = leaf.get::<SubjectAltName>().map_err(|_| unreadable())?;
    let names = names.map(|(_, names)| names.0).unwrap_or_default();
    let names = names.into_iter().filter_map(|name| match name {
        GeneralName::DnsName(name) => Some(shown(name.as_str())),
        _ => None,
    });
    let ms = |time: &x509_cert::time::Time| {
        i64::try_from(time.to_unix_duration().as_millis()).unwrap_or(i64::MAX)
    };
    let ends = parsed.iter().map(|one| ms(&one.validity.not_after));
    let first = chain.first().ok_or_else(unreadable)?;
    Ok(CertificateFacts {
        subject: shown(&leaf.subject.to_string()),
        issuer: shown(&leaf.issuer.to_string()),
        names: names.take(MAX_NAMES).collect(),
        begins_at_ms: ms(&leaf.validity.not_before),
        ends_at_ms: ends.min().unwrap_or_default(),
        fingerprint: crate::secret::hex(digest::digest(&digest::SHA256, first).as_ref()),
    })
}

/// For people and their terminals: short, and on one line.
fn shown(text: &str) -> String {
    let letters = text.chars().filter(|letter| !letter.is_control());
    letters.take(MAX_SHOWN).collect()
}

fn is_strong(key: &SubjectPublicKeyInfoOwned) -> bool {
    let curve = || {
        let parameters = key.algorithm.parameters.as_ref()?;
        parameters.decode_as::<ObjectIdentifier>().ok()
    };
    match key.algorithm.oid {
        RSA => rsa_bits(key.subject_public_key.raw_bytes())
            .is_some_and(|bits| RSA_BITS.contains(&bits)),
        ELLIPTIC_CURVE => curve().is_some_and(|curve| [P256, P384].contains(&curve)),
        oid => oid == ED25519,
    }
}

/// Bits of the modulus in an `RSAPublicKey` (RFC 8017, A.1.1).
fn rsa_bits(der: &[u8]) -> Option<usize> {
    let modulus = SliceReader::new(der).ok()?.sequence(|reader| {
        let modulus: UintRef<'_> = reader.decode()?;
        let _exponent: UintRef<'_> = reader.decode()?;
        Ok(modulus)
    });
    let modulus = modulus.ok()?;
    let first = modulus.as_bytes().first()?;
    let zeros = usize::try_from(first.leading_zeros()).ok()?;
    Some(modulus.as_bytes().len() * 8 - zeros)
}

#[cfg(test)]
mod tests;
