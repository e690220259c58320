//! Invitations: an account asks a user of another to become its member, and the user decides.

use super::query::Parameter;
use super::reply::{Answered, Created, Done, List};
use super::{ApiError, Call, Time};
use serde::{Deserialize, Serialize};
use services::{Comparison, Condition, InvitationRow, InvitationText};
use utoipa::ToSchema;

/// What `listInvitations` knows.
pub(super) const LIST: &[Parameter] = &[Parameter::text(
    "q",
    "Invitations for names that hold this text.",
    255,
)];

/// An invitation that is open.
#[derive(Serialize, ToSchema)]
pub(super) struct InvitationShown {
    id: String,
    /// The account that invites.
    account: String,
    /// The name that was invited. Whether somebody has it is not told.
    user: String,
    /// The role that it brings.
    role: String,
    /// The namespace that the role is for; null for the whole account.
    namespace: Option<String>,
    /// Who invited.
    invited_by: String,
    created_at: Time,
    /// Until when it can be accepted.
    expires_at: Time,
}

/// An invitation to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InvitationRequest {
    /// The name of a user of another account.
    #[schema(min_length = 1, max_length = 255)]
    user: String,
    /// A role that every account has, or one of the account's own. Nobody gives what it does not hold itself.
    #[schema(max_length = 63)]
    role: String,
    /// The namespace that the role is for; without it, the whole account.
    #[serde(default)]
    #[schema(max_length = 255)]
    namespace: Option<String>,
    /// For how many days it can be accepted; 7 without it.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 30)]
    expires_in_days: Option<i64>,
}

/// What is decided about an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InvitationDecision {
    /// `accept` or `decline`.
    #[schema(max_length = 63)]
    decision: String,
}

fn shown(row: InvitationRow) -> InvitationShown {
    InvitationShown {
        id: row.id.to_string(),
        account: row.account_name,
        user: row.user_name,
        role: row.role_name,
        namespace: row.namespace_name,
        invited_by: row.invited_by,
        created_at: Time::from_ms(row.created_at_ms),
        expires_at: Time::from_ms(row.expires_at_ms),
    }
}

/// `listInvitations`.
pub(super) async fn list(call: &Call<'_>) -> Answered<List<InvitationShown>> {
    let by = call.account().await?;
    let mut query = call.list_query()?;
    if let Some(text) = call.query.text("q") {
        query.conditions.push(Condition {
            field: "user".to_owned(),
            comparison: Comparison::Contains(text.to_owned()),
        });
    }
    let listed = call.services().invitations.list(&by, query).await?;
    call.counted(listed, shown)
}

/// `createInvitation`.
pub(super) async fn create(
    call: &Call<'_>,
    request: InvitationRequest,
) -> Answered<Created<InvitationShown>> {
    let by = call.account().await?;
    let text = InvitationText {
        user: request.user,
        role: request.role,
        namespace: request.namespace,
        days: request.expires_in_days,
    };
    let made = call.services().invitations.create(&by, text).await?;
    let location = call.location(made.id.as_str());
    Ok(Created::at(location, shown(made)))
}

/// `revokeInvitation`.
pub(super) async fn revoke(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    let id = call.param("invitation");
    call.services().invitations.revoke(&by, id).await?;
    Ok(Done)
}

/// `listOwnInvitations`.
pub(super) async fn list_own(call: &Call<'_>) -> Answered<List<InvitationShown>> {
    let query = call.list_query()?;
    let invitations = &call.services().invitations;
    let listed = invitations.list_own(call.caller(), query).await?;
    call.counted(listed, shown)
}

/// `decideInvitation`.
pub(super) async fn decide(call: &Call<'_>, request: InvitationDecision) -> Answered<Done> {
    let (invitations, id) = (&call.services().invitations, call.param("invitation"));
    match request.decision.as_str() {
        "accept" => invitations.accept(call.caller(), id).await?,
        "decline" => invitations.decline(call.caller(), id).await?,
        _ => {
            return Err(ApiError::invalid(
                "an invitation is decided with accept or decline",
            ));
        }
    }
    Ok(Done)
}
