//! Python wheels, pinned by version and hash in `requirements.txt`, in a virtual environment.

use std::path::PathBuf;

use tokio::process::Command;

use crate::{process, tools, workspace};

const REQUIREMENTS: &str = include_str!("../../requirements.txt");

/// The virtual environment.
pub(crate) struct Wheels(PathBuf);

impl Wheels {
    /// A program that one of the wheels brought.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.0.join("bin").join(name)
    }
}

/// Makes the environment, unless it is there with exactly these requirements.
pub(crate) async fn install() -> anyhow::Result<Wheels> {
    let environment = workspace::tools_dir().join("python");
    // Written last, so an interrupted installation is done again.
    let installed = environment.join("requirements.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == REQUIREMENTS) {
        return Ok(Wheels(environment));
    }
    tools::debian_packages(tools::PYTHON).await?;
    println!("installing the pinned wheels");
    // Debian's own Python: another one first on PATH may be of a version without pinned wheels.
    let mut venv = Command::new("/usr/bin/python3");
    process::output_of(venv.args(["-m", "venv", "--clear"]).arg(&environment)).await?;
    let wheels = Wheels(environment);
    let mut pip = Command::new(wheels.program("pip"));
    pip.args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
    ])
    .args(["--require-hashes", "--requirement"])
    .arg(workspace::root().join("xtask/requirements.txt"));
    process::output_of(&mut pip).await?;
    std::fs::write(installed, REQUIREMENTS)?;
    Ok(wheels)
}
