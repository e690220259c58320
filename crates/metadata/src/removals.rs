//! Manifests that go many at a time: what is asked of them and what becomes of them is one question each, however many they
//! are. What one is, is said at the methods for one: `remove_manifest`, `trash_manifest`, `drop_reference`.

use crate::connection::params;
use crate::error::Result;
use crate::fragments::{Fragment, listed, text_of};
use crate::retention_content::{RetentionManifest, of_manifests, read_manifest};
use crate::{Reader, Trashing, Tx};
use model::{AccountId, NamespaceId, RepositoryId};
use oci::Digest;
use serde::Serialize;
use std::collections::BTreeMap;

/// What has to do with a digest in a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Whether there is a manifest of it.
    pub is_there: bool,
    /// Whether an index names it.
    pub is_in_index: bool,
    /// Whether some manifest is about it.
    pub has_referrers: bool,
}

/// Blobs by their digests: in which storage each is, and how many of the manifests that went needed it.
pub type RemovedBlobs = BTreeMap<Digest, (String, i64)>;

/// What went with some manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemovedManifests {
    /// How many went.
    pub count: usize,
    /// The tags that pointed at them: the manifest's id and the name, in order.
    pub tags: Vec<(String, String)>,
    /// The blobs that they needed.
    pub blobs: RemovedBlobs,
}

/// A tag that goes into the trash with its manifest.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TrashedTag<'a> {
    /// The identifier that it gets there.
    pub id: &'a str,
    /// The manifest's.
    pub parent: &'a str,
    /// What it pointed at.
    pub digest: &'a str,
    /// Its name.
    pub tag: &'a str,
}

#[derive(Serialize)]
struct Dropped<'a> {
    digest: &'a str,
    times: i64,
}

#[derive(Serialize)]
struct Lease<'a> {
    digest: &'a str,
    storage: &'a str,
}

/// A question about each digest by itself: as a join PostgreSQL may read all that a repository has.
macro_rules! held {
    ($digest:literal, $from:literal) => {
        concat!(
            "SELECT ", $digest, ", (SELECT 1 FROM manifests m WHERE m.repository_id = ?1 AND m.digest = ", $digest,
            "), (SELECT 1 FROM manifest_children c WHERE c.repository_id = ?1 AND c.digest = ", $digest,
            " LIMIT 1), (SELECT 1 FROM manifests r WHERE r.repository_id = ?1 AND r.subject_digest = ", $digest,
            " LIMIT 1) FROM ", $from
        )
    };
}

/// The texts that count references less, of an owner to a table of its own.
struct Counted {
    keep: &'static str,
    last: Fragment,
    less: Fragment,
}

macro_rules! rows {
    () => {
        "json_to_recordset(CAST(?2 AS TEXT)::json) AS s (digest TEXT, times BIGINT)"
    };
}

macro_rules! counted {
    ($table:literal, $owner:literal) => {
        Counted {
            keep: concat!(
                "SELECT 1 FROM ", $table, " WHERE ", $owner, " = ?1 AND digest = ANY (ARRAY(SELECT s.digest FROM ", rows!(),
                ")) ORDER BY digest FOR UPDATE"
            ),
            last: Fragment {
                sqlite: concat!(
                    "DELETE FROM ", $table, " WHERE ", $owner, " = ?1 AND digest IN (SELECT s.value ->> 'digest' FROM json_each(?2) s) \
                     AND reference_count <= (SELECT s.value ->> 'times' FROM json_each(?2) s WHERE s.value ->> 'digest' = ", $table,
                    ".digest) RETURNING size_bytes"
                ),
                postgres: concat!(
                    "DELETE FROM ", $table, " WHERE ", $owner, " = ?1 AND digest = ANY (ARRAY(SELECT s.digest FROM ", rows!(),
                    ")) AND reference_count <= (SELECT s.times FROM ", rows!(), " WHERE s.digest = ", $table,
                    ".digest) RETURNING size_bytes"
                ),
            },
            less: Fragment {
                sqlite: concat!(
                    "UPDATE ", $table, " SET reference_count = reference_count - \
                     (SELECT s.value ->> 'times' FROM json_each(?2) s WHERE s.value ->> 'digest' = ", $table, ".digest) WHERE ",
                    $owner, " = ?1 AND digest IN (SELECT s.value ->> 'digest' FROM json_each(?2) s)"
                ),
                postgres: concat!(
                    "UPDATE ", $table, " SET reference_count = reference_count - (SELECT s.times FROM ", rows!(),
                    " WHERE s.digest = ", $table, ".digest) WHERE ", $owner,
                    " = ?1 AND digest = ANY (ARRAY(SELECT s.digest FROM ", rows!(), "))"
                ),
            },
        }
    };
}

