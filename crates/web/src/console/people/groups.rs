//! Groups of an account's users.

use super::{mendable_name, parts};
use crate::console::failed::{Failed, mendable};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::Action;
use pages::people::groups::{Group, GroupLine, Groups};
use pages::people::parts::Part;
use pages::{Link, Moment, Notice, Page as _, Section};
use services::{
    AccountContext, Comparison, Condition, GroupKind, GroupRef, GroupView, ListQuery, Refused,
    Value,
};

/// `GET /accounts/{account}/groups`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let page = page(visit, &by, (String::new(), None)).await?;
    Ok(Sent::page(page.html()))
}

async fn page(
    visit: &Visit<'_>,
    by: &AccountContext,
    form: (String, Option<String>),
) -> Result<Groups, Failed> {
    let query = super::list_by(visit, "group_name");
    let listed = visit.services().accounts.list_groups(by, query).await?;
    let lines = listed.items.into_iter().map(line).collect();
    let (groups, next) = visit.page_of(lines, |group: &GroupLine| &group.name);
    let may_create = visit.may(by, Action::UserGroupCreate).await?;
    Ok(Groups {
        frame: visit.frame_of(by, Section::Members).await?,
        account: by.account().name.clone(),
        parts: parts(visit, by, Part::Groups).await?,
        words: visit.query.get("q").to_owned(),
        groups,
        next,
        form: may_create.then_some(form),
    })
}

fn line(view: GroupView) -> GroupLine {
    let external = view.external_name.unwrap_or_else(|| view.name.clone());
    GroupLine {
        external: (view.kind != GroupKind::Local).then_some(external),
        name: view.name,
        created: Moment(view.created_at_ms),
    }
}

/// `POST /accounts/{account}/groups`: makes one.
pub(super) async fn create(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let name = visit.form.get("name").trim().to_owned();
    match visit.services().accounts.create_group(&by, &name).await {
        Ok(_) => Ok(Sent::to(&one(&by, &name))),
        Err(refused) => {
            let form = (name, Some(mendable(refused)?));
            let page = page(visit, &by, form).await?;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

fn one(by: &AccountContext, name: &str) -> String {
    let link = Link::Under(&by.account().name, &["groups", name]).to_string();
    format!("{link}?notice={}", Notice::Saved.word())
}

/// The group of the path.
async fn find(visit: &Visit<'_>, by: &AccountContext) -> Result<GroupLine, Failed> {
    let value = Value {
        text: visit.param("group").to_owned(),
        time_ms: None,
    };
    let query = ListQuery {
        conditions: vec![Condition {
            field: "group_name".to_owned(),
            comparison: Comparison::AnyOf(vec![value]),
        }],
        limit: 1,
        ..ListQuery::default()
    };
    let listed = visit.services().accounts.list_groups(by, query).await?;
    let found = listed.items.into_iter().next();
    found.map(line).ok_or_else(Failed::not_found)
}

/// `GET /accounts/{account}/groups/{group}`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let line = find(visit, &by).await?;
    let page = group(visit, &by, line).await?;
    Ok(Sent::page(page.html()))
}

async fn group(visit: &Visit<'_>, by: &AccountContext, line: GroupLine) -> Result<Group, Failed> {
    let named = GroupRef::Name(line.name.clone());
    let after = visit.query.get("after").to_owned();
    let accounts = &visit.services().accounts;
    let users = accounts.list_group_members(by, named, after).await?;
    let (users, next) = visit.page_of(users, |name| name);
    let may_change = line.external.is_none() && visit.may(by, Action::UserGroupUpdate).await?;
    Ok(Group {
        frame: visit.frame_of(by, Section::Members).await?,
        account: by.account().name.clone(),
        group: line,
        users,
        next,
        may_change,
        may_delete: visit.may(by, Action::UserGroupDelete).await?,
        typed: String::new(),
        failed: None,
        not_deleted: None,
    })
}

/// The way to the group, or its page again with what was wrong.
async fn done(
    visit: &Visit<'_>,
    by: &AccountContext,
    (line, result): (GroupLine, Result<(), Refused>),
) -> Result<Sent, Failed> {
    match result {
        Ok(()) => Ok(Sent::to(&one(by, &line.name))),
        Err(refused) => {
            let failed = Some(mendable_name(refused)?);
            let mut page = group(visit, by, line).await?;
            visit.form.get("user").clone_into(&mut page.typed);
            page.failed = failed;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// `POST /accounts/{account}/groups/{group}/add`: puts a user into it.
pub(super) async fn add(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let line = find(visit, &by).await?;
    let (accounts, user) = (&visit.services().accounts, visit.form.get("user").trim());
    let named = GroupRef::Name(line.name.clone());
    let result = accounts.put_group_member(&by, named, user).await;
    done(visit, &by, (line, result)).await
}

/// `POST /accounts/{account}/groups/{group}/remove`: takes a user out of it.
pub(super) async fn remove(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let line = find(visit, &by).await?;
    let (accounts, user) = (&visit.services().accounts, visit.form.get("user"));
    let named = GroupRef::Name(line.name.clone());
    let result = accounts.delete_group_member(&by, named, user).await;
    done(visit, &by, (line, result)).await
}

/// `POST /accounts/{account}/groups/{group}/delete`: with its name typed, since nothing brings it back.
pub(super) async fn delete(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let line = find(visit, &by).await?;
    if visit.form.get("confirm").trim() != line.name {
        let mut page = group(visit, &by, line).await?;
        page.not_deleted = Some(visit.language.texts().people.name_differs.to_owned());
        return Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY));
    }
    let named = GroupRef::Name(line.name);
    visit.services().accounts.delete_group(&by, named).await?;
    let link = Link::In(&by.account().name, "groups");
    let notice = Notice::Deleted.word();
    Ok(Sent::to(&format!("{link}?notice={notice}")))
}
