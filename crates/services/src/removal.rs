//! Taking manifests and tags out of a repository: what each way of deleting does with one of them, and what it leaves in the
//! trash.

mod many;

use crate::Result;
use crate::core::Core;
use crate::growth::Freed;
use crate::protection::Protection;
use crate::trash::TrashSettings;
pub(crate) use many::remove_many;
use metadata::{ExcessTags, Trashing, Tx};
use model::caller::Origin;
use model::{AccountId, Caller, Event, RepositoryId};
use oci::{Digest, RepositoryName, Tag};

/// Manifests and tags that one transaction deletes, more or less.
pub(crate) const ROWS_AT_ONCE: usize = 200;
/// Tags that one transaction takes from a manifest that has more.
const TAGS_AT_ONCE: i64 = 200;

/// For how long what is deleted can be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keep {
    period_ms: i64,
}

impl Keep {
    /// As long as the account decided. Asked once in a transaction.
    pub(crate) fn of(core: &Core, tx: &Tx<'_>, account: &AccountId) -> Result<Self> {
        let settings = tx.find_account_settings(account)?;
        let period_ms = TrashSettings::of(&settings).period_ms(core);
        Ok(Self { period_ms })
    }

    /// Not at all.
    pub(crate) fn never() -> Self {
        Self { period_ms: 0 }
    }

    /// How something goes into the trash; `None` when it does not.
    pub(crate) fn trashing<'a>(
        self,
        core: &Core,
        account: &'a AccountId,
        (by, parent): (&'a Caller, Option<&'a str>),
    ) -> Option<Trashing<'a>> {
        (self.period_ms > 0).then(|| Trashing {
            account,
            parent,
            deleted_by: by.display_name(),
            now_ms: core.now_ms(),
            period_ms: self.period_ms,
        })
    }
}

/// From where manifests and tags are removed, by whom, and for how long they can be restored.
pub(crate) struct Removal<'a> {
    pub(crate) account: &'a AccountId,
    pub(crate) repository: (&'a RepositoryId, &'a RepositoryName),
    pub(crate) by: (&'a Caller, &'a Origin),
    pub(crate) trash: Keep,
    /// What rules and locks forbid to remove.
    pub(crate) protection: &'a Protection,
    /// Whether all of the repository goes: then it comes back with it.
    pub(crate) is_whole: bool,
    /// Whether each of them gets an event.
    pub(crate) is_told: bool,
}

impl<'a> Removal<'a> {
    fn trashing(&self, core: &Core) -> Option<Trashing<'a>> {
        let parent = self.is_whole.then(|| self.repository.0.as_str());
        self.trash.trashing(core, self.account, (self.by.0, parent))
    }

    /// Last in a transaction that removed something: asks for a look at how much there is in the trash.
    pub(crate) fn finish(&self, tx: &mut Tx<'_>) -> Result<()> {
        if self.trash == Keep::never() {
            return Ok(());
        }
        Ok(tx.request_trash_recount(self.account)?)
    }
}

/// Removes one manifest, and counts what that frees. Says whether there was one. Whoever may come to a manifest with very many
/// tags asks [`untag_some`] first; whoever is done calls [`Removal::finish`].
pub(crate) fn remove_one(
    core: &Core,
    tx: &mut Tx<'_>,
    removal: &Removal<'_>,
    digest: &Digest,
    freed: &mut Freed,
) -> Result<bool> {
    let (repository, name) = removal.repository;
    removal.protection.ask_manifest(tx, digest)?;
    let Some(removed) = tx.remove_manifest(repository, digest)? else {
        return Ok(false);
    };
    let now_ms = core.now_ms();
    for (storage, blob) in &removed.blobs {
        freed.drop_reference(tx, removal.account, blob)?;
        // The trash keeps the blob, but not the repository's right to serve it.
        let due_at_ms = now_ms + core.settings.grace_period_ms;
        tx.enqueue_lease_review(repository, (storage, blob), due_at_ms)?;
    }
    if let Some(how) = removal.trashing(core) {
        tx.trash_manifest(&how, (repository, digest), &removed, || core.ids.next_id())?;
    }
    if removal.is_told {
        let event = Event::ManifestDeleted {
            repository: name.clone(),
            digest: digest.clone(),
            tags: removed.tags,
        };
        core.record_for(tx, &event, removal.account, removal.by)?;
    }
    Ok(true)
}

/// Deletes a manifest after what is about it and nothing else keeps, and after what is about that. Says whether all of it is gone:
/// when not, it goes on in another transaction.
pub(crate) fn remove_with_referrers(
    core: &Core,
    tx: &mut Tx<'_>,
    removal: &Removal<'_>,
    digest: &Digest,
    freed: &mut Freed,
) -> Result<bool> {
    let repository = removal.repository.0;
    let mut path = vec![digest.clone()];
    let mut rows = 0;
    while let Some(last) = path.last() {
        if let Some(referrer) = tx.take_loose_referrer(repository, last)? {
            path.push(referrer);
            continue;
        }
        let tags = untag_some(core, tx, removal, last)?;
        let Some(tags) = tags.filter(|tags| rows == 0 || rows + tags < ROWS_AT_ONCE) else {
            break;
        };
        remove_one(core, tx, removal, last, freed)?;
        rows += 1 + tags;
        path.pop();
    }
    Ok(path.is_empty())
}

/// Takes some tags from a manifest that has too many to go with it at once: then the manifest goes in a later transaction, and so
/// do the rest of its tags. Says how many it has that go with it; `None` when some were taken.
pub(crate) fn untag_some(
    core: &Core,
    tx: &mut Tx<'_>,
    removal: &Removal<'_>,
    digest: &Digest,
) -> Result<Option<usize>> {
    let (repository, name) = removal.repository;
    removal.protection.ask_manifest(tx, digest)?;
    let (manifest, tags) = match tx.take_excess_tags(repository, digest, TAGS_AT_ONCE)? {
        ExcessTags::None(count) => return Ok(Some(count)),
        ExcessTags::Taken(manifest, tags) => (manifest, tags),
    };
    let how = removal.trashing(core);
    for tag in &tags {
        if let Some(how) = how {
            let with_it = Trashing {
                parent: Some(&manifest),
                ..how
            };
            let id = core.ids.next_id();
            tx.trash_tag(&with_it, &id, (repository, tag), digest)?;
        }
        if let Some(tag) = Tag::parse(tag).ok().filter(|_| removal.is_told) {
            let event = Event::TagDeleted {
                repository: name.clone(),
                tag,
                digest: digest.clone(),
            };
            core.record_for(tx, &event, removal.account, removal.by)?;
        }
    }
    Ok(None)
}

/// Removes one tag; what it points at stays. Answers with that, or `None` when there is no such tag. Whoever is done calls
/// [`Removal::finish`].
pub(crate) fn remove_tag(
    core: &Core,
    tx: &mut Tx<'_>,
    removal: &Removal<'_>,
    tag: &Tag,
) -> Result<Option<Digest>> {
    let (repository, name) = removal.repository;
    removal.protection.ask_tag(tx, tag)?;
    let Some(digest) = tx.delete_tag(repository, tag)? else {
        return Ok(None);
    };
    if let Some(how) = removal.trashing(core) {
        let id = core.ids.next_id();
        tx.trash_tag(&how, &id, (repository, tag.as_str()), &digest)?;
    }
    if removal.is_told {
        let event = Event::TagDeleted {
            repository: name.clone(),
            tag: tag.clone(),
            digest: digest.clone(),
        };
        core.record_for(tx, &event, removal.account, removal.by)?;
    }
    Ok(Some(digest))
}
