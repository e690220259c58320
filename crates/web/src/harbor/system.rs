//! What Harbor calls the system: is it there, is it well, what is it. The account, and what of the deployment concerns it.

use super::configurations::creation_restriction;
use super::reply::{Reply, omit_empty, time};
use super::{Call, HarborError};
use crate::registry::Registry;
use serde_json::json;
use std::future::{Ready, ready};

/// The Harbor whose API this is, in the form in which scripts look for a version.
const HARBOR_VERSION: &str = concat!("v2.15.0-roadstead.", env!("CARGO_PKG_VERSION"));

/// `getPing`.
pub(super) fn ping(_: &Call<'_>) -> Ready<Result<Reply, HarborError>> {
    ready(Ok(Reply::text("text/plain; charset=utf-8", "Pong")))
}

/// `getHealth`: always 200; what is unwell is said inside.
pub(super) async fn health(call: &Call<'_>) -> Result<Reply, HarborError> {
    Ok(condition(call.registry).await)
}

/// What [`health`] says of the registry.
pub(super) async fn condition(registry: &Registry) -> Reply {
    let unwell = registry.unwell().await;
    let component =
        |name: &str, check: &str| match unwell.iter().find(|reason| reason.contains(check)) {
            Some(reason) => json!({ "name": name, "status": "unhealthy", "error": reason }),
            None => json!({ "name": name, "status": "healthy" }),
        };
    let status = if unwell.is_empty() {
        "healthy"
    } else {
        "unhealthy"
    };
    Reply::json(&json!({
        "status": status,
        "components": [
            // Whoever reads this was answered.
            { "name": "core", "status": "healthy" },
            component("database", "database"),
            component("registry", "storage"),
        ],
    }))
}

/// `getSystemInfo`: little for anonymous callers.
pub(super) async fn info(call: &Call<'_>) -> Result<Reply, HarborError> {
    let settings = call.services().account_settings.published(&call.by).await?;
    let mut info = json!({
        "auth_mode": "db_auth",
        "primary_auth_mode": false,
        "self_registration": false,
        "banner_message": settings.banner_message,
    });
    if !call.by.authenticated().caller.is_anonymous() {
        let host = call.origin.split_once("://").map_or("", |(_, host)| host);
        let now_ms = call.services().now_ms();
        let more = json!({
            "harbor_version": HARBOR_VERSION,
            "registry_url": host,
            "external_url": call.origin,
            "project_creation_restriction": creation_restriction(&settings),
            "has_ca_root": false,
            "read_only": false,
            "notification_enable": false,
            "registry_storage_provider_name": call.services().storage_name(),
            "current_time": time(Some(now_ms)),
        });
        if let (Some(info), serde_json::Value::Object(more)) = (info.as_object_mut(), more) {
            info.extend(more);
        }
    }
    Ok(Reply::json(&omit_empty(
        info,
        &[
            "primary_auth_mode",
            "self_registration",
            "has_ca_root",
            "read_only",
            "notification_enable",
        ],
    )))
}

/// `getVolumes`: the account's room; without a limit there is nothing to tell.
pub(super) async fn volumes(call: &Call<'_>) -> Result<Reply, HarborError> {
    let usage = call.services().accounts.usage(&call.by).await?;
    let storage = usage
        .limit_bytes
        .map(|total| json!({ "total": total, "free": total.saturating_sub(usage.used_bytes) }));
    let storage: Vec<_> = storage.into_iter().collect();
    Ok(Reply::json(&json!({ "storage": storage })))
}

/// `getCert`: certificates come from public authorities, or from the operator by another way.
pub(super) fn certificate(_: &Call<'_>) -> Ready<Result<Reply, HarborError>> {
    let text = "this registry keeps no certificate of an authority for download";
    ready(Err(HarborError::not_found(text)))
}
