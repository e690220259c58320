//! Robot accounts.

use super::permissions::{PermissionRequest, shown};
use super::reply::{Reply, omit_empty, time};
use super::{Call, HarborError};
use serde::Deserialize;
use serde_json::{Value, json};
use services::{
    Comparison, ListQuery, NamedPermission, NamespaceRef, NewRobot, RobotChange, RobotLevel,
    RobotRef, RobotView, RobotsOf, SecretString,
};

#[derive(Deserialize)]
struct RobotRequest {
    name: Option<String>,
    description: Option<String>,
    level: Option<String>,
    disable: Option<bool>,
    duration: Option<i64>,
    permissions: Option<Vec<PermissionRequest>>,
}

#[derive(Deserialize)]
struct SecretRequest {
    secret: Option<String>,
}

impl RobotRequest {
    fn level(&self) -> Result<RobotLevel, HarborError> {
        level(self.level.as_deref().unwrap_or_default()).ok_or_else(|| {
            HarborError::bad_request("the level of a robot account is system or project")
        })
    }

    fn permissions(&self) -> Result<Vec<NamedPermission>, HarborError> {
        let permissions = self.permissions.iter().flatten();
        permissions.map(PermissionRequest::named).collect()
    }
}

fn level(text: &str) -> Option<RobotLevel> {
    match text {
        "system" => Some(RobotLevel::Account),
        "project" => Some(RobotLevel::Namespace),
        _ => None,
    }
}

/// In seconds; -1 for never.
fn expires_at(at_ms: Option<i64>) -> i64 {
    at_ms.map_or(-1, |at_ms| at_ms / 1000)
}

fn robot(view: &RobotView) -> Value {
    let permissions: Vec<Value> = view.permissions.iter().map(shown).collect();
    omit_empty(
        json!({
            "id": view.number,
            "name": view.name,
            "description": view.description,
            "level": match view.level {
                RobotLevel::Account => "system",
                RobotLevel::Namespace => "project",
            },
            "duration": view.duration_days,
            "editable": true,
            "disable": view.is_disabled,
            "expires_at": expires_at(view.expires_at_ms),
            "permissions": permissions,
            "creator_type": if view.is_made_by_robot { "robot" } else { "local" },
            "creator_ref": view.creator.unwrap_or(0),
            "creation_time": time(Some(view.created_at_ms)),
            "update_time": time(Some(view.updated_at_ms)),
        }),
        &["editable", "disable"],
    )
}

/// Takes the one value that a condition gives a field out of a query, whatever the case of the field's name.
fn take(query: &mut ListQuery, field: &str) -> Option<String> {
    let mut taken = None;
    query.conditions.retain(|condition| {
        if !condition.field.eq_ignore_ascii_case(field) {
            return true;
        }
        if let Comparison::AnyOf(values) = &condition.comparison
            && let [value] = values.as_slice()
        {
            taken = Some(value.text.clone());
        }
        false
    });
    taken
}

/// `ListRobot`: the system's, or with `q=Level=project,ProjectID=…` a project's.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let mut query = call.query.list()?;
    let asked = take(&mut query, "Level");
    let project = take(&mut query, "ProjectID").or_else(|| take(&mut query, "project_id"));
    let of = match asked.as_deref().map(level) {
        None | Some(Some(RobotLevel::Account)) => RobotsOf::Account,
        Some(Some(RobotLevel::Namespace)) => {
            let number = project.and_then(|text| text.parse().ok());
            let number = number.ok_or_else(|| {
                HarborError::bad_request(
                    "the robot accounts of a project need its number: q=Level=project,ProjectID=1",
                )
            })?;
            RobotsOf::Namespace(NamespaceRef::Number(number))
        }
        Some(None) => return Err(HarborError::bad_request("Level is system or project")),
    };
    let listed = call.services().robots.list(&call.by, of, query).await?;
    call.page(&listed, robot)
}

/// `CreateRobot`. A `secret` in the request is passed over: the answer has the one that was made.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let request: RobotRequest = call.json()?;
    let new = NewRobot {
        level: request.level()?,
        permissions: request.permissions()?,
        name: request.name.unwrap_or_default(),
        description: request.description.unwrap_or_default(),
        is_disabled: request.disable.unwrap_or(false),
        duration_days: request.duration,
    };
    let created = call.services().robots.create(&call.by, new).await?;
    let body = json!({
        "id": created.number,
        "name": created.name,
        "secret": created.secret.expose(),
        "creation_time": time(Some(created.created_at_ms)),
        "expires_at": expires_at(created.expires_at_ms),
    });
    Ok(Reply::created_with(&call.location(&created.number), &body))
}

fn named(call: &Call<'_>) -> Result<RobotRef<'static>, HarborError> {
    Ok(RobotRef::Number(call.number("robot_id")?))
}

/// `GetRobotByID`.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    let view = call.services().robots.get(&call.by, named(call)?).await?;
    Ok(Reply::json(&robot(&view)))
}

/// `UpdateRobot`.
pub(super) async fn update(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let request: RobotRequest = call.json()?;
    let change = RobotChange {
        level: request.level()?,
        permissions: request.permissions()?,
        name: request.name.unwrap_or_default(),
        description: request.description.unwrap_or_default(),
        is_disabled: request.disable.unwrap_or(false),
        duration_days: request.duration,
    };
    call.services()
        .robots
        .update(&call.by, named(call)?, change)
        .await?;
    Ok(Reply::done())
}

/// `RefreshSec`: answers with the secret only when it made it.
pub(super) async fn refresh_secret(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let request: SecretRequest = call.json()?;
    let given = request
        .secret
        .filter(|secret| !secret.is_empty())
        .map(SecretString::new);
    let replaced = call
        .services()
        .robots
        .replace_secret(&call.by, named(call)?, given);
    Ok(Reply::json(&match replaced.await? {
        Some(secret) => json!({ "secret": secret.expose() }),
        None => json!({}),
    }))
}

/// `DeleteRobot`.
pub(super) async fn delete(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.services()
        .robots
        .delete(&call.by, named(call)?)
        .await?;
    Ok(Reply::done())
}
