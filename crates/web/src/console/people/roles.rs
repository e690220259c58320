//! Roles of an account's own.

use super::parts;
use crate::console::failed::{Failed, mendable};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::{Action, CustomRole};
use pages::people::parts::Part;
use pages::people::robots::ActionBox;
use pages::people::roles::{Role, RoleForm, RoleLine, Roles};
use pages::{Link, Notice, Page as _, Section};
use services::{AccountContext, RoleText};

/// `GET /accounts/{account}/roles`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let form = RoleForm {
        actions: boxes(|_| false),
        ..RoleForm::default()
    };
    let page = page(visit, &by, form).await?;
    Ok(Sent::page(page.html()))
}

/// Every action, with whether it is held.
fn boxes(is_held: impl Fn(Action) -> bool) -> Vec<ActionBox> {
    let boxes = Action::ALL.iter().map(|action| ActionBox {
        name: action.as_str(),
        is_given: is_held(*action),
    });
    boxes.collect()
}

async fn page(visit: &Visit<'_>, by: &AccountContext, form: RoleForm) -> Result<Roles, Failed> {
    visit
        .services()
        .authorizer
        .require(by, Action::RoleRead)
        .await?;
    let roles = &visit.services().roles;
    let listed = roles.list(by, visit.list_by_name()).await?;
    let lines = listed.items.into_iter().map(|role| RoleLine {
        actions: u64::try_from(role.actions.iter().count()).unwrap_or(u64::MAX),
        name: role.name,
        description: role.description,
    });
    let (roles, next) = visit.page_of(lines.collect(), |role: &RoleLine| &role.name);
    let may_create = visit.may(by, Action::RoleCreate).await?;
    Ok(Roles {
        frame: visit.frame_of(by, Section::Members).await?,
        account: by.account().name.clone(),
        parts: parts(visit, by, Part::Roles).await?,
        roles,
        next,
        form: may_create.then_some(form),
    })
}

/// The role that was typed.
fn text(visit: &Visit<'_>) -> RoleText {
    RoleText {
        name: visit.form.get("name").trim().to_owned(),
        description: visit.form.get("description").trim().to_owned(),
        actions: visit.form.all("action").map(str::to_owned).collect(),
    }
}

/// The form as it was sent, with what was wrong.
fn typed(visit: &Visit<'_>, failed: String) -> RoleForm {
    RoleForm {
        name: visit.form.get("name").to_owned(),
        description: visit.form.get("description").to_owned(),
        actions: boxes(|action| visit.form.all("action").any(|name| name == action.as_str())),
        failed: Some(failed),
    }
}

fn one(by: &AccountContext, name: &str) -> String {
    let link = Link::Under(&by.account().name, &["roles", name]).to_string();
    format!("{link}?notice={}", Notice::Saved.word())
}

/// `POST /accounts/{account}/roles`: makes one.
pub(super) async fn create(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    match visit.services().roles.create(&by, text(visit)).await {
        Ok(made) => Ok(Sent::to(&one(&by, &made.name))),
        Err(refused) => {
            let form = typed(visit, mendable(refused)?);
            let page = page(visit, &by, form).await?;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

async fn find(visit: &Visit<'_>, by: &AccountContext) -> Result<CustomRole, Failed> {
    let services = visit.services();
    services.authorizer.require(by, Action::RoleRead).await?;
    Ok(services.roles.get(by, visit.param("role")).await?)
}

/// `GET /accounts/{account}/roles/{role}`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let found = find(visit, &by).await?;
    let page = role(visit, &by, found).await?;
    Ok(Sent::page(page.html()))
}

async fn role(visit: &Visit<'_>, by: &AccountContext, found: CustomRole) -> Result<Role, Failed> {
    let form = RoleForm {
        name: found.name.clone(),
        description: found.description.clone(),
        actions: boxes(|action| found.actions.contains(action)),
        failed: None,
    };
    let may_change = visit.may(by, Action::RoleUpdate).await?;
    Ok(Role {
        frame: visit.frame_of(by, Section::Members).await?,
        account: by.account().name.clone(),
        name: found.name,
        description: found.description,
        actions: found.actions.iter().map(Action::as_str).collect(),
        form: may_change.then_some(form),
        may_delete: visit.may(by, Action::RoleDelete).await?,
        not_deleted: None,
    })
}

/// `POST /accounts/{account}/roles/{role}`: changes it.
pub(super) async fn change(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let found = find(visit, &by).await?;
    let roles = &visit.services().roles;
    match roles.update(&by, &found.name, text(visit)).await {
        Ok(changed) => Ok(Sent::to(&one(&by, &changed.name))),
        Err(refused) => {
            let form = typed(visit, mendable(refused)?);
            let mut page = role(visit, &by, found).await?;
            page.form = Some(form);
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// `POST /accounts/{account}/roles/{role}/delete`: with its name typed, since nothing brings it back.
pub(super) async fn delete(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let found = find(visit, &by).await?;
    let failed = if visit.form.get("confirm").trim() == found.name {
        match visit.services().roles.delete(&by, &found.name).await {
            Ok(()) => {
                let link = Link::In(&by.account().name, "roles");
                let notice = Notice::Deleted.word();
                return Ok(Sent::to(&format!("{link}?notice={notice}")));
            }
            Err(refused) => mendable(refused)?,
        }
    } else {
        visit.language.texts().people.name_differs.to_owned()
    };
    let mut page = role(visit, &by, found).await?;
    page.not_deleted = Some(failed);
    Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
}
