//! The people of an account.

use super::query::Parameter;
use super::reply::{Answered, Created, Done, List, Shown};
use super::{ApiError, Call, Time};
use serde::{Deserialize, Serialize};
use services::{Comparison, Condition, NewAccountUser, SecretString, UserProfile, UserView};
use utoipa::ToSchema;

/// What `listMembers` knows.
pub(super) const LIST: &[Parameter] = &[Parameter::text("q", "Names that hold this text.", 255)];

/// A member of an account.
#[derive(Serialize, ToSchema)]
pub(super) struct MemberShown {
    /// Its number in the account, which no other gets ever.
    number: i64,
    name: String,
    /// Its address for mail.
    email: String,
    real_name: String,
    comment: String,
    /// Whether it administers the account.
    is_administrator: bool,
    created_at: Time,
}

/// A user to be made, with a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberRequest {
    /// 1 to 255 letters, digits, '.', '_', '-', '@' or '+'.
    #[schema(max_length = 255)]
    name: String,
    #[schema(max_length = 1024)]
    password: String,
    #[serde(default)]
    #[schema(max_length = 255)]
    email: String,
    #[serde(default)]
    #[schema(max_length = 255)]
    real_name: String,
    #[serde(default)]
    #[schema(max_length = 255)]
    comment: String,
    /// Whether it administers the account.
    #[serde(default)]
    is_administrator: bool,
}

/// What is to change about a member.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberChange {
    /// Whether it administers the account.
    is_administrator: bool,
}

fn shown(user: UserView) -> MemberShown {
    MemberShown {
        number: user.number,
        name: user.name,
        email: user.profile.email,
        real_name: user.profile.real_name,
        comment: user.profile.comment,
        is_administrator: user.is_administrator,
        created_at: Time::from_ms(user.created_at_ms),
    }
}

fn number(call: &Call<'_>) -> Answered<i64> {
    let number = call.param("member").parse();
    number.map_err(|_| ApiError::not_found("it does not exist, or you may not see it"))
}

/// `listMembers`.
pub(super) async fn list(call: &Call<'_>) -> Answered<List<MemberShown>> {
    let by = call.account().await?;
    let mut query = call.list_query()?;
    if let Some(text) = call.query.text("q") {
        query.conditions.push(Condition {
            field: "username".to_owned(),
            comparison: Comparison::Contains(text.to_owned()),
        });
    }
    let listed = call.services().accounts.list_users(&by, query).await?;
    call.counted(listed, shown)
}

/// `createMember`.
pub(super) async fn create(
    call: &Call<'_>,
    request: MemberRequest,
) -> Answered<Created<MemberShown>> {
    let by = call.account().await?;
    let new = NewAccountUser {
        name: request.name,
        password: SecretString::new(request.password),
        profile: UserProfile {
            email: request.email,
            real_name: request.real_name,
            comment: request.comment,
            updated_at_ms: 0,
        },
        is_administrator: request.is_administrator,
    };
    let accounts = &call.services().accounts;
    let number = accounts.create_user(&by, new).await?;
    let made = accounts.find_user(&by, number).await?;
    Ok(Created::at(call.location(&number.to_string()), shown(made)))
}

/// `getMember`.
pub(super) async fn get(call: &Call<'_>) -> Answered<Shown<MemberShown>> {
    let by = call.account().await?;
    let accounts = &call.services().accounts;
    Ok(Shown(shown(accounts.find_user(&by, number(call)?).await?)))
}

/// `updateMember`.
pub(super) async fn update(call: &Call<'_>, change: MemberChange) -> Answered<Done> {
    let by = call.account().await?;
    let accounts = &call.services().accounts;
    accounts
        .set_administrator(&by, number(call)?, change.is_administrator)
        .await?;
    Ok(Done)
}

/// `removeMember`.
pub(super) async fn remove(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    let accounts = &call.services().accounts;
    accounts.delete_user(&by, number(call)?).await?;
    Ok(Done)
}
