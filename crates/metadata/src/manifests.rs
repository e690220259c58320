//! Manifests: the exact bytes, and what they refer to.

use crate::connection::{Row, params, parse_column};
use crate::error::Result;
use crate::fragments;
use crate::{Reader, RepositoryKey, Tx};
use model::{AccountId, AccountState, RepositoryId};
use oci::{Digest, Tag};

/// A manifest as it is served.
#[derive(Clone, Debug)]
pub struct ManifestRow {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// The exact text that was pushed; `None` when it was known already.
    pub content: Option<String>,
    /// What its account may do at present.
    pub account_state: AccountState,
}

/// A manifest to be stored.
#[derive(Clone, Debug)]
pub struct NewManifest {
    /// Its identifier.
    pub id: String,
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// What kind of artifact it is.
    pub artifact_type: Option<String>,
    /// The manifest it is about.
    pub subject: Option<Digest>,
    /// Its annotations as JSON, when it has a subject: a referrers list shows them.
    pub annotations: Option<String>,
    /// The exact text.
    pub content: String,
}

/// What was taken out with a manifest.
#[derive(Clone, Debug)]
pub struct RemovedManifest {
    /// Its identifier.
    pub id: String,
    /// Its media type.
    pub media_type: String,
    /// The exact text.
    pub content: String,
    /// The manifest it was about.
    pub subject: Option<Digest>,
    /// When it was pushed last.
    pub pushed_at_ms: i64,
    /// The tags that pointed at it.
    pub tags: Vec<String>,
    /// The blobs that it needed: storage and digest.
    pub blobs: Vec<(String, Digest)>,
}

fn read_manifest(row: &Row<'_>) -> Result<ManifestRow> {
    Ok(ManifestRow {
        digest: row.digest(0, "manifests.digest")?,
        media_type: row.text(1)?,
        content: row.optional_text(2)?,
        account_state: parse_column("accounts.state", AccountState::parse(&row.text(3)?))?,
    })
}

impl Reader<'_> {
    /// The manifest that a tag points at; without its content when that is the one of the digest `known`.
    pub fn find_manifest_by_tag(
        &self,
        key: &RepositoryKey,
        tag: &Tag,
        known: Option<&Digest>,
    ) -> Result<Option<ManifestRow>> {
        const SQL: &str = "SELECT m.digest, m.media_type, CASE WHEN m.digest = ?4 THEN NULL ELSE m.content END, a.state \
             FROM repositories r \
             JOIN accounts a ON a.id = r.account_id \
             JOIN tags t ON t.repository_id = r.id AND t.name = ?3 \
             JOIN manifests m ON m.id = t.manifest_id \
             WHERE r.account_id = ?1 AND r.name = ?2";
        let params = params![
            key.account_id.as_str(),
            key.name.as_str(),
            tag.as_str(),
            known.map_or("", Digest::as_str)
        ];
        self.connection.find(SQL, params, read_manifest)
    }

    /// The manifest of that digest; without its content when that is known.
    pub fn find_manifest_by_digest(
        &self,
        key: &RepositoryKey,
        digest: &Digest,
        is_known: bool,
    ) -> Result<Option<ManifestRow>> {
        const SQL: &str = "SELECT m.digest, m.media_type, CASE WHEN ?4 = 1 THEN NULL ELSE m.content END, a.state \
             FROM repositories r \
             JOIN accounts a ON a.id = r.account_id \
             JOIN manifests m ON m.repository_id = r.id AND m.digest = ?3 \
             WHERE r.account_id = ?1 AND r.name = ?2";
        let params = params![
            key.account_id.as_str(),
            key.name.as_str(),
            digest.as_str(),
            is_known
        ];
        self.connection.find(SQL, params, read_manifest)
    }

    /// The id of a repository's manifest of that digest.
    pub fn find_manifest_id(
        &self,
        repository: &RepositoryId,
        digest: &Digest,
    ) -> Result<Option<String>> {
        const SQL: &str = "SELECT id FROM manifests WHERE repository_id = ?1 AND digest = ?2";
        let params = params![repository.as_str(), digest.as_str()];
        self.connection.find(SQL, params, |row| row.text(0))
    }

    /// A manifest about `subject` that nothing else keeps: no tag points at it, no index names it, and it is not locked.
    pub fn find_loose_referrer(
        &self,
        repository: &RepositoryId,
        subject: &Digest,
    ) -> Result<Option<Digest>> {
        const SQL: &str = "SELECT m.digest FROM manifests m WHERE m.repository_id = ?1 AND m.subject_digest = ?2 \
             AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id) \
             AND NOT EXISTS (SELECT 1 FROM manifest_children c \
             WHERE c.repository_id = m.repository_id AND c.digest = m.digest) \
             AND NOT EXISTS (SELECT 1 FROM protection_locks l WHERE l.repository_id = m.repository_id \
             AND l.kind = 'manifest' AND l.name = m.digest) LIMIT 1";
        let params = params![repository.as_str(), subject.as_str()];
        self.connection
            .find(SQL, params, |row| row.digest(0, "manifests.digest"))
    }
}

