//! The previous release's program, which must work beside the one that is built now: built from its commit, once, and kept
//! in `target/previous/`.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use tokio::process::Command;
use tokio::time::Instant;

use crate::process::{self, Lines, output_of};
use crate::workspace;

/// Names the commit; the tests read it too.
const RELEASE: &str = "crates/server/tests/it/previous_release.txt";

/// Builds it, if that was not done before.
pub(crate) async fn build(deadline: Instant) -> anyhow::Result<()> {
    let commit = commit()?;
    let kept = workspace::root().join("target/previous").join(&commit);
    let program = kept.join("roadstead");
    if program.exists() {
        return Ok(());
    }
    println!("\n== building the previous release, {commit}, for the tests of upgrades; once");
    let source = unpack(&commit, &kept).await?;
    let target = kept.join("target");
    let mut cargo = workspace::cargo();
    cargo
        .args(["build", "--package", "server"])
        .current_dir(&source)
        // Nothing is shared with our own build: its dependencies may be others.
        .env("CARGO_TARGET_DIR", &target)
        // Nobody debugs it.
        .env("CARGO_PROFILE_DEV_DEBUG", "none");
    if !process::run(&mut cargo, deadline, Lines::Through).await? {
        bail!("the previous release, {commit}, does not build");
    }
    let part = kept.join("roadstead.part");
    std::fs::copy(target.join("debug/roadstead"), &part)?;
    std::fs::rename(&part, &program)?;
    // A gigabyte that nobody needs any more.
    std::fs::remove_dir_all(&target)?;
    std::fs::remove_dir_all(&source)?;
    Ok(())
}

fn commit() -> anyhow::Result<String> {
    let text = std::fs::read_to_string(workspace::root().join(RELEASE))?;
    let mut lines = text.lines();
    let commit = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    let commit = commit.with_context(|| format!("{RELEASE} names no commit"))?;
    ensure!(
        commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{RELEASE} must name a commit by its 40 digits, not {commit:?}"
    );
    Ok(commit.to_owned())
}

/// The commit's files, in a directory that is complete once it has its name.
async fn unpack(commit: &str, kept: &std::path::Path) -> anyhow::Result<PathBuf> {
    let source = kept.join("source");
    if source.exists() {
        return Ok(source);
    }
    let named = format!("{commit}^{{commit}}");
    if output_of(git().args(["cat-file", "-e", &named]))
        .await
        .is_err()
    {
        bail!(
            "the history here has no commit {commit}, which {RELEASE} names as the previous release: fetch the whole history, or \
             leave out the tests that need it, with --without upgrade"
        );
    }
    let part = kept.join("source.part");
    if part.exists() {
        std::fs::remove_dir_all(&part)?;
    }
    std::fs::create_dir_all(&part).with_context(|| format!("cannot make {}", part.display()))?;
    let archive = kept.join("source.tar");
    output_of(git().args(["archive", commit, "--output"]).arg(&archive)).await?;
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--file").arg(&archive);
    output_of(tar.arg("--directory").arg(&part)).await?;
    std::fs::remove_file(&archive)?;
    std::fs::rename(&part, &source)?;
    Ok(source)
}

fn git() -> Command {
    let mut git = Command::new("git");
    git.current_dir(workspace::root());
    git
}
