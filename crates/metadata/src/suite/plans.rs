//! No query reads a whole table: each is explained by SQLite, and none may answer SCAN. PostgreSQL is asked, too.

mod postgres;

use super::fixture::Database;
use crate::connection::recorded;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::collections::BTreeSet;

/// Queries that may look at everything, and why.
const MAY_SCAN: &[(&str, &str)] = &[
    (
        "SELECT 1 FROM deployment",
        "the probe stops at the first row",
    ),
    (
        "FROM signing_keys ORDER BY created_at_ms DESC",
        "there are two or three keys",
    ),
    (
        "DELETE FROM signing_keys",
        "there are two or three keys, once in a rotation",
    ),
    (
        "SELECT COALESCE(CAST(SUM(size_bytes) AS BIGINT), 0)",
        "the proof of the running totals counts everything anew",
    ),
    (
        "WHERE m.group_id = ?1 AND u.name > ?2 ORDER BY u.name",
        "sorts the users of one group, for its account's administrators",
    ),
    (
        "FROM memberships m JOIN users u",
        "sorts the members of one account, for its administrators",
    ),
    (
        "/* of the inventory */",
        "an operator asks how much there is in all",
    ),
    (
        "FROM operator_roles o JOIN users u",
        "a deployment has a few operators",
    ),
    (
        "FROM replicas WHERE seen_at_ms >= ?1",
        "a deployment has a few replicas",
    ),
    ("DELETE FROM replicas WHERE seen_at_ms", "the same"),
    (
        "UPDATE events SET number = s.",
        "beside a few events PostgreSQL takes the batch for the larger side; beside many it looks each up by its key",
    ),
    (
        "t.updated_at_ms FROM tags t WHERE t.manifest_id",
        "sorts the tags of some manifests",
    ),
    (
        "ON l.id = c.label_id WHERE c.manifest_id",
        "sorts the labels of some manifests",
    ),
    (
        "FROM memberships m JOIN accounts a",
        "sorts the accounts of one user",
    ),
    (
        "FROM oidc_sources o JOIN identity_sources s",
        "an account has a few sources, and so has the deployment",
    ),
    (
        "FROM ldap_sources d JOIN identity_sources s",
        "an account has a few directories, and so has the deployment",
    ),
    (
        "AS holder FROM role_grants g",
        "names those who have a role that was to be deleted",
    ),
    (
        "FROM tags t WHERE t.manifest_id = ?1 AND t.name > ?2 ORDER BY t.name",
        "sorts the tags of one manifest, which is about to be deleted, where there are rules or locks",
    ),
    (
        "WHERE r.namespace_id = ?1 AND n.protection = 1",
        "sorts the repositories of one namespace, which is about to be deleted",
    ),
    (
        "INSERT INTO account_storage",
        "looks at what every account stores, once an hour",
    ),
    (
        "INSERT INTO account_days (account_id, day, pull_bytes, pulls, pushes, stored_bytes)",
        "looks at what every account stores, once an hour",
    ),
    (
        "FROM trash_recounts WHERE is_due = 1 ORDER BY",
        "reads the first of those that wait",
    ),
    (
        "FROM trash t ORDER BY t.id LIMIT",
        "reads the first of what older programs put there",
    ),
    (
        "FROM events WHERE number IS NULL",
        "reads an index of what is not sealed yet, and of that the first",
    ),
    (
        "WHERE e.number IS NULL ORDER BY e.id LIMIT",
        "the same, some at a time",
    ),
];

/// Plans as the store's own connections do.
pub(super) fn planner(database: &Database) -> Connection {
    let connection = Connection::open(&database.path).unwrap();
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .unwrap();
    connection
}

pub(super) fn explain(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap();
    let lines = statement.raw_query().mapped(|row| row.get::<_, String>(3));
    lines.map(Result::unwrap).collect()
}

/// Whether a line of a plan reads all rows of a table; a constant or an inner result is no table.
fn is_table_scan(plan: &[String], line: &str) -> bool {
    let Some(rest) = line.strip_prefix("SCAN ") else {
        return false;
    };
    let makes = |line: &String| {
        let made = line
            .strip_prefix("CO-ROUTINE ")
            .or_else(|| line.strip_prefix("MATERIALIZE "));
        made == Some(rest)
    };
    // An index that covers the query is still read from end to end. A virtual table is a parameter, unfolded.
    !rest.contains(" VIRTUAL TABLE ")
        && !rest.starts_with("CONSTANT ROW")
        && !rest.starts_with("(subquery")
        && !rest.ends_with("VALUES CLAUSE")
        && !plan.iter().any(makes)
}

/// Sorts what it has read, instead of reading in order and stopping where enough is.
fn is_sort(line: &str) -> bool {
    line.contains("USE TEMP B-TREE FOR ORDER BY")
}

#[tokio::test]
async fn no_query_reads_a_whole_table() {
    let database = Database::new();
    super::run(&database.store).await;
    let connection = planner(&database);
    let texts: BTreeSet<&str> = recorded::texts()
        .into_iter()
        // A snapshot says how much is in it before it reads it all.
        .filter(|sql| !sql.contains("/* of a test */") && !sql.contains("/* of a snapshot */"))
        .collect();
    assert!(texts.len() > 70, "only {} texts were seen", texts.len());
    let mut problems = Vec::new();
    for sql in &texts {
        let is_allowed = MAY_SCAN.iter().any(|(part, _)| sql.contains(part));
        let plan = explain(&connection, sql);
        if !is_allowed
            && plan
                .iter()
                .any(|line| is_table_scan(&plan, line) || is_sort(line))
        {
            problems.push(format!("{sql}\n    {}", plan.join("\n    ")));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    for (part, _) in MAY_SCAN {
        assert!(
            texts.iter().any(|sql| sql.contains(part)),
            "no query has {part:?} any more"
        );
    }
}

/// Deleting a row asks each table that may refer to it; a plan does not show that.
#[tokio::test]
async fn deleting_a_row_finds_its_references_by_an_index() {
    let database = Database::new();
    super::run(&database.store).await;
    let connection = planner(&database);
    let deleted: BTreeSet<String> = recorded::texts()
        .iter()
        .filter_map(|sql| sql.strip_prefix("DELETE FROM "))
        .filter_map(|rest| rest.split(' ').next().map(str::to_owned))
        .collect();
    let mut looked_at = 0;
    let mut problems = Vec::new();
    let mut keys = connection
        .prepare(
            "SELECT m.name, f.\"table\", group_concat(f.\"from\" || ' = ?', ' AND ') \
             FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table' \
             GROUP BY m.name, f.id",
        )
        .unwrap();
    let keys = keys
        .query_map([], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
            ))
        })
        .unwrap();
    for (child, parent, condition) in keys.map(Result::unwrap) {
        // Blobs are deleted by the collector, which comes with its own queries.
        if !deleted.contains(&parent) && parent != "blobs" {
            continue;
        }
        looked_at += 1;
        let plan = explain(
            &connection,
            &format!("SELECT 1 FROM {child} WHERE {condition}"),
        );
        if plan.iter().any(|line| is_table_scan(&plan, line)) {
            problems.push(format!("{child} → {parent}: {}", plan.join("; ")));
        }
    }
    assert!(
        looked_at > 8,
        "only {looked_at} foreign keys were looked at"
    );
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
