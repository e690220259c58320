//! Closing accounts, and what is left of them.

use super::reply::{Answered, Done, Shown};
use super::{Call, Time};
use serde::{Deserialize, Serialize};
use services::{Closing, Receipt};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How an account is to be closed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClosingRequest {
    /// For how many days it can be restored; without it, as many as the deployment's settings say.
    #[schema(maximum = 3650)]
    grace_days: Option<u32>,
    /// Whether it may be pulled from until then.
    #[serde(default)]
    allows_pull: bool,
    /// Why, in words for its administrators.
    #[serde(default)]
    #[schema(max_length = 1000)]
    reason: String,
}

/// An account's end.
#[derive(Serialize, ToSchema)]
pub(super) struct ClosingShown {
    /// From when on its content is destroyed.
    destroy_at: Time,
}

/// Where the account's audit log stood when nothing was left.
#[derive(Serialize, ToSchema)]
pub(super) struct ReceiptAudit {
    /// The number of its newest event.
    number: i64,
    /// The link of that event, from which everything before it can be proved.
    hash: String,
}

/// What was destroyed of an account.
#[derive(Serialize, ToSchema)]
pub(super) struct ReceiptShown {
    account: String,
    /// When the destruction began.
    begun_at: Time,
    /// When nothing was left; null while it goes on.
    destroyed_at: Option<Time>,
    /// How much it was, by kind: `manifests`, `repositories`, `namespaces`, `users`, `robots` and whatever else there was.
    counts: BTreeMap<String, u64>,
    /// Bytes that the account used.
    bytes: u64,
    /// Null while the destruction goes on.
    audit: Option<ReceiptAudit>,
}

impl From<Receipt> for ReceiptShown {
    fn from(receipt: Receipt) -> Self {
        Self {
            account: receipt.account,
            begun_at: Time::from_ms(receipt.begun_at_ms),
            destroyed_at: receipt.destroyed_at_ms.map(Time::from_ms),
            counts: receipt.counts,
            bytes: receipt.bytes,
            audit: receipt
                .audit
                .map(|(number, hash)| ReceiptAudit { number, hash }),
        }
    }
}

/// `closeAccount`.
pub(super) async fn close(
    call: &Call<'_>,
    request: ClosingRequest,
) -> Answered<Shown<ClosingShown>> {
    let by = call.operator().await?;
    let closing = Closing {
        grace_days: request.grace_days,
        allows_pull: request.allows_pull,
        reason: request.reason,
    };
    let deployment = &call.services().deployment;
    let closed = deployment.close_account(&by, call.param("account"), closing);
    Ok(Shown(ClosingShown {
        destroy_at: Time::from_ms(closed.await?),
    }))
}

/// `restoreAccount`.
pub(super) async fn restore(call: &Call<'_>) -> Answered<Done> {
    let by = call.operator().await?;
    let deployment = &call.services().deployment;
    deployment
        .restore_account(&by, call.param("account"))
        .await?;
    Ok(Done)
}

/// `getReceipt`.
pub(super) async fn receipt(call: &Call<'_>) -> Answered<Shown<ReceiptShown>> {
    let by = call.operator().await?;
    let deployment = &call.services().deployment;
    let found = deployment.find_receipt(&by, call.param("account"));
    Ok(Shown(found.await?.into()))
}
