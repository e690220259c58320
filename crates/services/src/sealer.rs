//! Numbers and links for events: after they are committed, by one process of the deployment at a time.
//!
//! Events are written without a number in the transaction that makes them true, so that no push waits for another. Ids
//! commit out of order: whatever is there and has no number gets the next one, the lowest id first, however late it came.

use crate::audit::link;
use crate::core::Core;
use crate::tag_history::Moves;
use crate::{Error, Result, outbox};
use metadata::{EventRow, EventSeal, Turn, Tx};
use model::AccountId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Events of one transaction: milliseconds, for whoever waits to write behind it.
const BATCH: i64 = 200;

/// Seals what was committed.
pub struct Sealer {
    core: Arc<Core>,
}

/// The newest link of a chain.
struct End {
    number: i64,
    hash: String,
}

impl Sealer {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Numbers and chains some of the events that wait for it. Says how many; call again while any do.
    pub async fn seal(&self) -> Result<usize> {
        let metadata = &self.core.metadata;
        if !metadata
            .read(|reader| Ok::<_, Error>(reader.has_unsealed_events()?))
            .await?
        {
            return Ok(0);
        }
        let core = self.core.clone();
        metadata
            .write(move |tx| {
                tx.take_turn(Turn::Sealing)?;
                let waiting = tx.list_unsealed_events(BATCH)?;
                seal_all(&core, tx, &waiting)?;
                Ok(waiting.len())
            })
            .await
    }
}

/// Nobody else seals until the end of the transaction.
fn seal_all(core: &Core, tx: &mut Tx<'_>, waiting: &[(Option<AccountId>, EventRow)]) -> Result<()> {
    let mut ends: BTreeMap<Option<&AccountId>, End> = BTreeMap::new();
    let (mut links, mut moves) = (Vec::with_capacity(waiting.len()), Moves::default());
    for (owner, event) in waiting {
        let owner = owner.as_ref();
        let end = match ends.entry(owner) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let chain = tx.find_event_chain(owner)?.unwrap_or_default();
                entry.insert(End {
                    number: chain.sealed_number,
                    hash: chain.sealed_hash,
                })
            }
        };
        end.number += 1;
        end.hash = link(&end.hash, owner, end.number, event);
        links.push((&event.id, end.number, end.hash.clone()));
        if let Some(owner) = owner {
            moves.add(owner, end.number, event);
        }
    }
    moves.note(tx)?;
    let mut seals = Vec::with_capacity(links.len());
    for (id, number, hash) in &links {
        seals.push(EventSeal {
            id,
            number: *number,
            hash,
        });
    }
    if tx.seal_events(&seals)? != seals.len() {
        tracing::error!(first = ?seals.first(), "events were sealed out of turn");
        return Err(Error::Internal);
    }
    for (owner, end) in &ends {
        tx.put_sealed_end(*owner, end.number, &end.hash)?;
    }
    if tx.has_followers()? {
        outbox::wake(core, tx, ends.keys().copied().flatten())?;
    }
    Ok(())
}
