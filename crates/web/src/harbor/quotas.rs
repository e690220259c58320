//! Quotas: what projects use.

use super::reply::{Reply, time};
use super::{Call, HarborError};
use serde::Deserialize;
use serde_json::{Value, json};
use services::{NamespaceUsage, Refused};

/// Harbor's word for no limit.
const UNLIMITED: i64 = -1;

/// A limit in Harbor's words.
fn hard(limit_bytes: Option<u64>) -> i64 {
    limit_bytes.map_or(UNLIMITED, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

fn quota(usage: &NamespaceUsage) -> Value {
    let namespace = &usage.details.namespace;
    let mut quota = json!({
        "id": usage.number,
        "ref": {
            "id": usage.number,
            "name": namespace.name,
            "owner_name": usage.details.owner_name,
        },
        "hard": { "storage": hard(usage.limit_bytes) },
        "used": { "storage": usage.used_bytes },
        "creation_time": time(Some(namespace.created_at_ms)),
        "update_time": time(Some(usage.details.updated_at_ms)),
    });
    // What the account as a whole may store holds for each of its projects, too.
    if let Some(limit) = usage.account_limit_bytes {
        quota["ref"]["account_storage_limit"] = json!(limit);
    }
    quota
}

/// Bytes as a project's summary shows them.
pub(super) fn summary(used_bytes: u64, limit_bytes: Option<u64>) -> Value {
    json!({ "hard": { "storage": hard(limit_bytes) }, "used": { "storage": used_bytes } })
}

/// `listQuotas`. There are quotas of projects only.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let (query, page) = (call.query.list()?, call.query.page()?);
    let reply = |items, total| Reply::page(items, total, page, &call.path, &call.query);
    let quotas = &call.services().quotas;
    let wanted = call
        .query
        .get("reference")
        .filter(|reference| !reference.is_empty());
    let is_of_projects = wanted.is_none_or(|reference| reference == "project");
    let one = call.query.get("reference_id").filter(|id| !id.is_empty());
    if let (true, None) = (is_of_projects, one) {
        let listed = quotas.list(&call.by, query).await?;
        return Ok(reply(
            listed.items.iter().map(quota).collect(),
            listed.total,
        ));
    }
    call.services()
        .authorizer
        .require(&call.by, model::Action::QuotaList)
        .await?;
    let number = one
        .filter(|_| is_of_projects)
        .and_then(|id| id.parse().ok());
    let Some(number) = number else {
        return Ok(reply(Vec::new(), 0));
    };
    match quotas.get(&call.by, number).await {
        Ok(usage) if query.offset == 0 => Ok(reply(vec![quota(&usage)], 1)),
        Ok(_) => Ok(reply(Vec::new(), 1)),
        Err(Refused::Failed(services::Error::NotFound(_))) => Ok(reply(Vec::new(), 0)),
        Err(refused) => Err(refused.into()),
    }
}

/// `getQuota`: of the project that has the number.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    let usage = call
        .services()
        .quotas
        .get(&call.by, call.number("id")?)
        .await?;
    Ok(Reply::json(&quota(&usage)))
}

#[derive(Deserialize)]
struct Hard {
    storage: Option<i64>,
}

#[derive(Deserialize)]
struct QuotaRequest {
    hard: Option<Hard>,
}

/// `updateQuota`: of the project that has the number.
pub(super) async fn update(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("id")?;
    // Who may not is told so first, as with every operation.
    let quotas = &call.services().quotas;
    call.services()
        .authorizer
        .require(&call.by, model::Action::QuotaUpdate)
        .await?;
    let request: QuotaRequest = call.json()?;
    let storage = request.hard.and_then(|hard| hard.storage);
    let limit = match storage {
        Some(UNLIMITED) => None,
        Some(limit) if limit > 0 => u64::try_from(limit).ok(),
        _ => {
            return Err(HarborError::bad_request(
                "hard.storage is a number of bytes, or -1 for no limit",
            ));
        }
    };
    quotas.set_limit(&call.by, number, limit).await?;
    Ok(Reply::done())
}
