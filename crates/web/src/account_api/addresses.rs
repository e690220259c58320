//! Under which host names an account is reached.

use super::Call;
use super::reply::{Answered, Created, Done, Shown};
use serde::{Deserialize, Serialize};
use services::AccountAddress;
use utoipa::ToSchema;

/// A host name of an account.
#[derive(Serialize, ToSchema)]
pub(super) struct AddressShown {
    /// The name.
    host: String,
    /// Whether it follows from the account's name.
    is_automatic: bool,
}

/// The host names of an account.
#[derive(Serialize, ToSchema)]
pub(super) struct AddressesShown {
    /// All of them, the automatic one first.
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

fn shown(addresses: Vec<AccountAddress>) -> Shown<AddressesShown> {
    let addresses = addresses.into_iter().map(|address| AddressShown {
        host: address.host,
        is_automatic: address.is_automatic,
    });
    Shown(AddressesShown {
        addresses: addresses.collect(),
    })
}

/// `listAddresses`.
pub(super) async fn list(call: &Call<'_>) -> Answered<Shown<AddressesShown>> {
    let by = call.account().await?;
    Ok(shown(call.services().accounts.addresses(&by).await?))
}

/// `listDeploymentAddresses`.
pub(super) async fn list_of_deployment(call: &Call<'_>) -> Answered<Shown<AddressesShown>> {
    let by = call.operator().await?;
    let (deployment, account) = (&call.services().deployment, call.param("account"));
    Ok(shown(deployment.addresses(&by, account).await?))
}

/// `addAddress`.
pub(super) async fn add(call: &Call<'_>, new: NewAddress) -> Answered<Created<AddressShown>> {
    let by = call.operator().await?;
    let (deployment, account) = (&call.services().deployment, call.param("account"));
    let host = deployment.add_address(&by, account, &new.host).await?;
    let location = call.location(&host);
    let is_automatic = false;
    Ok(Created::at(location, AddressShown { host, is_automatic }))
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
