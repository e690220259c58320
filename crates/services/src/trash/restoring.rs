//! Bringing back what was deleted: as it was, where it was, unless something stands there now.
//!
//! A restore is made of transactions of some manifests each; what it brought back is not in the trash any more, so one that was
//! broken off, or for which there was no room, goes on when it is asked for again. What is about a manifest and what it names
//! comes before it, as it went before it, and its tags come last.

mod manifests;
mod namespaces;

use super::Trash;
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::authorizer::Visible;
use crate::core::Core;
use crate::growth::Growth;
use crate::repositories::RepositoryRef;
use crate::{Error, Result};
use manifests::{Place, Step, restore_one, restore_tag, restore_tree};
use metadata::{Error as MetadataError, RepositoryKey, TrashItem, TrashKind, Tx};
use model::{AccountId, Action, Event, NamespaceId, RepositoryId};
pub(crate) use namespaces::KeptNamespace;
use oci::RepositoryName;

/// Manifests and tags that one transaction brings back.
pub(super) const AT_ONCE: usize = 50;

/// What a restore came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Manifests that are there again.
    pub manifests: u64,
    /// Tags that point where they did, with their repositories' names before them.
    pub tags: Vec<String>,
    /// Tags that stay in the trash, because others of the same names point elsewhere now.
    pub conflicts: Vec<String>,
}

/// Tags that an answer names, of each sort.
const NAMED: usize = 1000;

impl Restored {
    pub(super) fn add(&mut self, more: Self) {
        self.manifests += more.manifests;
        let room = NAMED.saturating_sub(self.tags.len());
        self.tags.extend(more.tags.into_iter().take(room));
        let room = NAMED.saturating_sub(self.conflicts.len());
        self.conflicts.extend(more.conflicts.into_iter().take(room));
    }
}

