//! The console in a real browser: Chromium, driven by Playwright's Python library. `cargo xtask test browser` installs both.
//!
//! A journey is a script beside this file. It gets one object of JSON: where the registry is, who signs in, where pictures go. It
//! ends with failure when something is missing, when a page complains on the browser's console, or when an audit finds something.

mod every_page;
mod first_run;
mod newcomer;
mod retention;

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

use crate::registry::{ADMIN, ADMIN_PASSWORD, TestRegistry};

const CONSOLE: &str = include_str!("console.py");
const BROWSER: &str = "/usr/bin/chromium";

/// Where pictures of the pages are kept for people to look at.
fn pictures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/screenshots")
}

/// Runs a journey as the administrator; answers with what it printed.
async fn travel(registry: &TestRegistry, script: &'static str, more: Value) -> String {
    let mut given = json!({
        "origin": registry.origin(),
        "name": ADMIN,
        "password": ADMIN_PASSWORD,
        "pictures": pictures(),
    });
    let (Value::Object(given_fields), Value::Object(more)) = (&mut given, more) else {
        panic!("objects");
    };
    given_fields.extend(more);
    let done = tokio::task::spawn_blocking(move || run(script, &given));
    done.await.expect("it ends")
}

fn run(script: &str, given: &Value) -> String {
    assert!(
        Path::new(BROWSER).exists(),
        "{BROWSER} is missing: `cargo xtask test browser` installs it"
    );
    let wheels = engines::Wheels::install().unwrap_or_else(|error| panic!("{error}"));
    let directory = TempDir::new().expect("a directory");
    for (name, text) in [("console.py", CONSOLE), ("journey.py", script)] {
        let file = directory.path().join(name);
        std::fs::write(&file, text).expect("the directory is ours");
    }
    let done = Command::new(wheels.program("python"))
        .arg(directory.path().join("journey.py"))
        .arg(given.to_string())
        .env("HOME", directory.path())
        .stdin(Stdio::null())
        .output()
        .expect("Python starts");
    let printed = String::from_utf8_lossy(&done.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{printed}\n{complaint}");
    printed
}
