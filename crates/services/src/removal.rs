//! Taking manifests out of a repository: what each way of deleting does with one of them.

use crate::Result;
use crate::core::Core;
use crate::growth::Freed;
use metadata::{NewTrash, Tx};
use model::caller::Origin;
use model::{AccountId, Caller, Event, RepositoryId};
use oci::{Digest, RepositoryName};

/// From where manifests are removed, by whom, and for how long they can be restored.
pub(crate) struct Removal<'a> {
    pub(crate) account: &'a AccountId,
    pub(crate) repository: (&'a RepositoryId, &'a RepositoryName),
    pub(crate) by: (&'a Caller, &'a Origin),
    /// 0 when they are not to get into the trash.
    pub(crate) trash_ms: i64,
    /// Whether each of them gets an event.
    pub(crate) is_told: bool,
}

/// Removes one manifest, and counts what that frees. Says whether there was one.
pub(crate) fn remove_one(
    core: &Core,
    tx: &mut Tx<'_>,
    removal: &Removal<'_>,
    digest: &Digest,
    freed: &mut Freed,
) -> Result<bool> {
    let (repository, name) = removal.repository;
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
    if removal.trash_ms > 0 {
        let trash = NewTrash {
            id: &core.ids.next_id(),
            account_id: removal.account,
            repository_id: repository,
            digest,
            deleted_by: removal.by.0.display_name(),
            deleted_at_ms: now_ms,
            purge_at_ms: now_ms + removal.trash_ms,
        };
        tx.create_trash(&trash, &removed)?;
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