impl Tx<'_> {
    /// Keeps a repository's manifest from being deleted until the transaction ends. Answers with its id, or `None` when it
    /// is not there.
    pub fn keep_manifest(
        &mut self,
        repository: &RepositoryId,
        digest: &Digest,
    ) -> Result<Option<String>> {
        let sql = self.connection.text_of(&fragments::KEEP_MANIFEST);
        let params = params![repository.as_str(), digest.as_str()];
        self.connection.find(sql, params, |row| row.text(0))
    }

    /// The same as [`find_loose_referrer`](Reader::find_loose_referrer), and nothing can come to keep it any more.
    pub fn take_loose_referrer(
        &mut self,
        repository: &RepositoryId,
        subject: &Digest,
    ) -> Result<Option<Digest>> {
        while let Some(found) = self.find_loose_referrer(repository, subject)? {
            // A push that tags it may have come first: then it is not loose any more, and the next question passes it over.
            if self.take_if_loose(repository, &found)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Says whether a manifest is there and nothing keeps it: no tag points at it, no index names it, and it is not locked. Then nothing can
    /// come to keep it until the transaction ends.
    pub fn take_if_loose(&mut self, repository: &RepositoryId, digest: &Digest) -> Result<bool> {
        const IS_LOOSE: &str = "SELECT 1 FROM manifests m WHERE m.repository_id = ?1 AND m.digest = ?2 \
             AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id) \
             AND NOT EXISTS (SELECT 1 FROM manifest_children c \
             WHERE c.repository_id = m.repository_id AND c.digest = m.digest) \
             AND NOT EXISTS (SELECT 1 FROM protection_locks l WHERE l.repository_id = m.repository_id \
             AND l.kind = 'manifest' AND l.name = m.digest)";
        let params = params![repository.as_str(), digest.as_str()];
        self.connection
            .keep(fragments::TAKE_MANIFEST.postgres, params)?;
        self.connection.exists(IS_LOOSE, params)
    }

    /// Stores a manifest, unless the repository has it. Says whether it did.
    pub fn create_manifest(
        &mut self,
        manifest: &NewManifest,
        account: &AccountId,
        repository: &RepositoryId,
        now_ms: i64,
    ) -> Result<bool> {
        const SQL: &str = "INSERT INTO manifests (id, account_id, repository_id, digest, media_type, artifact_type, \
             subject_digest, annotations, size_bytes, content, created_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (repository_id, digest) DO NOTHING";
        let created = self.connection.execute(
            SQL,
            params![
                &manifest.id,
                account.as_str(),
                repository.as_str(),
                manifest.digest.as_str(),
                &manifest.media_type,
                manifest.artifact_type.as_deref(),
                manifest.subject.as_ref().map(Digest::as_str),
                manifest.annotations.as_deref(),
                i64::try_from(manifest.content.len()).unwrap_or(i64::MAX),
                &manifest.content,
                now_ms
            ],
        )?;
        Ok(created > 0)
    }

    /// Says that a manifest needs a blob; from now on the blob cannot be collected.
    ///
    /// # Errors
    /// [`Error::ReferenceViolated`](crate::Error::ReferenceViolated) when the blob is gone.
    pub fn create_manifest_blob(
        &mut self,
        manifest: &str,
        repository: &RepositoryId,
        storage: &str,
        digest: &Digest,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO manifest_blobs (manifest_id, digest, storage, repository_id) VALUES (?1, ?2, ?3, ?4)";
        self.connection.execute(
            SQL,
            params![manifest, digest.as_str(), storage, repository.as_str()],
        )?;
        Ok(())
    }

    /// Says that an index names a manifest.
    pub fn create_manifest_child(
        &mut self,
        manifest: &str,
        repository: &RepositoryId,
        child: &Digest,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO manifest_children (manifest_id, digest, repository_id) VALUES (?1, ?2, ?3)";
        self.connection
            .execute(SQL, params![manifest, child.as_str(), repository.as_str()])?;
        Ok(())
    }

    /// Takes a manifest out of its repository, with its tags and references, or answers `None` if it is not there.
    pub fn remove_manifest(
        &mut self,
        repository: &RepositoryId,
        digest: &Digest,
    ) -> Result<Option<RemovedManifest>> {
        const TAGS: &str = "DELETE FROM tags WHERE manifest_id = ?1 RETURNING name";
        const BLOBS: &str =
            "DELETE FROM manifest_blobs WHERE manifest_id = ?1 RETURNING storage, digest";
        const CHILDREN: &str = "DELETE FROM manifest_children WHERE manifest_id = ?1";
        const MANIFEST: &str = "DELETE FROM manifests WHERE id = ?1";
        let key = params![repository.as_str(), digest.as_str()];
        let take = self.connection.text_of(&fragments::TAKE_MANIFEST);
        let found = self.connection.find(take, key, |row| {
            let subject = row.optional_text(3)?;
            let text = (row.text(0)?, row.text(1)?, row.text(2)?);
            Ok((text, subject, row.int(4)?))
        })?;
        let Some(((id, media_type, content), subject, pushed_at_ms)) = found else {
            return Ok(None);
        };
        let mut tags = self
            .connection
            .list(TAGS, params![&id], |row| row.text(0))?;
        tags.sort_unstable();
        let mut blobs = self.connection.list(BLOBS, params![&id], |row| {
            Ok((row.text(0)?, row.digest(1, "manifest_blobs.digest")?))
        })?;
        blobs.sort_unstable();
        self.connection.execute(CHILDREN, params![&id])?;
        self.connection.execute(MANIFEST, params![&id])?;
        Ok(Some(RemovedManifest {
            id,
            media_type,
            content,
            subject: subject.and_then(|subject| Digest::parse(&subject).ok()),
            pushed_at_ms,
            tags,
            blobs,
        }))
    }
}
