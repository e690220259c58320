//! Groups of an account's users.

use super::parts::Parts;
use crate::frame::Frame;
use crate::links::Link;
use crate::values::Moment;
use askama::Template;

/// The groups of an account.
#[derive(Clone, Debug, Template)]
#[template(path = "people/groups.html")]
pub struct Groups {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The ways to what else there is about people.
    pub parts: Parts,
    /// A part of the name that is looked for.
    pub words: String,
    /// Those that there are, by their names.
    pub groups: Vec<GroupLine>,
    /// Where the next ones are.
    pub next: Option<String>,
    /// To make another one, for those who may: the name, and why it did not work.
    pub form: Option<(String, Option<String>)>,
}

/// A group in the list.
#[derive(Clone, Debug)]
pub struct GroupLine {
    /// Its name.
    pub name: String,
    /// Its name where it comes from; `None` for one of the account's own.
    pub external: Option<String>,
    /// When it was made.
    pub created: Moment,
}

impl Groups {
    pub(crate) fn link(&self, name: &str) -> String {
        Link::Under(&self.account, &["groups", name]).to_string()
    }
}

/// A group, and who is in it.
#[derive(Clone, Debug, Template)]
#[template(path = "people/group.html")]
pub struct Group {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The group.
    pub group: GroupLine,
    /// The users in it, by their names.
    pub users: Vec<String>,
    /// Where the next ones are.
    pub next: Option<String>,
    /// Whether the reader may put users into it, and take them out.
    pub may_change: bool,
    /// Whether the reader may delete it.
    pub may_delete: bool,
    /// The user that was to be put into it.
    pub typed: String,
    /// Why that did not work.
    pub failed: Option<String>,
    /// Why the group was not deleted.
    pub not_deleted: Option<String>,
}

impl Group {
    pub(crate) fn link(&self, part: &str) -> String {
        Link::Under(&self.account, &["groups", &self.group.name, part]).to_string()
    }
}
