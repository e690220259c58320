//! The sockets: bound together, served together, drained together.

mod lifecycle;

use crate::connection::{self, ConnectionLimits, Exposure};
use crate::exchange::{Handler, Site};
use crate::health::Health;
use crate::metrics::Metrics;
use crate::proxy_protocol::ProxyProtocol;
use crate::tls::{Acceptor, Certificates};
use rustix::io::Errno;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub(crate) use lifecycle::{Lifecycle, Phase};

/// Connections the kernel keeps for us before we accept them.
const BACKLOG: u32 = 4096;

/// Connections of the metrics listeners: few, and apart, so that a full house can still be looked at.
const METRICS_CONNECTIONS: u32 = 64;

const SHORTEST_BACK_OFF: Duration = Duration::from_millis(20);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(1);

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerKind {
    /// The registry.
    Registry,
    /// `/metrics`, which is nowhere else.
    Metrics,
}

/// One listener.
#[derive(Clone)]
pub struct ListenerConfig {
    /// Where; port 0 lets the system choose one.
    pub address: SocketAddr,
    /// Who may reach it.
    pub exposure: Exposure,
    /// What it serves.
    pub kind: ListenerKind,
    /// The certificate; `None`: plain HTTP.
    pub certificates: Option<Arc<Certificates>>,
    /// The proxies that have to name the client by the PROXY protocol; `None`: it is not spoken.
    pub proxies: Option<Arc<ProxyProtocol>>,
}

/// Plain HTTP was asked for where others can listen in.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "listening on {address} without TLS would let passwords and images be read and changed on the way; \
     give it a certificate, listen on 127.0.0.1, or allow plain HTTP explicitly if a proxy in front does TLS"
)]
pub struct PlainHttpRefused {
    address: SocketAddr,
}

/// Whether plain HTTP may be served at a listener's address: on loopback always, elsewhere only if
/// `allows_plain_http` says so.
pub fn check_plain_http(
    config: &ListenerConfig,
    allows_plain_http: bool,
) -> Result<(), PlainHttpRefused> {
    let is_loopback = config.address.ip().to_canonical().is_loopback();
    if config.certificates.is_some() || is_loopback || allows_plain_http {
        Ok(())
    } else {
        Err(PlainHttpRefused {
            address: config.address,
        })
    }
}

/// A listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The socket.
    #[error("cannot listen on {address}{}", hint(.source))]
    Socket {
        /// The address asked for.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The TLS settings.
    #[error("cannot serve TLS on {address}")]
    Tls {
        /// The address asked for.
        address: SocketAddr,
        /// Why not.
        source: rustls::Error,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another program listens there: stop it or choose another port"
        }
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need a privilege: choose a higher one"
        }
        io::ErrorKind::AddrNotAvailable => "; this machine does not have that address",
        _ => "",
    }
}

struct Bound {
    socket: TcpListener,
    address: SocketAddr,
    config: ListenerConfig,
    tls: Option<Acceptor>,
}

/// Listeners that are bound: clients can connect, and wait until [`serve`](Self::serve).
pub struct Listeners {
    bound: Vec<Bound>,
}

impl Listeners {
    /// Binds all of them, or none. Needs a tokio runtime around it.
    pub fn bind(configs: Vec<ListenerConfig>) -> Result<Self, BindError> {
        let bound = configs.into_iter().map(bind).collect::<Result<_, _>>()?;
        Ok(Self { bound })
    }

    /// The addresses in the order of the configuration, with the ports that were chosen.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.bound.iter().map(|bound| bound.address).collect()
    }

    /// Starts to serve. The server stops when it is drained or dropped.
    pub fn serve<H: Handler>(self, site: &Arc<Site<H>>, limits: ConnectionLimits) -> Server {
        let mut server = Server {
            lifecycle: Arc::new(Lifecycle::default()),
            health: Arc::clone(&site.health),
            permits: Arc::new(Semaphore::new(limits.max_connections as usize)),
            metrics_permits: Arc::new(Semaphore::new(METRICS_CONNECTIONS as usize)),
            max_connections: limits.max_connections,
            accepting: JoinSet::new(),
        };
        let limits = Arc::new(limits);
        for bound in self.bound {
            let permits = match bound.config.kind {
                ListenerKind::Registry => &server.permits,
                ListenerKind::Metrics => &server.metrics_permits,
            };
            server.accepting.spawn(accept(
                bound,
                Arc::clone(site),
                Arc::clone(&limits),
                Arc::clone(&server.lifecycle),
                Arc::clone(permits),
            ));
        }
        server
    }
}

