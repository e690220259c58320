//! Debian's `docker-registry` with files or a bucket, deletion on, its descriptor cache in memory and its logs off.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;

use super::{Launch, Setup};

/// The part of its configuration that says where blobs are.
fn storage(launch: &Launch<'_>) -> String {
    let Some(place) = &launch.place else {
        let directory = launch.dir.join("data");
        return format!("  filesystem:\n    rootdirectory: {}", directory.display());
    };
    let store = &place.engines.store;
    format!(
        "  s3:
    region: {}
    regionendpoint: {}
    bucket: {}
    accesskey: {}
    secretkey: {}
    secure: false
    v4auth: true
  redirect:
    disable: true",
        store.region(),
        store.endpoint(),
        place.bucket,
        store.access_key(),
        store.secret_key(),
    )
}

pub(crate) fn setup(launch: &Launch<'_>, plain: SocketAddr) -> Result<Setup> {
    let config = launch.dir.join("config.yml");
    let text = format!(
        "version: 0.1
log:
  level: error
  accesslog:
    disabled: true
http:
  addr: {plain}
storage:
{}
  delete:
    enabled: true
  cache:
    blobdescriptor: inmemory
",
        storage(launch)
    );
    fs::write(&config, text)?;
    let mut command = Command::new("docker-registry");
    command
        .arg("serve")
        .arg(&config)
        // Where one is set, the S3 driver refuses to start, with HTTPS or without.
        .env_remove("AWS_CA_BUNDLE");
    Ok(Setup {
        command,
        plain,
        tls: plain,
        credentials: None,
    })
}
