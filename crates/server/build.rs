//! Puts the commit into the version, if there is one to know: `0.1.0 (1a2b3c4d5e6f)`.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Unpacked inside someone else's checkout, that one's commit says nothing about this program.
    if git(&["rev-parse", "--show-prefix"]).as_deref() != Some("crates/server/") {
        return;
    }
    let Some(git_dir) = git(&["rev-parse", "--absolute-git-dir"]) else {
        return;
    };
    // The log grows with every commit and checkout; before the first commit there is none.
    for watched in ["logs/HEAD", "refs/heads"].map(|name| Path::new(&git_dir).join(name)) {
        if watched.exists() {
            println!("cargo::rerun-if-changed={}", watched.display());
        }
    }
    let Some(commit) = git(&["rev-parse", "--short=12", "--verify", "HEAD"]) else {
        return;
    };
    // Not ROADSTEAD_…: `cargo run` hands it on to the program, which would take it for a setting.
    println!(
        "cargo::rustc-env=BUILD_VERSION={} ({commit})",
        env!("CARGO_PKG_VERSION")
    );
}

/// What `git` answers; nothing if there is no git, no checkout or no commit.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let answer = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !answer.trim().is_empty()).then(|| answer.trim().to_owned())
}
