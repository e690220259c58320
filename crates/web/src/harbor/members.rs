//! Members of projects: users and groups, and their roles.

use super::groups::{self, GroupRequest};
use super::projects::role_id;
use super::query::holds;
use super::reply::Reply;
use super::{Call, HarborError};
use model::Role;
use serde::Deserialize;
use serde_json::{Value, json};
use services::{Error, GranteeRef, MemberView, Refused};

#[derive(Deserialize)]
struct MemberRequest {
    #[serde(default)]
    role_id: i64,
    member_user: Option<UserEntity>,
    member_group: Option<GroupRequest>,
}

#[derive(Deserialize)]
struct UserEntity {
    #[serde(default)]
    user_id: i64,
    #[serde(default)]
    username: String,
}

#[derive(Deserialize)]
struct RoleRequest {
    #[serde(default)]
    role_id: i64,
}

/// The role that Harbor numbers so.
fn role_of(id: i64) -> Result<Role, HarborError> {
    Ok(match id {
        1 => Role::ProjectAdmin,
        2 => Role::Developer,
        3 => Role::Guest,
        4 => Role::Maintainer,
        5 => Role::LimitedGuest,
        _ => {
            return Err(HarborError::bad_request(
                "role_id has to be 1 (projectAdmin), 2 (developer), 3 (guest), 4 (maintainer) or 5 (limitedGuest)",
            ));
        }
    })
}

fn role_name(id: i64) -> &'static str {
    match id {
        1 => "projectAdmin",
        2 => "developer",
        3 => "guest",
        4 => "maintainer",
        _ => "limitedGuest",
    }
}

impl MemberRequest {
    /// The group that it is about, when a directory has it and no number names it.
    fn group_of_directory(&self) -> Option<&GroupRequest> {
        let names_user = self
            .member_user
            .as_ref()
            .is_some_and(|user| user.user_id > 0 || !user.username.is_empty());
        let group = self.member_group.as_ref().filter(|group| group.id <= 0);
        group.filter(|_| !names_user)
    }

    /// Whom it is about: a number counts more than a name, and a user more than a group, as with Harbor.
    fn whom(&self) -> Result<GranteeRef, HarborError> {
        if let Some(user) = &self.member_user {
            if user.user_id > 0 {
                return Ok(GranteeRef::UserNumber(user.user_id));
            }
            if !user.username.is_empty() {
                return Ok(GranteeRef::UserName(user.username.clone()));
            }
        }
        if let Some(group) = &self.member_group {
            if group.id > 0 {
                return Ok(GranteeRef::GroupNumber(group.id));
            }
            if !group.group_name.is_empty() || !group.ldap_group_dn.is_empty() {
                groups::require_own_kind(group.group_type)?;
                return Ok(GranteeRef::GroupName(group.group_name.clone()));
            }
        }
        Err(HarborError::bad_request(
            "name the member: member_user with user_id or username, or member_group with id or group_name",
        ))
    }
}

fn member(member: &MemberView) -> Value {
    let role = role_id(member.role);
    json!({
        "id": member.number,
        "project_id": member.namespace_number,
        "entity_name": member.name,
        "entity_id": member.grantee_number,
        "entity_type": if member.is_group { "g" } else { "u" },
        "role_id": role,
        "role_name": role_name(role),
    })
}

/// `listProjectMembers`.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    let mut query = call.query.list()?;
    query.conditions.clear();
    if let Some(name) = call.query.get("entityname").filter(|name| !name.is_empty()) {
        query.conditions.push(holds("entityname", name));
    }
    let accounts = &call.services().accounts;
    let listed = accounts
        .list_members(&call.by, call.namespace(), query)
        .await?;
    call.page(&listed, member)
}

/// `createProjectMember`.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let request: MemberRequest = call.json()?;
    let role = role_of(request.role_id)?;
    let of_directory = request.group_of_directory();
    let whom = match of_directory.and_then(|group| group.entry().map(|entry| (group, entry))) {
        Some((group, entry)) => GranteeRef::GroupNumber(group.adopt(call, entry).await?),
        None => request.whom()?,
    };
    let accounts = &call.services().accounts;
    let added = accounts
        .add_member(&call.by, call.namespace(), whom, role)
        .await;
    let number = added.map_err(|refused| match refused {
        Refused::Failed(Error::AlreadyExists(_)) => {
            HarborError::conflict("The project member specified already exist")
        }
        refused => refused.into(),
    })?;
    Ok(Reply::created(&call.location(&number)))
}

/// `getProjectMember`.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("mid")?;
    let accounts = &call.services().accounts;
    let found = accounts
        .find_member(&call.by, call.namespace(), number)
        .await?;
    Ok(Reply::json(&member(&found)))
}

/// `updateProjectMember`.
pub(super) async fn update(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("mid")?;
    let request: RoleRequest = call.json()?;
    let role = role_of(request.role_id)?;
    let accounts = &call.services().accounts;
    accounts
        .set_member_role(&call.by, call.namespace(), number, role)
        .await?;
    Ok(Reply::done())
}

/// `deleteProjectMember`.
pub(super) async fn delete(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("mid")?;
    let accounts = &call.services().accounts;
    accounts
        .remove_member(&call.by, call.namespace(), number)
        .await?;
    Ok(Reply::done())
}
