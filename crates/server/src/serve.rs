//! The wiring of the running registry, top to bottom.

use crate::admin_socket::AdminSocket;
use crate::config::{Config, ListenerConfig as Listen};
use crate::data_dir::DataDir;
use crate::presence::Presence;
use crate::{banner, observed};
use anyhow::{Context as _, bail};
use jobs::{Intervals, Jobs};
use keys::{Random, SystemRandom};
use services::Services;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use web::connection::{ConnectionLimits, Exposure};
use web::exchange::Site;
use web::health::Health;
use web::listener::{DrainPlan, ListenerConfig, ListenerKind, Listeners, Server};
use web::metrics::Metrics;
use web::proxy_protocol::ProxyProtocol;
use web::registry::{ENDPOINTS, Registry, RegistrySettings};
use web::request_id::RequestIds;
use web::tls::Certificates;
use web::traces::AdoptParent;

/// How often certificate files are looked at.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(10);
/// Threads per core for work that blocks (writing blobs, long lists), and the fewest. Each keeps memory
/// of its own, so more of them cost more than they bring.
const BLOCKING_THREADS_PER_CORE: usize = 6;
const FEWEST_BLOCKING_THREADS: usize = 12;

/// Runs the registry until it is told to end.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    raise_open_files();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Each connection to PostgreSQL that is being used holds a thread, or the runtime another in its place: all of them
    // together must leave threads for everything else.
    let postgres = config.database.postgres.as_ref();
    let blocking_threads = (cores * BLOCKING_THREADS_PER_CORE).max(FEWEST_BLOCKING_THREADS)
        + postgres.map_or(0, |postgres| postgres.connections);
    tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(blocking_threads)
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(serve(config))
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    let Some(directory) = DataDir::lock(&config.data_dir)? else {
        bail!(
            "another roadstead runs on {}; stop it, or give this one another --data-dir",
            config.data_dir.display()
        );
    };
    let services = directory.open(config).await?;
    // Before the first password is made: a start that fails here would take it along unseen.
    let (listeners, certificates) = bind(config)?;
    let first_password = banner::begin(&services, config).await?;
    if config.s3.bucket.is_none() {
        // A bucket is looked through by a job: by one replica at a time, and beside the requests.
        services.maintenance.sweep_lost_uploads().await?;
    }

    let addresses = listeners.addresses();
    let metrics = Arc::new(Metrics::new(ENDPOINTS));
    observed::register(&metrics, &services);
    let site = Arc::new(site(config, &services, metrics));
    // Before anyone is served: from then on it ends gracefully.
    let signals = Signals::listen().context("cannot listen for signals")?;
    let server = listeners.serve(&site, connection_limits(config));
    let jobs = Jobs::start(
        &services,
        Intervals {
            upload_sweep: config.uploads.sweep_interval,
            collection: config.garbage_collection.interval,
        },
        config.jobs.workers,
    )
    .await?;
    let admin = AdminSocket::listen(&DataDir::admin_socket(&config.data_dir), services.clone())?;
    for certificates in &certificates {
        tokio::spawn(certificates.clone().watch(CERTIFICATES_EVERY));
    }
    let presence = Presence::begin(services.clone(), &addresses).await;
    banner::print(config, &addresses, first_password.as_ref());

    signals.until_told_to_end(&certificates).await;
    end(server, jobs, admin, config).await;
    presence.end().await;
    Ok(())
}

fn bind(config: &Config) -> anyhow::Result<(Listeners, Vec<Arc<Certificates>>)> {
    let mut all = Vec::new();
    let mut watched = Vec::new();
    let proxies = &config.network.forwarding.trusted;
    for Listen {
        address,
        exposure,
        proxy_protocol,
        tls,
    } in &config.listeners
    {
        let certificates = match tls {
            Some(files) => Some(Certificates::load(&files.certificate, &files.private_key)?),
            None => None,
        };
        watched.extend(certificates.clone());
        let (address, exposure) = (*address, *exposure);
        all.push(ListenerConfig {
            address,
            exposure,
            kind: ListenerKind::Registry,
            certificates,
            proxies: proxy_protocol.then(|| Arc::new(ProxyProtocol::new(proxies.clone()))),
        });
    }
    all.extend(config.metrics.address.map(|address| ListenerConfig {
        address,
        exposure: Exposure::Private,
        kind: ListenerKind::Metrics,
        certificates: None,
        proxies: None,
    }));
    Ok((Listeners::bind(all)?, watched))
}

fn site(config: &Config, services: &Arc<Services>, metrics: Arc<Metrics>) -> Site<Registry> {
    let limits = &config.limits;
    let settings = RegistrySettings {
        external_url: config.registry.external_url.clone(),
        manifest_bytes: limits.manifest_bytes as u64,
        tags_per_put: limits.tags_per_put,
        scopes_per_token: limits.scopes_per_token,
        tags_page: limits.tags_page,
        catalog_page: limits.catalog_page,
        ranges_per_request: limits.ranges_per_request,
        transfers_at_once: limits.transfers_at_once,
    };
    let has_traces = config.traces.otlp_endpoint.is_some();
    let mut prefix = [0; 4];
    SystemRandom.fill(&mut prefix);
    let prefix = u32::from_ne_bytes(prefix);
    let health = Arc::new(Health::new(observed::readiness(services.clone())));
    Site {
        handler: Registry::new(services.clone(), settings, health.clone()),
        metrics,
        health,
        request_ids: RequestIds::new(&format!("{prefix:08x}")),
        forwarding: Arc::new(config.network.forwarding.clone()),
        access_log: config.log.requests,
        adopt_parent: has_traces.then_some(outbound::traces::adopt_parent as AdoptParent),
    }
}

fn connection_limits(config: &Config) -> ConnectionLimits {
    let limits = &config.limits;
    ConnectionLimits {
        max_connections: limits.connections,
        tls_handshake: limits.header_read_timeout,
        header_read: limits.header_read_timeout,
        keep_alive: limits.idle_timeout,
        body_idle: limits.body_idle_timeout,
        write_stall: limits.write_stall_timeout,
        max_header_bytes: limits.header_bytes,
        max_streams: limits.streams_per_connection,
        ..ConnectionLimits::default()
    }
}

/// SIGTERM and SIGINT end the process; SIGHUP makes it read its certificates again.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// From now on these signals no longer end the process by themselves.
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn until_told_to_end(mut self, certificates: &[Arc<Certificates>]) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => {
                    for certificates in certificates {
                        if let Err(error) = certificates.reload() {
                            tracing::error!(%error, "the TLS certificate cannot be used; the old one stays");
                        }
                    }
                }
            }
        }
    }
}

async fn end(server: Server, mut jobs: Jobs, admin: AdminSocket, config: &Config) {
    tracing::info!("ending: finishing what is under way");
    drop(admin);
    let plan = DrainPlan {
        announce: config.limits.drain_announce,
        finish: config.limits.drain_timeout,
    };
    // Side by side: no job is claimed any more while the last requests are answered.
    let (drained, ()) = tokio::join!(server.drain(plan), jobs.drain(plan.announce + plan.finish));
    jobs.stop().await;
    tracing::info!(cut_connections = drained.cut, "ended");
}

/// A connection is an open file, and so is a blob being sent: the usual soft limit of 1,024 is for other programs.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit on open files could not be raised");
    }
}
