//! The users of an account.

use super::parts::Parts;
use super::robots::RobotState;
use crate::frame::Frame;
use crate::links::Link;
use crate::values::Moment;
use askama::Template;

/// The users of an account.
#[derive(Clone, Debug, Template)]
#[template(path = "people/users.html")]
pub struct Users {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The ways to what else there is about people.
    pub parts: Parts,
    /// A part of the name that is looked for.
    pub words: String,
    /// Those that there are, by their names.
    pub users: Vec<UserLine>,
    /// Where the next ones are.
    pub next: Option<String>,
    /// To make another one, for those who may.
    pub form: Option<UserForm>,
}

/// A user in the list.
#[derive(Clone, Debug)]
pub struct UserLine {
    /// Its name.
    pub name: String,
    /// What it calls itself.
    pub real_name: String,
    /// Where it gets mail.
    pub email: String,
    /// Whether it administers the account by a role of its own.
    pub is_administrator: bool,
    /// When it was made.
    pub created: Moment,
}

/// A user that is to be made.
#[derive(Clone, Debug, Default)]
pub struct UserForm {
    /// Its name.
    pub name: String,
    /// What it calls itself.
    pub real_name: String,
    /// Where it gets mail.
    pub email: String,
    /// Why it did not work.
    pub failed: Option<String>,
}

impl Users {
    pub(crate) fn link(&self, name: &str) -> String {
        Link::Under(&self.account, &["users", name]).to_string()
    }
}

/// A user.
#[derive(Clone, Debug, Template)]
#[template(path = "people/user.html")]
pub struct User {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: RobotState,
    /// Whether it belongs to another account first, which decides about it.
    pub is_guest: bool,
    /// When it was made.
    pub created: Moment,
    /// Whether the reader may change it.
    pub may_change: bool,
    /// Whether the reader may delete it, or take it out of the account.
    pub may_delete: bool,
    /// Why it did not work.
    pub failed: Option<String>,
    /// Why it was not deleted.
    pub not_deleted: Option<String>,
}

impl User {
    pub(crate) fn link(&self, part: &str) -> String {
        Link::Under(&self.account, &["users", &self.name, part]).to_string()
    }

    /// How its end here is called, and what that means.
    pub(crate) fn ending(&self, t: &'static crate::Texts) -> (&'static str, &'static str) {
        if self.is_guest {
            (t.people.remove_user, t.people.remove_user_hint)
        } else {
            (t.people.delete_user, t.people.delete_user_hint)
        }
    }
}
