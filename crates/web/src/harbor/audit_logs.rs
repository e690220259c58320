//! The audit log: of the account, and of one project.

use super::reply::{Reply, omit_empty, time};
use super::{Call, HarborError};
use serde_json::{Value, json};
use services::{AuditEntry, AuditList, Listed, NamespaceRef};

fn entry(entry: &AuditEntry) -> Value {
    omit_empty(
        json!({
            "id": entry.number,
            "username": entry.caller,
            "resource": entry.resource,
            "resource_type": entry.resource_type,
            "operation": entry.operation,
            "op_time": time(Some(entry.at_ms)),
        }),
        &[],
    )
}

fn extended(shown: &AuditEntry) -> Value {
    let mut value = entry(shown);
    let (operation, kind) = (shown.operation, &shown.resource_type);
    let what = format!("{operation} {kind} {}", shown.resource);
    value["operation_description"] = json!(what.trim_end());
    value["operation_result"] = json!(shown.is_success);
    value
}

async fn of_account(call: &Call<'_>, which: AuditList) -> Result<Listed<AuditEntry>, HarborError> {
    let query = call.query.list()?;
    Ok(call.services().audit.list(&call.by, which, query).await?)
}

async fn of_project(call: &Call<'_>, which: AuditList) -> Result<Listed<AuditEntry>, HarborError> {
    let query = call.query.list()?;
    let project = NamespaceRef::Name(call.param("project_name"));
    let audit = &call.services().audit;
    Ok(audit.list_in(&call.by, project, which, query).await?)
}

/// `listAuditLogs`: what Harbor's older log knew.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    let listed = of_account(call, AuditList::Legacy).await?;
    call.page(&listed, entry)
}

/// `listAuditLogExts`: everything.
pub(super) async fn list_extended(call: &Call<'_>) -> Result<Reply, HarborError> {
    let listed = of_account(call, AuditList::All).await?;
    call.page(&listed, extended)
}

/// `listAuditLogEventTypes`.
pub(super) async fn event_types(call: &Call<'_>) -> Result<Reply, HarborError> {
    let types = call.services().audit.event_types(&call.by).await?;
    let types = types.iter().map(|name| json!({ "event_type": name }));
    Ok(Reply::json(&Value::Array(types.collect())))
}

/// `getLogs`: what Harbor's older log knew of a project.
pub(super) async fn list_of_project(call: &Call<'_>) -> Result<Reply, HarborError> {
    let listed = of_project(call, AuditList::Legacy).await?;
    call.page(&listed, entry)
}

/// `getLogExts`: everything in a project.
pub(super) async fn list_extended_of_project(call: &Call<'_>) -> Result<Reply, HarborError> {
    let listed = of_project(call, AuditList::All).await?;
    call.page(&listed, extended)
}
