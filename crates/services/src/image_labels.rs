//! When the tags of a pushed image end, as a label in its configuration says. Only where the namespace wants it: reading the
//! configuration takes a push another question and a read from the store.

use crate::artifacts::is_image_config;
use crate::core::Core;
use crate::tag_ends::{TagEnd, annotated_end};
use crate::{Error, Result};
use blobs::{BlobStore, ObjectKey, StorageError};
use futures_util::TryStreamExt;
use metadata::{ManifestRow, RepositoryKey};
use oci::{Descriptor, Digest, Manifest, ManifestKind};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The switch of a namespace, by its name among its settings. Where it is not there it is off.
pub(crate) const LABELS_END_TAGS: &str = "labels_end_tags";
/// The largest configuration that is read, in bytes. Real ones have some kilobytes.
pub(crate) const CONFIG_BYTES: u64 = 64 << 10;

/// What is read of an image's configuration: whoever pushed it wrote it, and it is not trusted.
#[derive(Default, Deserialize)]
struct Configuration {
    #[serde(default)]
    config: Option<Labelled>,
}

#[derive(Default, Deserialize)]
struct Labelled {
    #[serde(default, rename = "Labels")]
    labels: Option<BTreeMap<String, Value>>,
}

/// The largest manifest of an image that is read for an index, in bytes.
const MANIFEST_BYTES: usize = 1 << 20;
/// What builders mark the attestations with that they put into an index beside its images.
const ATTESTATION: &str = "vnd.docker.reference.type";

/// Whose labels count for a pushed manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LabelSource {
    /// Its own: those of this configuration.
    Configuration(Digest),
    /// Those of the first image that it names.
    FirstImage(Digest),
}

impl LabelSource {
    /// `None` for what is no image and names none.
    pub(crate) fn of(manifest: &Manifest) -> Option<Self> {
        match manifest.kind {
            ManifestKind::Image => configuration(manifest).map(Self::Configuration),
            ManifestKind::Index => {
                let first = manifest.manifests.iter().find(|child| is_image(child))?;
                Some(Self::FirstImage(first.digest.clone()))
            }
        }
    }
}

fn configuration(manifest: &Manifest) -> Option<Digest> {
    let config = manifest.config.as_ref()?;
    let is_read = is_image_config(&config.media_type) && config.size <= CONFIG_BYTES;
    is_read.then(|| config.digest.clone())
}

fn is_image(child: &Descriptor) -> bool {
    let is_attestation = child
        .annotations
        .as_ref()
        .is_some_and(|annotations| annotations.contains_key(ATTESTATION));
    let is_unknown = child
        .platform
        .as_ref()
        .is_some_and(|platform| platform.os == "unknown");
    !is_attestation && !is_unknown
}

/// What the labels of an image say about its tags; `None` as well for a configuration that is too large, or that is none, and
/// for an image of an index that the repository does not have.
///
/// # Errors
/// [`Error::ManifestBlobUnknown`] for a configuration that the repository does not have; [`Error::Unavailable`] when it cannot
/// be read now: a tag that is to end must not stay.
pub(crate) async fn labelled_end(
    core: &Core,
    key: &RepositoryKey,
    source: &LabelSource,
) -> Result<Option<TagEnd>> {
    let found = core.metadata.read(|reader| {
        let config = match source {
            LabelSource::Configuration(config) => Some(config.clone()),
            LabelSource::FirstImage(image) => {
                let row = reader.find_manifest_by_digest(key, image, false)?;
                row.and_then(|row| configuration_of(&row))
            }
        };
        let Some(config) = config else {
            return Ok(None);
        };
        match reader.find_repository_blob(key, &config)? {
            Some(row) => Ok(Some((config, row))),
            None => Err(Error::ManifestBlobUnknown(config)),
        }
    });
    let Some((config, row)) = found
        .await?
        .filter(|(_, row)| row.size_bytes <= CONFIG_BYTES)
    else {
        return Ok(None);
    };
    match read(&core.blobs, &row.location, row.size_bytes).await {
        Ok(bytes) => Ok(said(&bytes)),
        Err(error @ (StorageError::Missing { .. } | StorageError::Damaged { .. })) => {
            tracing::warn!(%error, digest = %config, "an image's configuration is damaged: its labels end no tags");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn configuration_of(row: &ManifestRow) -> Option<Digest> {
    let content = row.content.as_deref()?;
    if content.len() > MANIFEST_BYTES {
        return None;
    }
    configuration(&Manifest::parse(&row.media_type, content.as_bytes()).ok()?)
}

async fn read(store: &BlobStore, location: &str, size: u64) -> Result<Vec<u8>, StorageError> {
    let Ok(key) = ObjectKey::parse(location) else {
        return Ok(Vec::new());
    };
    let body = store.read(&key, size).await?.body(0..size).await?;
    let chunks: Vec<_> = body.into_stream().try_collect().await?;
    Ok(chunks.concat())
}

fn said(bytes: &[u8]) -> Option<TagEnd> {
    let read: Configuration = serde_json::from_slice(bytes).unwrap_or_default();
    let labels = read.config?.labels?.into_iter();
    let texts = labels.filter_map(|(name, value)| match value {
        Value::String(text) => Some((name, text)),
        _ => None,
    });
    annotated_end(&texts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_configurations_say_nothing() {
        let deep = format!("{{\"config\": {}1{}}}", "[".repeat(9000), "]".repeat(9000));
        for text in [
            "",
            "{}",
            "[]",
            "\"quay.expires-after\"",
            r#"{"config": null}"#,
            r#"{"config": {"Labels": null}}"#,
            r#"{"config": {"Labels": ["quay.expires-after"]}}"#,
            r#"{"config": {"Labels": {"quay.expires-after": 1}}}"#,
            r#"{"config": {"Labels": {"quay.expires-after": "soon"}}}"#,
            &deep,
        ] {
            assert_eq!(said(text.as_bytes()), None, "{text:.60}");
        }
        let text = r#"{"config": {"Labels": {"a": 1, "quay.expires-after": "2s"}}}"#;
        assert_eq!(said(text.as_bytes()), Some(TagEnd::After(2000)));
    }
}
