//! The trash: what was deleted, and how it comes back.

use crate::frame::Frame;
use crate::links::Link;
use crate::values::{Bytes, Moment};
use askama::Template;

/// What is in the trash of an account.
#[derive(Clone, Debug, Template)]
#[template(path = "content/trash.html")]
pub struct Trash {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// Only things of this kind; empty for all.
    pub kind: String,
    /// What was deleted, the last first.
    pub items: Vec<TrashLine>,
    /// Where the next ones are.
    pub next: Option<String>,
    /// Why something did not come back.
    pub failed: Option<String>,
    /// How much is in it, and for how many days things are kept; for those who may know.
    pub kept: Option<Kept>,
}

/// How much the trash keeps, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// Bytes in it.
    pub used: Bytes,
    /// Days.
    pub days: u64,
}

/// Something that was deleted.
#[derive(Clone, Debug)]
pub struct TrashLine {
    /// Its identifier.
    pub id: String,
    /// `manifest`, `tag`, `repository` or `namespace`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The manifest's digest, or the one that the tag pointed at.
    pub digest: Option<String>,
    /// Tags that come back with it.
    pub tags: Vec<String>,
    /// Who deleted it.
    pub deleted_by: String,
    /// When.
    pub deleted: Moment,
    /// Days until it is gone for good.
    pub days_left: u64,
    /// What it keeps.
    pub size: Bytes,
}

impl Trash {
    pub(crate) fn restore_link(&self, id: &str) -> String {
        Link::Under(&self.account, &["trash", id, "restore"]).to_string()
    }

    /// The kinds with their words.
    pub(crate) fn kinds(&self) -> [(&'static str, &'static str); 4] {
        let t = self.frame.t();
        [
            ("manifest", t.artifacts),
            ("tag", t.tags),
            ("repository", t.repositories),
            ("namespace", t.namespaces),
        ]
    }

    /// The word for one of a kind.
    pub(crate) fn kind_of(&self, line: &TrashLine) -> &'static str {
        let t = self.frame.t();
        match line.kind {
            "tag" => t.content.tag,
            "repository" => t.repository,
            "namespace" => t.namespace,
            _ => t.artifact,
        }
    }
}
