//! The one integration binary: the registry as its users meet it. `cargo xtask test` prepares what
//! the tests need and runs them all.

mod account_api;
mod accounts;
mod audit;
mod backup;
mod clients;
mod deploy;
mod doctor;
mod faults;
mod figures;
mod harbor;
mod ibm;
mod identity;
mod immutability;
mod jobs;
mod mail;
mod network;
mod newcomer;
mod oci;
mod plans;
mod registry;
mod replicas;
mod rights;
mod scale;
mod security;
mod sinks;
mod start;
mod store_damage;
mod store_faults;
mod store_leftovers;
mod store_proxy;
mod tidy;
mod traces;
mod trash;
mod upgrade;
mod webhooks;
