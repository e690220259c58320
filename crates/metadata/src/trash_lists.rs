//! What is in the trash, as it is listed and restored, and how much room it takes.
//!
//! The **size** of an account's trash is that of the distinct blobs that its manifests there need and no manifest of the account
//! does: what purging all of it would free. A blob that several things in the trash need counts for the one that was deleted last:
//! it goes with that one, so the sizes of all things add up to the size of the trash.

use crate::connection::{Param, params};
use crate::error::Result;
use crate::query::places;
use crate::trash::{TrashItem, columns, read_item};
use crate::{Reader, Tx};
use model::{AccountId, NamespaceId, RepositoryId};
use oci::Digest;
use std::fmt::Write as _;

/// What a list of the trash is narrowed by.
#[derive(Clone, Debug, Default)]
pub struct TrashFilter {
    /// Only of these namespaces; of all for `None`.
    pub namespaces: Option<Vec<NamespaceId>>,
    /// Only of the namespaces of this name; all when empty.
    pub namespace: String,
    /// Only of the repository of this name; all when empty.
    pub repository: String,
    /// Only of this kind; all when empty.
    pub kind: String,
    /// Only what was deleted with this; `None` for what stands by itself.
    pub parent: Option<String>,
    /// Only what is restorable at this time.
    pub now_ms: i64,
}

/// What was taken of a manifest's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExcessTags {
    /// None: it has so many, or is not there.
    None(usize),
    /// These; and its identifier.
    Taken(String, Vec<String>),
}

/// A manifest in the trash, as it is restored.
#[derive(Clone, Debug)]
pub struct TrashedManifest {
    /// Its place in the trash.
    pub item: TrashItem,
    /// The exact text that was pushed.
    pub content: String,
}

