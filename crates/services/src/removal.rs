//! Taking manifests out of a repository: what each way of deleting does with one of them.

use crate::Result;
use crate::core::Core;
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
}

/// Removes one manifest. Answers with the bytes that the account uses less by that.
pub(crate) fn remove_one(
    core: &Core,
    tx: &mut Tx<'_>,
    removal: &Removal<'_>,
    digest: &Digest,
) -> Result<u64> {
    let (repository, name) = removal.repository;
    let Some(removed) = tx.remove_manifest(repository, digest)? else {
        return Ok(0);
    };
    let now_ms = core.now_ms();
    let mut freed_bytes = 0_u64;
    for (storage, blob) in &removed.blobs {
        freed_bytes = freed_bytes.saturating_add(tx.drop_reference(removal.account, blob)?);
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
    let event = Event::ManifestDeleted {
        repository: name.clone(),
        digest: digest.clone(),
        tags: removed.tags,
    };
    core.record_for(tx, &event, removal.account, removal.by)?;
    Ok(freed_bytes)
}
