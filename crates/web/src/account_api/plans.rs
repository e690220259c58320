//! Plans, for whoever runs the deployment.

use super::Call;
use super::reply::{Answered, Created, Done, List, Shown};
use model::{Plan, PlanLimits};
use serde::{Deserialize, Serialize};
use services::NewPlan;
use utoipa::ToSchema;

/// A plan: named limits. Null is as much as there is.
#[derive(Serialize, ToSchema)]
pub(super) struct PlanShown {
    name: String,
    description: String,
    /// Bytes of distinct digests.
    storage_bytes: Option<u64>,
    /// Bytes pulled per calendar month.
    pull_bytes_per_month: Option<u64>,
    /// Requests being answered at once, by each replica.
    requests_at_once: Option<u64>,
    namespaces: Option<u64>,
    /// Whether accounts may choose it themselves.
    is_offered: bool,
}

/// A plan to be made. What it does not limit is left out, or null.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanRequest {
    /// 1 to 63 letters, digits, hyphens and underscores.
    #[schema(max_length = 63)]
    name: String,
    #[serde(default)]
    #[schema(max_length = 1000)]
    description: String,
    /// Bytes of distinct digests.
    storage_bytes: Option<u64>,
    /// Bytes pulled per calendar month.
    pull_bytes_per_month: Option<u64>,
    /// Requests being answered at once, by each replica.
    requests_at_once: Option<u64>,
    namespaces: Option<u64>,
    /// Whether accounts may choose it themselves.
    #[serde(default)]
    is_offered: bool,
}

impl From<Plan> for PlanShown {
    fn from(plan: Plan) -> Self {
        Self {
            name: plan.name,
            description: plan.description,
            storage_bytes: plan.limits.storage_bytes,
            pull_bytes_per_month: plan.limits.pull_bytes_per_month,
            requests_at_once: plan.limits.requests_at_once,
            namespaces: plan.limits.namespaces,
            is_offered: plan.is_offered,
        }
    }
}

impl From<PlanRequest> for NewPlan {
    fn from(request: PlanRequest) -> Self {
        Self {
            name: request.name,
            description: request.description,
            limits: PlanLimits {
                storage_bytes: request.storage_bytes,
                pull_bytes_per_month: request.pull_bytes_per_month,
                requests_at_once: request.requests_at_once,
                namespaces: request.namespaces,
            },
            is_offered: request.is_offered,
        }
    }
}

/// `listPlans`.
pub(super) async fn list(call: &Call<'_>) -> Answered<List<PlanShown>> {
    let by = call.operator().await?;
    let deployment = &call.services().deployment;
    let page = deployment.list_plans(&by, call.after()).await?;
    Ok(call.page(page, PlanShown::from))
}

/// `createPlan`.
pub(super) async fn create(call: &Call<'_>, request: PlanRequest) -> Answered<Created<PlanShown>> {
    let by = call.operator().await?;
    let deployment = &call.services().deployment;
    let plan = deployment.create_plan(&by, request.into()).await?;
    Ok(Created::at(call.location(&plan.name), plan.into()))
}

/// `getPlan`.
pub(super) async fn get(call: &Call<'_>) -> Answered<Shown<PlanShown>> {
    let by = call.operator().await?;
    let deployment = &call.services().deployment;
    let plan = deployment.find_plan(&by, call.param("plan")).await?;
    Ok(Shown(plan.into()))
}

/// `deletePlan`.
pub(super) async fn delete(call: &Call<'_>) -> Answered<Done> {
    let by = call.operator().await?;
    let deployment = &call.services().deployment;
    deployment.delete_plan(&by, call.param("plan")).await?;
    Ok(Done)
}
