//! The test binaries of the workspace: building them, listing their tests, starting them.

use std::path::PathBuf;

use anyhow::{Context, bail};
use serde::Deserialize;
use tokio::process::Command;
use tokio::time::Instant;

use crate::process::{self, Lines};
use crate::workspace;

/// One built test binary.
pub(crate) struct TestBinary {
    /// Package and kind, as in `oci (lib)`.
    pub(crate) name: String,
    pub(crate) is_integration: bool,
    program: PathBuf,
    package_dir: PathBuf,
}

impl TestBinary {
    /// The binary, started as cargo would: in its package's directory.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.package_dir);
        command
    }
}

/// The lines that cargo prints as JSON; only what is read here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    executable: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// Builds every test binary, and the programs they start.
pub(crate) async fn build(deadline: Instant) -> anyhow::Result<Vec<TestBinary>> {
    build_with(&["--workspace"], deadline).await
}

/// Builds a package's own tests, optimised: for those that run for hours.
pub(crate) async fn build_optimised(
    package: &str,
    deadline: Instant,
) -> anyhow::Result<Vec<TestBinary>> {
    let arguments = ["--profile", "soak", "--package", package, "--lib"];
    build_with(&arguments, deadline).await
}

async fn build_with(arguments: &[&str], deadline: Instant) -> anyhow::Result<Vec<TestBinary>> {
    let mut binaries = Vec::new();
    let mut look = |line: &str| match serde_json::from_str::<Message>(line) {
        Ok(message) => binaries.extend(test_binary(message)),
        Err(_) => println!("{line}"),
    };
    let mut cargo = workspace::cargo();
    cargo.arg("test").args(arguments);
    cargo.args(["--no-run", "--message-format=json-render-diagnostics"]);
    if !process::run(&mut cargo, deadline, Lines::To(&mut look)).await? {
        bail!("the build failed");
    }
    binaries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(binaries)
}

fn test_binary(message: Message) -> Option<TestBinary> {
    let is_test = message.reason == "compiler-artifact" && message.profile?.test;
    let target = message.target?;
    let package_dir = message.manifest_path?.parent()?.to_owned();
    let package = package_dir.file_name()?.to_string_lossy().into_owned();
    let kind = target.kind.first()?;
    is_test.then_some(TestBinary {
        name: if *kind == "lib" {
            package
        } else {
            format!("{package} ({kind} {})", target.name)
        },
        is_integration: kind == "test",
        program: message.executable?,
        package_dir,
    })
}

/// The names of all tests, by binary.
pub(crate) async fn list_tests(
    binaries: &[TestBinary],
    deadline: Instant,
) -> anyhow::Result<Vec<(&TestBinary, Vec<String>)>> {
    let mut all = Vec::new();
    for binary in binaries {
        let mut names = Vec::new();
        let mut look = |line: &str| names.extend(line.strip_suffix(": test").map(str::to_owned));
        let mut command = binary.command();
        command.args(["--list", "--format", "terse"]);
        process::run(&mut command, deadline, Lines::To(&mut look))
            .await
            .with_context(|| format!("cannot list the tests of {}", binary.name))?;
        all.push((binary, names));
    }
    Ok(all)
}
