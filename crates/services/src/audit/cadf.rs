//! Events in the form of CADF (DMTF DSP0262), which audit services of clouds and of OpenStack read.

use super::subject::{is_success, operation, resource_type};
use jiff::Timestamp;
use metadata::EventRow;
use serde_json::{Value, json};
use std::net::IpAddr;

/// Who observes, and the beginning of each action's and type's name.
const SERVICE: &str = "container-registry";

/// An event as CADF. `account` is the account's name; `None` for the deployment's own events.
pub fn to_cadf(event: &EventRow, account: Option<&str>) -> Value {
    let payload: Value = serde_json::from_str(&event.payload).unwrap_or(Value::Null);
    let (operation, target_type) = (operation(&event.kind), resource_type(&event.kind));
    let is_success = is_success(&event.kind);
    let name = event.resource.as_deref().unwrap_or_default();
    let (code, reason) = match event.kind.as_str() {
        "login.refused" => (401, "Unauthorized"),
        "access.refused" => (403, "Forbidden"),
        "job.failed" => (500, "Internal Server Error"),
        _ => (200, "OK"),
    };
    let severity = match (is_success, operation) {
        (false, _) => "critical",
        (true, "delete") => "warning",
        (true, _) => "normal",
    };
    let failure = if is_success { "" } else { " -failure" };
    let time = Timestamp::from_millisecond(event.at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    json!({
        "typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event",
        "eventType": "activity",
        "id": event.id,
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string(),
        "action": format!("{SERVICE}.{target_type}.{operation}"),
        "outcome": if is_success { "success" } else { "failure" },
        "severity": severity,
        "message": format!("Roadstead: {operation} {target_type} {name}{failure}"),
        "reason": { "reasonCode": code, "reasonType": reason },
        "dataEvent": matches!(target_type, "artifact" | "tag" | "blob"),
        "initiator": initiator(event),
        "target": {
            "id": target_id(event, &payload),
            "name": name,
            "typeURI": format!("{SERVICE}/{target_type}"),
        },
        "observer": { "id": SERVICE, "name": "Roadstead", "typeURI": "service/compute/registry" },
        "account": account,
        "sequence": event.number,
        "hash": event.hash,
        "requestData": payload,
    })
}

fn initiator(event: &EventRow) -> Value {
    let mut host = json!({});
    if let Some(address) = &event.address {
        host["address"] = json!(address);
        if let Ok(address) = address.parse::<IpAddr>() {
            host["addressType"] = json!(if address.is_ipv4() { "IPv4" } else { "IPv6" });
        }
    }
    if let Some(agent) = &event.agent {
        host["agent"] = json!(agent);
    }
    let credential = match event.credential.as_str() {
        "password" | "session" => "user",
        "access_token" => "token",
        "robot_secret" => "apikey",
        other => other,
    };
    json!({
        "id": event.caller,
        "name": event.caller,
        "typeURI": "service/security/account/user",
        "credential": { "type": credential },
        "host": host,
    })
}

/// What cannot come to mean something else: the digest, where there is one.
fn target_id(event: &EventRow, payload: &Value) -> String {
    let text = |field: &str| payload.get(field).and_then(Value::as_str);
    match (text("repository"), text("digest")) {
        (Some(repository), Some(digest)) => format!("{repository}@{digest}"),
        _ => event.resource.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_fields_that_readers_look_for() {
        let event = EventRow {
            id: "1".to_owned(),
            number: Some(7),
            hash: Some("ab".to_owned()),
            kind: "tag.deleted".to_owned(),
            caller: "alice".to_owned(),
            credential: "access_token".to_owned(),
            address: Some("2001:db8::1".to_owned()),
            agent: Some("docker/28".to_owned()),
            resource: Some("team/app:v1".to_owned()),
            namespace_id: None,
            payload:
                r#"{"kind":"tag.deleted","repository":"team/app","tag":"v1","digest":"sha256:aa"}"#
                    .to_owned(),
            at_ms: 1_700_000_000_005,
        };
        let cadf = to_cadf(&event, Some("acme"));
        for (pointer, expected) in [
            ("/eventTime", json!("2023-11-14T22:13:20.005+0000")),
            ("/action", json!("container-registry.tag.delete")),
            ("/outcome", json!("success")),
            ("/severity", json!("warning")),
            ("/initiator/credential/type", json!("token")),
            (
                "/initiator/host",
                json!({ "address": "2001:db8::1", "addressType": "IPv6", "agent": "docker/28" }),
            ),
            ("/target/id", json!("team/app@sha256:aa")),
            ("/target/name", json!("team/app:v1")),
            ("/sequence", json!(7)),
            ("/account", json!("acme")),
            ("/dataEvent", json!(true)),
        ] {
            assert_eq!(cadf.pointer(pointer), Some(&expected), "{pointer}");
        }
        let refused = EventRow {
            kind: "login.refused".to_owned(),
            resource: None,
            ..event
        };
        let cadf = to_cadf(&refused, None);
        assert_eq!(
            (&cadf["outcome"], &cadf["severity"]),
            (&json!("failure"), &json!("critical"))
        );
        assert_eq!(cadf["reason"]["reasonCode"], 401);
    }
}
