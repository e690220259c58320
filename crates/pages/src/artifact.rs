//! One artifact.

use crate::artifacts::short;
use crate::frame::Frame;
use crate::links::Link;
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
    /// How many others it has.
    pub more_tags: u64,
    /// Its labels.
    pub labels: Vec<LabelLine>,
    /// Whether it is locked.
    pub is_locked: bool,
    /// What can be read out of it to be looked at: a chart's values, ….
    pub documents: Vec<&'static str>,
    /// The one of them that is looked at.
    pub document: Option<Document>,
    /// What its reader may change.
    pub may: ArtifactChanges,
    /// The form that could not be carried out, or none.
    pub form: ArtifactForm,
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

/// A label.
#[derive(Clone, Debug)]
pub struct LabelLine {
    /// Its number.
    pub number: i64,
    /// Its name.
    pub name: String,
}

/// What was read out of an artifact.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it is called.
    pub name: &'static str,
    /// The text, at most its first part.
    pub text: String,
    /// Whether the text is HTML that the service made safe.
    pub is_html: bool,
    /// Whether there is more of it.
    pub is_cut: bool,
}

/// What somebody may change of an artifact.
#[expect(clippy::struct_excessive_bools, reason = "each is a right by itself")]
#[derive(Clone, Debug, Default)]
pub struct ArtifactChanges {
    /// Give it tags.
    pub tag: bool,
    /// Lock it, or take the lock away.
    pub lock: bool,
    /// Take labels away.
    pub unlabel: bool,
    /// The labels that it could be given.
    pub labels: Vec<LabelLine>,
    /// Copy it.
    pub copy: bool,
    /// Delete it.
    pub delete: bool,
}

/// What was typed into a form about an artifact, and why it was not done.
#[derive(Clone, Debug, Default)]
pub struct ArtifactForm {
    /// Which: `tag`, `copy`, ….
    pub what: String,
    /// What was typed.
    pub text: String,
    /// Why it was not done.
    pub failed: Option<String>,
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
    /// How many others are between it and the artifact.
    pub depth: usize,
}

/// Something about the artifact in its place in the tree.
pub(crate) struct Branch<'a> {
    pub(crate) line: &'a ReferrerLine,
    /// Whether what follows is about this one.
    pub(crate) opens: bool,
    /// How many lists end after it.
    pub(crate) closes: usize,
}

impl Artifact {
    /// What is about it, each with the lists that begin and end after it.
    pub(crate) fn tree(&self) -> Vec<Branch<'_>> {
        let next = self.referrers.iter().skip(1).map(|line| line.depth);
        let depths = next.chain([0]);
        let lines = self.referrers.iter().zip(depths);
        lines
            .map(|(line, next)| Branch {
                line,
                opens: next > line.depth,
                closes: line.depth.saturating_sub(next),
            })
            .collect()
    }

    /// Where its forms are sent to.
    pub(crate) fn link(&self) -> String {
        Link::Artifact(&self.account, &self.repository, &self.digest).to_string()
    }

    /// What was typed into a form and why it was not done, if it is that one.
    pub(crate) fn failed(&self, what: &str) -> Option<&ArtifactForm> {
        Some(&self.form).filter(|form| form.what == what && form.failed.is_some())
    }

    /// Whether its reader may change anything.
    pub(crate) fn may_change(&self) -> bool {
        let may = &self.may;
        may.tag || may.lock || may.copy || may.delete || !may.labels.is_empty()
    }

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
