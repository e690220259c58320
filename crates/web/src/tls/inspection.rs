//! What a certificate says, for whoever looks for what is wrong before a client does.

use super::{TlsError, read};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rustls::client::verify_server_name;
use rustls::server::ParsedCertificate;
use rustls_pki_types::{CertificateDer, ServerName};
use std::path::Path;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// A certificate chain whose key belongs to it.
#[derive(Debug)]
pub struct Inspection {
    /// When the server's certificate begins to be valid, in seconds since 1970.
    pub begins_at_s: i64,
    /// When it ends, or the first of its issuers in the file does, in seconds since 1970.
    pub ends_at_s: i64,
    /// Whether each certificate was issued by the next one, as clients expect.
    pub is_in_order: bool,
    server: CertificateDer<'static>,
}

/// Reads both files (PEM) as [`Certificates::load`](super::Certificates::load) does, and the dates.
///
/// # Errors
/// Those of `load`, and a certificate without a beginning and an end.
pub fn inspect(certificate: &Path, key: &Path) -> Result<Inspection, TlsError> {
    let chain = read(certificate, key)?.cert.clone();
    let bad = || TlsError::Certificate {
        path: certificate.to_owned(),
        reason: "a certificate in it is not understood".to_owned(),
    };
    let parsed: Option<Vec<Fields<'_>>> = chain.iter().map(|one| Fields::parse(one)).collect();
    let parsed = parsed.ok_or_else(bad)?;
    let (Some(first), Some(server)) = (parsed.first(), chain.first()) else {
        return Err(bad());
    };
    let ends = parsed.iter().map(|fields| fields.ends_at_s);
    Ok(Inspection {
        begins_at_s: first.begins_at_s,
        ends_at_s: ends.min().unwrap_or(first.ends_at_s),
        is_in_order: parsed
            .windows(2)
            .all(|pair| pair[0].issuer == pair[1].subject),
        server: server.clone().into_owned(),
    })
}

impl Inspection {
    /// Whether clients that ask for this host name or IP address accept the certificate.
    pub fn covers(&self, host: &str) -> bool {
        let host = host.trim_matches(['[', ']']);
        let Ok(name) = ServerName::try_from(host.to_owned()) else {
            return false;
        };
        ParsedCertificate::try_from(&self.server)
            .is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok())
    }
}

/// The fields of a certificate (RFC 5280, 4.1) that are looked at. Names as they are encoded.
struct Fields<'c> {
    issuer: &'c [u8],
    subject: &'c [u8],
    begins_at_s: i64,
    ends_at_s: i64,
}

impl<'c> Fields<'c> {
    fn parse(der: &'c [u8]) -> Option<Self> {
        let mut outer = Elements(Elements(der).next_of(SEQUENCE)?);
        let mut signed = Elements(outer.next_of(SEQUENCE)?);
        let mut tag_and_content = signed.next()?;
        if tag_and_content.0 == VERSION {
            tag_and_content = signed.next()?;
        }
        (tag_and_content.0 == INTEGER).then_some(())?;
        signed.next_of(SEQUENCE)?;
        let issuer = signed.next_of(SEQUENCE)?;
        let mut validity = Elements(signed.next_of(SEQUENCE)?);
        Some(Self {
            issuer,
            begins_at_s: seconds(validity.next()?)?,
            ends_at_s: seconds(validity.next()?)?,
            subject: signed.next_of(SEQUENCE)?,
        })
    }
}

/// Elements of DER, one after the other.
struct Elements<'c>(&'c [u8]);

impl<'c> Elements<'c> {
    fn next(&mut self) -> Option<(u8, &'c [u8])> {
        let (&[tag, first], mut rest) = self.0.split_first_chunk::<2>()?;
        let length = if first < 0x80 {
            usize::from(first)
        } else {
            let digits = usize::from(first & 0x7f);
            let (number, after) = rest.split_at_checked(digits)?;
            rest = after;
            (1..=4).contains(&digits).then_some(())?;
            number
                .iter()
                .fold(0, |length, digit| length << 8 | usize::from(*digit))
        };
        let (content, after) = rest.split_at_checked(length)?;
        self.0 = after;
        Some((tag, content))
    }

