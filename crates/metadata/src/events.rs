//! Facts, written in the transaction that made them true; numbered and chained once they are committed.

use crate::connection::{Param, Row, params};
use crate::error::{Error, Result};
use crate::fragments::{Fragment, text_of};
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list, places};
use crate::{Reader, Tx};
use model::{AccountId, NamespaceId};
use serde::Serialize;
use std::fmt::Write as _;

/// The place of an event in its chain.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct EventSeal<'a> {
    /// The event's identifier.
    pub id: &'a str,
    /// Its number, from 1 in each chain.
    pub number: i64,
    /// What links it with the one before, in hexadecimal digits.
    pub hash: &'a str,
}

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
    /// With which program, as that calls itself.
    pub agent: Option<&'a str>,
    /// The event as JSON.
    pub payload: &'a str,
    /// The name of what it was done to.
    pub resource: Option<&'a str>,
    /// The name of the namespace that it happened in, if any.
    pub namespace: Option<&'a str>,
    /// When.
    pub at_ms: i64,
}

impl NewEvent<'_> {
    fn row(&self) -> serde_json::Value {
        serde_json::json!({
            "id": self.id,
            "account_id": self.account_id.map(AccountId::as_str),
            "kind": self.kind,
            "caller": self.caller,
            "credential": self.credential,
            "address": self.address,
            "agent": self.agent,
            "payload": self.payload,
            "resource": self.resource,
            "namespace": self.namespace,
            "at_ms": self.at_ms,
        })
    }
}

/// A fact as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its identifier.
    pub id: String,
    /// Its place in its account's log; `None` until it is sealed.
    pub number: Option<i64>,
    /// Its link of the chain; `None` until it is sealed.
    pub hash: Option<String>,
    /// Its kind.
    pub kind: String,
    /// Who did it.
    pub caller: String,
    /// How the caller proved it.
    pub credential: String,
    /// From where.
    pub address: Option<String>,
    /// With which program.
    pub agent: Option<String>,
    /// The name of what it was done to; `None` also for what older programs wrote.
    pub resource: Option<String>,
    /// The namespace it happened in, while that exists or once did.
    pub namespace_id: Option<NamespaceId>,
    /// The event as JSON.
    pub payload: String,
    /// When.
    pub at_ms: i64,
}

/// Which events of a log are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFilter {
    /// Their kind; empty for all.
    pub kind: String,
    /// Who did it, by name; empty for everyone.
    pub caller: String,
    /// Not before this time.
    pub since_ms: i64,
    /// Not after this time.
    pub until_ms: i64,
}

/// Which of an account's sealed events a caller may see.
#[derive(Clone, Copy, Debug)]
pub enum VisibleEvents<'a> {
    /// All.
    All,
    /// Those of every namespace.
    OfNamespaces,
    /// Those of these namespaces.
    Of(&'a [NamespaceId]),
}

const FIELDS: &[Field] = &[
    Field {
        name: "id",
        column: "e.number",
        kind: Kind::Int,
    },
    Field {
        name: "kind",
        column: "e.kind",
        kind: Kind::Text,
    },
    Field {
        name: "username",
        column: "e.caller",
        kind: Kind::Text,
    },
    Field {
        name: "resource",
        column: "e.resource",
        kind: Kind::Text,
    },
    Field {
        name: "op_time",
        column: "e.at_ms",
        kind: Kind::Time,
    },
];

macro_rules! columns {
    () => {
        "e.id, e.number, e.hash, e.kind, e.caller, e.credential, e.address, e.agent, e.resource, \
         e.namespace_id, e.payload, e.at_ms"
    };
}

fn read_event(row: &Row<'_>) -> Result<EventRow> {
    Ok(EventRow {
        id: row.text(0)?,
        number: row.optional_int(1)?,
        hash: row.optional_text(2)?,
        kind: row.text(3)?,
        caller: row.text(4)?,
        credential: row.text(5)?,
        address: row.optional_text(6)?,
        agent: row.optional_text(7)?,
        resource: row.optional_text(8)?,
        namespace_id: row.optional_text(9)?.map(NamespaceId::new),
        payload: row.text(10)?,
        at_ms: row.int(11)?,
    })
}

