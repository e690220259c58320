//! Tags of artifacts.

use super::reply::{Reply, omit_empty, time};
use super::{Call, HarborError};
use serde::Deserialize;
use serde_json::{Value, json};
use services::TagView;

#[derive(Deserialize)]
struct TagRequest {
    #[serde(default)]
    name: String,
}

pub(super) fn tag(view: &TagView) -> Value {
    omit_empty(
        json!({
            "id": view.number,
            "repository_id": view.repository_number,
            "artifact_id": view.artifact_number,
            "name": view.row.name,
            "push_time": time(Some(view.row.updated_at_ms)),
            // Pulls are counted by artifact.
            "pull_time": time(None),
            "immutable": view.is_immutable,
        }),
        &["immutable"],
    )
}

/// `listTags`.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    let query = call.query.list()?;
    let listed = call
        .services()
        .artifacts
        .list_tags(&call.by, call.artifact(), query)
        .await?;
    call.page(&listed, tag)
}

/// `createTag`.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, HarborError> {
    let request: TagRequest = call.json()?;
    call.services()
        .artifacts
        .create_tag(&call.by, call.artifact(), &request.name)
        .await?;
    Ok(Reply::created(&call.location(&request.name)))
}

/// `deleteTag`: the artifact stays.
pub(super) async fn delete(call: &Call<'_>) -> Result<Reply, HarborError> {
    let name = call.param("tag_name");
    call.services()
        .artifacts
        .delete_tag(&call.by, call.artifact(), name)
        .await?;
    Ok(Reply::done())
}
