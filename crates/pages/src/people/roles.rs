//! Roles of an account's own.

use super::parts::Parts;
use super::robots::ActionBox;
use crate::frame::Frame;
use crate::links::Link;
use askama::Template;

/// The roles of an account's own.
#[derive(Clone, Debug, Template)]
#[template(path = "people/roles.html")]
pub struct Roles {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The ways to what else there is about people.
    pub parts: Parts,
    /// Those that there are, by their names.
    pub roles: Vec<RoleLine>,
    /// Where the next ones are.
    pub next: Option<String>,
    /// To make another one, for those who may.
    pub form: Option<RoleForm>,
}

/// A role in the list.
#[derive(Clone, Debug)]
pub struct RoleLine {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// How many actions it holds.
    pub actions: u64,
}

/// A role as it is, or is to be.
#[derive(Clone, Debug, Default)]
pub struct RoleForm {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Every action, with whether the role holds it.
    pub actions: Vec<ActionBox>,
    /// Why it did not work.
    pub failed: Option<String>,
}

impl Roles {
    pub(crate) fn link(&self, name: &str) -> String {
        Link::Under(&self.account, &["roles", name]).to_string()
    }
}

/// A role.
#[derive(Clone, Debug, Template)]
#[template(path = "people/role.html")]
pub struct Role {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it holds.
    pub actions: Vec<&'static str>,
    /// To change it, for those who may.
    pub form: Option<RoleForm>,
    /// Whether the reader may delete it.
    pub may_delete: bool,
    /// Why it was not deleted.
    pub not_deleted: Option<String>,
}

impl Role {
    pub(crate) fn link(&self) -> String {
        Link::Under(&self.account, &["roles", &self.name]).to_string()
    }

    pub(crate) fn delete(&self) -> String {
        format!("{}/delete", self.link())
    }
}
