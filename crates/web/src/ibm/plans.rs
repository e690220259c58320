//! The account's plan.

use super::{Call, IbmError, reply};
use crate::body::Body;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

/// The body of `UpdatePlans`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanWanted {
    plan: Option<String>,
}

/// `GetPlans`: its name; nothing for an account without one, which has no limits.
pub(super) async fn get(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    let plan = call.services().accounts.plan(&call.by).await?;
    let plan = plan.map_or_else(|| json!({}), |plan| json!({ "plan": plan.name }));
    Ok(reply::json(StatusCode::OK, &plan))
}

/// `UpdatePlans`: to one that is offered, and large enough.
pub(super) async fn update(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    call.require_login()?;
    let wanted: PlanWanted = call.json()?;
    let plan = wanted
        .plan
        .ok_or_else(|| IbmError::bad_request("name the plan"))?;
    call.services()
        .accounts
        .choose_plan(&call.by, &plan)
        .await?;
    Ok(reply::empty(StatusCode::OK))
}
