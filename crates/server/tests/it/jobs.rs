//! What goes on in the background, as the operator of a registry sees it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::account_api::AccountApi as _;
use crate::registry::client::Client;
use crate::registry::{PATIENCE, TestRegistry};
use crate::replicas::Replicas;

/// Asks until the answer is as wanted.
async fn until(
    registry: &TestRegistry,
    question: &[&str],
    is_wanted: impl Fn(&Value) -> bool,
) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = registry.admin(question);
        if is_wanted(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{question:?}: still {answer:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn kinds(jobs: &Value) -> Vec<&str> {
    let jobs = jobs.as_array().expect("a list");
    jobs.iter().filter_map(|job| job["kind"].as_str()).collect()
}

#[tokio::test]
async fn an_operator_runs_upkeep_and_sees_what_became_of_it() {
    let registry = TestRegistry::start().await;
    let asked = registry.admin(&["jobs", "run", "purge_trash"]);
    let id = asked["id"].as_str().expect("an id");

    let job = until(&registry, &["jobs", "show", id], |job| {
        job["state"] == "done"
    })
    .await;
    assert_eq!(job["attempts"], 1);
    assert_eq!(job["log"], Value::Array(vec![]), "it had nothing to do");
    let done = registry.admin(&["jobs", "list", "--state", "done"]);
    assert!(kinds(&done).contains(&"purge_trash"), "{done:#}");
    let failed = registry.admin(&["jobs", "list", "--state", "failed"]);
    assert_eq!(kinds(&failed), [""; 0]);

    let metrics = registry.metrics().await;
    let counted = "roadstead_jobs_ended_total{kind=\"purge_trash\",outcome=\"done\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    assert!(metrics.contains("roadstead_jobs{state=\"running\"}"));
    assert!(metrics.contains("roadstead_jobs_oldest_due_seconds"));
}

#[tokio::test]
async fn a_schedule_comes_by_itself_and_a_restart_goes_on_with_it() {
    let registry = TestRegistry::builder()
        .setting("UPLOADS__SWEEP_INTERVAL_SECS", 1)
        .start()
        .await;
    let came = |jobs: &Value| kinds(jobs).contains(&"expire_uploads");
    let list = ["jobs", "list", "--state", "done"];
    let before = until(&registry, &list, came).await;
    let known: Vec<&str> = before
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|job| job["id"].as_str())
        .collect();
    let registry = registry.kill().start().await;
    let came_again = |jobs: &Value| {
        let mut jobs = jobs.as_array().expect("a list").iter();
        jobs.any(|job| {
            job["kind"] == "expire_uploads" && !known.iter().any(|known| job["id"] == *known)
        })
    };
    until(&registry, &list, came_again).await;
    let failed = registry.admin(&["jobs", "list", "--state", "failed"]);
    assert_eq!(kinds(&failed), [""; 0]);
}

/// Each looks about once a second, and would ask by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_comes_once_however_many_replicas_there_are() {
    let begun = Instant::now();
    let mut replicas = Replicas::start_with(4, &[("UPLOADS__SWEEP_INTERVAL_SECS", "1")]).await;
    let list = ["jobs", "list", "--state", "done"];
    let came = |jobs: &Value| {
        let kinds = kinds(jobs);
        kinds
            .iter()
            .filter(|kind| **kind == "expire_uploads")
            .count()
    };
    for times in [4, 8] {
        let jobs = until(replicas.replica(0), &list, |jobs| came(jobs) >= times).await;
        let most = usize::try_from(begun.elapsed().as_secs()).unwrap_or(usize::MAX) + 2;
        assert!(came(&jobs) <= most, "more than once a second: {jobs:#}");
        replicas.kill(3);
    }
    let asked = replicas.replica(1).admin(&["jobs", "run", "purge_trash"]);
    let show = ["jobs", "show", asked["id"].as_str().expect("an id")];
    until(replicas.replica(2), &show, |job| job["state"] == "done").await;
}

/// Makes a job of the account `own` that waits for a time far away.
fn waiting(registry: &TestRegistry, id: &str, kind: &str) {
    let made = registry.sql(&format!(
        "INSERT INTO jobs (id, account_id, lane, kind, payload, state, waits_until_ms, run_at_ms, attempts, max_attempts, \
         fence, is_cancelled, log_lines, log_bytes, created_at_ms) SELECT '{id}', id, id, '{kind}', '{{\"policy\":\"hidden\"}}', \
         'queued', 9000000000000, 9000000000000, 0, 5, 0, 0, 0, 0, 0 FROM accounts WHERE name = 'own' RETURNING id"
    ));
    assert_eq!(made.len(), 1);
}

