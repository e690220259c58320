//! The certificates that listeners show for accounts' own host names.

use super::Call;
use super::reply::{Answered, Done, Shown};
use super::time::Time;
use serde::{Deserialize, Serialize};
use services::{CertificateView, NewCertificate, SecretString};
use utoipa::ToSchema;

/// A certificate to be shown for a host name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CertificateText {
    /// The certificate and its issuers as PEM, the server's own first; ten at most.
    #[schema(max_length = 65_536)]
    certificate_chain: String,
    /// Its private key as PEM, without a password: RSA of 2048 to 8192 bits, ECDSA on P-256 or P-384, or Ed25519. It is kept
    /// sealed and never shown.
    #[schema(value_type = String, max_length = 16_384)]
    private_key: SecretString,
}

/// A certificate of a host name.
#[derive(Serialize, ToSchema)]
pub(super) struct CertificateShown {
    /// Whom it is for, as it says itself.
    subject: String,
    /// Who issued it.
    issuer: String,
    /// The DNS names that it is for.
    names: Vec<String>,
    /// SHA-256 of it, in hexadecimal digits.
    fingerprint: String,
    /// When it begins to be valid.
    not_before: Time,
    /// When it ends, or the first of its issuers does.
    not_after: Time,
    /// Whole days until then; less than 0 when it has ended.
    days_left: i64,
    /// When it was put here.
    updated_at: Time,
}

pub(super) fn shown(view: CertificateView) -> CertificateShown {
    CertificateShown {
        subject: view.subject,
        issuer: view.issuer,
        names: view.names,
        fingerprint: view.fingerprint,
        not_before: Time::from_ms(view.begins_at_ms),
        not_after: Time::from_ms(view.ends_at_ms),
        days_left: view.days_left,
        updated_at: Time::from_ms(view.updated_at_ms),
    }
}

impl From<CertificateText> for NewCertificate {
    fn from(text: CertificateText) -> Self {
        Self {
            chain: text.certificate_chain,
            private_key: text.private_key,
        }
    }
}

/// `getAddressCertificate`.
pub(super) async fn get(call: &Call<'_>) -> Answered<Shown<CertificateShown>> {
    let by = call.account().await?;
    let certificates = &call.services().certificates;
    Ok(Shown(shown(
        certificates.get(&by, call.param("host")).await?,
    )))
}

/// `putAddressCertificate`.
pub(super) async fn put(
    call: &Call<'_>,
    new: CertificateText,
) -> Answered<Shown<CertificateShown>> {
    let by = call.account().await?;
    let certificates = &call.services().certificates;
    let put = certificates.put(&by, call.param("host"), new.into());
    Ok(Shown(shown(put.await?)))
}

/// `deleteAddressCertificate`.
pub(super) async fn delete(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    let certificates = &call.services().certificates;
    certificates.delete(&by, call.param("host")).await?;
    Ok(Done)
}

/// `getDeploymentAddressCertificate`.
pub(super) async fn get_of_deployment(call: &Call<'_>) -> Answered<Shown<CertificateShown>> {
    let by = call.operator().await?;
    let (account, host) = (call.param("account"), call.param("host"));
    let certificates = &call.services().certificates;
    let found = certificates.get_for_deployment(&by, account, host);
    Ok(Shown(shown(found.await?)))
}

/// `putDeploymentAddressCertificate`.
pub(super) async fn put_of_deployment(
    call: &Call<'_>,
    new: CertificateText,
) -> Answered<Shown<CertificateShown>> {
    let by = call.operator().await?;
    let place = (call.param("account"), call.param("host"));
    let certificates = &call.services().certificates;
    let put = certificates.put_for_deployment(&by, place, new.into());
    Ok(Shown(shown(put.await?)))
}

/// `deleteDeploymentAddressCertificate`.
pub(super) async fn delete_of_deployment(call: &Call<'_>) -> Answered<Done> {
    let by = call.operator().await?;
    let (account, host) = (call.param("account"), call.param("host"));
    let certificates = &call.services().certificates;
    certificates
        .delete_for_deployment(&by, account, host)
        .await?;
    Ok(Done)
}
