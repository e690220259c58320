//! A repository's artifacts.

use crate::frame::Frame;
use crate::links::Link;
use crate::values::{Bytes, Moment};
use askama::Template;

/// The artifacts of a repository.
#[derive(Clone, Debug, Template)]
#[template(path = "artifacts.html")]
pub struct Artifacts {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The namespace's name.
    pub namespace: String,
    /// The repository's whole name.
    pub repository: String,
    /// What people wrote about it, as HTML that the service made safe.
    pub description_html: String,
    /// What people wrote about it, as they wrote it; for those who may change it.
    pub description: Option<String>,
    /// What is looked for in tags.
    pub words: String,
    /// Only this kind; empty for all.
    pub kind: String,
    /// The artifacts, the youngest first.
    pub artifacts: Vec<ArtifactLine>,
    /// Whether its reader may delete artifacts.
    pub may_delete: bool,
    /// Whether its reader may delete the repository.
    pub may_delete_all: bool,
    /// Why something was not done.
    pub failed: Option<String>,
    /// Where the next ones are.
    pub next: Option<String>,
}

impl Artifacts {
    /// Where its forms are sent to.
    pub(crate) fn link(&self) -> String {
        Link::Artifacts(&self.account, &self.repository).to_string()
    }

    /// Whether only some are looked for.
    pub(crate) fn is_narrowed(&self) -> bool {
        !self.words.is_empty() || !self.kind.is_empty()
    }

    /// The kinds that can be looked for: Harbor's words.
    pub const KINDS: [&'static str; 5] = ["IMAGE", "CHART", "WASM", "CNAB", "CNAI"];
}

/// An artifact in a list.
#[derive(Clone, Debug)]
pub struct ArtifactLine {
    /// Its digest.
    pub digest: String,
    /// Its kind, in Harbor's word: `IMAGE`, `CHART`, ….
    pub kind: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// How many others.
    pub more_tags: u64,
    /// Its labels.
    pub labels: Vec<String>,
    /// Everything that it needs.
    pub size: Bytes,
    /// When it was pushed.
    pub pushed: Moment,
    /// When it was last pulled, if that is known.
    pub last_pull: Option<Moment>,
}

impl ArtifactLine {
    /// The beginning of the digest: enough for people.
    pub(crate) fn short(&self) -> &str {
        short(&self.digest)
    }
}

/// The algorithm and the first twelve digits.
pub(crate) fn short(digest: &str) -> &str {
    let end = digest.find(':').map_or(12, |colon| colon + 13);
    digest.get(..end).unwrap_or(digest)
}
