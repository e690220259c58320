//! Copying an artifact into another repository of its account: its manifests are stored there anew, its blobs become known
//! there, and no byte is moved.

mod tagging;

use super::{Artifacts, children, parse};
use crate::access::{Access, Pull, Push, Refused};
use crate::account_access::AccountContext;
use crate::core::Core;
use crate::manifests::ManifestPush;
use crate::repositories::{Place, RepositoryRef, ensure_repository};
use crate::{Error, Result};
use metadata::{ArtifactRow, RepositoryKey, Tx};
use model::{Action, RepositoryId};
use oci::{Digest, Reference, ReferenceKind, RepositoryName, Tag};
use std::collections::BTreeSet;

/// Manifests of one copy: an index, its children, and what is about any of them.
const MAX_MANIFESTS: usize = 1000;
/// Blobs that one transaction makes known.
const BLOBS: usize = 500;
/// Tags that come along.
const TAGS: i64 = 1000;

impl Artifacts {
    /// Copies an artifact with what it names and what is about it. `from` is `namespace/repository:tag`, and the tag comes
    /// along, or `namespace/repository@digest`, and all its tags do. Answers with that tag or digest.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the repository has it.
    pub async fn copy(
        &self,
        by: &AccountContext,
        to: RepositoryRef<'_>,
        from: &str,
    ) -> Result<String, Refused> {
        let found = self
            .authorizer
            .namespace_for(by, to, Action::ArtifactCreate);
        let namespace = found.await?;
        let (name, reference) = source(from)?;
        let named = RepositoryRef {
            namespace: name.namespace(),
            name: name.path().unwrap_or_default(),
        };
        let place = self
            .authorizer
            .repository(by, named, Action::ArtifactRead)
            .await?;
        self.authorizer
            .authorize::<Pull>(&by.context, &place.name)
            .await?;
        let target = RepositoryName::parse(&format!("{}/{}", namespace.name, to.name))
            .map_err(|error| Error::Invalid(error.to_string()))?;
        let access = self
            .authorizer
            .authorize::<Push>(&by.context, &target)
            .await?;
        let root = self.read_source(&place, &reference).await?;
        if self.has(&access, &root.digest).await? {
            let text = format!("the artifact {}@{}", access.repository, root.digest);
            return Err(Error::AlreadyExists(text).into());
        }
        let tags = self.tags_of(&root, &reference).await?;
        for digest in self.order(&place, &root.digest).await? {
            let is_root = digest == root.digest;
            let tags = if is_root { tags.clone() } else { Vec::new() };
            if is_root || !self.has(&access, &digest).await? {
                self.copy_one(&place, &access, digest, tags).await?;
            }
        }
        Ok(reference.as_str().to_owned())
    }

    async fn read_source(&self, place: &Place, reference: &Reference) -> Result<ArtifactRow> {
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_artifact(&place.id, reference))
            .await?;
        found
            .ok_or_else(|| Error::NotFound(format!("the artifact {} in {}", reference, place.name)))
    }

    async fn has(&self, access: &Access<Push>, digest: &Digest) -> Result<bool> {
        let key: RepositoryKey = access.key();
        let found = self.core.metadata.read(|reader| {
            let Some(repository) = reader.find_repository(&key)? else {
                return Ok(None);
            };
            reader.find_manifest_id(&repository.id, digest)
        });
        Ok(found.await?.is_some())
    }

    async fn tags_of(&self, row: &ArtifactRow, reference: &Reference) -> Result<Vec<Tag>> {
        if let Reference::Tag(tag) = reference {
            return Ok(vec![tag.clone()]);
        }
        let id = row.id.clone();
        let tags = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_tags_of(&[&id], TAGS)?));
        let tags = tags.await?;
        Ok(tags
            .iter()
            .filter_map(|tag| Tag::parse(&tag.name).ok())
            .collect())
    }

    /// The manifests of a copy, each after those that it names, and what is about one after it.
    async fn order(&self, place: &Place, root: &Digest) -> Result<Vec<Digest>> {
        let mut order = Vec::new();
        let mut known = BTreeSet::from([root.clone()]);
        let mut open = vec![(root.clone(), false)];
        let mut subjects_asked = 0;
        loop {
            while let Some((digest, is_expanded)) = open.pop() {
                if is_expanded {
                    order.push(digest);
                    continue;
                }
                let found = self
                    .read_source(place, &Reference::Digest(digest.clone()))
                    .await;
                let named = match found {
                    Ok(row) => children(&row),
                    // An index may name what was never pushed.
                    Err(Error::NotFound(_)) if digest != *root => continue,
                    Err(error) => return Err(error),
                };
                open.push((digest, true));
                open.extend(unknown(named, &mut known)?);
            }
            let Some(subject) = order.get(subjects_asked) else {
                return Ok(order);
            };
            subjects_asked += 1;
            let about = self.referrers(place, subject).await?;
            open.extend(unknown(about, &mut known)?);
        }
    }

    async fn referrers(&self, place: &Place, subject: &Digest) -> Result<Vec<Digest>> {
        let (repository, subject) = (place.id.clone(), subject.as_str().to_owned());
        let limit = i64::try_from(MAX_MANIFESTS).unwrap_or(i64::MAX) + 1;
        let found = self.core.metadata.list(move |reader| {
            let repositories = [repository.as_str()];
            Ok::<_, Error>(reader.list_accessories_of(&repositories, &[&subject], limit)?)
        });
        let found = found.await?;
        let digests = found.iter().map(|row| Digest::parse(&row.digest));
        digests
            .collect::<Result<_, _>>()
            .map_err(|_| Error::Internal)
    }

    async fn copy_one(
        &self,
        place: &Place,
        access: &Access<Push>,
        digest: Digest,
        tags: Vec<Tag>,
    ) -> Result<()> {
        let reference = Reference::Digest(digest);
        let row = self.read_source(place, &reference).await?;
        let manifest = parse(&row).ok_or(Error::Damaged)?;
        let needed = manifest.references();
        let needed = needed.filter(|one| one.kind == ReferenceKind::Blob);
        let mut blobs: BTreeSet<Digest> = needed.map(|one| one.descriptor.digest.clone()).collect();
        blobs.extend(manifest.foreign_layers().map(|layer| layer.digest.clone()));
        let blobs: Vec<Digest> = blobs.into_iter().collect();
        for blobs in blobs.chunks(BLOBS) {
            let (core, access, source) = (self.core.clone(), access.clone(), place.id.clone());
            let blobs = blobs.to_vec();
            let work = move |tx: &mut Tx<'_>| make_known(&core, tx, &access, &source, &blobs);
            self.core.metadata.write(work).await?;
        }
        let push = ManifestPush {
            reference,
            tags,
            content_type: row.media_type,
            content: row.content.unwrap_or_default().into(),
        };
        self.manifests.put(access, push).await?;
        Ok(())
    }
}

