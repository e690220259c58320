//! Retention policies of projects, their executions, and what each did in every repository.

mod requests;

use requests::PolicyRequest;
pub(super) use requests::SelectorRequest;

use super::reply::{Reply, omit_empty, time};
use super::{Call, HarborError};
use model::retention::{RuleText, Template};
use model::selector::{Decoration, SelectorKind, SelectorText};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use services::{
    NamespaceRef, RetentionRef, RetentionRunView, RetentionState, RetentionTaskView, RetentionView,
};

#[derive(Deserialize)]
struct RunRequest {
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize)]
struct ActionRequest {
    #[serde(default)]
    action: String,
}

fn selector(text: &SelectorText) -> Value {
    let mut value = json!({
        "kind": text.kind.as_str(),
        "decoration": text.decoration.as_str(),
        "pattern": text.pattern,
    });
    if !text.decoration.is_of_repositories() {
        value["extras"] = json!({ "untagged": text.untagged }).to_string().into();
    }
    value
}

fn rule((at, rule): (usize, &RuleText)) -> Value {
    let mut params = Map::new();
    if let Some(count) = rule.count {
        params.insert(rule.template.as_str().to_owned(), count.into());
    }
    let repositories: Vec<Value> = rule.repository_selectors.iter().map(selector).collect();
    json!({
        "id": at + 1,
        "priority": rule.priority,
        "disabled": rule.disabled,
        "action": rule.action.as_str(),
        "template": rule.template.as_str(),
        "params": params,
        "tag_selectors": rule.tag_selectors.iter().map(selector).collect::<Vec<_>>(),
        "scope_selectors": { "repository": repositories },
    })
}

fn policy(view: &RetentionView) -> Value {
    let rules: Vec<Value> = view.text.rules.iter().enumerate().map(rule).collect();
    json!({
        "id": view.number,
        "algorithm": "or",
        "rules": rules,
        "trigger": {
            "kind": "Schedule",
            "settings": { "cron": view.text.cron.as_deref().unwrap_or_default() },
            "references": {},
        },
        "scope": { "level": "project", "ref": view.namespace_number },
    })
}

fn execution(view: &RetentionRunView) -> Value {
    let row = &view.row;
    let status = match row.state {
        RetentionState::Queued | RetentionState::Running => "InProgress",
        RetentionState::Done => "Succeed",
        RetentionState::Stopped => "Stopped",
        RetentionState::Failed => "Failed",
    };
    let mut value = json!({
        "id": view.number,
        "policy_id": view.policy_number,
        "start_time": time(Some(row.started_at_ms.unwrap_or(row.created_at_ms))),
        "status": status,
        "trigger": if row.is_scheduled { "SCHEDULE" } else { "MANUAL" },
        "dry_run": row.is_dry_run,
    });
    if row.ended_at_ms.is_some() {
        value["end_time"] = time(row.ended_at_ms).into();
    }
    value
}

fn task((view, execution): (&RetentionTaskView, i64)) -> Value {
    let row = &view.row;
    let has_ended = view.run.ended_at_ms.is_some();
    let (status, code) = match row.state.as_str() {
        "done" => ("Success", 3),
        "refused" => ("Error", 3),
        _ if has_ended => ("Stopped", 3),
        _ => ("Running", 2),
    };
    let value = json!({
        "id": view.number,
        "execution_id": execution,
        "repository": row.repository.split_once('/').map_or("", |(_, name)| name),
        "job_id": view.run.job_id.as_str(),
        "status": status,
        "status_code": code,
        "start_time": time(Some(row.started_at_ms)),
        "end_time": time(row.ended_at_ms),
        "total": row.total,
        "retained": row.total - row.removed,
    });
    omit_empty(value, &["status_code", "total", "retained"])
}

