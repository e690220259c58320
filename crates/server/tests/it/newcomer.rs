//! What somebody meets who starts the program for the first time, or mistypes.

use crate::registry::TestRegistry;
use std::process::{Command, Output};

fn roadstead(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roadstead"));
    command
        .args(arguments)
        .env("ROADSTEAD_METRICS__ADDRESS", "");
    command.output().expect("the program runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// podman and skopeo ask for the first blob by HEAD, and give up at any answer but 404.
#[tokio::test]
async fn a_push_without_a_namespace_gets_as_far_as_being_told_what_to_type() {
    let registry = TestRegistry::start().await;
    let digest = format!("sha256:{}", "0".repeat(64));

    let head = registry.head(&format!("/v2/app/blobs/{digest}")).await;
    head.assert_status(404);
    let refused = registry.post("/v2/app/blobs/uploads/").await;

    let message = refused.assert_error(400, "NAME_INVALID").error_message();
    let typed = format!("{}/library/app", registry.host());
    assert!(message.contains(&typed), "{message}");
}

#[test]
fn a_first_start_that_finds_its_port_taken_has_made_no_user_yet() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let parent = tempfile::tempdir().expect("a directory");
    let data = parent.path().join("data");
    let data = data.to_str().expect("text");

    let start = roadstead(&["serve", "--data-dir", data, "--listen", &address]);
    assert!(!start.status.success());
    assert!(said(&start).contains(&address), "{}", said(&start));

    // Otherwise the user would be there, with a password that nobody has seen.
    let users = roadstead(&["admin", "--data-dir", data, "user", "list"]);
    assert!(
        said(&users).contains("holds no registry"),
        "{}",
        said(&users)
    );
}

#[test]
fn asking_about_a_registry_that_is_not_there_makes_none() {
    let parent = tempfile::tempdir().expect("a directory");
    let data = parent.path().join("mistyped");
    let users = roadstead(&[
        "admin",
        "--data-dir",
        data.to_str().expect("text"),
        "user",
        "list",
    ]);
    assert!(!users.status.success());
    assert!(said(&users).contains("--data-dir"), "{}", said(&users));
    assert!(!data.exists());
}
