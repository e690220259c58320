//! When the tags of a pushed image end, as a label in its configuration says. Only where the namespace wants it: reading the
//! configuration takes a push another question and a read from the store.

use crate::core::Core;
use crate::tag_ends::{TagEnd, annotated_end};
use crate::{Error, Result};
use blobs::{BlobStore, ObjectKey, StorageError};
use futures_util::TryStreamExt;
use metadata::RepositoryKey;
use oci::Digest;
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

/// What the labels of an image say about its tags; `None` as well for a configuration that the repository does not have, that is
/// too large, or that is none.
///
/// # Errors
/// [`Error::Unavailable`] when it cannot be read now: a tag that is to end must not stay.
pub(crate) async fn labelled_end(
    core: &Core,
    key: &RepositoryKey,
    config: &Digest,
) -> Result<Option<TagEnd>> {
    let found = core
        .metadata
        .read(|reader| Ok::<_, Error>(reader.find_repository_blob(key, config)?));
    let Some(row) = found.await?.filter(|row| row.size_bytes <= CONFIG_BYTES) else {
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
