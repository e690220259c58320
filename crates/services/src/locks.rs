//! Locks of one tag or one manifest: as long as it is locked, it is neither changed nor deleted.

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::repositories::RepositoryRef;
use crate::{Error, Result};
use metadata::{LockKind, LockRow, NewLock};
use model::{Action, Event};
use oci::{Digest, Reference, RepositoryName, Tag};
use std::sync::Arc;

/// A lock as people see it.
pub type LockView = LockRow;

/// What is locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Locked {
    /// A tag: it does not move, and is not deleted.
    Tag(Tag),
    /// A manifest: it is not deleted, and no tag of it moves away or is deleted.
    Manifest(Digest),
}

impl Locked {
    pub(crate) fn of(reference: Reference) -> Self {
        match reference {
            Reference::Tag(tag) => Self::Tag(tag),
            Reference::Digest(digest) => Self::Manifest(digest),
        }
    }

    pub(crate) fn kind(&self) -> LockKind {
        match self {
            Self::Tag(_) => LockKind::Tag,
            Self::Manifest(_) => LockKind::Manifest,
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Tag(tag) => tag.as_str(),
            Self::Manifest(digest) => digest.as_str(),
        }
    }

    fn event(self, repository: RepositoryName, is_locked: bool) -> Event {
        let (tag, digest) = match self {
            Self::Tag(tag) => (Some(tag), None),
            Self::Manifest(digest) => (None, Some(digest)),
        };
        if is_locked {
            Event::LockCreated {
                repository,
                tag,
                digest,
            }
        } else {
            Event::LockDeleted {
                repository,
                tag,
                digest,
            }
        }
    }
}

/// Locks, and tags that end by themselves.
pub struct Locks {
    pub(crate) core: Arc<Core>,
    pub(crate) authorizer: Arc<Authorizer>,
}

impl Locks {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// Locks of a repository's tags or manifests, after `after`, by name.
    pub async fn list(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
        kind: LockKind,
        (after, limit): (&str, i64),
    ) -> Result<Vec<LockView>, Refused> {
        let action = Action::ImmutableTagList;
        let place = self.authorizer.repository(by, named, action).await?;
        let after = after.to_owned();
        let found = self.core.metadata.list(move |reader| {
            Ok::<_, Error>(reader.list_locks_of(&place.id, kind, &after, limit)?)
        });
        Ok(found.await?)
    }

    /// Whether a tag or manifest of a repository is locked.
    pub async fn is_locked(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
        what: Reference,
    ) -> Result<bool, Refused> {
        let action = Action::ImmutableTagList;
        let place = self.authorizer.repository(by, named, action).await?;
        let what = Locked::of(what);
        let found = self.core.metadata.read(|reader| {
            Ok::<_, Error>(reader.is_locked(&place.id, what.kind(), what.name())?)
        });
        Ok(found.await?)
    }

    /// Locks a tag or manifest of a repository. Nothing comes of it when it is locked.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the repository has no such tag or manifest.
    pub async fn lock(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
        what: Reference,
    ) -> Result<(), Refused> {
        let action = Action::ImmutableTagCreate;
        let place = self.authorizer.repository(by, named, action).await?;
        let what = Locked::of(what);
        let who = by.authenticated().caller.display_name().to_owned();
        let locked = self.core.change(by, move |core, tx, account| {
            let unknown = || Error::NotFound(format!("{} in {}", what.name(), place.name));
            // After those who are changing something here, and before whoever comes next.
            if !tx.take_protection(&place.namespace.id)? {
                return Err(unknown());
            }
            let is_there = match &what {
                Locked::Tag(tag) => tx.take_tag(&place.id, tag)?.is_some(),
                Locked::Manifest(digest) => tx.keep_manifest(&place.id, digest)?.is_some(),
            };
            if !is_there {
                return Err(unknown());
            }
            let id = core.ids.next_id();
            let is_new = tx.create_lock(&NewLock {
                id: &id,
                account,
                namespace: &place.namespace.id,
                repository: &place.id,
                kind: what.kind(),
                name: what.name(),
                by: &who,
                now_ms: core.now_ms(),
            })?;
            tx.settle_protection(&place.namespace.id)?;
            let event = is_new.then(|| what.event(place.name, true));
            Ok(((), event))
        });
        Ok(locked.await?)
    }

    /// Takes the lock of a tag or manifest away.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not locked.
    pub async fn unlock(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
        what: Reference,
    ) -> Result<(), Refused> {
        let action = Action::ImmutableTagDelete;
        let place = self.authorizer.repository(by, named, action).await?;
        let what = Locked::of(what);
        let unlocked = self.core.change(by, move |_, tx, _| {
            tx.take_protection(&place.namespace.id)?;
            if !tx.delete_lock(&place.id, what.kind(), what.name())? {
                let text = format!("a lock of {} in {}", what.name(), place.name);
                return Err(Error::NotFound(text));
            }
            tx.settle_protection(&place.namespace.id)?;
            Ok(((), Some(what.event(place.name, false))))
        });
        Ok(unlocked.await?)
    }
}
