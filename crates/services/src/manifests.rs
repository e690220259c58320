//! Manifests: pulling, pushing and deleting them.

use crate::access::{Access, Delete, Pull, Push};
use crate::core::Core;
use crate::growth::{Freed, Growth};
use crate::image_labels::labelled_end;
use crate::manifest_cache::{CachedManifest, ManifestCache};
use crate::protection::Protection;
use crate::push_plan::PushPlan;
use crate::quota_refusals;
use crate::removal::{Keep, Removal, remove_tag, remove_with_referrers};
use crate::repositories::{ensure_repository, get_repository};
use crate::{Error, Result};
use bytes::Bytes;
use metadata::{Error as MetadataError, NewManifest, Tx};
use model::{Event, RepositoryId};
use oci::{Digest, Reference, Tag};
use std::sync::Arc;

/// A manifest to be pushed.
#[derive(Clone, Debug)]
pub struct ManifestPush {
    /// The tag to point at it, or the digest it must have.
    pub reference: Reference,
    /// Tags to point at it besides (only with a digest).
    pub tags: Vec<Tag>,
    /// The request's media type; empty when it names none.
    pub content_type: String,
    /// The exact bytes.
    pub content: Bytes,
}

/// What a push came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedManifest {
    /// The manifest's digest.
    pub digest: Digest,
    /// The manifest it is about, when it names one.
    pub subject: Option<Digest>,
    /// The tags of the request's query, all of which point at it now.
    pub tags: Vec<Tag>,
}

/// Manifests of all repositories.
pub struct Manifests {
    core: Arc<Core>,
    cache: ManifestCache,
}

