//! The servers that are measured: ours, alone or behind HAProxy, Debian's `docker-registry`, and nginx with the same bytes
//! as static files.

mod balanced;
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
use engines::Haproxy;
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};

pub(crate) use certificate::Certificate;
pub(crate) use roadstead::version as roadstead_version;
pub(crate) use store::{Store, in_parallel};

use super::driver::client::Credentials;
use super::driver::{Client, Target};
use super::engines::{Counters, Place};
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
    /// One of ours behind HAProxy.
    Balanced,
    /// Three of ours behind HAProxy, which share a database and a bucket.
    Replicas,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Roadstead => "roadstead",
            Self::Distribution => "docker-registry",
            Self::Nginx => "nginx",
            Self::Disk => "dd",
            Self::Balanced => "haproxy, 1 roadstead",
            Self::Replicas => "haproxy, 3 roadstead",
        }
    }

    fn ready_path(self) -> &'static str {
        match self {
            Self::Roadstead | Self::Balanced | Self::Replicas => "/readyz",
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
    /// A database and a bucket to keep everything in, instead of the directory.
    pub place: Option<Place>,
}

/// A running server.
pub(crate) struct Peer {
    pub kind: Kind,
    pub plain: Target,
    pub tls: Target,
    pub credentials: Option<Credentials>,
    /// From the start of the process to its first good answer.
    pub start_to_ready: Duration,
    parts: Parts,
    place: Option<Place>,
    dir: PathBuf,
}

/// What runs for a peer.
#[derive(Default)]
struct Parts {
    /// Before the processes, because fields are dropped in this order.
    balancer: Option<Haproxy>,
    processes: Vec<Process>,
    /// Where ours say what they counted.
    metrics: Vec<SocketAddr>,
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
        let [plain, tls, metrics] = free_addresses()?;
        let mut parts = Parts::default();
        let mut setup = match kind {
            Kind::Roadstead => {
                parts.metrics.push(metrics);
                roadstead::setup(launch, plain, tls, metrics)?
            }
            Kind::Distribution => distribution::setup(launch, plain)?,
            Kind::Nginx => nginx::setup(launch, plain, tls)?,
            Kind::Disk => bail!("dd isn't a server"),
            Kind::Balanced => return balanced::start(kind, launch, 1),
            Kind::Replicas => return balanced::start(kind, launch, 3),
        };
        let (process, start_to_ready) = start_process(kind, &mut setup, &launch.dir)?;
        parts.processes.push(process);
        Ok(Self::of(kind, setup, launch, parts, start_to_ready))
    }

    fn of(
        kind: Kind,
        setup: Setup,
        launch: &Launch<'_>,
        parts: Parts,
        start_to_ready: Duration,
    ) -> Self {
        Self {
            kind,
            plain: Target::plain(setup.plain),
            tls: Target {
                address: setup.tls,
                tls: Some(Arc::<ClientConfig>::clone(&launch.certificate.client)),
            },
            credentials: setup.credentials,
            start_to_ready,
            parts,
            place: launch.place.clone(),
            dir: launch.dir.clone(),
        }
    }

    /// The registry's processes; a balancer isn't one.
    pub(crate) fn ids(&self) -> Vec<u32> {
        self.parts.processes.iter().map(Process::id).collect()
    }

    /// What ours asks of its engines, if it is on any.
    pub(crate) fn counters(&self) -> Option<Counters> {
        let place = self.place.clone()?;
        let metrics = self.parts.metrics.clone();
        (!metrics.is_empty()).then_some(Counters { place, metrics })
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
        self.parts.balancer = None;
        for process in &mut self.parts.processes {
            process.stop();
        }
    }

    /// Ends it and removes everything it stored.
    pub(crate) fn remove(self) -> Result<()> {
        let dir = self.dir.clone();
        self.stop();
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))
    }
}

/// Starts a server and waits until it answers; also says how long that took.
fn start_process(kind: Kind, setup: &mut Setup, dir: &Path) -> Result<(Process, Duration)> {
    let log = dir.join("log");
    let begin = Instant::now();
    let mut process = Process::start(&mut setup.command, &log)?;
    wait_until_ready(kind, setup.plain, &mut process, begin).with_context(|| {
        let said = fs::read_to_string(&log).unwrap_or_default();
        let start = said.len().saturating_sub(2000);
        format!(
            "{} didn't get ready; it said:\n{}",
            kind.name(),
            said.get(start..).unwrap_or(&said)
        )
    })?;
    Ok((process, begin.elapsed()))
}

/// Free addresses for a server's faces: plain, TLS and metrics.
fn free_addresses() -> Result<[SocketAddr; 3]> {
    // All are held until all are known: the kernel may give a returned one out again.
    let bind = || TcpListener::bind("127.0.0.1:0");
    let held = [bind()?, bind()?, bind()?];
    let [plain, tls, metrics] = held.each_ref().map(TcpListener::local_addr);
    Ok([plain?, tls?, metrics?])
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