/// Those that were not known yet, to be looked at.
fn unknown(digests: Vec<Digest>, known: &mut BTreeSet<Digest>) -> Result<Vec<(Digest, bool)>> {
    let digests = digests
        .into_iter()
        .filter(|digest| known.insert(digest.clone()));
    let digests = digests.map(|digest| (digest, false)).collect();
    if known.len() > MAX_MANIFESTS {
        return Err(Error::Invalid(format!(
            "the artifact, what it names and what is about it are more than {MAX_MANIFESTS} manifests; copy them with a client"
        )));
    }
    Ok(digests)
}

/// Makes blobs that one repository knows known to another; those that it does not know are passed over, and missed when the
/// manifest is stored.
fn make_known(
    core: &Core,
    tx: &mut Tx<'_>,
    access: &Access<Push>,
    source: &RepositoryId,
    blobs: &[Digest],
) -> Result<()> {
    let target = ensure_repository(core, tx, access)?;
    let now_ms = core.now_ms();
    let due_at_ms = now_ms + core.settings.grace_period_ms;
    for digest in blobs {
        if let Some((storage, _)) = tx.keep_membership(source, digest)? {
            tx.enqueue_lease_review(&target, (&storage, digest), due_at_ms)?;
            tx.put_repository_blob(&access.account, &target, &storage, digest, now_ms)?;
        }
    }
    Ok(())
}

/// `namespace/repository:tag` or `namespace/repository@digest`.
fn source(from: &str) -> Result<(RepositoryName, Reference)> {
    let invalid = || {
        Error::Invalid(format!(
            "from must be namespace/repository:tag or namespace/repository@digest, not {from:?}"
        ))
    };
    let parts = from.split_once('@').or_else(|| from.rsplit_once(':'));
    let (name, reference) = parts.ok_or_else(invalid)?;
    let name = RepositoryName::parse(name).map_err(|_| invalid())?;
    let reference = Reference::parse(reference).map_err(|_| invalid())?;
    let is_whole = name.path().is_some() && from.contains('@') == reference.digest().is_some();
    if is_whole {
        Ok((name, reference))
    } else {
        Err(invalid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_names_a_repository_and_what_of_it() {
        let digest = Digest::sha256_of(b"x");
        let by_digest = format!("a/b/c@{digest}");
        for (text, expected) in [
            ("a/b:v1", Some(("a/b", "v1"))),
            (by_digest.as_str(), Some(("a/b/c", digest.as_str()))),
            ("a/b", None),
            ("b:v1", None),
            ("a/b:", None),
            ("a/b@v1", None),
            ("a/B:v1", None),
            ("host:5000/a/b:v1", None),
            ("", None),
        ] {
            let read = source(text).ok();
            let read = read
                .as_ref()
                .map(|(name, reference)| (name.as_str(), reference.as_str()));
            assert_eq!(read, expected, "{text}");
        }
    }
}
