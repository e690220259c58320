//! Artifacts: manifests with their tags, labels and accessories, as the people of an account see and manage them.

mod additions;
mod archives;
mod config;
mod copying;
mod filter;
mod icons;
mod images;
mod inspecting;
mod kinds;
mod tags;
mod tree;
mod views;
mod whole;

use crate::access::{Delete, Refused};
use crate::account_access::{AccountContext, NamespaceRef};
use crate::authorizer::Authorizer;
use crate::blobs::Blobs;
use crate::core::Core;
use crate::labels::LabelView;
use crate::manifests::Manifests;
use crate::repositories::{Place, RepositoryRef};
use crate::{Error, Result};
pub use additions::{Addition, AdditionKind, Shown};
use config::{GET_CONFIG_BYTES, LIST_CONFIG_BYTES};
pub use icons::Icon;
pub use images::{ImageView, MAX_IMAGES};
pub use inspecting::Inspection;
pub(crate) use kinds::is_image_config;
use metadata::{AccessoryRow, ArtifactRow, ArtifactsOf, Condition, ListQuery, Listed, TagRow};
use model::Action;
use oci::{Digest, Manifest, ManifestKind, Platform, Reference};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Semaphore;
pub use tree::ReferrerNode;
pub use whole::WholeArtifact;

/// Manifests looked at to find what an index that was deleted had in it.
const MAX_DESCENDANTS: usize = 10_000;

/// What is shown of an artifact beside itself.
#[expect(clippy::struct_excessive_bools, reason = "each is asked for by itself")]
#[derive(Clone, Copy, Debug, Default)]
pub struct ArtifactParts {
    /// Its tags.
    pub tags: bool,
    /// Its labels.
    pub labels: bool,
    /// What is about it.
    pub accessories: bool,
    /// What its configuration says, which is a blob.
    pub attributes: bool,
}

/// An artifact as people see it.
#[derive(Clone, Debug)]
pub struct ArtifactView {
    /// The manifest.
    pub row: ArtifactRow,
    /// Harbor's number for it.
    pub number: i64,
    /// Harbor's number for its repository.
    pub repository_number: i64,
    /// Harbor's number for its namespace.
    pub namespace_number: i64,
    /// Harbor's word for its kind: `IMAGE`, `CHART`, ….
    pub kind: String,
    /// The media type of its configuration; of an index its own.
    pub media_type: String,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The digest of its icon.
    pub icon: Option<Digest>,
    /// What its configuration says of it, for callers who may pull it.
    pub attributes: Map<String, Value>,
    /// The manifests that it names.
    pub references: Vec<ChildView>,
    /// Its tags.
    pub tags: Vec<TagView>,
    /// Its labels.
    pub labels: Vec<LabelView>,
    /// What is about it.
    pub accessories: Vec<AccessoryView>,
}

/// A manifest that an index names.
#[derive(Clone, Debug)]
pub struct ChildView {
    /// Harbor's number for it; `None` when the repository does not have it.
    pub number: Option<i64>,
    /// Its digest.
    pub digest: Digest,
    /// What it runs on.
    pub platform: Option<Platform>,
    /// What the index says of it.
    pub annotations: BTreeMap<String, String>,
    /// Where else it is said to be.
    pub urls: Vec<String>,
}

/// A tag as people see it.
#[derive(Clone, Debug)]
pub struct TagView {
    /// The tag.
    pub row: TagRow,
    /// Harbor's number for it.
    pub number: i64,
    /// Harbor's number for its repository.
    pub repository_number: i64,
    /// Harbor's number for the artifact that it points at.
    pub artifact_number: i64,
    /// Whether a rule or a lock keeps it from moving and from being deleted.
    pub is_immutable: bool,
}

/// What is about an artifact, as people see it.
#[derive(Clone, Debug)]
pub struct AccessoryView {
    /// The manifest.
    pub row: AccessoryRow,
    /// Harbor's number for it.
    pub number: i64,
    /// Harbor's number for what it is about.
    pub subject_number: i64,
    /// The repository of both.
    pub repository: String,
    /// Harbor's word for its kind: `signature.cosign`, ….
    pub kind: &'static str,
}