impl Trash {
    /// Something in the trash that the caller may know of.
    pub(super) async fn find(
        &self,
        by: &AccountContext,
        id: &str,
        places: &Visible,
    ) -> Result<TrashItem, Refused> {
        let (account, now_ms) = (by.id().clone(), self.core.now_ms());
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_trash(&account, id, now_ms)?));
        let found = found.await?;
        let found = found.filter(|item| places.contains(&item.namespace_id));
        Ok(found.ok_or_else(|| Error::NotFound("that in the trash".to_owned()))?)
    }

    /// Restores something from the trash with all that was deleted with it: into its namespace only for those who may push to
    /// it, a namespace for those who may make one.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] for a tag or a namespace of a name that is taken; [`Error::QuotaExceeded`] and
    /// [`Error::NamespaceFull`] when there is no room, what was brought back until then staying; [`Error::NotNow`] when the
    /// namespace is not there.
    pub async fn restore(&self, by: &AccountContext, id: &str) -> Result<Restored, Refused> {
        let places = self.places(by, Action::RepositoryPush).await?;
        let item = self.find(by, id, &places).await?;
        match item.kind {
            TrashKind::Manifest => self.restore_manifest(by, &item).await,
            TrashKind::Tag => self.restore_tag(by, &item).await,
            TrashKind::Repository => self.restore_repository(by, &item).await,
            TrashKind::Namespace => self.restore_namespace(by, &item).await,
        }
    }

    /// Restores the tag of a name that was deleted last from a repository, with its manifest if that is gone, too.
    ///
    /// # Errors
    /// As [`Trash::restore`].
    pub async fn restore_named_tag(
        &self,
        by: &AccountContext,
        repository: &RepositoryName,
        tag: &str,
    ) -> Result<Restored, Refused> {
        let namespace = self.namespace_of(by, repository).await?;
        let (account, now_ms) = (by.id().clone(), self.core.now_ms());
        let place = (&namespace, repository.as_str());
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_trashed_tag(&account, place, tag, now_ms)?));
        let item = found.await?;
        let item = item.ok_or_else(|| Error::NotFound(format!("the tag {tag} in the trash")))?;
        self.restore_tag(by, &item).await
    }

    /// Restores the manifest of a digest that was deleted last from a repository, with its tags.
    ///
    /// # Errors
    /// As [`Trash::restore`].
    pub async fn restore_digest(
        &self,
        by: &AccountContext,
        repository: &RepositoryName,
        digest: &str,
    ) -> Result<Restored, Refused> {
        let namespace = self.namespace_of(by, repository).await?;
        let (account, now_ms) = (by.id().clone(), self.core.now_ms());
        let place = (&namespace, repository.as_str());
        let found = self.core.metadata.list({
            let (namespace, repository) = (place.0.clone(), place.1.to_owned());
            let digest = digest.to_owned();
            move |reader| {
                let place = (&namespace, repository.as_str());
                Ok::<_, Error>(reader.find_trashed_manifest(&account, place, &digest, now_ms)?)
            }
        });
        let found = found.await?;
        let found = found.ok_or_else(|| Error::NotFound(format!("{digest} in the trash")))?;
        self.restore_manifest(by, &found.item).await
    }

    async fn namespace_of(
        &self,
        by: &AccountContext,
        repository: &RepositoryName,
    ) -> Result<NamespaceId, Refused> {
        if by.authenticated().caller.is_anonymous() {
            return Err(Refused::Unauthenticated);
        }
        let named = RepositoryRef {
            namespace: repository.namespace(),
            name: repository.path().unwrap_or_default(),
        };
        let action = Action::RepositoryPush;
        let namespace = self.authorizer.namespace_for(by, named, action).await?;
        Ok(namespace.id.clone())
    }

    async fn restore_manifest(
        &self,
        by: &AccountContext,
        item: &TrashItem,
    ) -> Result<Restored, Refused> {
        let mut all = Restored::default();
        loop {
            let (item, who) = (item.clone(), by.clone());
            let step = self.core.change(by, move |core, tx, account| {
                // What was pushed again leaves the trash, too, and is not counted as restored.
                let mut went_on = false;
                in_repository(core, tx, account, &item, &who, |step, tx, growth| {
                    let is_done = restore_tree(step, tx, growth, &item)?;
                    went_on = step.left < AT_ONCE;
                    Ok(is_done)
                })
                .map(|answer| ((answer, went_on), None))
            });
            let ((is_done, some), went_on) = step.await?;
            all.add(some);
            if is_done || !went_on {
                return Ok(all);
            }
        }
    }

    async fn restore_tag(
        &self,
        by: &AccountContext,
        item: &TrashItem,
    ) -> Result<Restored, Refused> {
        let (account, now_ms) = (by.id().clone(), self.core.now_ms());
        let of = item.clone();
        let manifest = self.core.metadata.list(move |reader| {
            // Before anything comes back: whether the name is taken.
            let name = RepositoryName::parse(&of.repository).map_err(|_| Error::Internal)?;
            let key = RepositoryKey {
                account_id: account.clone(),
                name,
            };
            let tag = oci::Tag::parse(&of.tag).map_err(|_| Error::Internal)?;
            let there = reader.find_manifest_by_tag(&key, &tag, None)?;
            if there.is_some_and(|there| there.digest.as_str() != of.digest) {
                return Err(Error::AlreadyExists(format!("the tag {tag}")));
            }
            let place = (&of.namespace_id, of.repository.as_str());
            Ok(reader.find_trashed_manifest(&account, place, &of.digest, now_ms)?)
        });
        let mut all = Restored::default();
        if let Some(manifest) = manifest.await? {
            all = self.restore_manifest(by, &manifest.item).await?;
        }
        let (item, who) = (item.clone(), by.clone());
        let name = item.repository.clone() + ":" + &item.tag;
        let step = self.core.change(by, move |core, tx, account| {
            let (_, some) = in_repository(core, tx, account, &item, &who, |step, tx, _| {
                restore_tag(step, tx, &item)?;
                Ok(true)
            })?;
            if !some.conflicts.is_empty() {
                return Err(Error::AlreadyExists(format!("the tag {}", item.tag)));
            }
            if some.tags.is_empty() && tx.take_trash(account, &item.id)?.is_some() {
                return Err(Error::NotNow(format!(
                    "the manifest {} that the tag {} pointed at is gone for good; push it again, then restore the tag",
                    item.digest, item.tag
                )));
            }
            Ok((some, None))
        });
        all.add(step.await?);
        if all.conflicts.contains(&name) {
            return Err(Error::AlreadyExists(format!("the tag {name}")).into());
        }
        Ok(all)
    }

    pub(super) async fn restore_repository(
        &self,
        by: &AccountContext,
        item: &TrashItem,
    ) -> Result<Restored, Refused> {
        let mut all = Restored::default();
        loop {
            let (item, who) = (item.clone(), by.clone());
            let step = self.core.change(by, move |core, tx, account| {
                let (is_done, some) =
                    in_repository(core, tx, account, &item, &who, |step, tx, growth| {
                        restore_some(step, tx, growth, &item)
                    })?;
                let event = is_done.then(|| Event::TrashRestored {
                    trash: item.repository.clone(),
                    repository: RepositoryName::parse(&item.repository).ok(),
                    digest: None,
                    tags: Vec::new(),
                });
                Ok(((is_done, some), event))
            });
            let (is_done, some) = step.await?;
            all.add(some);
            if is_done {
                return Ok(all);
            }
        }
    }
}

