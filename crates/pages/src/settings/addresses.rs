//! Addresses: under which host names an account is reached, and with which certificates.

use crate::frame::Frame;
use crate::links::Link;
use crate::values::Moment;
use askama::Template;

/// The addresses of an account.
#[derive(Clone, Debug, Template)]
#[template(path = "settings/addresses.html")]
pub struct Addresses {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// Those that there are: its own, then those that it claims.
    pub addresses: Vec<AddressLine>,
    /// Whether the reader may change them.
    pub may_change: bool,
    /// What was typed as a new one.
    pub typed: String,
    /// Why it was not added.
    pub failed: Option<String>,
}

/// An address.
#[derive(Clone, Debug)]
pub struct AddressLine {
    /// The host name.
    pub host: String,
    /// Whether it follows from the account's name.
    pub is_automatic: bool,
    /// What proves it, while it is only claimed.
    pub claim: Option<Claim>,
    /// The certificate that it was given.
    pub certificate: Option<Certificate>,
}

/// What proves that a name is the account's: one of two things.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The name of a TXT record.
    pub record: String,
    /// The address of a page, by plain HTTP.
    pub url: String,
    /// What either of them has to say.
    pub content: String,
    /// Until when that proves it.
    pub until: Moment,
}

/// A certificate.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Whom it is for, as it says itself.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// The names that it is for.
    pub names: Vec<String>,
    /// SHA-256 of it.
    pub fingerprint: String,
    /// When it begins to be valid.
    pub begins: Moment,
    /// When it ends.
    pub ends: Moment,
    /// How that is.
    pub standing: CertificateStanding,
}

/// Whether a certificate can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateStanding {
    /// It can, for long.
    Good,
    /// It ends in so many days.
    Soon(u64),
    /// It has ended.
    Ended,
}

impl Addresses {
    fn link(&self, host: &str) -> String {
        Link::Under(&self.account, &["settings", "addresses", host]).to_string()
    }
}

/// An address of an account.
#[derive(Clone, Debug, Template)]
#[template(path = "settings/address.html")]
pub struct Address {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The address.
    pub line: AddressLine,
    /// Whether the reader may change it.
    pub may_change: bool,
    /// The certificate that was typed.
    pub typed: String,
    /// Why something did not work, and with what.
    pub failed: Option<(AddressForm, String)>,
}

/// A form of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressForm {
    /// The proof.
    Proof,
    /// The certificate.
    Certificate,
    /// Giving the certificate up.
    NoCertificate,
    /// Giving the address up.
    Delete,
}

impl Address {
    fn link(&self) -> String {
        Link::Under(&self.account, &["settings", "addresses", &self.line.host]).to_string()
    }

    fn failed_of(&self, form: AddressForm) -> Option<&String> {
        let failed = self.failed.as_ref().filter(|(of, _)| *of == form);
        failed.map(|(_, why)| why)
    }

    fn why_proof(&self) -> Option<&String> {
        self.failed_of(AddressForm::Proof)
    }

    fn why_certificate(&self) -> Option<&String> {
        self.failed_of(AddressForm::Certificate)
    }

    fn why_no_certificate(&self) -> Option<&String> {
        self.failed_of(AddressForm::NoCertificate)
    }

    fn why_delete(&self) -> Option<&String> {
        self.failed_of(AddressForm::Delete)
    }
}
