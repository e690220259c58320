//! What operators of the deployment see: its accounts, and nothing of what is in them.

pub mod accounts;
