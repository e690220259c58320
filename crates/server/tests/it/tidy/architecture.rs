//! Which crate may use which, and who owns a dependency.

use std::process::Command;

use serde_json::Value;

use super::{expect_none, printed_by};

/// What each of our crates may use of ours: the arrows of ARCHITECTURE.md.
const MAY_USE: &[(&str, &[&str])] = &[
    ("oci", &[]),
    ("model", &["oci"]),
    ("metadata", &["model", "oci"]),
    ("blobs", &["model", "oci"]),
    ("outbound", &["model", "oci"]),
    ("keys", &["model", "oci"]),
    (
        "services",
        &["oci", "model", "metadata", "blobs", "keys", "outbound"],
    ),
    ("jobs", &["oci", "model", "services"]),
    ("pages", &["oci"]),
    ("web", &["oci", "model", "pages", "services"]),
    (
        "server",
        &[
            "oci", "model", "metadata", "blobs", "outbound", "keys", "services", "jobs", "web",
        ],
    ),
    ("engines", &[]),
    ("xtask", &["oci", "engines"]),
];

/// Crates that are never part of the product: tests and xtask use them.
const FOR_TESTS: &[&str] = &["engines"];

/// The crates of pure words: everything from outside that they may use.
const PURE: &[(&str, &[&str])] = &[
    (
        "oci",
        &[
            "percent-encoding",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
        ],
    ),
    ("model", &["regex", "serde", "serde_json", "thiserror"]),
];

/// Dependencies with an owner: nobody else may use them. The server's tests, xtask and engines are clients
/// of the registry and of what it runs on, and may use what a client needs.
const OWNERS: &[(&str, &[&str])] = &[
    ("anyhow", &["server", "xtask"]),
    ("argon2", &["keys"]),
    ("askama", &["pages"]),
    ("aws-lc-rs", &["keys"]),
    ("clap", &["server", "xtask"]),
    ("clap_complete", &["server"]),
    ("clap_mangen", &["server"]),
    ("croner", &["services"]),
    ("hickory-resolver", &["outbound"]),
    ("flate2", &["services"]),
    ("http", &["blobs", "web"]),
    ("http-body", &["blobs", "web"]),
    ("http-body-util", &["web"]),
    ("hyper", &["web"]),
    ("hyper-util", &["web"]),
    (
        "jiff",
        &["engines", "pages", "server", "services", "web", "xtask"],
    ),
    ("jsonwebtoken", &["keys"]),
    ("lettre", &["outbound"]),
    ("memmap2", &["blobs"]),
    ("mimalloc", &["server"]),
    ("object_store", &["blobs"]),
    ("opentelemetry", &["outbound"]),
    ("opentelemetry-otlp", &["outbound"]),
    ("opentelemetry-proto", &[]),
    ("opentelemetry_sdk", &["outbound"]),
    ("prometheus-client", &["web"]),
    ("prost", &[]),
    ("pulldown-cmark", &["services"]),
    ("reqwest", &["outbound"]),
    // xtask fills databases for the soak.
    ("rusqlite", &["metadata", "xtask"]),
    ("rustls", &["keys", "metadata", "web", "outbound"]),
    ("rustls-pki-types", &["keys", "metadata", "web", "outbound"]),
    ("sha2", &["oci"]),
    ("tar", &["services"]),
    ("tokio-postgres", &["metadata"]),
    ("tokio-postgres-rustls", &["metadata"]),
    ("tokio-rustls", &["web", "outbound"]),
    ("toml", &["server"]),
    ("tracing-opentelemetry", &["outbound"]),
    ("tracing-subscriber", &["server", "outbound"]),
    ("x509-cert", &["keys"]),
];
const USED_BY_CLIENTS: &[&str] = &[
    "http",
    "http-body",
    "http-body-util",
    "hyper",
    "hyper-util",
    "reqwest",
    "rustls",
    "rustls-pki-types",
    "sha2",
    "tokio-rustls",
];

struct Dependency {
    of: String,
    name: String,
    is_dev: bool,
}

fn packages() -> Vec<Value> {
    let arguments = [
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ];
    let printed = printed_by(Command::new(env!("CARGO")).args(arguments));
    let metadata: Value = serde_json::from_str(&printed).expect("cargo prints JSON");
    metadata["packages"]
        .as_array()
        .expect("a list of packages")
        .clone()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn dependencies() -> Vec<Dependency> {
    let of_package = |package: Value| {
        let of = text(&package["name"]);
        let list = package["dependencies"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        list.into_iter().map(move |dependency| Dependency {
            of: of.clone(),
            name: text(&dependency["name"]),
            is_dev: dependency["kind"] == "dev",
        })
    };
    packages().into_iter().flat_map(of_package).collect()
}

fn entry<'a>(table: &'a [(&str, &[&str])], name: &str) -> Option<&'a [&'a str]> {
    table
        .iter()
        .find(|(key, _)| *key == name)
        .map(|(_, list)| *list)
}

#[test]
fn crates_use_each_other_only_downwards() {
    let mut problems = Vec::new();
    for Dependency { of, name, is_dev } in dependencies() {
        let Some(allowed) = entry(MAY_USE, &of) else {
            problems.push(format!("{of} is new: say in MAY_USE what it may use"));
            continue;
        };
        let is_allowed =
            allowed.contains(&name.as_str()) || (is_dev && FOR_TESTS.contains(&name.as_str()));
        if entry(MAY_USE, &name).is_some() && !is_allowed {
            problems.push(format!("{of} uses {name}"));
        }
    }
    expect_none("a crate uses another that it must not know", &problems);
}

#[test]
fn the_protocol_and_the_model_use_nothing_that_does_io() {
    let is_foreign = |dependency: &Dependency| {
        let allowed = entry(PURE, &dependency.of).unwrap_or(&[]);
        entry(PURE, &dependency.of).is_some()
            && !dependency.is_dev
            && entry(MAY_USE, &dependency.name).is_none()
            && !allowed.contains(&dependency.name.as_str())
    };
    let problems: Vec<String> = dependencies()
        .iter()
        .filter(|dependency| is_foreign(dependency))
        .map(|dependency| format!("{} uses {}", dependency.of, dependency.name))
        .collect();
    expect_none("oci and model stay usable and testable anywhere", &problems);
}

#[test]
fn a_dependency_with_an_owner_is_used_by_it_alone() {
    let mut problems = Vec::new();
    for Dependency { of, name, is_dev } in dependencies() {
        let Some(owners) = entry(OWNERS, &name) else {
            continue;
        };
        let is_test = of == "server" && is_dev;
        let is_client =
            ["engines", "xtask"].contains(&of.as_str()) && USED_BY_CLIENTS.contains(&name.as_str());
        if !owners.contains(&of.as_str()) && !is_test && !is_client {
            problems.push(format!(
                "{of} uses {name}, which belongs to {}",
                owners.join(", ")
            ));
        }
    }
    expect_none("one dependency, one owner", &problems);
}

#[test]
fn there_is_one_integration_binary_and_no_doc_tests() {
    let mut problems = Vec::new();
    for package in packages() {
        let name = text(&package["name"]);
        for target in package["targets"].as_array().into_iter().flatten() {
            let kind = text(&target["kind"][0]);
            if kind == "test" && (name != "server" || target["name"] != "it") {
                problems.push(format!("{name} has the test binary {}", target["name"]));
            }
            if kind == "lib" && target["doctest"] != false {
                problems.push(format!("{name} needs `doctest = false`"));
            }
        }
    }
    expect_none(
        "every test binary is linked again at each change",
        &problems,
    );
}
