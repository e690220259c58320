//! Repositories, and the catalogue of them.

use crate::connection::{params, parse_column};
use crate::error::Result;
use crate::{Reader, Tx};
use model::{AccountId, AccountState, NamespaceId, RepositoryId};
use oci::RepositoryName;

/// Repositories read at a time for the catalogue.
const CATALOG_BATCH: usize = 1001;

/// How a repository is found: by whose it is and what it is called there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryKey {
    /// Whose it is.
    pub account_id: AccountId,
    /// Its full name, the namespace first.
    pub name: RepositoryName,
}

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRow {
    /// Its identifier.
    pub id: RepositoryId,
    /// Whether it has or had a manifest, and so is in the catalogue.
    pub is_listed: bool,
    /// What its account may do at present.
    pub account_state: AccountState,
}

impl Reader<'_> {
    /// The repository of that name.
    pub fn find_repository(&self, key: &RepositoryKey) -> Result<Option<RepositoryRow>> {
        const SQL: &str = "SELECT r.id, r.is_listed, a.state FROM repositories r \
             JOIN accounts a ON a.id = r.account_id WHERE r.account_id = ?1 AND r.name = ?2";
        let params = params![key.account_id.as_str(), key.name.as_str()];
        self.connection.find(SQL, params, |row| {
            Ok(RepositoryRow {
                id: RepositoryId::new(row.text(0)?),
                is_listed: row.flag(1)?,
                account_state: parse_column("accounts.state", AccountState::parse(&row.text(2)?))?,
            })
        })
    }

    /// When the repository of that name was made.
    pub fn find_repository_time(&self, key: &RepositoryKey) -> Result<Option<i64>> {
        const SQL: &str =
            "SELECT created_at_ms FROM repositories WHERE account_id = ?1 AND name = ?2";
        let params = params![key.account_id.as_str(), key.name.as_str()];
        self.connection.find(SQL, params, |row| row.int(0))
    }

    /// Some of the repositories of a namespace, those too that never had a manifest: at most `limit`, in no order.
    pub fn list_repositories_of(
        &self,
        namespace: &NamespaceId,
        limit: i64,
    ) -> Result<Vec<(RepositoryId, RepositoryName)>> {
        const SQL: &str = "SELECT id, name FROM repositories WHERE namespace_id = ?1 LIMIT ?2";
        self.connection
            .list(SQL, params![namespace.as_str(), limit], |row| {
                let name = RepositoryName::parse(&row.text(1)?).ok();
                Ok((
                    RepositoryId::new(row.text(0)?),
                    parse_column("repositories.name", name)?,
                ))
            })
    }

    /// Names of an account's repositories in byte order after `after`, at most `limit`, those only that `may_see` (by their
    /// namespace's id, their full name, and whether the namespace is public) allows. Names that may not be seen are passed over and counted against nothing.
    pub fn list_catalog(
        &self,
        account: &AccountId,
        after: &str,
        limit: usize,
        may_see: impl Fn(&NamespaceId, &str, bool) -> bool,
    ) -> Result<Vec<String>> {
        const SQL: &str = "SELECT r.name, r.namespace_id, n.is_public FROM repositories r \
             JOIN namespaces n ON n.id = r.namespace_id \
             WHERE r.account_id = ?1 AND r.is_listed = 1 AND r.name > ?2 ORDER BY r.name LIMIT ?3";
        let mut names = Vec::new();
        let mut after = after.to_owned();
        // Usually one batch is all: most callers see most of what there is.
        let batch = limit.clamp(1, CATALOG_BATCH);
        loop {
            let params = params![
                account.as_str(),
                &after,
                i64::try_from(batch).unwrap_or(i64::MAX)
            ];
            let mut last = None;
            let mut looked_at = 0;
            self.connection.visit(SQL, params, |row| {
                let name = row.text(0)?;
                looked_at += 1;
                last = Some(name.clone());
                if may_see(&NamespaceId::new(row.text(1)?), &name, row.flag(2)?) {
                    names.push(name);
                }
                Ok(names.len() < limit)
            })?;
            match last {
                Some(last) if looked_at == batch && names.len() < limit => after = last,
                _ => return Ok(names),
            }
        }
    }
}

impl Tx<'_> {
    /// Makes a repository that is not in the catalogue yet, unless the account has one of that name. Says whether it did.
    pub fn create_repository(
        &mut self,
        id: &RepositoryId,
        key: &RepositoryKey,
        namespace: &NamespaceId,
        now_ms: i64,
    ) -> Result<bool> {
        const SQL: &str = "INSERT INTO repositories (id, account_id, namespace_id, name, is_listed, created_at_ms) \
             VALUES (?1, ?2, ?3, ?4, 0, ?5) ON CONFLICT (account_id, name) DO NOTHING";
        let created = self.connection.execute(
            SQL,
            params![
                id.as_str(),
                key.account_id.as_str(),
                namespace.as_str(),
                key.name.as_str(),
                now_ms
            ],
        )?;
        self.changes.repository(&key.name);
        Ok(created > 0)
    }

    /// Puts a repository into the catalogue, and says which namespace it is in, if that has a limit of its own. A manifest
    /// was made in it before by the same transaction: from then on nobody sets such a limit.
    pub fn list_repository(&mut self, id: &RepositoryId) -> Result<Option<NamespaceId>> {
        const FOUND: &str = "SELECT r.is_listed, l.namespace_id FROM repositories r \
             LEFT JOIN namespace_limits l ON l.namespace_id = r.namespace_id WHERE r.id = ?1";
        const LIST: &str = "UPDATE repositories SET is_listed = 1 WHERE id = ?1 AND is_listed = 0";
        let key = params![id.as_str()];
        let found = self
            .connection
            .find(FOUND, key, |row| Ok((row.flag(0)?, row.optional_text(1)?)))?;
        let Some((is_listed, limited)) = found else {
            return Ok(None);
        };
        if !is_listed {
            self.connection.execute(LIST, key)?;
        }
        Ok(limited.map(NamespaceId::new))
    }

    /// Says that what may have been kept of a repository's content is stale.
    pub fn touch_repository(&mut self, name: &RepositoryName) {
        self.changes.repository(name);
    }
}