impl Reader<'_> {
    /// Something in an account's trash, that has not ended.
    pub fn find_trash(
        &self,
        account: &AccountId,
        id: &str,
        now_ms: i64,
    ) -> Result<Option<TrashItem>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM trash_items i WHERE i.account_id = ?1 AND i.id = ?2 AND i.purge_at_ms > ?3"
        );
        self.connection
            .find(SQL, params![account.as_str(), id, now_ms], read_item)
    }

    /// Things in an account's trash, what was deleted last first, before the one of this time and id.
    pub fn list_trash(
        &self,
        account: &AccountId,
        filter: &TrashFilter,
        before: (i64, &str),
        limit: i64,
    ) -> Result<Vec<TrashItem>> {
        let mut params = vec![
            Param::from(account.as_str()),
            Param::Int(filter.now_ms),
            Param::Int(before.0),
            Param::from(before.1),
            Param::Int(limit),
        ];
        let mut conditions = String::new();
        match &filter.parent {
            // What it was deleted with may be restored, or not be deleted yet.
            None => conditions.push_str(
                " AND (i.parent_id IS NULL OR NOT EXISTS (SELECT 1 FROM trash_items p WHERE p.id = i.parent_id))",
            ),
            Some(parent) => {
                params.push(Param::from(parent.as_str()));
                _ = write!(conditions, " AND i.parent_id = ?{}", params.len());
            }
        }
        if let Some(namespaces) = &filter.namespaces {
            if namespaces.is_empty() {
                return Ok(Vec::new());
            }
            let places = places(params.len(), namespaces.len());
            _ = write!(conditions, " AND i.namespace_id IN ({places})");
            params.extend(namespaces.iter().map(|id| Param::from(id.as_str())));
        }
        for (column, value) in [
            ("namespace", &filter.namespace),
            ("repository", &filter.repository),
            ("kind", &filter.kind),
        ] {
            if !value.is_empty() {
                params.push(Param::from(value.as_str()));
                _ = write!(conditions, " AND i.{column} = ?{}", params.len());
            }
        }
        let sql = format!(
            concat!(
                "SELECT ",
                columns!(),
                " FROM trash_items i WHERE i.account_id = ?1 AND i.purge_at_ms > ?2 \
                 AND (i.deleted_at_ms, i.id) < (?3, ?4){} ORDER BY i.deleted_at_ms DESC, i.id DESC LIMIT ?5"
            ),
            conditions
        );
        self.connection.list_once(&sql, &params, read_item)
    }

    /// Some of what was deleted with something, in the order of their ids.
    pub fn list_trash_within(
        &self,
        account: &AccountId,
        parent: &str,
        limit: i64,
    ) -> Result<Vec<TrashItem>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM trash_items i WHERE i.parent_id = ?2 AND i.account_id = ?1 ORDER BY i.id LIMIT ?3"
        );
        self.connection
            .list(SQL, params![account.as_str(), parent, limit], read_item)
    }

    /// The bytes that a thing in the trash keeps by itself: of its blobs those that no manifest of the account needs, and
    /// nothing in its trash that was deleted later.
    pub fn get_trash_item_size(&self, item: &str) -> Result<u64> {
        const SQL: &str = "SELECT COALESCE(CAST(SUM(b.size_bytes) AS BIGINT), 0) FROM trash_item_blobs b WHERE b.item_id = ?1 \
             AND NOT EXISTS (SELECT 1 FROM account_blobs a WHERE a.account_id = b.account_id AND a.digest = b.digest) \
             AND NOT EXISTS (SELECT 1 FROM trash_item_blobs o WHERE o.account_id = b.account_id AND o.digest = b.digest \
             AND (o.deleted_at_ms, o.item_id) > (b.deleted_at_ms, b.item_id))";
        self.connection.get(SQL, params![item], |row| {
            row.size(0, "trash_item_blobs.size_bytes")
        })
    }

    /// The bytes of an account's trash: each blob once, without those that a manifest of the account needs.
    pub fn get_trash_size(&self, account: &AccountId) -> Result<u64> {
        const SQL: &str = "SELECT COALESCE(CAST(SUM(counted.size_bytes) AS BIGINT), 0) FROM (\
             SELECT b.account_id, b.digest, MAX(b.size_bytes) AS size_bytes FROM trash_item_blobs b \
             WHERE b.account_id = ?1 AND NOT EXISTS (SELECT 1 FROM account_blobs a \
             WHERE a.account_id = b.account_id AND a.digest = b.digest) GROUP BY b.account_id, b.digest) counted";
        self.connection.get(SQL, params![account.as_str()], |row| {
            row.size(0, "trash_item_blobs.size_bytes")
        })
    }

    /// Whether nothing of an account needs a digest any more, neither a manifest nor something in its trash.
    pub fn is_free_of(&self, account: &AccountId, digest: &Digest) -> Result<bool> {
        const SQL: &str = "SELECT 1 FROM account_blobs a WHERE a.account_id = ?1 AND a.digest = ?2 UNION ALL \
             SELECT 1 FROM trash_item_blobs b WHERE b.account_id = ?1 AND b.digest = ?2 LIMIT 1";
        let params = params![account.as_str(), digest.as_str()];
        Ok(!self.connection.exists(SQL, params)?)
    }

    /// The manifest of a digest that was deleted last from a repository of that name in a namespace.
    pub fn find_trashed_manifest(
        &self,
        account: &AccountId,
        (namespace, repository): (&NamespaceId, &str),
        digest: &str,
        now_ms: i64,
    ) -> Result<Option<TrashedManifest>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            ", i.content FROM trash_items i WHERE i.account_id = ?1 AND i.repository = ?2 AND i.digest = ?3 \
             AND i.kind = 'manifest' AND i.namespace_id = ?4 AND i.purge_at_ms > ?5 \
             ORDER BY i.deleted_at_ms DESC, i.id DESC LIMIT 1"
        );
        let params = params![
            account.as_str(),
            repository,
            digest,
            namespace.as_str(),
            now_ms
        ];
        self.connection.find(SQL, params, |row| {
            Ok(TrashedManifest {
                item: read_item(row)?,
                content: row.text(13)?,
            })
        })
    }

    /// What is kept of a thing in the trash besides: a manifest's text, a repository's description, a namespace's settings.
    pub fn find_trash_content(&self, account: &AccountId, id: &str) -> Result<Option<String>> {
        const SQL: &str = "SELECT content FROM trash_items WHERE account_id = ?1 AND id = ?2";
        self.connection
            .find(SQL, params![account.as_str(), id], |row| row.text(0))
    }

    /// The digests of at most `limit` manifests in the trash that are about one of a repository, each once.
    pub fn list_trashed_referrers(
        &self,
        account: &AccountId,
        (namespace, repository): (&NamespaceId, &str),
        subject: &str,
        (now_ms, limit): (i64, i64),
    ) -> Result<Vec<String>> {
        const SQL: &str = "SELECT DISTINCT digest FROM trash_items WHERE account_id = ?1 AND repository = ?2 AND subject_digest = ?3 \
             AND namespace_id = ?4 AND purge_at_ms > ?5 LIMIT ?6";
        let params = params![
            account.as_str(),
            repository,
            subject,
            namespace.as_str(),
            now_ms,
            limit
        ];
        self.connection.list(SQL, params, |row| row.text(0))
    }

    /// The tag of a name that was deleted last from a repository.
    pub fn find_trashed_tag(
        &self,
        account: &AccountId,
        (namespace, repository): (&NamespaceId, &str),
        tag: &str,
        now_ms: i64,
    ) -> Result<Option<TrashItem>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM trash_items i WHERE i.account_id = ?1 AND i.repository = ?2 AND i.tag = ?3 AND i.tag <> '' \
             AND i.namespace_id = ?4 AND i.purge_at_ms > ?5 ORDER BY i.deleted_at_ms DESC, i.id DESC LIMIT 1"
        );
        let params = params![
            account.as_str(),
            repository,
            tag,
            namespace.as_str(),
            now_ms
        ];
        self.connection.find(SQL, params, read_item)
    }
}

