//! Manifests as people see them: by what they are asked for.

use crate::Reader;
use crate::connection::{Param, Row, params};
use crate::error::Result;
use crate::patterns::{NamespacePart, Parts};
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list, pattern, places};
use model::{NamespaceId, RepositoryId};
use oci::{Digest, Reference};
use std::collections::HashMap;

/// Ids asked for at once: the text of a question stays short.
const AT_ONCE: usize = 100;
/// A manifest with what people see of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactRow {
    /// Its identifier.
    pub id: String,
    /// The repository it is in.
    pub repository_id: RepositoryId,
    /// That one's full name.
    pub repository: String,
    /// The namespace of that one.
    pub namespace_id: NamespaceId,
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// What kind of artifact it is.
    pub artifact_type: Option<String>,
    /// Bytes of itself and of everything that it needs; of an index, also of what its children need.
    pub size_bytes: i64,
    /// The exact text; in a list only when it is at most 256 KiB.
    pub content: Option<String>,
    /// When it was pushed.
    pub pushed_at_ms: i64,
    /// When it was last pulled.
    pub pulled_at_ms: Option<i64>,
}

/// Which manifests a list is about.
#[derive(Clone, Copy, Debug)]
pub enum ArtifactsOf<'a> {
    /// Those of one repository.
    Repository(&'a RepositoryId),
    /// Those of all repositories of a namespace.
    Namespace(&'a NamespaceId),
    /// Those of the repositories of some parts of namespaces.
    Parts(&'a [NamespacePart]),
}

/// The tags that a manifest has to have to be in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagFilter {
    /// One at least.
    Some,
    /// None.
    None,
    /// One of these.
    Named(Vec<String>),
    /// One that holds this text.
    Containing(String),
}

/// What a list of manifests is narrowed by, beside its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArtifactFilter {
    /// Whether it shows children of indexes, and what is about other manifests.
    pub shows_all: bool,
    /// Their tags.
    pub tags: Option<TagFilter>,
    /// Ids of labels, all of which they have to carry.
    pub labels: Vec<String>,
    /// Only the newest of each repository that is of this artifact type.
    pub newest_of_type: Option<String>,
    /// Only those that come after this one in the list's own order: the time when it was pushed, and its id.
    pub after: Option<(i64, String)>,
}

/// What a list shows unless all is asked for: nothing that is about another manifest, and of the children of indexes only
/// those with a tag of their own.
macro_rules! is_shown {
    () => {
        "m.subject_digest IS NULL AND ((SELECT 1 FROM tags t WHERE t.manifest_id = m.id LIMIT 1) IS NOT NULL \
         OR (SELECT 1 FROM manifest_children c WHERE c.repository_id = m.repository_id AND c.digest = m.digest LIMIT 1) IS NULL)"
    };
}
pub(crate) use is_shown;

/// Bytes of the blobs that a manifest needs.
macro_rules! needed_bytes {
    ($manifest:literal) => {
        concat!(
            "COALESCE((SELECT CAST(SUM(b.size_bytes) AS BIGINT) FROM manifest_blobs k \
             JOIN blobs b ON b.storage = k.storage AND b.digest = k.digest WHERE k.manifest_id = ",
            $manifest,
            ".id), 0)"
        )
    };
}

pub(crate) use needed_bytes;

/// Bytes of the manifest `m` and of everything that it needs; of an index, also of what its children need.
macro_rules! whole_bytes {
    () => {
        concat!(
            "m.size_bytes + ",
            needed_bytes!("m"),
            " + COALESCE((SELECT CAST(SUM(x.size_bytes + ",
            needed_bytes!("x"),
            ") AS BIGINT) FROM manifest_children c JOIN manifests x \
             ON x.repository_id = c.repository_id AND x.digest = c.digest WHERE c.manifest_id = m.id), 0)"
        )
    };
}

pub(crate) use whole_bytes;

