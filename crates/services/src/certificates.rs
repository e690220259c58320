//! The certificates that listeners show for accounts' own host names.
//!
//! Chain and key come from the account, are looked at before they are kept, and the key is sealed for the account and the
//! name: a row that came to another place opens nothing.

mod ending;
mod shown;

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::addresses::{read_host, unknown};
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::deployment::Deployment;
use crate::operators::{OperatorAction, OperatorContext};
use crate::{Error, Result};
use keys::{DeploymentKey, Purpose, SecretString, ServerCertificate};
use metadata::{AddressCertificateRow, Error as MetadataError, Reader, Tx};
use model::{AccountId, Action, Event};
use shown::ShownCertificates;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

const DAY_MS: i64 = 86_400_000;

/// A certificate to be shown for a host name.
#[derive(Clone, Debug)]
pub struct NewCertificate {
    /// PEM, the server's own first, then its issuers.
    pub chain: String,
    /// PEM, without a password.
    pub private_key: SecretString,
}

/// What is known of a certificate; never its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateView {
    /// Whom it is for, as it says itself.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// The DNS names that it is for.
    pub names: Vec<String>,
    /// SHA-256 of it, in hexadecimal digits.
    pub fingerprint: String,
    /// When it begins to be valid.
    pub begins_at_ms: i64,
    /// When it ends, or one of its issuers does.
    pub ends_at_ms: i64,
    /// Whole days until then; less than 0 when it has ended.
    pub days_left: i64,
    /// When it was put here.
    pub updated_at_ms: i64,
}

impl CertificateView {
    pub(crate) fn of(row: AddressCertificateRow, now_ms: i64) -> Self {
        Self {
            subject: row.subject,
            issuer: row.issuer,
            names: row.names,
            fingerprint: row.fingerprint,
            begins_at_ms: row.begins_at_ms,
            ends_at_ms: row.ends_at_ms,
            days_left: row.ends_at_ms.saturating_sub(now_ms).div_euclid(DAY_MS),
            updated_at_ms: row.updated_at_ms,
        }
    }
}

/// The certificates of accounts' host names.
pub struct Certificates {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    deployment: Deployment,
    key: Arc<DeploymentKey>,
    shown: ShownCertificates,
    /// When the first of all certificates ends, as it was last looked at; 0 when there is none.
    first_end_ms: AtomicI64,
}

impl Certificates {
    pub(crate) fn new(
        core: Arc<Core>,
        authorizer: Arc<Authorizer>,
        key: Arc<DeploymentKey>,
    ) -> Self {
        Self {
            deployment: Deployment::new(core.clone(), authorizer.clone()),
            core,
            authorizer,
            key,
            shown: ShownCertificates::default(),
            first_end_ms: AtomicI64::new(0),
        }
    }

    /// The certificate of an account's host name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, by: &AccountContext, host: &str) -> Result<CertificateView, Refused> {
        self.authorizer.require(by, Action::AccountRead).await?;
        let (host, now_ms) = (read_host(host)?, self.core.now_ms());
        let read = |reader: &Reader<'_>| find(reader, by.id(), &host, now_ms);
        Ok(self.core.metadata.read(read).await?)
    }

    /// The same for operators.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get_for_deployment(
        &self,
        by: &OperatorContext,
        account: &str,
        host: &str,
    ) -> Result<CertificateView, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::AccountRead)?;
        let (host, now_ms) = (read_host(host)?, self.core.now_ms());
        let found = self.core.metadata.read(|reader| {
            let found = reader.find_account_by_name(account)?;
            find(
                reader,
                &found.ok_or_else(|| unknown(account))?.id,
                &host,
                now_ms,
            )
        });
        Ok(found.await?)
    }

    /// Shows a certificate for an account's host name from now on, in place of the one before. On other replicas a second
    /// later.
    ///
    /// # Errors
    /// [`Error::Invalid`] for one that clients would not accept there; [`Error::NotFound`] for a name that is not the
    /// account's own.
    pub async fn put(
        &self,
        by: &AccountContext,
        host: &str,
        new: NewCertificate,
    ) -> Result<CertificateView, Refused> {
        self.authorizer.require(by, Action::AccountUpdate).await?;
        let (host, parsed) = (read_host(host)?, Arc::new(parse(&new)?));
        self.require_good(&parsed, &host)?;
        let (key, now_ms) = (self.key.clone(), self.core.now_ms());
        let put = self.core.change(by, move |_, tx, account| {
            let row = row(&key, account, &host, &parsed, now_ms);
            let event = store(tx, &row)?;
            Ok((CertificateView::of(row, now_ms), Some(event)))
        });
        Ok(put.await?)
    }

    /// The same by operators.
    ///
    /// # Errors
    /// The same.
    pub async fn put_for_deployment(
        &self,
        by: &OperatorContext,
        (account, host): (&str, &str),
        new: NewCertificate,
    ) -> Result<CertificateView, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::AccountUpdate)?;
        let (host, parsed) = (read_host(host)?, Arc::new(parse(&new)?));
        self.require_good(&parsed, &host)?;
        let (key, now_ms, account) = (self.key.clone(), self.core.now_ms(), account.to_owned());
        let put = self.deployment.change(by, move |_, tx| {
            let found = tx.find_account_by_name(&account)?;
            let found = found.ok_or_else(|| unknown(&account))?;
            let row = row(&key, &found.id, &host, &parsed, now_ms);
            let event = store(tx, &row)?;
            Ok((CertificateView::of(row, now_ms), found.id, event))
        });
        Ok(put.await?)
    }

    /// Shows the deployment's certificate for an account's host name again.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete(&self, by: &AccountContext, host: &str) -> Result<(), Refused> {
        self.authorizer.require(by, Action::AccountUpdate).await?;
        let address = read_host(host)?;
        let deleted = self.core.change(by, move |_, tx, account| {
            let event = remove(tx, account, address)?;
            Ok(((), Some(event)))
        });
        Ok(deleted.await?)
    }

    /// The same by operators.
    ///
    /// # Errors
    /// The same.
    pub async fn delete_for_deployment(
        &self,
        by: &OperatorContext,
        account: &str,
        host: &str,
    ) -> Result<(), Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::AccountUpdate)?;
        let (address, account) = (read_host(host)?, account.to_owned());
        let deleted = self.deployment.change(by, move |_, tx| {
            let found = tx.find_account_by_name(&account)?;
            let found = found.ok_or_else(|| unknown(&account))?;
            let event = remove(tx, &found.id, address)?;
            Ok(((), found.id, event))
        });
        Ok(deleted.await?)
    }

    /// Refuses what clients would.
    fn require_good(&self, certificate: &ServerCertificate, host: &str) -> Result<()> {
        let (facts, now_ms) = (certificate.facts(), self.core.now_ms());
        let why = if !certificate.covers(host) {
            format!(
                "the certificate is not for {host} but for {}; the names count that it has as subject alternative names",
                match facts.names.as_slice() {
                    [] => "no DNS name".to_owned(),
                    names => names.join(", "),
                }
            )
        } else if facts.ends_at_ms <= now_ms {
            "the certificate, or an issuer in its chain, has expired".to_owned()
        } else if facts.begins_at_ms > now_ms {
            "the certificate is not valid yet".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::Invalid(why))
    }
}

