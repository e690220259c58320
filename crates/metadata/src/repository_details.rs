//! Repositories as people see them: what is said of them, how much is in them; and taking all of one away.

use crate::artifacts::is_shown;
use crate::connection::{Param, Row, params};
use crate::error::Result;
use crate::patterns::{NamespacePart, Parts};
use crate::query::{Comparison, Field, Kind, ListQuery, ListSource, Listed, list, places};
use crate::{Listable, Reader, RepositoryKey, Tx};
use model::{AccountId, NamespaceId, RepositoryId};
use oci::{Digest, RepositoryName};

/// A repository with what people see of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryDetails {
    /// Its identifier.
    pub id: RepositoryId,
    /// Its full name, the namespace first.
    pub name: String,
    /// The namespace it is in.
    pub namespace_id: NamespaceId,
    /// That one's name.
    pub namespace_name: String,
    /// Whether anyone may pull from that one.
    pub is_public: bool,
    /// What people wrote about it; empty when nobody did.
    pub description: String,
    /// Manifests that a list of them shows.
    pub artifacts: i64,
    /// How often something was pulled from it.
    pub pulls: i64,
    /// When something was last pulled from it; `None` as long as nothing was, or nobody kept it.
    pub last_pulled_at_ms: Option<i64>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When what is said of it was last changed, or it was made.
    pub updated_at_ms: i64,
}