impl Manifests {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        let cache = ManifestCache::new(core.settings.manifest_cache_bytes);
        Self { core, cache }
    }

    /// The manifest that a tag points at, or of a digest.
    ///
    /// # Errors
    /// [`Error::ManifestUnknown`], [`Error::NameUnknown`], [`Error::Damaged`] when the stored bytes do not have their
    /// digest.
    pub async fn get(
        &self,
        access: &Access<Pull>,
        reference: &Reference,
    ) -> Result<CachedManifest> {
        // The epoch is noted before reading: what is read later may be newer, never older.
        let epoch = self.core.metadata.epochs().of(&access.repository);
        let known = match self.cache.get(access, reference) {
            Some((manifest, read_in)) if read_in == epoch => return Ok(manifest),
            // What its digest is has to be asked; what it holds is not, if the digest is the same.
            known => known.map(|(manifest, _)| manifest),
        };
        let key = access.key();
        let found = self.core.metadata.read(|reader| match reference {
            Reference::Tag(tag) => {
                let digest = known.as_ref().map(|known| &known.digest);
                reader.find_manifest_by_tag(&key, tag, digest)
            }
            Reference::Digest(digest) => {
                reader.find_manifest_by_digest(&key, digest, known.is_some())
            }
        });
        let Some(row) = found.await? else {
            return Err(self.unknown(access).await?);
        };
        if !row.account_state.allows_pull() {
            return Err(Error::AccountSuspended);
        }
        let (manifest, is_news) = match (row.content, known) {
            (Some(content), _) => {
                let read = CachedManifest::intact(access, row.digest, row.media_type, content)?;
                (read, true)
            }
            (None, Some(known)) => (
                known,
                self.core.metadata.epochs().lets_content_be_remembered(),
            ),
            (None, None) => return Err(Error::Internal),
        };
        if is_news {
            self.cache.put(access, reference, manifest.clone(), epoch);
        }
        Ok(manifest)
    }

    /// Why a manifest was not found: the repository is not there, or the manifest.
    async fn unknown(&self, access: &Access<Pull>) -> Result<Error> {
        let repository = self
            .core
            .metadata
            .read(|reader| reader.find_repository(&access.key()))
            .await?;
        Ok(
            if repository.is_some_and(|repository| repository.is_listed) {
                Error::ManifestUnknown
            } else {
                Error::NameUnknown
            },
        )
    }

    /// Stores a manifest and points tags at it: all of it, or nothing.
    ///
    /// # Errors
    /// Besides [`Error::ManifestInvalid`]: [`Error::ManifestDigestMismatch`], [`Error::ManifestBlobUnknown`],
    /// [`Error::SizeMismatch`], [`Error::QuotaExceeded`], [`Error::NamespaceFull`].
    pub async fn put(&self, access: &Access<Push>, push: ManifestPush) -> Result<PushedManifest> {
        let mut plan = Arc::new(PushPlan::make(&push)?);
        let mut done = self.try_put(access, &plan).await;
        if let (Ok(false), Some(source)) = (&done, plan.unread_labels()) {
            let end = labelled_end(&self.core, &access.key(), source).await?;
            Arc::make_mut(&mut plan).read_labels(end);
            done = self.try_put(access, &plan).await;
        }
        quota_refusals::told(&self.core, access, done).await?;
        Ok(PushedManifest {
            digest: plan.digest.clone(),
            subject: plan.subject.clone(),
            tags: push.tags,
        })
    }

    /// One transaction of a push. Nothing is pushed, and the answer is no, where labels have to be read before.
    async fn try_put(&self, access: &Access<Push>, plan: &Arc<PushPlan>) -> Result<bool> {
        let (core, access, plan) = (self.core.clone(), access.clone(), plan.clone());
        let done = self.core.metadata.write(move |tx| {
            let repository = ensure_repository(&core, tx, &access)?;
            let protection = match plan.tags.as_slice() {
                [] => Protection::none(),
                _ => Protection::of(tx, &repository, &access.repository)?,
            };
            if protection.reads_labels() && plan.unread_labels().is_some() {
                return Ok(false);
            }
            let (manifest, growth) = match tx.keep_manifest(&repository, &plan.digest)? {
                Some(manifest) => {
                    tx.renew_manifest_push(&manifest, core.now_ms())?;
                    (manifest, None)
                }
                None => store(&core, tx, &access, &repository, &plan)?,
            };
            let is_new = growth.is_some();
            let mut moved = Vec::new();
            for tag in &plan.tags {
                let owner = (&access.account, &repository);
                let to = (manifest.as_str(), &plan.digest);
                let now_ms = core.now_ms();
                let until = plan.ends_at_ms(now_ms);
                if protection.put_tag(tx, owner, tag, to, (now_ms, until))? {
                    moved.push(tag.clone());
                }
            }
            record_push(&core, tx, &access, &plan, is_new, moved)?;
            tx.touch_repository(&access.repository);
            // Last, because all pushes of an account wait for each other from here to the commit.
            if let Some(growth) = growth {
                growth.settle(&core, tx, &access)?;
            }
            Ok(true)
        });
        done.await
    }

    /// Deletes those of some manifests that no tag points at and no index names, with their loose referrers: what an index
    /// that was deleted had in it.
    pub(crate) async fn delete_loose(
        &self,
        access: &Access<Delete>,
        digests: Vec<Digest>,
    ) -> Result<()> {
        for digest in digests {
            loop {
                let (core, access, digest) = (self.core.clone(), access.clone(), digest.clone());
                let step = self.core.metadata.write(move |tx| {
                    let repository = get_repository(tx, &access)?;
                    // Before the manifest's row: whoever changes rules waits for this one, and not the other way round.
                    tx.keep_protection(&repository)?;
                    if !tx.take_if_loose(&repository, &digest)? {
                        return Ok(true);
                    }
                    tx.touch_repository(&access.repository);
                    delete_some(&core, tx, &access, &repository, &digest)
                });
                match step.await {
                    // What a rule or a lock protects meanwhile is not loose.
                    Ok(true) | Err(Error::Protected(_)) => break,
                    Ok(false) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Deletes a tag, or a manifest with its tags and its loose referrers.
    ///
    /// # Errors
    /// [`Error::ManifestUnknown`], [`Error::NameUnknown`].
    pub async fn delete(&self, access: &Access<Delete>, reference: &Reference) -> Result<()> {
        // A manifest with very many referrers goes in several transactions, itself last, so that no push waits long
        // and a crash in between leaves something that can be deleted again.
        loop {
            let (core, access, reference) = (self.core.clone(), access.clone(), reference.clone());
            let step = self.core.metadata.write(move |tx| {
                let repository = get_repository(tx, &access)?;
                tx.touch_repository(&access.repository);
                match &reference {
                    Reference::Tag(tag) => {
                        delete_tag(&core, tx, &access, &repository, tag).map(|()| true)
                    }
                    Reference::Digest(digest) => {
                        delete_some(&core, tx, &access, &repository, digest)
                    }
                }
            });
            if step.await? {
                return Ok(());
            }
        }
    }
}

/// Stores a manifest that the repository does not have, with everything it refers to. Answers with its id, and with what
/// is used more by it; without that, when another push of the same manifest was quicker.
fn store(
    core: &Core,
    tx: &mut Tx<'_>,
    access: &Access<Push>,
    repository: &RepositoryId,
    plan: &PushPlan,
) -> Result<(String, Option<Growth>)> {
    let account = &access.account;
    let manifest = NewManifest {
        id: core.ids.next_id(),
        digest: plan.digest.clone(),
        media_type: plan.media_type.to_owned(),
        artifact_type: plan.artifact_type.clone(),
        subject: plan.subject.clone(),
        annotations: plan.annotations.clone(),
        content: plan.content.clone(),
    };
    let created = tx.create_manifest(&manifest, account, repository, core.now_ms());
    let created = created.map_err(|error| match error {
        // The repository was deleted meanwhile: the next try makes it anew.
        MetadataError::ReferenceViolated => Error::Unavailable,
        error => error.into(),
    });
    if !created? {
        let theirs = tx.keep_manifest(repository, &plan.digest)?;
        return Ok((theirs.ok_or(Error::Unavailable)?, None));
    }
    let mut growth = Growth::default();
    let into = (repository, manifest.id.as_str());
    for (digest, claimed) in &plan.blobs {
        let Some((storage, actual)) = tx.keep_membership(repository, digest)? else {
            return Err(Error::ManifestBlobUnknown(digest.clone()));
        };
        if *claimed != actual {
            return Err(Error::SizeMismatch {
                digest: digest.clone(),
                claimed: *claimed,
                actual,
            });
        }
        growth.reference(tx, account, into, (storage.as_str(), digest, actual))?;
    }
    for digest in &plan.elsewhere {
        if let Some((storage, actual)) = tx.keep_membership(repository, digest)? {
            growth.reference(tx, account, into, (storage.as_str(), digest, actual))?;
        }
    }
    for child in &plan.children {
        if tx.keep_manifest(repository, child)?.is_none() && !core.settings.allows_sparse_indexes {
            return Err(Error::ManifestBlobUnknown(child.clone()));
        }
        tx.create_manifest_child(&manifest.id, repository, child)?;
    }
    if !growth.is_empty() {
        tx.forget_unreferenced_blobs_of(account, &manifest.id)?;
    }
    let limited = tx.list_repository(repository)?;
    growth.in_limited(tx, limited)?;
    Ok((manifest.id, Some(growth)))
}

fn record_push(
    core: &Core,
    tx: &mut Tx<'_>,
    access: &Access<Push>,
    plan: &PushPlan,
    is_new: bool,
    moved: Vec<Tag>,
) -> Result<()> {
    let (repository, digest) = (access.repository.clone(), plan.digest.clone());
    if is_new {
        let media_type = plan.media_type.to_owned();
        let event = Event::ManifestPushed {
            repository,
            digest,
            media_type,
            tags: moved,
        };
        core.record(tx, &event, access)
    } else if moved.is_empty() {
        Ok(())
    } else {
        core.record(
            tx,
            &Event::TagPut {
                repository,
                digest,
                tags: moved,
            },
            access,
        )
    }
}

fn delete_tag(
    core: &Core,
    tx: &mut Tx<'_>,
    access: &Access<Delete>,
    repository: &RepositoryId,
    tag: &Tag,
) -> Result<()> {
    let protection = Protection::of(tx, repository, &access.repository)?;
    let removal = removal_of(core, tx, access, (repository, &protection))?;
    let removed = remove_tag(core, tx, &removal, tag)?;
    removed.ok_or(Error::ManifestUnknown)?;
    removal.finish(tx)
}

/// Deletes a manifest after what is about it, and after what is about that. Says whether all of it is gone.
fn delete_some(
    core: &Core,
    tx: &mut Tx<'_>,
    access: &Access<Delete>,
    repository: &RepositoryId,
    digest: &Digest,
) -> Result<bool> {
    let protection = Protection::of(tx, repository, &access.repository)?;
    if tx.find_manifest_id(repository, digest)?.is_none() {
        return Err(Error::ManifestUnknown);
    }
    let removal = removal_of(core, tx, access, (repository, &protection))?;
    let mut freed = Freed::of(tx, repository)?;
    let is_done = remove_with_referrers(core, tx, &removal, digest, &mut freed)?;
    // Last, as in a push.
    freed.settle(tx, &access.account)?;
    removal.finish(tx)?;
    Ok(is_done)
}

/// How a caller's deletions go.
fn removal_of<'a>(
    core: &Core,
    tx: &Tx<'_>,
    access: &'a Access<Delete>,
    (repository, protection): (&'a RepositoryId, &'a Protection),
) -> Result<Removal<'a>> {
    Ok(Removal {
        protection,
        account: &access.account,
        repository: (repository, &access.repository),
        by: (&access.caller, &access.origin),
        trash: Keep::of(core, tx, &access.account)?,
        is_whole: false,
        is_told: true,
    })
}
