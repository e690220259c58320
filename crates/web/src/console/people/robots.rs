//! Robot accounts, of an account and of its namespaces.

use super::permissions::{permissions, ticked};
use super::{days, mendable_name, place, surroundings, until};
use crate::console::failed::Failed;
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::Action;
use pages::people::robots::{
    ActionBox, Robot, RobotForm, RobotLine, RobotSecret, RobotState, Robots,
};
use pages::{Link, Moment, Notice, Page as _, Section, Tab};
use services::{
    AccountContext, Error, NamedPermission, NamespaceRef, NewRobot, PermissionPlace, Refused,
    RobotChange, RobotLevel, RobotRef, RobotView, RobotsOf, SecretString,
};

const HOUR_MS: i64 = 3_600_000;

/// `GET /accounts/{account}/robots` and `GET …/namespaces/{namespace}/robots`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let mut form = RobotForm {
        days: "90".to_owned(),
        ..RobotForm::default()
    };
    let given = [Action::RepositoryPull];
    form.actions = boxes(visit, &by, &given).await?;
    let page = page(visit, &by, form).await?;
    Ok(Sent::page(page.html()))
}

/// `POST` to the same: makes a robot account, and shows its secret this once.
pub(super) async fn create(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    match make(visit, &by).await {
        Ok(made) => shown(visit, &by, made, None).await,
        Err(refused) => {
            let mut form = typed(visit);
            form.failed = Some(mendable_name(refused)?);
            form.actions = boxes(visit, &by, &ticked(visit)).await?;
            let page = page(visit, &by, form).await?;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

async fn make(visit: &Visit<'_>, by: &AccountContext) -> Result<(String, SecretString), Refused> {
    let namespace = place(visit);
    let new = NewRobot {
        name: visit.form.get("name").trim().to_owned(),
        level: match namespace {
            Some(_) => RobotLevel::Namespace,
            None => RobotLevel::Account,
        },
        description: visit.form.get("description").trim().to_owned(),
        is_disabled: false,
        duration_days: Some(days(visit)?),
        permissions: permissions(visit, namespace),
    };
    let made = visit.services().robots.create(by, new).await?;
    Ok((made.name, made.secret))
}

/// The form as it was sent.
pub(super) fn typed(visit: &Visit<'_>) -> RobotForm {
    let text = |name| visit.form.get(name).to_owned();
    RobotForm {
        name: text("name"),
        description: text("description"),
        days: text("days"),
        is_disabled: visit.form.is_on("disabled"),
        is_everywhere: visit.form.get("place") == "all",
        namespaces: text("namespaces"),
        ..RobotForm::default()
    }
}

/// Everything that can be given for namespaces, with what is given.
pub(super) async fn boxes(
    visit: &Visit<'_>,
    by: &AccountContext,
    given: &[Action],
) -> Result<Vec<ActionBox>, Failed> {
    let grantable = match visit.services().robots.grantable(by).await {
        Ok(grantable) => grantable.of_namespaces,
        Err(Refused::Forbidden) => Vec::new(),
        Err(refused) => return Err(refused.into()),
    };
    let boxes = grantable.into_iter().map(|action| ActionBox {
        name: action.as_str(),
        is_given: given.contains(&action),
    });
    Ok(boxes.collect())
}

async fn page(
    visit: &Visit<'_>,
    by: &AccountContext,
    mut form: RobotForm,
) -> Result<Robots, Failed> {
    let services = visit.services();
    let namespace = place(visit);
    let named = namespace.map(NamespaceRef::Name);
    let of = named.map_or(RobotsOf::Account, RobotsOf::Namespace);
    let listed = services.robots.list(by, of, visit.list_by_name()).await?;
    let (views, next) = visit.page_of(listed.items, |view| &view.name);
    let now_ms = services.now_ms();
    let may_create = may(visit, by, namespace, Action::RobotCreate).await?;
    if form.actions.is_empty() {
        form.actions = boxes(visit, by, &[]).await?;
    }
    Ok(Robots {
        frame: surroundings(visit, by, (namespace, Section::Robots, Tab::Robots)).await?,
        account: by.account().name.clone(),
        namespace: namespace.map(str::to_owned),
        words: visit.query.get("q").to_owned(),
        robots: views.into_iter().map(|view| line(view, now_ms)).collect(),
        next,
        form: may_create.then_some(form),
    })
}

/// Whether the caller may do an action to robot accounts of a namespace, or of the account itself.
async fn may(
    visit: &Visit<'_>,
    by: &AccountContext,
    namespace: Option<&str>,
    action: Action,
) -> Result<bool, Failed> {
    match namespace {
        Some(name) => visit.may_in(by, name, action).await,
        None => visit.may(by, action).await,
    }
}

fn line(view: RobotView, now_ms: i64) -> RobotLine {
    RobotLine {
        state: state(&view, now_ms),
        name: view.name,
        description: view.description,
        last_used: view.last_used_at_ms.map(Moment),
    }
}

fn state(view: &RobotView, now_ms: i64) -> RobotState {
    if view.is_disabled {
        return RobotState::Disabled;
    }
    until(view.expires_at_ms, now_ms)
}

/// The page with a secret, which is sent to nobody else and kept by no browser.
async fn shown(
    visit: &Visit<'_>,
    by: &AccountContext,
    (robot, secret): (String, SecretString),
    overlap_hours: Option<u64>,
) -> Result<Sent, Failed> {
    let page = RobotSecret {
        frame: visit.frame_of(by, Section::Robots).await?,
        account: by.account().name.clone(),
        robot,
        secret: secret.expose().to_owned(),
        registry: visit.registry_name().await,
        overlap_hours,
    };
    Ok(Sent::page(page.html()))
}

/// The robot account of the path.
async fn find(visit: &Visit<'_>, by: &AccountContext) -> Result<RobotView, Failed> {
    let named = RobotRef::Name(visit.param("robot"));
    Ok(visit.services().robots.get(by, named).await?)
}

/// `GET /accounts/{account}/robots/{robot}`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let view = find(visit, &by).await?;
    let form = form_of(visit, &by, &view).await?;
    let page = robot(visit, &by, view, form).await?;
    Ok(Sent::page(page.html()))
}

/// Whether the same is given wherever something is given, and where that is: everywhere, or in namespaces.
pub(super) fn is_simple(permissions: &[NamedPermission]) -> bool {
    let [first, others @ ..] = permissions else {
        return false;
    };
    let is_plain = |one: &NamedPermission| match one.place {
        PermissionPlace::Account => false,
        PermissionPlace::EveryNamespace => others.is_empty(),
        PermissionPlace::Namespace(_) => true,
    };
    is_plain(first)
        && others
            .iter()
            .all(|one| is_plain(one) && one.actions == first.actions)
}

async fn form_of(
    visit: &Visit<'_>,
    by: &AccountContext,
    view: &RobotView,
) -> Result<RobotForm, Failed> {
    let rights = rights(visit, by, &view.permissions).await?;
    let is_endless = view.duration_days < 0;
    Ok(RobotForm {
        name: view.name.clone(),
        description: view.description.clone(),
        days: if is_endless {
            String::new()
        } else {
            view.duration_days.to_string()
        },
        is_disabled: view.is_disabled,
        ..rights
    })
}

/// What is given, as a form shows it.
pub(super) async fn rights(
    visit: &Visit<'_>,
    by: &AccountContext,
    permissions: &[NamedPermission],
) -> Result<RobotForm, Failed> {
    let given = permissions.first();
    let given = given.map(|one| one.actions.clone()).unwrap_or_default();
    let names = permissions.iter().filter_map(|one| match &one.place {
        PermissionPlace::Namespace(name) => Some(name.as_str()),
        _ => None,
    });
    let names: Vec<&str> = names.collect();
    Ok(RobotForm {
        actions: boxes(visit, by, &given).await?,
        is_everywhere: names.is_empty(),
        namespaces: names.join(" "),
        ..RobotForm::default()
    })
}

async fn robot(
    visit: &Visit<'_>,
    by: &AccountContext,
    view: RobotView,
    form: RobotForm,
) -> Result<Robot, Failed> {
    let services = visit.services();
    let may_change = may(visit, by, home(&view), Action::RobotUpdate).await?;
    let may_delete = may(visit, by, home(&view), Action::RobotDelete).await?;
    let is_simple = is_simple(&view.permissions);
    Ok(Robot {
        frame: surroundings(visit, by, (home(&view), Section::Robots, Tab::Robots)).await?,
        account: by.account().name.clone(),
        state: state(&view, services.now_ms()),
        created: Moment(view.created_at_ms),
        last_used: view.last_used_at_ms.map(Moment),
        permissions: places(by, &view.permissions),
        form: may_change.then_some(form),
        decides_actions: is_simple,
        decides_places: is_simple && view.level == RobotLevel::Account,
        may_delete,
        not_deleted: None,
        name: view.name,
    })
}

/// Where what is given: the place, `None` for every namespace, and the names of the actions.
pub(super) fn places(
    by: &AccountContext,
    permissions: &[NamedPermission],
) -> Vec<(Option<String>, String)> {
    let places = permissions.iter().map(|one| {
        let place = match &one.place {
            PermissionPlace::Account => Some(by.account().name.clone()),
            PermissionPlace::EveryNamespace => None,
            PermissionPlace::Namespace(name) => Some(name.clone()),
        };
        let names: Vec<&str> = one.actions.iter().map(|action| action.as_str()).collect();
        (place, names.join(", "))
    });
    places.collect()
}

/// The namespace that a robot account is of.
fn home(view: &RobotView) -> Option<&str> {
    let first = view.permissions.first().map(|one| &one.place);
    match (view.level, first) {
        (RobotLevel::Namespace, Some(PermissionPlace::Namespace(name))) => Some(name),
        _ => None,
    }
}

fn link(by: &AccountContext, robot: &str) -> String {
    Link::Under(&by.account().name, &["robots", robot]).to_string()
}

/// `POST /accounts/{account}/robots/{robot}`.
pub(super) async fn change(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let view = find(visit, &by).await?;
    match alter(visit, &by, &view).await {
        Ok(()) => {
            let (link, notice) = (link(&by, &view.name), Notice::Saved.word());
            Ok(Sent::to(&format!("{link}?notice={notice}")))
        }
        Err(refused) => {
            let mut form = typed(visit);
            form.failed = Some(mendable_name(refused)?);
            form.actions = boxes(visit, &by, &ticked(visit)).await?;
            let page = robot(visit, &by, view, form).await?;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

async fn alter(visit: &Visit<'_>, by: &AccountContext, view: &RobotView) -> Result<(), Refused> {
    // What differs from place to place is not in the form, and stays.
    let permissions = match (is_simple(&view.permissions), view.level) {
        (false, _) => view.permissions.clone(),
        (true, RobotLevel::Account) => permissions(visit, None),
        (true, RobotLevel::Namespace) => permissions(visit, home(view)),
    };
    let change = RobotChange {
        name: view.name.clone(),
        level: view.level,
        description: visit.form.get("description").trim().to_owned(),
        is_disabled: visit.form.is_on("disabled"),
        duration_days: Some(days(visit)?),
        permissions,
    };
    let named = RobotRef::Name(&view.name);
    visit.services().robots.update(by, named, change).await
}

/// `POST /accounts/{account}/robots/{robot}/secret`.
pub(super) async fn rotate(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let view = find(visit, &by).await?;
    let services = visit.services();
    let named = RobotRef::Name(&view.name);
    let secret = services.robots.replace_secret(&by, named, None).await?;
    let secret = secret.ok_or(Error::Internal)?;
    let hours = services.settings().robot_secret_overlap_ms / HOUR_MS;
    let overlap = u64::try_from(hours).ok().filter(|hours| *hours > 0);
    shown(visit, &by, (view.name, secret), overlap).await
}

/// `POST /accounts/{account}/robots/{robot}/delete`: with its name typed, since nothing brings it back.
pub(super) async fn delete(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let view = find(visit, &by).await?;
    if visit.form.get("confirm").trim() != view.name {
        let form = form_of(visit, &by, &view).await?;
        let mut page = robot(visit, &by, view, form).await?;
        page.not_deleted = Some(visit.language.texts().people.name_differs.to_owned());
        return Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY));
    }
    let named = RobotRef::Name(&view.name);
    visit.services().robots.delete(&by, named).await?;
    let account = &by.account().name;
    let list = match home(&view) {
        Some(namespace) => Link::Under(account, &["namespaces", namespace, "robots"]).to_string(),
        None => Link::In(account, "robots").to_string(),
    };
    Ok(Sent::to(&format!(
        "{list}?notice={}",
        Notice::Deleted.word()
    )))
}
