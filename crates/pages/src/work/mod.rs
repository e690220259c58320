//! What an account's jobs do, and what was done in it.

pub mod audit;
pub mod jobs;
