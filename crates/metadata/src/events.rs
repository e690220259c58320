//! Facts, written in the transaction that made them true.

use crate::connection::params;
use crate::error::Result;
use crate::{Reader, Tx};
use model::AccountId;

/// A fact to be written.
#[derive(Clone, Debug)]
pub struct NewEvent<'a> {
    /// Its identifier, a UUIDv7.
    pub id: &'a str,
    /// Whose it is; `None` for the deployment's own.
    pub account_id: Option<&'a AccountId>,
    /// Its kind, as in its payload.
    pub kind: &'a str,
    /// Who did it.
    pub caller: &'a str,
    /// How the caller proved it.
    pub credential: &'a str,
    /// From where, when that is known.
    pub address: Option<&'a str>,
    /// The event as JSON.
    pub payload: &'a str,
    /// When.
    pub at_ms: i64,
}

/// A fact as it was written.
#[derive(Clone, Debug)]
pub struct EventRow {
    /// Its identifier.
    pub id: String,
    /// Who did it.
    pub caller: String,
    /// How the caller proved it.
    pub credential: String,
    /// From where.
    pub address: Option<String>,
    /// The event as JSON.
    pub payload: String,
    /// When.
    pub at_ms: i64,
}

impl Reader<'_> {
    /// An account's events in the order of their ids, after `after`.
    pub fn list_events(
        &self,
        account: &AccountId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<EventRow>> {
        const SQL: &str = "SELECT id, caller, credential, address, payload, at_ms FROM events \
             WHERE account_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
        self.connection
            .list(SQL, params![account.as_str(), after, limit], |row| {
                Ok(EventRow {
                    id: row.text(0)?,
                    caller: row.text(1)?,
                    credential: row.text(2)?,
                    address: row.optional_text(3)?,
                    payload: row.text(4)?,
                    at_ms: row.int(5)?,
                })
            })
    }
}

impl Tx<'_> {
    /// Writes a fact.
    pub fn record_event(&mut self, event: &NewEvent<'_>) -> Result<()> {
        const SQL: &str = "INSERT INTO events (id, account_id, number, kind, caller, credential, address, payload, at_ms) \
             VALUES (?1, ?2, NULL, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.connection.execute(
            SQL,
            params![
                event.id,
                event.account_id.map(AccountId::as_str),
                event.kind,
                event.caller,
                event.credential,
                event.address,
                event.payload,
                event.at_ms
            ],
        )?;
        Ok(())
    }
}