macro_rules! columns {
    ($content:literal) => {
        concat!(
            "m.id, m.repository_id, r.name, m.digest, m.media_type, m.artifact_type, ",
            whole_bytes!(),
            ", ",
            $content,
            ", m.created_at_ms, p.last_pulled_at_ms, r.namespace_id"
        )
    };
}

macro_rules! tables {
    () => {
        "manifests m JOIN repositories r ON r.id = m.repository_id \
         LEFT JOIN manifest_pulls p ON p.manifest_id = m.id"
    };
}

const FIELDS: &[Field] = &[
    Field {
        name: "digest",
        column: "m.digest",
        kind: Kind::Text,
    },
    Field {
        name: "media_type",
        column: "COALESCE(m.artifact_type, m.media_type)",
        kind: Kind::Text,
    },
    Field {
        name: "artifact_type",
        column: "COALESCE(m.artifact_type, m.media_type)",
        kind: Kind::Text,
    },
    Field {
        name: "manifest_media_type",
        column: "m.media_type",
        kind: Kind::Text,
    },
    Field {
        name: "repository_name",
        column: "r.name",
        kind: Kind::Text,
    },
    Field {
        name: "push_time",
        column: "m.created_at_ms",
        kind: Kind::Time,
    },
    Field {
        name: "pull_time",
        column: "p.last_pulled_at_ms",
        kind: Kind::Time,
    },
];

fn read_artifact(row: &Row<'_>) -> Result<ArtifactRow> {
    Ok(ArtifactRow {
        id: row.text(0)?,
        repository_id: RepositoryId::new(row.text(1)?),
        repository: row.text(2)?,
        digest: row.digest(3, "manifests.digest")?,
        media_type: row.text(4)?,
        artifact_type: row.optional_text(5)?,
        size_bytes: row.int(6)?,
        content: row.optional_text(7)?,
        pushed_at_ms: row.int(8)?,
        // Whoever keeps no times has 0 there.
        pulled_at_ms: row.optional_int(9)?.filter(|at| *at > 0),
        namespace_id: NamespaceId::new(row.text(10)?),
    })
}

impl ArtifactFilter {
    /// Its conditions, with their values put behind the others.
    fn conditions<'a>(&'a self, params: &mut Vec<Param<'a>>, like: &'a str) -> Vec<String> {
        const TAGGED: &str = "SELECT 1 FROM tags t WHERE t.manifest_id = m.id";
        let mut conditions = Vec::new();
        if !self.shows_all {
            conditions.push(is_shown!().to_owned());
        }
        match &self.tags {
            None => {}
            Some(TagFilter::Some) => conditions.push(format!("EXISTS ({TAGGED})")),
            Some(TagFilter::None) => conditions.push(format!("NOT EXISTS ({TAGGED})")),
            Some(TagFilter::Named(names)) if names.is_empty() => {
                conditions.push("1 = 0".to_owned());
            }
            Some(TagFilter::Named(names)) => {
                let places = places(params.len(), names.len());
                params.extend(names.iter().map(Param::from));
                conditions.push(format!("EXISTS ({TAGGED} AND t.name IN ({places}))"));
            }
            Some(TagFilter::Containing(_)) => {
                params.push(Param::from(like));
                let at = params.len();
                let condition =
                    format!("EXISTS ({TAGGED} AND LOWER(t.name) LIKE ?{at} ESCAPE '!')");
                conditions.push(condition);
            }
        }
        for label in &self.labels {
            params.push(Param::from(label));
            conditions.push(format!(
                "EXISTS (SELECT 1 FROM manifest_labels l WHERE l.manifest_id = m.id AND l.label_id = ?{})",
                params.len()
            ));
        }
        if let Some((pushed_at_ms, id)) = &self.after {
            params.extend([Param::Int(*pushed_at_ms), Param::from(id)]);
            let at = params.len();
            conditions.push(format!("(m.created_at_ms, m.id) < (?{}, ?{at})", at - 1));
        }
        if let Some(kind) = &self.newest_of_type {
            params.push(Param::from(kind));
            conditions.push(format!(
                "m.id = (SELECT y.id FROM manifests y WHERE y.repository_id = m.repository_id \
                 AND COALESCE(y.artifact_type, y.media_type) = ?{} \
                 ORDER BY y.created_at_ms DESC, y.id DESC LIMIT 1)",
                params.len()
            ));
        }
        conditions
    }
}

