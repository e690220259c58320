//! Limits that an account sets for itself, below those of its plan.

use super::Call;
use super::reply::{Answered, Done, Shown};
use serde::{Deserialize, Serialize};
use services::{AccountLimits, LimitsChange, LimitsOfAccount};
use utoipa::ToSchema;

/// Limits of an account's own: all of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnLimits {
    /// Bytes of storage, no more than the plan allows; 0, null or nothing for as much as the plan allows.
    #[serde(default)]
    storage_bytes: Option<u64>,
    /// Bytes pulled in a calendar month, likewise.
    #[serde(default)]
    pull_bytes_per_month: Option<u64>,
}

/// Limits, from one side.
#[derive(Serialize, ToSchema)]
pub(super) struct LimitsShown {
    /// Bytes of storage; null for no limit.
    storage_bytes: Option<u64>,
    /// Bytes pulled in a calendar month; null for no limit.
    pull_bytes_per_month: Option<u64>,
}

/// What an account may use.
#[derive(Serialize, ToSchema)]
pub(super) struct AccountLimitsShown {
    /// What it allows itself.
    own: LimitsShown,
    /// What its plan allows.
    plan: LimitsShown,
    /// The smaller of both: what holds.
    in_effect: LimitsShown,
}

fn shown(limits: &LimitsOfAccount) -> AccountLimitsShown {
    let of = |storage_bytes, pull_bytes_per_month| LimitsShown {
        storage_bytes,
        pull_bytes_per_month,
    };
    let (plan, in_effect) = (limits.plan, limits.in_effect());
    let AccountLimits {
        storage_bytes,
        pull_bytes_per_month,
    } = limits.own;
    AccountLimitsShown {
        own: of(storage_bytes, pull_bytes_per_month),
        plan: of(plan.storage_bytes, plan.pull_bytes_per_month),
        in_effect: of(in_effect.storage_bytes, in_effect.pull_bytes_per_month),
    }
}

pub(super) async fn get(call: &Call<'_>) -> Answered<Shown<AccountLimitsShown>> {
    let by = call.account().await?;
    let limits = call.services().accounts.limits(&by).await?;
    Ok(Shown(shown(&limits)))
}

pub(super) async fn set(call: &Call<'_>, wanted: OwnLimits) -> Answered<Done> {
    let by = call.account().await?;
    let change = LimitsChange {
        storage_bytes: Some(wanted.storage_bytes.unwrap_or(0)),
        pull_bytes_per_month: Some(wanted.pull_bytes_per_month.unwrap_or(0)),
    };
    call.services().accounts.set_limits(&by, change).await?;
    Ok(Done)
}
