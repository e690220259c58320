//! Work that people of an account ask for by its API: at once, by a schedule, and once more after it failed.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::AccountApi as _;
use crate::registry::backends::Backends;
use crate::registry::{PATIENCE, TestRegistry};

const BOTH: [Backends; 2] = [Backends::EMBEDDED, Backends::PRODUCTION];
const JOBS: &str = "/accounts/default/jobs";
const SCHEDULES: &str = "/accounts/default/schedules";

/// The job, once it has ended.
async fn ended(registry: &TestRegistry, id: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let path = format!("{JOBS}/{id}");
        let job = registry.v1_get(&path).await.assert_status(200).json();
        if job["ended_at"].is_string() {
            return job;
        }
        assert!(Instant::now() < deadline, "{job}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn start(registry: &TestRegistry, wanted: &Value) -> String {
    let made = registry.v1_post(JOBS, wanted).await.assert_status(201);
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(made.location(), format!("/api/v1{JOBS}/{id}"));
    id
}

fn written(registry: &TestRegistry, kind: &str) -> usize {
    let rows = registry.sql(&format!("SELECT id FROM events WHERE kind = '{kind}'"));
    rows.len()
}

#[tokio::test]
async fn collections_and_purges_are_asked_for_and_tell_what_they_did() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let collect = json!({ "kind": "collect_account", "dry_run": true });
        let id = start(&registry, &collect).await;
        let job = ended(&registry, &id).await;
        assert_eq!(
            (&job["state"], &job["kind"]),
            (&json!("done"), &collect["kind"])
        );
        assert_eq!(
            job["collection"],
            json!({ "manifests": 0, "blobs": 0, "uploads": 0, "freed_bytes": 0 })
        );
        let purge = json!({
            "kind": "purge_audit_log", "dry_run": true, "older_than_hours": 9000, "event_types": ["create_artifact"],
        });
        let id = start(&registry, &purge).await;
        let job = ended(&registry, &id).await;
        assert_eq!(
            (&job["state"], &job["collection"]),
            (&json!("done"), &Value::Null)
        );
        for wrong in [
            json!({ "kind": "run_retention" }),
            json!({ "kind": "collect_account", "older_than_hours": 9000 }),
            json!({ "kind": "purge_audit_log" }),
            json!({ "kind": "purge_audit_log", "older_than_hours": 9000, "event_types": [], "delete_untagged": true }),
        ] {
            let refused = registry.v1_post(JOBS, &wrong).await;
            assert!([400, 422].contains(&refused.status()), "{}", refused.text());
        }
        it_comes_by_a_schedule(&registry).await;
        what_failed_is_done_again(&registry, &id).await;
    }
}

async fn it_comes_by_a_schedule(registry: &TestRegistry) {
    let path = format!("{SCHEDULES}/collect_account");
    let nightly = json!({ "cron": "0 0 3 * * *", "delete_untagged": true });
    for _ in 0..2 {
        registry.v1_put(&path, &nightly).await.assert_no_content();
    }
    assert_eq!(
        written(registry, "garbage_collection.scheduled"),
        1,
        "the same is no change"
    );
    let purge = json!({ "cron": "0 0 4 * * *", "older_than_hours": 9000, "event_types": ["create_artifact"] });
    let purges = format!("{SCHEDULES}/purge_audit_log");
    registry.v1_put(&purges, &purge).await.assert_no_content();
    let listed = registry.v1_get(SCHEDULES).await.assert_status(200);
    assert_eq!(
        listed.items("parameters"),
        [
            json!({ "dry_run": false, "delete_untagged": true, "older_than_hours": null, "event_types": null }),
            json!({ "dry_run": false, "delete_untagged": null, "older_than_hours": 9000, "event_types": ["create_artifact"] }),
        ]
    );
    for (of, wrong) in [
        ("collect_account", json!({ "cron": "0 3 * * *" })),
        (
            "collect_account",
            json!({ "cron": "0 0 3 * * *", "event_types": [] }),
        ),
        ("purge_audit_log", json!({ "cron": "0 0 3 * * *" })),
    ] {
        let refused = registry.v1_put(&format!("{SCHEDULES}/{of}"), &wrong).await;
        assert!([400, 422].contains(&refused.status()), "{}", refused.text());
    }
    let other = registry.v1_put(&format!("{SCHEDULES}/run_retention"), &nightly);
    other.await.assert_status(404);
    for path in [&path, &purges] {
        registry.v1_delete(path).await.assert_no_content();
    }
    let listed = registry.v1_get(SCHEDULES).await.assert_status(200);
    assert_eq!(listed.json()["items"], json!([]));
}

/// `done` is a job that went well: it is not done again, and is, once it is said to have failed.
async fn what_failed_is_done_again(registry: &TestRegistry, done: &str) {
    let path = format!("{JOBS}/{done}/retry");
    let nothing = json!({});
    registry.v1_post(&path, &nothing).await.assert_status(412);
    let failed = format!("UPDATE jobs SET state = 'failed' WHERE id = '{done}' RETURNING id");
    assert_eq!(registry.sql(&failed).len(), 1);
    let made = registry.v1_post(&path, &nothing).await.assert_status(201);
    let new = made.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(ended(registry, &new).await["state"], "done");
    let log = |id: &str| registry.v1_get(&format!("{JOBS}/{id}/log"));
    let said = log(&new).await.assert_status(200).items("text");
    assert_eq!(said, log(done).await.assert_status(200).items("text"));
    let told = registry.sql("SELECT payload FROM events WHERE kind = 'job.retried'");
    let told: Value = serde_json::from_str(&told[0][0]).expect("JSON");
    assert_eq!(
        (&told["job"], &told["instead_of"]),
        (&json!(new), &json!(done))
    );

    // A run of retention is another run of its policy.
    let policy = json!({ "rules": [{ "action": "retain", "template": "always" }] });
    let retention = "/accounts/default/namespaces/library/retention";
    registry
        .v1_put(retention, &policy)
        .await
        .assert_no_content();
    let runs = format!("{retention}/runs");
    let run = json!({ "dry_run": true });
    registry.v1_post(&runs, &run).await.assert_status(201);
    let jobs = registry.sql("SELECT id FROM jobs WHERE kind = 'run_retention'");
    let first = jobs[0][0].clone();
    ended(registry, &first).await;
    let failed = format!("UPDATE jobs SET state = 'failed' WHERE id = '{first}' RETURNING id");
    assert_eq!(registry.sql(&failed).len(), 1);
    let path = format!("{JOBS}/{first}/retry");
    let made = registry.v1_post(&path, &nothing).await.assert_status(201);
    let new = made.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(ended(registry, &new).await["state"], "done");
    let trials = registry.sql("SELECT is_dry_run FROM retention_runs");
    assert_eq!(trials, [["1"], ["1"]], "as it was asked for");
}
