//! Repositories.

use super::reply::{Reply, omit_empty, time};
use super::{Call, HarborError};
use serde::Deserialize;
use serde_json::{Value, json};
use services::{NamespaceRef, RepositoryRef, RepositoryView};

#[derive(Deserialize)]
struct RepositoryRequest {
    #[serde(default)]
    description: String,
}

impl Call<'_> {
    /// The repository that a path names.
    pub(super) fn repository(&self) -> RepositoryRef<'_> {
        RepositoryRef {
            namespace: self.param("project_name"),
            name: self.param("repository_name"),
        }
    }
}

fn repository(view: &RepositoryView) -> Value {
    let details = &view.details;
    omit_empty(
        json!({
            "id": view.number,
            "project_id": view.namespace_number,
            "name": details.name,
            "description": details.description,
            "artifact_count": details.artifacts,
            "pull_count": details.pulls,
            "creation_time": time(Some(details.created_at_ms)),
            "update_time": time(Some(details.updated_at_ms)),
        }),
        &["artifact_count", "pull_count"],
    )
}

/// `listRepositories`.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    let query = call.query.list()?;
    let namespace = NamespaceRef::Name(call.param("project_name"));
    let repositories = &call.services().repositories;
    let listed = repositories.list(&call.by, namespace, query).await?;
    call.page(&listed, repository)
}

/// `listAllRepositories`: those of every project that the caller may see.
pub(super) async fn list_all(call: &Call<'_>) -> Result<Reply, HarborError> {
    let query = call.query.list()?;
    let listed = call
        .services()
        .repositories
        .list_all(&call.by, query)
        .await?;
    call.page(&listed, repository)
}

/// `getRepository`.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    let view = call
        .services()
        .repositories
        .get(&call.by, call.repository())
        .await?;
    Ok(Reply::json(&repository(&view)))
}

/// `updateRepository`: of all its fields the description can be changed.
pub(super) async fn update(call: &Call<'_>) -> Result<Reply, HarborError> {
    let request: RepositoryRequest = call.json()?;
    let repositories = &call.services().repositories;
    repositories
        .describe(&call.by, call.repository(), request.description)
        .await?;
    Ok(Reply::done())
}

/// `deleteRepository`: with everything in it.
pub(super) async fn delete(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.services()
        .repositories
        .delete(&call.by, call.repository())
        .await?;
    Ok(Reply::done())
}