/// A page of artifacts.
#[derive(Clone, Debug, Default)]
pub struct ArtifactPage {
    /// What they are narrowed by.
    pub conditions: Vec<Condition>,
    /// The one that they come after: the time when it was pushed, and its id.
    pub after: Option<(i64, String)>,
    /// Artifacts at most.
    pub limit: i64,
}

/// How a request names an artifact.
#[derive(Clone, Copy, Debug)]
pub struct ArtifactRef<'a> {
    /// The repository.
    pub repository: RepositoryRef<'a>,
    /// A tag or a digest.
    pub reference: &'a str,
}

/// Artifacts.
pub struct Artifacts {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    manifests: Arc<Manifests>,
    blobs: Arc<Blobs>,
    /// Archives that are looked into at a time, each with up to its limit of memory.
    unpacking: Semaphore,
}

/// How many.
const UNPACKED_AT_ONCE: usize = 2;

impl Artifacts {
    pub(crate) fn new(
        core: &Arc<Core>,
        authorizer: &Arc<Authorizer>,
        manifests: &Arc<Manifests>,
        blobs: &Arc<Blobs>,
    ) -> Arc<Self> {
        Arc::new(Self {
            core: core.clone(),
            authorizer: authorizer.clone(),
            manifests: manifests.clone(),
            blobs: blobs.clone(),
            unpacking: Semaphore::new(UNPACKED_AT_ONCE),
        })
    }

    /// The artifacts of a repository. Beside a list's fields, conditions may be about `tags`, `labels`, `type` and `base`.
    pub async fn list(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
        query: ListQuery,
        parts: ArtifactParts,
    ) -> Result<Listed<ArtifactView>, Refused> {
        let action = Action::ArtifactList;
        let place = self.authorizer.repository(by, named, action).await?;
        let (filter, query) = self.filter(by, query).await?;
        let listed = self.core.metadata.list(move |reader| {
            let of = ArtifactsOf::Repository(&place.id);
            Ok::<_, Error>(reader.list_artifacts(of, &filter, &query)?)
        });
        self.listed(by, listed.await?, parts).await
    }

    /// A page of a repository's artifacts, the newest first, after one of them; nothing is counted, so that it costs what it
    /// shows. Conditions are those of [`Artifacts::list`].
    pub async fn page(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
        page: ArtifactPage,
        parts: ArtifactParts,
    ) -> Result<Vec<ArtifactView>, Refused> {
        let action = Action::ArtifactList;
        let place = self.authorizer.repository(by, named, action).await?;
        let query = ListQuery {
            conditions: page.conditions,
            limit: page.limit,
            is_uncounted: true,
            ..ListQuery::default()
        };
        let (mut filter, query) = self.filter(by, query).await?;
        filter.after = page.after;
        let listed = self.core.metadata.list(move |reader| {
            let of = ArtifactsOf::Repository(&place.id);
            Ok::<_, Error>(reader.list_artifacts(of, &filter, &query)?)
        });
        self.views(by, listed.await?.items, parts, LIST_CONFIG_BYTES)
            .await
    }

    /// The artifacts of all repositories of a namespace; with `is_newest` only the newest of each repository that is of the
    /// one kind that the conditions name.
    ///
    /// # Errors
    /// [`Error::Invalid`] when they name no kind, or several.
    pub async fn list_of_namespace(
        &self,
        by: &AccountContext,
        namespace: NamespaceRef<'_>,
        query: ListQuery,
        is_newest: bool,
        parts: ArtifactParts,
    ) -> Result<Listed<ArtifactView>, Refused> {
        let action = Action::ArtifactList;
        let found = self.authorizer.namespace_or_parts(by, namespace, action);
        let (namespace, in_parts) = found.await?;
        let newest_of_type = if is_newest {
            Some(filter::one_type(&query)?)
        } else {
            None
        };
        let (mut filter, query) = self.filter(by, query).await?;
        filter.newest_of_type = newest_of_type;
        let listed = self.core.metadata.list(move |reader| {
            let of = match &in_parts {
                None => ArtifactsOf::Namespace(&namespace.id),
                Some(parts) => ArtifactsOf::Parts(parts),
            };
            Ok::<_, Error>(reader.list_artifacts(of, &filter, &query)?)
        });
        self.listed(by, listed.await?, parts).await
    }

