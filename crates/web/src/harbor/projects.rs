//! Projects, which are namespaces, and their metadata, which are settings.

use super::allowlists::{ListRequest, allowlist};
use super::query::{holds, is};
use super::reply::{Reply, omit_empty, time};
use super::{Call, HarborError};
use model::{Action, Role};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use services::{NamespaceChange, NamespaceRef, NamespaceView, NewNamespace};
use std::collections::BTreeMap;

/// Harbor's number for a role; those that Harbor does not have stand for the nearest that allows no more.
pub(super) fn role_id(role: Role) -> i64 {
    match role {
        Role::Administrator | Role::Manager | Role::ProjectAdmin => 1,
        Role::Developer => 2,
        Role::Guest | Role::Reader => 3,
        Role::Maintainer => 4,
        Role::Writer | Role::LimitedGuest => 5,
    }
}

#[derive(Deserialize)]
struct ProjectRequest {
    #[serde(default)]
    project_name: String,
    public: Option<bool>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, Value>>,
    registry_id: Option<i64>,
    storage_limit: Option<i64>,
    cve_allowlist: Option<ListRequest>,
}

/// Metadata are texts; some clients send the booleans that they mean.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

impl ProjectRequest {
    fn change(&mut self) -> Result<NamespaceChange, HarborError> {
        if self.registry_id.is_some_and(|id| id != 0) {
            return Err(HarborError::bad_request(
                "registry_id cannot be set: this registry has no upstream registries to read from",
            ));
        }
        let mut change = NamespaceChange::default();
        if let Some(public) = self.public {
            change = change.set("public", if public { "true" } else { "false" });
        }
        for (name, value) in self.metadata.iter().flatten() {
            // Harbor's clients send it back as they got it.
            if name == "retention_id" {
                continue;
            }
            if let Some(value) = text_of(value) {
                change = change.set(name, &value);
            }
        }
        if let Some(list) = self.cve_allowlist.take() {
            change = change.accept(list.into_text());
        }
        Ok(change)
    }
}

pub(super) fn project(view: &NamespaceView) -> Value {
    let namespace = &view.details.namespace;
    let mut metadata: Map<String, Value> = view
        .details
        .settings
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    metadata.insert("public".to_owned(), namespace.is_public.to_string().into());
    if let Some(retention) = view.retention {
        metadata.insert("retention_id".to_owned(), retention.to_string().into());
    }
    let roles: Vec<i64> = view.roles.iter().map(|role| role_id(*role)).collect();
    omit_empty(
        json!({
            "project_id": view.number,
            "owner_name": view.details.owner_name,
            "name": namespace.name,
            "creation_time": time(Some(namespace.created_at_ms)),
            "update_time": time(Some(view.details.updated_at_ms)),
            "current_user_role_id": roles.first().copied().unwrap_or(0),
            "current_user_role_ids": roles,
            "repo_count": view.details.repositories,
            "metadata": metadata,
            "cve_allowlist": allowlist(view.allowlist.as_ref(), Some(view.number)),
        }),
        &["repo_count"],
    )
}

/// `listProjects`: those that the caller may see.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    let mut query = call.query.list()?;
    if let Some(name) = call.query.get("name").filter(|name| !name.is_empty()) {
        query.conditions.push(holds("name", name));
    }
    if let Some(owner) = call.query.get("owner").filter(|owner| !owner.is_empty()) {
        query.conditions.push(is("owner", owner));
    }
    if let Some(public) = call.query.flag("public")? {
        query.conditions.push(is("public", &public.to_string()));
    }
    let listed = call.services().namespaces.list(&call.by, query).await?;
    call.page(&listed, project)
}

/// `headProject`: whether a name is taken, for whoever may see the project, or make one.
pub(super) async fn head(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let name = call
        .query
        .get("project_name")
        .filter(|name| !name.is_empty());
    let name =
        name.ok_or_else(|| HarborError::unprocessable("project_name in query is required"))?;
    match call
        .services()
        .namespaces
        .get(&call.by, NamespaceRef::Name(name))
        .await
    {
        Ok(_) => Ok(Reply::done()),
        Err(services::Refused::Failed(error)) => Err(error.into()),
        Err(_) => Err(HarborError::not_found(format!(
            "the project {name} does not exist"
        ))),
    }
}

/// `createProject`.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let mut request: ProjectRequest = call.json()?;
    if request.storage_limit.is_some_and(|limit| limit < -1) {
        return Err(HarborError::unprocessable(
            "storage_limit in body should be greater than or equal to -1",
        ));
    }
    let new = NewNamespace {
        name: request.project_name.clone(),
        settings: request.change()?,
        storage_limit: request.storage_limit,
    };
    let created = call.services().namespaces.create(&call.by, new).await;
    let created = created.map_err(|refused| match refused {
        services::Refused::Failed(services::Error::AlreadyExists(_)) => HarborError::conflict(
            format!("The project named {} already exists", request.project_name),
        ),
        refused => refused.into(),
    })?;
    let by_name = call.header("x-resource-name-in-location") == Some("true");
    let location = if by_name {
        call.location(&request.project_name)
    } else {
        call.location(&created.number)
    };
    Ok(Reply::created(&location))
}