/// Which repositories of an account a list is about.
#[derive(Clone, Copy, Debug)]
pub enum RepositoriesOf<'a> {
    /// Those of one namespace.
    Namespace(&'a NamespaceId),
    /// Those of these namespaces.
    Account(Listable<'a>),
    /// Those of these namespaces, and these parts of others.
    Parts(Listable<'a>, &'a [NamespacePart]),
}

const FIELDS: &[Field] = &[
    Field {
        name: "name",
        column: "r.name",
        kind: Kind::Text,
    },
    Field {
        name: "description",
        column: "COALESCE(d.description, '')",
        kind: Kind::Text,
    },
    Field {
        name: "pull_count",
        column: "COALESCE(d.pull_count, 0)",
        kind: Kind::Int,
    },
    Field {
        name: "creation_time",
        column: "r.created_at_ms",
        kind: Kind::Time,
    },
    Field {
        name: "update_time",
        column: "COALESCE(d.updated_at_ms, r.created_at_ms)",
        kind: Kind::Time,
    },
];
/// The blob that a repository has to know: no column, but what a registry that copies to this one asks for.
const BLOB_FIELD: &str = "blob_digest";

macro_rules! columns {
    () => {
        concat!(
            "r.id, r.name, n.id, n.name, n.is_public, COALESCE(d.description, ''), \
             (SELECT COUNT(*) FROM manifests m WHERE m.repository_id = r.id AND ",
            is_shown!(),
            "), COALESCE(d.pull_count, 0), r.created_at_ms, COALESCE(d.updated_at_ms, r.created_at_ms), \
             CASE WHEN d.last_pulled_at_ms > 0 THEN d.last_pulled_at_ms END"
        )
    };
}

macro_rules! tables {
    () => {
        "repositories r JOIN namespaces n ON n.id = r.namespace_id \
         LEFT JOIN repository_details d ON d.repository_id = r.id"
    };
}

fn read_details(row: &Row<'_>) -> Result<RepositoryDetails> {
    Ok(RepositoryDetails {
        id: RepositoryId::new(row.text(0)?),
        name: row.text(1)?,
        namespace_id: NamespaceId::new(row.text(2)?),
        namespace_name: row.text(3)?,
        is_public: row.flag(4)?,
        description: row.text(5)?,
        artifacts: row.int(6)?,
        pulls: row.int(7)?,
        created_at_ms: row.int(8)?,
        updated_at_ms: row.int(9)?,
        last_pulled_at_ms: row.optional_int(10)?,
    })
}

impl Reader<'_> {
    /// A repository that has or had a manifest, with what people see of it.
    pub fn find_repository_details(
        &self,
        key: &RepositoryKey,
    ) -> Result<Option<RepositoryDetails>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM ",
            tables!(),
            " WHERE r.account_id = ?1 AND r.name = ?2 AND r.is_listed = 1"
        );
        let params = params![key.account_id.as_str(), key.name.as_str()];
        self.connection.find(SQL, params, read_details)
    }

    /// An account's repositories that have or had a manifest. Fields: `name`, `description`, `pull_count`,
    /// `creation_time`, `update_time`, and `blob_digest` (those that know one of these blobs); by name.
    pub fn list_repository_details(
        &self,
        account: &AccountId,
        of: RepositoriesOf<'_>,
        query: &ListQuery,
    ) -> Result<Listed<RepositoryDetails>> {
        let mut conditions = vec!["r.account_id = ?1 AND r.is_listed = 1".to_owned()];
        let mut params = vec![Param::from(account.as_str())];
        let (shows_public, ids) = match of {
            RepositoriesOf::Namespace(id) => (false, Some(std::slice::from_ref(id))),
            RepositoriesOf::Account(listable) | RepositoriesOf::Parts(listable, _) => {
                match listable {
                    Listable::All => (false, None),
                    Listable::PublicAnd(ids) => (true, Some(ids)),
                    Listable::Only(ids) => (false, Some(ids)),
                }
            }
        };
        let parts = match of {
            RepositoriesOf::Parts(_, parts) => parts,
            RepositoriesOf::Account(_) | RepositoriesOf::Namespace(_) => &[],
        };
        let parts = Parts::new(&self.connection, parts);
        if let Some(ids) = ids {
            let among = match ids.len() {
                0 => "1 = 0".to_owned(),
                count => format!("n.id IN ({})", places(params.len(), count)),
            };
            params.extend(ids.iter().map(|id| Param::from(id.as_str())));
            let among = if shows_public {
                format!("(n.is_public = 1 OR {among})")
            } else {
                among
            };
            let in_parts = parts.condition(&self.connection, &mut params);
            conditions.push(format!("({among} OR {in_parts})"));
        }
        let of_blobs = query
            .conditions
            .iter()
            .filter(|one| one.field == BLOB_FIELD);
        for condition in of_blobs {
            let wanted: &[_] = match &condition.comparison {
                Comparison::AnyOf(digests) => digests,
                Comparison::Contains(_) | Comparison::Between(..) => &[],
            };
            conditions.push(match wanted.len() {
                0 => "1 = 0".to_owned(),
                count => format!(
                    "EXISTS (SELECT 1 FROM repository_blobs k WHERE k.repository_id = r.id AND k.digest IN ({}))",
                    places(params.len(), count)
                ),
            });
            params.extend(wanted.iter().map(|digest| Param::from(&digest.text)));
        }
        let from = format!("{} WHERE {}", tables!(), conditions.join(" AND "));
        let source = ListSource {
            columns: columns!(),
            from,
            params,
            fields: FIELDS,
            order: "r.name",
        };
        list(&self.connection, &source, query, read_details)
    }

    /// Digests of a repository's manifests, at most `limit`.
    pub fn list_manifest_digests(
        &self,
        repository: &RepositoryId,
        limit: i64,
    ) -> Result<Vec<Digest>> {
        const SQL: &str =
            "SELECT digest FROM manifests WHERE repository_id = ?1 ORDER BY digest LIMIT ?2";
        self.connection
            .list(SQL, params![repository.as_str(), limit], |row| {
                row.digest(0, "manifests.digest")
            })
    }
}

