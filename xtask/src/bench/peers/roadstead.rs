//! Ours, on its defaults: SQLite and files unless it is given a database and a bucket, one plain and one TLS listener,
//! every request with a token.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Launch, Setup};
use crate::bench::driver::client::Credentials;

const PASSWORD: &str = "Bench-Password-1";

pub(crate) fn setup(
    launch: &Launch<'_>,
    plain: SocketAddr,
    tls: SocketAddr,
    metrics: SocketAddr,
) -> Result<Setup> {
    let config = launch.dir.join("config.toml");
    let mut text = format!(
        "data_dir = \"{}\"

[[listeners]]
address = \"{plain}\"

[[listeners]]
address = \"{tls}\"
tls_certificate = \"{}\"
tls_private_key = \"{}\"

[metrics]
address = \"{metrics}\"
",
        launch.dir.join("data").display(),
        launch.certificate.chain.display(),
        launch.certificate.key.display(),
    );
    if let Some(place) = &launch.place {
        let store = &place.engines.store;
        write!(
            text,
            "
[network]
trusted_proxies = [\"127.0.0.1\"]

[database]
url = \"{}\"

[s3]
bucket = \"{}\"
endpoint = \"{}\"
region = \"{}\"
access_key = \"{}\"
secret_key = \"{}\"
",
            place.database_url,
            place.bucket,
            store.endpoint(),
            store.region(),
            store.access_key(),
            store.secret_key(),
        )?;
    }
    fs::write(&config, text)?;
    let mut command = Command::new(launch.roadstead);
    command
        .arg("serve")
        .arg("--config")
        .arg(&config)
        .env("ROADSTEAD_ADMIN_PASSWORD", PASSWORD);
    let credentials = Credentials {
        user: "admin".to_owned(),
        password: PASSWORD.to_owned(),
    };
    Ok(Setup {
        command,
        plain,
        tls,
        credentials: Some(credentials),
    })
}

/// What the binary says of itself.
pub(crate) fn version(binary: &Path) -> Result<String> {
    let output = Command::new(binary)
        .arg("version")
        .output()
        .context("cannot run roadstead")?;
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned())
}
