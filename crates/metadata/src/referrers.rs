//! Referrers: the manifests that are about another one.

use crate::connection::params;
use crate::error::Result;
use crate::{Reader, RepositoryKey};
use oci::Digest;

/// A referrer as a list shows it.
#[derive(Clone, Debug)]
pub struct ReferrerRow {
    /// Its digest.
    pub digest: String,
    /// Its media type.
    pub media_type: String,
    /// What kind of artifact it is.
    pub artifact_type: Option<String>,
    /// Its size.
    pub size_bytes: i64,
    /// Its annotations as JSON.
    pub annotations: Option<String>,
}

impl Reader<'_> {
    /// Shows the referrers of `subject` in the order of their digests after `after`, for as long as `take` wants more.
    /// Annotations, which may be large, are read only of those whose artifact type `is_wanted`.
    pub fn visit_referrers(
        &self,
        key: &RepositoryKey,
        subject: &Digest,
        after: &str,
        is_wanted: impl Fn(Option<&str>) -> bool,
        mut take: impl FnMut(ReferrerRow) -> bool,
    ) -> Result<()> {
        const SQL: &str = "SELECT m.digest, m.media_type, m.artifact_type, m.size_bytes, m.annotations \
             FROM repositories r JOIN manifests m ON m.repository_id = r.id \
             WHERE r.account_id = ?1 AND r.name = ?2 AND m.subject_digest = ?3 AND m.digest > ?4 \
             ORDER BY m.digest";
        let params = params![
            key.account_id.as_str(),
            key.name.as_str(),
            subject.as_str(),
            after
        ];
        self.connection.visit(SQL, params, |row| {
            let artifact_type = row.optional_text(2)?;
            if !is_wanted(artifact_type.as_deref()) {
                return Ok(true);
            }
            Ok(take(ReferrerRow {
                digest: row.text(0)?,
                media_type: row.text(1)?,
                artifact_type,
                size_bytes: row.int(3)?,
                annotations: row.optional_text(4)?,
            }))
        })
    }
}