impl Reader<'_> {
    /// The manifest of a repository that a tag points at, or of a digest.
    pub fn find_artifact(
        &self,
        repository: &RepositoryId,
        reference: &Reference,
    ) -> Result<Option<ArtifactRow>> {
        const BY_DIGEST: &str = concat!(
            "SELECT ",
            columns!("m.content"),
            " FROM ",
            tables!(),
            " WHERE m.repository_id = ?1 AND m.digest = ?2"
        );
        const BY_TAG: &str = concat!(
            "SELECT ",
            columns!("m.content"),
            " FROM ",
            tables!(),
            " WHERE m.id = (SELECT t.manifest_id FROM tags t WHERE t.repository_id = ?1 AND t.name = ?2)"
        );
        let sql = match reference {
            Reference::Digest(_) => BY_DIGEST,
            Reference::Tag(_) => BY_TAG,
        };
        let params = params![repository.as_str(), reference.as_str()];
        self.connection.find(sql, params, read_artifact)
    }

    /// Manifests. Fields: `digest`, `media_type` and `artifact_type` (the kind of artifact), `manifest_media_type`,
    /// `repository_name`, `push_time`, `pull_time`; the newest first.
    pub fn list_artifacts(
        &self,
        of: ArtifactsOf<'_>,
        filter: &ArtifactFilter,
        query: &ListQuery,
    ) -> Result<Listed<ArtifactRow>> {
        let parts = match of {
            ArtifactsOf::Parts(parts) => parts,
            ArtifactsOf::Repository(_) | ArtifactsOf::Namespace(_) => &[],
        };
        let parts = Parts::new(&self.connection, parts);
        let mut params = Vec::new();
        let among = match of {
            ArtifactsOf::Repository(id) => {
                params.push(Param::from(id.as_str()));
                "m.repository_id = ?1".to_owned()
            }
            ArtifactsOf::Namespace(id) => {
                params.push(Param::from(id.as_str()));
                "r.namespace_id = ?1".to_owned()
            }
            ArtifactsOf::Parts(_) => parts.condition(&self.connection, &mut params),
        };
        let like = match &filter.tags {
            Some(TagFilter::Containing(part)) => pattern(part),
            _ => String::new(),
        };
        let mut conditions = vec![among];
        conditions.extend(filter.conditions(&mut params, &like));
        let from = format!("{} WHERE {}", tables!(), conditions.join(" AND "));
        let source = ListSource {
            // A page of them has to fit into memory: 256 KiB.
            columns: columns!("CASE WHEN m.size_bytes <= 262144 THEN m.content END"),
            from,
            params,
            fields: FIELDS,
            order: "m.created_at_ms DESC, m.id DESC",
        };
        list(&self.connection, &source, query, read_artifact)
    }

    /// The ids of a repository's manifests of these digests; those that it does not have are left out.
    pub fn find_manifest_ids(
        &self,
        repository: &RepositoryId,
        digests: &[&str],
    ) -> Result<HashMap<String, String>> {
        let mut ids = HashMap::with_capacity(digests.len());
        for digests in digests.chunks(AT_ONCE) {
            let sql = format!(
                "SELECT digest, id FROM manifests WHERE repository_id = ?1 AND digest IN ({})",
                places(1, digests.len())
            );
            let mut params = vec![Param::from(repository.as_str())];
            params.extend(digests.iter().map(|digest| Param::from(*digest)));
            let read = |row: &Row<'_>| Ok((row.text(0)?, row.text(1)?));
            ids.extend(self.connection.list_once(&sql, &params, read)?);
        }
        Ok(ids)
    }
}
