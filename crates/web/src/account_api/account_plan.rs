//! An account's plan, for its own people.

use super::Call;
use super::plans::PlanShown;
use super::reply::{Answered, Done, Shown};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An account's plan, and those that it can choose.
#[derive(Serialize, ToSchema)]
pub(super) struct OwnPlan {
    /// Null for none, and so no limits.
    plan: Option<PlanShown>,
    offered: Vec<PlanShown>,
}

/// The plan that an account wants.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnPlanChoice {
    /// The name of one that is offered.
    plan: String,
}

/// `getOwnPlan`.
pub(super) async fn get(call: &Call<'_>) -> Answered<Shown<OwnPlan>> {
    let by = call.account().await?;
    let accounts = &call.services().accounts;
    let offered = accounts.offered_plans(&by).await?;
    Ok(Shown(OwnPlan {
        plan: accounts.plan(&by).await?.map(PlanShown::from),
        offered: offered.into_iter().map(PlanShown::from).collect(),
    }))
}

/// `choosePlan`.
pub(super) async fn choose(call: &Call<'_>, choice: OwnPlanChoice) -> Answered<Done> {
    let by = call.account().await?;
    let accounts = &call.services().accounts;
    accounts.choose_plan(&by, &choice.plan).await?;
    Ok(Done)
}
