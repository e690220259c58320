//! Removing many manifests at once: as many questions as for one.

use super::Removal;
use crate::core::Core;
use crate::growth::Freed;
use crate::{Error, Result};
use metadata::{RemovedManifests, TrashedTag, Trashing, Tx};
use model::Event;
use oci::Digest;
use std::collections::BTreeMap;

/// Removes manifests that the transaction has taken, by their ids, and counts what that frees. Whoever asks has asked
/// whether they are protected, knows that they have not too many tags, and takes what is about them by itself.
pub(crate) fn remove_many(
    core: &Core,
    tx: &mut Tx<'_>,
    removal: &Removal<'_>,
    taken: &BTreeMap<String, &Digest>,
    freed: &mut Freed,
) -> Result<()> {
    if taken.is_empty() {
        return Ok(());
    }
    let repository = removal.repository.0;
    let ids: Vec<&str> = taken.keys().map(String::as_str).collect();
    let how = removal.trashing(core);
    if let Some(how) = &how {
        tx.trash_manifests(how, repository, &ids)?;
    }
    let removed = tx.remove_manifests(&ids)?;
    if removed.count != ids.len() {
        // They are locked.
        tracing::error!("manifests that were taken are gone");
        return Err(Error::Internal);
    }
    if let Some(how) = &how {
        trash_tags(core, tx, removal, how, (taken, &removed))?;
    }
    if removal.is_told {
        let events = events(removal, taken, &removed);
        core.record_all_for(tx, &events, removal.account, removal.by)?;
    }
    // The trash keeps the blobs, but not the repository's right to serve them.
    let due_at_ms = core.now_ms() + core.settings.grace_period_ms;
    tx.enqueue_lease_reviews(repository, &removed.blobs, due_at_ms)?;
    freed.drop_references(tx, removal.account, &removed.blobs)
}

fn trash_tags(
    core: &Core,
    tx: &mut Tx<'_>,
    removal: &Removal<'_>,
    how: &Trashing<'_>,
    (taken, removed): (&BTreeMap<String, &Digest>, &RemovedManifests),
) -> Result<()> {
    let ids: Vec<String> = removed.tags.iter().map(|_| core.ids.next_id()).collect();
    let tags: Vec<TrashedTag<'_>> = ids
        .iter()
        .zip(&removed.tags)
        .filter_map(|(id, (manifest, tag))| {
            let digest = taken.get(manifest)?.as_str();
            Some(TrashedTag {
                id,
                parent: manifest,
                digest,
                tag,
            })
        })
        .collect();
    Ok(tx.trash_tags(how, removal.repository.0, &tags)?)
}

fn events(
    removal: &Removal<'_>,
    taken: &BTreeMap<String, &Digest>,
    removed: &RemovedManifests,
) -> Vec<Event> {
    let mut tags: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (manifest, tag) in &removed.tags {
        tags.entry(manifest).or_default().push(tag.clone());
    }
    taken
        .iter()
        .map(|(id, digest)| Event::ManifestDeleted {
            repository: removal.repository.1.clone(),
            digest: (*digest).clone(),
            tags: tags.remove(id.as_str()).unwrap_or_default(),
        })
        .collect()
}