impl Reader<'_> {
    /// An account's events in the order of their ids, after `after`, sealed or not.
    pub fn list_events(
        &self,
        account: &AccountId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<EventRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM events e WHERE e.account_id = ?1 AND e.id > ?2 ORDER BY e.id LIMIT ?3"
        );
        let params = params![account.as_str(), after, limit];
        self.connection.list(SQL, params, read_event)
    }

    /// Sealed events of an account, or of the deployment, by number after `after`.
    pub fn list_sealed_events(
        &self,
        owner: Option<&AccountId>,
        after: i64,
        limit: i64,
    ) -> Result<Vec<EventRow>> {
        const OF_ACCOUNT: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM events e WHERE e.account_id = ?1 AND e.number > ?2 ORDER BY e.number LIMIT ?3"
        );
        const OF_DEPLOYMENT: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM events e WHERE e.account_id IS NULL AND e.number > ?1 ORDER BY e.number LIMIT ?2"
        );
        let connection = &self.connection;
        match owner {
            Some(account) => {
                let params = params![account.as_str(), after, limit];
                connection.list(OF_ACCOUNT, params, read_event)
            }
            None => connection.list(OF_DEPLOYMENT, params![after, limit], read_event),
        }
    }

    /// Sealed events of an account, or of the deployment, the newest first, before the number `before`.
    pub fn browse_events(
        &self,
        owner: Option<&AccountId>,
        filter: &EventFilter,
        (before, limit): (i64, i64),
    ) -> Result<Vec<EventRow>> {
        const OF_ACCOUNT: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM events e WHERE e.account_id = ?1 AND e.number < ?2 AND (?3 = '' OR e.caller = ?3) \
             AND e.at_ms >= ?4 AND e.at_ms <= ?5 ORDER BY e.number DESC LIMIT ?6"
        );
        const OF_ACCOUNT_AND_KIND: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM events e WHERE e.account_id = ?1 AND e.kind = ?2 AND e.number < ?3 AND (?4 = '' OR e.caller = ?4) \
             AND e.at_ms >= ?5 AND e.at_ms <= ?6 ORDER BY e.number DESC LIMIT ?7"
        );
        const OF_DEPLOYMENT: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM events e WHERE e.account_id IS NULL AND e.number < ?1 AND (?2 = '' OR e.kind = ?2) \
             AND (?3 = '' OR e.caller = ?3) AND e.at_ms >= ?4 AND e.at_ms <= ?5 ORDER BY e.number DESC LIMIT ?6"
        );
        let (kind, caller) = (filter.kind.as_str(), filter.caller.as_str());
        let (since, until) = (filter.since_ms, filter.until_ms);
        let connection = &self.connection;
        match owner.map(AccountId::as_str) {
            Some(account) if kind.is_empty() => {
                let params = params![account, before, caller, since, until, limit];
                connection.list(OF_ACCOUNT, params, read_event)
            }
            Some(account) => {
                let params = params![account, kind, before, caller, since, until, limit];
                connection.list(OF_ACCOUNT_AND_KIND, params, read_event)
            }
            None => {
                let params = params![before, kind, caller, since, until, limit];
                connection.list(OF_DEPLOYMENT, params, read_event)
            }
        }
    }

    /// Whether any event waits to be sealed.
    pub fn has_unsealed_events(&self) -> Result<bool> {
        const SQL: &str = "SELECT 1 FROM events WHERE number IS NULL ORDER BY id LIMIT 1";
        self.connection.exists(SQL, &[])
    }

    /// Events that wait to be sealed, the lowest ids first, with whose they are.
    pub fn list_unsealed_events(&self, limit: i64) -> Result<Vec<(Option<AccountId>, EventRow)>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            ", e.account_id FROM events e WHERE e.number IS NULL ORDER BY e.id LIMIT ?1"
        );
        self.connection.list(SQL, params![limit], |row| {
            let owner = row.optional_text(12)?.map(AccountId::new);
            Ok((owner, read_event(row)?))
        })
    }

    /// An account's sealed events of these kinds, or of all when none is given, the newest first. Fields: `id` (the number),
    /// `kind`, `username`, `resource`, `op_time`.
    pub fn list_audit_events(
        &self,
        account: &AccountId,
        visible: VisibleEvents<'_>,
        kinds: &[&str],
        query: &ListQuery,
    ) -> Result<Listed<EventRow>> {
        let mut from = "events e WHERE e.account_id = ?1 AND e.number IS NOT NULL".to_owned();
        let mut params = vec![Param::from(account.as_str())];
        if !kinds.is_empty() {
            let places = places(params.len(), kinds.len());
            _ = write!(from, " AND e.kind IN ({places})");
            params.extend(kinds.iter().map(|kind| Param::from(*kind)));
        }
        match visible {
            VisibleEvents::All => {}
            VisibleEvents::OfNamespaces => from.push_str(" AND e.namespace_id IS NOT NULL"),
            VisibleEvents::Of([]) => from.push_str(" AND 1 = 0"),
            VisibleEvents::Of(ids) => {
                let places = places(params.len(), ids.len());
                _ = write!(from, " AND e.namespace_id IN ({places})");
                params.extend(ids.iter().map(|id| Param::from(id.as_str())));
            }
        }
        let source = ListSource {
            columns: columns!(),
            from,
            params,
            fields: FIELDS,
            order: "e.number DESC",
        };
        list(&self.connection, &source, query, read_event)
    }
}

