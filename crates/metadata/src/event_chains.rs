//! Where the chain of an account's events stands, and how much of it was purged.

use crate::connection::{Row, params};
use crate::error::Result;
use crate::{Reader, Tx};
use model::AccountId;

/// The two ends of a chain. An account without a row has no sealed events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventChainRow {
    /// The number of the newest sealed event; 0 for none.
    pub sealed_number: i64,
    /// Its link.
    pub sealed_hash: String,
    /// The number of the newest purged event; 0 for none.
    pub purged_number: i64,
    /// Its link, from which the next one goes on; empty for none.
    pub purged_hash: String,
    /// When it was last purged.
    pub purged_at_ms: Option<i64>,
}

/// How a chain's owner is written.
fn text_of(owner: Option<&AccountId>) -> &str {
    owner.map_or("", AccountId::as_str)
}

fn read_chain(row: &Row<'_>) -> Result<EventChainRow> {
    Ok(EventChainRow {
        sealed_number: row.int(0)?,
        sealed_hash: row.text(1)?,
        purged_number: row.int(2)?,
        purged_hash: row.text(3)?,
        purged_at_ms: row.optional_int(4)?,
    })
}

impl Reader<'_> {
    /// The ends of an account's chain, or of the deployment's.
    pub fn find_event_chain(&self, owner: Option<&AccountId>) -> Result<Option<EventChainRow>> {
        const SQL: &str = "SELECT sealed_number, sealed_hash, purged_number, purged_hash, purged_at_ms \
             FROM event_chains WHERE account_id = ?1";
        self.connection
            .find(SQL, params![text_of(owner)], read_chain)
    }
}

impl Tx<'_> {
    /// Notes the newest sealed event.
    pub fn put_sealed_end(
        &mut self,
        owner: Option<&AccountId>,
        number: i64,
        hash: &str,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO event_chains (account_id, sealed_number, sealed_hash, purged_number, purged_hash) \
             VALUES (?1, ?2, ?3, 0, '') ON CONFLICT (account_id) \
             DO UPDATE SET sealed_number = excluded.sealed_number, sealed_hash = excluded.sealed_hash";
        self.connection
            .execute(SQL, params![text_of(owner), number, hash])?;
        Ok(())
    }

    /// Notes the newest purged event.
    pub fn put_purged_end(
        &mut self,
        owner: Option<&AccountId>,
        number: i64,
        hash: &str,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "UPDATE event_chains SET purged_number = ?2, purged_hash = ?3, purged_at_ms = ?4 \
             WHERE account_id = ?1 AND purged_number < ?2";
        self.connection
            .execute(SQL, params![text_of(owner), number, hash, now_ms])?;
        Ok(())
    }
}