    async fn listed(
        &self,
        by: &AccountContext,
        listed: Listed<ArtifactRow>,
        parts: ArtifactParts,
    ) -> Result<Listed<ArtifactView>, Refused> {
        let total = listed.total;
        let items = self
            .views(by, listed.items, parts, LIST_CONFIG_BYTES)
            .await?;
        Ok(Listed { items, total })
    }

    /// An artifact.
    pub async fn get(
        &self,
        by: &AccountContext,
        named: ArtifactRef<'_>,
        parts: ArtifactParts,
    ) -> Result<ArtifactView, Refused> {
        let (_, row) = self.find(by, named, Action::ArtifactRead).await?;
        let mut views = self.views(by, vec![row], parts, GET_CONFIG_BYTES).await?;
        Ok(views.pop().ok_or(Error::Internal)?)
    }

    /// Deletes an artifact with its tags and what is about it, and of what it names whatever nothing else keeps.
    pub async fn delete(&self, by: &AccountContext, named: ArtifactRef<'_>) -> Result<(), Refused> {
        let (place, row) = self.find(by, named, Action::ArtifactDelete).await?;
        let access = self
            .authorizer
            .authorize::<Delete>(&by.context, &place.name)
            .await?;
        let descendants = self.descendants(&place, &row).await?;
        let reference = Reference::Digest(row.digest);
        self.manifests.delete(&access, &reference).await?;
        self.manifests.delete_loose(&access, descendants).await?;
        Ok(())
    }

    /// The manifests that an index names, and those that these name, each before what it names itself.
    async fn descendants(&self, place: &Place, row: &ArtifactRow) -> Result<Vec<Digest>> {
        let mut found = children(row);
        let mut known: BTreeSet<Digest> = found.iter().cloned().collect();
        let mut looked_at = 0;
        while let Some(digest) = found.get(looked_at).filter(|_| looked_at < MAX_DESCENDANTS) {
            let reference = Reference::Digest(digest.clone());
            looked_at += 1;
            let child = self
                .core
                .metadata
                .read(|reader| reader.find_artifact(&place.id, &reference))
                .await?;
            for digest in child.as_ref().map(children).unwrap_or_default() {
                if known.insert(digest.clone()) {
                    found.push(digest);
                }
            }
        }
        Ok(found)
    }

    /// The artifact that a request names, when its caller may do an action to its namespace.
    pub(crate) async fn find(
        &self,
        by: &AccountContext,
        named: ArtifactRef<'_>,
        action: Action,
    ) -> Result<(Place, ArtifactRow), Refused> {
        let place = self
            .authorizer
            .repository(by, named.repository, action)
            .await?;
        let unknown =
            || Error::NotFound(format!("the artifact {}:{}", place.name, named.reference));
        let reference = Reference::parse(named.reference).map_err(|_| unknown())?;
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_artifact(&place.id, &reference))
            .await
            .map_err(Error::from)?;
        let row = found.ok_or_else(unknown)?;
        Ok((place, row))
    }
}

/// The manifest that a row holds, understood; `None` when the row was read without it.
fn parse(row: &ArtifactRow) -> Option<Manifest> {
    let content = row.content.as_ref()?;
    Manifest::parse(&row.media_type, content.as_bytes()).ok()
}

fn children(row: &ArtifactRow) -> Vec<Digest> {
    let Some(manifest) = parse(row).filter(|manifest| manifest.kind == ManifestKind::Index) else {
        return Vec::new();
    };
    let mut digests: Vec<Digest> = manifest
        .manifests
        .into_iter()
        .map(|child| child.digest)
        .collect();
    digests.sort_unstable();
    digests.dedup();
    digests
}
