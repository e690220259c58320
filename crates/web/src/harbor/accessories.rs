//! Accessories: signatures and whatever else is about an artifact.

use super::reply::{Reply, omit_empty, time};
use super::{Call, HarborError};
use serde_json::{Value, json};
use services::AccessoryView;

pub(super) fn accessory(view: &AccessoryView) -> Value {
    omit_empty(
        json!({
            "id": view.number,
            "artifact_id": view.number,
            "subject_artifact_id": view.subject_number,
            "subject_artifact_digest": view.row.subject,
            "subject_artifact_repo": view.repository,
            "size": view.row.size_bytes,
            "digest": view.row.digest,
            "type": view.kind,
            "icon": "",
            "creation_time": time(Some(view.row.created_at_ms)),
        }),
        &["icon"],
    )
}

/// `listAccessories`.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    let query = call.query.list()?;
    let artifacts = &call.services().artifacts;
    let listed = artifacts
        .list_accessories(&call.by, call.artifact(), query)
        .await?;
    call.page(&listed, accessory)
}
