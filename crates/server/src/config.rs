//! The settings: the only reader of the settings file and of the environment. A [`Config`] that exists is valid.
//!
//! `config.default.toml` says which settings there are, what they mean and what they are if nobody says otherwise. To add
//! one: a line with a comment there, a field here, and its check in `typed.rs`; a test fails until all three are there.

mod database;
mod environment;
mod file;
mod listeners;
mod mail;
mod origin;
mod reader;
mod s3;
mod schema;
mod secret;
mod settings;
mod spelling;
#[cfg(test)]
mod tests;
mod typed;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mail::MailConfig;
pub(crate) use s3::{S3Config, S3CredentialsFrom, S3EncryptionBy, parse_bucket, parse_prefix};
pub(crate) use schema::DEFAULTS;
pub(crate) use secret::Secret;
pub(crate) use settings::Settings;

use web::access_log::AccessLog;
use web::connection::Exposure;
use web::forwarded::Forwarding;

use environment::Environment;
use origin::{Origin, Problem, Problems};

/// What the command line says about settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    /// `--config`.
    pub(crate) config_file: Option<PathBuf>,
    /// `--data-dir`.
    pub(crate) data_dir: Option<PathBuf>,
    /// `--listen`, in the order given: the n-th replaces the address of the n-th listener, and there are as many
    /// listeners as flags. Empty: the listeners stay as configured.
    pub(crate) listen: Vec<SocketAddr>,
}

/// The settings twice: typed, and as text with their origins.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) settings: Settings,
}

/// Loads the settings of this process: defaults, file, environment, flags. The error lists all problems.
pub(crate) fn load(flags: &Flags) -> anyhow::Result<Loaded> {
    load_from(flags, &Environment::of_this_process()).map_err(|problems| {
        anyhow::anyhow!(
            "the settings cannot be used:
{problems}"
        )
    })
}

/// Loads one file of settings over the defaults, whatever the environment sets: how another store than ours is reached. The
/// error lists all problems.
pub(crate) fn load_file(path: &Path) -> anyhow::Result<Config> {
    let flags = Flags {
        config_file: Some(path.to_owned()),
        ..Flags::default()
    };
    let environment = Environment::of_this_process().without_settings();
    let loaded = load_from(&flags, &environment);
    let loaded = loaded.map_err(|problems| {
        let shown = path.display();
        anyhow::anyhow!("the settings in {shown} cannot be used:\n{problems}")
    })?;
    Ok(loaded.config)
}

fn load_from(flags: &Flags, environment: &Environment) -> Result<Loaded, Problems> {
    let mut settings = Settings::defaults();
    let mut problems = Vec::new();
    let file = match (&flags.config_file, &environment.config_file) {
        (Some(path), _) => Some((path, Origin::Flag("--config"))),
        (None, Some(path)) => Some((path, Environment::config_file_origin())),
        (None, None) => None,
    };
    if let Some((path, named_by)) = file {
        problems.extend(file::overlay(&mut settings, path, &named_by));
    }
    problems.extend(environment.overlay(&mut settings));
    problems.extend(overlay_flags(&mut settings, flags));
    let (mut config, wrong_values) = typed::read(&settings);
    problems.extend(wrong_values);
    match environment.admin_password() {
        Ok(password) => config.admin_password = password,
        Err(problem) => problems.push(problem),
    }
    config.log.refuses_colours = environment.refuses_colours;
    config.s3.identity.clone_from(&environment.identity);
    if problems.is_empty() {
        Ok(Loaded { config, settings })
    } else {
        Err(Problems::new(problems))
    }
}

fn overlay_flags(settings: &mut Settings, flags: &Flags) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(data_dir) = &flags.data_dir {
        let origin = Origin::Flag("--data-dir");
        let key = schema::find("", "data_dir")
            .expect("data_dir is a setting")
            .key;
        match data_dir.to_str() {
            Some(path) => problems.extend(settings.set(key, path.into(), origin).err()),
            None => problems.push(Problem::with_value(&origin, key, "is not valid UTF-8")),
        }
    }
    if !flags.listen.is_empty() {
        settings.truncate_listeners(flags.listen.len());
    }
    let address = schema::find(schema::LISTENERS, "address")
        .expect("listeners have addresses")
        .key;
    for (index, listen) in flags.listen.iter().enumerate() {
        let origin = Origin::Flag("--listen");
        if index == settings.listener_count() {
            settings.add_listener(&origin);
        }
        let key = schema::Key { index, ..address };
        problems.extend(settings.set(key, listen.to_string().into(), origin).err());
    }
    problems
}

/// All settings, valid and typed. The comments in `config.default.toml` say what each does; here stand only the types
/// and what a type cannot say.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    /// The file of the deployment's key.
    pub(crate) deployment_key: PathBuf,
    /// At least one, all on different addresses.
    pub(crate) listeners: Vec<ListenerConfig>,
    pub(crate) metrics: MetricsConfig,
    pub(crate) registry: RegistryConfig,
    pub(crate) limits: LimitsConfig,
    pub(crate) accounts: AccountsConfig,
    pub(crate) uploads: UploadsConfig,
    pub(crate) garbage_collection: GarbageCollectionConfig,
    pub(crate) scrub: ScrubConfig,
    pub(crate) jobs: JobsConfig,
    pub(crate) database: DatabaseConfig,
    pub(crate) storage: StorageConfig,
    pub(crate) s3: S3Config,
    pub(crate) network: NetworkConfig,
    /// `[outbound]`: what is listed beside the public Internet.
    pub(crate) outbound: outbound::Destinations,
    /// Who is asked what names stand for; the system's servers when there are none.
    pub(crate) nameservers: Vec<outbound::Nameserver>,
    /// The port at which host names are proved by plain HTTP.
    pub(crate) http_proof_port: u16,
    pub(crate) mail: MailConfig,
    pub(crate) log: LogConfig,
    pub(crate) traces: TracesConfig,
    /// From `ROADSTEAD_ADMIN_PASSWORD`; used when the first user is made, at the first start, and never again.
    pub(crate) admin_password: Option<Secret>,
}

