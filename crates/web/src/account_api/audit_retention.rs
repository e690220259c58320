//! For how long an account keeps its audit log.

use super::Call;
use super::reply::{Answered, Shown};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// For how long an account keeps its audit log.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditRetention {
    /// Events older than so many days are purged; null for never.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(minimum = 1, maximum = 36500)]
    days: Option<i64>,
}

/// `getAuditRetention`.
pub(super) async fn get(call: &Call<'_>) -> Answered<Shown<AuditRetention>> {
    let by = call.account().await?;
    let days = call.services().audit.retention(&by).await?;
    Ok(Shown(AuditRetention { days }))
}

/// `setAuditRetention`.
pub(super) async fn set(
    call: &Call<'_>,
    wanted: AuditRetention,
) -> Answered<Shown<AuditRetention>> {
    let by = call.account().await?;
    let audit = &call.services().audit;
    audit.set_retention(&by, wanted.days).await?;
    Ok(Shown(wanted))
}
