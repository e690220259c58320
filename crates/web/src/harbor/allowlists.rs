//! Vulnerabilities that are accepted: by the account in all of its projects, or by one of them.

use super::reply::{Reply, omit_empty, time};
use super::{Call, HarborError};
use serde::Deserialize;
use serde_json::{Value, json};
use services::{CveAllowlist, CveAllowlistText};

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    cve_id: String,
}

/// A list in a request. What else stands in one that was read before and is sent back is passed over.
#[derive(Deserialize)]
pub(super) struct ListRequest {
    #[serde(default)]
    pub(super) project_id: i64,
    #[serde(default)]
    items: Vec<Item>,
    /// In seconds since 1970.
    expires_at: Option<i64>,
}

impl ListRequest {
    pub(super) fn into_text(self) -> CveAllowlistText {
        CveAllowlistText {
            items: self.items.into_iter().map(|item| item.cve_id).collect(),
            expires_at: self.expires_at,
        }
    }
}

/// A list as Harbor shows it; of no project, it is the account's.
pub(super) fn allowlist(list: Option<&CveAllowlist>, project: Option<i64>) -> Value {
    let items = list.into_iter().flat_map(|list| &list.items);
    let items: Vec<Value> = items.map(|name| json!({ "cve_id": name })).collect();
    let expires_at_ms = list.and_then(|list| list.expires_at_ms);
    let mut shown = omit_empty(
        json!({
            "project_id": project,
            "items": items,
            "creation_time": time(list.map(|list| list.created_at_ms)),
            "update_time": time(list.map(|list| list.updated_at_ms)),
        }),
        &["items"],
    );
    // The first second of 1970 is a time, too.
    if let Some(at_ms) = expires_at_ms {
        shown["expires_at"] = json!(at_ms / 1000);
    }
    shown
}

/// `getSystemCVEAllowlist`: for everyone who is logged in.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let list = call
        .services()
        .account_settings
        .cve_allowlist(&call.by)
        .await?;
    Ok(Reply::json(&allowlist(list.as_ref(), None)))
}

/// `putSystemCVEAllowlist`: all of it.
pub(super) async fn put(call: &Call<'_>) -> Result<Reply, HarborError> {
    let services = call.services();
    services
        .authorizer
        .require(&call.by, model::Action::ConfigurationUpdate)
        .await?;
    let list: ListRequest = call.json()?;
    if list.project_id != 0 {
        return Err(HarborError::bad_request(
            "project_id has no place in the list of the account; a project's list is set with the project",
        ));
    }
    let settings = &services.account_settings;
    settings
        .set_cve_allowlist(&call.by, list.into_text())
        .await?;
    Ok(Reply::done())
}
