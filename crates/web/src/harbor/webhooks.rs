//! Webhooks of projects, and what they were told of: Harbor calls each delivery an execution with one task.

use super::reply::{Reply, omit_empty, time};
use super::{Call, HarborError};
use serde::Deserialize;
use serde_json::{Value, json};
use services::{
    Comparison, DeliveryRow, ListQuery, SecretString, WebhookKind, WebhookSpec, WebhookView,
};

/// States of deliveries, with Harbor's words for them.
const STATES: [(&str, &str); 4] = [
    ("waiting", "Running"),
    ("delivered", "Success"),
    ("failed", "Error"),
    ("cancelled", "Stopped"),
];

#[derive(Deserialize)]
struct Target {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    address: String,
    auth_header: Option<String>,
    #[serde(default)]
    skip_cert_verify: bool,
    #[serde(default)]
    payload_format: String,
}

#[derive(Deserialize)]
struct PolicyRequest {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    targets: Vec<Target>,
    #[serde(default)]
    event_types: Vec<String>,
    #[serde(default)]
    enabled: bool,
}

impl PolicyRequest {
    /// What of a webhook it says; Harbor knows no patterns and no signature, so those stay.
    fn spec(self) -> Result<WebhookSpec, HarborError> {
        let mut targets = self.targets.into_iter();
        let (Some(target), None) = (targets.next(), targets.next()) else {
            return Err(HarborError::bad_request(
                "a webhook policy has exactly one target",
            ));
        };
        let kind = match target.kind.as_str() {
            "http" => WebhookKind::Http,
            "slack" => WebhookKind::Slack,
            _ => {
                return Err(HarborError::bad_request(
                    "the type of a target is http or slack",
                ));
            }
        };
        let is_cloud_event = match target.payload_format.as_str() {
            "" | "Default" => false,
            "CloudEvents" => true,
            _ => {
                return Err(HarborError::bad_request(
                    "the payload format of a target is Default or CloudEvents",
                ));
            }
        };
        Ok(WebhookSpec {
            name: self.name,
            description: self.description,
            kind,
            is_cloud_event,
            url: Some(target.address),
            auth_header: target.auth_header.map(SecretString::new),
            secret: None,
            verifies_certificate: !target.skip_cert_verify,
            event_types: self.event_types,
            repositories: None,
            tags: None,
            is_enabled: self.enabled,
        })
    }
}

fn policy(view: &WebhookView) -> Value {
    let row = &view.row;
    let target = omit_empty(
        json!({
            "type": row.kind,
            "address": row.shown_url,
            "skip_cert_verify": !row.verifies_certificate,
            "payload_format": match row.format.as_str() {
                "cloudevents" => "CloudEvents",
                "default" => "Default",
                _ => "",
            },
        }),
        &[],
    );
    omit_empty(
        json!({
            "id": view.number,
            "name": row.name,
            "description": row.description,
            "project_id": view.namespace_number,
            "targets": [target],
            "event_types": row.event_types,
            "creator": row.creator,
            "creation_time": time(Some(row.created_at_ms)),
            "update_time": time(Some(row.updated_at_ms)),
            "enabled": row.is_enabled,
        }),
        &["enabled"],
    )
}

/// `ListWebhookPoliciesOfProject`.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    let query = call.query.list()?;
    let webhooks = &call.services().webhooks;
    let listed = webhooks.list(&call.by, call.namespace(), query).await?;
    call.page(&listed, policy)
}

/// `CreateWebhookPolicyOfProject`.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let request: PolicyRequest = call.json()?;
    let webhooks = &call.services().webhooks;
    let spec = request.spec()?;
    let made = webhooks.create(&call.by, call.namespace(), spec).await?;
    Ok(Reply::created(&call.location(&made.number)))
}

/// `GetWebhookPolicyOfProject`.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    Ok(Reply::json(&policy(&find(call).await?)))
}

/// `UpdateWebhookPolicyOfProject`.
pub(super) async fn update(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("webhook_policy_id")?;
    let request: PolicyRequest = call.json()?;
    let (place, spec) = ((call.namespace(), number), request.spec()?);
    let webhooks = &call.services().webhooks;
    webhooks.update(&call.by, place, spec, None).await?;
    Ok(Reply::done())
}

/// `DeleteWebhookPolicyOfProject`.
pub(super) async fn delete(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("webhook_policy_id")?;
    let webhooks = &call.services().webhooks;
    webhooks.delete(&call.by, call.namespace(), number).await?;
    Ok(Reply::done())
}

/// `GetSupportedEventTypes`.
pub(super) async fn event_types(call: &Call<'_>) -> Result<Reply, HarborError> {
    let webhooks = &call.services().webhooks;
    let types = webhooks.event_types(&call.by, call.namespace()).await?;
    Ok(Reply::json(&json!({
        "event_type": types,
        "notify_type": ["http", "slack"],
        "payload_formats": [{ "notify_type": "http", "formats": ["CloudEvents", "Default"] }],
    })))
}

/// `LastTrigger`.
pub(super) async fn last_triggers(call: &Call<'_>) -> Result<Reply, HarborError> {
    let webhooks = &call.services().webhooks;
    let triggers = webhooks.last_triggers(&call.by, call.namespace()).await?;
    let shown = triggers.into_iter().map(|(row, event_type, last)| {
        omit_empty(
            json!({
                "policy_name": row.name,
                "event_type": event_type,
                "enabled": row.is_enabled,
                "creation_time": time(Some(row.created_at_ms)),
                "last_trigger_time": last.map(|last| time(Some(last))),
            }),
            &[],
        )
    });
    Ok(Reply::json(&Value::Array(shown.collect())))
}

