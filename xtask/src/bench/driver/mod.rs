//! The load driver: raw HTTP/1.1 on kept-alive connections, HTTP/2 through hyper, both with or without TLS.

pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod http2;
pub(crate) mod load;
pub(crate) mod response;
pub(crate) mod tally;

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;

pub(crate) use client::Client;
pub(crate) use connection::{Connection, Failure, Keep, Payload, Request};
pub(crate) use load::{Limit, Load, Pace, Work};
pub(crate) use tally::Tally;

/// Where connections go, and how.
#[derive(Clone)]
pub(crate) struct Target {
    pub address: SocketAddr,
    pub tls: Option<Arc<ClientConfig>>,
}

impl Target {
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }
}
