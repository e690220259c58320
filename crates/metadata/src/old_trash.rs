//! What older programs put into the trash, taken over: they know tables that a repository cannot be deleted before.

use crate::Tx;
use crate::connection::{Row, params};
use crate::error::Result;
use model::{AccountId, RepositoryId};

/// What a manifest is about, by its own text.
fn subject_of(content: &str) -> Option<String> {
    let read: serde_json::Value = serde_json::from_str(content).ok()?;
    read["subject"]["digest"].as_str().map(str::to_owned)
}

impl Tx<'_> {
    /// Takes over at most `limit` manifests that an older program put into the trash, of one repository or of all, with their tags. Their identifiers
    /// stay; those of tags come from `next_id`. Says whose they were.
    pub fn adopt_old_trash(
        &mut self,
        of: Option<&RepositoryId>,
        limit: i64,
        mut next_id: impl FnMut() -> String,
    ) -> Result<Vec<AccountId>> {
        const FOUND: &str =
            "SELECT t.id, t.account_id, t.tags, t.content FROM trash t ORDER BY t.id LIMIT ?1";
        const FOUND_OF: &str = "SELECT t.id, t.account_id, t.tags, t.content FROM trash t WHERE t.repository_id = ?2 LIMIT ?1";
        const TAKE: &str = "SELECT 1 FROM trash WHERE id = ?1 FOR UPDATE";
        const ITEM: &str = "INSERT INTO trash_items (id, account_id, kind, namespace_id, namespace, repository, digest, tag, \
             subject_digest, media_type, content, deleted_by, deleted_at_ms, period_ms, purge_at_ms) \
             SELECT t.id, t.account_id, 'manifest', n.id, n.name, r.name, t.digest, '', ?2, t.media_type, t.content, \
             t.deleted_by, t.deleted_at_ms, t.purge_at_ms - t.deleted_at_ms, t.purge_at_ms \
             FROM trash t JOIN repositories r ON r.id = t.repository_id JOIN namespaces n ON n.id = r.namespace_id \
             WHERE t.id = ?1 ON CONFLICT (id) DO NOTHING";
        const TAG: &str = "INSERT INTO trash_items (id, account_id, kind, parent_id, namespace_id, namespace, repository, \
             digest, tag, media_type, content, deleted_by, deleted_at_ms, period_ms, purge_at_ms) \
             SELECT ?1, i.account_id, 'tag', i.id, i.namespace_id, i.namespace, i.repository, i.digest, ?2, '', '', \
             i.deleted_by, i.deleted_at_ms, i.period_ms, i.purge_at_ms FROM trash_items i WHERE i.id = ?3";
        const BLOBS: &str = "INSERT INTO trash_item_blobs (item_id, digest, storage, account_id, size_bytes, deleted_at_ms) \
             SELECT t.id, k.digest, k.storage, t.account_id, b.size_bytes, t.deleted_at_ms FROM trash t \
             JOIN trash_blobs k ON k.trash_id = t.id JOIN blobs b ON b.storage = k.storage AND b.digest = k.digest \
             WHERE t.id = ?1 ON CONFLICT (item_id, digest) DO NOTHING";
        const FORGET_BLOBS: &str = "DELETE FROM trash_blobs WHERE trash_id = ?1";
        const FORGET: &str = "DELETE FROM trash WHERE id = ?1";
        const IS_THERE: &str = "SELECT 1 FROM trash WHERE id = ?1";
        let read = |row: &Row<'_>| {
            let subject = subject_of(&row.text(3)?);
            Ok((
                row.text(0)?,
                AccountId::new(row.text(1)?),
                row.text(2)?,
                subject,
            ))
        };
        let found = match of {
            Some(of) => {
                let params = params![limit, of.as_str()];
                self.connection.list(FOUND_OF, params, read)?
            }
            None => self.connection.list(FOUND, params![limit], read)?,
        };
        let mut owners = Vec::new();
        for (id, account, tags, subject) in found {
            // An older program may be purging it, or emptying its repository.
            self.connection.keep(TAKE, params![&id])?;
            if !self.connection.exists(IS_THERE, params![&id])? {
                continue;
            }
            self.connection
                .execute(ITEM, params![&id, subject.as_deref()])?;
            self.connection.execute(BLOBS, params![&id])?;
            let tags: Vec<String> = serde_json::from_str(&tags).unwrap_or_default();
            for tag in &tags {
                self.connection
                    .execute(TAG, params![&next_id(), tag, &id])?;
            }
            self.connection.execute(FORGET_BLOBS, params![&id])?;
            self.connection.execute(FORGET, params![&id])?;
            owners.push(account);
        }
        owners.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        owners.dedup();
        Ok(owners)
    }
}

#[cfg(test)]
impl Tx<'_> {
    /// What an older program did with a manifest that it had removed.
    pub(crate) fn create_old_trash(
        &mut self,
        id: &str,
        account: &AccountId,
        (repository, digest): (&model::RepositoryId, &oci::Digest),
        removed: &crate::RemovedManifest,
        purge_at_ms: i64,
    ) -> Result<()> {
        const TRASH: &str = "INSERT INTO trash (id, account_id, repository_id, digest, media_type, content, tags, \
             deleted_by, deleted_at_ms, purge_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'somebody', 111, ?8)";
        const BLOB: &str =
            "INSERT INTO trash_blobs (trash_id, digest, storage) VALUES (?1, ?2, ?3)";
        let tags = serde_json::to_string(&removed.tags).unwrap_or_default();
        self.connection.execute(
            TRASH,
            params![
                id,
                account.as_str(),
                repository.as_str(),
                digest.as_str(),
                &removed.media_type,
                &removed.content,
                &tags,
                purge_at_ms
            ],
        )?;
        for (storage, blob) in &removed.blobs {
            self.connection
                .execute(BLOB, params![id, blob.as_str(), storage])?;
        }
        Ok(())
    }
}