/// `getProject`.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    let view = call
        .services()
        .namespaces
        .get(&call.by, call.namespace())
        .await?;
    Ok(Reply::json(&project(&view)))
}

/// `updateProject`.
pub(super) async fn update(call: &Call<'_>) -> Result<Reply, HarborError> {
    let mut request: ProjectRequest = call.json()?;
    let (named, action) = (call.namespace(), Action::NamespaceUpdate);
    require_own_list(call, &request).await?;
    let change = request.change()?;
    call.services()
        .namespaces
        .update(&call.by, named, change, action)
        .await?;
    Ok(Reply::done())
}

/// A list of accepted vulnerabilities that names a project names this one. Asked after whoever may not change the project is
/// told so.
async fn require_own_list(call: &Call<'_>, request: &ProjectRequest) -> Result<(), HarborError> {
    let Some(list) = request.cve_allowlist.as_ref() else {
        return Ok(());
    };
    let services = call.services();
    services
        .authorizer
        .namespace(&call.by, call.namespace(), Action::NamespaceUpdate)
        .await?;
    let view = services.namespaces.get(&call.by, call.namespace()).await?;
    if [0, view.number].contains(&list.project_id) {
        return Ok(());
    }
    Err(HarborError::bad_request(format!(
        "project_id in cve_allowlist must be {} but it's {}",
        view.number, list.project_id
    )))
}

/// `deleteProject`.
pub(super) async fn delete(call: &Call<'_>) -> Result<Reply, HarborError> {
    let namespaces = &call.services().namespaces;
    if namespaces
        .why_not_deletable(&call.by, call.namespace())
        .await?
        .is_some()
    {
        return Err(HarborError::precondition(FULL));
    }
    namespaces.delete(&call.by, call.namespace()).await?;
    Ok(Reply::done())
}

/// Why a project cannot be deleted, in words that clients compare.
const FULL: &str = "the project contains repositories, can not be deleted";

/// `getProjectDeletable`.
pub(super) async fn deletable(call: &Call<'_>) -> Result<Reply, HarborError> {
    let namespaces = &call.services().namespaces;
    let reason = namespaces
        .why_not_deletable(&call.by, call.namespace())
        .await?;
    Ok(Reply::json(&match reason {
        None => json!({ "deletable": true }),
        Some(_) => json!({ "deletable": false, "message": FULL }),
    }))
}

/// The metadata of a project, when the caller may do `action` to it.
async fn metadata_of(call: &Call<'_>, action: Action) -> Result<Map<String, Value>, HarborError> {
    let services = call.services();
    services
        .authorizer
        .namespace(&call.by, call.namespace(), action)
        .await?;
    let view = services.namespaces.get(&call.by, call.namespace()).await?;
    match project(&view).get("metadata") {
        Some(Value::Object(metadata)) => Ok(metadata.clone()),
        _ => Ok(Map::new()),
    }
}

/// `listProjectMetadatas`.
pub(super) async fn list_metadata(call: &Call<'_>) -> Result<Reply, HarborError> {
    let metadata = metadata_of(call, Action::MetadataList).await?;
    Ok(Reply::json(&Value::Object(metadata)))
}

/// `getProjectMetadata`: an object with the one entry, or with none.
pub(super) async fn get_metadata(call: &Call<'_>) -> Result<Reply, HarborError> {
    let mut metadata = metadata_of(call, Action::MetadataRead).await?;
    let name = call.param("meta_name");
    metadata.retain(|known, _| known == name);
    Ok(Reply::json(&Value::Object(metadata)))
}

/// The one entry that a request gives.
fn one_entry(call: &Call<'_>) -> Result<(String, String), HarborError> {
    let entries: BTreeMap<String, Value> = call.json()?;
    let mut entries = entries.into_iter();
    let (Some((name, value)), None) = (entries.next(), entries.next()) else {
        return Err(HarborError::bad_request("only allow one key/value pair"));
    };
    let value = text_of(&value).unwrap_or_default();
    Ok((name, value))
}

async fn set_metadata(
    call: &Call<'_>,
    change: NamespaceChange,
    action: Action,
) -> Result<Reply, HarborError> {
    let namespaces = &call.services().namespaces;
    namespaces
        .update(&call.by, call.namespace(), change, action)
        .await?;
    Ok(Reply::done())
}

/// `addProjectMetadatas`.
pub(super) async fn add_metadata(call: &Call<'_>) -> Result<Reply, HarborError> {
    let (name, value) = one_entry(call)?;
    let change = NamespaceChange::default().set(&name, &value);
    set_metadata(call, change, Action::MetadataCreate).await
}

/// `updateProjectMetadata`.
pub(super) async fn update_metadata(call: &Call<'_>) -> Result<Reply, HarborError> {
    let (name, value) = one_entry(call)?;
    if name != call.param("meta_name") {
        return Err(HarborError::bad_request(format!(
            "the path names {}, the body {name}",
            call.param("meta_name")
        )));
    }
    let change = NamespaceChange::default().set(&name, &value);
    set_metadata(call, change, Action::MetadataUpdate).await
}

/// `deleteProjectMetadata`.
pub(super) async fn delete_metadata(call: &Call<'_>) -> Result<Reply, HarborError> {
    let change = NamespaceChange::default().unset(call.param("meta_name"));
    set_metadata(call, change, Action::MetadataDelete).await
}