fn parse(new: &NewCertificate) -> Result<ServerCertificate> {
    let parsed = ServerCertificate::parse(&new.chain, &new.private_key);
    parsed.map_err(|rejected| Error::Invalid(rejected.to_string()))
}

fn find(
    reader: &Reader<'_>,
    account: &AccountId,
    host: &str,
    now_ms: i64,
) -> Result<CertificateView> {
    let found = reader.find_address_certificate(host)?;
    let own = found.filter(|row| row.account_id == *account);
    own.map(|row| CertificateView::of(row, now_ms))
        .ok_or_else(|| missing(host))
}

fn missing(host: &str) -> Error {
    Error::NotFound(format!("a certificate of the account for {host}"))
}

/// What a key is sealed for.
fn place(account: &AccountId, host: &str) -> String {
    format!("{}/{host}", account.as_str())
}

fn row(
    key: &DeploymentKey,
    account: &AccountId,
    host: &str,
    certificate: &ServerCertificate,
    now_ms: i64,
) -> AddressCertificateRow {
    let facts = certificate.facts().clone();
    let private_key = certificate.key_pem();
    AddressCertificateRow {
        sealed_key: key.seal(
            Purpose::ADDRESS_CERTIFICATE,
            &place(account, host),
            private_key.expose().as_bytes(),
        ),
        host: host.to_owned(),
        account_id: account.clone(),
        chain: certificate.chain_pem(),
        subject: facts.subject,
        issuer: facts.issuer,
        names: facts.names,
        fingerprint: facts.fingerprint,
        begins_at_ms: facts.begins_at_ms,
        ends_at_ms: facts.ends_at_ms,
        updated_at_ms: now_ms,
        told_days: None,
    }
}

fn store(tx: &mut Tx<'_>, row: &AddressCertificateRow) -> Result<Event> {
    let refuse = || {
        Error::NotFound(format!(
            "the address {}, proved by the account or given to it,",
            row.host
        ))
    };
    if tx.find_account_by_host(&row.host)?.as_ref() != Some(&row.account_id) {
        return Err(refuse());
    }
    tx.put_address_certificate(row)
        .map_err(|error| match error {
            // It was taken away at this moment.
            MetadataError::ReferenceViolated => refuse(),
            error => error.into(),
        })?;
    Ok(Event::AddressCertificatePut {
        address: row.host.clone(),
        fingerprint: row.fingerprint.clone(),
        ends_at: date(row.ends_at_ms),
    })
}

fn remove(tx: &mut Tx<'_>, account: &AccountId, address: String) -> Result<Event> {
    if !tx.delete_address_certificate(account, &address)? {
        return Err(missing(&address));
    }
    Ok(Event::AddressCertificateDeleted { address })
}

/// RFC 3339.
fn date(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| String::new(), |at| at.to_string())
}
