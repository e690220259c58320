//! Reading a repository for retention: every manifest once, page by page.

use crate::core::Core;
use crate::protection::Protection;
use crate::{Error, Result};
use metadata::{LockKind, Reader, RetentionManifest};
use model::RepositoryId;
use model::retention::Artifact;
use oci::RepositoryName;
use std::collections::{HashMap, HashSet};

/// Manifests of one repository that are held in memory. A larger repository is refused.
pub(crate) const MAX_MANIFESTS: usize = 200_000;
/// Tags, labels and children of one repository, likewise, all together.
const MAX_PARTS: usize = 1_000_000;
/// Manifests of a page.
const PAGE: i64 = 500;

/// What was read of a repository.
pub(crate) enum Loaded {
    /// Everything.
    All(Vec<Artifact>),
    /// It has more than so many manifests, or too many tags, labels and children.
    TooLarge,
}

/// What is protected in a repository, for a plan. What goes is asked about again when it goes.
struct Guard {
    protection: Protection,
    tags: HashSet<String>,
    digests: HashSet<String>,
}

impl Guard {
    async fn of(core: &Core, repository: &RepositoryId, name: &RepositoryName) -> Result<Self> {
        let (repository, name) = (repository.clone(), name.clone());
        let read = core.metadata.list(move |reader| {
            let mut new = Self {
                protection: Protection::seen(reader, &repository, &name)?,
                tags: HashSet::new(),
                digests: HashSet::new(),
            };
            if !new.protection.is_idle() {
                for lock in reader.list_locks(&repository)? {
                    match lock.kind {
                        LockKind::Tag => new.tags.insert(lock.name),
                        LockKind::Manifest => new.digests.insert(lock.name),
                    };
                }
            }
            Ok::<_, Error>(new)
        });
        read.await
    }

    fn marked(&self, mut artifact: Artifact) -> Artifact {
        let forbids = |tag: &String| self.protection.selects(tag) || self.tags.contains(tag);
        artifact.is_protected =
            artifact.tags.iter().any(forbids) || self.digests.contains(&artifact.digest);
        artifact
    }
}

/// Reads a repository, `most` manifests of it.
pub(crate) async fn load(
    core: &Core,
    (repository, name): (&RepositoryId, &RepositoryName),
    with_labels: bool,
    most: usize,
) -> Result<Loaded> {
    let guard = Guard::of(core, repository, name).await?;
    let mut artifacts: Vec<Artifact> = Vec::new();
    let (mut after, mut parts) = (String::new(), MAX_PARTS);
    loop {
        let (repository, from) = (repository.clone(), after.clone());
        let page = core
            .metadata
            .list(move |reader| read_page(reader, &repository, &from, (with_labels, parts)));
        let Some(page) = page.await? else {
            return Ok(Loaded::TooLarge);
        };
        let Some(last) = page.last() else {
            return Ok(Loaded::All(artifacts));
        };
        after.clone_from(&last.digest);
        let used = |one: &Artifact| one.tags.len() + one.labels.len() + one.children.len();
        parts -= page.iter().map(used).sum::<usize>().min(parts);
        let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        artifacts.extend(page.into_iter().map(|one| guard.marked(one)));
        if artifacts.len() > most {
            return Ok(Loaded::TooLarge);
        }
        if is_last {
            return Ok(Loaded::All(artifacts));
        }
    }
}

/// A page of manifests with at most `parts` of tags, labels and children; `None` for more.
fn read_page(
    reader: &Reader<'_>,
    repository: &RepositoryId,
    after: &str,
    (with_labels, parts): (bool, usize),
) -> Result<Option<Vec<Artifact>>> {
    let manifests = reader.list_retention_manifests(repository, after, PAGE)?;
    let places: HashMap<&str, usize> = manifests
        .iter()
        .enumerate()
        .map(|(at, manifest)| (manifest.id.as_str(), at))
        .collect();
    let ids: Vec<&str> = manifests
        .iter()
        .map(|manifest| manifest.id.as_str())
        .collect();
    let limit = i64::try_from(parts).unwrap_or(i64::MAX).saturating_add(1);
    let tags = reader.list_tags_of(&ids, limit)?;
    let children = reader.list_children_of(&ids, limit)?;
    let labels = if with_labels {
        reader.list_labels_of(&ids, limit)?
    } else {
        Vec::new()
    };
    if tags.len() + children.len() + labels.len() > parts {
        return Ok(None);
    }
    let mut artifacts: Vec<Artifact> = manifests.iter().map(artifact).collect();
    for tag in tags {
        if let Some(at) = places.get(tag.manifest_id.as_str()) {
            artifacts[*at].tags.push(tag.name);
            artifacts[*at].tagged_at_ms.push(tag.updated_at_ms);
        }
    }
    for (manifest, child) in children {
        if let Some(at) = places.get(manifest.as_str()) {
            artifacts[*at].children.push(child);
        }
    }
    for (manifest, label) in labels {
        if let Some(at) = places.get(manifest.as_str()) {
            artifacts[*at].labels.push(label.name);
        }
    }
    Ok(Some(artifacts))
}

/// A manifest as rules see it, without what belongs to it.
pub(super) fn artifact(manifest: &RetentionManifest) -> Artifact {
    Artifact {
        digest: manifest.digest.to_string(),
        pushed_at_ms: manifest.pushed_at_ms,
        pulled_at_ms: manifest.pulled_at_ms,
        restored_at_ms: manifest.restored_at_ms,
        subject: manifest.subject.clone(),
        ..Artifact::default()
    }
}
