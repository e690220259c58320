//! Accessories: the manifests that are about others, as people see them.

use crate::Reader;
use crate::artifacts::needed_bytes;
use crate::connection::{Param, Row};
use crate::error::Result;
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list, places};
use model::RepositoryId;
use oci::Digest;

/// A manifest that is about another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessoryRow {
    /// Its identifier.
    pub id: String,
    /// The repository of both.
    pub repository_id: RepositoryId,
    /// Its digest.
    pub digest: String,
    /// The manifest that it is about.
    pub subject: String,
    /// What kind of artifact it is.
    pub artifact_type: Option<String>,
    /// Bytes of itself and of everything that it needs.
    pub size_bytes: i64,
    /// When it was pushed.
    pub created_at_ms: i64,
}

const ACCESSORY_FIELDS: &[Field] = &[
    Field {
        name: "digest",
        column: "m.digest",
        kind: Kind::Text,
    },
    Field {
        name: "creation_time",
        column: "m.created_at_ms",
        kind: Kind::Time,
    },
];

macro_rules! accessory_columns {
    () => {
        concat!(
            "m.id, m.repository_id, m.digest, m.subject_digest, m.artifact_type, m.size_bytes + ",
            needed_bytes!("m"),
            ", m.created_at_ms"
        )
    };
}

fn read_accessory(row: &Row<'_>) -> Result<AccessoryRow> {
    Ok(AccessoryRow {
        id: row.text(0)?,
        repository_id: RepositoryId::new(row.text(1)?),
        digest: row.text(2)?,
        subject: row.text(3)?,
        artifact_type: row.optional_text(4)?,
        size_bytes: row.int(5)?,
        created_at_ms: row.int(6)?,
    })
}

impl Reader<'_> {
    /// What is about some manifests, at most `limit` in all. `subjects` are digests in any of `repositories`.
    pub fn list_accessories_of(
        &self,
        repositories: &[&str],
        subjects: &[&str],
        limit: i64,
    ) -> Result<Vec<AccessoryRow>> {
        if repositories.is_empty() || subjects.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT {} FROM manifests m WHERE m.repository_id IN ({}) AND m.subject_digest IN ({}) \
             ORDER BY m.created_at_ms, m.id LIMIT ?1",
            accessory_columns!(),
            places(1, repositories.len()),
            places(1 + repositories.len(), subjects.len())
        );
        let mut params = vec![Param::Int(limit)];
        params.extend(repositories.iter().map(|id| Param::from(*id)));
        params.extend(subjects.iter().map(|digest| Param::from(*digest)));
        self.connection.list_once(&sql, &params, read_accessory)
    }

    /// What is about one manifest. Fields: `digest`, `creation_time`; the oldest first.
    pub fn list_accessories(
        &self,
        repository: &RepositoryId,
        subject: &Digest,
        query: &ListQuery,
    ) -> Result<Listed<AccessoryRow>> {
        let source = ListSource {
            columns: accessory_columns!(),
            from: "manifests m WHERE m.repository_id = ?1 AND m.subject_digest = ?2".to_owned(),
            params: vec![
                Param::from(repository.as_str()),
                Param::from(subject.as_str()),
            ],
            fields: ACCESSORY_FIELDS,
            order: "m.created_at_ms, m.id",
        };
        list(&self.connection, &source, query, read_accessory)
    }
}
