//! What the tests need and the repository does not hold. Installed where it can be, kept under
//! `target/tools/`, and made only once.

mod debian_image;
mod debian_packages;
mod helm;
mod wheels;

pub(crate) use debian_packages::{
    BENCH_PEERS, BROWSER, ENGINES, PYTHON, REAL_CLIENTS, install as debian_packages,
};
pub(crate) use wheels::install as wheels;

use std::path::Path;

use anyhow::Context;
use tokio::process::Command;

use crate::process;
use crate::workspace::tools_dir;

/// The database, the S3 store and the load balancer that tests run the registry on.
pub(crate) async fn for_engines() -> anyhow::Result<()> {
    debian_packages(ENGINES).await?;
    wheels().await.map(drop)
}

/// Everything for the real-client tests.
pub(crate) async fn for_clients() -> anyhow::Result<()> {
    debian_packages(REAL_CLIENTS).await?;
    wheels().await?;
    helm::install().await?;
    debian_image::make().await
}

/// What shows the console's pages, what drives it, and podman for the newcomer's image.
pub(crate) async fn for_browser() -> anyhow::Result<()> {
    debian_packages(BROWSER).await?;
    for_clients().await
}

/// An empty directory `target/tools/NAME.part`, to be renamed once it is complete, so that an
/// interrupted run leaves nothing that looks finished.
fn start_directory(name: &str) -> anyhow::Result<std::path::PathBuf> {
    let directory = tools_dir().join(format!("{name}.part"));
    if directory.exists() {
        std::fs::remove_dir_all(&directory)?;
    }
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    Ok(directory)
}

fn finish_directory(part: &Path, finished: &Path) -> anyhow::Result<()> {
    if finished.exists() {
        std::fs::remove_dir_all(finished)?;
    }
    std::fs::rename(part, finished).with_context(|| format!("cannot make {}", finished.display()))
}

/// The digest of a file in hexadecimal; `program` is `sha256sum` or `sha512sum`.
async fn checksum(program: &str, file: &Path) -> anyhow::Result<String> {
    let printed = process::output_of(Command::new(program).arg("--").arg(file)).await?;
    let digest = printed
        .split_whitespace()
        .next()
        .context("it printed nothing")?;
    // A backslash in front marks a file name with escapes.
    Ok(digest.trim_start_matches('\\').to_owned())
}
