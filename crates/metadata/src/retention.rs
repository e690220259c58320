//! Retention policies of namespaces, and those that new namespaces begin with.

use crate::connection::{Param, Row, params};
use crate::error::Result;
use crate::fragments::Fragment;
use crate::query::places;
use crate::{Reader, Tx};
use model::{AccountId, NamespaceId};
use std::collections::HashMap;

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionPolicyRow {
    /// Its identifier.
    pub id: String,
    /// Whose it is.
    pub account_id: AccountId,
    /// The namespace it is of.
    pub namespace_id: NamespaceId,
    /// Its rules, as JSON.
    pub rules: String,
    /// When it runs by itself, in six fields of cron; `None` for never.
    pub cron: Option<String>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
}

/// The policy that new namespaces of an account begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionDefault {
    /// Its rules, as JSON.
    pub rules: String,
    /// When it runs by itself.
    pub cron: Option<String>,
    /// When it was last changed.
    pub updated_at_ms: i64,
}

macro_rules! columns {
    () => {
        "p.id, p.account_id, p.namespace_id, p.rules, p.cron, p.created_at_ms, p.updated_at_ms"
    };
}

fn read_policy(row: &Row<'_>) -> Result<RetentionPolicyRow> {
    Ok(RetentionPolicyRow {
        id: row.text(0)?,
        account_id: AccountId::new(row.text(1)?),
        namespace_id: NamespaceId::new(row.text(2)?),
        rules: row.text(3)?,
        cron: row.optional_text(4)?,
        created_at_ms: row.int(5)?,
        updated_at_ms: row.int(6)?,
    })
}

impl Reader<'_> {
    /// A policy, whoever's it is.
    pub fn find_retention_policy(&self, id: &str) -> Result<Option<RetentionPolicyRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM retention_policies p WHERE p.id = ?1"
        );
        self.connection.find(SQL, params![id], read_policy)
    }

    /// The policy of a namespace.
    pub fn find_retention_policy_of(
        &self,
        namespace: &NamespaceId,
    ) -> Result<Option<RetentionPolicyRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM retention_policies p WHERE p.namespace_id = ?1"
        );
        self.connection
            .find(SQL, params![namespace.as_str()], read_policy)
    }

    /// The ids of the policies of some namespaces, by the namespaces' ids. Those without one are left out.
    pub fn find_retention_policies_of(
        &self,
        namespaces: &[NamespaceId],
    ) -> Result<HashMap<String, String>> {
        if namespaces.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = format!(
            "SELECT p.namespace_id, p.id FROM retention_policies p WHERE p.namespace_id IN ({})",
            places(0, namespaces.len())
        );
        let ids: Vec<Param<'_>> = namespaces
            .iter()
            .map(|id| Param::from(id.as_str()))
            .collect();
        let rows = self
            .connection
            .list_once(&sql, &ids, |row| Ok((row.text(0)?, row.text(1)?)))?;
        Ok(rows.into_iter().collect())
    }

    /// The policies of an account, each with the name of its namespace, after the policy `after`.
    pub fn list_retention_policies(
        &self,
        account: &AccountId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(RetentionPolicyRow, String)>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            ", n.name FROM retention_policies p JOIN namespaces n ON n.id = p.namespace_id \
             WHERE p.account_id = ?1 AND p.id > ?2 ORDER BY p.id LIMIT ?3"
        );
        let params = params![account.as_str(), after, limit];
        self.connection
            .list(SQL, params, |row| Ok((read_policy(row)?, row.text(7)?)))
    }

    /// The policy that new namespaces of an account begin with.
    pub fn find_retention_default(&self, account: &AccountId) -> Result<Option<RetentionDefault>> {
        const SQL: &str =
            "SELECT rules, cron, updated_at_ms FROM retention_defaults WHERE account_id = ?1";
        self.connection.find(SQL, params![account.as_str()], |row| {
            Ok(RetentionDefault {
                rules: row.text(0)?,
                cron: row.optional_text(1)?,
                updated_at_ms: row.int(2)?,
            })
        })
    }
}

impl Tx<'_> {
    /// Makes a policy.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`](crate::Error::AlreadyExists) when the namespace has one.
    pub fn create_retention_policy(&mut self, policy: &RetentionPolicyRow) -> Result<()> {
        const SQL: &str = "INSERT INTO retention_policies (id, account_id, namespace_id, rules, cron, created_at_ms, \
             updated_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let params = params![
            &policy.id,
            policy.account_id.as_str(),
            policy.namespace_id.as_str(),
            &policy.rules,
            policy.cron.as_deref(),
            policy.created_at_ms,
            policy.updated_at_ms
        ];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// A policy that nobody changes or deletes until the transaction ends.
    pub fn take_retention_policy(&mut self, id: &str) -> Result<Option<RetentionPolicyRow>> {
        const SQL: Fragment = Fragment {
            sqlite: concat!(
                "SELECT ",
                columns!(),
                " FROM retention_policies p WHERE p.id = ?1"
            ),
            postgres: concat!(
                "SELECT ",
                columns!(),
                " FROM retention_policies p WHERE p.id = ?1 FOR UPDATE"
            ),
        };
        let sql = self.connection.text_of(&SQL);
        self.connection.find(sql, params![id], read_policy)
    }

    /// Writes a policy's rules and times. Says whether there is one.
    pub fn update_retention_policy(
        &mut self,
        id: &str,
        rules: &str,
        cron: Option<&str>,
        now_ms: i64,
    ) -> Result<bool> {
        const SQL: &str =
            "UPDATE retention_policies SET rules = ?2, cron = ?3, updated_at_ms = ?4 WHERE id = ?1";
        let params = params![id, rules, cron, now_ms];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Deletes a policy; its runs are forgotten bit by bit. Says whether there was one.
    pub fn delete_retention_policy(&mut self, id: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM retention_policies WHERE id = ?1";
        Ok(self.connection.execute(SQL, params![id])? > 0)
    }

    /// Writes the policy that new namespaces of an account begin with.
    pub fn put_retention_default(
        &mut self,
        account: &AccountId,
        rules: &str,
        cron: Option<&str>,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO retention_defaults (account_id, rules, cron, updated_at_ms) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (account_id) DO UPDATE SET rules = excluded.rules, cron = excluded.cron, \
             updated_at_ms = excluded.updated_at_ms";
        let params = params![account.as_str(), rules, cron, now_ms];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Takes it away. Says whether there was one.
    pub fn delete_retention_default(&mut self, account: &AccountId) -> Result<bool> {
        const SQL: &str = "DELETE FROM retention_defaults WHERE account_id = ?1";
        Ok(self.connection.execute(SQL, params![account.as_str()])? > 0)
    }

    /// Forgets an account's schedule by its name; its jobs stay. Says whether there was one.
    pub fn delete_schedule_named(&mut self, account: &AccountId, name: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM schedules WHERE lane = ?1 AND name = ?2";
        let params = params![account.as_str(), name];
        Ok(self.connection.execute(SQL, params)? > 0)
    }
}
