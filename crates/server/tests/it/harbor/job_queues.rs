//! What is done for an account behind its requests, as Harbor's clients see and hold it, on both databases.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::repositories::{answer, refuse};
use super::{API, Harbor};
use crate::account_api::AccountApi as _;
use crate::registry::backends::{Backends, Database, Store};
use crate::registry::client::Client;
use crate::registry::{PATIENCE, TestRegistry};

async fn on_both(run: impl AsyncFn(&TestRegistry)) {
    for database in [Database::Sqlite, Database::Postgres] {
        let backends = Backends {
            database,
            store: Store::Files,
        };
        run(&TestRegistry::builder().on(backends).start().await).await;
    }
}

fn act(caller: &Client, queue: &str, action: &str) -> crate::registry::client::Call {
    let path = format!("/jobservice/queues/{queue}");
    caller.api_put(&path, &json!({ "action": action }))
}

/// Asks for a purge of the audit log that changes nothing. Returns its path below the API.
async fn purge(registry: &TestRegistry) -> String {
    let asked = json!({
        "schedule": { "type": "Manual" },
        "parameters": { "audit_retention_hour": 1000, "dry_run": true, "include_event_types": "create_artifact" },
    });
    let made = answer(
        registry.api_post("/system/purgeaudit/schedule", &asked),
        201,
    )
    .await;
    let place = made.location();
    place.strip_prefix(API).expect("a path").to_owned()
}

