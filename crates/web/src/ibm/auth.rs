//! How people get to the account: by roles always, and over the private network alone if it says so.

use super::{Call, IbmError, reply};
use crate::body::Body;
use http::{Response, StatusCode};
use model::Action;
use serde::Deserialize;
use serde_json::json;
use services::NetworkRulesChange;

/// The body of `UpdateAuth`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthWanted {
    iam_authz: Option<bool>,
    private_only: Option<bool>,
}

/// `GetAuth`.
pub(super) async fn get(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    let rules = call.services().network_rules.get(&call.by).await?;
    let options = json!({ "iam_authz": true, "private_only": rules.private_only });
    Ok(reply::json(StatusCode::OK, &options))
}

/// `UpdateAuth`.
pub(super) async fn update(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    let services = call.services();
    let action = Action::NetworkRuleUpdate;
    services.authorizer.require(&call.by, action).await?;
    let wanted: AuthWanted = call.json()?;
    if wanted.iam_authz == Some(false) {
        return Err(IbmError::unsupported(
            "access is decided by roles always; iam_authz cannot be false",
        ));
    }
    if wanted.private_only.is_some() {
        let change = NetworkRulesChange {
            private_only: wanted.private_only,
            ..NetworkRulesChange::default()
        };
        services.network_rules.update(&call.by, change).await?;
    }
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
