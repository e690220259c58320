//! Carrying out `roadstead admin member` and `roadstead admin group`.

use super::Answer;
use crate::cli::{GroupCommand, MemberCommand, MemberRole};
use crate::text::{date, table};
use model::Role;
use serde_json::json;
use services::{
    AccountContext, Accounts, GranteeRef, GroupRef, GroupView, ListQuery, Listed, MemberView,
    NamespaceRef, Refused,
};

/// Rows asked for at a time.
const PAGE: i64 = 1000;

pub(super) async fn member(
    accounts: &Accounts,
    by: &AccountContext,
    command: MemberCommand,
) -> anyhow::Result<Answer> {
    Ok(match command {
        MemberCommand::Add {
            namespace,
            user,
            role,
            group,
        } => {
            let role = role_of(role);
            let (kind, whom) = grantee(group, &user);
            let named = NamespaceRef::Name(&namespace);
            accounts.put_member(by, named, whom, role).await?;
            Answer::new(
                json!({ "namespace": namespace, kind: user, "role": role.as_str() }),
                format!("{user} is {} in {namespace}\n", role.as_str()),
            )
        }
        MemberCommand::Remove {
            namespace,
            user,
            group,
        } => {
            let (kind, whom) = grantee(group, &user);
            let named = NamespaceRef::Name(&namespace);
            accounts.delete_member(by, named, whom).await?;
            Answer::new(
                json!({ "namespace": namespace, kind: user }),
                format!("{user} has no role in {namespace} any more\n"),
            )
        }
        MemberCommand::List { namespace } => {
            let members = all_members(accounts, by, &namespace).await?;
            let kind = |member: &MemberView| if member.is_group { "group" } else { "user" };
            let rows = members.iter().map(|member| {
                vec![
                    member.name.clone(),
                    kind(member).to_owned(),
                    member.role.as_str().to_owned(),
                ]
            });
            let text = table(&["NAME", "KIND", "ROLE"], rows);
            let json = members
                .iter()
                .map(|member| json!({ kind(member): member.name, "role": member.role.as_str() }));
            Answer::new(json.collect(), text)
        }
    })
}

pub(super) async fn group(
    accounts: &Accounts,
    by: &AccountContext,
    command: GroupCommand,
) -> anyhow::Result<Answer> {
    Ok(match command {
        GroupCommand::Create { name } => {
            accounts.create_group(by, &name).await?;
            Answer::new(
                json!({ "name": name }),
                format!("group {name} was created\n"),
            )
        }
        GroupCommand::List => {
            let groups = all_groups(accounts, by).await?;
            let rows = groups
                .iter()
                .map(|group| vec![group.name.clone(), date(Some(group.created_at_ms))]);
            let text = table(&["NAME", "CREATED"], rows);
            let json = groups.iter().map(|group| {
                json!({ "name": group.name, "created_at": date(Some(group.created_at_ms)) })
            });
            Answer::new(json.collect(), text)
        }
        GroupCommand::Members { name } => {
            let users = users_of(accounts, by, &name).await?;
            let text = table(&["USER"], users.iter().map(|user| vec![user.clone()]));
            Answer::new(
                users.iter().map(|user| json!({ "user": user })).collect(),
                text,
            )
        }
        GroupCommand::AddMember { name, user } => {
            let group = GroupRef::Name(name.clone());
            accounts.put_group_member(by, group, &user).await?;
            Answer::new(
                json!({ "name": name, "user": user }),
                format!("{user} is in {name}\n"),
            )
        }
        GroupCommand::RemoveMember { name, user } => {
            let group = GroupRef::Name(name.clone());
            accounts.delete_group_member(by, group, &user).await?;
            Answer::new(
                json!({ "name": name, "user": user }),
                format!("{user} is not in {name} any more\n"),
            )
        }
        GroupCommand::Delete { name } => {
            accounts
                .delete_group(by, GroupRef::Name(name.clone()))
                .await?;
            Answer::new(
                json!({ "name": name }),
                format!("group {name} is deleted\n"),
            )
        }
    })
}

fn grantee(is_group: bool, name: &str) -> (&'static str, GranteeRef) {
    if is_group {
        ("group", GranteeRef::GroupName(name.to_owned()))
    } else {
        ("user", GranteeRef::UserName(name.to_owned()))
    }
}

fn page_after(count: usize) -> ListQuery {
    ListQuery {
        offset: i64::try_from(count).unwrap_or(i64::MAX),
        limit: PAGE,
        ..ListQuery::default()
    }
}

async fn all_members(
    accounts: &Accounts,
    by: &AccountContext,
    namespace: &str,
) -> Result<Vec<MemberView>, Refused> {
    let mut all = Vec::new();
    loop {
        let (named, query) = (NamespaceRef::Name(namespace), page_after(all.len()));
        let Listed { items, .. } = accounts.list_members(by, named, query).await?;
        if items.is_empty() {
            return Ok(all);
        }
        all.extend(items);
    }
}

async fn all_groups(accounts: &Accounts, by: &AccountContext) -> Result<Vec<GroupView>, Refused> {
    let mut all = Vec::new();
    loop {
        let Listed { items, .. } = accounts.list_groups(by, page_after(all.len())).await?;
        if items.is_empty() {
            return Ok(all);
        }
        all.extend(items);
    }
}

async fn users_of(
    accounts: &Accounts,
    by: &AccountContext,
    group: &str,
) -> Result<Vec<String>, Refused> {
    let mut all: Vec<String> = Vec::new();
    loop {
        let after = all.last().cloned().unwrap_or_default();
        let named = GroupRef::Name(group.to_owned());
        let page = accounts.list_group_members(by, named, after).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn role_of(role: MemberRole) -> Role {
    match role {
        MemberRole::ProjectAdmin => Role::ProjectAdmin,
        MemberRole::Maintainer => Role::Maintainer,
        MemberRole::Developer => Role::Developer,
        MemberRole::Guest => Role::Guest,
        MemberRole::LimitedGuest => Role::LimitedGuest,
    }
}