async fn until(registry: &TestRegistry, place: &str, field: &str, word: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = answer(registry.api_get(place), 200).await.json();
        let shown = if found.is_array() { &found[0] } else { &found };
        if shown[field] == word {
            return;
        }
        assert!(Instant::now() < deadline, "{found}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn queue(registry: &TestRegistry, job_type: &str) -> Value {
    let queues = answer(registry.api_get("/jobservice/queues"), 200).await;
    let queues = queues.json();
    let mut all = queues.as_array().expect("a list").iter();
    let found = all.find(|queue| queue["job_type"] == job_type);
    found.expect("a queue").clone()
}

/// Asks for a run of a retention policy that changes nothing, and waits until it has ended.
async fn run_retention(registry: &TestRegistry) {
    let project = answer(registry.api_get("/projects/library"), 200).await;
    let policy = json!({
        "algorithm": "or",
        "rules": [{
            "action": "retain", "template": "always", "params": {},
            "tag_selectors": [{ "kind": "doublestar", "decoration": "matches", "pattern": "**" }],
            "scope_selectors": { "repository": [{ "kind": "doublestar", "decoration": "repoMatches", "pattern": "**" }] },
        }],
        "trigger": { "kind": "Schedule", "references": {}, "settings": { "cron": "" } },
        "scope": { "level": "project", "ref": project.json()["project_id"] },
    });
    let made = answer(registry.api_post("/retentions", &policy), 201).await;
    let place = made.location();
    let runs = format!("{}/executions", place.strip_prefix(API).expect("a path"));
    answer(registry.api_post(&runs, &json!({ "dry_run": true })), 201).await;
    until(registry, &runs, "status", "Succeed").await;
}

#[tokio::test]
async fn a_paused_queue_begins_nothing_and_no_other_waits_for_it() {
    on_both(async |registry| {
        answer(act(registry, "PURGE_AUDIT_LOG", "pause"), 200).await;
        let purge_place = purge(registry).await;
        // It was asked for later, and is done.
        run_retention(registry).await;
        let found = answer(registry.api_get(&purge_place), 200).await.json();
        assert_eq!(found["job_status"], "Pending");
        let held = queue(registry, "PURGE_AUDIT_LOG").await;
        assert_eq!((&held["count"], &held["paused"]), (&json!(1), &json!(true)));
        let other = queue(registry, "RETENTION").await;
        assert_eq!(
            (other.get("count"), &other["paused"]),
            (None, &json!(false))
        );
        answer(act(registry, "PURGE_AUDIT_LOG", "resume"), 200).await;
        until(registry, &purge_place, "job_status", "Success").await;

        answer(act(registry, "all", "pause"), 200).await;
        let stopped = purge(registry).await;
        answer(act(registry, "all", "stop"), 200).await;
        let found = answer(registry.api_get(&stopped), 200).await.json();
        assert_eq!(found["job_status"], "Stopped");
        let emptied = queue(registry, "PURGE_AUDIT_LOG").await;
        assert_eq!(emptied.get("count"), None);
        answer(act(registry, "all", "resume"), 200).await;
        let done = purge(registry).await;
        until(registry, &done, "job_status", "Success").await;
        the_rest_is_shown(registry).await;
    })
    .await;
}

async fn the_rest_is_shown(registry: &TestRegistry) {
    refuse(act(registry, "RETENTION", "sleep"), 422).await;
    refuse(act(registry, "COLLECT_GARBAGE", "pause"), 404).await;
    refuse(act(registry, "IMAGE_SCAN", "pause"), 404).await;
    let pools = answer(registry.api_get("/jobservice/pools"), 200).await;
    let pools = pools.json();
    assert_eq!(pools[0]["worker_pool_id"], "account");
    assert!(pools[0]["concurrency"].as_i64().is_some_and(|at| at > 0));
    for pool in ["all", "account"] {
        let path = format!("/jobservice/pools/{pool}/workers");
        let workers = answer(registry.api_get(&path), 200).await;
        assert!(workers.json().is_array());
    }
    refuse(registry.api_get("/jobservice/pools/none/workers"), 404).await;
    let jobs = registry.v1_get("/accounts/default/jobs").await.json();
    let jobs = jobs["items"].as_array().expect("a list");
    let ended = jobs.iter().find(|job| job["kind"] == "purge_audit_log");
    let id = ended.expect("a job")["id"].as_str().expect("an id");
    let log = answer(registry.api_get(&format!("/jobservice/jobs/{id}/log")), 200).await;
    let text = log.text();
    assert!(
        text.ends_with(" INFO 0 events would leave the audit log\n"),
        "{text}"
    );
    let path = format!("/jobservice/jobs/{id}");
    refuse(registry.api_put(&path, &json!({})), 412).await;
}

/// A job of the default account that waits for long.
fn waits(registry: &TestRegistry, id: &str, kind: &str) {
    let made = registry.sql(&format!(
        "INSERT INTO jobs (id, account_id, lane, kind, payload, state, waits_until_ms, run_at_ms, attempts, max_attempts, \
         fence, is_cancelled, log_lines, log_bytes, created_at_ms) SELECT '{id}', id, id, '{kind}', '{{}}', \
         'queued', 9000000000000, 9000000000000, 0, 5, 0, 0, 0, 0, 0 FROM accounts WHERE name = 'default' RETURNING id"
    ));
    assert_eq!(made.len(), 1);
}

/// Kinds of jobs by which others hear of what happens.
const TELLING: [&str; 5] = [
    "feed_sinks",
    "push_metrics",
    "deliver_webhooks",
    "deliver_by_hand",
    "send_mail",
];

/// The role of somebody who minds jobs, and may do this as well.
fn role(more: &[&str]) -> Value {
    let minds = ["jobservice-monitor:list", "jobservice-monitor:stop"];
    let actions = [&minds[..], more].concat();
    json!({ "name": "minder", "actions": actions })
}

/// Somebody who minds jobs, and may do nothing else.
async fn minder(registry: &TestRegistry) -> Client {
    let alice = registry.create_user("alice");
    let made = registry.v1_post("/accounts/default/roles", &role(&[]));
    made.await.assert_status(201);
    let grant = json!({ "user": "alice", "role": "minder" });
    let made = registry.v1_post("/accounts/default/grants", &grant);
    made.await.assert_status(201);
    alice
}

#[tokio::test]
async fn nobody_silences_sinks_webhooks_or_mail_without_the_right_to_change_them() {
    let registry = TestRegistry::start().await;
    let alice = minder(&registry).await;
    let feeds = ["FEED_SINKS", "PUSH_METRICS"];
    let delivers = ["WEBHOOK", "DELIVER_BY_HAND"];
    let kinds = TELLING;
    for kind in kinds {
        waits(&registry, &format!("job-{kind}"), kind);
    }
    let refuse_kinds = async |queues: &[&str], kinds: &[&str]| {
        for action in ["stop", "pause", "resume"] {
            for queue in queues {
                refuse(act(&alice, queue, action), 403).await;
            }
            refuse(act(&alice, "all", action), 403).await;
        }
        for kind in kinds {
            let id = format!("job-{kind}");
            let path = format!("/jobservice/jobs/{id}");
            refuse(alice.api_put(&path, &json!({})), 403).await;
            let job = format!("/accounts/default/jobs/{id}");
            alice.v1_delete(&job).await.assert_status(403);
            let queue = format!("/accounts/default/job-queues/{kind}");
            let pause = alice.v1_post(&format!("{queue}/pause"), &json!({}));
            pause.await.assert_status(403);
            let empty = alice.v1_delete(&format!("{queue}/jobs"));
            empty.await.assert_status(403);
            assert_eq!(alice.v1_get(&job).await.json()["state"], "queued");
        }
    };
    refuse_kinds(&[&feeds[..], &delivers, &["SEND_MAIL"]].concat(), &kinds).await;
    answer(act(&alice, "RETENTION", "pause"), 200).await;
    let queues = alice.v1_get("/accounts/default/job-queues").await.json();
    let paused = queues["items"].as_array().expect("a list").iter();
    let paused = paused.filter(|queue| !queue["paused_at"].is_null());
    let paused: Vec<_> = paused.map(|queue| queue["kind"].to_string()).collect();
    assert_eq!(paused, ["\"run_retention\""], "{queues}");

    let change = |more: &'static [&'static str]| {
        registry.v1_put("/accounts/default/roles/minder", &role(more))
    };
    change(&["sink:update"]).await.assert_status(200);
    refuse_kinds(&delivers, &kinds[2..]).await;
    for queue in feeds {
        answer(act(&alice, queue, "stop"), 200).await;
    }
    let more = change(&["sink:update", "notification-policy:update"]);
    more.await.assert_status(200);
    refuse_kinds(&["SEND_MAIL"], &kinds[4..]).await;
    let all = [
        "sink:update",
        "notification-policy:update",
        "mail:update",
        "garbage-collection:stop",
    ];
    let changed = registry.v1_put("/accounts/default/roles/minder", &role(&all));
    changed.await.assert_status(200);
    answer(act(&alice, "all", "stop"), 200).await;
    for kind in kinds {
        let job = format!("/accounts/default/jobs/job-{kind}");
        let found = alice.v1_get(&job).await.json();
        assert_eq!(found["state"], "cancelled", "{found}");
    }
}

