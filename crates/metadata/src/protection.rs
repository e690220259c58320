//! What may not change: rules of immutability, locks, and what of a repository they come to.

use crate::connection::{Row, params, parse_column};
use crate::error::Result;
use crate::fragments;
use crate::{Reader, Tx};
use model::{AccountId, NamespaceId, RepositoryId};
use oci::{Digest, Tag};

/// A rule of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImmutabilityRuleRow {
    /// Its identifier.
    pub id: String,
    /// Whether it is in effect.
    pub is_enabled: bool,
    /// Its selectors, as JSON.
    pub rule: String,
    /// When it was made.
    pub created_at_ms: i64,
}

/// What a lock is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// A tag, by name.
    Tag,
    /// A manifest, by digest.
    Manifest,
}

impl LockKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Manifest => "manifest",
        }
    }
}

/// A lock of one tag or manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockRow {
    /// Its identifier.
    pub id: String,
    /// The repository.
    pub repository_id: RepositoryId,
    /// What it is of.
    pub kind: LockKind,
    /// The tag, or the digest.
    pub name: String,
    /// Who locked it.
    pub locked_by: String,
    /// When.
    pub locked_at_ms: i64,
}

/// Something to be locked.
#[derive(Clone, Copy, Debug)]
pub struct NewLock<'a> {
    /// Its identifier.
    pub id: &'a str,
    /// Whose it is.
    pub account: &'a AccountId,
    /// The repository's namespace.
    pub namespace: &'a NamespaceId,
    /// The repository.
    pub repository: &'a RepositoryId,
    /// What it is of.
    pub kind: LockKind,
    /// The tag, or the digest.
    pub name: &'a str,
    /// Who locks it.
    pub by: &'a str,
    /// When.
    pub now_ms: i64,
}

/// A manifest that may keep others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Its identifier.
    pub id: String,
    /// Its digest.
    pub digest: Digest,
    /// The manifest it is about.
    pub subject: Option<Digest>,
}

fn read_rule(row: &Row<'_>) -> Result<ImmutabilityRuleRow> {
    Ok(ImmutabilityRuleRow {
        id: row.text(0)?,
        is_enabled: row.flag(1)?,
        rule: row.text(2)?,
        created_at_ms: row.int(3)?,
    })
}

fn read_lock(row: &Row<'_>) -> Result<LockRow> {
    let kind = row.text(2)?;
    let kind = match kind.as_str() {
        "tag" => Some(LockKind::Tag),
        "manifest" => Some(LockKind::Manifest),
        _ => None,
    };
    Ok(LockRow {
        id: row.text(0)?,
        repository_id: RepositoryId::new(row.text(1)?),
        kind: parse_column("protection_locks.kind", kind)?,
        name: row.text(3)?,
        locked_by: row.text(4)?,
        locked_at_ms: row.int(5)?,
    })
}

fn read_guard(row: &Row<'_>) -> Result<Guard> {
    let subject = row.optional_text(2)?;
    Ok(Guard {
        id: row.text(0)?,
        digest: row.digest(1, "manifests.digest")?,
        subject: subject.and_then(|text| Digest::parse(&text).ok()),
    })
}

macro_rules! lock_columns {
    () => {
        "SELECT l.id, l.repository_id, l.kind, l.name, l.locked_by, l.locked_at_ms FROM protection_locks l "
    };
}

/// What a push has to know of the namespace that it pushes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectionRow {
    /// The namespace.
    pub namespace_id: NamespaceId,
    /// Whether rules or locks may be of its content.
    pub is_protected: bool,
    /// Whether labels of images say when tags end.
    pub reads_labels: bool,
}

fn read_protection(row: &Row<'_>) -> Result<ProtectionRow> {
    Ok(ProtectionRow {
        namespace_id: NamespaceId::new(row.text(0)?),
        is_protected: row.flag(1)?,
        reads_labels: row.flag(2)?,
    })
}

