//! What goes on in the background, as the operator of a registry sees it.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::registry::TestRegistry;
use crate::replicas::Replicas;

const PATIENCE: Duration = Duration::from_mins(1);

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
