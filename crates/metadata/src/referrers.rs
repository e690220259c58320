//! Referrers: the manifests that are about another one.

use crate::connection::params;
use crate::error::Result;
use crate::{Reader, RepositoryKey};
use oci::Digest;

/// Referrers read at a time. Annotations may be large, and PostgreSQL sends those of the whole batch.
const BATCH: i64 = 100;

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

/// What to do with a referrer, by its digest and artifact type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Read it.
    Take,
    /// Go on to the next.
    PassOver,
    /// Look at no more.
    Stop,
}

impl Reader<'_> {
    /// Shows the referrers of `subject` in the order of their digests after `after`, for as long as `take` wants more.
    /// Annotations, which may be large, are looked at only of those that `choose` takes by digest and artifact type.
    pub fn visit_referrers(
        &self,
        key: &RepositoryKey,
        subject: &Digest,
        after: &str,
        mut choose: impl FnMut(&str, Option<&str>) -> Choice,
        mut take: impl FnMut(ReferrerRow) -> bool,
    ) -> Result<()> {
        // As a join, PostgreSQL would read and sort all of them for each batch.
        const SQL: &str = "SELECT m.digest, m.media_type, m.artifact_type, m.size_bytes, m.annotations \
             FROM manifests m WHERE m.repository_id = \
             (SELECT r.id FROM repositories r WHERE r.account_id = ?1 AND r.name = ?2) \
             AND m.subject_digest = ?3 AND m.digest > ?4 ORDER BY m.digest LIMIT ?5";
        let mut after = after.to_owned();
        loop {
            let params = params![
                key.account_id.as_str(),
                key.name.as_str(),
                subject.as_str(),
                &after,
                BATCH
            ];
            let (mut looked_at, mut goes_on) = (0, true);
            let mut last = None;
            self.connection.visit(SQL, params, |row| {
                let (digest, artifact_type) = (row.text(0)?, row.optional_text(2)?);
                looked_at += 1;
                last = Some(digest.clone());
                goes_on = match choose(&digest, artifact_type.as_deref()) {
                    Choice::PassOver => true,
                    Choice::Stop => false,
                    Choice::Take => take(ReferrerRow {
                        digest,
                        media_type: row.text(1)?,
                        artifact_type,
                        size_bytes: row.int(3)?,
                        annotations: row.optional_text(4)?,
                    }),
                };
                Ok(goes_on)
            })?;
            match last {
                Some(last) if goes_on && looked_at == BATCH => after = last,
                _ => return Ok(()),
            }
        }
    }
}
