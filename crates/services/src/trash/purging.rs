//! What goes from the trash for good: because its time has come, because there is too much, or because people say so.

use super::{Trash, TrashSettings, limit_of};
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::authorizer::Visible;
use crate::core::Core;
use crate::maintenance::Maintenance;
use crate::{Error, Result};
use metadata::{Reader, TrashKind, Tx};
use model::{AccountId, Action, Event};
use oci::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Things that one transaction purges, and references after which it ends: pushes wait for it.
const ITEMS: i64 = 200;
const ROWS: usize = 2000;
/// For how long moves of tags are known, and how many of one tag.
pub(crate) const MOVES_KEPT_MS: i64 = 180 * 86_400_000;

/// Blobs that something in the trash kept, by storage and digest, with their sizes.
type Freed = BTreeMap<(String, Digest), u64>;

/// Takes things out of the trash for good, whose they are being the same. Looks at blobs are asked for last and in one order,
/// so that purges do not wait for each other for ever. Answers with how many went, and their blobs.
fn purge(
    core: &Core,
    tx: &mut Tx<'_>,
    account: &AccountId,
    items: &[String],
    rows: &mut usize,
) -> Result<(usize, Freed)> {
    let mut ids: Vec<&String> = items.iter().collect();
    ids.sort_unstable();
    let (mut gone, mut blobs) = (0, Freed::new());
    for id in ids {
        if *rows >= ROWS {
            break;
        }
        // Somebody may have restored it.
        let Some(item) = tx.take_trash(account, id)? else {
            continue;
        };
        if item.kind == TrashKind::Manifest {
            // They point at nothing without it.
            for tag in tx.list_trash_within(account, id, ITEMS)? {
                if tx.take_trash(account, &tag.id)?.is_some() {
                    tx.forget_trash(&tag.id)?;
                    *rows += 1;
                    gone += 1;
                }
            }
        }
        let kept = tx.forget_trash(id)?;
        *rows += kept.len() + 1;
        gone += 1;
        blobs.extend(
            kept.into_iter()
                .map(|(storage, digest, size)| ((storage, digest), size)),
        );
    }
    let due_at_ms = core.now_ms() + core.settings.grace_period_ms;
    for (storage, digest) in blobs.keys() {
        tx.enqueue_review(storage, digest, due_at_ms)?;
    }
    Ok((gone, blobs))
}

fn purged(count: usize, reason: &str) -> Event {
    Event::TrashPurged {
        count: u64::try_from(count).unwrap_or(u64::MAX),
        reason: reason.to_owned(),
    }
}

impl Maintenance {
    /// Purges from the trash what has been there long enough or is too much, takes over what older programs put there, and
    /// forgets old moves of tags. Says how much; call again while any goes.
    pub async fn purge_trash(&self) -> Result<usize> {
        let core = self.core().clone();
        let adopted = core.clone();
        let count = core
            .metadata
            .write(move |tx| {
                let owners = tx.adopt_old_trash(None, ITEMS, || adopted.ids.next_id())?;
                for owner in &owners {
                    tx.request_trash_recount(owner)?;
                }
                Ok::<_, Error>(owners.len())
            })
            .await;
        let due = core.clone();
        let gone = core.metadata.write(move |tx| purge_due(&due, tx)).await?;
        let settled = settle_some(&core).await;
        let old = core.clone();
        let moves = core
            .metadata
            .write(move |tx| {
                Ok::<_, Error>(tx.forget_tag_moves(old.now_ms() - MOVES_KEPT_MS, ITEMS)?)
            })
            .await?;
        // What could not be taken over keeps nothing else from going.
        Ok(count? + gone + settled? + moves)
    }
}

fn purge_due(core: &Core, tx: &mut Tx<'_>) -> Result<usize> {
    let due = tx.list_due_trash(core.now_ms(), ITEMS)?;
    let mut of: BTreeMap<String, (AccountId, Vec<String>)> = BTreeMap::new();
    for (account, id) in due {
        let entry = of.entry(account.as_str().to_owned());
        entry.or_insert_with(|| (account, Vec::new())).1.push(id);
    }
    let (mut all, mut rows) = (0, 0);
    for (account, items) in of.values() {
        let (gone, _) = purge(core, tx, account, items, &mut rows)?;
        if gone > 0 {
            core.record_by_itself(tx, &purged(gone, "expired"), account)?;
        }
        all += gone;
    }
    Ok(all)
}

/// Looks at the trash of accounts that grew, or may keep less since: each once, so that one that grows all the time leaves
/// the others their turn. Says how many; 0 when nobody waits.
async fn settle_some(core: &Arc<Core>) -> Result<usize> {
    let waiting = core
        .metadata
        .list(|reader| Ok::<_, Error>(reader.list_trash_recounts(ITEMS)?));
    let waiting = waiting.await?;
    let mut failed = None;
    for (account, version) in &waiting {
        if let Err(error) = settle(core, account).await {
            // The others have their turn all the same.
            tracing::error!(%error, account = account.as_str(), "the trash of an account could not be looked at");
            failed = Some(error);
            continue;
        }
        let (account, version) = (account.clone(), *version);
        core.metadata
            .write(move |tx| Ok::<_, Error>(tx.end_trash_recount(&account, version)?))
            .await?;
    }
    failed.map_or(Ok(waiting.len()), Err)
}

/// For how long an account keeps what it deletes, and how much of it, as it is decided now: each step asks again, because
/// what a step takes does not come back.
fn kept(core: &Core, reader: &Reader<'_>, account: &AccountId) -> Result<(i64, u64)> {
    let settings = TrashSettings::of(&reader.find_account_settings(account)?);
    let (_, storage) = reader.get_usage(account)?;
    let limit = limit_of(settings, storage).unwrap_or(u64::MAX);
    Ok((settings.period_ms(core), limit))
}

