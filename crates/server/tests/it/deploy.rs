//! What `deploy/` offers for Prometheus and Grafana: read by promtool, and asking only for what a registry tells.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::registry::TestRegistry;

const RULES: &str = "prometheus/alerts.rules.yml";
const DASHBOARDS: [&str; 2] = ["grafana/usage.json", "grafana/health.json"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join("deploy").join(file)).expect("a file of deploy/")
}

/// Runs promtool, of the Debian package `prometheus`, which must be content.
fn promtool(arguments: &[&str], file: &Path) {
    let output = Command::new("promtool")
        .args(arguments)
        .arg(file)
        .output()
        .expect("promtool: `cargo xtask test` installs it");
    assert!(
        output.status.success(),
        "promtool {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn dashboards() -> impl Iterator<Item = (&'static str, Value)> {
    DASHBOARDS.into_iter().map(|file| {
        let dashboard = serde_json::from_str(&read(file)).expect("a dashboard is JSON");
        (file, dashboard)
    })
}

fn queries(dashboard: &Value) -> Vec<&str> {
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().expect("targets"));
    targets
        .map(|target| target["expr"].as_str().expect("a query"))
        .collect()
}

/// Every metric of ours that the text names.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("roadstead_"))
}

/// The names under which Prometheus keeps what this exposition announces.
fn kept(exposition: &str) -> HashSet<String> {
    let announced = exposition
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    announced
        .flat_map(|(name, kind)| match kind {
            "counter" => vec![format!("{name}_total")],
            "histogram" => ["bucket", "sum", "count"]
                .map(|part| format!("{name}_{part}"))
                .to_vec(),
            _ => vec![name.to_owned()],
        })
        .collect()
}

#[test]
fn the_alerts_come_when_they_should() {
    let deploy = root().join("deploy");
    promtool(&["check", "rules"], &deploy.join(RULES));
    promtool(
        &["test", "rules"],
        &deploy.join("prometheus/alerts.test.yml"),
    );
}

#[test]
fn each_alert_has_its_part_of_the_runbook() {
    let (rules, mut alerts) = (read(RULES), 0);
    for alert in rules.split("- alert: ").skip(1) {
        let name = alert.lines().next().expect("a name");
        let runbook = alert
            .lines()
            .find_map(|line| line.trim().strip_prefix("runbook: "))
            .unwrap_or_else(|| panic!("{name} has no runbook"));
        let (page, part) = runbook.split_once('#').expect("a part of a page");
        assert_eq!(part, name.to_lowercase());
        let page = std::fs::read_to_string(root().join(page)).expect("a page");
        assert!(page.contains(&format!("\n## {name}\n")), "{name}");
        for annotation in ["summary: ", "description: "] {
            assert!(alert.contains(annotation), "{name} has no {annotation}");
        }
        alerts += 1;
    }
    assert!(alerts > 0);
}

#[test]
fn promtool_reads_every_query_of_the_dashboards() {
    for (file, dashboard) in dashboards() {
        let ids: Vec<u64> = dashboard["panels"]
            .as_array()
            .expect("panels")
            .iter()
            .map(|panel| panel["id"].as_u64().expect("a number"))
            .collect();
        let distinct: HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len(), "{file}: {ids:?}");

        let rules: Vec<Value> = queries(&dashboard)
            .iter()
            .enumerate()
            .map(|(index, query)| json!({"record": format!("query:{index}"), "expr": query}))
            .collect();
        // JSON is YAML.
        let groups = json!({"groups": [{"name": "queries", "rules": rules}]});
        let place = tempfile::tempdir().expect("a directory");
        let rules = place.path().join("queries.yml");
        std::fs::write(&rules, groups.to_string()).expect("it is written");
        promtool(&["check", "rules"], &rules);
    }
}

#[tokio::test]
async fn alerts_and_dashboards_ask_for_what_a_registry_tells() {
    let registry = TestRegistry::start().await;
    let kept = kept(&registry.metrics().await);
    for file in DASHBOARDS.into_iter().chain([RULES]) {
        let text = match serde_json::from_str::<Value>(&read(file)) {
            Ok(dashboard) => queries(&dashboard).join("\n"),
            Err(_) => read(file),
        };
        let asked: BTreeSet<&str> = names(&text).collect();
        assert!(!asked.is_empty(), "{file}");
        let unknown: Vec<_> = asked.iter().filter(|name| !kept.contains(**name)).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}
