//! Under which host names an account is reached.

use super::Call;
use super::certificates::{CertificateShown, shown as shown_certificate};
use super::reply::{Answered, Created, Done, Shown};
use super::time::Time;
use serde::{Deserialize, Serialize};
use services::{AccountAddress, AddressClaim, ProofMethod};
use utoipa::ToSchema;

/// What proves that a host name is the account's: the record, or the text at the URL.
#[derive(Serialize, ToSchema)]
pub(super) struct AddressChallenge {
    /// The name of a TXT record in the DNS that holds the content.
    dns_record: String,
    /// The URL at which the name's web server answers with 200 and the content, by plain HTTP.
    http_url: String,
    /// 64 hexadecimal digits, made for this account and this name.
    content: String,
    /// Until when it can be proved.
    expires_at: Time,
}

/// A host name of an account.
#[derive(Serialize, ToSchema)]
pub(super) struct AddressShown {
    /// The name.
    host: String,
    /// Whether it follows from the account's name.
    is_automatic: bool,
    /// What proves it: only for a name that was claimed and leads nowhere yet.
    challenge: Option<AddressChallenge>,
    /// The certificate that clients are shown for it; null for the listener's.
    certificate: Option<CertificateShown>,
}

/// The host names of an account.
#[derive(Serialize, ToSchema)]
pub(super) struct AddressesShown {
    /// All of them: the automatic one, then its own, then those that it claims.
    addresses: Vec<AddressShown>,
}

/// A host name that is to be an account's own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAddress {
    /// The name, without scheme and port.
    #[schema(max_length = 253, example = "registry.acme.example")]
    host: String,
}

/// How a host name is proved.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AddressProofMethod {
    /// By the record.
    Dns,
    /// By the text at the URL.
    Http,
}

/// A proof that is to be looked at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressProof {
    /// Where it is.
    method: AddressProofMethod,
}

fn challenge(claim: AddressClaim) -> AddressChallenge {
    AddressChallenge {
        dns_record: claim.record,
        http_url: claim.url,
        content: claim.content,
        expires_at: Time::from_ms(claim.expires_at_ms),
    }
}

fn one(address: AccountAddress) -> AddressShown {
    AddressShown {
        host: address.host,
        is_automatic: address.is_automatic,
        challenge: address.claim.map(challenge),
        certificate: address.certificate.map(shown_certificate),
    }
}

fn all(addresses: Vec<AccountAddress>) -> Shown<AddressesShown> {
    let addresses = addresses.into_iter().map(one).collect();
    Shown(AddressesShown { addresses })
}

/// `listAddresses`.
pub(super) async fn list(call: &Call<'_>) -> Answered<Shown<AddressesShown>> {
    let by = call.account().await?;
    Ok(all(call.services().addresses.list(&by).await?))
}

/// `claimAddress`.
pub(super) async fn claim(call: &Call<'_>, new: NewAddress) -> Answered<Created<AddressShown>> {
    let by = call.account().await?;
    let claimed = call.services().addresses.claim(&by, &new.host).await?;
    Ok(Created::at(call.location(&claimed.host), one(claimed)))
}

/// `proveAddress`.
pub(super) async fn prove(call: &Call<'_>, proof: AddressProof) -> Answered<Shown<AddressShown>> {
    let by = call.account().await?;
    let method = match proof.method {
        AddressProofMethod::Dns => ProofMethod::Dns,
        AddressProofMethod::Http => ProofMethod::Http,
    };
    let addresses = &call.services().addresses;
    let proved = addresses.prove(&by, call.param("host"), method).await?;
    Ok(Shown(one(proved)))
}

/// `giveUpAddress`.
pub(super) async fn give_up(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    let addresses = &call.services().addresses;
    addresses.remove(&by, call.param("host")).await?;
    Ok(Done)
}

/// `listDeploymentAddresses`.
pub(super) async fn list_of_deployment(call: &Call<'_>) -> Answered<Shown<AddressesShown>> {
    let by = call.operator().await?;
    let (addresses, account) = (&call.services().addresses, call.param("account"));
    Ok(all(addresses.list_for_deployment(&by, account).await?))
}

/// `addAddress`.
pub(super) async fn add(call: &Call<'_>, new: NewAddress) -> Answered<Created<AddressShown>> {
    let by = call.operator().await?;
    let (deployment, account) = (&call.services().deployment, call.param("account"));
    let host = deployment.add_address(&by, account, &new.host).await?;
    let location = call.location(&host);
    let made = AddressShown {
        host,
        is_automatic: false,
        challenge: None,
        certificate: None,
    };
    Ok(Created::at(location, made))
}

/// `removeAddress`.
pub(super) async fn remove(call: &Call<'_>) -> Answered<Done> {
    let by = call.operator().await?;
    let (deployment, account) = (&call.services().deployment, call.param("account"));
    deployment
        .remove_address(&by, account, call.param("host"))
        .await?;
    Ok(Done)
}
