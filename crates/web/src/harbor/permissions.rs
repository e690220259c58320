//! Permissions in Harbor's words: a namespace is a `project`, the account is the `system`.

use super::reply::Reply;
use super::{Call, HarborError};
use model::Action;
use serde::Deserialize;
use serde_json::{Value, json};
use services::{NamedPermission, PermissionPlace};

/// What Harbor calls every project.
const EVERY_PROJECT: &str = "*";
/// What Harbor calls the system where a project's name would stand.
const SYSTEM: &str = "/";

#[derive(Deserialize)]
pub(super) struct PermissionRequest {
    kind: Option<String>,
    namespace: Option<String>,
    access: Option<Vec<AccessRequest>>,
}

#[derive(Deserialize)]
struct AccessRequest {
    resource: Option<String>,
    action: Option<String>,
    effect: Option<String>,
}

impl PermissionRequest {
    pub(super) fn named(&self) -> Result<NamedPermission, HarborError> {
        let kind = self.kind.as_deref().unwrap_or_default();
        let place = match (kind, self.namespace.as_deref().unwrap_or_default()) {
            ("system", SYSTEM) => PermissionPlace::Account,
            ("project", EVERY_PROJECT) => PermissionPlace::EveryNamespace,
            ("project", name) if !name.is_empty() => PermissionPlace::Namespace(name.to_owned()),
            _ => {
                return Err(HarborError::bad_request(
                    "a permission is of kind system with the namespace /, or of kind project with a project's name \
                     or * as its namespace",
                ));
            }
        };
        let access = self.access.iter().flatten();
        let actions: Result<Vec<_>, _> = access.map(AccessRequest::action).collect();
        Ok(NamedPermission {
            place,
            actions: actions?,
        })
    }
}

impl AccessRequest {
    fn action(&self) -> Result<Action, HarborError> {
        let resource = self.resource.as_deref().unwrap_or_default();
        let action = self.action.as_deref().unwrap_or_default();
        if !matches!(self.effect.as_deref(), None | Some("" | "allow")) {
            return Err(HarborError::bad_request(
                "permissions add up, and none denies: effect can only be allow",
            ));
        }
        parse(resource, action).ok_or_else(|| {
            HarborError::bad_request(format!(
                "there is no permission {resource:?} {action:?}; GET /api/v2.0/permissions lists those that there are"
            ))
        })
    }
}

fn parse(resource: &str, action: &str) -> Option<Action> {
    let resource = match resource {
        "project" => "namespace",
        // Our word is not Harbor's.
        "namespace" => return None,
        resource => resource,
    };
    Action::parse(&format!("{resource}:{action}"))
}

fn pair(action: Action) -> Value {
    let resource = match action.resource() {
        "namespace" => "project",
        resource => resource,
    };
    json!({ "resource": resource, "action": action.verb() })
}

pub(super) fn shown(permission: &NamedPermission) -> Value {
    let (kind, namespace) = match &permission.place {
        PermissionPlace::Account => ("system", SYSTEM),
        PermissionPlace::EveryNamespace => ("project", EVERY_PROJECT),
        PermissionPlace::Namespace(name) => ("project", name.as_str()),
    };
    let access: Vec<Value> = permission
        .actions
        .iter()
        .map(|action| pair(*action))
        .collect();
    json!({ "kind": kind, "namespace": namespace, "access": access })
}

/// `getPermissions`: what can be given to robot accounts.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    let grantable = call.services().robots.grantable(&call.by).await?;
    let pairs =
        |actions: &[Action]| -> Value { actions.iter().map(|action| pair(*action)).collect() };
    let mut answer = json!({ "project": pairs(&grantable.of_namespaces) });
    if let Some(actions) = &grantable.of_account {
        answer["system"] = pairs(actions);
    }
    Ok(Reply::json(&answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_read_back_from_its_pair_in_harbors_words() {
        for action in Action::ALL {
            let pair = pair(*action);
            let text = |name: &str| pair[name].as_str().unwrap_or_default().to_owned();
            assert_eq!(parse(&text("resource"), &text("action")), Some(*action));
        }
        assert_eq!(parse("project", "create"), Some(Action::NamespaceCreate));
        for (resource, action) in [
            ("namespace", "create"),
            ("repository", "*"),
            ("", ""),
            ("project:create", ""),
        ] {
            assert_eq!(parse(resource, action), None, "{resource}:{action}");
        }
    }
}