impl Tx<'_> {
    /// Writes what people say of a repository.
    pub fn put_repository_description(
        &mut self,
        id: &RepositoryId,
        description: &str,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO repository_details (repository_id, description, pull_count, updated_at_ms) \
             VALUES (?1, ?2, 0, ?3) ON CONFLICT (repository_id) \
             DO UPDATE SET description = excluded.description, updated_at_ms = excluded.updated_at_ms";
        self.connection
            .execute(SQL, params![id.as_str(), description, now_ms])?;
        Ok(())
    }

    /// Gives a repository the description that the trash keeps for something of this identifier, unless it has one.
    pub fn restore_repository_description(
        &mut self,
        id: &RepositoryId,
        item: &str,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO repository_details (repository_id, description, pull_count, updated_at_ms) \
             SELECT ?1, i.content, 0, CAST(?3 AS BIGINT) FROM trash_items i WHERE i.id = ?2 AND i.content <> '' \
             ON CONFLICT (repository_id) DO UPDATE SET description = excluded.description, updated_at_ms = excluded.updated_at_ms \
             WHERE repository_details.description = ''";
        self.connection
            .execute(SQL, params![id.as_str(), item, now_ms])?;
        Ok(())
    }

    /// Keeps everyone from putting anything into a repository until the transaction ends. Says whether it is there.
    pub fn take_repository(&mut self, id: &RepositoryId) -> Result<bool> {
        const POSTGRES: &str = "SELECT 1 FROM repositories WHERE id = ?1 FOR UPDATE";
        const SQL: &str = "SELECT 1 FROM repositories WHERE id = ?1";
        self.connection.keep(POSTGRES, params![id.as_str()])?;
        self.connection.exists(SQL, params![id.as_str()])
    }

    /// Takes from a repository without manifests what else is of it, in parts: what is in the trash, uploads, and the blobs
    /// that it knows, each of which is looked at when due. Says how many of these went; 0 when nothing is left.
    pub fn empty_repository(
        &mut self,
        id: &RepositoryId,
        now_ms: i64,
        review_due_at_ms: i64,
        limit: i64,
    ) -> Result<usize> {
        const TRASH: &str = "SELECT id FROM trash WHERE repository_id = ?1 LIMIT ?2";
        const TRASH_BLOBS: &str =
            "DELETE FROM trash_blobs WHERE trash_id = ?1 RETURNING storage, digest";
        const FORGET: &str = "DELETE FROM trash WHERE id = ?1";
        const UPLOADS: &str = "SELECT id FROM uploads WHERE repository_id = ?1 LIMIT ?2";
        const BLOBS: &str =
            "SELECT digest FROM repository_blobs WHERE repository_id = ?1 ORDER BY digest LIMIT ?2";
        let params = params![id.as_str(), limit];
        let trash = self.connection.list(TRASH, params, |row| row.text(0))?;
        for trash in &trash {
            let blobs = self.connection.list(TRASH_BLOBS, params![trash], |row| {
                Ok((row.text(0)?, row.digest(1, "trash_blobs.digest")?))
            })?;
            self.connection.execute(FORGET, params![trash])?;
            for (storage, digest) in blobs {
                self.enqueue_review(&storage, &digest, review_due_at_ms)?;
            }
        }
        if !trash.is_empty() {
            return Ok(trash.len());
        }
        let uploads = self.connection.list(UPLOADS, params, |row| row.text(0))?;
        for upload in &uploads {
            self.delete_upload(upload, now_ms)?;
        }
        let blobs = self.connection.list(BLOBS, params, |row| {
            row.digest(0, "repository_blobs.digest")
        })?;
        for digest in &blobs {
            if let Some(storage) = self.delete_repository_blob(id, digest)? {
                self.enqueue_review(&storage, digest, review_due_at_ms)?;
            }
        }
        Ok(uploads.len() + blobs.len())
    }

    /// Takes an empty repository away.
    ///
    /// # Errors
    /// [`Error::ReferenceViolated`](crate::Error::ReferenceViolated) when something is in it after all.
    pub fn delete_repository(&mut self, id: &RepositoryId, name: &RepositoryName) -> Result<()> {
        const SQL: &str = "DELETE FROM repositories WHERE id = ?1";
        self.connection.execute(SQL, params![id.as_str()])?;
        self.touch_repository(name);
        Ok(())
    }
}
