//! Counts.

use super::projects::role_id;
use super::quotas;
use super::reply::{Reply, omit_empty};
use super::{Call, HarborError};
use serde_json::json;

/// `getStatistic`: the totals and the bytes are for the administrator.
pub(super) async fn of_account(call: &Call<'_>) -> Result<Reply, HarborError> {
    let statistics = call.services().statistics.of_account(&call.by).await?;
    let (public, private) = (statistics.counts.public, statistics.counts.private);
    let total = |count: i64| {
        if statistics.used_bytes.is_some() {
            count
        } else {
            0
        }
    };
    Ok(Reply::json(&json!({
        "private_project_count": private.namespaces,
        "private_repo_count": private.repositories,
        "public_project_count": public.namespaces,
        "public_repo_count": public.repositories,
        "total_project_count": total(public.namespaces + private.namespaces),
        "total_repo_count": total(public.repositories + private.repositories),
        "total_storage_consumption": statistics.used_bytes.unwrap_or(0),
    })))
}

/// `getProjectSummary`: members are counted for those who manage them, bytes for those who have a role.
pub(super) async fn of_project(call: &Call<'_>) -> Result<Reply, HarborError> {
    let statistics = &call.services().statistics;
    let summary = statistics.of_namespace(&call.by, call.namespace()).await?;
    let members = summary.members.unwrap_or_default();
    let count = |number: i64| -> i64 {
        let of_role = members.iter().filter(|(role, _)| role_id(*role) == number);
        of_role.map(|(_, count)| count).sum()
    };
    let mut answer = omit_empty(
        json!({
            "repo_count": summary.repositories,
            "project_admin_count": count(1),
            "developer_count": count(2),
            "guest_count": count(3),
            "maintainer_count": count(4),
            "limited_guest_count": count(5),
        }),
        &["repo_count"],
    );
    if let Some((used_bytes, limit_bytes)) = summary.used_bytes {
        answer["quota"] = quotas::summary(used_bytes, limit_bytes);
    }
    Ok(Reply::json(&answer))
}
