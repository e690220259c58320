//! What a claim costs does not depend on how many jobs wait.

use super::super::fixture::Database;
use super::super::plans::{explain, planner};
use crate::connection::recorded;

/// Parts of the queries that a claim is made of, and the index that each has to use.
const BY_INDEX: &[(&str, &str)] = &[
    (
        "WHERE turn > ?1 ORDER BY turn LIMIT 1",
        "jobs_turns (turn>?)",
    ),
    ("WHERE turn = ?4 ORDER BY run_at_ms", "jobs_turns (turn=?)"),
    (
        "WHERE state = 'running' AND lane = ?1",
        "jobs_running (lane=?)",
    ),
    (
        "waits_until_ms <= ?1 ORDER BY",
        "jobs_waiting (waits_until_ms",
    ),
    ("lease_until_ms <= ?1 AND (", "jobs_leases (lease_until_ms"),
    ("turn IS NOT NULL AND run_at_ms", "jobs_due (run_at_ms"),
    (
        "(SELECT id FROM jobs WHERE turn = ?1 ORDER BY",
        "jobs_turns (turn=?)",
    ),
    ("WHERE lease_owner = ?1 AND state", "jobs_called_off"),
    (
        "AND state = 'queued' ORDER BY created_at_ms LIMIT ?3",
        "jobs_queued (account_id=? AND kind=?)",
    ),
    (
        "run_at_ms <= ?3 ORDER BY created_at_ms",
        "jobs_queued (account_id=? AND kind=?)",
    ),
    (
        "WHERE is_enabled = 1 AND next_run_at_ms",
        "schedules_due (next_run_at_ms",
    ),
];

#[tokio::test]
async fn a_claim_looks_at_the_next_lane_and_its_first_job_only() {
    let database = Database::new();
    super::run(&database.store).await;
    let connection = planner(&database);
    let texts = recorded::texts();
    for (part, index) in BY_INDEX {
        let text = texts.iter().find(|text| text.contains(part));
        let text = text.unwrap_or_else(|| panic!("no query has {part:?} any more"));
        let plan = explain(&connection, text).join("\n");
        assert!(plan.contains(index), "{text}\n{plan}");
    }
}
