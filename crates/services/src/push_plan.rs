//! What a pushed manifest asks for, worked out before anything is written.

use crate::image_labels::LabelSource;
use crate::manifests::ManifestPush;
use crate::tag_ends::{TagEnd, annotated_end};
use crate::{Error, Result};
use oci::{Algorithm, Digest, Manifest, ManifestInvalid, Reference, ReferenceKind, Tag};
use std::collections::{BTreeMap, BTreeSet};

/// The changes of a push, as a pure function of the request.
#[derive(Clone, Debug)]
pub(crate) struct PushPlan {
    pub(crate) digest: Digest,
    pub(crate) media_type: &'static str,
    pub(crate) artifact_type: Option<String>,
    pub(crate) subject: Option<Digest>,
    /// As JSON; only of manifests that are about another one.
    pub(crate) annotations: Option<String>,
    pub(crate) content: String,
    /// Blobs it needs with the sizes it claims, in the order of their digests, so that two pushes never wait for each
    /// other's rows crosswise.
    pub(crate) blobs: BTreeMap<Digest, u64>,
    /// Layers that live elsewhere. Should one have been pushed all the same, it is kept.
    pub(crate) elsewhere: BTreeSet<Digest>,
    /// Manifests it names.
    pub(crate) children: BTreeSet<Digest>,
    /// Tags to point at it.
    pub(crate) tags: Vec<Tag>,
    /// When they end, as an annotation or a label says.
    ends: Option<TagEnd>,
    /// Whose labels may say it, where the namespace wants that: of what has tags and no annotation about their end.
    labels: Option<LabelSource>,
}

impl PushPlan {
    pub(crate) fn make(push: &ManifestPush) -> Result<Self> {
        let manifest = Manifest::parse(&push.content_type, &push.content)?;
        let (digest, tags) = match &push.reference {
            Reference::Tag(tag) => (
                Digest::of(Algorithm::Sha256, &push.content),
                vec![tag.clone()],
            ),
            Reference::Digest(expected) => {
                let actual = Digest::of(expected.algorithm(), &push.content);
                if actual != *expected {
                    return Err(Error::ManifestDigestMismatch { actual });
                }
                (actual, push.tags.clone())
            }
        };
        let mut blobs = BTreeMap::new();
        let mut children = BTreeSet::new();
        for reference in manifest.references() {
            let descriptor = reference.descriptor;
            match reference.kind {
                ReferenceKind::Manifest => {
                    children.insert(descriptor.digest.clone());
                }
                ReferenceKind::Blob => {
                    blobs.insert(descriptor.digest.clone(), descriptor.size);
                }
            }
        }
        let elsewhere = manifest.foreign_layers().map(|layer| layer.digest.clone());
        let elsewhere = elsewhere
            .filter(|digest| !blobs.contains_key(digest))
            .collect();
        let ends = manifest.annotations.as_ref().and_then(annotated_end);
        let labels = if ends.is_none() && !tags.is_empty() {
            LabelSource::of(&manifest)
        } else {
            None
        };
        let annotations = manifest.subject.as_ref().and(manifest.annotations.as_ref());
        let annotations = annotations.map(serde_json::to_string).transpose();
        Ok(Self {
            digest,
            media_type: manifest.media_type,
            artifact_type: manifest.artifact_type,
            subject: manifest.subject.map(|subject| subject.digest),
            annotations: annotations.map_err(|_| ManifestInvalid::NotUtf8)?,
            content: String::from_utf8(push.content.to_vec())
                .map_err(|_| ManifestInvalid::NotUtf8)?,
            blobs,
            elsewhere,
            children,
            tags,
            ends,
            labels,
        })
    }

    /// Whose labels may say when the tags end, and are not known.
    pub(crate) fn unread_labels(&self) -> Option<&LabelSource> {
        self.labels.as_ref()
    }

    /// The labels are known, and say this.
    pub(crate) fn read_labels(&mut self, end: Option<TagEnd>) {
        self.labels = None;
        self.ends = end;
    }

    /// When the tags end, if they are put now.
    pub(crate) fn ends_at_ms(&self, now_ms: i64) -> Option<i64> {
        self.ends.map(|end| end.from(now_ms))
    }
}
