//! How much there is: namespaces and repositories of an account, members and bytes of a namespace.

use crate::Reader;
use crate::connection::{Param, params, parse_column};
use crate::error::Result;
use crate::namespace_settings::Listable;
use crate::patterns::{NamespacePart, Parts};
use crate::query::places;
use model::{AccountId, NamespaceId, Role};
use std::collections::HashMap;

/// Namespaces of one kind, and what is in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamespaceCount {
    /// Namespaces.
    pub namespaces: i64,
    /// Repositories in them that have or had a manifest.
    pub repositories: i64,
}

/// The namespaces that someone may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamespaceCounts {
    /// Those that are open to everyone.
    pub public: NamespaceCount,
    /// The others.
    pub private: NamespaceCount,
}

impl Reader<'_> {
    /// How many of an account's namespaces there are that a caller may see.
    pub fn count_namespaces(
        &self,
        account: &AccountId,
        listable: Listable<'_>,
    ) -> Result<NamespaceCounts> {
        let (condition, values) = listable.condition(1);
        let sql = format!(
            "SELECT n.is_public, COUNT(*), CAST(COALESCE(SUM((SELECT COUNT(*) FROM repositories r \
             WHERE r.namespace_id = n.id AND r.is_listed = 1)), 0) AS BIGINT) \
             FROM namespaces n WHERE n.account_id = ?1 AND {condition} GROUP BY n.is_public"
        );
        let mut params = vec![Param::from(account.as_str())];
        params.extend(values);
        let rows = self.connection.list_once(&sql, &params, |row| {
            let count = NamespaceCount {
                namespaces: row.int(1)?,
                repositories: row.int(2)?,
            };
            Ok((row.flag(0)?, count))
        })?;
        let mut counts = NamespaceCounts::default();
        for (is_public, count) in rows {
            if is_public {
                counts.public = count;
            } else {
                counts.private = count;
            }
        }
        Ok(counts)
    }

    /// Repositories that have or had a manifest in each of some parts of namespaces, by the namespace's id; only of
    /// namespaces that are not public, and 0 where there is none.
    pub fn count_parts(&self, parts: &[NamespacePart]) -> Result<HashMap<NamespaceId, i64>> {
        if parts.is_empty() {
            return Ok(HashMap::new());
        }
        let texts = Parts::new(&self.connection, parts);
        let mut params = Vec::new();
        let condition = texts.condition(&self.connection, &mut params);
        let among = places(0, parts.len());
        let sql = format!(
            "SELECT n.id, (SELECT COUNT(*) FROM repositories r WHERE r.namespace_id = n.id AND r.is_listed = 1 \
             AND {condition}) FROM namespaces n WHERE n.is_public = 0 AND n.id IN ({among})"
        );
        let rows = self.connection.list_once(&sql, &params, |row| {
            Ok((NamespaceId::new(row.text(0)?), row.int(1)?))
        })?;
        Ok(rows.into_iter().collect())
    }

    /// How many have each role in a namespace, users and groups alike.
    pub fn count_members(&self, namespace: &NamespaceId) -> Result<Vec<(Role, i64)>> {
        const SQL: &str = "SELECT role, COUNT(*) FROM grants WHERE namespace_id = ?1 GROUP BY role";
        self.connection
            .list(SQL, params![namespace.as_str()], |row| {
                let role = parse_column("grants.role", Role::parse(&row.text(0)?))?;
                Ok((role, row.int(1)?))
            })
    }

    /// Bytes of the distinct digests that the manifests of each namespace reference. Namespaces that use nothing are left
    /// out. A digest that two namespaces reference counts in both.
    pub fn sum_namespace_usage(&self, namespaces: &[NamespaceId]) -> Result<HashMap<String, u64>> {
        if namespaces.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = format!(
            "SELECT used.namespace_id, CAST(SUM(used.size_bytes) AS BIGINT) FROM (\
             SELECT r.namespace_id, k.digest, MAX(b.size_bytes) AS size_bytes FROM repositories r \
             JOIN manifest_blobs k ON k.repository_id = r.id \
             JOIN blobs b ON b.storage = k.storage AND b.digest = k.digest \
             WHERE r.namespace_id IN ({}) GROUP BY r.namespace_id, k.digest) used \
             GROUP BY used.namespace_id",
            places(0, namespaces.len())
        );
        let params: Vec<Param<'_>> = namespaces
            .iter()
            .map(|id| Param::from(id.as_str()))
            .collect();
        let rows = self.connection.list_once(&sql, &params, |row| {
            Ok((row.text(0)?, row.size(1, "blobs.size_bytes")?))
        })?;
        Ok(rows.into_iter().collect())
    }
}
