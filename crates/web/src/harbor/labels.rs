//! Labels of the account (Harbor's scope `g`) and of projects (`p`), and artifacts that carry them.

use super::query::holds;
use super::reply::{Reply, omit_empty, time};
use super::{Call, HarborError};
use serde::Deserialize;
use serde_json::{Value, json};
use services::{LabelText, LabelView, NamespaceRef};

#[derive(Deserialize)]
struct LabelRequest {
    #[serde(default)]
    id: i64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    color: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    project_id: i64,
}

impl LabelRequest {
    fn text(self) -> LabelText {
        LabelText {
            name: self.name,
            description: self.description,
            color: self.color,
        }
    }
}

pub(super) fn label(view: &LabelView) -> Value {
    let row = &view.row;
    omit_empty(
        json!({
            "id": view.number,
            "name": row.name,
            "description": row.description,
            "color": row.color,
            "scope": if view.namespace_number.is_some() { "p" } else { "g" },
            "project_id": view.namespace_number,
            "creation_time": time(Some(row.created_at_ms)),
            "update_time": time(Some(row.updated_at_ms)),
        }),
        &[],
    )
}

/// The project that labels are of; `None` for those of the account.
fn place(scope: &str, project: i64) -> Result<Option<NamespaceRef<'static>>, HarborError> {
    match (scope, project) {
        ("g", _) => Ok(None),
        ("p", 1..) => Ok(Some(NamespaceRef::Number(project))),
        ("p", _) => Err(HarborError::bad_request(
            "project_id is needed with scope p",
        )),
        _ => Err(HarborError::bad_request("scope must be g or p")),
    }
}

/// `ListLabels`.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    let mut query = call.query.list()?;
    if let Some(name) = call.query.get("name").filter(|name| !name.is_empty()) {
        query.conditions.push(holds("name", name));
    }
    let project = call.query.number("project_id")?.unwrap_or(0);
    let place = place(call.query.get("scope").unwrap_or_default(), project)?;
    let listed = call.services().labels.list(&call.by, place, query).await?;
    call.page(&listed, label)
}

/// `CreateLabel`.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let request: LabelRequest = call.json()?;
    let place = place(&request.scope, request.project_id)?;
    let number = call
        .services()
        .labels
        .create(&call.by, place, request.text())
        .await?;
    Ok(Reply::created(&call.location(&number)))
}

/// `GetLabelByID`.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("label_id")?;
    let view = call.services().labels.get(&call.by, number).await?;
    Ok(Reply::json(&label(&view)))
}

/// `UpdateLabel`: its name, description and colour.
pub(super) async fn update(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("label_id")?;
    let request: LabelRequest = call.json()?;
    call.services()
        .labels
        .update(&call.by, number, request.text())
        .await?;
    Ok(Reply::done())
}

/// `DeleteLabel`.
pub(super) async fn delete(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("label_id")?;
    call.services().labels.delete(&call.by, number).await?;
    Ok(Reply::done())
}

/// `addLabel`.
pub(super) async fn attach(call: &Call<'_>) -> Result<Reply, HarborError> {
    let request: LabelRequest = call.json()?;
    call.services()
        .labels
        .attach(&call.by, call.artifact(), request.id)
        .await?;
    Ok(Reply::done())
}

/// `removeLabel`.
pub(super) async fn detach(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("label_id")?;
    call.services()
        .labels
        .detach(&call.by, call.artifact(), number)
        .await?;
    Ok(Reply::done())
}
