//! The trash: what was deleted and can be restored, and when it goes for good.

use crate::connection::{Row, params, parse_column};
use crate::error::Result;
use crate::fragments;
use crate::{Reader, RemovedManifest, Tx};
use model::{AccountId, NamespaceId, RepositoryId};
use oci::Digest;

/// What a thing in the trash was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrashKind {
    /// A manifest.
    Manifest,
    /// A tag.
    Tag,
    /// A repository.
    Repository,
    /// A namespace.
    Namespace,
}

impl TrashKind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Tag => "tag",
            Self::Repository => "repository",
            Self::Namespace => "namespace",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let kinds = [Self::Manifest, Self::Tag, Self::Repository, Self::Namespace];
        kinds.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How something goes into the trash.
#[derive(Clone, Copy, Debug)]
pub struct Trashing<'a> {
    /// Whose it was.
    pub account: &'a AccountId,
    /// The larger thing that it is deleted with.
    pub parent: Option<&'a str>,
    /// Who deletes it.
    pub deleted_by: &'a str,
    /// When.
    pub now_ms: i64,
    /// For how long it can be restored.
    pub period_ms: i64,
}

impl Trashing<'_> {
    pub(crate) fn purge_at_ms(&self) -> i64 {
        self.now_ms.saturating_add(self.period_ms)
    }
}

/// Something in the trash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashItem {
    /// Its identifier: the one it had, but for tags.
    pub id: String,
    /// What it was.
    pub kind: TrashKind,
    /// What it was deleted with.
    pub parent: Option<String>,
    /// The namespace that it was in, or was.
    pub namespace_id: NamespaceId,
    /// That namespace's name.
    pub namespace: String,
    /// The repository's full name; empty for a namespace.
    pub repository: String,
    /// The manifest's digest, or the one that the tag pointed at; else empty.
    pub digest: String,
    /// The tag; else empty.
    pub tag: String,
    /// The manifest's media type; else empty.
    pub media_type: String,
    /// Who deleted it.
    pub deleted_by: String,
    /// When.
    pub deleted_at_ms: i64,
    /// For how long it was to stay.
    pub period_ms: i64,
    /// From when on it is gone.
    pub purge_at_ms: i64,
}

macro_rules! columns {
    () => {
        "i.id, i.kind, i.parent_id, i.namespace_id, i.namespace, i.repository, i.digest, i.tag, i.media_type, \
         i.deleted_by, i.deleted_at_ms, i.period_ms, i.purge_at_ms"
    };
}
pub(crate) use columns;

pub(crate) fn read_item(row: &Row<'_>) -> Result<TrashItem> {
    Ok(TrashItem {
        id: row.text(0)?,
        kind: parse_column("trash_items.kind", TrashKind::parse(&row.text(1)?))?,
        parent: row.optional_text(2)?,
        namespace_id: NamespaceId::new(row.text(3)?),
        namespace: row.text(4)?,
        repository: row.text(5)?,
        digest: row.text(6)?,
        tag: row.text(7)?,
        media_type: row.text(8)?,
        deleted_by: row.text(9)?,
        deleted_at_ms: row.int(10)?,
        period_ms: row.int(11)?,
        purge_at_ms: row.int(12)?,
    })
}

impl Reader<'_> {
    /// Accounts whose trash is to be looked at, with the version of that wish.
    pub fn list_trash_recounts(&self, limit: i64) -> Result<Vec<(AccountId, i64)>> {
        const SQL: &str = "SELECT account_id, version FROM trash_recounts WHERE is_due = 1 ORDER BY account_id LIMIT ?1";
        self.connection.list(SQL, params![limit], |row| {
            Ok((AccountId::new(row.text(0)?), row.int(1)?))
        })
    }
}

