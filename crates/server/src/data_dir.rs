//! The data directory: made, locked, and opened as what the services are built from.

use crate::blob_store::{self, SET_CLOCKS};
use crate::clocks::{self, Comparison};
use crate::config::Config;
use crate::system::{SystemClock, SystemIds};
use anyhow::{Context as _, bail};
use keys::throttle::{Limit, ThrottleLimits};
use keys::{DeploymentKey, SystemRandom};
use metadata::{MetadataStore, Options};
use model::Clock;
use services::{JobSettings, Parts, Services, Settings};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::num::NonZeroUsize;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The file of the database.
const DATABASE: &str = "roadstead.db";
/// How long one transaction may run.
const TRANSACTION_TIME_LIMIT: Duration = Duration::from_secs(30);
/// How long a checked password is remembered.
const PASSWORD_MEMORY: Duration = Duration::from_mins(1);

/// A data directory that belongs to this process until it is dropped.
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the directory if it is not there, and locks it. `None` when another process has it.
    pub(crate) fn lock(path: &Path) -> anyhow::Result<Option<Self>> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("cannot make the data directory {}", path.display()))?;
        let lock = path.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&lock)
            .with_context(|| format!("cannot open {}", lock.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self {
                path: path.to_owned(),
                _lock: file,
            })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => bail!("cannot lock {}: {error}", lock.display()),
        }
    }

    /// Whether a registry has been started there.
    pub(crate) fn exists(config: &Config) -> bool {
        match config.database.postgres {
            None => config.data_dir.join(DATABASE).exists(),
            Some(_) => config.deployment_key.exists(),
        }
    }

    /// Whether another process has locked it. Makes nothing; the lock is asked for a moment.
    pub(crate) fn is_in_use(path: &Path) -> bool {
        File::open(path.join("lock"))
            .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// The file of the database, unless that is elsewhere.
    pub(crate) fn database(path: &Path) -> PathBuf {
        path.join(DATABASE)
    }

    /// The socket that `roadstead admin` uses while the registry runs.
    pub(crate) fn admin_socket(path: &Path) -> PathBuf {
        path.join("admin.sock")
    }

    /// Opens the database, which is in the directory unless the settings name another one. Makes or upgrades its schema.
    pub(crate) fn open_database(&self, config: &Config) -> anyhow::Result<MetadataStore> {
        if let Some(postgres) = &config.database.postgres {
            return MetadataStore::open_postgres(postgres).context("[database] url");
        }
        MetadataStore::open(&Options {
            path: self.path.join(DATABASE),
            cache_bytes: config.database.cache_bytes,
            transaction_time_limit: TRANSACTION_TIME_LIMIT,
        })
        .with_context(|| format!("cannot open the database in {}", self.path.display()))
    }

    /// Opens what is in the directory, and builds the services on it.
    pub(crate) async fn open(&self, config: &Config) -> anyhow::Result<Arc<Services>> {
        let key = DeploymentKey::load_or_create(&config.deployment_key, &SystemRandom)?;
        let metadata = self.open_database(config)?;
        require_common_time(config, &metadata).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let limits = &config.limits;
        let ids = Arc::new(SystemIds::new(clock.clone()));
        let blobs = blob_store::open(config, &*ids).await?;
        let services = Services::new(Parts {
            metadata,
            blobs,
            key,
            clock,
            ids,
            random: Arc::new(SystemRandom),
            settings: settings(config),
            passwords_at_once: NonZeroUsize::new(limits.password_checks_at_once)
                .unwrap_or_else(half_the_cores),
            throttle: throttle(config),
        })
        .await?;
        Ok(Arc::new(services))
    }
}

/// So that there is always a core for those who do not log in; one, at least.
fn half_the_cores() -> NonZeroUsize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    NonZeroUsize::new(cores / 2).unwrap_or(NonZeroUsize::MIN)
}

