//! Debian's `docker-registry` with files, deletion on, its descriptor cache in memory and its logs off.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;

use super::{Launch, Setup};

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
  filesystem:
    rootdirectory: {}
  delete:
    enabled: true
  cache:
    blobdescriptor: inmemory
",
        launch.dir.join("data").display()
    );
    fs::write(&config, text)?;
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(&config);
    Ok(Setup {
        command,
        plain,
        tls: plain,
        credentials: None,
    })
}
