//! What a purge of an audit log does: some hundred events a transaction, or only a look.

use super::Initiator;
use super::keeping::{PURGED_AT_ONCE, purge_while};
use super::purges::{AuditPurges, read};
use super::subject::event_type;
use crate::{Error, Result, outbox};
use metadata::EventRow;
use model::AccountId;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

const HOUR_MS: i64 = 3_600_000;

/// What a purge came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Whether nothing went.
    pub is_dry_run: bool,
    /// Events that went, or would go.
    pub count: u64,
    /// The event that ended it although it is old enough: its number and type.
    pub stopped_by: Option<(i64, String)>,
}

impl fmt::Display for Purged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_dry_run {
            "would leave"
        } else {
            "left"
        };
        write!(f, "{} events {word} the audit log", self.count)?;
        let Some((number, of)) = &self.stopped_by else {
            return Ok(());
        };
        write!(
            f,
            "; event {number} is old enough but a {of}, which was not named: it stays, and so does what came after it"
        )
    }
}

impl AuditPurges {
    /// Does what a purge's job asks for, some hundred events a transaction.
    pub async fn work(&self, account: &AccountId, payload: &str) -> Result<Purged> {
        let purge = read(payload)?;
        // The deployment may ask for more since it was asked for.
        let hours = purge.hours.max(self.core.settings.audit_log_min_days * 24);
        let before_ms = self.core.now_ms() - hours * HOUR_MS;
        let goes = Arc::new(Goes {
            before_ms,
            types: purge.event_types.into_iter().collect(),
        });
        if purge.is_dry_run {
            return self.look(account, &goes).await;
        }
        let mut done = Purged::default();
        loop {
            let (core, owner, goes) = (self.core.clone(), account.clone(), goes.clone());
            let step = self.core.metadata.write(move |tx| {
                let mut stopped_by = None;
                let by = Initiator::registry();
                let count = purge_while(&core, tx, (Some(&owner), &by), |event, is_read| {
                    goes.takes(event, is_read, &mut stopped_by)
                })?;
                Ok::<_, Error>((count, stopped_by))
            });
            let (count, stopped_by) = step.await?;
            done.count += count as u64;
            if count == 0 || stopped_by.is_some() {
                done.stopped_by = stopped_by;
                return Ok(done);
            }
        }
    }

    /// What would go.
    async fn look(&self, account: &AccountId, goes: &Arc<Goes>) -> Result<Purged> {
        let mut after = 0;
        let mut done = Purged {
            is_dry_run: true,
            ..Purged::default()
        };
        loop {
            let (owner, goes) = (account.clone(), goes.clone());
            let page = self.core.metadata.list(move |reader| {
                let read = outbox::purgeable(reader, Some(&owner))?;
                let events = reader.list_sealed_events(Some(&owner), after, PURGED_AT_ONCE)?;
                let mut stopped_by = None;
                let gone = events.iter().take_while(|event| {
                    let is_read = event.number.is_some_and(|number| number <= read);
                    goes.takes(event, is_read, &mut stopped_by)
                });
                let (count, last) = gone.fold((0, None), |(count, _), one| (count + 1, one.number));
                let is_whole = count == events.len() && !events.is_empty();
                Ok::<_, Error>((count, stopped_by, last.filter(|_| is_whole)))
            });
            let (count, stopped_by, goes_on) = page.await?;
            done.count += count as u64;
            done.stopped_by = stopped_by;
            match goes_on {
                Some(last) => after = last,
                None => return Ok(done),
            }
        }
    }
}

/// What a purge takes.
struct Goes {
    before_ms: i64,
    types: BTreeSet<String>,
}

impl Goes {
    /// Whether an event goes. One that stays only for its type is noted.
    fn takes(
        &self,
        event: &EventRow,
        is_read: bool,
        stopped_by: &mut Option<(i64, String)>,
    ) -> bool {
        if event.at_ms >= outbox::purged_before(self.before_ms, is_read) {
            return false;
        }
        let of = event_type(&event.kind);
        let goes = self.types.contains(&of);
        if !goes {
            *stopped_by = Some((event.number.unwrap_or_default(), of));
        }
        goes
    }
}
