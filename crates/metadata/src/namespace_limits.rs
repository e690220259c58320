//! Namespaces with a limit of their own: the distinct digests that the manifests of one reference, each counted once. Of
//! all other namespaces nothing is counted.
//!
//! A limit is set by whoever has taken the namespace and all of its repositories, so that nobody pushes to it or deletes from
//! it meanwhile; a push has locked its repository by the manifest's row, a deletion by [`Tx::keep_repository`], before either
//! asks whether there is a limit.

use crate::Reader;
use crate::Tx;
use crate::connection::{Param, params};
use crate::error::{Error, Result};
use crate::query::places;
use model::{AccountId, NamespaceId, RepositoryId};
use oci::Digest;
use std::collections::HashMap;

/// A namespace's limit, and what of it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamespaceLimit {
    /// What it may use, in bytes.
    pub limit_bytes: u64,
    /// What it uses.
    pub used_bytes: u64,
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl Reader<'_> {
    /// The limits of namespaces, by their ids. Those without one are left out.
    pub fn find_namespace_limits(
        &self,
        namespaces: &[NamespaceId],
    ) -> Result<HashMap<String, NamespaceLimit>> {
        if namespaces.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = format!(
            "SELECT namespace_id, limit_bytes, used_bytes FROM namespace_limits WHERE namespace_id IN ({})",
            places(0, namespaces.len())
        );
        let params: Vec<Param<'_>> = namespaces
            .iter()
            .map(|id| Param::from(id.as_str()))
            .collect();
        let rows = self.connection.list_once(&sql, &params, |row| {
            let limit = NamespaceLimit {
                limit_bytes: row.size(1, "namespace_limits.limit_bytes")?,
                used_bytes: row.size(2, "namespace_limits.used_bytes")?,
            };
            Ok((row.text(0)?, limit))
        })?;
        Ok(rows.into_iter().collect())
    }

    /// The namespace of a repository, if it has a limit.
    pub fn find_limited_namespace(&self, repository: &RepositoryId) -> Result<Option<NamespaceId>> {
        const SQL: &str = "SELECT l.namespace_id FROM repositories r \
             JOIN namespace_limits l ON l.namespace_id = r.namespace_id WHERE r.id = ?1";
        self.connection
            .find(SQL, params![repository.as_str()], |row| {
                row.text(0).map(NamespaceId::new)
            })
    }

    /// Namespaces with a limit, by their ids, after the one given.
    pub fn list_limited_namespaces(&self, after: &str, limit: i64) -> Result<Vec<NamespaceId>> {
        const SQL: &str = "SELECT namespace_id FROM namespace_limits WHERE namespace_id > ?1 \
             ORDER BY namespace_id LIMIT ?2";
        self.connection.list(SQL, params![after, limit], |row| {
            row.text(0).map(NamespaceId::new)
        })
    }
}

