//! Where the database is: a URL, with the password apart, and TLS that is checked in full.

use percent_encoding::percent_decode_str;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What a URL looks like, for whoever wrote another.
const EXAMPLE: &str = "postgres://roadstead@db.example.com:5432/roadstead";
/// Where systems keep the authorities they trust.
const SYSTEM_AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Where a PostgreSQL database is and how to log in. Shows no password.
#[derive(Clone)]
pub struct PostgresAddress {
    pub(crate) config: Config,
    /// `None`: the bytes never leave this machine.
    pub(crate) tls: Option<MakeRustlsConnect>,
    shown: String,
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// `postgres://user@host:port/database`, without a password.
impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl PostgresAddress {
    /// Understands a `postgres://` URL. `password` counts more than one in the URL. Without `sslmode`, TLS is checked in
    /// full (`verify-full`) unless the server is on this machine; nothing weaker is accepted. `sslrootcert` names the
    /// authority to trust; without it, those that the system trusts.
    ///
    /// # Errors
    /// A sentence that says what to write instead; it shows no password.
    pub fn parse(url: &str, password: Option<&str>) -> Result<Self, String> {
        let is_url = url.starts_with("postgres://") || url.starts_with("postgresql://");
        if !is_url {
            return Err(format!(
                "does not begin with postgres://; write it as in {EXAMPLE:?}"
            ));
        }
        let Parts {
            rest,
            ssl_mode,
            authority,
        } = Parts::of(url)?;
        let mut config: Config = rest
            .parse()
            .map_err(|error| format!("is not understood: {}", reason(&error)))?;
        require_parts(&config)?;
        if let Some(password) = password {
            config.password(password);
        }
        if config.get_application_name().is_none() {
            config.application_name("roadstead");
        }
        let is_local = is_on_this_machine(&config);
        let wants_tls = match ssl_mode.as_deref() {
            None => !is_local,
            Some("verify-full") => true,
            Some("disable") if is_local => false,
            Some("disable") => {
                return Err(
                    "sslmode=disable would send everything readable over the network; write sslmode=verify-full, \
                     with sslrootcert=FILE if the server's certificate is signed by an authority of your own"
                        .to_owned(),
                );
            }
            Some(other) => {
                return Err(format!(
                    "sslmode={other} does not prove who the server is; write sslmode=verify-full, with \
                     sslrootcert=FILE if its certificate is signed by an authority of your own"
                ));
            }
        };
        let tls = if wants_tls {
            config.ssl_mode(SslMode::Require);
            Some(connector(authority.as_deref())?)
        } else {
            config.ssl_mode(SslMode::Disable);
            None
        };
        let shown = shown(&config);
        Ok(Self { config, tls, shown })
    }

    /// The URL without its password, for whoever prints settings.
    pub fn hide_password(url: &str) -> String {
        let Some((scheme, rest)) = url.split_once("://") else {
            return if url.is_empty() {
                String::new()
            } else {
                "(hidden)".to_owned()
            };
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let place = match path.rsplit_once('@') {
            Some((who, place)) => {
                let user = who.split_once(':').map_or(who, |(user, _)| user);
                format!("{user}@{place}")
            }
            None => path.to_owned(),
        };
        let kept: Vec<&str> = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("password="))
            .collect();
        let mark = if kept.is_empty() { "" } else { "?" };
        format!("{scheme}://{place}{mark}{}", kept.join("&"))
    }
}

/// A URL, and what of it the driver does not understand.
struct Parts {
    rest: String,
    ssl_mode: Option<String>,
    authority: Option<String>,
}

impl Parts {
    fn of(url: &str) -> Result<Self, String> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut ssl_mode, mut authority, mut kept) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = || {
                let decoded = percent_decode_str(value).decode_utf8();
                decoded
                    .map(std::borrow::Cow::into_owned)
                    .map_err(|_| format!("{name} is not UTF-8"))
            };
            match name {
                "sslmode" => ssl_mode = Some(value()?),
                "sslrootcert" => authority = Some(value()?),
                _ => kept.push(pair),
            }
        }
        let mark = if kept.is_empty() { "" } else { "?" };
        Ok(Self {
            rest: format!("{path}{mark}{}", kept.join("&")),
            ssl_mode,
            authority,
        })
    }
}

fn require_parts(config: &Config) -> Result<(), String> {
    let missing = if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        "host"
    } else if config.get_user().is_none_or(str::is_empty) {
        "user"
    } else if config.get_dbname().is_none_or(str::is_empty) {
        "database"
    } else {
        return Ok(());
    };
    Err(format!("names no {missing}; write it as in {EXAMPLE:?}"))
}

/// Whether every address stands for this machine, so that nobody else could listen.
fn is_on_this_machine(config: &Config) -> bool {
    let host = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .trim_matches(['[', ']'])
                    .parse::<IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
    };
    let mut addresses = config.get_hostaddrs().iter();
    config.get_hosts().iter().all(host) && addresses.all(IpAddr::is_loopback)
}

fn shown(config: &Config) -> String {
    let ports = config.get_ports();
    let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
    let hosts = config.get_hosts().iter().enumerate();
    let hosts: Vec<String> = hosts
        .map(|(at, host)| match host {
            Host::Tcp(name) => format!("{name}:{}", port(at)),
            Host::Unix(path) => format!("{}:{}", path.display(), port(at)),
        })
        .collect();
    let user = config.get_user().unwrap_or_default();
    let database = config.get_dbname().unwrap_or_default();
    format!("postgres://{user}@{}/{database}", hosts.join(","))
}

/// TLS that checks the server's certificate and its name.
fn connector(authority: Option<&str>) -> Result<MakeRustlsConnect, String> {
    let file = match authority {
        Some(file) => file,
        None => SYSTEM_AUTHORITIES
            .into_iter()
            .find(|file| Path::new(file).exists())
            .ok_or(
                "needs sslrootcert=FILE: this system has no list of authorities that it trusts",
            )?,
    };
    let cannot = |error: &dyn fmt::Display| {
        format!(
            "sslrootcert: cannot use {file}: {error}; name a PEM file of the authority that signed the server's certificate"
        )
    };
    let mut trusted = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| cannot(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| cannot(&error))?;
        // A system's list may hold some that this library does not understand; the others are good.
        let added = trusted.add(certificate);
        if authority.is_some() {
            added.map_err(|error| cannot(&error))?;
        }
    }
    if trusted.is_empty() {
        return Err(cannot(&"it holds no certificate"));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// What an error of the driver says, with its cause.
pub(crate) fn reason(error: &tokio_postgres::Error) -> String {
    if let Some(answer) = error.as_db_error() {
        return answer.message().to_owned();
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let also = error.to_string();
        if !text.contains(&also) {
            text = format!("{text}: {also}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
