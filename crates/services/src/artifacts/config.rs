//! What is read of an artifact's configuration: a small blob that whoever pushed it wrote, and that is not trusted.

use super::kinds::{CHART_CONFIG, is_image_config};
use super::{ArtifactRef, Artifacts, parse};
use crate::access::{Access, Pull, Refused};
use crate::account_access::AccountContext;
use crate::{Error, Result};
use futures_util::TryStreamExt;
use model::Action;
use oci::{Descriptor, Digest, RepositoryName};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The largest configuration that is read for one artifact, and for each of a list, in bytes. Real ones have some
/// kilobytes; as JSON in memory they are larger.
pub(super) const GET_CONFIG_BYTES: u64 = 1 << 20;
pub(super) const LIST_CONFIG_BYTES: u64 = 64 << 10;

/// The fields of an image's configuration that people are shown.
const SHOWN: [&str; 5] = ["architecture", "author", "config", "created", "os"];

/// Leaves of an image's configuration what people are shown.
pub(super) fn keep_shown(config: &mut Map<String, Value>) {
    config.retain(|name, _| SHOWN.contains(&name.as_str()));
}

#[derive(Deserialize)]
struct History {
    #[serde(default)]
    history: Vec<Value>,
}

impl Artifacts {
    /// The bytes of a configuration, when the caller may pull it and it is not too large.
    pub(super) async fn read_config(
        &self,
        access: &Access<Pull>,
        config: &Descriptor,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>> {
        if config.size > max_bytes {
            return Ok(None);
        }
        self.read_small(access, &config.digest, max_bytes).await
    }

    /// The bytes of a blob; `None` when it is too large, or cannot be read.
    pub(super) async fn read_small(
        &self,
        access: &Access<Pull>,
        digest: &Digest,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>> {
        let blob = match self.blobs.open(access, digest).await {
            Ok(blob) => blob,
            Err(Error::BlobUnknown | Error::Damaged) => return Ok(None),
            Err(error) => return Err(error),
        };
        if blob.len() > max_bytes {
            return Ok(None);
        }
        let mut chunks = blob.body(0..blob.len()).await?.into_stream();
        let mut bytes = Vec::new();
        loop {
            match chunks.try_next().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => return Ok(Some(bytes)),
                Err(error) => {
                    tracing::warn!(%error, %digest, "a small blob could not be read");
                    return Ok(None);
                }
            }
        }
    }

    /// What the configuration of an image or a chart says of it.
    pub(super) async fn attributes(
        &self,
        access: &Access<Pull>,
        config: &Descriptor,
        max_bytes: u64,
    ) -> Result<Map<String, Value>> {
        let is_image = is_image_config(&config.media_type);
        if !is_image && config.media_type != CHART_CONFIG {
            return Ok(Map::new());
        }
        let bytes = self.read_config(access, config, max_bytes).await?;
        let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut attributes: Map<String, Value> = read.unwrap_or_default();
        if is_image {
            keep_shown(&mut attributes);
        }
        Ok(attributes)
    }

    /// Who may pull from a repository; `None` when the caller may not.
    pub(super) async fn pull_access(
        &self,
        by: &AccountContext,
        repository: &str,
    ) -> Result<Option<Access<Pull>>> {
        let Ok(name) = RepositoryName::parse(repository) else {
            return Ok(None);
        };
        match self.authorizer.authorize::<Pull>(&by.context, &name).await {
            Ok(access) => Ok(Some(access)),
            Err(Refused::Failed(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// How an image was built, step by step, as its configuration says.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an artifact that is no image, or whose configuration cannot be read.
    pub async fn build_history(
        &self,
        by: &AccountContext,
        named: ArtifactRef<'_>,
    ) -> Result<Vec<Value>, Refused> {
        let action = Action::ArtifactAdditionRead;
        let (place, row) = self.find(by, named, action).await?;
        let access = self
            .authorizer
            .authorize::<Pull>(&by.context, &place.name)
            .await?;
        let manifest = parse(&row);
        let config = manifest.and_then(|manifest| manifest.config);
        let Some(config) = config.filter(|config| is_image_config(&config.media_type)) else {
            let text =
                "only an image has a build_history; ask for that of one of an index's images";
            return Err(Error::Invalid(text.to_owned()).into());
        };
        let bytes = self.read_config(&access, &config, GET_CONFIG_BYTES).await?;
        let read = bytes.and_then(|bytes| serde_json::from_slice::<History>(&bytes).ok());
        match read {
            Some(read) => Ok(read.history),
            None => {
                Err(Error::Invalid("the image's configuration cannot be read".to_owned()).into())
            }
        }
    }
}