impl Tx<'_> {
    /// Keeps others from setting a limit on a repository's namespace until the transaction ends.
    pub fn keep_repository(&mut self, repository: &RepositoryId) -> Result<()> {
        const KEEP: &str = "SELECT 1 FROM repositories WHERE id = ?1 FOR KEY SHARE";
        self.connection
            .keep(KEEP, params![repository.as_str()])
            .map(drop)
    }

    /// Counts one more manifest of a limited namespace that references a digest. Says whether it is the first.
    pub fn add_namespace_reference(
        &mut self,
        namespace: &NamespaceId,
        digest: &Digest,
        size_bytes: u64,
    ) -> Result<bool> {
        const SQL: &str = "INSERT INTO namespace_blobs (namespace_id, digest, size_bytes, reference_count) \
             VALUES (?1, ?2, ?3, 1) ON CONFLICT (namespace_id, digest) \
             DO UPDATE SET reference_count = namespace_blobs.reference_count + 1 RETURNING reference_count";
        let params = params![namespace.as_str(), digest.as_str(), signed(size_bytes)];
        Ok(self.connection.get(SQL, params, |row| row.int(0))? == 1)
    }

    /// Counts one manifest less. Answers with the bytes freed: 0 unless it was the last.
    pub fn drop_namespace_reference(
        &mut self,
        namespace: &NamespaceId,
        digest: &Digest,
    ) -> Result<u64> {
        const TAKE: &str =
            "SELECT 1 FROM namespace_blobs WHERE namespace_id = ?1 AND digest = ?2 FOR UPDATE";
        const LAST: &str = "DELETE FROM namespace_blobs WHERE namespace_id = ?1 AND digest = ?2 \
             AND reference_count = 1 RETURNING size_bytes";
        const LESS: &str = "UPDATE namespace_blobs SET reference_count = reference_count - 1 \
             WHERE namespace_id = ?1 AND digest = ?2";
        let params = params![namespace.as_str(), digest.as_str()];
        // Between the two statements the count must not become 1.
        self.connection.keep(TAKE, params)?;
        let last = self.connection.find(LAST, params, |row| {
            row.size(0, "namespace_blobs.size_bytes")
        })?;
        if let Some(freed) = last {
            return Ok(freed);
        }
        self.connection.execute(LESS, params)?;
        Ok(0)
    }

    /// Adds to a limited namespace's running total, unless that would go over its limit. Says whether it was done.
    pub fn add_namespace_usage(
        &mut self,
        namespace: &NamespaceId,
        added_bytes: u64,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE namespace_limits SET used_bytes = used_bytes + ?2 \
             WHERE namespace_id = ?1 AND used_bytes + ?2 <= limit_bytes";
        if added_bytes == 0 {
            return Ok(true);
        }
        let added = i64::try_from(added_bytes).map_err(|_| Error::Unreadable {
            column: "blobs.size_bytes",
        })?;
        Ok(self
            .connection
            .execute(SQL, params![namespace.as_str(), added])?
            > 0)
    }

    /// Takes from a limited namespace's running total.
    pub fn free_namespace_usage(
        &mut self,
        namespace: &NamespaceId,
        freed_bytes: u64,
    ) -> Result<()> {
        const SQL: &str =
            "UPDATE namespace_limits SET used_bytes = used_bytes - ?2 WHERE namespace_id = ?1";
        if freed_bytes != 0 {
            self.connection
                .execute(SQL, params![namespace.as_str(), signed(freed_bytes)])?;
        }
        Ok(())
    }

    /// Gives a namespace a limit, or another one. What it uses is counted when it gets its first: by one statement, for which
    /// pushes to it wait. A limit below what is used is fine: nothing more is taken in then.
    pub fn set_namespace_limit(
        &mut self,
        account: &AccountId,
        namespace: &NamespaceId,
        limit_bytes: u64,
        now_ms: i64,
    ) -> Result<()> {
        const LIMIT: &str = "UPDATE namespace_limits SET limit_bytes = ?1, updated_at_ms = ?2 \
             WHERE namespace_id = ?3";
        const ROW: &str = "INSERT INTO namespace_limits (namespace_id, account_id, limit_bytes, used_bytes, updated_at_ms) \
             VALUES (?1, ?2, ?3, 0, ?4)";
        let id = namespace.as_str();
        self.take_namespace(namespace)?;
        let changed = self
            .connection
            .execute(LIMIT, params![signed(limit_bytes), now_ms, id])?;
        if changed == 0 {
            self.connection.execute(
                ROW,
                params![id, account.as_str(), signed(limit_bytes), now_ms],
            )?;
            self.count_namespace(namespace)?;
        }
        Ok(())
    }

    /// Takes a namespace's limit away, and what was counted for it. Says whether it had one.
    pub fn delete_namespace_limit(&mut self, namespace: &NamespaceId) -> Result<bool> {
        const SQL: &str = "DELETE FROM namespace_limits WHERE namespace_id = ?1";
        self.take_namespace(namespace)?;
        Ok(self.connection.execute(SQL, params![namespace.as_str()])? > 0)
    }

    /// Counts a limited namespace anew from its manifests. Says what its running total was and is, or `None` when they are
    /// equal.
    pub fn correct_namespace_usage(
        &mut self,
        namespace: &NamespaceId,
    ) -> Result<Option<(u64, u64)>> {
        const CLEAR: &str = "DELETE FROM namespace_blobs WHERE namespace_id = ?1";
        const USED: &str = "SELECT used_bytes FROM namespace_limits WHERE namespace_id = ?1";
        let key = params![namespace.as_str()];
        self.take_namespace(namespace)?;
        let used = |tx: &Self| {
            tx.connection
                .find(USED, key, |row| row.size(0, "namespace_limits.used_bytes"))
        };
        let Some(was) = used(self)? else {
            return Ok(None);
        };
        self.connection.execute(CLEAR, key)?;
        self.count_namespace(namespace)?;
        let is = used(self)?.unwrap_or(was);
        Ok((was != is).then_some((was, is)))
    }

    /// Keeps everyone from pushing to a namespace, and from deleting from it, until the transaction ends. The namespace
    /// first: then no repository is made in it.
    fn take_namespace(&mut self, namespace: &NamespaceId) -> Result<()> {
        const NAMESPACE: &str = "SELECT 1 FROM namespaces WHERE id = ?1 FOR UPDATE";
        const REPOSITORIES: &str = "SELECT 1 FROM repositories WHERE namespace_id = ?1 FOR UPDATE";
        for sql in [NAMESPACE, REPOSITORIES] {
            self.connection.keep(sql, params![namespace.as_str()])?;
        }
        Ok(())
    }

    fn count_namespace(&mut self, namespace: &NamespaceId) -> Result<()> {
        const BLOBS: &str = "INSERT INTO namespace_blobs (namespace_id, digest, size_bytes, reference_count) \
             SELECT r.namespace_id, k.digest, MAX(b.size_bytes), COUNT(*) FROM repositories r \
             JOIN manifest_blobs k ON k.repository_id = r.id \
             JOIN blobs b ON b.storage = k.storage AND b.digest = k.digest \
             WHERE r.namespace_id = ?1 GROUP BY r.namespace_id, k.digest";
        const SUM: &str = "UPDATE namespace_limits SET used_bytes = (SELECT COALESCE(CAST(SUM(c.size_bytes) AS BIGINT), 0) \
             FROM namespace_blobs c WHERE c.namespace_id = ?1) WHERE namespace_id = ?1";
        for sql in [BLOBS, SUM] {
            self.connection.execute(sql, params![namespace.as_str()])?;
        }
        Ok(())
    }
}
