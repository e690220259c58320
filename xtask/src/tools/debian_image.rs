//! The real image that the clients push: a minimal Debian as a root file system (about 170 MB)
//! and as an OCI image layout with one layer (about 65 MB).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::process;
use crate::tools::{checksum, finish_directory, start_directory};
use crate::workspace::tools_dir;

/// Every time stamp in the image, so that two machines with the same packages make the same bytes.
const EPOCH_SECS: &str = "1700000000";
const CREATED: &str = "2023-11-14T22:13:20Z";

/// Makes `target/tools/debian/{rootfs.tar,layout/}`, unless they are there.
pub(crate) async fn make() -> anyhow::Result<()> {
    let finished = tools_dir().join("debian");
    if finished.exists() {
        return Ok(());
    }
    println!("making the Debian image (once)");
    let part = start_directory("debian")?;
    let rootfs = part.join("rootfs.tar");
    let mut mmdebstrap = Command::new("mmdebstrap");
    mmdebstrap
        .env("SOURCE_DATE_EPOCH", EPOCH_SECS)
        .args(["--quiet", "--variant=minbase", &release()?])
        .arg(&rootfs)
        .args(package_sources());
    process::output_of(&mut mmdebstrap).await?;
    make_layout(&rootfs, &part.join("layout")).await?;
    finish_directory(&part, &finished)
}

/// The code name of the release that this machine runs: its package sources are of that one.
fn release() -> anyhow::Result<String> {
    let facts = std::fs::read_to_string("/etc/os-release")?;
    facts
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .map(|name| name.trim_matches('"').to_owned())
        .context("/etc/os-release has no VERSION_CODENAME; the Debian image needs one")
}

/// The machine's own package sources; none where neither file exists, which means the defaults.
fn package_sources() -> Option<PathBuf> {
    [
        "/etc/apt/sources.list.d/debian.sources",
        "/etc/apt/sources.list",
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|file| file.exists())
}

async fn make_layout(rootfs: &Path, layout: &Path) -> anyhow::Result<()> {
    let blobs = layout.join("blobs/sha256");
    std::fs::create_dir_all(&blobs)?;
    let layer = blobs.join("layer");
    gzip(rootfs, &layer).await?;
    let diff_id = checksum("sha256sum", rootfs).await?;
    let layer = name_by_digest(&layer, "application/vnd.oci.image.layer.v1.tar+gzip").await?;
    let config = json!({
        "created": CREATED,
        "architecture": architecture()?,
        "os": "linux",
        "config": { "Cmd": ["/bin/bash"] },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{diff_id}")] },
        "history": [{ "created": CREATED, "created_by": "mmdebstrap" }],
    });
    let config = store(&blobs, &config, "application/vnd.oci.image.config.v1+json").await?;
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer],
    });
    let mut manifest = store(&blobs, &manifest, media_type).await?;
    manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": "debian" });
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    std::fs::write(layout.join("index.json"), index.to_string())?;
    std::fs::write(
        layout.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )?;
    Ok(())
}

fn architecture() -> anyhow::Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => bail!("no name for the architecture {other} in an image configuration"),
    }
}

async fn gzip(from: &Path, to: &Path) -> anyhow::Result<()> {
    let status = Command::new("gzip")
        .args(["--no-name", "--stdout", "--"])
        .arg(from)
        .stdin(Stdio::null())
        .stdout(File::create(to)?)
        .kill_on_drop(true)
        .status()
        .await?;
    if !status.success() {
        bail!("gzip failed");
    }
    Ok(())
}

async fn store(blobs: &Path, document: &Value, media_type: &str) -> anyhow::Result<Value> {
    let file = blobs.join("document");
    std::fs::write(&file, document.to_string())?;
    name_by_digest(&file, media_type).await
}

/// Renames a blob to its digest and returns its descriptor.
async fn name_by_digest(file: &Path, media_type: &str) -> anyhow::Result<Value> {
    let digest = checksum("sha256sum", file).await?;
    std::fs::rename(file, file.with_file_name(&digest))?;
    let size = file.with_file_name(&digest).metadata()?.len();
    Ok(json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": size }))
}
