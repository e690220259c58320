//! What the account may use, and uses.

use super::{Call, IbmError, reply};
use crate::body::Body;
use http::{Response, StatusCode};
use model::Action;
use serde::Deserialize;
use serde_json::json;
use services::LimitsChange;

/// The body of `UpdateQuota`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuotaWanted {
    storage_megabytes: Option<i64>,
    traffic_megabytes: Option<i64>,
}

/// `GetQuota`; -1 is as much as there is.
pub(super) async fn get(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    let usage = call.services().usage.of_account(&call.by, None).await?;
    let limit = |limit: Option<u64>| limit.map_or_else(|| json!(-1), |limit| json!(limit));
    let now = usage.now.ok_or(services::Error::Internal)?;
    let quota = json!({
        "limit": {
            "storage_bytes": limit(now.storage_limit_bytes),
            "traffic_bytes": limit(now.limits.pull_bytes_per_month),
        },
        "usage": {
            "storage_bytes": now.used_bytes,
            "traffic_bytes": usage.traffic.pull_bytes,
        },
    });
    Ok(reply::json(StatusCode::OK, &quota))
}

/// `UpdateQuota`: limits of the account's own, below its plan's. What is not named is left alone; 0 and -1 are as much as the
/// plan allows.
pub(super) async fn update(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    let (authorizer, accounts) = (&call.services().authorizer, &call.services().accounts);
    authorizer.require(&call.by, Action::QuotaUpdate).await?;
    let wanted: QuotaWanted = call.json()?;
    if wanted.storage_megabytes.is_none() && wanted.traffic_megabytes.is_none() {
        return Err(IbmError::bad_request(
            "name storage_megabytes or traffic_megabytes",
        ));
    }
    let change = LimitsChange {
        storage_bytes: wanted.storage_megabytes.map(bytes).transpose()?,
        pull_bytes_per_month: wanted.traffic_megabytes.map(bytes).transpose()?,
    };
    accounts.set_limits(&call.by, change).await?;
    Ok(reply::empty(StatusCode::OK))
}

/// Megabytes are of 1024 times 1024 bytes.
fn bytes(megabytes: i64) -> Result<u64, IbmError> {
    let bytes = match megabytes {
        -1 => Some(0),
        megabytes => u64::try_from(megabytes)
            .ok()
            .and_then(|megabytes| megabytes.checked_mul(1 << 20)),
    };
    bytes.ok_or_else(|| {
        IbmError::bad_request(
            "a limit is a number of megabytes, or -1 for as much as the plan allows",
        )
    })
}
