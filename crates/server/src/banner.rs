//! The first start, and what people are shown at every start.

use crate::config::Config;
use anyhow::Context as _;
use keys::{SecretString, SystemRandom};
use services::{FIRST_NAMESPACE, FIRST_USER, Services};
use std::net::SocketAddr;

/// Makes what a new deployment begins with. Answers with the password if it was generated, to be shown once.
pub(crate) async fn begin(
    services: &Services,
    config: &Config,
) -> anyhow::Result<Option<SecretString>> {
    let creates_namespaces = config.registry.create_namespace_on_push;
    if services.has_begun().await? {
        services.follow_settings(creates_namespaces).await?;
        return Ok(None);
    }
    let given = config
        .admin_password
        .as_ref()
        .map(|secret| SecretString::new(secret.expose()));
    let password = given
        .clone()
        .unwrap_or_else(|| keys::random::generate_password(&SystemRandom));
    let has_begun_now = services
        .begin(password.clone(), creates_namespaces)
        .await
        .context(if given.is_some() {
            "the first start failed, with the password in ROADSTEAD_ADMIN_PASSWORD"
        } else {
            "the first start failed"
        })?;
    // Of several that start together one begins; the passwords that the others made are nobody's.
    Ok((has_begun_now && given.is_none()).then_some(password))
}

/// Says where the registry serves and, at the first start, how to log in and push.
pub(crate) fn print(
    config: &Config,
    addresses: &[SocketAddr],
    first_password: Option<&SecretString>,
) {
    // Standard output may be closed; the registry serves all the same.
    let _ = write(
        &mut std::io::stdout().lock(),
        config,
        addresses,
        first_password,
    );
}

fn write(
    out: &mut impl std::io::Write,
    config: &Config,
    addresses: &[SocketAddr],
    first_password: Option<&SecretString>,
) -> std::io::Result<()> {
    for (address, listener) in addresses.iter().zip(&config.listeners) {
        let scheme = if listener.tls.is_some() {
            "https"
        } else {
            "http"
        };
        writeln!(
            out,
            "Serving {scheme}://{address} from {}",
            config.data_dir.display()
        )?;
    }
    if config.metrics.address.is_some()
        && let Some(address) = addresses.get(config.listeners.len())
    {
        writeln!(out, "Metrics at http://{address}/metrics")?;
    }
    if let Some(password) = first_password {
        let host = host(config, addresses);
        writeln!(
            out,
            "
This is the first start. The password of user {FIRST_USER}, shown this once:

    {}

To log in and push an image:

    docker login {host} -u {FIRST_USER}
    docker tag debian:12 {host}/{FIRST_NAMESPACE}/debian:12
    docker push {host}/{FIRST_NAMESPACE}/debian:12
",
            password.expose()
        )?;
        if !is_https(config) {
            writeln!(
                out,
                "podman and skopeo want --tls-verify=false with this address: it speaks plain HTTP.\n"
            )?;
        }
    }
    out.flush()
}

/// What clients type to reach the registry.
fn host(config: &Config, addresses: &[SocketAddr]) -> String {
    let external = config.registry.external_url.as_deref();
    let external = external
        .and_then(|url| url.split_once("://"))
        .map(|(_, host)| host.to_owned());
    external
        .or_else(|| addresses.first().map(|address| reachable(*address)))
        .unwrap_or_default()
}

/// An address to connect to: "every address" is none, but this machine is reached by its loopback address.
fn reachable(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    address.to_string()
}

/// Whether clients reach the registry by TLS, its own or a proxy's.
fn is_https(config: &Config) -> bool {
    match &config.registry.external_url {
        Some(url) => url.starts_with("https://"),
        None => config
            .listeners
            .first()
            .is_some_and(|listener| listener.tls.is_some()),
    }
}
