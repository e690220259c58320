//! Certificates as they should be, and otherwise.

use std::path::Path;

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

/// A certificate with its issuer's, and its key, as PEM.
#[derive(Clone)]
pub(super) struct Certificate {
    pub(super) chain: Vec<String>,
    pub(super) key: String,
}

impl Certificate {
    /// For a name, from one day to another as counted from today.
    pub(super) fn of(name: &str, from_day: i64, to_day: i64) -> Self {
        let issuer_key = KeyPair::generate().expect("a key");
        let mut issuer = CertificateParams::new(Vec::new()).expect("parameters");
        issuer.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer_name = format!("the authority of {name}");
        issuer
            .distinguished_name
            .push(DnType::CommonName, issuer_name);
        let issuer_certificate = issuer.self_signed(&issuer_key).expect("a certificate");
        let key = KeyPair::generate().expect("a key");
        let mut own = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let (year, month, date) = day(from_day);
        own.not_before = date_time_ymd(year, month, date);
        let (year, month, date) = day(to_day);
        own.not_after = date_time_ymd(year, month, date);
        let issuer = Issuer::new(issuer, issuer_key);
        let certificate = own.signed_by(&key, &issuer).expect("a certificate");
        Self {
            chain: vec![certificate.pem(), issuer_certificate.pem()],
            key: key.serialize_pem(),
        }
    }

    /// Writes both files, and returns their paths.
    pub(super) fn write(&self, folder: &Path) -> [String; 2] {
        let contents = [
            ("tls.crt", self.chain.concat()),
            ("tls.key", self.key.clone()),
        ];
        contents.map(|(name, content)| {
            let path = folder.join(name);
            std::fs::write(&path, content).expect("it is ours");
            path.display().to_string()
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the program compares it with the machine's clock"
)]
fn day(from_today: i64) -> (i32, u8, u8) {
    let date = Timestamp::now().to_zoned(TimeZone::UTC).date() + from_today.days();
    let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
    (date.year().into(), month, day)
}
