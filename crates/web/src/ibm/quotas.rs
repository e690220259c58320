//! What the account may use, and uses.

use super::{Call, IbmError, reply};
use crate::body::Body;
use http::{Response, StatusCode};
use model::Action;
use serde::Deserialize;
use serde_json::json;

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

/// `UpdateQuota`: the limits are the plan's, so there is nothing to update.
pub(super) async fn update(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    let authorizer = &call.services().authorizer;
    authorizer.require(&call.by, Action::QuotaUpdate).await?;
    let wanted: QuotaWanted = call.json()?;
    if wanted.storage_megabytes.is_none() && wanted.traffic_megabytes.is_none() {
        return Err(IbmError::bad_request(
            "name storage_megabytes or traffic_megabytes",
        ));
    }
    Err(IbmError::unsupported(
        "an account's limits are those of its plan: choose another plan, or limit single namespaces through /api/v2.0/quotas",
    ))
}
