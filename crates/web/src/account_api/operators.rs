//! Who runs the deployment.

use super::reply::{Answered, Created, Done, List};
use super::{ApiError, Call, Time};
use model::{OperatorRole, Page};
use serde::{Deserialize, Serialize};
use services::OperatorRow;
use utoipa::ToSchema;

/// A role of an operator; who has several stands in the list as often.
#[derive(Serialize, ToSchema)]
pub(super) struct OperatorShown {
    user: String,
    role: &'static str,
    created_at: Time,
}

/// An operator to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OperatorRequest {
    /// The user's name.
    #[schema(max_length = 255)]
    user: String,
    /// `administrator`, `support`, `billing` or `auditor`.
    #[schema(max_length = 63)]
    role: String,
}

fn shown(row: OperatorRow) -> OperatorShown {
    OperatorShown {
        user: row.name,
        role: row.role.as_str(),
        created_at: Time::from_ms(row.created_at_ms),
    }
}

fn parse(role: &str) -> Option<OperatorRole> {
    OperatorRole::parse(role)
}

/// `listOperators`.
pub(super) async fn list(call: &Call<'_>) -> Answered<List<OperatorShown>> {
    let by = call.operator().await?;
    let all = call.services().deployment.list_operators(&by).await?;
    let (after, limit) = call.after();
    let key = |row: &OperatorRow| format!("{}/{}", row.name, row.role.as_str());
    let rest = all.into_iter().filter(|row| key(row) > after);
    let probe: Vec<_> = rest.take(limit.saturating_add(1)).collect();
    Ok(call.page(Page::from_probe(probe, limit, key), shown))
}

/// `addOperator`.
pub(super) async fn add(
    call: &Call<'_>,
    request: OperatorRequest,
) -> Answered<Created<OperatorShown>> {
    let by = call.operator().await?;
    let role = parse(&request.role).ok_or_else(|| {
        ApiError::invalid("the roles of operators are administrator, support, billing and auditor")
    })?;
    let deployment = &call.services().deployment;
    let row = deployment.add_operator(&by, &request.user, role).await?;
    let location = format!("{}/{}", call.location(&row.name), role.as_str());
    Ok(Created::at(location, shown(row)))
}

/// `removeOperator`.
pub(super) async fn remove(call: &Call<'_>) -> Answered<Done> {
    let by = call.operator().await?;
    let role = parse(call.param("role"))
        .ok_or_else(|| ApiError::not_found("there is no such role of operators"))?;
    let deployment = &call.services().deployment;
    deployment
        .remove_operator(&by, call.param("operator"), role)
        .await?;
    Ok(Done)
}
