//! One connection: what is known about it, and how it is served from accept to close.

mod serve;
mod watchdog;

use crate::listener::ListenerKind;
use crate::metrics::Metrics;
use crate::sendfile::Regions;
pub use model::Exposure;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use serve::{Incoming, serve};
pub(crate) use watchdog::Pulse;

/// What is known about a connection before its first request.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// The other end of the socket, the client or a proxy; or whom that proxy named by the PROXY protocol.
    pub peer: SocketAddr,
    /// Our end.
    pub local: SocketAddr,
    /// The listener's exposure.
    pub exposure: Exposure,
    /// What the listener serves.
    pub kind: ListenerKind,
    /// Whether the socket speaks TLS.
    pub is_tls: bool,
    /// Whether the client speaks TLS, to us or to a proxy that said so by the PROXY protocol.
    pub is_secure: bool,
    /// Whether the connection speaks HTTP/2.
    pub is_http2: bool,
    /// The host name, in lower case, whose own certificate the client was shown; `None` for the listener's.
    pub shown_for: Option<Arc<str>>,
}

/// How long and how much, for every connection.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Open connections of the whole process; more wait in the kernel's queue.
    pub max_connections: u32,
    /// From accept to the end of the TLS handshake.
    pub tls_handshake: Duration,
    /// From the first byte of a request's head to its last, and from accept to the first byte.
    pub header_read: Duration,
    /// How long a connection may stay open without a request.
    pub keep_alive: Duration,
    /// How long a request body may pause.
    pub body_idle: Duration,
    /// How long a client may take nothing of a response.
    pub write_stall: Duration,
    /// How long to read on after an answer that did not want the request's body.
    pub linger: Duration,
    /// Bytes of a request's head.
    pub max_header_bytes: u32,
    /// Requests at once on one HTTP/2 connection.
    pub max_streams: u32,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            max_connections: 8192,
            tls_handshake: Duration::from_secs(10),
            header_read: Duration::from_secs(15),
            keep_alive: Duration::from_secs(75),
            body_idle: Duration::from_mins(1),
            write_stall: Duration::from_mins(1),
            linger: Duration::from_secs(5),
            max_header_bytes: 32 * 1024,
            max_streams: 128,
        }
    }
}

/// A connection as its parts share it.
pub(crate) struct Connection {
    pub(crate) info: ConnectionInfo,
    pub(crate) pulse: Pulse,
    pub(crate) regions: Regions,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) body_idle: Duration,
}

impl Connection {
    /// Whether mapped files can leave by sendfile: not through TLS, not in HTTP/2 frames.
    pub(crate) fn can_sendfile(&self) -> bool {
        !self.info.is_tls && !self.info.is_http2
    }
}
