//! Tags that end by themselves: when, and which have.

use crate::connection::params;
use crate::error::Result;
use crate::{Reader, Tx};
use model::{AccountId, RepositoryId};
use oci::{RepositoryName, Tag};

/// A tag that may have ended.
#[derive(Clone, Debug)]
pub struct EndedTag {
    /// Whose it is.
    pub account_id: AccountId,
    /// Where it is.
    pub repository_id: RepositoryId,
    /// The repository's name.
    pub repository: RepositoryName,
    /// The tag.
    pub tag: Tag,
}

impl Reader<'_> {
    /// Tags to look at because they end, at most `limit`.
    pub fn list_ended_tags(&self, now_ms: i64, limit: i64) -> Result<Vec<EndedTag>> {
        const SQL: &str = "SELECT t.account_id, t.repository_id, r.name, t.name FROM tags t \
             JOIN repositories r ON r.id = t.repository_id \
             WHERE t.end_look_at_ms IS NOT NULL AND t.end_look_at_ms <= ?1 ORDER BY t.end_look_at_ms LIMIT ?2";
        let rows = self.connection.list(SQL, params![now_ms, limit], |row| {
            Ok((row.text(0)?, row.text(1)?, row.text(2)?, row.text(3)?))
        })?;
        let tags = rows.into_iter().filter_map(|(account, id, name, tag)| {
            Some(EndedTag {
                account_id: AccountId::new(account),
                repository_id: RepositoryId::new(id),
                repository: RepositoryName::parse(&name).ok()?,
                tag: Tag::parse(&tag).ok()?,
            })
        });
        Ok(tags.collect())
    }

    /// When a tag ends, if it does.
    pub fn find_tag_end(&self, repository: &RepositoryId, tag: &Tag) -> Result<Option<i64>> {
        const SQL: &str = "SELECT t.ends_at_ms FROM tags t WHERE t.repository_id = ?1 AND t.name = ?2 \
             AND t.ends_at_ms IS NOT NULL AND t.end_of_ms = t.updated_at_ms";
        let params = params![repository.as_str(), tag.as_str()];
        self.connection.find(SQL, params, |row| row.int(0))
    }

    /// A repository's tags that end, after `after`, by name, at most `limit`.
    pub fn list_tag_ends(
        &self,
        repository: &RepositoryId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(String, i64)>> {
        const SQL: &str = "SELECT t.name, t.ends_at_ms FROM tags t WHERE t.repository_id = ?1 AND t.name > ?2 \
             AND t.ends_at_ms IS NOT NULL AND t.end_of_ms = t.updated_at_ms ORDER BY t.name LIMIT ?3";
        let params = params![repository.as_str(), after, limit];
        self.connection
            .list(SQL, params, |row| Ok((row.text(0)?, row.int(1)?)))
    }
}

impl Tx<'_> {
    /// Says when a tag ends, or that it does not. Says whether there is such a tag.
    pub fn set_tag_end(
        &mut self,
        repository: &RepositoryId,
        tag: &Tag,
        ends_at_ms: Option<i64>,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE tags SET ends_at_ms = ?3, end_look_at_ms = ?3, \
             end_of_ms = updated_at_ms \
             WHERE repository_id = ?1 AND name = ?2";
        const CLEAR: &str = "UPDATE tags SET ends_at_ms = NULL, end_look_at_ms = NULL, end_of_ms = NULL \
             WHERE repository_id = ?1 AND name = ?2";
        let key = (repository.as_str(), tag.as_str());
        let changed = match ends_at_ms {
            Some(ends) => self.connection.execute(SQL, params![key.0, key.1, ends])?,
            None => self.connection.execute(CLEAR, params![key.0, key.1])?,
        };
        Ok(changed > 0)
    }

    /// Has a tag that ends looked at later.
    pub fn put_off_tag_end(
        &mut self,
        repository: &RepositoryId,
        tag: &Tag,
        until_ms: i64,
    ) -> Result<()> {
        const SQL: &str =
            "UPDATE tags SET end_look_at_ms = ?3 WHERE repository_id = ?1 AND name = ?2";
        let params = params![repository.as_str(), tag.as_str(), until_ms];
        self.connection.execute(SQL, params)?;
        Ok(())
    }
}
