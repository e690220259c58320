//! Artifacts as people see them: rows and what belongs to them, put together a page at a time.

use super::icons::icon_of;
use super::kinds::{accessory_kind, kind_of};
use super::{
    AccessoryView, ArtifactParts, ArtifactRef, ArtifactView, Artifacts, ChildView, TagView, parse,
};
use crate::access::{Access, Pull, Refused};
use crate::account_access::AccountContext;
use crate::labels::LabelView;
use crate::numbers::Numbers;
use crate::protection::Protection;
use crate::{Error, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use metadata::{AccessoryRow, ArtifactRow, LabelRow, ListQuery, Listed, Numbered, Reader, TagRow};
use model::{Action, RepositoryId};
use oci::{Manifest, ManifestKind, RepositoryName};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Tags, labels, or accessories of one page.
const PARTS: i64 = 10_000;
/// Configurations that are read at once.
const CONFIGS_AT_ONCE: usize = 8;

/// What belongs to the artifacts of a page.
#[derive(Default)]
struct Parts {
    tags: Vec<TagRow>,
    /// Those that a rule or a lock protects, by [`tag_key`].
    immutable: BTreeSet<String>,
    labels: Vec<(String, LabelRow)>,
    accessories: Vec<AccessoryRow>,
    /// Ids of children by repository and digest.
    children: HashMap<(RepositoryId, String), String>,
}

/// Numbers of what is on a page.
struct PageNumbers {
    manifests: Numbers,
    repositories: Numbers,
    namespaces: Numbers,
    tags: Numbers,
}

/// Where a manifest is.
struct Placed {
    manifest: String,
    digest: String,
    repository: (RepositoryId, String),
}

impl Placed {
    fn of(row: &ArtifactRow) -> Self {
        Self {
            manifest: row.id.clone(),
            digest: row.digest.as_str().to_owned(),
            repository: (
                row.repository_id.clone(),
                row.repository.as_str().to_owned(),
            ),
        }
    }
}

/// Those of some manifests' tags that may not move.
fn immutable_of(
    reader: &Reader<'_>,
    places: &[Placed],
    tags: &[TagRow],
) -> Result<BTreeSet<String>> {
    let mut known: BTreeMap<&str, Protection> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for tag in tags {
        let place = places
            .iter()
            .find(|place| place.manifest == tag.manifest_id);
        let Some(place) = place else {
            continue;
        };
        let (id, name) = &place.repository;
        if !known.contains_key(id.as_str()) {
            let name = RepositoryName::parse(name).map_err(|_| Error::Internal)?;
            known.insert(id.as_str(), Protection::seen(reader, id, &name)?);
        }
        let protection = known.get(id.as_str()).ok_or(Error::Internal)?;
        if protection.shows(reader, &tag.name, &place.digest)? {
            found.insert(tag_key(tag));
        }
    }
    Ok(found)
}

/// What a tag is numbered by: the same name at another artifact is another tag.
pub(super) fn tag_key(tag: &TagRow) -> String {
    format!("{}/{}", tag.manifest_id, tag.name)
}

impl Artifacts {
    /// Rows of one namespace with what belongs to them. Configurations of up to `config_bytes` are read.
    pub(super) async fn views(
        &self,
        by: &AccountContext,
        rows: Vec<ArtifactRow>,
        parts: ArtifactParts,
        config_bytes: u64,
    ) -> Result<Vec<ArtifactView>, Refused> {
        let manifests: Vec<Option<Manifest>> = rows.iter().map(parse).collect();
        let mut found = self.parts(&rows, &manifests, parts).await?;
        let numbers = self.page_numbers(by, &rows, &found).await?;
        let labels = std::mem::take(&mut found.labels);
        let (labelled, labels): (Vec<String>, Vec<LabelRow>) = labels.into_iter().unzip();
        let labels = crate::labels::views(&self.core, by, labels).await?;
        let labels: Vec<(String, LabelView)> = labelled.into_iter().zip(labels).collect();
        let attributes = if parts.attributes {
            self.all_attributes(by, &rows, &manifests, config_bytes)
                .await?
        } else {
            vec![Map::new(); rows.len()]
        };
        let mut views = Vec::with_capacity(rows.len());
        for ((row, manifest), attributes) in rows.into_iter().zip(manifests).zip(attributes) {
            let of_row = labels.iter().filter(|(id, _)| *id == row.id);
            let labels = of_row.map(|(_, label)| label.clone()).collect();
            let view = view(row, manifest, &found, &numbers)?;
            views.push(ArtifactView {
                attributes,
                labels,
                ..view
            });
        }
        Ok(views)
    }

    async fn parts(
        &self,
        rows: &[ArtifactRow],
        manifests: &[Option<Manifest>],
        parts: ArtifactParts,
    ) -> Result<Parts> {
        let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
        let subjects: Vec<String> = rows
            .iter()
            .map(|row| row.digest.as_str().to_owned())
            .collect();
        let repositories: BTreeSet<String> = rows
            .iter()
            .map(|row| row.repository_id.as_str().to_owned())
            .collect();
        let mut children: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (row, manifest) in rows.iter().zip(manifests) {
            let of_row = manifest.iter().flat_map(|manifest| &manifest.manifests);
            let of_row = of_row.map(|child| child.digest.as_str().to_owned());
            children
                .entry(row.repository_id.as_str().to_owned())
                .or_default()
                .extend(of_row);
        }
        let places: Vec<Placed> = rows.iter().map(Placed::of).collect();
        let read = self.core.metadata.list(move |reader| {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
            let repositories: Vec<&str> = repositories.iter().map(String::as_str).collect();
            let mut found = Parts {
                children: find_children(reader, &children)?,
                ..Parts::default()
            };
            if parts.tags {
                found.tags = reader.list_tags_of(&ids, PARTS)?;
                found.immutable = immutable_of(reader, &places, &found.tags)?;
            }
            if parts.labels {
                found.labels = reader.list_labels_of(&ids, PARTS)?;
            }
            if parts.accessories {
                found.accessories = reader.list_accessories_of(&repositories, &subjects, PARTS)?;
            }
            Ok::<_, Error>(found)
        });
        read.await
    }

    async fn page_numbers(
        &self,
        by: &AccountContext,
        rows: &[ArtifactRow],
        parts: &Parts,
    ) -> Result<PageNumbers> {
        let of_rows = rows.iter().map(|row| row.id.as_str());
        let of_children = parts.children.values().map(String::as_str);
        let of_accessories = parts.accessories.iter().map(|row| row.id.as_str());
        let manifests: Vec<&str> = of_rows.chain(of_children).chain(of_accessories).collect();
        let repositories: BTreeSet<&str> =
            rows.iter().map(|row| row.repository_id.as_str()).collect();
        let repositories: Vec<&str> = repositories.into_iter().collect();
        let namespaces: BTreeSet<&str> = rows.iter().map(|row| row.namespace_id.as_str()).collect();
        let namespaces: Vec<&str> = namespaces.into_iter().collect();
        let tags: Vec<String> = parts.tags.iter().map(tag_key).collect();
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let (core, account) = (&self.core, by.id());
        Ok(PageNumbers {
            manifests: core
                .numbers(account, Numbered::Manifest, &manifests)
                .await?,
            repositories: core
                .numbers(account, Numbered::Repository, &repositories)
                .await?,
            namespaces: core
                .numbers(account, Numbered::Namespace, &namespaces)
                .await?,
            tags: core.numbers(account, Numbered::Tag, &tags).await?,
        })
    }

    /// What the configurations of a page say, in its order; nothing for those that the caller may not pull.
    async fn all_attributes(
        &self,
        by: &AccountContext,
        rows: &[ArtifactRow],
        manifests: &[Option<Manifest>],
        max_bytes: u64,
    ) -> Result<Vec<Map<String, Value>>> {
        let mut accesses: HashMap<&str, Option<Access<Pull>>> = HashMap::new();
        let mut wanted = Vec::with_capacity(rows.len());
        for (row, manifest) in rows.iter().zip(manifests) {
            let repository = row.repository.as_str();
            let access = if let Some(known) = accesses.get(repository) {
                known.clone()
            } else {
                let access = self.pull_access(by, repository).await?;
                accesses.insert(repository, access.clone());
                access
            };
            let config = manifest
                .as_ref()
                .and_then(|manifest| manifest.config.clone());
            wanted.push((access, config));
        }
        stream::iter(wanted)
            .map(|(access, config)| async move {
                match (access, config) {
                    (Some(access), Some(config)) => {
                        self.attributes(&access, &config, max_bytes).await
                    }
                    _ => Ok(Map::new()),
                }
            })
            .buffered(CONFIGS_AT_ONCE)
            .try_collect()
            .await
    }

    /// What is about an artifact.
    pub async fn list_accessories(
        &self,
        by: &AccountContext,
        named: ArtifactRef<'_>,
        query: ListQuery,
    ) -> Result<Listed<AccessoryView>, Refused> {
        let (place, row) = self.find(by, named, Action::AccessoryList).await?;
        let (repository, subject) = (place.id.clone(), row.digest.clone());
        let listed = self.core.metadata.list(move |reader| {
            Ok::<_, Error>(reader.list_accessories(&repository, &subject, &query)?)
        });
        let listed = listed.await?;
        let mut ids: Vec<&str> = listed.items.iter().map(|one| one.id.as_str()).collect();
        ids.push(&row.id);
        let numbers = self.core.numbers(by.id(), Numbered::Manifest, &ids).await?;
        let items = listed.items.into_iter();
        let items = items
            .map(|one| accessory(one, &row, &numbers))
            .collect::<Result<_>>()?;
        Ok(Listed {
            items,
            total: listed.total,
        })
    }
}

fn find_children(
    reader: &Reader<'_>,
    wanted: &BTreeMap<String, BTreeSet<String>>,
) -> Result<HashMap<(RepositoryId, String), String>> {
    let mut children = HashMap::new();
    for (repository, digests) in wanted {
        let repository = RepositoryId::new(repository.as_str());
        let digests: Vec<&str> = digests.iter().map(String::as_str).collect();
        let found = reader.find_manifest_ids(&repository, &digests)?;
        children.extend(
            found
                .into_iter()
                .map(|(digest, id)| ((repository.clone(), digest), id)),
        );
    }
    Ok(children)
}

fn accessory(row: AccessoryRow, subject: &ArtifactRow, numbers: &Numbers) -> Result<AccessoryView> {
    Ok(AccessoryView {
        number: numbers.of(&row.id)?,
        subject_number: numbers.of(&subject.id)?,
        repository: subject.repository.clone(),
        kind: accessory_kind(row.artifact_type.as_deref()),
        row,
    })
}

/// An artifact with what was found of it, but its labels and attributes.
fn view(
    row: ArtifactRow,
    manifest: Option<Manifest>,
    parts: &Parts,
    numbers: &PageNumbers,
) -> Result<ArtifactView> {
    let repository_number = numbers.repositories.of(row.repository_id.as_str())?;
    let number = numbers.manifests.of(&row.id)?;
    let tags = parts.tags.iter().filter(|tag| tag.manifest_id == row.id);
    let tags = tags.map(|tag| {
        Ok(TagView {
            number: numbers.tags.of(&tag_key(tag))?,
            is_immutable: parts.immutable.contains(&tag_key(tag)),
            row: tag.clone(),
            repository_number,
            artifact_number: number,
        })
    });
    let tags = tags.collect::<Result<_>>()?;
    let accessories = parts
        .accessories
        .iter()
        .filter(|one| one.subject == row.digest.as_str() && one.repository_id == row.repository_id);
    let accessories = accessories.map(|one| accessory(one.clone(), &row, &numbers.manifests));
    let accessories = accessories.collect::<Result<_>>()?;
    let config = manifest
        .as_ref()
        .and_then(|manifest| manifest.config.as_ref());
    let media_type = match (config, &row.artifact_type) {
        (Some(config), _) if !config.media_type.is_empty() => config.media_type.clone(),
        // Too large to be read in a list.
        (None, Some(artifact_type)) if manifest.is_none() => artifact_type.clone(),
        _ => row.media_type.clone(),
    };
    let kind = kind_of(&media_type, row.artifact_type.as_deref());
    let icon = icon_of(&kind, manifest.as_ref());
    let (annotations, references) = match manifest {
        Some(manifest) => (
            manifest.annotations.clone().unwrap_or_default(),
            references(&row, manifest, parts, numbers)?,
        ),
        None => (BTreeMap::new(), Vec::new()),
    };
    Ok(ArtifactView {
        number,
        repository_number,
        namespace_number: numbers.namespaces.of(row.namespace_id.as_str())?,
        kind,
        icon,
        media_type,
        annotations,
        attributes: Map::new(),
        references,
        tags,
        labels: Vec::new(),
        accessories,
        row,
    })
}

fn references(
    row: &ArtifactRow,
    manifest: Manifest,
    parts: &Parts,
    numbers: &PageNumbers,
) -> Result<Vec<ChildView>> {
    if manifest.kind != ManifestKind::Index {
        return Ok(Vec::new());
    }
    let children = manifest.manifests.into_iter().map(|child| {
        let key = (row.repository_id.clone(), child.digest.as_str().to_owned());
        let id = parts.children.get(&key);
        Ok(ChildView {
            number: id.map(|id| numbers.manifests.of(id)).transpose()?,
            digest: child.digest,
            platform: child.platform,
            annotations: child.annotations.unwrap_or_default(),
            urls: child.urls,
        })
    });
    children.collect()
}