impl Tx<'_> {
    /// Puts a manifest that was removed from a repository into the trash, with its tags: it keeps its blobs. A tag's
    /// identifier comes from `next_id`.
    pub fn trash_manifest(
        &mut self,
        how: &Trashing<'_>,
        (repository, digest): (&RepositoryId, &Digest),
        removed: &RemovedManifest,
        mut next_id: impl FnMut() -> String,
    ) -> Result<()> {
        const ITEM: &str = "INSERT INTO trash_items (id, account_id, kind, parent_id, namespace_id, namespace, repository, \
             digest, tag, subject_digest, media_type, content, deleted_by, deleted_at_ms, period_ms, purge_at_ms, pushed_at_ms) \
             SELECT ?1, r.account_id, 'manifest', ?2, n.id, n.name, r.name, ?3, '', ?4, ?5, ?6, ?7, \
             CAST(?8 AS BIGINT), CAST(?9 AS BIGINT), CAST(?10 AS BIGINT), CAST(?12 AS BIGINT) \
             FROM repositories r JOIN namespaces n ON n.id = r.namespace_id WHERE r.id = ?11 \
             ON CONFLICT (id) DO UPDATE SET parent_id = excluded.parent_id, pushed_at_ms = excluded.pushed_at_ms, deleted_by = excluded.deleted_by, \
             deleted_at_ms = excluded.deleted_at_ms, period_ms = excluded.period_ms, purge_at_ms = excluded.purge_at_ms";
        const BLOB: &str = "INSERT INTO trash_item_blobs (item_id, digest, storage, account_id, size_bytes, deleted_at_ms) \
             SELECT ?1, b.digest, b.storage, ?2, b.size_bytes, CAST(?3 AS BIGINT) FROM blobs b WHERE b.storage = ?4 AND b.digest = ?5 \
             ON CONFLICT (item_id, digest) DO NOTHING";
        // It is there still, if a restore was broken off before the last tag was back.
        self.connection.execute(
            ITEM,
            params![
                &removed.id,
                how.parent,
                digest.as_str(),
                removed.subject.as_ref().map(Digest::as_str),
                &removed.media_type,
                &removed.content,
                how.deleted_by,
                how.now_ms,
                how.period_ms,
                how.purge_at_ms(),
                repository.as_str(),
                removed.pushed_at_ms
            ],
        )?;
        for (storage, blob) in &removed.blobs {
            self.connection.execute(
                BLOB,
                params![
                    &removed.id,
                    how.account.as_str(),
                    how.now_ms,
                    storage,
                    blob.as_str()
                ],
            )?;
        }
        let with_it = Trashing {
            parent: Some(&removed.id),
            ..*how
        };
        for tag in &removed.tags {
            self.trash_tag(&with_it, &next_id(), (repository, tag), digest)?;
        }
        Ok(())
    }

    /// Puts a tag that was deleted into the trash.
    pub fn trash_tag(
        &mut self,
        how: &Trashing<'_>,
        id: &str,
        (repository, tag): (&RepositoryId, &str),
        digest: &Digest,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO trash_items (id, account_id, kind, parent_id, namespace_id, namespace, repository, \
             digest, tag, media_type, content, deleted_by, deleted_at_ms, period_ms, purge_at_ms) \
             SELECT ?1, r.account_id, 'tag', ?2, n.id, n.name, r.name, ?3, ?4, '', '', ?5, \
             CAST(?6 AS BIGINT), CAST(?7 AS BIGINT), CAST(?8 AS BIGINT) \
             FROM repositories r JOIN namespaces n ON n.id = r.namespace_id WHERE r.id = ?9";
        self.connection.execute(
            SQL,
            params![
                id,
                how.parent,
                digest.as_str(),
                tag,
                how.deleted_by,
                how.now_ms,
                how.period_ms,
                how.purge_at_ms(),
                repository.as_str()
            ],
        )?;
        Ok(())
    }

    /// Puts a repository into the trash that is about to be deleted, with what people say of it. What was in it is there.
    pub fn trash_repository(&mut self, how: &Trashing<'_>, id: &RepositoryId) -> Result<()> {
        const SQL: &str = "INSERT INTO trash_items (id, account_id, kind, parent_id, namespace_id, namespace, repository, \
             digest, tag, media_type, content, deleted_by, deleted_at_ms, period_ms, purge_at_ms) \
             SELECT r.id, r.account_id, 'repository', ?1, n.id, n.name, r.name, '', '', '', COALESCE(d.description, ''), \
             ?2, CAST(?3 AS BIGINT), CAST(?4 AS BIGINT), CAST(?5 AS BIGINT) FROM repositories r JOIN namespaces n ON n.id = r.namespace_id \
             LEFT JOIN repository_details d ON d.repository_id = r.id WHERE r.id = ?6 \
             ON CONFLICT (id) DO UPDATE SET parent_id = excluded.parent_id, deleted_by = excluded.deleted_by, \
             deleted_at_ms = excluded.deleted_at_ms, period_ms = excluded.period_ms, purge_at_ms = excluded.purge_at_ms, \
             content = CASE WHEN excluded.content = '' THEN trash_items.content ELSE excluded.content END";
        let params = params![
            how.parent,
            how.deleted_by,
            how.now_ms,
            how.period_ms,
            how.purge_at_ms(),
            id.as_str()
        ];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Puts a namespace into the trash that is about to be deleted; `details` is what is to be known to make it anew.
    pub fn trash_namespace(
        &mut self,
        how: &Trashing<'_>,
        id: &NamespaceId,
        details: &str,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO trash_items (id, account_id, kind, namespace_id, namespace, repository, \
             digest, tag, media_type, content, deleted_by, deleted_at_ms, period_ms, purge_at_ms) \
             SELECT n.id, n.account_id, 'namespace', n.id, n.name, '', '', '', '', ?1, ?2, \
             CAST(?3 AS BIGINT), CAST(?4 AS BIGINT), CAST(?5 AS BIGINT) \
             FROM namespaces n WHERE n.id = ?6 \
             ON CONFLICT (id) DO UPDATE SET deleted_by = excluded.deleted_by, deleted_at_ms = excluded.deleted_at_ms, \
             period_ms = excluded.period_ms, purge_at_ms = excluded.purge_at_ms, content = excluded.content";
        let params = params![
            details,
            how.deleted_by,
            how.now_ms,
            how.period_ms,
            how.purge_at_ms(),
            id.as_str()
        ];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Asks for a look at how much an account has in the trash. Last in a transaction: all that put something there wait for
    /// each other from here to the commit.
    pub fn request_trash_recount(&mut self, account: &AccountId) -> Result<()> {
        // Changing a row that is there locks it: whoever is taking it out waits, and finds another version.
        const SQL: &str = "INSERT INTO trash_recounts (account_id, version, is_due) VALUES (?1, 1, 1) \
             ON CONFLICT (account_id) DO UPDATE SET version = trash_recounts.version + 1, is_due = 1";
        self.connection.execute(SQL, params![account.as_str()])?;
        Ok(())
    }

    /// The account's trash was looked at; whoever asked again since is not forgotten.
    pub fn end_trash_recount(&mut self, account: &AccountId, version: i64) -> Result<()> {
        const SQL: &str =
            "UPDATE trash_recounts SET is_due = 0 WHERE account_id = ?1 AND version = ?2";
        self.connection
            .execute(SQL, params![account.as_str(), version])?;
        Ok(())
    }

    /// Lets at most `limit` things go as early as a shorter period says. Says how many there were.
    pub fn shorten_trash(
        &mut self,
        account: &AccountId,
        period_ms: i64,
        limit: i64,
    ) -> Result<usize> {
        const SQL: &str = "UPDATE trash_items SET period_ms = ?2, purge_at_ms = deleted_at_ms + ?2 WHERE id IN \
             (SELECT i.id FROM trash_items i WHERE i.account_id = ?1 AND i.period_ms > ?2 LIMIT ?3)";
        self.connection
            .execute(SQL, params![account.as_str(), period_ms, limit])
    }

    /// Things whose time has come, the earliest first, and whose they were.
    pub fn list_due_trash(&self, now_ms: i64, limit: i64) -> Result<Vec<(AccountId, String)>> {
        const SQL: &str = "SELECT account_id, id FROM trash_items WHERE purge_at_ms <= ?1 \
             ORDER BY purge_at_ms, id LIMIT ?2";
        self.connection.list(SQL, params![now_ms, limit], |row| {
            Ok((AccountId::new(row.text(0)?), row.text(1)?))
        })
    }

    /// The things of an account that were deleted first.
    pub fn list_oldest_trash(&self, account: &AccountId, limit: i64) -> Result<Vec<String>> {
        const SQL: &str =
            "SELECT id FROM trash_items WHERE account_id = ?1 ORDER BY deleted_at_ms, id LIMIT ?2";
        self.connection
            .list(SQL, params![account.as_str(), limit], |row| row.text(0))
    }

    /// Keeps others from restoring or purging something in the trash until the transaction ends. Says whether it is there.
    pub fn take_trash(&mut self, account: &AccountId, id: &str) -> Result<Option<TrashItem>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM trash_items i WHERE i.account_id = ?1 AND i.id = ?2"
        );
        let params = params![account.as_str(), id];
        self.connection.keep(fragments::TAKE_TRASH, params)?;
        self.connection.find(SQL, params, read_item)
    }

    /// Forgets something in the trash that was taken. Answers with the blobs that it kept: storage, digest and size.
    pub fn forget_trash(&mut self, id: &str) -> Result<Vec<(String, Digest, u64)>> {
        const BLOBS: &str =
            "DELETE FROM trash_item_blobs WHERE item_id = ?1 RETURNING storage, digest, size_bytes";
        const ITEM: &str = "DELETE FROM trash_items WHERE id = ?1";
        let mut blobs = self.connection.list(BLOBS, params![id], |row| {
            Ok((
                row.text(0)?,
                row.digest(1, "trash_item_blobs.digest")?,
                row.size(2, "trash_item_blobs.size_bytes")?,
            ))
        })?;
        blobs.sort_unstable();
        self.connection.execute(ITEM, params![id])?;
        Ok(blobs)
    }
}
