//! Nothing is left out of the suite.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Names of the public methods in the `impl` blocks of `Reader` and `Tx` of a source file.
fn methods(text: &str) -> Vec<String> {
    let mut is_inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("impl") {
            is_inside = line.starts_with("impl Reader<") || line.starts_with("impl Tx<");
        } else if line.starts_with('}') {
            is_inside = false;
        } else if let Some(rest) = line.strip_prefix("    pub fn ")
            && is_inside
        {
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            found.push(name.to_owned());
        }
    }
    found
}

fn rust_files(directory: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn every_public_method_is_in_the_suite() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let all: BTreeSet<String> = rust_files(&sources)
        .iter()
        .flat_map(|file| methods(&fs::read_to_string(file).unwrap()))
        .collect();
    assert!(all.len() > 70, "the sources are read wrongly: {all:?}");
    let cases = [
        "fixture",
        "access",
        "access_questions",
        "account_now",
        "account_summaries",
        "artifacts",
        "images",
        "labels",
        "protection",
        "webhooks",
        "sinks",
        "mail",
        "account_addresses",
        "account_collections",
        "address_certificates",
        "network_rules",
        "replicas",
        "repository_details",
        "retention",
        "removals",
        "auditing",
        "backups",
        "deployment",
        "content",
        "counts",
        "uploads",
        "garbage",
        "trash",
        "trash_containers",
        "passes",
        "people",
        "plans_of_accounts",
        "limits",
        "months",
        "attention",
        "groups",
        "rights",
        "operators",
        "identity",
        "ldap",
        "invitations",
        "users",
        "jobs",
        "jobs/leases",
        "jobs/queues",
        "jobs/schedules",
        "referrers",
    ];
    let text: String = cases
        .iter()
        .map(|case| fs::read_to_string(sources.join(format!("suite/{case}.rs"))).unwrap())
        .collect();
    let missing: Vec<_> = all
        .iter()
        .filter(|method| !text.contains(&format!(".{method}(")))
        .collect();
    assert!(missing.is_empty(), "no case asks {missing:?}");
}