/// `getRentenitionMetadata`.
#[expect(clippy::unused_async, reason = "all operations are")]
pub(super) async fn metadata(call: &Call<'_>) -> Result<Reply, HarborError> {
    let _ = call;
    let templates = Template::ALL.map(|template| {
        let text = match template {
            Template::LatestPushedK => "the most recently pushed # artifacts",
            Template::LatestPulledN => "the most recently pulled # artifacts",
            Template::LatestActiveK => "the most recently active # artifacts",
            Template::NDaysSinceLastPull => "pulled within the last # days",
            Template::NDaysSinceLastPush | Template::LastXDays => "pushed within the last # days",
            Template::Nothing => "nothing",
            Template::Always => "always",
        };
        let unit = if template.is_of_days() {
            "DAYS"
        } else {
            "COUNT"
        };
        let param = json!({ "type": "int", "unit": unit, "required": true });
        json!({
            "rule_template": template.as_str(),
            "display_text": text,
            "action": "retain",
            "params": if template.needs_count() { vec![param] } else { Vec::new() },
        })
    });
    let selectors = |text: &str, kinds: &[SelectorKind], decorations: [Decoration; 2]| {
        let of_kind = |kind: &SelectorKind| {
            json!({
                "display_text": text,
                "kind": kind.as_str(),
                "decorations": decorations.map(Decoration::as_str),
            })
        };
        kinds.iter().map(of_kind).collect::<Vec<_>>()
    };
    let (plain, all) = (
        [SelectorKind::Doublestar, SelectorKind::Regex],
        [
            SelectorKind::Doublestar,
            SelectorKind::Regex,
            SelectorKind::Label,
        ],
    );
    let of_repositories = [Decoration::RepoMatches, Decoration::RepoExcludes];
    Ok(Reply::json(&json!({
        "templates": templates,
        "scope_selectors": selectors("Repositories", &plain, of_repositories),
        "tag_selectors": selectors("Tags", &all, [Decoration::Matches, Decoration::Excludes]),
    })))
}

fn numbered(call: &Call<'_>) -> Result<RetentionRef<'static>, HarborError> {
    Ok(RetentionRef::Number(call.number("id")?))
}

/// `createRetention`.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let request: PolicyRequest = call.json()?;
    let project = NamespaceRef::Number(request.project()?);
    let retention = &call.services().retention;
    let number = retention.create(&call.by, project, request.text()?).await?;
    Ok(Reply::created(&call.location(&number)))
}

/// `getRetention`.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let view = call
        .services()
        .retention
        .get(&call.by, call.number("id")?)
        .await?;
    Ok(Reply::json(&policy(&view)))
}

/// `updateRetention`: the policy stays with its project.
pub(super) async fn update(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let (number, retention) = (call.number("id")?, &call.services().retention);
    let request: PolicyRequest = call.json()?;
    let known = retention.get(&call.by, number).await?;
    if request.scope.is_some() && request.project()? != known.namespace_number {
        return Err(HarborError::bad_request(
            "a retention policy stays with its project; leave the scope as it is",
        ));
    }
    retention.update(&call.by, number, request.text()?).await?;
    Ok(Reply::done())
}

/// `deleteRetention`.
pub(super) async fn delete(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    call.services()
        .retention
        .delete(&call.by, numbered(call)?)
        .await?;
    Ok(Reply::done())
}

/// `triggerRetentionExecution`.
pub(super) async fn start(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let policy = numbered(call)?;
    let request: RunRequest = call.json()?;
    let retention = &call.services().retention;
    let run = retention.start(&call.by, policy, request.dry_run).await?;
    Ok(Reply::created(&call.location(&run.number)))
}

/// `listRetentionExecutions`.
pub(super) async fn list_executions(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let query = call.query.list()?;
    let retention = &call.services().retention;
    let listed = retention
        .list_runs(&call.by, numbered(call)?, query)
        .await?;
    call.page(&listed, execution)
}

/// `operateRetentionExecution`: stop is all that there is.
pub(super) async fn operate(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let (policy, run) = (numbered(call)?, call.number("eid")?);
    let request: ActionRequest = call.json()?;
    if request.action != "stop" {
        return Err(HarborError::bad_request("the action is stop"));
    }
    call.services()
        .retention
        .stop(&call.by, policy, run)
        .await?;
    Ok(Reply::done())
}

/// `listRetentionTasks`.
pub(super) async fn list_tasks(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let (policy, run, query) = (numbered(call)?, call.number("eid")?, call.query.list()?);
    let retention = &call.services().retention;
    let listed = retention.list_tasks(&call.by, policy, run, query).await?;
    call.page(&listed, |view| task((view, run)))
}

/// `getRetentionTaskLog`.
pub(super) async fn log(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let (policy, run, task) = (numbered(call)?, call.number("eid")?, call.number("tid")?);
    let text = call
        .services()
        .retention
        .log(&call.by, policy, run, task)
        .await?;
    Ok(Reply::text("text/plain; charset=utf-8", text))
}
