//! Rules by which workloads elsewhere are trusted.

use crate::connection::{Param, Row, params};
use crate::error::{Error, Result};
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list};
use crate::{Reader, Tx};
use model::{AccountId, Permission, TrustRuleId};
use std::collections::BTreeMap;

/// A trust rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRuleRow {
    /// Its identifier.
    pub id: TrustRuleId,
    /// Whose it is.
    pub account_id: AccountId,
    /// Its name, unique in the account.
    pub name: String,
    /// What people say of it.
    pub description: String,
    /// Whose tokens it believes.
    pub issuer: String,
    /// For whom they must be.
    pub audience: String,
    /// What their claims have to be like: for each claim, one of these patterns.
    pub claims: BTreeMap<String, Vec<String>>,
    /// What may be done.
    pub permissions: Vec<Permission>,
    /// How long a registry token lives that is got by it.
    pub token_lifetime_secs: i64,
    /// Whether it believes nobody at present.
    pub is_disabled: bool,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
    /// When it was last used, to within some minutes.
    pub last_used_at_ms: Option<i64>,
}

const FIELDS: &[Field] = &[
    Field {
        name: "name",
        column: "r.name",
        kind: Kind::Text,
    },
    Field {
        name: "issuer",
        column: "r.issuer",
        kind: Kind::Text,
    },
];

macro_rules! columns {
    () => {
        "r.id, r.account_id, r.name, r.description, r.issuer, r.audience, r.claims, r.permissions, r.token_lifetime_secs, \
         r.is_disabled, r.created_at_ms, r.updated_at_ms, r.last_used_at_ms"
    };
}

fn read_rule(row: &Row<'_>) -> Result<TrustRuleRow> {
    let unreadable = |column| move |_| Error::Unreadable { column };
    Ok(TrustRuleRow {
        id: TrustRuleId::new(row.text(0)?),
        account_id: AccountId::new(row.text(1)?),
        name: row.text(2)?,
        description: row.text(3)?,
        issuer: row.text(4)?,
        audience: row.text(5)?,
        claims: serde_json::from_str(&row.text(6)?).map_err(unreadable("trust_rules.claims"))?,
        permissions: serde_json::from_str(&row.text(7)?)
            .map_err(unreadable("trust_rules.permissions"))?,
        token_lifetime_secs: row.int(8)?,
        is_disabled: row.flag(9)?,
        created_at_ms: row.int(10)?,
        updated_at_ms: row.int(11)?,
        last_used_at_ms: row.optional_int(12)?,
    })
}

fn written(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|_| Error::Database("a trust rule cannot be written as JSON".to_owned()))
}

impl Reader<'_> {
    /// The trust rule of that id.
    pub fn find_trust_rule(&self, rule: &TrustRuleId) -> Result<Option<TrustRuleRow>> {
        const SQL: &str = concat!("SELECT ", columns!(), " FROM trust_rules r WHERE r.id = ?1");
        self.connection.find(SQL, params![rule.as_str()], read_rule)
    }

    /// An account's trust rule of that name.
    pub fn find_trust_rule_by_name(
        &self,
        account: &AccountId,
        name: &str,
    ) -> Result<Option<TrustRuleRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM trust_rules r WHERE r.account_id = ?1 AND r.name = ?2"
        );
        self.connection
            .find(SQL, params![account.as_str(), name], read_rule)
    }

    /// An account's trust rules for an issuer that are in force, by name.
    pub fn list_trust_rules_of_issuer(
        &self,
        account: &AccountId,
        issuer: &str,
    ) -> Result<Vec<TrustRuleRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM trust_rules r WHERE r.account_id = ?1 AND r.issuer = ?2 AND r.is_disabled = 0 ORDER BY r.name"
        );
        self.connection
            .list(SQL, params![account.as_str(), issuer], read_rule)
    }

    /// An account's trust rules. Fields: `name`, `issuer`; by name.
    pub fn list_trust_rules(
        &self,
        account: &AccountId,
        query: &ListQuery,
    ) -> Result<Listed<TrustRuleRow>> {
        let source = ListSource {
            columns: columns!(),
            from: "trust_rules r WHERE r.account_id = ?1".to_owned(),
            params: vec![Param::from(account.as_str())],
            fields: FIELDS,
            order: "r.name",
        };
        list(&self.connection, &source, query, read_rule)
    }

    /// How many trust rules an account has.
    pub fn count_trust_rules(&self, account: &AccountId) -> Result<i64> {
        const SQL: &str = "SELECT COUNT(*) FROM trust_rules WHERE account_id = ?1";
        self.connection
            .get(SQL, params![account.as_str()], |row| row.int(0))
    }
}

impl Tx<'_> {
    /// Makes a trust rule.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the account has one of that name; the transaction can go on.
    pub fn create_trust_rule(&mut self, rule: &TrustRuleRow) -> Result<()> {
        const SQL: &str = "INSERT INTO trust_rules (id, account_id, name, description, issuer, audience, claims, permissions, \
             token_lifetime_secs, is_disabled, created_at_ms, updated_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11) ON CONFLICT (account_id, name) DO NOTHING";
        let (claims, permissions) = (written(&rule.claims)?, written(&rule.permissions)?);
        let created = self.connection.execute(
            SQL,
            params![
                rule.id.as_str(),
                rule.account_id.as_str(),
                &rule.name,
                &rule.description,
                &rule.issuer,
                &rule.audience,
                &claims,
                &permissions,
                rule.token_lifetime_secs,
                rule.is_disabled,
                rule.created_at_ms
            ],
        )?;
        if created == 0 {
            return Err(Error::AlreadyExists);
        }
        self.changes.policy();
        Ok(())
    }

    /// Changes everything of a trust rule but its name. Says whether there was one.
    pub fn update_trust_rule(&mut self, rule: &TrustRuleRow, now_ms: i64) -> Result<bool> {
        const SQL: &str = "UPDATE trust_rules SET description = ?1, issuer = ?2, audience = ?3, claims = ?4, permissions = ?5, \
             token_lifetime_secs = ?6, is_disabled = ?7, updated_at_ms = ?8 WHERE id = ?9";
        let (claims, permissions) = (written(&rule.claims)?, written(&rule.permissions)?);
        let updated = self.connection.execute(
            SQL,
            params![
                &rule.description,
                &rule.issuer,
                &rule.audience,
                &claims,
                &permissions,
                rule.token_lifetime_secs,
                rule.is_disabled,
                now_ms,
                rule.id.as_str()
            ],
        )?;
        self.changes.policy();
        Ok(updated > 0)
    }

    /// Notes that a trust rule was used.
    pub fn touch_trust_rule(&mut self, rule: &TrustRuleId, now_ms: i64) -> Result<()> {
        const SQL: &str = "UPDATE trust_rules SET last_used_at_ms = ?1 WHERE id = ?2";
        self.connection
            .execute(SQL, params![now_ms, rule.as_str()])?;
        Ok(())
    }

    /// Deletes a trust rule. Says whether there was one.
    pub fn delete_trust_rule(&mut self, rule: &TrustRuleId) -> Result<bool> {
        const SQL: &str = "DELETE FROM trust_rules WHERE id = ?1";
        let deleted = self.connection.execute(SQL, params![rule.as_str()])?;
        self.changes.policy();
        Ok(deleted > 0)
    }
}
