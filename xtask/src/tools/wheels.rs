//! The pinned Python wheels; the crate `engines` knows how to install them, because its tests need one as well.

use engines::Wheels;

use crate::tools;

/// Makes the environment, unless it is there.
pub(crate) async fn install() -> anyhow::Result<Wheels> {
    if let Some(wheels) = Wheels::find() {
        return Ok(wheels);
    }
    tools::debian_packages(tools::PYTHON).await?;
    Ok(tokio::task::spawn_blocking(Wheels::install).await??)
}
