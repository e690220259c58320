//! The users of an account.

use super::{mendable_name, parts};
use crate::console::failed::{Failed, mendable};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::Action;
use pages::people::parts::Part;
use pages::people::robots::RobotState;
use pages::people::users::{User, UserForm, UserLine, Users};
use pages::{Link, Moment, Notice, Page as _, Section};
use services::{AccountContext, NewAccountUser, Refused, UserProfile, UserStanding, UserView};

/// `GET /accounts/{account}/users`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let page = page(visit, &by, UserForm::default()).await?;
    Ok(Sent::page(page.html()))
}

async fn page(visit: &Visit<'_>, by: &AccountContext, form: UserForm) -> Result<Users, Failed> {
    let query = super::list_by(visit, "username");
    let listed = visit.services().accounts.list_users(by, query).await?;
    let lines = listed.items.into_iter().map(line).collect();
    let (users, next) = visit.page_of(lines, |user: &UserLine| &user.name);
    let may_create = visit.may(by, Action::UserCreate).await?;
    Ok(Users {
        frame: visit.frame_of(by, Section::Members).await?,
        account: by.account().name.clone(),
        parts: parts(visit, by, Part::Users).await?,
        words: visit.query.get("q").to_owned(),
        users,
        next,
        form: may_create.then_some(form),
    })
}

fn line(view: UserView) -> UserLine {
    UserLine {
        name: view.name,
        real_name: view.profile.real_name,
        email: view.profile.email,
        is_administrator: view.is_administrator,
        created: Moment(view.created_at_ms),
    }
}

/// `POST /accounts/{account}/users`: makes one.
pub(super) async fn create(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let text = |name| visit.form.get(name).trim().to_owned();
    let new = NewAccountUser {
        name: text("name"),
        password: visit.form.secret("password"),
        profile: UserProfile {
            real_name: text("real_name"),
            email: text("email"),
            ..UserProfile::default()
        },
        is_administrator: false,
    };
    match visit.services().accounts.create_user(&by, new).await {
        Ok(_) => Ok(Sent::to(&one(&by, &text("name"), Notice::Saved))),
        Err(refused) => {
            let form = UserForm {
                name: text("name"),
                real_name: text("real_name"),
                email: text("email"),
                failed: Some(mendable(refused)?),
            };
            let page = page(visit, &by, form).await?;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

fn one(by: &AccountContext, name: &str, notice: Notice) -> String {
    let link = Link::Under(&by.account().name, &["users", name]).to_string();
    format!("{link}?notice={}", notice.word())
}

async fn find(visit: &Visit<'_>, by: &AccountContext) -> Result<UserStanding, Failed> {
    let name = visit.param("user");
    Ok(visit.services().accounts.user_standing(by, name).await?)
}

/// `GET /accounts/{account}/users/{user}`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let standing = find(visit, &by).await?;
    let page = user(visit, &by, standing).await?;
    Ok(Sent::page(page.html()))
}

async fn user(
    visit: &Visit<'_>,
    by: &AccountContext,
    standing: UserStanding,
) -> Result<User, Failed> {
    // Nobody locks itself out: its own password is on another page, and the rest is for others.
    let frame = visit.frame_of(by, Section::Members).await?;
    let reader = frame.reader.as_ref().map(|reader| reader.name.as_str());
    let is_self = reader == Some(standing.name.as_str());
    let may = async |action| Ok::<_, Failed>(!is_self && visit.may(by, action).await?);
    Ok(User {
        may_change: !standing.is_guest && may(Action::UserUpdate).await?,
        may_delete: may(Action::UserDelete).await?,
        frame,
        account: by.account().name.clone(),
        name: standing.name,
        state: if standing.is_disabled {
            RobotState::Disabled
        } else {
            RobotState::Active
        },
        is_guest: standing.is_guest,
        created: Moment(standing.created_at_ms),
        failed: None,
        not_deleted: None,
    })
}

/// The way to the user, or its page again with what was wrong.
async fn done(
    visit: &Visit<'_>,
    by: &AccountContext,
    (standing, result): (UserStanding, Result<(), Refused>),
) -> Result<Sent, Failed> {
    match result {
        Ok(()) => Ok(Sent::to(&one(by, &standing.name, Notice::Saved))),
        Err(refused) => {
            let failed = Some(mendable_name(refused)?);
            let mut page = user(visit, by, standing).await?;
            page.failed = failed;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// `POST /accounts/{account}/users/{user}/state`: switches it off or on.
pub(super) async fn switch(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let standing = find(visit, &by).await?;
    let (accounts, is_off) = (&visit.services().accounts, visit.form.is_on("disabled"));
    let result = accounts.set_disabled(&by, &standing.name, is_off).await;
    done(visit, &by, (standing, result)).await
}

/// `POST /accounts/{account}/users/{user}/password`: sets another one.
pub(super) async fn reset(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let standing = find(visit, &by).await?;
    let (accounts, password) = (&visit.services().accounts, visit.form.secret("password"));
    let reset = accounts.reset_password(&by, &standing.name, password);
    let result = reset.await;
    done(visit, &by, (standing, result)).await
}

/// `POST /accounts/{account}/users/{user}/delete`: with its name typed, since nothing brings it back.
pub(super) async fn delete(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let standing = find(visit, &by).await?;
    let accounts = &visit.services().accounts;
    let failed = if visit.form.get("confirm").trim() == standing.name {
        match accounts.delete_user(&by, standing.number).await {
            Ok(()) => {
                let (link, notice) = (
                    Link::In(&by.account().name, "users"),
                    Notice::Deleted.word(),
                );
                return Ok(Sent::to(&format!("{link}?notice={notice}")));
            }
            Err(refused) => mendable(refused)?,
        }
    } else {
        visit.language.texts().people.name_differs.to_owned()
    };
    let mut page = user(visit, &by, standing).await?;
    page.not_deleted = Some(failed);
    Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
}
