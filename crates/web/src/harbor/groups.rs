//! Groups of users.

use super::query::{holds, is};
use super::reply::{Reply, omit_empty};
use super::{Call, HarborError, ldap};
use serde::Deserialize;
use serde_json::{Value, json};
use services::{GroupKind, GroupRef, GroupView, ListQuery};

/// Harbor's number for groups whose users it is told by somebody else: here, the account's administrators.
const OWN: i64 = 2;

#[derive(Deserialize)]
pub(super) struct GroupRequest {
    #[serde(default)]
    pub(super) id: i64,
    #[serde(default)]
    pub(super) group_name: String,
    #[serde(default)]
    pub(super) group_type: i64,
    #[serde(default)]
    pub(super) ldap_group_dn: String,
}

impl GroupRequest {
    /// The name of the group's entry in a directory, if it is one of a directory.
    pub(super) fn entry(&self) -> Option<&str> {
        let is_of_directory = self.group_type == ldap::GROUP_TYPE;
        is_of_directory.then_some(&self.ldap_group_dn)
    }

    /// Harbor's number for the account's group that stands for one of its directory; the group is made if it is not there.
    pub(super) async fn adopt(&self, call: &Call<'_>, entry: &str) -> Result<i64, HarborError> {
        if entry.is_empty() {
            return Err(HarborError::bad_request(
                "a group of a directory needs ldap_group_dn: the name of its entry there",
            ));
        }
        let query = ListQuery {
            conditions: vec![is("ldap_group_dn", entry)],
            limit: 1,
            ..ListQuery::default()
        };
        let services = call.services();
        let known = services.accounts.search_groups(&call.by, query).await?;
        if let Some(known) = known.items.first() {
            return Ok(known.number);
        }
        let sources = &services.identity_sources;
        Ok(sources
            .adopt_group(&call.by, entry, &self.group_name)
            .await?)
    }
}

/// Who is in a group of an issuer is said at logins; a request for one must not end in a group that never has anyone in it.
pub(super) fn require_own_kind(group_type: i64) -> Result<(), HarborError> {
    match group_type {
        0 | OWN => Ok(()),
        3 => Err(HarborError::bad_request(format!(
            "groups of an OIDC issuer (3) come with their people and cannot be named here; use group_type {OWN}, or 1 with ldap_group_dn"
        ))),
        other => Err(HarborError::bad_request(format!(
            "there is no group_type {other}; use {OWN}"
        ))),
    }
}

fn group(group: &GroupView) -> Value {
    let (kind, directory_name) = match group.kind {
        GroupKind::Ldap => (1, group.external_name.as_deref()),
        GroupKind::Local => (OWN, None),
        GroupKind::Oidc => (3, None),
    };
    omit_empty(
        json!({
            "id": group.number,
            "group_name": group.name,
            "group_type": kind,
            "ldap_group_dn": directory_name,
        }),
        &[],
    )
}

/// `listUserGroups`.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    let mut query = call.query.list()?;
    query.conditions.clear();
    if let Some(name) = call.query.get("group_name").filter(|name| !name.is_empty()) {
        query.conditions.push(holds("group_name", name));
    }
    if let Some(name) = call
        .query
        .get("ldap_group_dn")
        .filter(|name| !name.is_empty())
    {
        query.conditions.push(is("ldap_group_dn", name));
    }
    let listed = call
        .services()
        .accounts
        .list_groups(&call.by, query)
        .await?;
    call.page(&listed, group)
}

/// `searchUserGroups`: for everyone in the account.
pub(super) async fn search(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let name = call.query.get("groupname").filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| HarborError::unprocessable("groupname in query is required"))?;
    let mut query = call.query.list()?;
    query.conditions = vec![holds("group_name", name)];
    query.order.clear();
    let listed = call
        .services()
        .accounts
        .search_groups(&call.by, query)
        .await?;
    call.page(&listed, |found| {
        let mut item = group(found);
        if let Some(fields) = item.as_object_mut() {
            fields.remove("ldap_group_dn");
        }
        item
    })
}

/// `createUserGroup`.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let request: GroupRequest = call.json()?;
    if let Some(entry) = request.entry() {
        let number = request.adopt(call, entry).await?;
        return Ok(Reply::created(&call.location(&number)));
    }
    require_own_kind(request.group_type)?;
    let accounts = &call.services().accounts;
    let number = accounts.create_group(&call.by, &request.group_name).await?;
    Ok(Reply::created(&call.location(&number)))
}

/// `getUserGroup`.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("group_id")?;
    let found = call
        .services()
        .accounts
        .find_group(&call.by, number)
        .await?;
    Ok(Reply::json(&group(&found)))
}

/// `updateUserGroup`: its name; nothing else of a group can be changed.
pub(super) async fn update(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("group_id")?;
    let request: GroupRequest = call.json()?;
    let accounts = &call.services().accounts;
    accounts
        .rename_group(&call.by, number, &request.group_name)
        .await?;
    Ok(Reply::done())
}

/// `deleteUserGroup`.
pub(super) async fn delete(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("group_id")?;
    let accounts = &call.services().accounts;
    accounts
        .delete_group(&call.by, GroupRef::Number(number))
        .await?;
    Ok(Reply::done())
}
