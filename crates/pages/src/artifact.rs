//! One artifact.

use crate::artifacts::short;
use crate::frame::Frame;
use crate::values::{Bytes, Moment};
use askama::Template;

/// Everything that is known of an artifact.
#[derive(Clone, Debug, Template)]
#[template(path = "artifact.html")]
pub struct Artifact {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The repository's whole name.
    pub repository: String,
    /// The artifact's digest.
    pub digest: String,
    /// Its kind, in Harbor's word.
    pub kind: String,
    /// Its media type.
    pub media_type: String,
    /// Everything that it needs.
    pub size: Bytes,
    /// When it was pushed.
    pub pushed: Moment,
    /// When it was last pulled, if that is known.
    pub last_pull: Option<Moment>,
    /// Its tags.
    pub tags: Vec<TagLine>,
    /// The names of its labels.
    pub labels: Vec<String>,
    /// What an index has in it.
    pub parts: Vec<PartLine>,
    /// Its layers in their order, with what made them.
    pub layers: Vec<LayerLine>,
    /// What its configuration says: what it is called, and the value.
    pub facts: Vec<(String, String)>,
    /// Its annotations.
    pub annotations: Vec<(String, String)>,
    /// What is about it.
    pub referrers: Vec<ReferrerLine>,
    /// How to pull it: the program, and its line.
    pub commands: Vec<(&'static str, String)>,
}

/// A tag.
#[derive(Clone, Debug)]
pub struct TagLine {
    /// Its name.
    pub name: String,
    /// When it was set.
    pub set: Moment,
    /// Whether a rule or a lock keeps it as it is.
    pub is_immutable: bool,
}

/// A manifest that an index names.
#[derive(Clone, Debug)]
pub struct PartLine {
    /// Its digest.
    pub digest: String,
    /// What it runs on, as `linux/arm64/v8`.
    pub platform: String,
    /// Whether the repository has it.
    pub is_there: bool,
}

/// A layer.
#[derive(Clone, Debug)]
pub struct LayerLine {
    /// Its digest.
    pub digest: String,
    /// Its size as it is stored.
    pub size: Bytes,
    /// What made it.
    pub step: String,
}

/// Something about the artifact: a signature, a bill of materials, ….
#[derive(Clone, Debug)]
pub struct ReferrerLine {
    /// Its digest.
    pub digest: String,
    /// Its kind, in Harbor's word.
    pub kind: String,
    /// Its size.
    pub size: Bytes,
}

impl Artifact {
    /// What to call it: the first tag, or the beginning of the digest.
    pub(crate) fn title(&self) -> String {
        match self.tags.first() {
            Some(tag) => format!("{}:{}", self.repository, tag.name),
            None => format!("{}@{}", self.repository, short(&self.digest)),
        }
    }

    /// A layer's share of the largest, in hundredths, at least one that can be seen.
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "templates hand over references"
    )]
    pub(crate) fn share(&self, size: &Bytes) -> u64 {
        let largest = self.layers.iter().map(|layer| layer.size.0).max();
        size.percent_of(Bytes(largest.unwrap_or(0))).clamp(1, 100)
    }
}
