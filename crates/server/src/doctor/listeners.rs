//! The addresses to listen on: free, or held by the registry that runs.

use super::report::Report;
use crate::config::Config;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;
use tokio::net::TcpSocket;

const CHECK: &str = "listener";
/// For an answer of the registry that holds an address.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn examine(config: &Config, is_running: bool, report: &mut Report) {
    for listener in &config.listeners {
        let has_tls = listener.tls.is_some();
        one(
            listener.address,
            is_running && (has_tls || is_ours(listener.address)),
            report,
        );
    }
    if let Some(address) = config.metrics.address {
        one(address, is_running, report);
    }
}

fn one(address: SocketAddr, is_held_by_us: bool, report: &mut Report) {
    if address.port() == 0 {
        return report.good(CHECK, format!("{address} takes any free port"));
    }
    let Err(error) = bind(address) else {
        return report.good(CHECK, format!("{address} is free"));
    };
    let (what, remedy) = match error.kind() {
        ErrorKind::AddrInUse if is_held_by_us => {
            return report.good(CHECK, format!("{address} is held by the running registry"));
        }
        ErrorKind::AddrInUse => (
            "another program listens there",
            "stop it (ss -ltnp shows which one it is), or choose another port",
        ),
        ErrorKind::PermissionDenied => (
            "this user may not listen there",
            "choose a port from 1024 up, or give the service CAP_NET_BIND_SERVICE",
        ),
        ErrorKind::AddrNotAvailable => (
            "this machine does not have that address",
            "name one that it has, or 0.0.0.0 for all of them",
        ),
        _ => ("it cannot be listened on", "name another address"),
    };
    report.failed(CHECK, format!("{address}: {what} ({error})"), remedy);
}

/// Takes the address for a moment, without listening: nobody can connect meanwhile.
fn bind(address: SocketAddr) -> std::io::Result<()> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)
}

/// Whether a registry answers there, by plain HTTP.
fn is_ours(mut address: SocketAddr) -> bool {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: doctor\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.take(4096).read_to_end(&mut answer)?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).contains(r#"{"status":"alive"}"#))
    };
    ask().unwrap_or(false)
}
