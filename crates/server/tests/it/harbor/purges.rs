//! Purges of the audit log and schedules: as Harbor's clients ask for them, on both databases.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::repositories::{answer, refuse};
use super::{API, Harbor};
use crate::registry::backends::{Backends, Database, Store};
use crate::registry::{PATIENCE, TestRegistry};

const SCHEDULE: &str = "/system/purgeaudit/schedule";

fn purge(kind: &str, cron: &str, hours: i64, types: &str) -> Value {
    json!({
        "schedule": { "type": kind, "cron": cron },
        "parameters": { "audit_retention_hour": hours, "dry_run": true, "include_event_types": types },
    })
}

#[tokio::test]
async fn a_log_is_purged_now_and_by_a_schedule() {
    for database in [Database::Sqlite, Database::Postgres] {
        let backends = Backends {
            database,
            store: Store::Files,
        };
        let registry = TestRegistry::builder().on(backends).start().await;
        purge_now(&registry).await;
        follow_a_schedule(&registry).await;
    }
}

async fn purge_now(registry: &TestRegistry) {
    let asked = purge("Manual", "", 1000, "create_artifact,create_project");
    let made = answer(registry.api_post(SCHEDULE, &asked), 201).await;
    let location = made.location();
    let place = location.strip_prefix(API).expect("a path");
    assert_eq!(place, "/system/purgeaudit/1");
    let deadline = Instant::now() + PATIENCE;
    let done = loop {
        let found = answer(registry.api_get(place), 200).await.json();
        if found["job_status"] == "Success" {
            break found;
        }
        assert!(Instant::now() < deadline, "{found}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(done["job_name"], "PURGE_AUDIT_LOG");
    assert_eq!(done["job_kind"], "MANUAL");
    assert_eq!(
        done["job_parameters"],
        r#"{"audit_retention_hour":1000,"dry_run":true,"include_event_types":"create_artifact,create_project"}"#
    );
    let log = answer(registry.api_get(&format!("{place}/log")), 200).await;
    assert_eq!(log.text(), "0 events would leave the audit log\n");
    let listed = answer(registry.api_get("/system/purgeaudit"), 200).await;
    assert_eq!(listed.json(), json!([done]));
    refuse(registry.api_put(place, &json!({})), 412).await;
    refuse(registry.api_get("/system/purgeaudit/2"), 404).await;
    for (kind, cron, hours, types) in [
        ("Manual", "", 1, "create_artifact"),
        ("Manual", "", 240_001, "create_artifact"),
        ("Manual", "", 1000, ""),
        ("Manual", "", 1000, "create_artifacts"),
        ("Custom", "", 1000, "create_artifact"),
        ("Custom", "1 0 3 * * *", 1000, "create_artifact"),
        ("Now", "", 1000, "create_artifact"),
    ] {
        let asked = purge(kind, cron, hours, types);
        refuse(registry.api_post(SCHEDULE, &asked), 400).await;
    }
}

async fn follow_a_schedule(registry: &TestRegistry) {
    let none = answer(registry.api_get(SCHEDULE), 200).await;
    assert_eq!(none.text(), "");
    assert!(
        none.find_header("content-type").is_none(),
        "clients check it"
    );
    let daily = purge("Daily", "0 0 0 * * *", 720, "pull_artifact");
    let made = answer(registry.api_post(SCHEDULE, &daily), 201).await;
    assert_eq!(made.location(), format!("{API}/system/purgeaudit/0"));
    let shown = answer(registry.api_get(SCHEDULE), 200).await.json();
    assert_eq!(shown["schedule"]["type"], "Daily");
    assert_eq!(shown["schedule"]["cron"], "0 0 0 * * *");
    let next = shown["schedule"]["next_scheduled_time"].as_str();
    assert!(next.is_some_and(|next| next.ends_with("T00:00:00.000Z")));
    let listed = answer(registry.api_get("/schedules"), 200).await.json();
    assert_eq!(
        listed,
        json!([{ "id": 1, "vendor_type": "PURGE_AUDIT_LOG", "cron": "0 0 0 * * *" }])
    );
    refuse(registry.api_post(SCHEDULE, &daily), 412).await;
    let custom = purge("Custom", "0 30 3 * * 6", 720, "pull_artifact");
    answer(registry.api_put(SCHEDULE, &custom), 200).await;
    let shown = answer(registry.api_get(SCHEDULE), 200).await.json();
    assert_eq!(shown["schedule"]["type"], "Custom");
    let never = json!({ "schedule": { "type": "None" } });
    answer(registry.api_put(SCHEDULE, &never), 200).await;
    assert_eq!(answer(registry.api_get(SCHEDULE), 200).await.text(), "");
    let listed = answer(registry.api_get("/schedules"), 200).await.json();
    assert_eq!(listed, json!([]));
    let paused = answer(registry.api_get("/schedules/all/paused"), 200).await;
    assert_eq!(paused.json(), json!({ "paused": false }));
    refuse(registry.api_get("/schedules/RETENTION/paused"), 400).await;
}
