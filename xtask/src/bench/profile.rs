//! Where our server's time goes during a row, by `perf`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::process::Process;

const LINES: usize = 70;

/// Records the processes until dropped; `None` where `perf` is missing, which `report` then says.
pub(crate) fn record(ids: &[u32], file: &Path) -> Option<Process> {
    let mut command = Command::new("perf");
    command
        .args(["record", "-g", "-F", "997", "-o"])
        .arg(file)
        .arg("-p")
        .arg(ids.iter().map(u32::to_string).collect::<Vec<_>>().join(","));
    Process::start(&mut command, &file.with_extension("log")).ok()
}

/// Prints the functions that took most, without and with what they called.
pub(crate) fn report(file: &Path) -> Result<()> {
    ensure!(
        file.exists(),
        "no profile was recorded; is `perf` installed and allowed?"
    );
    for (title, children) in [
        ("by function itself", "--no-children"),
        ("with callees", "--children"),
    ] {
        let output = Command::new("perf")
            .args([
                "report",
                "--stdio",
                "-g",
                "none",
                "--percent-limit",
                "0.4",
                children,
                "-i",
            ])
            .arg(file)
            .output()
            .context("cannot run perf report")?;
        println!("\n{title}:");
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        for line in lines.take(LINES) {
            println!("{}", line.trim_end());
        }
    }
    println!("\nmore: perf report -i {}", file.display());
    Ok(())
}
