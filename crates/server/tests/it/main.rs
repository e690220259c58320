//! The one integration binary: the registry as its users meet it. `cargo xtask test` prepares what
//! the tests need and runs them all.

mod clients;
mod faults;
mod jobs;
mod newcomer;
mod oci;
mod registry;
mod replicas;
mod scale;
mod security;
mod tidy;
mod traces;
