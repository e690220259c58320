//! One artifact in full: its manifest as it was pushed, and its configuration.

use super::config::GET_CONFIG_BYTES;
use super::{ArtifactRef, Artifacts, parse};
use crate::access::{Pull, Refused};
use crate::account_access::AccountContext;
use crate::{Error, Result};
use metadata::ArtifactRow;
use model::Action;
use serde_json::{Map, Value};

/// An artifact with its configuration.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The manifest.
    pub row: ArtifactRow,
    /// The digest of its configuration; of an index, which has none, its own.
    pub id: String,
    /// What the configuration says; nothing when there is none, when it is no JSON object, or larger than 1 MiB.
    pub config: Map<String, Value>,
    /// Bytes of its layers.
    pub layer_bytes: u64,
}

impl Artifacts {
    /// An artifact with its configuration, for whoever may see it and pull it.
    pub async fn inspect(
        &self,
        by: &AccountContext,
        named: ArtifactRef<'_>,
    ) -> Result<Inspection, Refused> {
        let (place, row) = self.find(by, named, Action::ArtifactRead).await?;
        let access = self
            .authorizer
            .authorize::<Pull>(&by.context, &place.name)
            .await?;
        require_readable(by)?;
        let manifest = parse(&row).ok_or(Error::Damaged)?;
        let layers = manifest.layers.iter().map(|layer| layer.size);
        let layer_bytes = layers.fold(0, u64::saturating_add);
        let mut inspection = Inspection {
            id: row.digest.as_str().to_owned(),
            row,
            config: Map::new(),
            layer_bytes,
        };
        if let Some(config) = &manifest.config {
            config.digest.as_str().clone_into(&mut inspection.id);
            let bytes = self.read_config(&access, config, GET_CONFIG_BYTES).await?;
            let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            inspection.config = read.unwrap_or_default();
        }
        Ok(inspection)
    }

    /// The exact text of a manifest.
    pub async fn manifest_text(
        &self,
        by: &AccountContext,
        named: ArtifactRef<'_>,
    ) -> Result<String, Refused> {
        let (_, row) = self.find(by, named, Action::ArtifactRead).await?;
        require_readable(by)?;
        Ok(row.content.ok_or(Error::Internal)?)
    }
}

/// What an account that is closed held is read by nobody.
fn require_readable(by: &AccountContext) -> Result<()> {
    if by.account.state.allows_pull() {
        Ok(())
    } else {
        Err(Error::AccountSuspended)
    }
}
