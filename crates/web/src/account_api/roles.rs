//! Roles of an account's own, and the actions that roles are made of.

use super::reply::{Answered, Created, Done, List, Shown};
use super::{Call, Time};
use model::{Action, CustomRole, Page, Role};
use serde::{Deserialize, Serialize};
use services::RoleText;
use utoipa::ToSchema;

/// A role of the account's own.
#[derive(Serialize, ToSchema)]
pub(super) struct RoleShown {
    name: String,
    description: String,
    /// What it holds.
    actions: Vec<&'static str>,
    created_at: Time,
    updated_at: Time,
}

/// A role as it is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleRequest {
    /// 1 to 63 small letters, digits and hyphens; none of the roles that every account has.
    #[schema(max_length = 63)]
    name: String,
    #[serde(default)]
    #[schema(max_length = 1000)]
    description: String,
    /// What it holds, such as `repository:pull`.
    #[schema(max_items = 256)]
    actions: Vec<String>,
}

/// One thing that may be allowed.
#[derive(Serialize, ToSchema)]
pub(super) struct ActionShown {
    name: &'static str,
    description: String,
    /// The roles that every account has and that hold it.
    roles: Vec<&'static str>,
}

fn shown(role: CustomRole) -> RoleShown {
    RoleShown {
        name: role.name,
        description: role.description,
        actions: role.actions.iter().map(Action::as_str).collect(),
        created_at: Time::from_ms(role.created_at_ms),
        updated_at: Time::from_ms(role.updated_at_ms),
    }
}

impl From<RoleRequest> for RoleText {
    fn from(request: RoleRequest) -> Self {
        Self {
            name: request.name,
            description: request.description,
            actions: request.actions,
        }
    }
}

/// `listRoles`.
pub(super) async fn list(call: &Call<'_>) -> Answered<List<RoleShown>> {
    let by = call.account().await?;
    let listed = call.services().roles.list(&by, call.list_query()?).await?;
    call.counted(listed, shown)
}

/// `createRole`.
pub(super) async fn create(call: &Call<'_>, request: RoleRequest) -> Answered<Created<RoleShown>> {
    let by = call.account().await?;
    let made = call.services().roles.create(&by, request.into()).await?;
    Ok(Created::at(call.location(&made.name), shown(made)))
}

/// `getRole`.
pub(super) async fn get(call: &Call<'_>) -> Answered<Shown<RoleShown>> {
    let by = call.account().await?;
    let found = call.services().roles.get(&by, call.param("role")).await?;
    Ok(Shown(shown(found)))
}

/// `updateRole`.
pub(super) async fn update(call: &Call<'_>, request: RoleRequest) -> Answered<Shown<RoleShown>> {
    let by = call.account().await?;
    let roles = &call.services().roles;
    let changed = roles
        .update(&by, call.param("role"), request.into())
        .await?;
    Ok(Shown(shown(changed)))
}

/// `deleteRole`.
pub(super) async fn delete(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    call.services()
        .roles
        .delete(&by, call.param("role"))
        .await?;
    Ok(Done)
}

/// `listActions`.
pub(super) async fn actions(call: &Call<'_>) -> Answered<List<ActionShown>> {
    let by = call.account().await?;
    let actions = call.services().roles.actions(&by).await?;
    let (after, limit) = call.after();
    let rest = actions
        .iter()
        .skip_while(|action| !after.is_empty() && action.as_str() != after);
    let rest = rest.skip(usize::from(!after.is_empty()));
    let probe: Vec<Action> = rest.take(limit.saturating_add(1)).copied().collect();
    let page = Page::from_probe(probe, limit, |action| action.as_str().to_owned());
    Ok(call.page(page, |action| ActionShown {
        name: action.as_str(),
        description: action.description(),
        roles: Role::ALL
            .iter()
            .filter(|role| role.allows(action))
            .map(|role| role.as_str())
            .collect(),
    }))
}
