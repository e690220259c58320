//! The services over a real database and a real directory.

mod addresses;
mod audit;
mod faults;
mod isolation;
mod jobs;
mod mail;
mod people;
mod retention;
mod sessions;
mod sinks;
mod webhooks;
