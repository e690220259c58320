//! What an account decides for its namespaces.

pub mod retention;