impl Tx<'_> {
    /// The blobs that a manifest in the trash keeps: storage, digest and size, in the order of their digests.
    pub fn list_trash_blobs(&self, item: &str) -> Result<Vec<(String, Digest, u64)>> {
        const SQL: &str = "SELECT b.storage, b.digest, b.size_bytes FROM trash_item_blobs b WHERE b.item_id = ?1 ORDER BY b.digest";
        self.connection.list(SQL, params![item], |row| {
            Ok((
                row.text(0)?,
                row.digest(1, "trash_item_blobs.digest")?,
                row.size(2, "trash_item_blobs.size_bytes")?,
            ))
        })
    }

    /// Lets something in the trash stand by itself.
    pub fn part_trash(&mut self, id: &str) -> Result<()> {
        const SQL: &str = "UPDATE trash_items SET parent_id = NULL WHERE id = ?1";
        self.connection.execute(SQL, params![id])?;
        Ok(())
    }

    /// Keeps a namespace from being deleted until the transaction ends. Says whether it is there under that name.
    pub fn keep_namespace(
        &mut self,
        account: &AccountId,
        id: &NamespaceId,
        name: &str,
    ) -> Result<bool> {
        const KEEP: &str = "SELECT 1 FROM namespaces WHERE id = ?1 AND account_id = ?2 AND name = ?3 FOR KEY SHARE";
        const SQL: &str =
            "SELECT 1 FROM namespaces WHERE id = ?1 AND account_id = ?2 AND name = ?3";
        let params = params![id.as_str(), account.as_str(), name];
        self.connection.keep(KEEP, params)?;
        self.connection.exists(SQL, params)
    }

    /// Takes from a manifest `limit` of its tags, if it has more than that. Nobody points a tag at it until the transaction ends.
    pub fn take_excess_tags(
        &mut self,
        repository: &RepositoryId,
        digest: &Digest,
        limit: i64,
    ) -> Result<ExcessTags> {
        const TAGS: &str = "SELECT name FROM tags WHERE manifest_id = ?1 LIMIT ?2";
        const TAKE: &str = "DELETE FROM tags WHERE repository_id = ?1 AND name = ?2";
        let key = params![repository.as_str(), digest.as_str()];
        let take = self.connection.text_of(&crate::fragments::TAKE_MANIFEST);
        let Some(id) = self.connection.find(take, key, |row| row.text(0))? else {
            return Ok(ExcessTags::None(0));
        };
        let found = params![&id, limit + 1];
        let mut tags = self.connection.list(TAGS, found, |row| row.text(0))?;
        if i64::try_from(tags.len()).is_ok_and(|count| count <= limit) {
            return Ok(ExcessTags::None(tags.len()));
        }
        tags.pop();
        tags.sort_unstable();
        for tag in &tags {
            self.connection
                .execute(TAKE, params![repository.as_str(), tag])?;
        }
        Ok(ExcessTags::Taken(id, tags))
    }
}
