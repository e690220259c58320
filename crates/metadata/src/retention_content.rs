//! What retention looks at: repositories and manifests of a namespace, in order, and a manifest that is about to go.

use crate::connection::{Row, params};
use crate::error::{Error, Result};
use crate::fragments::{Fragment, listed, text_of};
use crate::{Reader, Tx};
use model::{AccountId, RepositoryId};
use oci::{Digest, RepositoryName};

/// A manifest as far as retention looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionManifest {
    /// Its identifier.
    pub id: String,
    /// Its digest.
    pub digest: Digest,
    /// The manifest it is about.
    pub subject: Option<String>,
    /// When it was pushed last.
    pub pushed_at_ms: i64,
    /// When it was pulled last, as far as that is written down.
    pub pulled_at_ms: Option<i64>,
    /// When it came back from the trash, if it did.
    pub restored_at_ms: Option<i64>,
}

macro_rules! of_manifests {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, m.digest, m.subject_digest, m.created_at_ms, p.last_pulled_at_ms, m.restored_at_ms FROM manifests m \
             LEFT JOIN manifest_pulls p ON p.manifest_id = m.id WHERE m.repository_id = ?1 AND ",
            $rest
        )
    };
}

pub(crate) use of_manifests;

pub(crate) fn read_manifest(row: &Row<'_>) -> Result<RetentionManifest> {
    Ok(RetentionManifest {
        id: row.text(0)?,
        digest: row.digest(1, "manifests.digest")?,
        subject: row.optional_text(2)?,
        pushed_at_ms: row.int(3)?,
        pulled_at_ms: row.optional_int(4)?,
        restored_at_ms: row.optional_int(5)?,
    })
}

impl Reader<'_> {
    /// The repositories of a namespace by name, after the name `after`.
    pub fn list_retention_repositories(
        &self,
        account: &AccountId,
        namespace: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(RepositoryId, RepositoryName)>> {
        const SQL: &str = "SELECT id, name FROM repositories WHERE account_id = ?1 AND name > ?2 AND name < ?3 \
             ORDER BY name LIMIT ?4";
        let (first, end) = (format!("{namespace}/"), format!("{namespace}0"));
        let after = if after > first.as_str() {
            after
        } else {
            &first
        };
        let params = params![account.as_str(), after, &end, limit];
        self.connection.list(SQL, params, |row| {
            let name = RepositoryName::parse(&row.text(1)?);
            let name = name.map_err(|_| Error::Unreadable {
                column: "repositories.name",
            })?;
            Ok((RepositoryId::new(row.text(0)?), name))
        })
    }

    /// The manifests of a repository by digest, after the digest `after`.
    pub fn list_retention_manifests(
        &self,
        repository: &RepositoryId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<RetentionManifest>> {
        const SQL: &str = of_manifests!("m.digest > ?2 ORDER BY m.digest LIMIT ?3");
        let params = params![repository.as_str(), after, limit];
        self.connection.list(SQL, params, read_manifest)
    }

    /// Those of some manifests of a repository that are there, in any order.
    pub fn list_retention_manifests_of(
        &self,
        repository: &RepositoryId,
        digests: &[&str],
    ) -> Result<Vec<RetentionManifest>> {
        const SQL: Fragment = listed!([of_manifests!("m.digest")], "?2", "", "");
        if digests.is_empty() {
            return Ok(Vec::new());
        }
        let (sql, digests) = (self.connection.text_of(&SQL), text_of(&digests)?);
        let params = params![repository.as_str(), &digests];
        self.connection.list(sql, params, read_manifest)
    }

    /// What some manifests name, as indexes do: the index's id and the digest, at most `limit` in all.
    pub fn list_children_of(
        &self,
        manifests: &[&str],
        limit: i64,
    ) -> Result<Vec<(String, String)>> {
        const SQL: Fragment = listed!(
            ["SELECT c.manifest_id, c.digest FROM manifest_children c WHERE c.manifest_id"],
            "?1",
            " LIMIT ?2",
            ""
        );
        if manifests.is_empty() {
            return Ok(Vec::new());
        }
        let (sql, manifests) = (self.connection.text_of(&SQL), text_of(&manifests)?);
        self.connection
            .list(sql, params![&manifests, limit], |row| {
                Ok((row.text(0)?, row.text(1)?))
            })
    }

    /// Whether an index of the repository names a manifest.
    pub fn is_in_index(&self, repository: &RepositoryId, digest: &Digest) -> Result<bool> {
        const SQL: &str =
            "SELECT 1 FROM manifest_children WHERE repository_id = ?1 AND digest = ?2 LIMIT 1";
        self.connection
            .exists(SQL, params![repository.as_str(), digest.as_str()])
    }
}

impl Tx<'_> {
    /// Gives a manifest that came back from the trash the time at which it was pushed, as far as the trash knows it, and notes
    /// that it came back.
    pub fn restore_push_time(&mut self, manifest: &str, now_ms: i64) -> Result<()> {
        const SQL: &str = "UPDATE manifests SET restored_at_ms = ?2, created_at_ms = \
             COALESCE((SELECT i.pushed_at_ms FROM trash_items i WHERE i.id = ?1), created_at_ms) WHERE id = ?1";
        self.connection.execute(SQL, params![manifest, now_ms])?;
        Ok(())
    }

    /// Says that a manifest that was there was pushed again: rules go by when that was last.
    pub fn renew_manifest_push(&mut self, manifest: &str, now_ms: i64) -> Result<()> {
        const SQL: &str =
            "UPDATE manifests SET created_at_ms = ?2 WHERE id = ?1 AND created_at_ms < ?2";
        self.connection.execute(SQL, params![manifest, now_ms])?;
        Ok(())
    }
}
