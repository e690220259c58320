//! A tag: where it points, where it pointed, and what keeps it.

use crate::frame::Frame;
use crate::links::Link;
use crate::values::Moment;
use askama::Template;

/// A tag with its history.
#[derive(Clone, Debug, Template)]
#[template(path = "content/tag.html")]
pub struct TagPage {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The repository's whole name.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// What it points at; `None` when there is no such tag any more.
    pub now: Option<TagNow>,
    /// Where it was moved, the newest first.
    pub moves: Vec<MoveLine>,
    /// Where the ones before are.
    pub next: Option<String>,
    /// What its reader may change.
    pub may: TagChanges,
    /// The days that were typed.
    pub days: String,
    /// Why something was not done.
    pub failed: Option<String>,
}

/// A tag as it is.
#[derive(Clone, Debug)]
pub struct TagNow {
    /// The digest that it points at.
    pub digest: String,
    /// When it was set.
    pub set: Moment,
    /// Whether a rule or a lock keeps it as it is.
    pub is_immutable: bool,
    /// Whether it is a lock of its own.
    pub is_locked: bool,
    /// When it ends by itself.
    pub ends: Option<Moment>,
}

/// A move of a tag.
#[derive(Clone, Debug)]
pub struct MoveLine {
    /// What it pointed at from then on; `None` when it was deleted.
    pub digest: Option<String>,
    /// Who did it.
    pub by: String,
    /// When.
    pub at: Moment,
    /// Whether the repository still has that.
    pub is_there: bool,
    /// Whether the tag can be pointed there again.
    pub can_return: bool,
}

/// What somebody may change of a tag.
#[expect(clippy::struct_excessive_bools, reason = "each is a right by itself")]
#[derive(Clone, Copy, Debug, Default)]
pub struct TagChanges {
    /// Point it at something else.
    pub revert: bool,
    /// Lock it.
    pub lock: bool,
    /// Take the lock away.
    pub unlock: bool,
    /// Delete it, and say when it ends.
    pub delete: bool,
}

impl TagPage {
    /// Where its forms are sent to.
    pub(crate) fn link(&self) -> String {
        tag_link(&self.account, &self.repository, &self.tag)
    }
}

/// Where the page of a tag is.
pub(crate) fn tag_link(account: &str, repository: &str, tag: &str) -> String {
    Link::Under(account, &["repositories", repository, tag, "history"]).to_string()
}
