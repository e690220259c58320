//! All of an artifact that a page shows, found once.

use super::config::GET_CONFIG_BYTES;
use super::kinds::{CHART_CONFIG, is_image_config};
use super::{ArtifactParts, ArtifactRef, ArtifactView, Artifacts, ReferrerNode, parse};
use crate::Error;
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::locks::Locked;
use metadata::ArtifactRow;
use model::Action;
use oci::Reference;
use serde_json::{Map, Value};

/// An artifact with what the caller may know of it; what it may not know is left out.
#[derive(Clone, Debug)]
pub struct WholeArtifact {
    /// The artifact, with its tags, its labels and what its configuration says.
    pub view: ArtifactView,
    /// What is about it, as a tree: each followed by what is about itself, four levels deep.
    pub referrers: Vec<ReferrerNode>,
    /// How it was built, step by step, if it is an image.
    pub history: Vec<Value>,
    /// Whether it is locked.
    pub is_locked: bool,
}

impl Artifacts {
    /// An artifact with its tags, labels, referrers, configuration and lock: it is looked for once, and its configuration
    /// read once.
    pub async fn whole(
        &self,
        by: &AccountContext,
        named: ArtifactRef<'_>,
    ) -> Result<WholeArtifact, Refused> {
        const PARTS: ArtifactParts = ArtifactParts {
            tags: true,
            labels: true,
            accessories: false,
            attributes: false,
        };
        let (place, row) = self.find(by, named, Action::ArtifactRead).await?;
        let may = |action| self.authorizer.allows_at(by, named.repository, action);
        let referrers = if may(Action::AccessoryList).await? {
            self.referrers_of(&place, &row).await?
        } else {
            Vec::new()
        };
        let is_locked = may(Action::ImmutableTagList).await? && {
            let what = Locked::of(Reference::Digest(row.digest.clone()));
            let found = self.core.metadata.read(|reader| {
                Ok::<_, Error>(reader.is_locked(&place.id, what.kind(), what.name())?)
            });
            found.await?
        };
        let (attributes, mut history) = self.configuration(by, &row).await?;
        if !may(Action::ArtifactAdditionRead).await? {
            history.clear();
        }
        let mut views = self.views(by, vec![row], PARTS, 0).await?;
        let view = views.pop().ok_or(Error::Internal)?;
        Ok(WholeArtifact {
            view: ArtifactView { attributes, ..view },
            referrers,
            history,
            is_locked,
        })
    }

    /// What an artifact's configuration says of it, and how it was built; nothing for whoever may not pull it.
    async fn configuration(
        &self,
        by: &AccountContext,
        row: &ArtifactRow,
    ) -> Result<(Map<String, Value>, Vec<Value>), Refused> {
        let nothing = || (Map::new(), Vec::new());
        let Some(config) = parse(row).and_then(|manifest| manifest.config) else {
            return Ok(nothing());
        };
        let is_image = is_image_config(&config.media_type);
        if !is_image && config.media_type != CHART_CONFIG {
            return Ok(nothing());
        }
        let Some(access) = self.pull_access(by, row.repository.as_str()).await? else {
            return Ok(nothing());
        };
        let bytes = self.read_config(&access, &config, GET_CONFIG_BYTES).await?;
        let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut config: Map<String, Value> = read.unwrap_or_default();
        let history = match config.remove("history") {
            Some(Value::Array(steps)) if is_image => steps,
            _ => Vec::new(),
        };
        if is_image {
            super::config::keep_shown(&mut config);
        }
        Ok((config, history))
    }
}