/// `[[listeners]]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ListenerConfig {
    pub(crate) address: SocketAddr,
    pub(crate) exposure: Exposure,
    /// Whether connections begin with a header of the PROXY protocol; then there are trusted proxies.
    pub(crate) proxy_protocol: bool,
    /// `None`: plain HTTP, which is loopback or was allowed.
    pub(crate) tls: Option<TlsFiles>,
}

/// PEM files that could be opened when the settings were read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) private_key: PathBuf,
}

/// `[metrics]`
#[derive(Clone, Debug)]
pub(crate) struct MetricsConfig {
    /// `None`: no metrics are served.
    pub(crate) address: Option<SocketAddr>,
}

/// `[registry]`
#[derive(Clone, Debug)]
pub(crate) struct RegistryConfig {
    /// `http://` or `https://`, host and maybe port; no slash at the end. `None`: from the request.
    pub(crate) external_url: Option<String>,
    pub(crate) service_name: String,
    pub(crate) token_lifetime: Duration,
    pub(crate) refresh_token_lifetime: Duration,
    pub(crate) session_lifetime: Duration,
    pub(crate) robot_secret_overlap: Duration,
    pub(crate) audit_log_min_days: u64,
    pub(crate) anonymous_pull: bool,
    pub(crate) create_namespace_on_push: bool,
    pub(crate) allow_sparse_indexes: bool,
}

/// `[limits]`
#[derive(Clone, Debug)]
pub(crate) struct LimitsConfig {
    pub(crate) manifest_bytes: usize,
    pub(crate) blob_bytes: u64,
    pub(crate) tags_per_put: usize,
    pub(crate) scopes_per_token: usize,
    pub(crate) ranges_per_request: usize,
    pub(crate) tags_page: usize,
    pub(crate) catalog_page: usize,
    pub(crate) referrers_page_bytes: usize,
    pub(crate) uploads_open_per_account: u32,
    pub(crate) unreferenced_bytes_per_account: u64,
    pub(crate) transfers_at_once: usize,
    pub(crate) connections: u32,
    pub(crate) streams_per_connection: u32,
    pub(crate) header_bytes: u32,
    pub(crate) header_read_timeout: Duration,
    pub(crate) body_idle_timeout: Duration,
    pub(crate) write_stall_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) free_space_reserve_bytes: u64,
    pub(crate) manifest_cache_bytes: u64,
    pub(crate) remembered_credentials: usize,
    pub(crate) password_checks_at_once: usize,
    pub(crate) failed_logins_per_name: usize,
    pub(crate) failed_logins_per_address: usize,
    pub(crate) failed_logins_per_second: u32,
    pub(crate) failed_logins_window: Duration,
    pub(crate) drain_announce: Duration,
    pub(crate) drain_timeout: Duration,
}

/// `[accounts]`
#[derive(Clone, Debug)]
pub(crate) struct AccountsConfig {
    /// Below which accounts are reached under their names; lower case.
    pub(crate) domain: Option<String>,
    /// Percent; 0 for none.
    pub(crate) storage_warnings: [u8; 2],
    pub(crate) closing_grace: Duration,
}

/// `[uploads]`
#[derive(Clone, Debug)]
pub(crate) struct UploadsConfig {
    pub(crate) expire_after: Duration,
    pub(crate) sweep_interval: Duration,
}

/// `[garbage_collection]`
#[derive(Clone, Debug)]
pub(crate) struct GarbageCollectionConfig {
    pub(crate) grace_period: Duration,
    pub(crate) trash_period: Duration,
    pub(crate) recovery_window: Duration,
    pub(crate) interval: Duration,
}

/// `[scrub]`
#[derive(Clone, Debug)]
pub(crate) struct ScrubConfig {
    /// 0: not at all.
    pub(crate) bytes_per_sec: u64,
    pub(crate) every: Duration,
}

/// `[jobs]`
#[derive(Clone, Debug)]
pub(crate) struct JobsConfig {
    pub(crate) workers: usize,
    pub(crate) running_per_account: u32,
    pub(crate) keep: Duration,
}

/// `[database]`
#[derive(Clone, Debug)]
pub(crate) struct DatabaseConfig {
    /// Of each connection of SQLite.
    pub(crate) cache_bytes: u64,
    /// `None`: SQLite in the data directory.
    pub(crate) postgres: Option<metadata::PostgresOptions>,
}

/// `[storage]`
#[derive(Clone, Debug)]
pub(crate) struct StorageConfig {
    /// The data directory unless the setting says otherwise.
    pub(crate) directory: PathBuf,
}

/// `[network]`
#[derive(Clone, Debug)]
pub(crate) struct NetworkConfig {
    pub(crate) forwarding: Forwarding,
}

/// `[log]`
#[derive(Clone, Debug)]
pub(crate) struct LogConfig {
    pub(crate) format: LogFormat,
    /// Directives that `tracing_subscriber::EnvFilter` understands.
    pub(crate) level: String,
    pub(crate) requests: AccessLog,
    /// From `NO_COLOR`: no colours, even on a terminal.
    pub(crate) refuses_colours: bool,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// `[traces]`
#[derive(Clone, Debug)]
pub(crate) struct TracesConfig {
    /// An `http://` or `https://` URL. `None`: no traces are sent.
    pub(crate) otlp_endpoint: Option<String>,
    /// 0.0 to 1.0.
    pub(crate) sample_ratio: f64,
}