async fn settle(core: &Arc<Core>, account: &AccountId) -> Result<()> {
    let metadata = &core.metadata;
    loop {
        let (own, of) = (core.clone(), account.clone());
        let shortened = metadata.write(move |tx| {
            let (period_ms, _) = kept(&own, tx, &of)?;
            Ok::<_, Error>(tx.shorten_trash(&of, period_ms, ITEMS)?)
        });
        if shortened.await? == 0 {
            break;
        }
    }
    loop {
        let of = account.clone();
        let size = metadata.list(move |reader| Ok::<_, Error>(reader.get_trash_size(&of)?));
        let (own, of, size) = (core.clone(), account.clone(), size.await?);
        let gone = metadata.write(move |tx| {
            let (_, limit) = kept(&own, tx, &of)?;
            if size <= limit {
                return Ok(0);
            }
            // Something may have been restored since, and what is purged does not come back.
            match tx.get_trash_size(&of)?.saturating_sub(limit) {
                0 => Ok(0),
                over => purge_oldest(&own, tx, &of, over),
            }
        });
        if gone.await? == 0 {
            return Ok(());
        }
    }
}

/// Purges what was deleted first, one after the other, until enough is free or the step is long enough. Says how many went.
fn purge_oldest(core: &Core, tx: &mut Tx<'_>, account: &AccountId, over: u64) -> Result<usize> {
    let oldest = tx.list_oldest_trash(account, ITEMS)?;
    let (mut all, mut freed, mut rows) = (0, 0_u64, 0);
    for id in oldest {
        if freed >= over || rows >= ROWS {
            break;
        }
        let (gone, blobs) = purge(core, tx, account, &[id], &mut rows)?;
        all += gone;
        let mut seen = BTreeSet::new();
        for ((_, digest), size_bytes) in &blobs {
            if seen.insert(digest) && tx.is_free_of(account, digest)? {
                freed = freed.saturating_add(*size_bytes);
            }
        }
    }
    if all > 0 {
        core.record_by_itself(tx, &purged(all, "limit"), account)?;
    }
    Ok(all)
}

/// Takes some of what an account has in the trash away, because the account goes. Says how much.
pub(crate) fn destroy_some(core: &Core, tx: &mut Tx<'_>, account: &AccountId) -> Result<usize> {
    let oldest = tx.list_oldest_trash(account, ITEMS)?;
    Ok(purge(core, tx, account, &oldest, &mut 0)?.0)
}

impl Trash {
    /// Purges all that is in the trash of an account, in steps. Says how much that was.
    pub async fn empty(&self, by: &AccountContext) -> Result<u64, Refused> {
        self.authorizer
            .require(by, Action::ConfigurationUpdate)
            .await?;
        let mut all = 0;
        // What is deleted meanwhile stays.
        let until_ms = self.core.now_ms();
        loop {
            let step = self.core.change(by, move |core, tx, account| {
                let oldest = tx.list_oldest_trash(account, ITEMS)?;
                let mut ids = Vec::with_capacity(oldest.len());
                for id in oldest {
                    let item = tx.take_trash(account, &id)?;
                    if item.is_some_and(|item| item.deleted_at_ms <= until_ms) {
                        ids.push(id);
                    }
                }
                let (gone, _) = purge(core, tx, account, &ids, &mut 0)?;
                let count = gone as u64;
                let event = (gone > 0).then_some(Event::TrashEmptied { count, trash: None });
                Ok((count, event))
            });
            match step.await? {
                0 => return Ok(all),
                gone => all += gone,
            }
        }
    }

    /// Purges one thing from the trash, with all that was deleted with it.
    pub async fn purge_one(&self, by: &AccountContext, id: &str) -> Result<(), Refused> {
        let places = self.places(by, Action::ArtifactDelete).await?;
        let item = self.find(by, id, &places).await?;
        if item.repository.is_empty() && !matches!(places, Visible::All) {
            return Err(Refused::Forbidden);
        }
        loop {
            let root = item.id.clone();
            let step = self.core.change(by, move |core, tx, account| {
                let (ids, is_last) = tree(tx, account, &root)?;
                let (gone, _) = purge(core, tx, account, &ids, &mut 0)?;
                let count = gone as u64;
                let trash = Some(root);
                let event = (gone > 0).then_some(Event::TrashEmptied { count, trash });
                Ok((gone == 0 || is_last, event))
            });
            if step.await? {
                return Ok(());
            }
        }
    }
}

/// Some of what was deleted with something and has nothing in it; itself, when nothing else is left. Says whether that is all.
fn tree(tx: &Tx<'_>, account: &AccountId, root: &str) -> Result<(Vec<String>, bool)> {
    let mut at = root.to_owned();
    loop {
        let within = tx.list_trash_within(account, &at, ITEMS)?;
        if within.is_empty() {
            let is_last = at == root;
            return Ok((vec![at], is_last));
        }
        let mut empty = Vec::with_capacity(within.len());
        let mut full = None;
        for item in within {
            // A manifest takes its tags with it, if they are not too many.
            let alone = match item.kind {
                TrashKind::Manifest => ITEMS,
                _ => 1,
            };
            let inside = tx.list_trash_within(account, &item.id, alone)?;
            if i64::try_from(inside.len()).is_ok_and(|count| count < alone) {
                empty.push(item.id);
            } else {
                full = Some(item.id);
                break;
            }
        }
        match full {
            Some(full) if empty.is_empty() => at = full,
            _ => return Ok((empty, false)),
        }
    }
}