impl Reader<'_> {
    /// What has to do with each of some digests in a repository.
    pub fn list_held(
        &self,
        repository: &RepositoryId,
        digests: &[&str],
    ) -> Result<BTreeMap<String, Held>> {
        const SQL: Fragment = Fragment {
            sqlite: held!("s.value", "json_each(?2) s"),
            postgres: held!(
                "s.value",
                "json_array_elements_text(CAST(?2 AS TEXT)::json) AS s (value)"
            ),
        };
        if digests.is_empty() {
            return Ok(BTreeMap::new());
        }
        let (sql, digests) = (self.connection.text_of(&SQL), text_of(&digests)?);
        let params = params![repository.as_str(), &digests];
        let found = self.connection.list(sql, params, |row| {
            let held = Held {
                is_there: row.optional_int(1)?.is_some(),
                is_in_index: row.optional_int(2)?.is_some(),
                has_referrers: row.optional_int(3)?.is_some(),
            };
            Ok((row.text(0)?, held))
        })?;
        Ok(found.into_iter().collect())
    }
}

impl Tx<'_> {
    /// Manifests that are about to go: nobody tags one, names it in an index or pushes it again until the transaction ends. Those
    /// that are gone, or that somebody is about to do one of that with, are left out.
    pub fn take_retention_manifests(
        &mut self,
        repository: &RepositoryId,
        digests: &[&str],
    ) -> Result<Vec<RetentionManifest>> {
        const SQL: Fragment = listed!(
            [of_manifests!("m.digest")],
            "?2",
            " ORDER BY m.digest",
            " FOR UPDATE OF m SKIP LOCKED"
        );
        let (sql, digests) = (self.connection.text_of(&SQL), text_of(&digests)?);
        let params = params![repository.as_str(), &digests];
        self.connection.list(sql, params, read_manifest)
    }

    /// Puts manifests that were taken and are about to be removed into the trash; their tags come by
    /// [`trash_tags`](Tx::trash_tags).
    pub fn trash_manifests(
        &mut self,
        how: &Trashing<'_>,
        repository: &RepositoryId,
        manifests: &[&str],
    ) -> Result<()> {
        const ITEMS: Fragment = listed!(
            [
                "INSERT INTO trash_items (id, account_id, kind, parent_id, namespace_id, namespace, repository, \
             digest, tag, subject_digest, media_type, content, deleted_by, deleted_at_ms, period_ms, purge_at_ms, pushed_at_ms) \
             SELECT m.id, r.account_id, 'manifest', ?2, n.id, n.name, r.name, m.digest, '', m.subject_digest, m.media_type, m.content, \
             ?3, CAST(?4 AS BIGINT), CAST(?5 AS BIGINT), CAST(?6 AS BIGINT), m.created_at_ms \
             FROM manifests m JOIN repositories r ON r.id = m.repository_id JOIN namespaces n ON n.id = r.namespace_id \
             WHERE m.repository_id = ?7 AND m.id"
            ],
            "?1",
            " ON CONFLICT (id) DO UPDATE SET parent_id = excluded.parent_id, pushed_at_ms = excluded.pushed_at_ms, deleted_by = excluded.deleted_by, \
             deleted_at_ms = excluded.deleted_at_ms, period_ms = excluded.period_ms, purge_at_ms = excluded.purge_at_ms",
            ""
        );
        const BLOBS: Fragment = listed!(
            [
                "INSERT INTO trash_item_blobs (item_id, digest, storage, account_id, size_bytes, deleted_at_ms) \
             SELECT k.manifest_id, b.digest, b.storage, ?2, b.size_bytes, CAST(?3 AS BIGINT) \
             FROM manifest_blobs k JOIN blobs b ON b.storage = k.storage AND b.digest = k.digest WHERE k.manifest_id"
            ],
            "?1",
            " ON CONFLICT (item_id, digest) DO NOTHING",
            ""
        );
        let ids = text_of(&manifests)?;
        let sql = self.connection.text_of(&ITEMS);
        let purge_at_ms = how.purge_at_ms();
        self.connection.execute(
            sql,
            params![
                &ids,
                how.parent,
                how.deleted_by,
                how.now_ms,
                how.period_ms,
                purge_at_ms,
                repository.as_str()
            ],
        )?;
        let sql = self.connection.text_of(&BLOBS);
        let params = params![&ids, how.account.as_str(), how.now_ms];
        self.connection.execute(sql, params)?;
        Ok(())
    }

    /// Puts tags into the trash that went with their manifests.
    pub fn trash_tags(
        &mut self,
        how: &Trashing<'_>,
        repository: &RepositoryId,
        tags: &[TrashedTag<'_>],
    ) -> Result<()> {
        const SQL: Fragment = Fragment {
            sqlite: "INSERT INTO trash_items (id, account_id, kind, parent_id, namespace_id, namespace, repository, \
                 digest, tag, media_type, content, deleted_by, deleted_at_ms, period_ms, purge_at_ms) \
                 SELECT s.value ->> 'id', r.account_id, 'tag', s.value ->> 'parent', n.id, n.name, r.name, \
                 s.value ->> 'digest', s.value ->> 'tag', '', '', ?3, ?4, ?5, ?6 \
                 FROM json_each(?1) s JOIN repositories r ON r.id = ?2 JOIN namespaces n ON n.id = r.namespace_id",
            postgres: "INSERT INTO trash_items (id, account_id, kind, parent_id, namespace_id, namespace, repository, \
                 digest, tag, media_type, content, deleted_by, deleted_at_ms, period_ms, purge_at_ms) \
                 SELECT s.id, r.account_id, 'tag', s.parent, n.id, n.name, r.name, s.digest, s.tag, '', '', \
                 ?3, CAST(?4 AS BIGINT), CAST(?5 AS BIGINT), CAST(?6 AS BIGINT) \
                 FROM json_to_recordset(CAST(?1 AS TEXT)::json) AS s (id TEXT, parent TEXT, digest TEXT, tag TEXT) \
                 JOIN repositories r ON r.id = ?2 JOIN namespaces n ON n.id = r.namespace_id",
        };
        if tags.is_empty() {
            return Ok(());
        }
        let (sql, tags) = (self.connection.text_of(&SQL), text_of(&tags)?);
        let purge_at_ms = how.purge_at_ms();
        let params = params![
            &tags,
            repository.as_str(),
            how.deleted_by,
            how.now_ms,
            how.period_ms,
            purge_at_ms
        ];
        self.connection.execute(sql, params)?;
        Ok(())
    }

    /// Takes manifests that were taken out of their repository, with their tags and references.
    pub fn remove_manifests(&mut self, manifests: &[&str]) -> Result<RemovedManifests> {
        const TAGS: Fragment = listed!(
            ["DELETE FROM tags WHERE manifest_id"],
            "?1",
            " RETURNING manifest_id, name",
            ""
        );
        const BLOBS: Fragment = listed!(
            ["DELETE FROM manifest_blobs WHERE manifest_id"],
            "?1",
            " RETURNING storage, digest",
            ""
        );
        const CHILDREN: Fragment = listed!(
            ["DELETE FROM manifest_children WHERE manifest_id"],
            "?1",
            "",
            ""
        );
        const MANIFESTS: Fragment = listed!(["DELETE FROM manifests WHERE id"], "?1", "", "");
        let ids = text_of(&manifests)?;
        let mut removed = RemovedManifests::default();
        let sql = self.connection.text_of(&TAGS);
        removed.tags = self
            .connection
            .list(sql, params![&ids], |row| Ok((row.text(0)?, row.text(1)?)))?;
        removed.tags.sort_unstable();
        let sql = self.connection.text_of(&BLOBS);
        let blobs = self.connection.list(sql, params![&ids], |row| {
            Ok((row.text(0)?, row.digest(1, "manifest_blobs.digest")?))
        })?;
        for (storage, digest) in blobs {
            removed.blobs.entry(digest).or_insert((storage, 0)).1 += 1;
        }
        let sql = self.connection.text_of(&CHILDREN);
        self.connection.execute(sql, params![&ids])?;
        let sql = self.connection.text_of(&MANIFESTS);
        removed.count = self.connection.execute(sql, params![&ids])?;
        Ok(removed)
    }

    /// Counts less manifests that reference blobs of an account. Answers with the bytes freed: of blobs that none references
    /// now.
    pub fn drop_references(&mut self, account: &AccountId, blobs: &RemovedBlobs) -> Result<u64> {
        const TEXTS: Counted = counted!("account_blobs", "account_id");
        self.drop_counted(account.as_str(), blobs, &TEXTS)
    }

    /// The same as [`drop_references`](Tx::drop_references) in a namespace that has a limit.
    pub fn drop_namespace_references(
        &mut self,
        namespace: &NamespaceId,
        blobs: &RemovedBlobs,
    ) -> Result<u64> {
        const TEXTS: Counted = counted!("namespace_blobs", "namespace_id");
        self.drop_counted(namespace.as_str(), blobs, &TEXTS)
    }

    fn drop_counted(&mut self, owner: &str, blobs: &RemovedBlobs, texts: &Counted) -> Result<u64> {
        let dropped: Vec<Dropped<'_>> = blobs
            .iter()
            .map(|(digest, (_, times))| Dropped {
                digest: digest.as_str(),
                times: *times,
            })
            .collect();
        if dropped.is_empty() {
            return Ok(0);
        }
        let dropped = text_of(&dropped)?;
        let params = params![owner, &dropped];
        // Between the statements the counts must not change.
        self.connection.keep(texts.keep, params)?;
        let sql = self.connection.text_of(&texts.last);
        let freed = self
            .connection
            .list(sql, params, |row| row.size(0, "size_bytes"))?;
        let sql = self.connection.text_of(&texts.less);
        self.connection.execute(sql, params)?;
        Ok(freed.into_iter().fold(0, u64::saturating_add))
    }

    /// The same as [`enqueue_lease_review`](Tx::enqueue_lease_review) for many blobs, in the order of their digests.
    pub fn enqueue_lease_reviews(
        &mut self,
        repository: &RepositoryId,
        blobs: &RemovedBlobs,
        due_at_ms: i64,
    ) -> Result<()> {
        const SQL: Fragment = Fragment {
            sqlite: "INSERT INTO repository_blob_reviews (repository_id, digest, storage, due_at_ms) \
                 SELECT ?1, s.value ->> 'digest', s.value ->> 'storage', ?3 FROM json_each(?2) s WHERE true \
                 ON CONFLICT (repository_id, digest) DO UPDATE SET due_at_ms = excluded.due_at_ms",
            postgres: "INSERT INTO repository_blob_reviews (repository_id, digest, storage, due_at_ms) \
                 SELECT ?1, s.digest, s.storage, CAST(?3 AS BIGINT) \
                 FROM json_to_recordset(CAST(?2 AS TEXT)::json) AS s (digest TEXT, storage TEXT) \
                 ON CONFLICT (repository_id, digest) DO UPDATE SET due_at_ms = excluded.due_at_ms",
        };
        let blobs: Vec<Lease<'_>> = blobs
            .iter()
            .map(|(digest, (storage, _))| Lease {
                digest: digest.as_str(),
                storage,
            })
            .collect();
        if blobs.is_empty() {
            return Ok(());
        }
        let (sql, blobs) = (self.connection.text_of(&SQL), text_of(&blobs)?);
        let params = params![repository.as_str(), &blobs, due_at_ms];
        self.connection.execute(sql, params)?;
        Ok(())
    }
}
