//! What the registry sends to services outside on its own account.

pub mod traces;
