//! People.

use super::query::holds;
use super::reply::{Reply, omit_empty, time};
use super::{Call, HarborError};
use model::Action;
use serde::Deserialize;
use serde_json::{Value, json};
use services::{
    AuthenticationFailed, Error, NamespaceRef, NewAccountUser, PasswordRefused, Refused,
    SecretString, UserProfile, UserView,
};

/// The longest name and the longest address for mail.
const TEXT_CHARS: usize = 255;

/// What people may say of a user. What else a request brings, such as flags, is passed over.
#[derive(Deserialize)]
struct UserRequest {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(flatten)]
    profile: ProfileRequest,
}

#[derive(Deserialize)]
struct ProfileRequest {
    #[serde(default)]
    email: String,
    #[serde(default)]
    realname: String,
    #[serde(default)]
    comment: String,
}

#[derive(Deserialize)]
struct PasswordRequest {
    #[serde(default)]
    old_password: String,
    #[serde(default)]
    new_password: String,
}

#[derive(Deserialize)]
struct SecretRequest {
    #[serde(default)]
    secret: String,
}

#[derive(Deserialize)]
struct AdministratorRequest {
    /// Clients in Go leave out what is false.
    #[serde(default)]
    sysadmin_flag: bool,
}

impl From<ProfileRequest> for UserProfile {
    fn from(request: ProfileRequest) -> Self {
        Self {
            email: request.email,
            real_name: request.realname,
            comment: request.comment,
            updated_at_ms: 0,
        }
    }
}

fn user(user: &UserView) -> Value {
    omit_empty(
        json!({
            "user_id": user.number,
            "username": user.name,
            "email": user.profile.email,
            "realname": user.profile.real_name,
            "comment": user.profile.comment,
            "sysadmin_flag": user.is_administrator,
            "admin_role_in_auth": false,
            "creation_time": time(Some(user.created_at_ms)),
            "update_time": time(Some(user.profile.updated_at_ms.max(user.created_at_ms))),
        }),
        &["sysadmin_flag", "admin_role_in_auth"],
    )
}

fn require_short(name: &str, text: &str) -> Result<(), HarborError> {
    if text.chars().count() <= TEXT_CHARS {
        return Ok(());
    }
    Err(HarborError::unprocessable(format!(
        "{name} in body should be at most {TEXT_CHARS} chars long"
    )))
}

/// Harbor's words for a user that is not there.
fn unknown_user(number: i64) -> impl Fn(Refused) -> HarborError {
    move |refused| match refused {
        Refused::Failed(Error::NotFound(_)) => {
            HarborError::not_found(format!("user {number} not found"))
        }
        refused => refused.into(),
    }
}

/// `getCurrentUserInfo`: who the caller is. This is how clients check a login.
pub(super) async fn current(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    if call.by.authenticated().caller.robot_id().is_some() {
        return Err(HarborError::precondition("a robot account is no user"));
    }
    let current = call.services().accounts.current_user(&call.by).await?;
    Ok(Reply::json(&user(&current)))
}

/// `getCurrentUserPermissions`: what the caller may do in the project that `scope` names, as `/project/1`.
pub(super) async fn current_permissions(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let is_relative = call.query.flag("relative")?.unwrap_or(false);
    let scope = call
        .query
        .get("scope")
        .unwrap_or_default()
        .trim_end_matches('/');
    let number = scope
        .strip_prefix("/project/")
        .and_then(|number| number.parse().ok());
    let allowed = match number {
        Some(number) => {
            let named = NamespaceRef::Number(number);
            call.services()
                .accounts
                .allowed_in_namespace(&call.by, named)
                .await?
        }
        None => Vec::new(),
    };
    let entries = allowed.iter().map(|action| {
        // Harbor's words for the project itself.
        let own =
            (action.resource() != Action::NamespaceRead.resource()).then_some(action.resource());
        let resource = match (is_relative, own) {
            (true, own) => own.unwrap_or(".").to_owned(),
            (false, Some(own)) => format!("{scope}/{own}"),
            (false, None) => scope.to_owned(),
        };
        json!({ "resource": resource, "action": action.verb() })
    });
    Ok(Reply::json(&entries.collect()))
}

