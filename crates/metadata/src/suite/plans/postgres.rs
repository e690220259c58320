//! No query has to read a whole table on PostgreSQL either. What it does with few rows says nothing, so everything but
//! looking up in an index is made so expensive that a plan has it only where there is no other way.

use super::MAY_SCAN;
use crate::connection::recorded;
use crate::suite::postgres::Database;
use engines::Postgres;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Generic plans, as a long-lived connection has; and no way out.
const SETTINGS: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_sort = off; \
     SET enable_hashjoin = off; SET enable_mergejoin = off; ";
/// Texts explained by one command.
const AT_ONCE: usize = 25;
const MARK: &str = "plan of ";

/// The number of parameters of a text.
fn parameters(sql: &str) -> usize {
    let numbers = sql.split('?').skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit());
        rest[..end.unwrap_or(rest.len())].parse().ok()
    });
    numbers.max().unwrap_or(0)
}

/// The plans of texts, line by line.
fn explain(database: &str, texts: &[&str]) -> Vec<Vec<String>> {
    let mut plans = Vec::new();
    for chunk in texts.chunks(AT_ONCE) {
        let mut script = SETTINGS.to_owned();
        for (number, sql) in chunk.iter().enumerate() {
            let values = vec!["NULL"; parameters(sql)].join(", ");
            let values = if values.is_empty() {
                values
            } else {
                format!("({values})")
            };
            let sql = sql.replace('?', "$");
            write!(
                script,
                "PREPARE p{number} AS {sql}; SELECT '{MARK}{number}'; EXPLAIN (COSTS OFF) EXECUTE p{number}{values}; "
            )
            .unwrap();
        }
        let answer = Postgres::shared().psql(database, &script).unwrap();
        for line in answer.lines().filter(|line| !line.is_empty()) {
            if line.starts_with(MARK) {
                plans.push(Vec::new());
            } else {
                plans.last_mut().unwrap().push(line.to_owned());
            }
        }
    }
    plans
}

/// What reads all of a table or of an index, or sorts.
fn faults(plan: &[String]) -> Vec<&str> {
    let node = |line: &str| {
        line.trim_start()
            .trim_start_matches("->")
            .trim_start()
            .to_owned()
    };
    let is_node = |line: &str| line.trim_start().starts_with("->");
    let mut found = Vec::new();
    for (number, line) in plan.iter().enumerate() {
        let what = node(line);
        let is_scan = what.starts_with("Seq Scan on ");
        let is_sort = what == "Sort" || what == "Incremental Sort";
        let is_index = ["Index Scan ", "Index Only Scan ", "Bitmap Index Scan "]
            .iter()
            .any(|kind| what.starts_with(kind));
        let mut details = plan[number + 1..].iter().take_while(|line| !is_node(line));
        let is_searched = details.any(|line| line.contains("Index Cond: "));
        if is_scan || is_sort || (is_index && !is_searched) {
            found.push(line.as_str());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn no_query_has_to_read_a_whole_table_on_postgresql() {
    let database = Database::new();
    crate::suite::run(&database.store).await;
    let texts: BTreeSet<&str> = recorded::postgres_texts()
        .into_iter()
        // A snapshot reads everything, and looks into the catalog for what there is.
        .filter(|sql| {
            ["/* of a test */", "/* of a snapshot */", "FROM pg_catalog."]
                .iter()
                .all(|part| !sql.contains(part))
        })
        .filter(|sql| {
            ["SELECT", "INSERT", "UPDATE", "DELETE"]
                .iter()
                .any(|verb| sql.starts_with(verb))
        })
        .collect();
    assert!(texts.len() > 70, "only {} texts were seen", texts.len());
    let texts: Vec<&str> = texts.into_iter().collect();
    let plans = explain(&database.name, &texts);
    assert_eq!(plans.len(), texts.len());
    let mut problems = Vec::new();
    for (sql, plan) in texts.iter().zip(&plans) {
        let is_allowed = MAY_SCAN.iter().any(|(part, _)| sql.contains(part));
        if !is_allowed && !faults(plan).is_empty() {
            problems.push(format!("{sql}\n    {}", plan.join("\n    ")));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_plan_without_a_way_in_is_found() {
    let plan = |lines: &[&str]| {
        lines
            .iter()
            .map(|line| (*line).to_owned())
            .collect::<Vec<_>>()
    };
    let good = plan(&[
        "Limit",
        "  ->  Index Scan using tags_pkey on tags",
        "        Index Cond: ((repository_id = $1) AND (name > $2))",
    ]);
    assert!(faults(&good).is_empty());
    for bad in [
        &["Seq Scan on tags", "  Filter: (name = $1)"][..],
        &[
            "Limit",
            "  ->  Index Only Scan using tags_pkey on tags",
            "        Filter: (name = $1)",
        ],
        &[
            "Sort",
            "  ->  Index Scan using a on tags",
            "        Index Cond: (name = $1)",
        ],
    ] {
        assert_eq!(faults(&plan(bad)).len(), 1, "{bad:?}");
    }
    assert_eq!(parameters("SELECT ?1, ?12 WHERE x = ?2"), 12);
}
