//! Roles of an account's own.

use super::{Actions, Role};
use crate::id::{AccountId, RoleId};

/// A role that an account made: a named set of actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomRole {
    /// Its identifier.
    pub id: RoleId,
    /// Whose it is.
    pub account_id: AccountId,
    /// Its name, unique in the account, and none of those that every account has.
    pub name: String,
    /// What it is for, in its account's words.
    pub description: String,
    /// What it holds.
    pub actions: Actions,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
}

/// The role of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantedRole {
    /// One that every account has.
    BuiltIn(Role),
    /// One of the account's own.
    Custom(RoleId),
}
