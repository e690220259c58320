//! From the settings to a [`Config`]: types, permitted ranges, and what must fit together.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use web::access_log::AccessLog;
use web::forwarded::{ForwardedHeader, Forwarding};

use super::database;
use super::listeners::{listener, parse_address, refuse_shared_addresses, require_proxies};
use super::mail;
use super::origin::Problem;
use super::reader::{Reader, Section};
use super::s3;
use super::settings::Settings;
use super::{
    AccountsConfig, Config, GarbageCollectionConfig, JobsConfig, LimitsConfig, ListenerConfig,
    LogConfig, LogFormat, MetricsConfig, NetworkConfig, RegistryConfig, ScrubConfig, StorageConfig,
    TracesConfig, UploadsConfig,
};

pub(super) const KIB: u64 = 1024;
pub(super) const MIB: u64 = 1024 * KIB;
pub(super) const GIB: u64 = 1024 * MIB;
const TIB: u64 = 1024 * GIB;
const PIB: u64 = 1024 * TIB;

pub(super) const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// Reads every setting. The config may be used only if there are no problems.
pub(super) fn read(settings: &Settings) -> (Config, Vec<Problem>) {
    let mut reader = Reader::new(settings);
    let config = read_all(&mut reader, settings.listener_count());
    (config, reader.problems)
}

/// Reads every setting through `reader`, which keeps the problems.
pub(super) fn read_all(reader: &mut Reader<'_>, listener_count: usize) -> Config {
    let data_dir = data_dir(&mut reader.section(""));
    let deployment_key = match reader.section("").text("deployment_key") {
        "" => data_dir.join("deployment.key"),
        file => file.into(),
    };
    let listeners: Vec<Option<ListenerConfig>> = (0..listener_count)
        .map(|index| listener(&mut reader.listener(index)))
        .collect();
    let metrics = metrics(&mut reader.section("metrics"));
    refuse_shared_addresses(reader, &listeners, metrics.address);
    let network = network(&mut reader.section("network"));
    require_proxies(reader, &listeners, &network);
    let registry = registry(&mut reader.section("registry"));
    Config {
        listeners: listeners.into_iter().flatten().collect(),
        metrics,
        limits: limits(&mut reader.section("limits")),
        accounts: accounts(&mut reader.section("accounts")),
        uploads: uploads(&mut reader.section("uploads")),
        garbage_collection: garbage_collection(&mut reader.section("garbage_collection")),
        scrub: scrub(&mut reader.section("scrub")),
        jobs: jobs(&mut reader.section("jobs")),
        database: database::read(&mut reader.section("database")),
        storage: storage(&mut reader.section("storage"), &data_dir),
        s3: s3::read(&mut reader.section("s3")),
        network,
        outbound: outbound::Destinations::new(reader.section("outbound").list("allow", 1000)),
        nameservers: reader.section("outbound").list("nameservers", 10),
        http_proof_port: reader
            .section("outbound")
            .count("http_proof_port", 1..=65_535),
        mail: mail::read(&mut reader.section("mail"), registry.external_url.is_some()),
        registry,
        log: log(&mut reader.section("log")),
        traces: traces(&mut reader.section("traces")),
        admin_password: None,
        deployment_key,
        data_dir,
    }
}

fn data_dir(top: &mut Section<'_, '_>) -> PathBuf {
    let text = top.text("data_dir");
    if text.is_empty() {
        top.refuse("data_dir", "is empty; name a directory");
    }
    PathBuf::from(text)
}

fn metrics(metrics: &mut Section<'_, '_>) -> MetricsConfig {
    MetricsConfig {
        address: metrics.optional("address", parse_address),
    }
}

fn registry(registry: &mut Section<'_, '_>) -> RegistryConfig {
    let service_name = registry.text("service_name");
    let is_plain = service_name
        .chars()
        .all(|c| c.is_ascii_graphic() && c != '"' && c != '\\');
    if !is_plain || !(1..=255).contains(&service_name.len()) {
        registry.refuse(
            "service_name",
            "must be 1 to 255 visible ASCII characters other than space, \" and \\",
        );
    }
    RegistryConfig {
        external_url: registry.optional("external_url", parse_external_url),
        service_name: service_name.to_owned(),
        token_lifetime: registry.seconds("token_lifetime_secs", 60..=DAY),
        session_lifetime: registry.seconds("session_lifetime_secs", 60..=DAY),
        robot_secret_overlap: registry.seconds("robot_secret_overlap_secs", 0..=7 * DAY),
        audit_log_min_days: registry.number("audit_log_min_days", 1..=36_500),
        refresh_token_lifetime: Duration::from_secs(
            DAY * registry.number("refresh_token_lifetime_days", 1..=365),
        ),
        anonymous_pull: registry.flag("anonymous_pull"),
        create_namespace_on_push: registry.flag("create_namespace_on_push"),
        allow_sparse_indexes: registry.flag("allow_sparse_indexes"),
    }
}

