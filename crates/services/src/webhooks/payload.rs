//! What a webhook is told of an event: Harbor's form, a CloudEvent (CloudEvents 1.0, structured JSON), or a message for Slack.

use metadata::{EventRow, WebhookRow};
use model::glob::Glob;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

const JSON: &str = "application/json";
const CLOUD_EVENT: &str = "application/cloudevents+json";
/// The longest text of one part of a message for Slack, in characters: its limit is 3000.
const SLACK_TEXT: usize = 2900;
/// Resources that are told of; a push has few tags.
const MAX_RESOURCES: usize = 100;

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) event_type: String,
    pub(super) content_type: &'static str,
    pub(super) payload: String,
}

/// What is known of a webhook beside its row.
pub(super) struct Place<'a> {
    pub(super) webhook: &'a WebhookRow,
    pub(super) repositories: Option<Glob>,
    pub(super) tags: Option<Glob>,
    /// The namespace, and whether anyone may pull from it.
    pub(super) namespace: (&'a str, bool),
    /// Where images are pulled from, with a slash behind it; empty when that is not known.
    pub(super) host: String,
    /// When repositories were made, by full name, as far as they are known.
    pub(super) created: HashMap<String, i64>,
    /// Harbor's numbers of namespace and webhook.
    pub(super) numbers: (i64, i64),
}

/// What a webhook is told of an event; `None` when it is none of its own.
pub(super) fn told(place: &Place<'_>, event: &EventRow) -> Option<Told> {
    let event_type = wanted(place, event)?;
    let payload: Value = serde_json::from_str(&event.payload).ok()?;
    let data = match event_type {
        "QUOTA_EXCEED" | "QUOTA_WARNING" => quota(place, &payload),
        "TAG_RETENTION" => retention(place, &payload)?,
        _ => artifact(place, event.at_ms, &payload)?,
    };
    let what = What {
        event_type,
        id: &event.id,
        at_ms: event.at_ms,
        operator: &event.caller,
    };
    Some(written(place, &what, &data))
}

/// The type of an event that a webhook is told of, as far as that can be said without reading it.
fn wanted(place: &Place<'_>, event: &EventRow) -> Option<&'static str> {
    let is_here = event.namespace_id.as_ref() == Some(&place.webhook.namespace_id);
    if !is_here && event.kind != "account.storage_warning" {
        return None;
    }
    let event_type = event_type(&event.kind)?;
    let mut wanted = place.webhook.event_types.iter();
    wanted
        .any(|wanted| wanted == event_type)
        .then_some(event_type)
}

/// The full name of the repository of an artifact that a webhook may be told of.
pub(super) fn repository_of(place: &Place<'_>, event: &EventRow) -> Option<String> {
    if !wanted(place, event)?.ends_with("_ARTIFACT") {
        return None;
    }
    let payload: Value = serde_json::from_str(&event.payload).ok()?;
    payload.get("repository")?.as_str().map(str::to_owned)
}

/// A trial: nothing happened.
pub(super) fn trial(place: &Place<'_>, id: &str, at_ms: i64, operator: &str) -> Told {
    let data = json!({
        "repository": { "namespace": place.namespace.0 },
        "custom_attributes": { "Details": "This is a trial: nothing happened." },
    });
    let what = What {
        event_type: "TEST",
        id,
        at_ms,
        operator,
    };
    written(place, &what, &data)
}

struct What<'a> {
    event_type: &'a str,
    id: &'a str,
    at_ms: i64,
    operator: &'a str,
}

fn event_type(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "manifest.pushed" | "tag.put" => "PUSH_ARTIFACT",
        "manifest.pulled" => "PULL_ARTIFACT",
        "manifest.deleted" => "DELETE_ARTIFACT",
        "quota.exceeded" => "QUOTA_EXCEED",
        "account.storage_warning" => "QUOTA_WARNING",
        "retention.finished" => "TAG_RETENTION",
        _ => return None,
    })
}

/// The type of a CloudEvent, as Harbor writes it.
fn cloud_event_type(event_type: &str) -> &'static str {
    match event_type {
        "PUSH_ARTIFACT" => "harbor.artifact.pushed",
        "PULL_ARTIFACT" => "harbor.artifact.pulled",
        "DELETE_ARTIFACT" => "harbor.artifact.deleted",
        "QUOTA_EXCEED" => "harbor.quota.exceeded",
        "QUOTA_WARNING" => "harbor.quota.warned",
        "TAG_RETENTION" => "harbor.tag_retention.finished",
        _ => "roadstead.webhook.tested",
    }
}

