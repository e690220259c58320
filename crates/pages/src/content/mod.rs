//! What an account holds, beside its lists.

pub mod trash;