    fn next_of(&mut self, wanted: u8) -> Option<&'c [u8]> {
        self.next()
            .filter(|(tag, _)| *tag == wanted)
            .map(|(_, content)| content)
    }
}

/// `YYMMDDhhmmssZ`, years 1950 to 2049, or `YYYYMMDDhhmmssZ` (RFC 5280, 4.1.2.5).
fn seconds((tag, content): (u8, &[u8])) -> Option<i64> {
    let text = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i16>().ok();
    let (year, at) = match tag {
        UTC_TIME => {
            let year = number(0..2)?;
            (year + if year < 50 { 2000 } else { 1900 }, 2)
        }
        GENERALIZED_TIME => (number(0..4)?, 4),
        _ => return None,
    };
    let two = |nth: usize| i8::try_from(number(at + 2 * nth..at + 2 * nth + 2)?).ok();
    let moment = DateTime::new(year, two(0)?, two(1)?, two(2)?, two(3)?, two(4)?, 0).ok()?;
    let moment = moment.to_zoned(TimeZone::UTC).ok()?;
    Some(moment.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

    struct Made {
        chain: Vec<String>,
        key: String,
    }

    /// A certificate for names, and the one that issued it.
    fn made(names: &[&str]) -> Made {
        let authority_key = KeyPair::generate().expect("key");
        let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority
            .distinguished_name
            .push(rcgen::DnType::CommonName, "an authority");
        authority.not_after = date_time_ymd(2051, 2, 3);
        let authority_certificate = authority.self_signed(&authority_key).expect("certificate");
        let key = KeyPair::generate().expect("key");
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut parameters = CertificateParams::new(names).expect("parameters");
        parameters.not_before = date_time_ymd(2020, 1, 2);
        parameters.not_after = date_time_ymd(2049, 12, 31);
        let issuer = Issuer::new(authority, authority_key);
        let certificate = parameters.signed_by(&key, &issuer).expect("certificate");
        Made {
            chain: vec![certificate.pem(), authority_certificate.pem()],
            key: key.serialize_pem(),
        }
    }

    fn inspected(chain: &str, key: &str) -> Result<Inspection, TlsError> {
        let folder = tempfile::tempdir().expect("folder");
        let (certificate, key_file) = (folder.path().join("c"), folder.path().join("k"));
        std::fs::write(&certificate, chain).expect("write");
        std::fs::write(&key_file, key).expect("write");
        inspect(&certificate, &key_file)
    }

    #[test]
    fn dates_names_and_order_are_read() {
        let Made { chain, key } = made(&["registry.example.com", "*.example.org", "192.0.2.7"]);
        let found = inspected(&chain.concat(), &key).expect("both files are good");
        assert_eq!(found.begins_at_s, 1_577_923_200);
        assert_eq!(found.ends_at_s, 2_524_521_600);
        assert!(found.is_in_order);
        for (host, is_covered) in [
            ("registry.example.com", true),
            ("a.example.org", true),
            ("192.0.2.7", true),
            ("example.org", false),
            ("192.0.2.8", false),
            ("[::1]", false),
            ("", false),
        ] {
            assert_eq!(found.covers(host), is_covered, "{host}");
        }
        // Generalized time, because it ends after 2049.
        let other = made(&["other.example.com"]);
        let mixed = [&*chain[0], &*other.chain[0], &*chain[1]].concat();
        let found = inspected(&mixed, &key).expect("the first one counts");
        assert!(!found.is_in_order);
    }

    #[test]
    fn what_cannot_be_used_is_an_error() {
        let Made { chain, key } = made(&["registry.example.com"]);
        let turned = [&*chain[1], &*chain[0]].concat();
        assert!(matches!(
            inspected(&turned, &key),
            Err(TlsError::Mismatch { .. })
        ));
        assert!(inspected("", &key).is_err());
        for cut in 0..40 {
            assert!(Fields::parse(&[SEQUENCE; 40][cut..]).is_none());
        }
    }
}
