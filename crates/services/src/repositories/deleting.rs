//! Deleting a repository with everything in it.

use super::{Place, Repositories, RepositoryRef};
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::core::Core;
use crate::growth::Freed;
use crate::removal::{Removal, remove_one};
use crate::{Error, Result};
use metadata::Tx;
use model::{Action, Event, RepositoryId};
use std::sync::Arc;

/// Manifests, and then rows of other kinds, that one transaction takes away: pushes wait for it.
const MANIFESTS: i64 = 200;
const ROWS: i64 = 1000;

impl Repositories {
    /// Deletes a repository: its manifests, tags, uploads, what of it is in the trash, and itself. Nothing of it can be
    /// restored. A large one goes in several transactions, itself last, so that no push waits long and a crash in between
    /// leaves something that can be deleted again.
    pub async fn delete(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
    ) -> Result<(), Refused> {
        let action = Action::RepositoryDelete;
        let place = self.authorizer.repository(by, named, action).await?;
        Ok(delete_whole(&self.core, by, &place).await?)
    }
}

/// Deletes a repository whose caller may.
pub(crate) async fn delete_whole(
    core: &Arc<Core>,
    by: &AccountContext,
    place: &Place,
) -> Result<()> {
    loop {
        let (place, who) = (place.clone(), by.clone());
        let step = core.change(by, move |core, tx, _| {
            let is_gone = delete_some(core, tx, &who, &place)?;
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
fn delete_some(core: &Core, tx: &mut Tx<'_>, by: &AccountContext, place: &Place) -> Result<bool> {
    // Whoever pushes to it now waits, and is told afterwards that it is not there, or makes it anew.
    if !tx.take_repository(&place.id)? {
        return Err(Error::NotFound(format!("the repository {}", place.name)));
    }
    let removal = Removal {
        account: by.id(),
        repository: (&place.id, &place.name),
        by: (&by.context.authenticated.caller, &by.context.origin),
        trash_ms: 0,
        is_told: true,
    };
    let digests = tx.list_manifest_digests(&place.id, MANIFESTS)?;
    let mut freed = Freed::of(tx, &place.id)?;
    for digest in &digests {
        remove_one(core, tx, &removal, digest, &mut freed)?;
    }
    tx.touch_repository(&place.name);
    let is_last = i64::try_from(digests.len()).is_ok_and(|count| count < MANIFESTS);
    let is_empty = is_last && empty(core, tx, &place.id)?;
    if is_empty {
        tx.delete_repository(&place.id, &place.name)?;
    }
    // Last, as in a push.
    freed.settle(tx, by.id())?;
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
