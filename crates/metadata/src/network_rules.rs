//! From where accounts may be reached.
//!
//! Every request asks for some account's rules, and they seldom change. So they have an epoch of their own, a counter in the
//! database: whoever remembers rules looks at it when policy has changed, and reads them anew only when it has grown.

use crate::connection::{Row, params};
use crate::error::{Error, Result};
use crate::{Reader, Tx};
use model::{AccountId, AllowedRange, NamespaceId, NetworkRules};

/// An account's rules, and how often they were changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkRulesRow {
    /// The rules.
    pub rules: NetworkRules,
    /// Grows with every change; 0 before the first.
    pub version: i64,
}

fn read_list(row: &Row<'_>, at: usize) -> Result<Vec<AllowedRange>> {
    parse_list(&row.text(at)?)
}

pub(crate) fn parse_list(text: &str) -> Result<Vec<AllowedRange>> {
    serde_json::from_str(text).map_err(|_| Error::Unreadable {
        column: "network_rules.registry",
    })
}

fn read_rules(row: &Row<'_>) -> Result<NetworkRulesRow> {
    Ok(NetworkRulesRow {
        rules: NetworkRules {
            private_only: row.flag(0)?,
            management: read_list(row, 1)?,
            registry: read_list(row, 2)?,
            ..NetworkRules::default()
        },
        version: row.int(3)?,
    })
}

fn written(list: &[AllowedRange]) -> Result<String> {
    serde_json::to_string(list)
        .map_err(|_| Error::Database("a list cannot be written as JSON".to_owned()))
}

impl Reader<'_> {
    /// Grows with every change of any account's rules.
    pub fn network_epoch(&self) -> Result<i64> {
        const SQL: &str =
            "SELECT CAST(value AS BIGINT) FROM deployment WHERE name = 'network_epoch'";
        let found = self.connection.find(SQL, params![], |row| row.int(0))?;
        Ok(found.unwrap_or(0))
    }

    /// An account's rules, with those of its namespaces.
    pub fn get_network_rules(&self, account: &AccountId) -> Result<NetworkRulesRow> {
        const ACCOUNT: &str = "SELECT is_private_only, management, registry, version FROM network_rules \
             WHERE account_id = ?1";
        const NAMESPACES: &str =
            "SELECT namespace_id, registry FROM namespace_network_rules WHERE account_id = ?1";
        let found = self
            .connection
            .find(ACCOUNT, params![account.as_str()], read_rules)?;
        // Whoever gives a namespace a list makes the account's row, too.
        let Some(mut found) = found else {
            return Ok(NetworkRulesRow::default());
        };
        let namespaces = self
            .connection
            .list(NAMESPACES, params![account.as_str()], |row| {
                Ok((NamespaceId::new(row.text(0)?), read_list(row, 1)?))
            })?;
        found.rules.namespaces = namespaces.into_iter().collect();
        Ok(found)
    }

    /// The lists of an account's namespaces, those that have one, by their names.
    pub fn list_namespace_networks(
        &self,
        account: &AccountId,
    ) -> Result<Vec<(String, Vec<AllowedRange>)>> {
        const SQL: &str = "SELECT n.name, r.registry FROM namespace_network_rules r \
             JOIN namespaces n ON n.id = r.namespace_id WHERE r.account_id = ?1";
        let mut lists = self
            .connection
            .list(SQL, params![account.as_str()], |row| {
                Ok((row.text(0)?, read_list(row, 1)?))
            })?;
        // There are few of them, and no index is in this order.
        lists.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(lists)
    }
}

impl Tx<'_> {
    /// An account's rules, which this transaction is about to change: another that does the same waits.
    pub fn take_network_rules(
        &mut self,
        account: &AccountId,
        now_ms: i64,
    ) -> Result<NetworkRulesRow> {
        const ROW: &str = "INSERT INTO network_rules \
             (account_id, is_private_only, management, registry, version, updated_at_ms) \
             VALUES (?1, 0, '[]', '[]', 0, ?2) ON CONFLICT (account_id) DO NOTHING";
        const TAKE: &str = "SELECT 1 FROM network_rules WHERE account_id = ?1 FOR UPDATE";
        self.connection
            .execute(ROW, params![account.as_str(), now_ms])?;
        self.connection.keep(TAKE, params![account.as_str()])?;
        self.get_network_rules(account)
    }

    /// Writes an account's rules, all of them, after [`Tx::take_network_rules`]. Answers with their new version.
    ///
    /// # Errors
    /// [`Error::ReferenceViolated`] for a namespace that does not exist.
    pub fn put_network_rules(
        &mut self,
        account: &AccountId,
        rules: &NetworkRules,
        now_ms: i64,
    ) -> Result<i64> {
        const ACCOUNT: &str = "UPDATE network_rules SET is_private_only = ?1, management = ?2, registry = ?3, \
             version = version + 1, updated_at_ms = ?4 WHERE account_id = ?5 RETURNING version";
        const NO_NAMESPACES: &str = "DELETE FROM namespace_network_rules WHERE account_id = ?1";
        const NAMESPACE: &str = "INSERT INTO namespace_network_rules (namespace_id, account_id, registry) \
             VALUES (?1, ?2, ?3)";
        const EPOCH: &str = "INSERT INTO deployment (name, value) VALUES ('network_epoch', '1') \
             ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(deployment.value AS BIGINT) + 1 AS TEXT)";
        let (management, registry) = (written(&rules.management)?, written(&rules.registry)?);
        let id = account.as_str();
        let version = self.connection.get(
            ACCOUNT,
            params![rules.private_only, &management, &registry, now_ms, id],
            |row| row.int(0),
        )?;
        self.connection.execute(NO_NAMESPACES, params![id])?;
        for (namespace, list) in rules.namespaces.iter().filter(|(_, list)| !list.is_empty()) {
            let list = written(list)?;
            self.connection
                .execute(NAMESPACE, params![namespace.as_str(), id, &list])?;
        }
        self.connection.execute(EPOCH, params![])?;
        self.changes.policy();
        Ok(version)
    }
}
