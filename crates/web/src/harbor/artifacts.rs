//! Artifacts: manifests with what belongs to them.

use super::accessories::accessory;
use super::labels::label;
use super::reply::{Reply, omit_empty, time};
use super::tags::tag;
use super::{Call, HarborError, PREFIX};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use services::{AdditionKind, ArtifactParts, ArtifactRef, ArtifactView, ChildView};
use std::collections::BTreeMap;

/// What is encoded of a name that stands in a path: all but what needs it in no place.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

impl Call<'_> {
    /// The artifact that a path names.
    pub(super) fn artifact(&self) -> ArtifactRef<'_> {
        ArtifactRef {
            repository: self.repository(),
            reference: self.param("reference"),
        }
    }

    /// What of an artifact is to be shown beside itself.
    fn parts(&self) -> Result<ArtifactParts, HarborError> {
        Ok(ArtifactParts {
            tags: self.query.flag("with_tag")?.unwrap_or(true),
            labels: self.query.flag("with_label")?.unwrap_or(false),
            accessories: self.query.flag("with_accessory")?.unwrap_or(false),
            attributes: true,
        })
    }
}

/// Annotations, unless there are none.
fn some(annotations: &BTreeMap<String, String>) -> Option<&BTreeMap<String, String>> {
    (!annotations.is_empty()).then_some(annotations)
}

fn child(view: &ChildView, parent: i64) -> Value {
    omit_empty(
        json!({
            "parent_id": parent,
            "child_id": view.number,
            "child_digest": view.digest,
            "platform": view.platform,
            "annotations": some(&view.annotations),
            "urls": view.urls,
        }),
        &[],
    )
}

/// Where the additions of an artifact are.
fn addition_links(view: &ArtifactView) -> Value {
    let is_image = view.kind == "IMAGE" && !view.attributes.is_empty();
    let of_kind = AdditionKind::of(&view.kind).iter();
    let additions: Vec<&str> = is_image
        .then_some("build_history")
        .into_iter()
        .chain(of_kind.map(|addition| addition.as_str()))
        .collect();
    let Some((project, repository)) = view.row.repository.split_once('/') else {
        return json!({});
    };
    // Slashes are encoded twice, as Harbor's own pages need it.
    let once = utf8_percent_encode(repository, IN_PATH).to_string();
    let repository = utf8_percent_encode(&once, IN_PATH);
    let artifact = format!(
        "{PREFIX}/projects/{project}/repositories/{repository}/artifacts/{}",
        view.row.digest
    );
    let links = additions.into_iter().map(|addition| {
        let href = format!("{artifact}/additions/{addition}");
        let link = json!({ "absolute": false, "href": href });
        (addition.to_owned(), link)
    });
    Value::Object(links.collect())
}

fn artifact(view: &ArtifactView) -> Value {
    let row = &view.row;
    let references: Vec<Value> = view
        .references
        .iter()
        .map(|one| child(one, view.number))
        .collect();
    omit_empty(
        json!({
            "id": view.number,
            "type": view.kind,
            "media_type": view.media_type,
            "manifest_media_type": row.media_type,
            "artifact_type": row.artifact_type.as_deref().unwrap_or(&view.media_type),
            "project_id": view.namespace_number,
            "repository_id": view.repository_number,
            "repository_name": row.repository,
            "digest": row.digest,
            "icon": view.icon,
            "size": row.size_bytes,
            "push_time": time(Some(row.pushed_at_ms)),
            "pull_time": time(row.pulled_at_ms),
            "extra_attrs": view.attributes,
            "references": references,
            "tags": view.tags.iter().map(tag).collect::<Vec<_>>(),
            "labels": view.labels.iter().map(label).collect::<Vec<_>>(),
            "accessories": view.accessories.iter().map(accessory).collect::<Vec<_>>(),
            "addition_links": addition_links(view),
            "annotations": some(&view.annotations),
        }),
        &[],
    )
}

/// `listArtifacts`.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    let (query, parts) = (call.query.list()?, call.parts()?);
    let artifacts = &call.services().artifacts;
    let listed = artifacts
        .list(&call.by, call.repository(), query, parts)
        .await?;
    call.page(&listed, artifact)
}

/// `listArtifactsOfProject`.
pub(super) async fn list_of_project(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let (query, parts) = (call.query.list()?, call.parts()?);
    let is_newest = call.query.flag("latest_in_repository")?.unwrap_or(false);
    let artifacts = &call.services().artifacts;
    let namespace = call.namespace();
    let listed = artifacts
        .list_of_namespace(&call.by, namespace, query, is_newest, parts)
        .await?;
    call.page(&listed, artifact)
}

/// `getArtifact`.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    let parts = call.parts()?;
    let view = call
        .services()
        .artifacts
        .get(&call.by, call.artifact(), parts)
        .await?;
    Ok(Reply::json(&artifact(&view)))
}

/// `deleteArtifact`: with all its tags, whichever of them named it.
pub(super) async fn delete(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.services()
        .artifacts
        .delete(&call.by, call.artifact())
        .await?;
    Ok(Reply::done())
}

/// `CopyArtifact`.
pub(super) async fn copy(call: &Call<'_>) -> Result<Reply, HarborError> {
    let from = call.query.get("from").filter(|from| !from.is_empty());
    let from = from.ok_or_else(|| HarborError::unprocessable("from in query is required"))?;
    let artifacts = &call.services().artifacts;
    let reference = artifacts.copy(&call.by, call.repository(), from).await?;
    Ok(Reply::created(&call.location(&reference)))
}