impl Tx<'_> {
    /// Writes a fact. Of its namespace the id is kept, because another may get the name one day; a namespace that this
    /// transaction has deleted has none any more.
    pub fn record_event(&mut self, event: &NewEvent<'_>) -> Result<()> {
        const SQL: &str = "INSERT INTO events (id, account_id, number, kind, caller, credential, address, agent, payload, \
             resource, namespace_id, at_ms) VALUES (?1, ?2, NULL, ?3, ?4, ?5, ?6, ?7, ?8, ?9, \
             (SELECT n.id FROM namespaces n WHERE n.account_id = ?2 AND n.name = ?10), ?11)";
        self.connection.execute(
            SQL,
            params![
                event.id,
                event.account_id.map(AccountId::as_str),
                event.kind,
                event.caller,
                event.credential,
                event.address,
                event.agent,
                event.payload,
                event.resource,
                event.namespace,
                event.at_ms
            ],
        )?;
        Ok(())
    }

    /// Writes facts down, in one question however many they are.
    pub fn record_events(&mut self, events: &[NewEvent<'_>]) -> Result<()> {
        const SQL: Fragment = Fragment {
            sqlite: "INSERT INTO events (id, account_id, number, kind, caller, credential, address, agent, payload, \
                 resource, namespace_id, at_ms) SELECT s.value ->> 'id', s.value ->> 'account_id', NULL, s.value ->> 'kind', \
                 s.value ->> 'caller', s.value ->> 'credential', s.value ->> 'address', s.value ->> 'agent', \
                 s.value ->> 'payload', s.value ->> 'resource', (SELECT n.id FROM namespaces n \
                 WHERE n.account_id = s.value ->> 'account_id' AND n.name = s.value ->> 'namespace'), s.value ->> 'at_ms' \
                 FROM json_each(?1) s",
            postgres: "INSERT INTO events (id, account_id, number, kind, caller, credential, address, agent, payload, \
                 resource, namespace_id, at_ms) SELECT s.id, s.account_id, NULL, s.kind, s.caller, s.credential, s.address, \
                 s.agent, s.payload, s.resource, (SELECT n.id FROM namespaces n \
                 WHERE n.account_id = s.account_id AND n.name = s.namespace), s.at_ms \
                 FROM json_to_recordset(CAST(?1 AS TEXT)::json) AS s (id TEXT, account_id TEXT, kind TEXT, caller TEXT, \
                 credential TEXT, address TEXT, agent TEXT, payload TEXT, resource TEXT, namespace TEXT, at_ms BIGINT)",
        };
        if events.is_empty() {
            return Ok(());
        }
        let rows: Vec<serde_json::Value> = events.iter().map(NewEvent::row).collect();
        let (sql, rows) = (self.connection.text_of(&SQL), text_of(&rows)?);
        self.connection.execute(sql, params![&rows])?;
        Ok(())
    }

    /// Gives events their numbers and links, in one question however many they are. Says how many had none yet.
    pub fn seal_events(&mut self, seals: &[EventSeal<'_>]) -> Result<usize> {
        // `number IS NULL` would be looked for in the index of all that wait.
        const SQL: Fragment = Fragment {
            sqlite: "UPDATE events SET number = s.value ->> 'number', hash = s.value ->> 'hash' FROM json_each(?1) s \
                 WHERE events.id = s.value ->> 'id' AND COALESCE(events.number, 0) = 0",
            postgres: "UPDATE events SET number = s.number, hash = s.hash \
                 FROM json_to_recordset(CAST(?1 AS TEXT)::json) AS s (id TEXT, number BIGINT, hash TEXT) \
                 WHERE events.id = s.id AND COALESCE(events.number, 0) = 0",
        };
        let seals = serde_json::to_string(seals)
            .map_err(|error| Error::Database(format!("seals cannot be written: {error}")))?;
        let sql = self.connection.text_of(&SQL);
        self.connection.execute(sql, params![seals.as_str()])
    }

    /// Deletes sealed events up to a number. Says how many.
    pub fn delete_events_through(
        &mut self,
        owner: Option<&AccountId>,
        number: i64,
    ) -> Result<usize> {
        const OF_ACCOUNT: &str = "DELETE FROM events WHERE account_id = ?1 AND number <= ?2";
        const OF_DEPLOYMENT: &str = "DELETE FROM events WHERE account_id IS NULL AND number <= ?1";
        match owner {
            Some(account) => {
                let params = params![account.as_str(), number];
                self.connection.execute(OF_ACCOUNT, params)
            }
            None => self.connection.execute(OF_DEPLOYMENT, params![number]),
        }
    }
}
