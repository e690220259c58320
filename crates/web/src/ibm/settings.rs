//! The account's settings: one, which has one value.

use super::{Call, IbmError, reply};
use crate::body::Body;
use http::{Response, StatusCode};
use model::Action;
use serde::Deserialize;
use serde_json::json;

/// The body of `UpdateSettings`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsWanted {
    platform_metrics: Option<bool>,
}

/// `GetSettings`.
pub(super) async fn get(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    let authorizer = &call.services().authorizer;
    let action = Action::ConfigurationRead;
    authorizer.require(&call.by, action).await?;
    let settings = json!({ "platform_metrics": false });
    Ok(reply::json(StatusCode::OK, &settings))
}

/// `UpdateSettings`.
pub(super) async fn update(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    let authorizer = &call.services().authorizer;
    let action = Action::ConfigurationUpdate;
    authorizer.require(&call.by, action).await?;
    let wanted: SettingsWanted = call.json()?;
    match wanted.platform_metrics {
        Some(true) => Err(IbmError::unsupported(
            "metrics of single accounts are not published; GET /api/v1/quotas tells what the account uses",
        )),
        Some(false) => Ok(reply::empty(StatusCode::NO_CONTENT)),
        None => Err(IbmError::bad_request("name platform_metrics")),
    }
}