/// `listUsers`.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    let query = call.query.list()?;
    let listed = call.services().accounts.list_users(&call.by, query).await?;
    call.page(&listed, user)
}

/// `searchUsers`: names and numbers, for everyone in the account.
pub(super) async fn search(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let name = call.query.get("username").filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| HarborError::unprocessable("username in query is required"))?;
    let mut query = call.query.list()?;
    query.conditions = vec![holds("username", name)];
    query.order.clear();
    let listed = call
        .services()
        .accounts
        .search_users(&call.by, query)
        .await?;
    call.page(
        &listed,
        |user| json!({ "user_id": user.number, "username": user.name }),
    )
}

/// `createUser`.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let request: UserRequest = call.json()?;
    require_short("username", &request.username)?;
    require_short("email", &request.profile.email)?;
    let (name, email) = (request.username.clone(), request.profile.email.clone());
    let new = NewAccountUser {
        name: request.username,
        password: SecretString::new(&request.password),
        profile: request.profile.into(),
        is_administrator: false,
    };
    let created = call.services().accounts.create_user(&call.by, new).await;
    let number = created.map_err(|refused| match refused {
        Refused::Failed(Error::AlreadyExists(_)) => {
            HarborError::conflict(format!("user {name} or email {email} already exists"))
        }
        refused => refused.into(),
    })?;
    Ok(Reply::created(&call.location(&number)))
}

/// `getUser`.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("user_id")?;
    let found = call.services().accounts.find_user(&call.by, number).await;
    Ok(Reply::json(&user(&found.map_err(unknown_user(number))?)))
}

/// `updateUserProfile`: all of it, as Harbor does: what the request leaves out is empty from then on.
pub(super) async fn update(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("user_id")?;
    let request: ProfileRequest = call.json()?;
    let accounts = &call.services().accounts;
    let updated = accounts
        .update_profile(&call.by, number, request.into())
        .await;
    updated.map_err(unknown_user(number))?;
    Ok(Reply::done())
}

/// `deleteUser`.
pub(super) async fn delete(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("user_id")?;
    let deleted = call.services().accounts.delete_user(&call.by, number).await;
    deleted.map_err(unknown_user(number))?;
    Ok(Reply::done())
}

/// `updateUserPassword`: whoever changes its own has to show the one before.
pub(super) async fn set_password(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("user_id")?;
    let request: PasswordRequest = call.json()?;
    let (old, new) = (
        SecretString::new(&request.old_password),
        SecretString::new(&request.new_password),
    );
    let services = call.services();
    let set = services
        .accounts
        .set_password(&call.by, number, old, new, &services.authenticator);
    set.await.map_err(|refused| match refused {
        PasswordRefused::OldIsWrong => HarborError::forbidden(refused.to_string()),
        PasswordRefused::Throttled { secs } => AuthenticationFailed::Throttled { secs }.into(),
        PasswordRefused::Refused(refused) => unknown_user(number)(refused),
    })?;
    Ok(Reply::done())
}

/// `setUserSysAdmin`.
pub(super) async fn set_administrator(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("user_id")?;
    let request: AdministratorRequest = call.json()?;
    let accounts = &call.services().accounts;
    let set = accounts
        .set_administrator(&call.by, number, request.sysadmin_flag)
        .await;
    set.map_err(unknown_user(number))?;
    Ok(Reply::done())
}

/// `setCliSecret`: the secret that whoever logs in by an issuer shows to tools.
pub(super) async fn set_cli_secret(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("user_id")?;
    let request: SecretRequest = call.json()?;
    let secret = SecretString::new(&request.secret);
    let accounts = &call.services().accounts;
    let set = accounts.set_cli_secret(&call.by, number, secret).await;
    set.map_err(unknown_user(number))?;
    Ok(Reply::done())
}