#[tokio::test]
async fn an_account_sees_its_own_jobs_and_stops_them() {
    const JOBS: &str = "/accounts/own/jobs";
    let registry = TestRegistry::start().await;
    let ann = registry.create_account("own", "ann");
    let fay = registry.create_account("other", "fay");
    for (id, kind) in [("f1", "run_retention"), ("f2", "feed_sinks")] {
        waiting(&registry, id, kind);
    }
    let schedule = "INSERT INTO schedules (id, account_id, lane, name, kind, payload, max_attempts, cron, next_run_at_ms, \
         is_enabled, created_at_ms) SELECT 's', id, id, 'retention:p', 'run_retention', '{}', 5, '0 0 3 * * *', \
         9000000000000, 1, 0 FROM accounts WHERE name = 'own' RETURNING id";
    assert_eq!(registry.sql(schedule).len(), 1);
    let line = "INSERT INTO job_logs (job_id, attempt, number, at_ms, level, line) VALUES ('f1', 1, 1, 0, 'info', 'begun'), \
         ('f1', 1, 2, 0, 'warning', 'slow') RETURNING number";
    assert_eq!(registry.sql(line).len(), 2);

    let listed = ann.v1_get(JOBS).await.assert_status(200).json();
    let ids = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().expect("a list").iter();
        items.map(|job| job["id"].to_string()).collect()
    };
    assert_eq!(ids(&listed), ["\"f2\"", "\"f1\""]);
    assert!(!listed.to_string().contains("hidden"), "{listed}");
    let first = ann.v1_get(&format!("{JOBS}?page_size=1")).await.json();
    let next = first["next"].as_str().expect("there is more");
    let rest = ann.v1_get(&format!("{JOBS}?page_size=1&cursor={next}"));
    assert_eq!(ids(&rest.await.json()), ["\"f1\""]);
    let log = ann
        .v1_get(&format!("{JOBS}/f1/log?page_size=1"))
        .await
        .json();
    assert_eq!(log["items"][0]["text"], "begun");
    let next = log["next"].as_str().expect("there is more");
    let log = ann
        .v1_get(&format!("{JOBS}/f1/log?cursor={next}"))
        .await
        .json();
    assert_eq!(log["items"][0]["text"], "slow");
    assert_eq!(log["next"], Value::Null);
    let wrong = ann.v1_get(&format!("{JOBS}/f1/log?cursor=x")).await;
    assert_eq!(wrong.status(), 400);
    let schedules = ann.v1_get("/accounts/own/schedules").await.json();
    assert_eq!(schedules["items"][0]["cron"], "0 0 3 * * *");

    // Nobody else learns of them, or stops them.
    for path in ["f1", "f1/log", "none"] {
        let path = format!("/accounts/other/jobs/{path}");
        fay.v1_get(&path).await.assert_status(404);
    }
    fay.v1_delete("/accounts/other/jobs/f1")
        .await
        .assert_status(404);
    assert_eq!(
        ids(&fay.v1_get("/accounts/other/jobs").await.json()),
        [""; 0]
    );
    jobs_are_stopped(&ann).await;
}

/// Each once, and the log tells of it.
async fn jobs_are_stopped(ann: &Client) {
    for id in ["f1", "f2"] {
        let path = format!("/accounts/own/jobs/{id}");
        let stopped = ann.v1_delete(&path).await.assert_status(200).json();
        assert_eq!(stopped, json!({ "state": "cancelled" }));
        assert_eq!(ann.v1_get(&path).await.json()["state"], "cancelled");
        ann.v1_delete(&path).await.assert_status(412);
    }
    // Events are seen when they are sealed.
    let told = loop {
        let path = "/accounts/own/audit-events?kind=job.stopped";
        let told = ann.v1_get(path).await.assert_status(200).json();
        match told["items"].as_array().map_or(0, Vec::len) {
            0 | 1 => tokio::task::yield_now().await,
            _ => break told,
        }
    };
    assert_eq!(told["items"][1]["event"]["job"], "f1", "{told}");
}
