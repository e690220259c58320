//! Vulnerabilities that accounts and namespaces accept.

use crate::connection::{Param, Row, params};
use crate::error::{Error, Result};
use crate::query::places;
use crate::{Reader, Tx};
use model::{AccountId, NamespaceId};
use std::collections::HashMap;

/// A list of vulnerabilities that are accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CveAllowlist {
    /// Their names, such as `CVE-2026-1`.
    pub items: Vec<String>,
    /// From when on the list counts for nothing; `None` for never.
    pub expires_at_ms: Option<i64>,
    /// When it was first written.
    pub created_at_ms: i64,
    /// When it was last written.
    pub updated_at_ms: i64,
}

fn read_allowlist(row: &Row<'_>) -> Result<CveAllowlist> {
    let items = serde_json::from_str(&row.text(0)?).map_err(|_| Error::Unreadable {
        column: "cve_allowlists.items",
    })?;
    Ok(CveAllowlist {
        items,
        expires_at_ms: row.optional_int(1)?,
        created_at_ms: row.int(2)?,
        updated_at_ms: row.int(3)?,
    })
}

impl Reader<'_> {
    /// The list of an account as a whole.
    pub fn find_cve_allowlist(&self, account: &AccountId) -> Result<Option<CveAllowlist>> {
        const SQL: &str = "SELECT items, expires_at_ms, created_at_ms, updated_at_ms FROM cve_allowlists \
             WHERE account_id = ?1 AND namespace_id IS NULL";
        self.connection
            .find(SQL, params![account.as_str()], read_allowlist)
    }

    /// The lists of namespaces, by their ids. Those without one are left out.
    pub fn find_cve_allowlists(
        &self,
        namespaces: &[NamespaceId],
    ) -> Result<HashMap<String, CveAllowlist>> {
        if namespaces.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = format!(
            "SELECT items, expires_at_ms, created_at_ms, updated_at_ms, namespace_id FROM cve_allowlists \
             WHERE namespace_id IN ({})",
            places(0, namespaces.len())
        );
        let ids: Vec<Param<'_>> = namespaces
            .iter()
            .map(|id| Param::from(id.as_str()))
            .collect();
        let rows = self
            .connection
            .list_once(&sql, &ids, |row| Ok((row.text(4)?, read_allowlist(row)?)))?;
        Ok(rows.into_iter().collect())
    }
}

impl Tx<'_> {
    /// Writes the list of an account, or of one namespace of it; `id` names it if there is none yet.
    pub fn put_cve_allowlist(
        &mut self,
        id: &str,
        (account, namespace): (&AccountId, Option<&NamespaceId>),
        items: &[String],
        expires_at_ms: Option<i64>,
        now_ms: i64,
    ) -> Result<()> {
        const OF_ACCOUNT: &str = "INSERT INTO cve_allowlists \
             (id, account_id, namespace_id, items, expires_at_ms, created_at_ms, updated_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (account_id) WHERE namespace_id IS NULL DO UPDATE SET \
             items = excluded.items, expires_at_ms = excluded.expires_at_ms, updated_at_ms = excluded.updated_at_ms";
        const OF_NAMESPACE: &str = "INSERT INTO cve_allowlists \
             (id, account_id, namespace_id, items, expires_at_ms, created_at_ms, updated_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (namespace_id) WHERE namespace_id IS NOT NULL DO UPDATE SET \
             items = excluded.items, expires_at_ms = excluded.expires_at_ms, updated_at_ms = excluded.updated_at_ms";
        let items = serde_json::to_string(items)
            .map_err(|_| Error::Database("a list cannot be written as JSON".to_owned()))?;
        let sql = if namespace.is_some() {
            OF_NAMESPACE
        } else {
            OF_ACCOUNT
        };
        let namespace = namespace.map(NamespaceId::as_str);
        let params = params![
            id,
            account.as_str(),
            namespace,
            &items,
            expires_at_ms,
            now_ms
        ];
        self.connection.execute(sql, params)?;
        Ok(())
    }
}