/// The log of a collection names what went from every namespace: seeing that there are jobs is not enough for it.
#[tokio::test]
async fn collections_are_seen_and_stopped_by_those_who_may() {
    let registry = TestRegistry::start().await;
    let alice = minder(&registry).await;
    waits(&registry, "job-collect", "collect_account");
    let (harbors, ours) = (
        "/jobservice/jobs/job-collect",
        "/accounts/default/jobs/job-collect",
    );
    let log = |path: &str| format!("{path}/log");
    refuse(alice.api_get(&log(harbors)), 403).await;
    alice.v1_get(&log(ours)).await.assert_status(403);
    alice.v1_delete(ours).await.assert_status(403);
    let queue = alice.v1_post(
        "/accounts/default/job-queues/collect_account/pause",
        &json!({}),
    );
    queue.await.assert_status(403);
    assert_eq!(alice.v1_get(ours).await.json()["state"], "queued");
    let more = role(&["garbage-collection:read", "garbage-collection:stop"]);
    let changed = registry.v1_put("/accounts/default/roles/minder", &more);
    changed.await.assert_status(200);
    answer(alice.api_get(&log(harbors)), 200).await;
    alice.v1_get(&log(ours)).await.assert_status(200);
    assert!(alice.v1_delete(ours).await.status() < 300);
}
