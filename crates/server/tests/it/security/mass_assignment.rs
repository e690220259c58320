//! T27: what may not be slipped in beside. Every operation that takes a body gets more than it knows, from somebody who may do
//! what it is for; who may do what, and what belongs to whom, changes as far as the operation says and no further.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::changes::{Request, Things, power, requests};
use super::matrix::{Face, FaceKind};
use crate::registry::client::Client;

/// What other programs keep in such fields.
fn extras() -> Map<String, Value> {
    let extras = json!({
        "is_admin": true, "is_administrator": true, "has_admin_role": true, "admin_role_in_auth": true, "sysadmin_flag": true,
        "operator": "administrator", "account_id": "other", "account_name": "other", "home_account_id": "other", "tenant_id": "other",
        "home_account": "other", "plan_id": "offered", "quota": -1, "storage_bytes": 1_000_000_000_000_i64, "state": "active", "owner_id": 1,
        "owner_name": "fay", "creator_id": 1, "creator_ref": 1, "creator_type": "system", "role_id": 1, "roles": ["administrator"],
        "namespace_id": 1, "source_id": "password", "credential_epoch": 0, "password_hash": "x", "is_disabled": false,
        "expires_at_ms": 0, "created_at_ms": 0, "created_at": 0, "id": 1, "user_id": 1, "secret_hash": "x",
    });
    extras.as_object().expect("an object").clone()
}

/// The tables that differ.
fn changed(registry: &Things, before: &super::changes::Contents) -> BTreeSet<String> {
    let after = power(&registry.registry);
    let tables = after.into_iter();
    let differs = tables.filter(|(table, rows)| before[table] != *rows);
    differs.map(|(table, _)| table).collect()
}

fn who<'a>(things: &'a Things, request: &Request) -> &'a Client {
    if request.is_of_deployment {
        &things.registry
    } else {
        &things.ann
    }
}

/// The request's body with more in it; nothing of what it says itself is changed.
fn with(things: &Things, request: &Request, more: &Map<String, Value>) -> String {
    let body = things.filled(request.body);
    let mut body: Value = serde_json::from_str(&body).expect("JSON");
    let fields = body.as_object_mut().expect("an object");
    for (name, value) in more {
        fields.entry(name.clone()).or_insert(value.clone());
    }
    body.to_string()
}

/// Each change of a face, first with fields that it does not know: they are refused, or passed over.
async fn slip_in(face: &Face) {
    let things = Things::start().await;
    let mut problems = Vec::new();
    for request in requests(face) {
        if matches!(request.method, "GET" | "HEAD") || !request.is_done {
            continue;
        }
        if face.kind == FaceKind::AccountApi && !request.body.is_empty() {
            problems.extend(refuses_each(face, &request, &things).await);
        }
        problems.extend(changes_what_it_says(face, &request, &things).await);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Sends a request with all that may be slipped in; where that is refused, nothing has changed, and it is sent as it is.
async fn changes_what_it_says(face: &Face, request: &Request, things: &Things) -> Vec<String> {
    let what = format!("{} {}", request.operation, request.path);
    let mut problems = Vec::new();
    let others = || {
        ["other", "default"].map(|account| {
            let mut contents = things.contents_of(account);
            // An operator's request names the operator, who is of `default`.
            contents.remove("content_requests");
            contents
        })
    };
    let before_others = others();
    let before = power(&things.registry);
    let call = || request.call(face, who(things, request), things);
    let mut answer = None;
    if face.kind != FaceKind::AccountApi && !request.body.is_empty() {
        let more = call().body(with(things, request, &extras())).await;
        if matches!(more.status(), 400 | 422) {
            let changed = changed(things, &before);
            if !changed.is_empty() {
                problems.push(format!("{what} was refused and changed {changed:?}"));
            }
        } else {
            answer = Some(more);
        }
    }
    let answer = match answer {
        Some(answer) => answer,
        None => call().await,
    };
    if !(200..300).contains(&answer.status()) {
        problems.push(format!("{what}: {} {}", answer.status(), answer.text()));
    }
    let expected: BTreeSet<String> = request.changes.iter().map(|&one| one.into()).collect();
    let changed = changed(things, &before);
    if changed != expected {
        problems.push(format!("{what} changed {changed:?}, not {expected:?}"));
    }
    if others() != before_others && !request.is_of_deployment {
        problems.push(format!("{what} changed another account"));
    }
    problems
}

/// Our own API knows all fields of a body, and takes no other.
async fn refuses_each(face: &Face, request: &Request, things: &Things) -> Vec<String> {
    let mut problems = Vec::new();
    let before = power(&things.registry);
    let all = extras();
    // Each operation is asked with some of them: all of them are tried many times.
    let turn = request.operation.len() + request.path.len();
    let some = all
        .iter()
        .enumerate()
        .filter(|(index, _)| (index + turn).is_multiple_of(4));
    for (_, (name, value)) in some {
        let known: Value = serde_json::from_str(&things.filled(request.body)).expect("JSON");
        let is_its_own = known.get(name).is_some()
            || (request.operation == "createMember" && name == "is_administrator")
            || (request.operation == "createPlan" && name == "storage_bytes")
            || (request.operation.ends_with("IdentitySource") && name == "home_account");
        if is_its_own {
            continue;
        }
        let one = Map::from_iter([(name.clone(), value.clone())]);
        let call = request.call(face, who(things, request), things);
        let answer = call.body(with(things, request, &one)).await;
        if answer.status() != 422 {
            let (operation, status) = (request.operation, answer.status());
            problems.push(format!(
                "{operation} with {name}: {status} {}",
                answer.text()
            ));
        }
    }
    let changed = changed(things, &before);
    if !changed.is_empty() {
        problems.push(format!("{} changed {changed:?}", request.operation));
    }
    problems
}

#[tokio::test]
async fn t27_harbors_face_passes_over_what_it_does_not_know() {
    slip_in(&Face::harbor()).await;
}

#[tokio::test]
async fn t27_the_account_api_refuses_what_it_does_not_know() {
    slip_in(&Face::account_api()).await;
}

#[tokio::test]
async fn t27_ibms_face_passes_over_what_it_does_not_know() {
    slip_in(&Face::ibm()).await;
}