fn limits(limits: &mut Section<'_, '_>) -> LimitsConfig {
    LimitsConfig {
        manifest_bytes: limits.count("manifest_bytes", KIB..=16 * MIB),
        blob_bytes: limits.number("blob_bytes", 1..=10 * TIB),
        tags_per_put: limits.count("tags_per_put", 10..=100),
        scopes_per_token: limits.count("scopes_per_token", 1..=100),
        ranges_per_request: limits.count("ranges_per_request", 1..=1000),
        tags_page: limits.count("tags_page", 1..=10_000),
        catalog_page: limits.count("catalog_page", 1..=10_000),
        referrers_page_bytes: limits.count("referrers_page_bytes", 4 * KIB..=4 * MIB),
        uploads_open_per_account: limits.count("uploads_open_per_account", 1..=1_000_000),
        unreferenced_bytes_per_account: limits
            .number("unreferenced_bytes_per_account", MIB..=1024 * TIB),
        transfers_at_once: limits.count("transfers_at_once", 1..=100_000),
        connections: limits.count("connections", 1..=1_000_000),
        streams_per_connection: limits.count("streams_per_connection", 1..=10_000),
        header_bytes: limits.count("header_bytes", 8 * KIB..=MIB),
        header_read_timeout: limits.seconds("header_read_timeout_secs", 1..=600),
        body_idle_timeout: limits.seconds("body_idle_timeout_secs", 1..=HOUR),
        write_stall_timeout: limits.seconds("write_stall_timeout_secs", 1..=HOUR),
        idle_timeout: limits.seconds("idle_timeout_secs", 1..=HOUR),
        free_space_reserve_bytes: limits.number("free_space_reserve_bytes", 0..=PIB),
        manifest_cache_bytes: limits.number("manifest_cache_bytes", 0..=64 * GIB),
        remembered_credentials: limits.count("remembered_credentials", 0..=10_000_000),
        password_checks_at_once: limits.count("password_checks_at_once", 0..=256),
        failed_logins_per_name: limits.count("failed_logins_per_name", 1..=100_000),
        failed_logins_per_address: limits.count("failed_logins_per_address", 1..=100_000),
        failed_logins_per_second: limits.count("failed_logins_per_second", 1..=10_000),
        failed_logins_window: limits.seconds("failed_logins_window_secs", 1..=DAY),
        drain_announce: limits.seconds("drain_announce_secs", 0..=600),
        drain_timeout: limits.seconds("drain_timeout_secs", 0..=HOUR),
    }
}

fn garbage_collection(collection: &mut Section<'_, '_>) -> GarbageCollectionConfig {
    GarbageCollectionConfig {
        grace_period: collection.seconds("grace_period_secs", 1..=365 * DAY),
        trash_period: collection.seconds("trash_period_secs", 0..=365 * DAY),
        recovery_window: collection.seconds("recovery_window_secs", 0..=365 * DAY),
        interval: collection.seconds("interval_secs", 1..=DAY),
    }
}

fn scrub(scrub: &mut Section<'_, '_>) -> ScrubConfig {
    ScrubConfig {
        bytes_per_sec: MIB * scrub.number("mib_per_sec", 0..=100_000),
        every: Duration::from_secs(DAY * scrub.number("every_days", 1..=365)),
    }
}

fn accounts(accounts: &mut Section<'_, '_>) -> AccountsConfig {
    let days = accounts.number("closing_grace_days", 0..=3650);
    AccountsConfig {
        domain: accounts.optional("domain", parse_domain),
        storage_warnings: ["storage_warning_percent", "storage_alarm_percent"]
            .map(|name| accounts.count(name, 0..=100)),
        closing_grace: Duration::from_secs(DAY * days),
    }
}

fn parse_domain(text: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    // Before it stand an account's name and a dot.
    if text.len() <= 189 && text.split('.').all(is_label) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is no domain; write it in lower case, as in \"registry.example.com\""
        ))
    }
}

