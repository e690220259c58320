//! Tags: names that point at manifests.

use crate::connection::params;
use crate::error::Result;
use crate::{Reader, RepositoryKey, Tx};
use model::{AccountId, RepositoryId};
use oci::{Digest, Tag};

impl Reader<'_> {
    /// A repository's tags in byte order after `after`, at most `limit`.
    pub fn list_tags(&self, key: &RepositoryKey, after: &str, limit: i64) -> Result<Vec<String>> {
        // As a join, PostgreSQL would read and sort all tags after `after`: it does not know that there is one repository.
        const SQL: &str = "SELECT t.name FROM tags t WHERE t.repository_id = \
             (SELECT r.id FROM repositories r WHERE r.account_id = ?1 AND r.name = ?2) \
             AND t.name > ?3 ORDER BY t.name LIMIT ?4";
        let params = params![key.account_id.as_str(), key.name.as_str(), after, limit];
        self.connection.list(SQL, params, |row| row.text(0))
    }
}

impl Tx<'_> {
    /// Points a tag at a manifest. Says whether that changed anything.
    pub fn put_tag(
        &mut self,
        account: &AccountId,
        repository: &RepositoryId,
        tag: &Tag,
        manifest: &str,
        now_ms: i64,
    ) -> Result<bool> {
        const SQL: &str = "INSERT INTO tags (repository_id, name, manifest_id, account_id, created_at_ms, updated_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (repository_id, name) DO UPDATE \
             SET manifest_id = excluded.manifest_id, updated_at_ms = excluded.updated_at_ms \
             WHERE tags.manifest_id <> excluded.manifest_id";
        let changed = self.connection.execute(
            SQL,
            params![
                repository.as_str(),
                tag.as_str(),
                manifest,
                account.as_str(),
                now_ms
            ],
        )?;
        Ok(changed > 0)
    }

    /// Deletes the tag and answers with the digest it pointed at, or `None` if there was no such tag.
    pub fn delete_tag(&mut self, repository: &RepositoryId, tag: &Tag) -> Result<Option<Digest>> {
        const TAG: &str =
            "DELETE FROM tags WHERE repository_id = ?1 AND name = ?2 RETURNING manifest_id";
        const DIGEST: &str = "SELECT digest FROM manifests WHERE id = ?1";
        let key = params![repository.as_str(), tag.as_str()];
        let Some(manifest) = self.connection.find(TAG, key, |row| row.text(0))? else {
            return Ok(None);
        };
        self.connection
            .get(DIGEST, params![&manifest], |row| {
                row.digest(0, "manifests.digest")
            })
            .map(Some)
    }
}
