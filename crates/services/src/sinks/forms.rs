//! Events as sinks are sent them: a line of JSON, a syslog message (RFC 5424), CloudEvents 1.0, CADF (DMTF DSP0262).

use crate::usage::time_text;
use metadata::EventRow;
use serde_json::{Value, json};

/// Facility 13, the audit log, with severity 6 (informational) or 4 (warning).
const AUDIT_INFO: u8 = 13 * 8 + 6;
const AUDIT_WARNING: u8 = 13 * 8 + 4;
/// The longest MSGID and HOSTNAME (RFC 5424, section 6).
const MAX_KIND: usize = 32;
const MAX_HOST: usize = 255;
/// The largest `sequenceId` (RFC 5424, section 7.3.1).
const MAX_SEQUENCE: i64 = 2_147_483_647;
const CADF_EVENT: &str = "http://schemas.dmtf.org/cloud/audit/1.0/event";

/// Whose events they are.
pub(super) struct Place<'a> {
    /// The account's name.
    pub(super) account: &'a str,
    /// The registry's host, if it is known.
    pub(super) host: Option<&'a str>,
}

/// Whether an event says that something was not done.
pub(super) fn is_failure(kind: &str) -> bool {
    ["refused", "failed", "exceeded", "missed", "paused"]
        .iter()
        .any(|word| kind.contains(word))
}

/// Nanoseconds since 1970.
pub(super) fn time_ns(at_ms: i64) -> u64 {
    u64::try_from(at_ms)
        .unwrap_or_default()
        .saturating_mul(1_000_000)
}

fn object(place: &Place<'_>, event: &EventRow) -> Value {
    let data: Value = serde_json::from_str(&event.payload).unwrap_or_default();
    json!({
        "id": event.id,
        "number": event.number,
        "hash": event.hash,
        "kind": event.kind,
        "time": time_text(event.at_ms),
        "account": place.account,
        "caller": event.caller,
        "credential": event.credential,
        "address": event.address,
        "agent": event.agent,
        "resource": event.resource,
        "data": data,
    })
}

/// An event as one line, without its end.
pub(super) fn line(place: &Place<'_>, event: &EventRow) -> String {
    object(place, event).to_string()
}

/// A syslog message; its text is the line.
pub(super) fn syslog(place: &Place<'_>, event: &EventRow) -> String {
    let priority = if is_failure(&event.kind) {
        AUDIT_WARNING
    } else {
        AUDIT_INFO
    };
    let host = place.host.unwrap_or("-");
    let host = host.get(..host.len().min(MAX_HOST)).unwrap_or("-");
    let kind: String = event.kind.chars().take(MAX_KIND).collect();
    let number = event
        .number
        .unwrap_or_default()
        .rem_euclid(MAX_SEQUENCE)
        .max(1);
    format!(
        "<{priority}>1 {} {host} roadstead - {kind} [meta sequenceId=\"{number}\"] {}",
        time_text(event.at_ms),
        line(place, event)
    )
}

/// A batch of CloudEvents, as JSON.
pub(super) fn cloud_events(place: &Place<'_>, events: &[EventRow]) -> String {
    let all: Vec<Value> = events
        .iter()
        .map(|event| {
            let mut written = json!({
                "specversion": "1.0",
                "id": event.id,
                "source": format!("/accounts/{}", place.account),
                "type": format!("roadstead.{}", event.kind),
                "time": time_text(event.at_ms),
                "sequence": format!("{:020}", event.number.unwrap_or_default()),
                "datacontenttype": "application/json",
                "data": object(place, event),
            });
            // What CloudEvents has no value for is not there.
            if let (Some(subject), Some(fields)) = (&event.resource, written.as_object_mut()) {
                fields.insert("subject".to_owned(), json!(subject));
            }
            written
        })
        .collect();
    Value::Array(all).to_string()
}

/// What is done, in CADF's words.
fn cadf_action(kind: &str) -> &'static str {
    match kind.rsplit('.').next().unwrap_or_default() {
        "created" | "pushed" | "put" | "made" => "create",
        "deleted" | "purged" | "removed" => "delete",
        "pulled" | "read" => "read",
        "updated" | "changed" | "moved" => "update",
        "logged_in" => "authenticate",
        _ => "unknown",
    }
}

/// A batch of CADF events, as JSON.
pub(super) fn cadf(place: &Place<'_>, events: &[EventRow]) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let all: Vec<Value> = events
        .iter()
        .map(|event| {
            let (outcome, severity) = if is_failure(&event.kind) {
                ("failure", "warning")
            } else {
                ("success", "normal")
            };
            json!({
                "typeURI": CADF_EVENT,
                "eventType": "activity",
                "id": event.id,
                "eventTime": time_text(event.at_ms),
                "action": cadf_action(&event.kind),
                "outcome": outcome,
                "severity": severity,
                "name": event.kind,
                "initiator": {
                    "id": event.caller,
                    "name": event.caller,
                    "typeURI": "service/security/account/user",
                    "credential": { "type": event.credential },
                    "host": { "address": text(&event.address), "agent": text(&event.agent) },
                },
                "target": {
                    "id": event.resource.as_deref().unwrap_or(place.account),
                    "name": event.resource.as_deref().unwrap_or(place.account),
                    "typeURI": "service/storage/registry",
                },
                "observer": { "id": "roadstead", "name": "roadstead", "typeURI": "service/storage/registry" },
                "attachments": [{
                    "name": "event",
                    "contentType": "application/json",
                    "content": object(place, event),
                }],
            })
        })
        .collect();
    json!({ "events": all }).to_string()
}
