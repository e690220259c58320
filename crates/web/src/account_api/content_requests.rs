//! Operators ask to see what is in an account; its administrators decide.

use super::grants::equal;
use super::query::Parameter;
use super::reply::{Answered, Created, Done, List, Shown};
use super::{ApiError, Call, Time};
use serde::{Deserialize, Serialize};
use services::{ContentDecision, ContentRequestRow, ContentRequestText};
use utoipa::ToSchema;

const STATES: &[&str] = &["asked", "granted", "declined", "revoked", "withdrawn"];

/// What both lists know.
pub(super) const LIST: &[Parameter] = &[
    Parameter::one_of("state", "Requests that stand there.", STATES),
    Parameter::text("operator", "Requests of this operator.", 255),
];

/// An operator's request to see what is in an account.
#[derive(Serialize, ToSchema)]
pub(super) struct ContentRequestShown {
    id: String,
    account: String,
    /// Who asked.
    operator: String,
    /// The only namespace that it is about; null for all.
    namespace: Option<String>,
    reason: String,
    /// For how long, from when it is granted.
    hours: i64,
    /// `asked`, `granted`, `declined`, `revoked` or `withdrawn`.
    state: &'static str,
    asked_at: Time,
    /// Who decided last.
    decided_by: Option<String>,
    decided_at: Option<Time>,
    /// When the operator may look no longer.
    expires_at: Option<Time>,
}

/// What an operator asks for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ContentRequestRequest {
    /// The account's name.
    #[schema(max_length = 63)]
    account: String,
    /// The only namespace that is wanted; without it, all.
    #[serde(default)]
    #[schema(max_length = 255)]
    namespace: Option<String>,
    /// Why, in one line.
    #[schema(max_length = 1000)]
    reason: String,
    /// For how long, from when it is granted.
    #[schema(minimum = 1, maximum = 168)]
    hours: i64,
}

/// What is decided about a request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ContentDecisionRequest {
    /// `grant`, `decline`, or for one that was granted `revoke`.
    #[schema(max_length = 63)]
    decision: String,
    /// Granted for fewer hours than were asked for.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 168)]
    hours: Option<i64>,
}

fn shown(row: ContentRequestRow) -> ContentRequestShown {
    let request = row.request;
    ContentRequestShown {
        id: request.id.to_string(),
        account: row.account_name,
        operator: row.operator_name,
        namespace: request.namespace_name,
        reason: request.reason,
        hours: request.hours,
        state: request.state.as_str(),
        asked_at: Time::from_ms(request.asked_at_ms),
        decided_by: request.decided_by,
        decided_at: request.decided_at_ms.map(Time::from_ms),
        expires_at: request.expires_at_ms.map(Time::from_ms),
    }
}

fn query(call: &Call<'_>) -> Answered<services::ListQuery> {
    let mut query = call.list_query()?;
    for field in ["state", "operator"] {
        if let Some(text) = call.query.text(field) {
            query.conditions.push(equal(field, text));
        }
    }
    Ok(query)
}

/// `listContentRequests`.
pub(super) async fn list(call: &Call<'_>) -> Answered<List<ContentRequestShown>> {
    let by = call.account().await?;
    let accounts = &call.services().accounts;
    let listed = accounts.list_content_requests(&by, query(call)?).await?;
    call.counted(listed, shown)
}

/// `decideContentRequest`.
pub(super) async fn decide(
    call: &Call<'_>,
    request: ContentDecisionRequest,
) -> Answered<Shown<ContentRequestShown>> {
    let by = call.account().await?;
    let decision = match (request.decision.as_str(), request.hours) {
        ("grant", hours) => ContentDecision::Grant(hours),
        ("decline", None) => ContentDecision::Decline,
        ("revoke", None) => ContentDecision::Revoke,
        ("decline" | "revoke", Some(_)) => {
            return Err(ApiError::invalid(
                "only a request that is granted has hours",
            ));
        }
        _ => {
            return Err(ApiError::invalid(
                "a request is decided with grant, decline or revoke",
            ));
        }
    };
    let accounts = &call.services().accounts;
    let decided = accounts
        .decide_content_request(&by, call.param("request"), decision)
        .await?;
    Ok(Shown(shown(decided)))
}

/// `listAllContentRequests`.
pub(super) async fn list_of_deployment(call: &Call<'_>) -> Answered<List<ContentRequestShown>> {
    let by = call.operator().await?;
    let deployment = &call.services().deployment;
    let listed = deployment.list_content_requests(&by, query(call)?).await?;
    call.counted(listed, shown)
}

/// `createContentRequest`.
pub(super) async fn create(
    call: &Call<'_>,
    request: ContentRequestRequest,
) -> Answered<Created<ContentRequestShown>> {
    let by = call.operator().await?;
    let text = ContentRequestText {
        account: request.account,
        namespace: request.namespace,
        reason: request.reason,
        hours: request.hours,
    };
    let deployment = &call.services().deployment;
    let asked = deployment.request_content(&by, text).await?;
    let location = call.location(asked.request.id.as_str());
    Ok(Created::at(location, shown(asked)))
}

/// `withdrawContentRequest`.
pub(super) async fn withdraw(call: &Call<'_>) -> Answered<Done> {
    let by = call.operator().await?;
    let deployment = &call.services().deployment;
    deployment
        .withdraw_content_request(&by, call.param("request"))
        .await?;
    Ok(Done)
}