fn bind(config: ListenerConfig) -> Result<Bound, BindError> {
    let address = config.address;
    let open = || {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        // A restart must not wait for the old connections' TIME_WAIT.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let socket = socket.listen(BACKLOG)?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    };
    let (socket, bound_address) = open().map_err(|source| BindError::Socket { address, source })?;
    let tls = match &config.certificates {
        None => None,
        Some(certificates) => {
            let settings = certificates
                .server_config()
                .map_err(|source| BindError::Tls { address, source })?;
            Some(Acceptor::new(settings))
        }
    };
    Ok(Bound {
        socket,
        address: bound_address,
        config,
        tls,
    })
}

/// How to stop.
#[derive(Clone, Copy, Debug)]
pub struct DrainPlan {
    /// How long `/readyz` says "draining" while requests are still taken: for load balancers to notice.
    pub announce: Duration,
    /// How long requests under way may take to finish.
    pub finish: Duration,
}

/// How stopping went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because the time was up.
    pub cut: usize,
}

/// A running server.
pub struct Server {
    lifecycle: Arc<Lifecycle>,
    health: Arc<Health>,
    permits: Arc<Semaphore>,
    metrics_permits: Arc<Semaphore>,
    max_connections: u32,
    accepting: JoinSet<()>,
}

impl Server {
    /// Stops: says so, closes the listeners, finishes what is under way, cuts the rest.
    pub async fn drain(mut self, plan: DrainPlan) -> Drained {
        self.health.start_draining();
        sleep(plan.announce).await;
        self.lifecycle.enter(Phase::Draining);
        while self.accepting.join_next().await.is_some() {}
        let finished = timeout(plan.finish, self.all_closed()).await;
        if finished.is_ok() {
            return Drained { cut: 0 };
        }
        let cut = self.open_connections();
        self.lifecycle.enter(Phase::Ended);
        // Each connection's task only has to be polled once more.
        let _ = timeout(Duration::from_secs(5), self.all_closed()).await;
        Drained { cut }
    }

    /// Connections that are open, once no listener waits for its next.
    fn open_connections(&self) -> usize {
        let left = self.permits.available_permits() + self.metrics_permits.available_permits();
        (self.max_connections + METRICS_CONNECTIONS) as usize - left
    }

    /// Every connection holds a permit: when all permits are back, all are closed.
    async fn all_closed(&self) {
        let _ = self.permits.acquire_many(self.max_connections).await;
        let _ = self.metrics_permits.acquire_many(METRICS_CONNECTIONS).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.lifecycle.enter(Phase::Ended);
    }
}

async fn accept<H: Handler>(
    bound: Bound,
    site: Arc<Site<H>>,
    limits: Arc<ConnectionLimits>,
    lifecycle: Arc<Lifecycle>,
    permits: Arc<Semaphore>,
) {
    let mut back_off = SHORTEST_BACK_OFF;
    let mut draining = pin!(lifecycle.reaches(Phase::Draining));
    loop {
        let next = async {
            let accepted = bound.socket.accept().await;
            (Arc::clone(&permits).acquire_owned().await, accepted)
        };
        let (permit, accepted) = tokio::select! {
            biased;
            () = &mut draining => return,
            next = next => next,
        };
        match accepted {
            Ok((stream, peer)) => {
                back_off = SHORTEST_BACK_OFF;
                let Some(incoming) = incoming(stream, peer, &bound) else {
                    continue;
                };
                let serving = connection::serve(
                    incoming,
                    Arc::clone(&site),
                    Arc::clone(&limits),
                    Arc::clone(&lifecycle),
                );
                tokio::spawn(async move {
                    serving.await;
                    drop(permit);
                });
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                report(&error, bound.address, &site.metrics);
                drop(permit);
                sleep(back_off).await;
                back_off = (back_off * 2).min(LONGEST_BACK_OFF);
            }
        }
    }
}

fn incoming(stream: TcpStream, peer: SocketAddr, bound: &Bound) -> Option<connection::Incoming> {
    // A socket that fails here is already dead.
    stream.set_nodelay(true).ok()?;
    let local = stream.local_addr().ok()?;
    Some(connection::Incoming {
        stream,
        peer,
        local,
        exposure: bound.config.exposure,
        kind: bound.config.kind,
        tls: bound.tls.clone(),
        proxies: bound.config.proxies.clone(),
    })
}

/// The client gave up while it waited: nothing is wrong here.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

fn report(error: &io::Error, address: SocketAddr, metrics: &Metrics) {
    metrics.accept_failed();
    let is_full = error
        .raw_os_error()
        .is_some_and(|code| [Errno::MFILE, Errno::NFILE].contains(&Errno::from_raw_os_error(code)));
    let advice = if is_full {
        "raise the limit of open files, or lower the limit of connections"
    } else {
        "trying again"
    };
    tracing::warn!(%address, %error, advice, "a connection could not be accepted");
}

#[cfg(test)]
mod tests;
