//! `[[listeners]]`: where the registry answers, and to whom.

use std::net::SocketAddr;

use web::connection::Exposure;

use super::reader::{Reader, Section};
use super::typed::readable_file;
use super::{ListenerConfig, NetworkConfig, TlsFiles};

pub(super) fn listener(listener: &mut Section<'_, '_>) -> Option<ListenerConfig> {
    let address = listener.optional("address", parse_address);
    let exposure = listener.choice(
        "exposure",
        &[("public", Exposure::Public), ("private", Exposure::Private)],
    );
    let proxy_protocol = listener.flag("proxy_protocol");
    let certificate = listener.optional("tls_certificate", readable_file);
    let private_key = listener.optional("tls_private_key", readable_file);
    let has_certificate = !listener.text("tls_certificate").is_empty();
    let has_private_key = !listener.text("tls_private_key").is_empty();
    let allows_plain_http = listener.flag("allow_plain_http");
    match (has_certificate, has_private_key) {
        (true, false) => listener.refuse("tls_certificate", "needs tls_private_key beside it"),
        (false, true) => listener.refuse("tls_private_key", "needs tls_certificate beside it"),
        _ => {}
    }
    if listener.text("address").is_empty() {
        listener.refuse(
            "address",
            "this listener has no address; write one, as in address = \"127.0.0.1:5000\"",
        );
    }
    let address = address?;
    let is_plain = !has_certificate && !has_private_key;
    if is_plain && !allows_plain_http && !address.ip().to_canonical().is_loopback() {
        listener.refuse(
            "address",
            format!(
                "plain HTTP on {address} would carry passwords readable over the network; set \
                 tls_certificate and tls_private_key, or set allow_plain_http = true for this \
                 listener if a proxy in front of it does the TLS"
            ),
        );
    }
    let tls = certificate
        .zip(private_key)
        .map(|(certificate, private_key)| TlsFiles {
            certificate,
            private_key,
        });
    Some(ListenerConfig {
        address,
        exposure,
        proxy_protocol,
        tls,
    })
}

/// Two sockets cannot have one address; found here, the message can name the setting.
pub(super) fn refuse_shared_addresses(
    reader: &mut Reader<'_>,
    listeners: &[Option<ListenerConfig>],
    metrics: Option<SocketAddr>,
) {
    let addresses: Vec<Option<SocketAddr>> = listeners
        .iter()
        .map(|listener| Some(listener.as_ref()?.address))
        .collect();
    let taken = |address: SocketAddr, by: &[Option<SocketAddr>]| {
        by.iter().flatten().any(|other| {
            let (a, b) = (address.ip(), other.ip());
            address.port() != 0
                && address.port() == other.port()
                && (a == b
                    || a.is_ipv4() == b.is_ipv4() && (a.is_unspecified() || b.is_unspecified()))
        })
    };
    for (index, address) in addresses.iter().enumerate() {
        let Some(address) = address.filter(|address| taken(*address, &addresses[..index])) else {
            continue;
        };
        let message = format!("{address} is already taken by another listener");
        reader.listener(index).refuse("address", message);
    }
    if let Some(address) = metrics.filter(|address| taken(*address, &addresses)) {
        let message = format!("{address} is already taken by a listener; metrics need their own");
        reader.section("metrics").refuse("address", message);
    }
}

/// The PROXY protocol from nobody would be a listener that serves nobody.
pub(super) fn require_proxies(
    reader: &mut Reader<'_>,
    listeners: &[Option<ListenerConfig>],
    network: &NetworkConfig,
) {
    let expects = |listener: &Option<ListenerConfig>| {
        listener
            .as_ref()
            .is_some_and(|listener| listener.proxy_protocol)
    };
    for (index, _) in listeners
        .iter()
        .enumerate()
        .filter(|(_, listener)| expects(listener) && network.forwarding.trusted.is_empty())
    {
        let message =
            "needs network.trusted_proxies: the addresses of the proxies whose word counts";
        reader.listener(index).refuse("proxy_protocol", message);
    }
}

pub(super) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "{text:?} is not an IP address with a port; write it as in \"127.0.0.1:5000\" or \
             \"[::1]:5000\""
        )
    })
}
