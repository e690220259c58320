//! A repository's artifacts.

use crate::frame::Frame;
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
    /// The artifacts, the youngest first.
    pub artifacts: Vec<ArtifactLine>,
    /// Where the next ones are.
    pub next: Option<String>,
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
