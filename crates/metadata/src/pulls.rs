//! How often things were pulled, and when last. Written in batches.

use crate::connection::params;
use crate::error::Result;
use crate::{Reader, RepositoryKey, Tx};
use oci::Digest;

/// How often, and when last.
type Counted = Option<(i64, i64)>;

impl Reader<'_> {
    /// How often a repository and a manifest of it were pulled, and when last; `None` where none of it was written yet.
    pub fn find_pulls(
        &self,
        repository: &RepositoryKey,
        digest: &Digest,
    ) -> Result<(Counted, Counted)> {
        const OF_REPOSITORY: &str = "SELECT d.pull_count, COALESCE(d.last_pulled_at_ms, 0) FROM repositories r \
             JOIN repository_details d ON d.repository_id = r.id WHERE r.account_id = ?1 AND r.name = ?2";
        const OF_MANIFEST: &str = "SELECT p.pull_count, p.last_pulled_at_ms FROM repositories r \
             JOIN manifests m ON m.repository_id = r.id AND m.digest = ?3 \
             JOIN manifest_pulls p ON p.manifest_id = m.id WHERE r.account_id = ?1 AND r.name = ?2";
        let (account, name) = (repository.account_id.as_str(), repository.name.as_str());
        let connection = &self.connection;
        Ok((
            connection.find(OF_REPOSITORY, params![account, name], |row| {
                Ok((row.int(0)?, row.int(1)?))
            })?,
            connection.find(
                OF_MANIFEST,
                params![account, name, digest.as_str()],
                |row| Ok((row.int(0)?, row.int(1)?)),
            )?,
        ))
    }
}

impl Tx<'_> {
    /// Counts pulls of a manifest, for it and for its repository. What is gone meanwhile is passed over.
    pub fn count_pulls(
        &mut self,
        repository: &RepositoryKey,
        digest: &Digest,
        count: i64,
        last_at_ms: i64,
    ) -> Result<()> {
        const OF_REPOSITORY: &str = "INSERT INTO repository_details \
             (repository_id, description, pull_count, last_pulled_at_ms, updated_at_ms) \
             SELECT r.id, '', CAST(?3 AS BIGINT), CAST(?4 AS BIGINT), r.created_at_ms FROM repositories r \
             WHERE r.account_id = ?1 AND r.name = ?2 ON CONFLICT (repository_id) DO UPDATE SET \
             pull_count = repository_details.pull_count + excluded.pull_count, \
             last_pulled_at_ms = CASE WHEN repository_details.last_pulled_at_ms > excluded.last_pulled_at_ms \
             THEN repository_details.last_pulled_at_ms ELSE excluded.last_pulled_at_ms END";
        const OF_MANIFEST: &str = "INSERT INTO manifest_pulls (manifest_id, pull_count, last_pulled_at_ms) \
             SELECT m.id, CAST(?4 AS BIGINT), CAST(?5 AS BIGINT) FROM repositories r \
             JOIN manifests m ON m.repository_id = r.id \
             WHERE r.account_id = ?1 AND r.name = ?2 AND m.digest = ?3 ON CONFLICT (manifest_id) DO UPDATE SET \
             pull_count = manifest_pulls.pull_count + excluded.pull_count, \
             last_pulled_at_ms = CASE WHEN manifest_pulls.last_pulled_at_ms > excluded.last_pulled_at_ms \
             THEN manifest_pulls.last_pulled_at_ms ELSE excluded.last_pulled_at_ms END";
        let (account, name) = (repository.account_id.as_str(), repository.name.as_str());
        let params = params![account, name, count, last_at_ms];
        self.connection.execute(OF_REPOSITORY, params)?;
        let params = params![account, name, digest.as_str(), count, last_at_ms];
        self.connection.execute(OF_MANIFEST, params)?;
        Ok(())
    }
}