fn text<'a>(payload: &'a Value, field: &str) -> &'a str {
    payload
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// An artifact that was pushed, pulled or deleted, unless it is like no pattern of the webhook.
fn artifact(place: &Place<'_>, at_ms: i64, payload: &Value) -> Option<Value> {
    let full_name = text(payload, "repository");
    let (namespace, name) = full_name.split_once('/')?;
    if place
        .repositories
        .as_ref()
        .is_some_and(|glob| !glob.matches(name))
    {
        return None;
    }
    let digest = text(payload, "digest");
    let listed = payload.get("tags").and_then(Value::as_array);
    let listed = listed.into_iter().flatten().filter_map(Value::as_str);
    let single = payload.get("tag").and_then(Value::as_str);
    let tags: Vec<&str> = listed.chain(single).collect();
    let is_like = |tag: &&str| place.tags.as_ref().is_none_or(|glob| glob.matches(tag));
    let host = &place.host;
    let mut resources: Vec<Value> = tags
        .iter()
        .copied()
        .filter(is_like)
        .take(MAX_RESOURCES)
        .map(|tag| {
            json!({ "digest": digest, "tag": tag, "resource_url": format!("{host}{full_name}:{tag}") })
        })
        .collect();
    if resources.is_empty() {
        // What has no tag is told of by whoever asks for no particular ones.
        if place.tags.is_some() {
            return None;
        }
        resources.push(json!({
            "digest": digest,
            "tag": digest,
            "resource_url": format!("{host}{full_name}@{digest}"),
        }));
    }
    let mut data = json!({
        "resources": resources,
        "repository": {
            "name": name,
            "namespace": namespace,
            "repo_full_name": full_name,
            "repo_type": if place.namespace.1 { "public" } else { "private" },
        },
    });
    // One that was made since is another of the same name.
    let created = place.created.get(full_name);
    if let Some(created_at_ms) = created.filter(|created| **created <= at_ms) {
        data["repository"]["date_created"] = json!(created_at_ms.div_euclid(1000));
    }
    if let Some(count) = payload
        .get("count")
        .and_then(Value::as_u64)
        .filter(|count| *count > 1)
    {
        data["custom_attributes"] = json!({ "Count": count.to_string() });
    }
    Some(data)
}

fn quota(place: &Place<'_>, payload: &Value) -> Value {
    let details = match payload.get("percent").and_then(Value::as_u64) {
        Some(percent) => format!("The account uses {percent} % of the storage that it may use."),
        None => format!(
            "A push was refused: the storage of the {} is full.",
            text(payload, "limit_of")
        ),
    };
    let mut repository = Map::new();
    repository.insert("namespace".to_owned(), json!(place.namespace.0));
    if let Some((_, name)) = text(payload, "repository").split_once('/') {
        repository.insert("name".to_owned(), json!(name));
        repository.insert(
            "repo_full_name".to_owned(),
            json!(text(payload, "repository")),
        );
    }
    json!({ "repository": repository, "custom_attributes": { "Details": details } })
}

/// A run that ended, unless it only looked: as with Harbor, nobody is told of those.
fn retention(place: &Place<'_>, payload: &Value) -> Option<Value> {
    let number = |field: &str| {
        payload
            .get(field)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    };
    if payload.get("is_dry_run").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    let total = number("total");
    Some(json!({
        "repository": { "namespace": place.namespace.0 },
        "retention": {
            "project_name": place.namespace.0,
            "status": match text(payload, "status") {
                "done" => "SUCCESS",
                "stopped" => "STOPPED",
                _ => "FAILED",
            },
            "total": total,
            "retained": payload.get("retained").and_then(Value::as_u64)
                .unwrap_or_else(|| total.saturating_sub(number("removed"))),
            "dry_run": false,
            "trigger": text(payload, "trigger"),
        },
    }))
}

fn written(place: &Place<'_>, what: &What<'_>, data: &Value) -> Told {
    let (content_type, payload) = match place.webhook.format.as_str() {
        "slack" => (JSON, slack(what, data)),
        "cloudevents" => (CLOUD_EVENT, cloud_event(place, what, data)),
        _ => (JSON, harbor(what, data)),
    };
    Told {
        event_type: what.event_type.to_owned(),
        content_type,
        payload: payload.to_string(),
    }
}

fn harbor(what: &What<'_>, data: &Value) -> Value {
    json!({
        "type": what.event_type,
        "occur_at": what.at_ms.div_euclid(1000),
        "operator": what.operator,
        "event_data": data,
    })
}

fn cloud_event(place: &Place<'_>, what: &What<'_>, data: &Value) -> Value {
    let (namespace, webhook) = place.numbers;
    json!({
        "specversion": "1.0",
        "id": what.id,
        "source": format!("/projects/{namespace}/webhook/policies/{webhook}"),
        "type": cloud_event_type(what.event_type),
        "datacontenttype": JSON,
        "time": time(what.at_ms),
        "data": data,
        "operator": what.operator,
    })
}

fn time(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms)
        .map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .unwrap_or_default()
}

/// As <https://docs.slack.dev/messaging/formatting-message-text> wants it: three characters are escaped.
fn slack(what: &What<'_>, data: &Value) -> Value {
    let escape = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    let section =
        |text: String| json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } });
    let details = serde_json::to_string_pretty(data).unwrap_or_default();
    // What closes a block of code early would let the rest be read as a message.
    let mut details = escape(&details.replace('`', "\u{2cb}"));
    if details.chars().count() > SLACK_TEXT {
        details = details.chars().take(SLACK_TEXT).collect();
    }
    json!({
        "blocks": [
            section("*Registry webhook event*".to_owned()),
            section(format!("*event_type:* {}", what.event_type)),
            section(format!("*occur_at:* {}", time(what.at_ms))),
            section(format!("*operator:* {}", escape(what.operator).replace('*', "\u{2217}").replace('`', "\u{2cb}"))),
            section(format!("```{details}```")),
        ],
    })
}
