//! Search over names of projects and repositories that the caller may see.

use super::projects::project;
use super::query::holds;
use super::reply::Reply;
use super::{Call, HarborError};
use serde_json::{Value, json};
use services::{ListQuery, RepositoryView};

/// Most projects, and most repositories, of one answer: there are no pages.
const FOUND: i64 = 100;

fn repository(view: &RepositoryView) -> Value {
    let details = &view.details;
    json!({
        "project_id": view.namespace_number,
        "project_name": details.namespace_name,
        "project_public": details.is_public,
        "repository_name": details.name,
        "pull_count": details.pulls,
        "artifact_count": details.artifacts,
    })
}

/// `search`.
pub(super) async fn search(call: &Call<'_>) -> Result<Reply, HarborError> {
    let text = call.query.get("q").unwrap_or_default();
    let query = ListQuery {
        conditions: vec![holds("name", text)],
        limit: FOUND,
        ..ListQuery::default()
    };
    let services = call.services();
    let projects = services.namespaces.list(&call.by, query.clone()).await?;
    let repositories = services.repositories.list_all(&call.by, query).await?;
    Ok(Reply::json(&json!({
        "project": projects.items.iter().map(project).collect::<Vec<_>>(),
        "repository": repositories.items.iter().map(repository).collect::<Vec<_>>(),
    })))
}
