//! Several registries over one database and one store, and a load balancer before them.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use engines::Haproxy;
use rustix::process::Signal;
use tokio::process::Command;
use tokio::time::Instant;

use super::kept::{Kept, services_dir, within};
use super::production::Production;
use crate::process::{self, Lines};
use crate::workspace;

/// Where clients come.
const BALANCER_PORT: u16 = 5103;
const FIRST_PORT: u16 = 5130;
/// Most that are ever stopped; ports beyond are someone else's.
const MOST: u16 = 16;
const PATIENCE: Duration = Duration::from_mins(1);
const TIME_TO_BUILD: Duration = Duration::from_mins(30);
const KEY_BYTES: usize = 32;

fn balancer() -> Kept {
    Kept::new("haproxy", Signal::TERM)
}

fn replica(number: u16) -> Kept {
    Kept::new(format!("replica-{number}"), Signal::TERM)
}

/// The balancer and all replicas, whether they run or not.
pub(super) fn all() -> Vec<Kept> {
    std::iter::once(balancer())
        .chain((0..MOST).map(replica))
        .collect()
}

/// Builds the registry, starts `count` of it and the balancer, and says how to push.
pub(super) async fn start(production: &Production, count: usize) -> anyhow::Result<()> {
    for service in all() {
        // An earlier build, or another number of them.
        service.stop().await?;
    }
    println!("building the registry (release) ...");
    let deadline = Instant::now() + TIME_TO_BUILD;
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--release", "--package", "server"]);
    if !process::run(&mut cargo, deadline, Lines::Through).await? {
        bail!("the build failed");
    }
    let secrets = services_dir().join("roadstead");
    std::fs::create_dir_all(&secrets)?;
    let password = format!("Rs1-{}", engines::kept_secret(&secrets.join("secret"))?);
    let mut addresses = Vec::new();
    for number in (0..MOST).take(count) {
        addresses.push(start_replica(production, number, &secrets, &password).await?);
        println!("replica {number}: {}", addresses[addresses.len() - 1]);
    }
    let haproxy = tokio::task::spawn_blocking(move || {
        let haproxy = Haproxy::builder()
            .directory(&balancer().dir())
            .port(BALANCER_PORT)
            .outliving_us()
            .start(&addresses)?;
        balancer().note(haproxy.pid())?;
        haproxy.wait_until_all_are_up()?;
        anyhow::Ok(haproxy)
    });
    let address = haproxy.await??.address();
    println!(
        "HAProxy: {address}

Push and pull through it, whichever replica answers:

    podman login --tls-verify=false -u admin -p {password} {address}
    podman push --tls-verify=false debian:12 {address}/library/debian:12
    podman pull --tls-verify=false {address}/library/debian:12

`cargo xtask services stop` ends everything; the data stays in target/services."
    );
    Ok(())
}

async fn start_replica(
    production: &Production,
    number: u16,
    secrets: &Path,
    password: &str,
) -> anyhow::Result<SocketAddr> {
    let kept = replica(number);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST_PORT + number));
    if TcpStream::connect(address).is_ok() {
        bail!("{address} is taken by another program; replica {number} needs it");
    }
    let data = kept.dir().join("data");
    std::fs::create_dir_all(&data)?;
    share_key(
        &secrets.join("deployment.key"),
        &data.join("deployment.key"),
    )?;
    let log = kept.dir().join("log");
    let output = File::create(&log)?;
    let mut child = Command::new(workspace::root().join("target/release/roadstead"))
        .arg("serve")
        .arg("--data-dir")
        .arg(&data)
        .args(["--listen", &address.to_string()])
        .env("ROADSTEAD_METRICS__ADDRESS", "")
        .env("ROADSTEAD_NETWORK__TRUSTED_PROXIES", r#"["127.0.0.1"]"#)
        .env("ROADSTEAD_ADMIN_PASSWORD", password)
        .envs(production.environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        // Outlives this command, and an interrupt from the keyboard meant for something else.
        .process_group(0)
        .spawn()
        .context("cannot start the registry")?;
    kept.note(child.id().context("it ended at once")?)?;
    let mut has_ended = false;
    let is_settled = || {
        has_ended = !matches!(child.try_wait(), Ok(None));
        has_ended || TcpStream::connect(address).is_ok()
    };
    if !within(PATIENCE, is_settled).await || has_ended {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        bail!(
            "replica {number} does not start; {} says:\n{text}",
            log.display()
        );
    }
    Ok(address)
}

/// Every replica needs the one key of the deployment.
fn share_key(shared: &Path, of_replica: &Path) -> anyhow::Result<()> {
    if !shared.exists() {
        let mut key = [0; KEY_BYTES];
        std::io::Read::read_exact(&mut File::open("/dev/urandom")?, &mut key)?;
        let mut options = File::options();
        let mut file = options
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(shared)?;
        std::io::Write::write_all(&mut file, &key)?;
    }
    // With its mode, which the registry looks at.
    std::fs::copy(shared, of_replica)?;
    Ok(())
}
