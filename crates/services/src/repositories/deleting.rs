//! Deleting a repository with everything in it.

use super::{Place, Repositories, RepositoryRef};
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::core::Core;
use crate::growth::Freed;
use crate::protection::{Protection, ask_repository};
use crate::removal::{Keep, ROWS_AT_ONCE, Removal, remove_one, untag_some};
use crate::{Error, Result};
use metadata::Tx;
use model::{Action, Event, NamespaceId, RepositoryId};
use std::sync::Arc;

/// Manifests, and then rows of other kinds, that one transaction takes away: pushes wait for it.
const MANIFESTS: i64 = 200;
const ROWS: i64 = 1000;

impl Repositories {
    /// Deletes a repository: its manifests, tags, uploads, and itself. It can be restored for as long as the account keeps
    /// what was deleted. A large one goes in several transactions, itself last, so that no push waits long and a crash in between
    /// leaves something that can be deleted again.
    pub async fn delete(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
    ) -> Result<(), Refused> {
        let action = Action::RepositoryDelete;
        let place = self.authorizer.repository(by, named, action).await?;
        Ok(delete_whole(&self.core, by, &place, None).await?)
    }
}

/// Deletes a repository whose caller may; with its namespace, if that is given.
pub(crate) async fn delete_whole(
    core: &Arc<Core>,
    by: &AccountContext,
    place: &Place,
    within: Option<&NamespaceId>,
) -> Result<()> {
    // Before any of it is gone.
    ask_repository(core, by.id(), &place.id, &place.name).await?;
    loop {
        let within = within.cloned();
        let (place, who) = (place.clone(), by.clone());
        let step = core.change(by, move |core, tx, _| {
            let is_gone = delete_some(core, tx, &who, (&place, within.as_ref()))?;
            let repository = place.name;
            let event = is_gone.then_some(Event::RepositoryDeleted { repository });
            Ok((is_gone, event))
        });
        if step.await? {
            return Ok(());
        }
    }
}

/// Takes some of a repository away. Says whether all of it is gone.
fn delete_some(
    core: &Core,
    tx: &mut Tx<'_>,
    by: &AccountContext,
    (place, within): (&Place, Option<&NamespaceId>),
) -> Result<bool> {
    // In each step: a rule or a lock may have come since the last one.
    let protection = Protection::of(tx, &place.id, &place.name)?;
    // Whoever pushes to it now waits, and is told afterwards that it is not there, or makes it anew.
    if !tx.take_repository(&place.id)? {
        return Err(Error::NotFound(format!("the repository {}", place.name)));
    }
    let removal = Removal {
        account: by.id(),
        repository: (&place.id, &place.name),
        by: (&by.context.authenticated.caller, &by.context.origin),
        trash: Keep::of(core, tx, by.id())?,
        protection: &protection,
        is_whole: true,
        is_told: true,
    };
    let digests = tx.list_manifest_digests(&place.id, MANIFESTS)?;
    let mut freed = Freed::of(tx, &place.id)?;
    let mut is_last = i64::try_from(digests.len()).is_ok_and(|count| count < MANIFESTS);
    let mut rows = 0;
    for digest in &digests {
        let tags = untag_some(core, tx, &removal, digest)?;
        let Some(tags) = tags.filter(|tags| rows == 0 || rows + tags < ROWS_AT_ONCE) else {
            is_last = false;
            break;
        };
        rows += 1 + tags;
        remove_one(core, tx, &removal, digest, &mut freed)?;
    }
    tx.touch_repository(&place.name);
    if is_last && removal.trash != Keep::never() {
        // What older programs deleted from it goes with the repository, if it is not taken over: some in each step.
        let adopted = tx.adopt_old_trash(Some(&place.id), MANIFESTS, || core.ids.next_id())?;
        is_last = adopted.is_empty();
    }
    let is_empty = is_last && empty(core, tx, &place.id)?;
    if is_empty {
        let parent = within.map(NamespaceId::as_str);
        let caller = &by.context.authenticated.caller;
        if let Some(how) = removal.trash.trashing(core, by.id(), (caller, parent)) {
            tx.trash_repository(&how, &place.id)?;
        }
        tx.delete_repository(&place.id, &place.name)?;
    }
    // Last, as in a push.
    freed.settle(tx, by.id())?;
    removal.finish(tx)?;
    Ok(is_empty)
}

/// Takes away what is no manifest. Says whether nothing is left.
pub(crate) fn empty(core: &Core, tx: &mut Tx<'_>, repository: &RepositoryId) -> Result<bool> {
    let now_ms = core.now_ms();
    let due_at_ms = now_ms + core.settings.grace_period_ms;
    let mut left = ROWS;
    while left > 0 {
        match tx.empty_repository(repository, now_ms, due_at_ms, left)? {
            0 => return Ok(true),
            gone => left -= i64::try_from(gone).unwrap_or(ROWS),
        }
    }
    Ok(false)
}
