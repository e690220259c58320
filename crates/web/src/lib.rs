//! Everything that speaks HTTP.
//!
//! The transport half: sockets, TLS, limits and draining ([`listener`]), one connection ([`connection`]),
//! one request and its answer ([`exchange`]), bodies in both directions ([`body`]), blobs sent from the page
//! cache ([`sendfile`]), and what can be seen from outside ([`metrics`], [`access_log`], [`traces`], [`health`]).

pub mod access_log;
pub mod account_api;
mod authentication;
pub mod body;
pub mod connection;
pub mod console;
pub mod exchange;
pub mod forwarded;
pub mod harbor;
pub mod health;
pub mod ibm;
pub mod listener;
pub mod metrics;
mod oci;
mod path;
pub mod proxy_protocol;
mod refusals;
pub mod registry;
pub mod request_id;
pub mod sendfile;
pub mod tls;
mod token;
pub mod traces;
mod transport;

#[cfg(test)]
mod testing;