fn uploads(uploads: &mut Section<'_, '_>) -> UploadsConfig {
    UploadsConfig {
        expire_after: uploads.seconds("expire_after_secs", 1..=30 * DAY),
        sweep_interval: uploads.seconds("sweep_interval_secs", 1..=DAY),
    }
}

fn jobs(jobs: &mut Section<'_, '_>) -> JobsConfig {
    JobsConfig {
        workers: jobs.count("workers", 1..=256),
        running_per_account: jobs.count("running_per_account", 1..=256),
        keep: Duration::from_secs(DAY * jobs.number("keep_days", 1..=365)),
    }
}

fn storage(storage: &mut Section<'_, '_>, data_dir: &Path) -> StorageConfig {
    match storage.text("directory") {
        "" => StorageConfig {
            directory: data_dir.to_owned(),
        },
        directory => StorageConfig {
            directory: directory.into(),
        },
    }
}

fn network(network: &mut Section<'_, '_>) -> NetworkConfig {
    let headers = [
        ("x-forwarded", ForwardedHeader::XForwarded),
        ("forwarded", ForwardedHeader::Forwarded),
    ];
    NetworkConfig {
        forwarding: Forwarding {
            trusted: network.list("trusted_proxies", 1000),
            header: network.choice("forwarded_header", &headers),
        },
    }
}

fn log(log: &mut Section<'_, '_>) -> LogConfig {
    let level = log.text("level");
    if let Err(error) = parse_level(level) {
        log.refuse("level", error);
    }
    LogConfig {
        format: log.choice(
            "format",
            &[("text", LogFormat::Text), ("json", LogFormat::Json)],
        ),
        level: level.to_owned(),
        requests: log.choice(
            "requests",
            &[
                ("none", AccessLog::None),
                ("failures", AccessLog::Failures),
                ("changes", AccessLog::Changes),
                ("all", AccessLog::All),
            ],
        ),
        refuses_colours: false,
    }
}

fn traces(traces: &mut Section<'_, '_>) -> TracesConfig {
    TracesConfig {
        otlp_endpoint: traces.optional("otlp_endpoint", |url| {
            let (_, rest) = split_scheme(url)?;
            if rest.is_empty() || rest.starts_with('/') || rest.contains(char::is_whitespace) {
                return Err(format!(
                    "{url:?} has no host; write it as in \"http://127.0.0.1:4318/v1/traces\""
                ));
            }
            Ok(url.to_owned())
        }),
        sample_ratio: traces.ratio("sample_ratio"),
    }
}

pub(super) fn readable_file(text: &str) -> Result<PathBuf, String> {
    match std::fs::File::open(text).and_then(|file| file.metadata()) {
        Ok(metadata) if metadata.is_file() => Ok(PathBuf::from(text)),
        Ok(_) => Err(format!("{text} is not a file")),
        Err(error) => Err(format!("cannot open {text}: {error}")),
    }
}

pub(super) fn parse_external_url(text: &str) -> Result<String, String> {
    let (scheme, rest) = split_scheme(text)?;
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
    if authority.is_empty() || !authority.chars().all(is_host) {
        return Err(format!(
            "{text:?} is more or less than scheme, host and port; write it as in \
             \"https://registry.example.com\""
        ));
    }
    Ok(format!("{scheme}{authority}"))
}

/// `http://` or `https://`, and what follows it.
fn split_scheme(url: &str) -> Result<(&str, &str), String> {
    ["http://", "https://"]
        .into_iter()
        .find_map(|scheme| Some((scheme, url.strip_prefix(scheme)?)))
        .ok_or_else(|| format!("{url:?} must start with http:// or https://"))
}

fn parse_level(text: &str) -> Result<(), String> {
    let wrong = |why: &str| {
        format!(
            "{text:?} {why}; write \"error\", \"warn\", \"info\", \"debug\" or \"trace\", or rules \
             as in \"info,web=debug\""
        )
    };
    if text.trim().is_empty() {
        return Err(wrong("names no level"));
    }
    for rule in text.split(',') {
        // A lone word that is no level would be taken for the name of a part, and silence all others.
        let is_level = |word: &str| word.parse::<tracing::level_filters::LevelFilter>().is_ok();
        if !rule.contains('=') && !is_level(rule.trim()) {
            return Err(wrong(&format!("has {rule:?}, which is no level")));
        }
    }
    EnvFilter::builder()
        .parse(text)
        .map(drop)
        .map_err(|error| wrong(&format!("is not understood ({error})")))
}
