//! Grants: a subject has a role in a scope. They add up; nothing denies.

use crate::connection::{Row, params, parse_column};
use crate::error::Result;
use crate::{Reader, Tx};
use model::{AccountId, GrantId, NamespaceId, Role, Scope, UserId};

/// One role of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    /// The account it holds in.
    pub account_id: AccountId,
    /// The user's name.
    pub user_name: String,
    /// The role.
    pub role: Role,
    /// What it covers.
    pub scope: Scope,
}

fn read_grant(row: &Row<'_>) -> Result<GrantRow> {
    Ok(GrantRow {
        account_id: AccountId::new(row.text(0)?),
        user_name: row.text(1)?,
        role: parse_column("grants.role", Role::parse(&row.text(2)?))?,
        scope: match row.optional_text(3)? {
            Some(namespace) => Scope::Namespace(NamespaceId::new(namespace)),
            None => Scope::Account,
        },
    })
}

impl Reader<'_> {
    /// Everything granted to a user, in all accounts.
    pub fn list_grants(&self, user: &UserId) -> Result<Vec<GrantRow>> {
        const SQL: &str = "SELECT g.account_id, u.name, g.role, g.namespace_id FROM grants g \
             JOIN users u ON u.id = g.subject_id WHERE g.subject_kind = 'user' AND g.subject_id = ?1";
        self.connection
            .list(SQL, params![user.as_str()], read_grant)
    }

    /// Who has which role in a namespace, by name.
    pub fn list_members(&self, namespace: &NamespaceId) -> Result<Vec<GrantRow>> {
        const SQL: &str = "SELECT g.account_id, u.name, g.role, g.namespace_id FROM grants g \
             JOIN users u ON u.id = g.subject_id WHERE g.subject_kind = 'user' AND g.namespace_id = ?1 \
             ORDER BY u.name";
        self.connection
            .list(SQL, params![namespace.as_str()], read_grant)
    }
}

impl Tx<'_> {
    /// Gives a user a role in a whole account.
    pub fn grant_account_role(
        &mut self,
        id: &GrantId,
        account: &AccountId,
        user: &UserId,
        role: Role,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO grants (id, account_id, subject_kind, subject_id, role, scope_kind, namespace_id, \
             created_at_ms) VALUES (?1, ?2, 'user', ?3, ?4, 'account', NULL, ?5)";
        self.connection.execute(
            SQL,
            params![
                id.as_str(),
                account.as_str(),
                user.as_str(),
                role.as_str(),
                now_ms
            ],
        )?;
        self.changes.policy();
        Ok(())
    }

    /// Gives a user a role in a namespace, in place of the one it had there.
    pub fn put_member(
        &mut self,
        id: &GrantId,
        (account, namespace): (&AccountId, &NamespaceId),
        user: &UserId,
        role: Role,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO grants (id, account_id, subject_kind, subject_id, role, scope_kind, namespace_id, \
             created_at_ms) VALUES (?1, ?2, 'user', ?3, ?4, 'namespace', ?5, ?6) \
             ON CONFLICT (namespace_id, subject_id) WHERE namespace_id IS NOT NULL \
             DO UPDATE SET role = excluded.role";
        self.connection.execute(
            SQL,
            params![
                id.as_str(),
                account.as_str(),
                user.as_str(),
                role.as_str(),
                namespace.as_str(),
                now_ms
            ],
        )?;
        self.changes.policy();
        Ok(())
    }

    /// Takes a user's role in a namespace. Says whether it had one.
    pub fn delete_member(&mut self, namespace: &NamespaceId, user: &UserId) -> Result<bool> {
        const SQL: &str = "DELETE FROM grants WHERE namespace_id = ?1 AND subject_id = ?2";
        let deleted = self
            .connection
            .execute(SQL, params![namespace.as_str(), user.as_str()])?;
        self.changes.policy();
        Ok(deleted > 0)
    }
}
