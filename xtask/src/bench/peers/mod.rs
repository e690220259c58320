//! The servers that are measured: ours, Debian's `docker-registry`, and nginx with the same bytes as static files.

mod certificate;
mod distribution;
mod nginx;
mod roadstead;
mod store;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};

pub(crate) use certificate::Certificate;
pub(crate) use roadstead::version as roadstead_version;
pub(crate) use store::{Store, in_parallel};

use super::driver::client::Credentials;
use super::driver::{Client, Target};
use super::process::Process;

const READY_WITHIN: Duration = Duration::from_mins(1);

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Kind {
    Roadstead,
    Distribution,
    Nginx,
    /// `dd` with fsync on the same file system: the limit of a durable push.
    Disk,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Roadstead => "roadstead",
            Self::Distribution => "docker-registry",
            Self::Nginx => "nginx",
            Self::Disk => "dd",
        }
    }

    fn ready_path(self) -> &'static str {
        match self {
            Self::Roadstead => "/readyz",
            Self::Distribution => "/v2/",
            Self::Nginx | Self::Disk => "/",
        }
    }
}

/// What a peer is started with.
pub(crate) struct Launch<'a> {
    /// The directory that holds everything of it.
    pub dir: PathBuf,
    pub roadstead: &'a Path,
    pub certificate: &'a Certificate,
}

/// A running server.
pub(crate) struct Peer {
    pub kind: Kind,
    pub plain: Target,
    pub tls: Target,
    pub credentials: Option<Credentials>,
    /// From the start of the process to its first good answer.
    pub start_to_ready: Duration,
    process: Process,
    dir: PathBuf,
}

/// How to start one kind.
struct Setup {
    command: Command,
    plain: SocketAddr,
    tls: SocketAddr,
    credentials: Option<Credentials>,
}

impl Peer {
    /// Starts it on free ports of 127.0.0.1, on the store in the directory or a new one, and waits until it answers.
    pub(crate) fn start(kind: Kind, launch: &Launch<'_>) -> Result<Self> {
        fs::create_dir_all(&launch.dir)?;
        let (plain, tls) = free_addresses()?;
        let mut setup = match kind {
            Kind::Roadstead => roadstead::setup(launch, plain, tls)?,
            Kind::Distribution => distribution::setup(launch, plain)?,
            Kind::Nginx => nginx::setup(launch, plain, tls)?,
            Kind::Disk => bail!("dd isn't a server"),
        };
        let log = launch.dir.join("log");
        let begin = Instant::now();
        let mut process = Process::start(&mut setup.command, &log)?;
        wait_until_ready(kind, plain, &mut process, begin).with_context(|| {
            let said = fs::read_to_string(&log).unwrap_or_default();
            let start = said.len().saturating_sub(2000);
            format!(
                "{} didn't get ready; it said:\n{}",
                kind.name(),
                said.get(start..).unwrap_or(&said)
            )
        })?;
        Ok(Self {
            kind,
            plain: Target::plain(setup.plain),
            tls: Target {
                address: setup.tls,
                tls: Some(Arc::<ClientConfig>::clone(&launch.certificate.client)),
            },
            credentials: setup.credentials,
            start_to_ready: begin.elapsed(),
            process,
            dir: launch.dir.clone(),
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn client(&self) -> Result<Client> {
        Client::open(&self.plain, self.credentials.as_ref())
    }

    /// Where set-up puts blobs and manifests.
    pub(crate) fn store(&self) -> Result<Store> {
        match self.kind {
            Kind::Nginx => Ok(Store::Files(self.dir.join(nginx::FILES))),
            _ => Ok(Store::Registry(Box::new(self.client()?))),
        }
    }

    /// Ends it and keeps its files.
    pub(crate) fn stop(mut self) {
        self.process.stop();
    }

    /// Ends it and removes everything it stored.
    pub(crate) fn remove(self) -> Result<()> {
        let dir = self.dir.clone();
        self.stop();
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))
    }
}

/// Two free addresses.
fn free_addresses() -> Result<(SocketAddr, SocketAddr)> {
    // Both are held until both are known: the kernel may give a returned one out again.
    let held = (
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
    );
    Ok((held.0.local_addr()?, held.1.local_addr()?))
}

fn wait_until_ready(
    kind: Kind,
    address: SocketAddr,
    process: &mut Process,
    begin: Instant,
) -> Result<()> {
    loop {
        if answers(kind, address).unwrap_or(false) {
            return Ok(());
        }
        if process.ended() {
            bail!("it ended");
        }
        if begin.elapsed() > READY_WITHIN {
            bail!("no answer within {READY_WITHIN:?}");
        }
        std::thread::sleep(Duration::from_micros(500));
    }
}

fn answers(kind: Kind, address: SocketAddr) -> Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        kind.ready_path()
    )?;
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    Ok(start.ends_with(b"200") || kind == Kind::Nginx)
}