/// `ListWebhookJobs`: of the policy that the query names.
pub(super) async fn jobs(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.query.number("policy_id")?;
    let number =
        number.ok_or_else(|| HarborError::unprocessable("policy_id in query is required"))?;
    let (webhooks, place) = (&call.services().webhooks, (call.namespace(), number));
    let view = webhooks.get(&call.by, call.namespace(), number).await?;
    let listed = webhooks.deliveries(&call.by, place, asked(call)?).await?;
    call.page(&listed, |delivery| {
        omit_empty(
            json!({
                "id": delivery.number,
                "policy_id": number,
                "event_type": delivery.event_type,
                "notify_type": view.row.kind,
                "status": word(&delivery.state),
                "job_detail": delivery.payload,
                "creation_time": time(Some(delivery.created_at_ms)),
                "update_time": time(Some(updated(delivery))),
            }),
            &[],
        )
    })
}

/// `ListExecutionsOfWebhookPolicy`.
pub(super) async fn executions(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = call.number("webhook_policy_id")?;
    let view = find(call).await?;
    let (webhooks, place) = (&call.services().webhooks, (call.namespace(), number));
    let listed = webhooks.deliveries(&call.by, place, asked(call)?).await?;
    call.page(&listed, |delivery| {
        omit_empty(
            json!({
                "id": delivery.number,
                "vendor_type": if view.row.kind == "slack" { "SLACK" } else { "WEBHOOK" },
                "vendor_id": number,
                "status": word(&delivery.state),
                "status_message": delivery.error,
                "trigger": if delivery.cause == "event" { "EVENT" } else { "MANUAL" },
                "metrics": metrics(&delivery.state),
                "extra_attrs": { "event_type": delivery.event_type },
                "start_time": time(Some(delivery.created_at_ms)),
                "end_time": delivery.ended_at_ms.map(|at| time(Some(at))),
            }),
            &[],
        )
    })
}

/// `ListTasksOfWebhookExecution`: the one that there is.
pub(super) async fn tasks(call: &Call<'_>) -> Result<Reply, HarborError> {
    let delivery = delivery(call).await?;
    let asked = call.query.page()?;
    let task = omit_empty(
        json!({
            "id": delivery.number,
            "execution_id": delivery.number,
            "status": word(&delivery.state),
            "status_message": delivery.error,
            "run_count": delivery.attempts,
            "extra_attrs": { "event_type": delivery.event_type },
            "creation_time": time(Some(delivery.created_at_ms)),
            "update_time": time(Some(updated(&delivery))),
            "start_time": time(delivery.sent_at_ms),
            "end_time": delivery.ended_at_ms.map(|at| time(Some(at))),
        }),
        &[],
    );
    let items = if asked.page == 1 {
        vec![task]
    } else {
        Vec::new()
    };
    Ok(Reply::page(items, 1, asked, &call.path, &call.query))
}

/// `GetLogsOfWebhookTask`.
pub(super) async fn log(call: &Call<'_>) -> Result<Reply, HarborError> {
    let delivery = delivery(call).await?;
    if call.number("task_id")? != delivery.number {
        return Err(HarborError::not_found("the execution has no such task"));
    }
    let mut lines = vec![format!(
        "{} delivery {} of event {} ({}): {}",
        time(Some(delivery.created_at_ms)),
        delivery.number,
        delivery.event_id,
        delivery.event_type,
        delivery.state
    )];
    if let Some(at_ms) = delivery.sent_at_ms {
        lines.push(format!(
            "{} request {}",
            time(Some(at_ms)),
            delivery.attempts
        ));
    }
    if let (Some(status), Some(took)) = (delivery.response_status, delivery.duration_ms) {
        lines.push(format!("answered with status {status} after {took} ms"));
    }
    if let Some(error) = &delivery.error {
        lines.push(format!("error: {error}"));
    }
    if let Some(response) = delivery.response.as_ref().filter(|text| !text.is_empty()) {
        lines.push(format!("answer: {response}"));
    }
    Ok(Reply::text("text/plain", lines.join("\n") + "\n"))
}

async fn find(call: &Call<'_>) -> Result<WebhookView, HarborError> {
    let number = call.number("webhook_policy_id")?;
    let webhooks = &call.services().webhooks;
    Ok(webhooks.get(&call.by, call.namespace(), number).await?)
}

async fn delivery(call: &Call<'_>) -> Result<DeliveryRow, HarborError> {
    let place = (call.namespace(), call.number("webhook_policy_id")?);
    let number = call.number("execution_id")?;
    let webhooks = &call.services().webhooks;
    Ok(webhooks.delivery(&call.by, place, number).await?)
}

/// What is asked of a list of deliveries, with our words for Harbor's states.
fn asked(call: &Call<'_>) -> Result<ListQuery, HarborError> {
    let mut query = call.query.list()?;
    for condition in &mut query.conditions {
        let Comparison::AnyOf(values) = &mut condition.comparison else {
            continue;
        };
        for value in values.iter_mut().filter(|_| condition.field == "status") {
            let known = STATES.iter().find(|(_, word)| *word == value.text);
            if let Some((state, _)) = known {
                (*state).clone_into(&mut value.text);
            }
        }
    }
    Ok(query)
}

fn word(state: &str) -> &'static str {
    let known = STATES.iter().find(|(name, _)| *name == state);
    known.map_or("Error", |(_, word)| *word)
}

fn metrics(state: &str) -> Value {
    let counted = match state {
        "waiting" => "running_task_count",
        "delivered" => "success_task_count",
        "failed" => "error_task_count",
        _ => "stopped_task_count",
    };
    json!({ "task_count": 1, counted: 1 })
}

fn updated(delivery: &DeliveryRow) -> i64 {
    let last = delivery.ended_at_ms.or(delivery.sent_at_ms);
    last.unwrap_or(delivery.created_at_ms)
}
