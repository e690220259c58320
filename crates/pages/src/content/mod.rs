//! What is in an account, and how it is changed.

pub mod tag;
pub mod trash;
