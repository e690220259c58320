//! Who follows an account's log hears of jobs that failed for good.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{caught_up, create, registry};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;
use crate::webhooks::receiver::Receiver;

/// Makes a job of the default account with one try left: it waits, or the process that ran it is lost.
fn job(registry: &TestRegistry, id: &str, kind: &str, is_lost: bool) {
    let state = if is_lost {
        "'running', NULL, 'a process that is gone', 1, 1"
    } else {
        "'queued', 1, NULL, NULL, 0"
    };
    let made = registry.sql(&format!(
        "INSERT INTO jobs (id, account_id, lane, kind, payload, state, waits_until_ms, lease_owner, lease_until_ms, attempts, \
         run_at_ms, max_attempts, fence, is_cancelled, log_lines, log_bytes, created_at_ms) \
         SELECT '{id}', id, id, '{kind}', '{{}}', {state}, 1, 1, 0, 0, 0, 0, 0 FROM accounts WHERE name = 'default' \
         RETURNING id"
    ));
    assert_eq!(made.len(), 1);
}

/// What a receiver was told of failed jobs until it knows `jobs`, by id.
async fn failures(receiver: &mut Receiver, jobs: usize) -> BTreeMap<String, Value> {
    let mut told = BTreeMap::new();
    while told.len() < jobs {
        let batch = receiver.next().await.json();
        for event in batch.as_array().expect("a batch") {
            if event["type"] != "roadstead.job.failed" {
                continue;
            }
            let found = &event["data"]["data"];
            let id = found["job"].as_str().expect("an id").to_owned();
            told.insert(id, found.clone());
        }
    }
    told
}

async fn a_sink_is_told_of_failed_jobs(backends: Backends) {
    let (registry, mut receiver) = (registry(backends).await, Receiver::start().await);
    let body = json!({ "name": "logs", "type": "https", "url": format!("{}/in", receiver.origin), "skip_cert_verify": true });
    let sink = create(&registry, &body).await;

    // Of those that tell others nothing is told, or that would have to be told as well.
    job(&registry, "0-tells", "push_metrics", false);
    job(&registry, "1-fails", "purge_audit_log", false);
    job(&registry, "2-lost", "run_retention", true);
    let told = failures(&mut receiver, 2).await;
    let failed = |id: &str, kind: &str| {
        let event = json!({ "kind": "job.failed", "job": id, "job_kind": kind, "attempts": 1 });
        (id.to_owned(), event)
    };
    let expected = BTreeMap::from([
        failed("1-fails", "purge_audit_log"),
        failed("2-lost", "run_retention"),
    ]);
    assert_eq!(told, expected);
    for id in ["0-tells", "1-fails", "2-lost"] {
        let path = format!("/accounts/default/jobs/{id}");
        let job = registry.v1_get(&path).await.assert_status(200).json();
        assert_eq!(job["state"], "failed", "{job}");
    }

    // Each once, however often the program is killed.
    let registry = registry.kill().start().await;
    caught_up(&registry, &sink).await;
    let path = "/accounts/default/audit-events?kind=job.failed";
    let log = registry.v1_get(path).await.assert_status(200).json();
    assert_eq!(log["items"].as_array().map(Vec::len), Some(2), "{log}");
    let listed = registry.v1_get("/accounts/other/audit-events?kind=job.failed");
    listed.await.assert_status(404);
}

#[tokio::test]
async fn a_sink_is_told_of_jobs_that_failed_for_good() {
    a_sink_is_told_of_failed_jobs(Backends::EMBEDDED).await;
}

#[tokio::test]
async fn a_sink_is_told_of_jobs_that_failed_for_good_on_postgresql() {
    a_sink_is_told_of_failed_jobs(Backends::PRODUCTION).await;
}
