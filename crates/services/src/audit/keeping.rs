//! Taking events out of the registry, and taking the oldest away.

use super::{Audit, AuditChain, Initiator};
use crate::access::Refused;
use crate::core::Core;
use crate::{Error, Result, outbox};
use metadata::{EventFilter, EventRow, Turn, Tx};
use model::{AccountId, Event, Page, caller::Origin};

/// Events of one page.
const PAGE: i64 = 200;
/// Events that one transaction purges.
pub(super) const PURGED_AT_ONCE: i64 = 500;

impl Audit {
    /// Sealed events by number after `after`, one page of them; none after the last.
    pub async fn export(
        &self,
        chain: AuditChain<'_>,
        after: i64,
    ) -> Result<Vec<EventRow>, Refused> {
        let owner = self.owner(chain).await?;
        let listed = self.core.metadata.list(move |reader| {
            Ok::<_, Error>(reader.list_sealed_events(owner.as_ref(), after, PAGE)?)
        });
        Ok(listed.await?)
    }

    /// Sealed events, the newest first, `limit` of those before the number `before`.
    pub async fn browse(
        &self,
        chain: AuditChain<'_>,
        filter: EventFilter,
        (before, limit): (i64, usize),
    ) -> Result<Page<EventRow>, Refused> {
        let owner = self.owner(chain).await?;
        let probe = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let listed = self.core.metadata.browse(move |reader| {
            Ok::<_, Error>(reader.browse_events(owner.as_ref(), &filter, (before, probe))?)
        });
        Ok(Page::from_probe(listed.await?, limit, |event| {
            event.number.unwrap_or_default().to_string()
        }))
    }

    /// Purges some of the oldest events: those before the first that is not older than `before_ms`. What follows can still
    /// be proven. That it was done is an event itself. Says how many went; call again while any do.
    pub async fn purge(&self, chain: AuditChain<'_>, before_ms: i64) -> Result<usize, Refused> {
        let owner = self.owner(chain).await?;
        let caller = chain.caller().clone();
        let core = self.core.clone();
        let purged = self.core.metadata.write(move |tx| {
            let by = Initiator::of(&caller, &Origin::default());
            purge_some(&core, tx, (owner.as_ref(), before_ms), &by)
        });
        Ok(purged.await?)
    }
}

/// Takes away some of the oldest events of a log: those before the first that is not older than `before_ms`.
pub(super) fn purge_some(
    core: &Core,
    tx: &mut Tx<'_>,
    (owner, before_ms): (Option<&AccountId>, i64),
    by: &Initiator,
) -> Result<usize> {
    purge_while(core, tx, (owner, by), |event, is_read| {
        event.at_ms < outbox::purged_before(before_ms, is_read)
    })
}

/// Takes away some of the oldest events of a log: those before the first of which `goes` says that it stays; it is told
/// whether everybody who is told of events has read it. The link of the last that goes stays as the chain's checkpoint.
pub(super) fn purge_while(
    core: &Core,
    tx: &mut Tx<'_>,
    (owner, by): (Option<&AccountId>, &Initiator),
    mut goes: impl FnMut(&EventRow, bool) -> bool,
) -> Result<usize> {
    tx.take_turn(Turn::Sealing)?;
    let Some(ends) = tx.find_event_chain(owner)? else {
        return Ok(0);
    };
    let oldest = tx.list_sealed_events(owner, ends.purged_number, PURGED_AT_ONCE)?;
    let read = outbox::purgeable(tx, owner)?;
    let gone = oldest.iter().take_while(|event| {
        let is_read = event.number.is_some_and(|number| number <= read);
        goes(event, is_read)
    });
    let Some(last) = gone.last() else {
        return Ok(0);
    };
    let (Some(through), Some(hash)) = (last.number, &last.hash) else {
        return Err(Error::Internal);
    };
    tx.put_purged_end(owner, through, hash, core.now_ms())?;
    let count = tx.delete_events_through(owner, through)?;
    core.write_event(tx, &Event::AuditLogPurged { through }, owner, by)?;
    Ok(count)
}
