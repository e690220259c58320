//! Namespaces as people see them: with their settings, their owner, and how much is in them.

use crate::connection::{Param, Row, params};
use crate::error::{Error, Result};
use crate::namespaces::{NamespaceRow, read_namespace};
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list, places};
use crate::{Reader, Tx};
use model::{AccountId, NamespaceId};
use std::collections::BTreeMap;

/// Settings by Harbor's names for them, as Harbor writes them: `auto_scan` is `"true"` or `"false"`.
pub type NamespaceSettings = BTreeMap<String, String>;

/// A namespace with what people see of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceDetails {
    /// The namespace.
    pub namespace: NamespaceRow,
    /// Its settings, those only that were ever set.
    pub settings: NamespaceSettings,
    /// The name of whoever made it; empty when that is not known.
    pub owner_name: String,
    /// When its settings were last changed, or it was made.
    pub updated_at_ms: i64,
    /// Repositories that have or had a manifest.
    pub repositories: i64,
}

/// Which namespaces of an account a caller may list.
#[derive(Clone, Copy, Debug)]
pub enum Listable<'a> {
    /// All.
    All,
    /// Those that are public, and these.
    PublicAnd(&'a [NamespaceId]),
    /// These.
    Only(&'a [NamespaceId]),
}

impl<'a> Listable<'a> {
    /// The condition on the namespaces `n` after `before` parameters, and the values of its own.
    pub(crate) fn condition(self, before: usize) -> (String, Vec<Param<'a>>) {
        let among = |ids: &[NamespaceId]| match ids.len() {
            0 => "1 = 0".to_owned(),
            count => format!("n.id IN ({})", places(before, count)),
        };
        let (condition, ids) = match self {
            Self::All => ("1 = 1".to_owned(), &[][..]),
            Self::PublicAnd(ids) => (format!("(n.is_public = 1 OR {})", among(ids)), ids),
            Self::Only(ids) => (among(ids), ids),
        };
        (
            condition,
            ids.iter().map(|id| Param::from(id.as_str())).collect(),
        )
    }
}

const FIELDS: &[Field] = &[
    Field {
        name: "name",
        column: "n.name",
        kind: Kind::Text,
    },
    Field {
        name: "owner",
        column: "s.owner_name",
        kind: Kind::Text,
    },
    Field {
        name: "public",
        column: "n.is_public",
        kind: Kind::Flag,
    },
    Field {
        name: "creation_time",
        column: "n.created_at_ms",
        kind: Kind::Time,
    },
    Field {
        name: "update_time",
        column: "COALESCE(s.updated_at_ms, n.created_at_ms)",
        kind: Kind::Time,
    },
];

macro_rules! columns {
    () => {
        "n.id, n.account_id, a.state, n.name, n.is_public, n.created_at_ms, s.settings, COALESCE(s.owner_name, ''), \
         COALESCE(s.updated_at_ms, n.created_at_ms), \
         (SELECT COUNT(*) FROM repositories r WHERE r.namespace_id = n.id AND r.is_listed = 1)"
    };
}

macro_rules! tables {
    () => {
        "namespaces n JOIN accounts a ON a.id = n.account_id \
         LEFT JOIN namespace_settings s ON s.namespace_id = n.id"
    };
}

pub(crate) fn read_settings(text: &str) -> Result<NamespaceSettings> {
    serde_json::from_str(text).map_err(|_| Error::Unreadable {
        column: "namespace_settings.settings",
    })
}

fn read_details(row: &Row<'_>) -> Result<NamespaceDetails> {
    let settings = match row.optional_text(6)? {
        None => NamespaceSettings::new(),
        Some(text) => read_settings(&text)?,
    };
    Ok(NamespaceDetails {
        namespace: read_namespace(row)?,
        settings,
        owner_name: row.text(7)?,
        updated_at_ms: row.int(8)?,
        repositories: row.int(9)?,
    })
}

impl Reader<'_> {
    /// A namespace with what people see of it. Its repositories are counted for that: where that is not needed,
    /// [`Reader::find_namespace_by_id`] costs the same however many there are.
    pub fn find_namespace_details(&self, id: &NamespaceId) -> Result<Option<NamespaceDetails>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM ",
            tables!(),
            " WHERE n.id = ?1"
        );
        self.connection
            .find(SQL, params![id.as_str()], read_details)
    }

    /// The settings of an account's namespace of a name; none when none was ever set, or there is no such namespace.
    pub fn find_settings_of_namespace(
        &self,
        account: &AccountId,
        name: &str,
    ) -> Result<NamespaceSettings> {
        const SQL: &str = "SELECT s.settings FROM namespaces n \
             JOIN namespace_settings s ON s.namespace_id = n.id WHERE n.account_id = ?1 AND n.name = ?2";
        let found = self
            .connection
            .find(SQL, params![account.as_str(), name], |row| row.text(0))?;
        found.map_or_else(|| Ok(NamespaceSettings::new()), |text| read_settings(&text))
    }

    /// An account's namespaces. Fields: `name`, `owner`, `public`, `creation_time`, `update_time`; by name.
    pub fn list_namespace_details(
        &self,
        account: &AccountId,
        listable: Listable<'_>,
        query: &ListQuery,
    ) -> Result<Listed<NamespaceDetails>> {
        let (condition, values) = listable.condition(1);
        let from = format!(
            concat!(tables!(), " WHERE n.account_id = ?1 AND {}"),
            condition
        );
        let mut params = vec![Param::from(account.as_str())];
        params.extend(values);
        let source = ListSource {
            columns: columns!(),
            from,
            params,
            fields: FIELDS,
            order: "n.name",
        };
        list(&self.connection, &source, query, read_details)
    }
}

impl Tx<'_> {
    /// Lets nobody else change a namespace's settings until the end of the transaction.
    pub fn take_namespace_settings(&mut self, id: &NamespaceId) -> Result<()> {
        const SQL: &str = "SELECT 1 FROM namespaces WHERE id = ?1 FOR NO KEY UPDATE";
        self.connection.keep(SQL, params![id.as_str()])?;
        Ok(())
    }

    /// Writes a namespace's settings, all of them, and who made it if that is not known yet.
    pub fn put_namespace_settings(
        &mut self,
        id: &NamespaceId,
        settings: &NamespaceSettings,
        owner_name: &str,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO namespace_settings (namespace_id, settings, owner_name, updated_at_ms) \
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT (namespace_id) \
             DO UPDATE SET settings = excluded.settings, updated_at_ms = excluded.updated_at_ms";
        let settings = serde_json::to_string(settings)
            .map_err(|_| Error::Database("settings cannot be written as JSON".to_owned()))?;
        self.connection
            .execute(SQL, params![id.as_str(), &settings, owner_name, now_ms])?;
        self.changes.policy();
        Ok(())
    }
}
