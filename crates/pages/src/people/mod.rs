//! Who may do what in an account: people and programs.

pub mod groups;
pub mod invitations;
pub mod members;
pub mod parts;
pub mod rights;
pub mod robots;
pub mod roles;
pub mod tokens;
pub mod trust_rules;
pub mod users;

use crate::links::Link;

/// A part of a namespace, or of the account itself.
pub fn part_of(account: &str, namespace: Option<&str>, part: &'static str) -> String {
    match namespace {
        Some(name) => Link::Under(account, &["namespaces", name, part]).to_string(),
        None => Link::In(account, part).to_string(),
    }
}