/// Refuses to work with a database whose clock is far from ours: leases would end too early, or not at all.
async fn require_common_time(config: &Config, metadata: &MetadataStore) -> anyhow::Result<()> {
    let Some(postgres) = &config.database.postgres else {
        return Ok(());
    };
    let before_ms = clocks::now_ms();
    let there_ms = metadata
        .read(|reader| reader.clock_ms().map_err(anyhow::Error::from))
        .await
        .context("[database] url")?;
    let Some(there_ms) = there_ms else {
        return Ok(());
    };
    let compared = Comparison::new(before_ms, there_ms, clocks::now_ms(), 0);
    let (address, figures) = (&postgres.address, compared.figures());
    if compared.is_too_large() {
        bail!("[database] url {address}: its clock {figures}; {SET_CLOCKS}");
    }
    if compared.is_notable() {
        tracing::warn!("the clock of {address} {figures}; {SET_CLOCKS}");
    }
    Ok(())
}

fn settings(config: &Config) -> Settings {
    let (registry, limits) = (&config.registry, &config.limits);
    Settings {
        issuer: registry.service_name.clone(),
        service: registry.service_name.clone(),
        account_domain: config.accounts.domain.clone(),
        shared_host: registry.external_url.as_deref().map(host_of),
        token_lifetime_ms: millis(registry.token_lifetime),
        refresh_token_lifetime_ms: millis(registry.refresh_token_lifetime),
        session_lifetime_ms: millis(registry.session_lifetime),
        robot_secret_overlap_ms: millis(registry.robot_secret_overlap),
        audit_log_min_days: i64::try_from(registry.audit_log_min_days).unwrap_or(i64::MAX),
        password_memory_ms: millis(PASSWORD_MEMORY),
        upload_lifetime_ms: millis(config.uploads.expire_after),
        open_uploads_per_account: limits.uploads_open_per_account,
        unreferenced_bytes_per_account: limits.unreferenced_bytes_per_account,
        blob_bytes: limits.blob_bytes,
        grace_period_ms: millis(config.garbage_collection.grace_period),
        trash_ms: millis(config.garbage_collection.trash_period),
        condemned_ms: millis(config.garbage_collection.recovery_window),
        scrub_bytes_per_sec: config.scrub.bytes_per_sec,
        scrub_every_ms: millis(config.scrub.every),
        allows_anonymous_pull: registry.anonymous_pull,
        allows_sparse_indexes: registry.allow_sparse_indexes,
        manifest_cache_bytes: limits.manifest_cache_bytes,
        remembered_credentials: limits.remembered_credentials,
        referrers_page_bytes: limits.referrers_page_bytes,
        storage_warnings: config.accounts.storage_warnings,
        closing_grace_ms: millis(config.accounts.closing_grace),
        outbound: config.outbound.clone(),
        nameservers: config.nameservers.clone(),
        http_proof_port: config.http_proof_port,
        // Its certificates were looked at when the settings were read.
        mail: config
            .mail
            .settings(registry.external_url.as_deref())
            .unwrap_or_default(),
        jobs: JobSettings {
            running_per_account: config.jobs.running_per_account,
            keep_ms: millis(config.jobs.keep),
        },
    }
}

/// The host of a URL that has a scheme, in lower case and without its port.
fn host_of(url: &str) -> String {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    host.to_ascii_lowercase()
}

/// The deployment says how many failures within a window; the rest keeps the shape of the defaults.
fn throttle(config: &Config) -> ThrottleLimits {
    let limits = &config.limits;
    let defaults = ThrottleLimits::default();
    let window_ms = millis(limits.failed_logins_window);
    let within = |shape: Limit, failures: usize| {
        let failures = u32::try_from(failures).unwrap_or(u32::MAX).max(1);
        Limit {
            burst: failures,
            refill_every_ms: (window_ms / i64::from(failures)).max(1),
            free_failures: failures / 2,
            longest_pause_ms: shape.longest_pause_ms.min(window_ms),
            ..shape
        }
    };
    ThrottleLimits {
        address: within(defaults.address, limits.failed_logins_per_address),
        name_from_address: within(defaults.name_from_address, limits.failed_logins_per_name),
        checks: Limit::checks_each_second(limits.failed_logins_per_second),
        forget_after_ms: window_ms,
        ..defaults
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