impl Reader<'_> {
    /// The rules of a namespace, the oldest first.
    pub fn list_immutability_rules(
        &self,
        namespace: &NamespaceId,
    ) -> Result<Vec<ImmutabilityRuleRow>> {
        const SQL: &str = "SELECT u.id, u.is_enabled, u.rule, u.created_at_ms FROM immutability_rules u WHERE u.namespace_id = ?1";
        let mut rules = self
            .connection
            .list(SQL, params![namespace.as_str()], read_rule)?;
        // A few: the database would look for all of them in an order by age.
        rules.sort_by(|one, other| {
            (one.created_at_ms, &one.id).cmp(&(other.created_at_ms, &other.id))
        });
        Ok(rules)
    }

    /// All locks of a repository's tags and manifests.
    pub fn list_locks(&self, repository: &RepositoryId) -> Result<Vec<LockRow>> {
        const SQL: &str = concat!(lock_columns!(), "WHERE l.repository_id = ?1");
        self.connection
            .list(SQL, params![repository.as_str()], read_lock)
    }

    /// Those of one kind after `after`, by name, at most `limit`.
    pub fn list_locks_of(
        &self,
        repository: &RepositoryId,
        kind: LockKind,
        after: &str,
        limit: i64,
    ) -> Result<Vec<LockRow>> {
        const SQL: &str = concat!(
            lock_columns!(),
            "WHERE l.repository_id = ?1 AND l.kind = ?2 AND l.name > ?3 ORDER BY l.name LIMIT ?4"
        );
        let params = params![repository.as_str(), kind.as_str(), after, limit];
        self.connection.list(SQL, params, read_lock)
    }

    /// Whether a tag or manifest is locked.
    pub fn is_locked(&self, repository: &RepositoryId, kind: LockKind, name: &str) -> Result<bool> {
        const SQL: &str = "SELECT 1 FROM protection_locks l \
             WHERE l.repository_id = ?1 AND l.kind = ?2 AND l.name = ?3";
        let params = params![repository.as_str(), kind.as_str(), name];
        self.connection.exists(SQL, params)
    }

    /// A locked tag that points at a manifest.
    pub fn find_locked_tag(&self, manifest: &str) -> Result<Option<String>> {
        const SQL: &str = "SELECT t.name FROM tags t JOIN protection_locks l ON l.repository_id = t.repository_id \
             AND l.kind = 'tag' AND l.name = t.name WHERE t.manifest_id = ?1 LIMIT 1";
        self.connection
            .find(SQL, params![manifest], |row| row.text(0))
    }

    /// Names of a manifest's tags after `after`, at most `limit`.
    pub fn list_tag_names_of(
        &self,
        manifest: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>> {
        const SQL: &str = "SELECT t.name FROM tags t WHERE t.manifest_id = ?1 AND t.name > ?2 ORDER BY t.name LIMIT ?3";
        self.connection
            .list(SQL, params![manifest, after, limit], |row| row.text(0))
    }

    /// Whether rules or locks may be of a repository's content; the namespace.
    pub fn find_protection(&self, repository: &RepositoryId) -> Result<Option<ProtectionRow>> {
        self.connection.find(
            fragments::KEEP_PROTECTION.sqlite,
            params![repository.as_str()],
            read_protection,
        )
    }

    /// A namespace's repositories after `after`, by identifier, at most `limit`: identifier and name.
    pub fn list_protected_repositories(
        &self,
        namespace: &NamespaceId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(RepositoryId, String)>> {
        const SQL: &str = "SELECT r.id, r.name FROM repositories r JOIN namespaces n ON n.id = r.namespace_id \
             WHERE r.namespace_id = ?1 AND n.protection = 1 AND r.id > ?2 ORDER BY r.id LIMIT ?3";
        let params = params![namespace.as_str(), after, limit];
        self.connection.list(SQL, params, |row| {
            Ok((RepositoryId::new(row.text(0)?), row.text(1)?))
        })
    }

    /// The indexes that name a manifest, at most `limit`.
    pub fn list_indexes_of(
        &self,
        repository: &RepositoryId,
        digest: &Digest,
        limit: i64,
    ) -> Result<Vec<Guard>> {
        const SQL: &str = "SELECT m.id, m.digest, m.subject_digest FROM manifest_children c \
             JOIN manifests m ON m.id = c.manifest_id WHERE c.repository_id = ?1 AND c.digest = ?2 LIMIT ?3";
        let params = params![repository.as_str(), digest.as_str(), limit];
        self.connection.list(SQL, params, read_guard)
    }
}

impl Tx<'_> {
    /// Says whether rules or locks may be of a repository's content; that cannot change until the transaction ends. The
    /// namespace; `None` when there is no such repository.
    pub fn keep_protection(&mut self, repository: &RepositoryId) -> Result<Option<ProtectionRow>> {
        let sql = self.connection.text_of(&fragments::KEEP_PROTECTION);
        self.connection
            .find(sql, params![repository.as_str()], read_protection)
    }

    /// Says whether labels of images end tags in a namespace. Pushes that are under way may know it or not.
    pub fn set_namespace_reads_labels(
        &mut self,
        id: &NamespaceId,
        reads_labels: bool,
    ) -> Result<()> {
        const SQL: &str =
            "UPDATE namespaces SET reads_labels = ?2 WHERE id = ?1 AND reads_labels <> ?2";
        self.connection
            .execute(SQL, params![id.as_str(), reads_labels])?;
        Ok(())
    }

    /// Keeps everybody from moving and deleting tags and manifests of a namespace until the transaction ends, once those who
    /// do so are done. Says whether there is such a namespace.
    pub fn take_protection(&mut self, namespace: &NamespaceId) -> Result<bool> {
        let sql = self.connection.text_of(&fragments::TAKE_PROTECTION);
        self.connection.exists(sql, params![namespace.as_str()])
    }

    /// Last in a transaction that changed rules or locks: notes whether there are any.
    pub fn settle_protection(&mut self, namespace: &NamespaceId) -> Result<()> {
        const SQL: &str = "UPDATE namespaces SET protection = CASE \
             WHEN EXISTS (SELECT 1 FROM immutability_rules u WHERE u.namespace_id = ?1 AND u.is_enabled = 1) \
             OR EXISTS (SELECT 1 FROM protection_locks l WHERE l.namespace_id = ?1) THEN 1 ELSE 0 END WHERE id = ?1";
        self.connection.execute(SQL, params![namespace.as_str()])?;
        Ok(())
    }

    /// Makes a rule.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`](crate::Error::AlreadyExists) when the namespace has the same.
    pub fn create_immutability_rule(
        &mut self,
        account: &AccountId,
        namespace: &NamespaceId,
        row: &ImmutabilityRuleRow,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO immutability_rules (id, account_id, namespace_id, is_enabled, rule, created_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let params = params![
            &row.id,
            account.as_str(),
            namespace.as_str(),
            row.is_enabled,
            &row.rule,
            row.created_at_ms
        ];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Writes a rule anew. Says whether there is such a one.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`](crate::Error::AlreadyExists) when the namespace has another that is the same.
    pub fn update_immutability_rule(
        &mut self,
        namespace: &NamespaceId,
        id: &str,
        rule: &str,
        is_enabled: bool,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE immutability_rules SET rule = ?3, is_enabled = ?4 WHERE id = ?1 AND namespace_id = ?2";
        let params = params![id, namespace.as_str(), rule, is_enabled];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Deletes a rule. Says whether there was one.
    pub fn delete_immutability_rule(&mut self, namespace: &NamespaceId, id: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM immutability_rules WHERE id = ?1 AND namespace_id = ?2";
        let params = params![id, namespace.as_str()];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Locks a tag or manifest, unless it is. Says whether it did.
    ///
    /// # Errors
    /// [`Error::ReferenceViolated`](crate::Error::ReferenceViolated) when the repository is gone.
    pub fn create_lock(&mut self, new: &NewLock<'_>) -> Result<bool> {
        const SQL: &str = "INSERT INTO protection_locks (id, account_id, namespace_id, repository_id, kind, name, locked_by, \
             locked_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (repository_id, kind, name) DO NOTHING";
        let params = params![
            new.id,
            new.account.as_str(),
            new.namespace.as_str(),
            new.repository.as_str(),
            new.kind.as_str(),
            new.name,
            new.by,
            new.now_ms
        ];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Deletes a lock. Says whether there was one.
    pub fn delete_lock(
        &mut self,
        repository: &RepositoryId,
        kind: LockKind,
        name: &str,
    ) -> Result<bool> {
        const SQL: &str =
            "DELETE FROM protection_locks WHERE repository_id = ?1 AND kind = ?2 AND name = ?3";
        let params = params![repository.as_str(), kind.as_str(), name];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Keeps a manifest from being tagged, named by an index, or deleted by others until the transaction ends.
    pub fn take_guard(
        &mut self,
        repository: &RepositoryId,
        digest: &Digest,
    ) -> Result<Option<Guard>> {
        let sql = self.connection.text_of(&fragments::TAKE_GUARD);
        let params = params![repository.as_str(), digest.as_str()];
        self.connection.find(sql, params, read_guard)
    }

    /// Where a tag points, which cannot change until the transaction ends.
    pub fn take_tag(&mut self, repository: &RepositoryId, tag: &Tag) -> Result<Option<Digest>> {
        let sql = self.connection.text_of(&fragments::TAKE_TAG);
        let params = params![repository.as_str(), tag.as_str()];
        self.connection
            .find(sql, params, |row| row.digest(0, "manifests.digest"))
    }
}