/// One transaction of a restore into a repository, which is made anew if it has gone. Says whether all is done, and what was.
fn in_repository(
    core: &Core,
    tx: &mut Tx<'_>,
    account: &AccountId,
    item: &TrashItem,
    by: &AccountContext,
    work: impl FnOnce(&mut Step<'_>, &mut Tx<'_>, &mut Growth) -> Result<bool>,
) -> Result<(bool, Restored)> {
    let name = RepositoryName::parse(&item.repository).map_err(|_| Error::Internal)?;
    // From here on the namespace stays: nothing is restored into one that is deleted.
    if !tx.keep_namespace(account, &item.namespace_id, &item.namespace)? {
        let text = format!(
            "the namespace {} that it was in was deleted; restore that first",
            item.namespace
        );
        return Err(Error::NotNow(text));
    }
    let repository = ensure(core, tx, account, item, &name)?;
    tx.keep_repository(&repository)?;
    let mut growth = Growth::default();
    let mut step = Step {
        core,
        by,
        place: Place {
            account,
            namespace: &item.namespace_id,
            repository: &repository,
            name: &name,
        },
        left: AT_ONCE,
        restored: Restored::default(),
    };
    let is_done = work(&mut step, tx, &mut growth)?;
    let restored = step.restored;
    if restored.manifests > 0 {
        let limited = tx.list_repository(&repository)?;
        growth.in_limited(tx, limited)?;
    }
    tx.touch_repository(&name);
    // Last, as in a push.
    growth.settle_in(core, tx, (account, &name))?;
    Ok((is_done, restored))
}

/// The repository of a name, made anew if there is none: with the identifier and the description that it had, if it was deleted.
fn ensure(
    core: &Core,
    tx: &mut Tx<'_>,
    account: &AccountId,
    item: &TrashItem,
    name: &RepositoryName,
) -> Result<RepositoryId> {
    let key = RepositoryKey {
        account_id: account.clone(),
        name: name.clone(),
    };
    if let Some(found) = tx.find_repository(&key)? {
        // Something in it was restored before it was, or pushed.
        describe(core, tx, item, &found.id)?;
        return Ok(found.id);
    }
    // What was deleted with it knows it by that.
    let former = match item.kind {
        TrashKind::Repository => Some(item.id.clone()),
        _ => item
            .parent
            .clone()
            .filter(|_| item.kind == TrashKind::Manifest),
    };
    let id = RepositoryId::new(former.unwrap_or_else(|| core.ids.next_id()));
    let now_ms = core.now_ms();
    match tx.create_repository(&id, &key, &item.namespace_id, now_ms) {
        Ok(true) => {}
        Ok(false) => return Ok(tx.find_repository(&key)?.ok_or(Error::Unavailable)?.id),
        Err(MetadataError::ReferenceViolated) => {
            return Err(Error::NamespaceUnknown(item.namespace.clone()));
        }
        Err(error) => return Err(error.into()),
    }
    describe(core, tx, item, &id)?;
    Ok(id)
}

/// Gives a repository that comes back the description that it had, unless it has another.
fn describe(core: &Core, tx: &mut Tx<'_>, item: &TrashItem, id: &RepositoryId) -> Result<()> {
    if item.kind == TrashKind::Repository {
        tx.restore_repository_description(id, &item.id, core.now_ms())?;
    }
    Ok(())
}

/// Brings back some of what was deleted with a repository, and takes it out of the trash when nothing is left.
fn restore_some(
    step: &mut Step<'_>,
    tx: &mut Tx<'_>,
    growth: &mut Growth,
    item: &TrashItem,
) -> Result<bool> {
    let account = step.place.account;
    if tx.take_trash(account, &item.id)?.is_none() {
        return Ok(true);
    }
    let limit = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
    let within = tx.list_trash_within(account, &item.id, limit)?;
    for one in &within {
        if step.left == 0 {
            return Ok(false);
        }
        match one.kind {
            // It has more tags than come back at once.
            TrashKind::Manifest if !restore_one(step, tx, growth, one)? => return Ok(false),
            TrashKind::Manifest => {}
            TrashKind::Tag => restore_tag(step, tx, one)?,
            // Nothing else is deleted with a repository.
            TrashKind::Repository | TrashKind::Namespace => tx.part_trash(&one.id)?,
        }
    }
    if within.len() < AT_ONCE {
        tx.forget_trash(&item.id)?;
        return Ok(true);
    }
    Ok(false)
}
