//! Purges of the account's audit log: one now, by a schedule, and what became of each.

use super::reply::Reply;
use super::timing::{self, Asked};
use super::{Call, HarborError};
use model::Action;
use serde::Deserialize;
use serde_json::{Value, json};
use services::{AuditPurge, AuditPurgeRun, AuditPurgeSchedule};

const NAME: &str = "PURGE_AUDIT_LOG";

#[derive(Deserialize, Default)]
struct Parameters {
    audit_retention_hour: Option<i64>,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    include_event_types: String,
    /// The word of older clients: `create,delete,pull`.
    #[serde(default)]
    include_operations: String,
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
}

impl Parameters {
    async fn purge(&self, call: &Call<'_>) -> Result<AuditPurge, HarborError> {
        let Some(hours) = self.audit_retention_hour else {
            return Err(HarborError::bad_request(
                "parameters.audit_retention_hour says how old an event has to be to go, in hours",
            ));
        };
        let mut event_types: Vec<String> = split(&self.include_event_types)
            .map(str::to_owned)
            .collect();
        if event_types.is_empty() && !self.include_operations.is_empty() {
            let known = call.services().audit.event_types(&call.by).await?;
            let operations: Vec<&str> = split(&self.include_operations).collect();
            let is_meant = |name: &String| {
                let operation = name.split('_').next().unwrap_or_default();
                operations.contains(&operation)
            };
            event_types = known.into_iter().filter(is_meant).collect();
        }
        Ok(AuditPurge {
            hours,
            event_types,
            is_dry_run: self.dry_run,
            is_scheduled: false,
        })
    }
}

fn parameters(purge: &AuditPurge) -> String {
    let value = json!({
        "audit_retention_hour": purge.hours,
        "dry_run": purge.is_dry_run,
        "include_event_types": purge.event_types.join(","),
    });
    value.to_string()
}

fn run(run: &AuditPurgeRun) -> Value {
    let parameters = parameters(&run.purge);
    let asked = (run.purge.is_scheduled, parameters.as_str());
    timing::run((run.number, NAME), asked, &run.job)
}

fn schedule(schedule: &AuditPurgeSchedule) -> Value {
    let parameters = parameters(&schedule.purge);
    timing::schedule(NAME, &parameters, &schedule.cron, schedule.next_ms)
}

/// Does what a request asks for. Answers with the number of a purge that was asked for now.
async fn follow(call: &Call<'_>, action: Action) -> Result<i64, HarborError> {
    call.require_login()?;
    let (asked, parameters) = timing::asked::<Parameters>(call)?;
    let purges = &call.services().audit_purges;
    let wanted = match asked {
        Asked::Now => {
            let purge = parameters.purge(call).await?;
            return Ok(purges.start(&call.by, purge).await?.number);
        }
        Asked::Never => None,
        Asked::Then(cron) => Some((parameters.purge(call).await?, cron)),
    };
    purges.set_schedule(&call.by, wanted, action).await?;
    Ok(0)
}

/// `getPurgeSchedule`: nothing at all where there is none.
pub(super) async fn get_schedule(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let found = call.services().audit_purges.schedule(&call.by).await?;
    Ok(found.map_or_else(Reply::done, |found| Reply::json(&schedule(&found))))
}

/// `createPurgeSchedule`: its number is 0 unless it is a purge now.
pub(super) async fn create_schedule(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = follow(call, Action::PurgeAuditCreate).await?;
    Ok(Reply::created(&timing::location(call, number)))
}

/// `updatePurgeSchedule`.
pub(super) async fn update_schedule(call: &Call<'_>) -> Result<Reply, HarborError> {
    follow(call, Action::PurgeAuditUpdate).await?;
    Ok(Reply::done())
}

/// `getPurgeHistory`.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let query = call.query.list()?;
    let listed = call.services().audit_purges.list(&call.by, query).await?;
    call.page(&listed, run)
}

/// `getPurgeJob`.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let number = call.number("purge_id")?;
    let found = call.services().audit_purges.get(&call.by, number).await?;
    Ok(Reply::json(&run(&found)))
}

/// `stopPurge`.
pub(super) async fn stop(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let number = call.number("purge_id")?;
    call.services().audit_purges.stop(&call.by, number).await?;
    Ok(Reply::done())
}

/// `getPurgeJobLog`.
pub(super) async fn log(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let number = call.number("purge_id")?;
    let text = call.services().audit_purges.log(&call.by, number).await?;
    Ok(Reply::text("text/plain; charset=utf-8", text))
}
