//! Tags: names that point at manifests.

use crate::connection::{Param, Row, params};
use crate::error::Result;
use crate::fragments::{Fragment, listed, text_of};
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list};
use crate::{Reader, RepositoryKey, Tx};
use model::{AccountId, RepositoryId};
use oci::{Digest, Tag};

/// A tag as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRow {
    /// Its name.
    pub name: String,
    /// The manifest it points at.
    pub manifest_id: String,
    /// When it last came to point at another one.
    pub updated_at_ms: i64,
}

const FIELDS: &[Field] = &[
    Field {
        name: "name",
        column: "t.name",
        kind: Kind::Text,
    },
    Field {
        name: "push_time",
        column: "t.updated_at_ms",
        kind: Kind::Time,
    },
];

fn read_tag(row: &Row<'_>) -> Result<TagRow> {
    Ok(TagRow {
        name: row.text(0)?,
        manifest_id: row.text(1)?,
        updated_at_ms: row.int(2)?,
    })
}

impl Reader<'_> {
    /// The tags of some manifests, by name, at most `limit` of all.
    pub fn list_tags_of(&self, manifests: &[&str], limit: i64) -> Result<Vec<TagRow>> {
        const SQL: Fragment = listed!(
            ["SELECT t.name, t.manifest_id, t.updated_at_ms FROM tags t WHERE t.manifest_id"],
            "?1",
            " ORDER BY t.name LIMIT ?2",
            ""
        );
        if manifests.is_empty() {
            return Ok(Vec::new());
        }
        let (sql, manifests) = (self.connection.text_of(&SQL), text_of(&manifests)?);
        self.connection
            .list(sql, params![&manifests, limit], read_tag)
    }

    /// The tags of one manifest. Fields: `name`, `push_time`; by name.
    pub fn list_artifact_tags(&self, manifest: &str, query: &ListQuery) -> Result<Listed<TagRow>> {
        let source = ListSource {
            columns: "t.name, t.manifest_id, t.updated_at_ms",
            from: "tags t WHERE t.manifest_id = ?1".to_owned(),
            params: vec![Param::from(manifest)],
            fields: FIELDS,
            order: "t.name",
        };
        list(&self.connection, &source, query, read_tag)
    }

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
    /// Points a tag at a manifest, without an end. Says whether that changed anything: where it points there already, its
    /// end stays.
    pub fn put_tag(
        &mut self,
        account: &AccountId,
        repository: &RepositoryId,
        tag: &Tag,
        manifest: &str,
        now_ms: i64,
    ) -> Result<bool> {
        self.put_tag_until((account, repository), tag, manifest, (now_ms, None))
    }

    /// The same with an end, if one is given.
    pub fn put_tag_until(
        &mut self,
        (account, repository): (&AccountId, &RepositoryId),
        tag: &Tag,
        manifest: &str,
        (now_ms, ends_at_ms): (i64, Option<i64>),
    ) -> Result<bool> {
        const SQL: &str = "INSERT INTO tags (repository_id, name, manifest_id, account_id, created_at_ms, updated_at_ms, \
             ends_at_ms, end_look_at_ms, end_of_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?6, ?7) ON CONFLICT (repository_id, name) DO UPDATE \
             SET manifest_id = excluded.manifest_id, updated_at_ms = excluded.updated_at_ms, \
             ends_at_ms = excluded.ends_at_ms, end_look_at_ms = excluded.end_look_at_ms, end_of_ms = excluded.end_of_ms \
             WHERE tags.manifest_id <> excluded.manifest_id";
        let changed = self.connection.execute(
            SQL,
            params![
                repository.as_str(),
                tag.as_str(),
                manifest,
                account.as_str(),
                now_ms,
                ends_at_ms,
                ends_at_ms.map(|_| now_ms)
            ],
        )?;
        Ok(changed > 0)
    }

    /// Makes a tag, unless the repository has one of that name. Says whether it did.
    pub fn create_tag(
        &mut self,
        account: &AccountId,
        repository: &RepositoryId,
        tag: &Tag,
        manifest: &str,
        now_ms: i64,
    ) -> Result<bool> {
        const SQL: &str = "INSERT INTO tags (repository_id, name, manifest_id, account_id, created_at_ms, updated_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (repository_id, name) DO NOTHING";
        let params = params![
            repository.as_str(),
            tag.as_str(),
            manifest,
            account.as_str(),
            now_ms
        ];
        Ok(self.connection.execute(SQL, params)? > 0)
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
