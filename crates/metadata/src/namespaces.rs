//! Namespaces and the names by which the shared address knows them.

use crate::connection::{Row, params, parse_column};
use crate::error::{Error, Result};
use crate::{Reader, Tx};
use model::{AccountId, AccountState, Address, NamespaceId};

/// A namespace, with what decides about access to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceRow {
    /// Its identifier.
    pub id: NamespaceId,
    /// Whose it is.
    pub account_id: AccountId,
    /// What that account may do at present.
    pub account_state: AccountState,
    /// Its name.
    pub name: String,
    /// Whether anyone may pull from it.
    pub is_public: bool,
    /// When it was made.
    pub created_at_ms: i64,
}

pub(crate) fn read_namespace(row: &Row<'_>) -> Result<NamespaceRow> {
    Ok(NamespaceRow {
        id: NamespaceId::new(row.text(0)?),
        account_id: AccountId::new(row.text(1)?),
        account_state: parse_column("accounts.state", AccountState::parse(&row.text(2)?))?,
        name: row.text(3)?,
        is_public: row.flag(4)?,
        created_at_ms: row.int(5)?,
    })
}

impl Reader<'_> {
    /// The namespace of an identifier.
    pub fn find_namespace_by_id(&self, id: &NamespaceId) -> Result<Option<NamespaceRow>> {
        const SQL: &str = "SELECT n.id, n.account_id, a.state, n.name, n.is_public, n.created_at_ms \
             FROM namespaces n JOIN accounts a ON a.id = n.account_id WHERE n.id = ?1";
        self.connection
            .find(SQL, params![id.as_str()], read_namespace)
    }

    /// The namespace that a name means at an address.
    pub fn find_namespace(&self, address: &Address, name: &str) -> Result<Option<NamespaceRow>> {
        const BY_CLAIM: &str = "SELECT n.id, n.account_id, a.state, n.name, n.is_public, n.created_at_ms \
             FROM namespace_claims c JOIN namespaces n ON n.id = c.namespace_id \
             JOIN accounts a ON a.id = n.account_id WHERE c.name = ?1";
        const BY_ACCOUNT: &str = "SELECT n.id, n.account_id, a.state, n.name, n.is_public, n.created_at_ms \
             FROM namespaces n JOIN accounts a ON a.id = n.account_id WHERE n.name = ?1 AND n.account_id = ?2";
        match address {
            Address::Shared => self
                .connection
                .find(BY_CLAIM, params![name], read_namespace),
            Address::Account(account) => {
                self.connection
                    .find(BY_ACCOUNT, params![name, account.as_str()], read_namespace)
            }
        }
    }

    /// All of an account's namespaces by name, after `after`.
    pub fn list_namespaces(
        &self,
        account: &AccountId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<NamespaceRow>> {
        const SQL: &str = "SELECT n.id, n.account_id, a.state, n.name, n.is_public, n.created_at_ms \
             FROM namespaces n JOIN accounts a ON a.id = n.account_id \
             WHERE n.account_id = ?1 AND n.name > ?2 ORDER BY n.name LIMIT ?3";
        self.connection
            .list(SQL, params![account.as_str(), after, limit], read_namespace)
    }

    /// Whether a namespace holds a repository, though it never had a manifest.
    pub fn has_repository(&self, namespace: &NamespaceId) -> Result<bool> {
        const SQL: &str = "SELECT 1 FROM repositories WHERE namespace_id = ?1 LIMIT 1";
        self.connection.exists(SQL, params![namespace.as_str()])
    }

    /// Whether a namespace holds a repository that has or had a manifest.
    pub fn has_listed_repository(&self, namespace: &NamespaceId) -> Result<bool> {
        const SQL: &str =
            "SELECT 1 FROM repositories WHERE namespace_id = ?1 AND is_listed <> 0 LIMIT 1";
        self.connection.exists(SQL, params![namespace.as_str()])
    }
}

impl Tx<'_> {
    /// Makes a namespace and claims its name on the shared address when it is free there. Says whether it was.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the account has one of that name; the transaction can go on.
    pub fn create_namespace(
        &mut self,
        id: &NamespaceId,
        account: &AccountId,
        name: &str,
        is_public: bool,
        now_ms: i64,
    ) -> Result<bool> {
        const NAMESPACE: &str = "INSERT INTO namespaces (id, account_id, name, is_public, created_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (account_id, name) DO NOTHING";
        const CLAIM: &str = "INSERT INTO namespace_claims (name, account_id, namespace_id) VALUES (?1, ?2, ?3) \
             ON CONFLICT (name) DO NOTHING";
        let (id, account) = (id.as_str(), account.as_str());
        let created = self
            .connection
            .execute(NAMESPACE, params![id, account, name, is_public, now_ms])?;
        if created == 0 {
            return Err(Error::AlreadyExists);
        }
        let claimed = self.connection.execute(CLAIM, params![name, account, id])?;
        self.changes.policy();
        Ok(claimed > 0)
    }

    /// Opens a namespace to everyone, or closes it.
    pub fn set_namespace_public(&mut self, id: &NamespaceId, is_public: bool) -> Result<()> {
        const SQL: &str = "UPDATE namespaces SET is_public = ?1 WHERE id = ?2";
        self.connection
            .execute(SQL, params![is_public, id.as_str()])?;
        self.changes.policy();
        Ok(())
    }

    /// Deletes a namespace that holds no repository, with its claim and grants.
    ///
    /// # Errors
    /// [`Error::ReferenceViolated`] when a repository is left in it.
    pub fn delete_namespace(&mut self, id: &NamespaceId) -> Result<()> {
        const CLAIM: &str = "DELETE FROM namespace_claims WHERE namespace_id = ?1";
        const GRANTS: &str = "DELETE FROM grants WHERE namespace_id = ?1";
        const NAMESPACE: &str = "DELETE FROM namespaces WHERE id = ?1";
        for sql in [CLAIM, GRANTS, NAMESPACE] {
            self.connection.execute(sql, params![id.as_str()])?;
        }
        self.changes.policy();
        Ok(())
    }
}
