//! Which certificate is shown for a name: asked at each handshake, and answered from memory for as long as nobody has changed
//! any policy.

use super::{Certificates, place};
use crate::{Error, Result};
use keys::{Purpose, ServerCertificate};
use metadata::AddressCertificateRow;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// Names with a certificate that are remembered, and names without one, which anybody can ask for.
const REMEMBERED: usize = 10_000;
/// The longest host name (RFC 1035).
const HOST_BYTES: usize = 253;

/// A certificate that is ready to be shown.
#[derive(Clone)]
struct Ready {
    /// The policy epoch in which it was last looked at.
    epoch: u64,
    fingerprint: String,
    updated_at_ms: i64,
    certificate: Arc<ServerCertificate>,
}

/// What is remembered of names.
pub(super) struct ShownCertificates {
    ready: Cache<String, Ready>,
    /// Names without a certificate, and in which epoch.
    without: Cache<String, u64>,
}

impl Default for ShownCertificates {
    fn default() -> Self {
        Self {
            ready: Cache::new(REMEMBERED),
            without: Cache::new(REMEMBERED),
        }
    }
}

impl Certificates {
    /// The certificate that is shown to a client that asks for this name, which is lower case; `None` for the deployment's.
    /// While the database does not answer, the one that was known before is good enough.
    pub async fn shown_for(&self, host: &str) -> Option<Arc<ServerCertificate>> {
        if host.len() > HOST_BYTES || self.core.settings.shared_host.as_deref() == Some(host) {
            return None;
        }
        // Noted before the question: a change in between is found out by the next handshake.
        let epoch = self.core.metadata.epochs().policy();
        let known = self.shown.ready.get(host);
        if let Some(known) = &known
            && known.epoch == epoch
        {
            return Some(known.certificate.clone());
        }
        if self.shown.without.get(host) == Some(epoch) {
            return None;
        }
        let read = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_address_certificate(host)?));
        match read.await {
            Ok(found) => self.remember(host, epoch, (known, found)),
            Err(error) => {
                tracing::warn!(%error, host, "the certificate of a name could not be looked for");
                known.map(|known| known.certificate)
            }
        }
    }

    fn remember(
        &self,
        host: &str,
        epoch: u64,
        (known, found): (Option<Ready>, Option<AddressCertificateRow>),
    ) -> Option<Arc<ServerCertificate>> {
        let forget = || {
            self.shown.ready.remove(host);
            self.shown.without.insert(host.to_owned(), epoch);
        };
        let Some(row) = found else {
            forget();
            return None;
        };
        let is_same = |known: &Ready| {
            known.fingerprint == row.fingerprint && known.updated_at_ms == row.updated_at_ms
        };
        let certificate = if let Some(known) = known.filter(is_same) {
            known.certificate
        } else if let Ok(certificate) = self.open(&row) {
            Arc::new(certificate)
        } else {
            forget();
            return None;
        };
        self.shown.ready.insert(
            host.to_owned(),
            Ready {
                epoch,
                fingerprint: row.fingerprint,
                updated_at_ms: row.updated_at_ms,
                certificate: certificate.clone(),
            },
        );
        Some(certificate)
    }

    /// What was good when it was put there is good now, unless the row was changed, or the key is another deployment's.
    fn open(&self, row: &AddressCertificateRow) -> Result<ServerCertificate> {
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(host = row.host, %error, "a certificate cannot be used; the deployment's is shown");
            Error::Internal
        };
        let (purpose, place) = (
            Purpose::ADDRESS_CERTIFICATE,
            place(&row.account_id, &row.host),
        );
        let key = self.key.unseal(purpose, &place, &row.sealed_key);
        let key = key.map_err(|error| failed(&error))?.into_text();
        let key = key.ok_or_else(|| failed(&"its key is no text"))?;
        ServerCertificate::parse(&row.chain, &key).map_err(|error| failed(&error))
    }
}
