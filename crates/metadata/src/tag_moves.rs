//! Where each tag pointed, and when: written when events are sealed, so that no push pays for it.

use crate::connection::{Row, params};
use crate::error::Result;
use crate::{Reader, Tx};
use model::{AccountId, NamespaceId};

/// A move of a tag to be noted.
#[derive(Clone, Copy, Debug)]
pub struct NewTagMove<'a> {
    /// Whose it is.
    pub account: &'a AccountId,
    /// The namespace that it is in.
    pub namespace: &'a NamespaceId,
    /// The repository's full name.
    pub repository: &'a str,
    /// The tag.
    pub tag: &'a str,
    /// The number of the event that tells of it.
    pub number: i64,
    /// What the tag points at from then on; `None` when it was deleted.
    pub digest: Option<&'a str>,
    /// Who did it.
    pub caller: &'a str,
    /// When.
    pub at_ms: i64,
}

/// A move of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMoveRow {
    /// The tag.
    pub tag: String,
    /// The number of the event that tells of it.
    pub number: i64,
    /// What the tag pointed at from then on; `None` when it was deleted.
    pub digest: Option<String>,
    /// Who did it.
    pub caller: String,
    /// When.
    pub at_ms: i64,
}

fn read_move(row: &Row<'_>) -> Result<TagMoveRow> {
    Ok(TagMoveRow {
        tag: row.text(0)?,
        number: row.int(1)?,
        digest: row.optional_text(2)?,
        caller: row.text(3)?,
        at_ms: row.int(4)?,
    })
}

impl Reader<'_> {
    /// The moves of a tag, the newest first, before the one of that number.
    pub fn list_tag_moves(
        &self,
        account: &AccountId,
        (namespace, repository): (&NamespaceId, &str),
        tag: &str,
        (before, limit): (i64, i64),
    ) -> Result<Vec<TagMoveRow>> {
        const SQL: &str = "SELECT tag, number, digest, caller, at_ms FROM tag_moves WHERE account_id = ?1 AND repository = ?2 \
             AND tag = ?3 AND number < ?4 AND namespace_id = ?5 ORDER BY number DESC LIMIT ?6";
        let params = params![
            account.as_str(),
            repository,
            tag,
            before,
            namespace.as_str(),
            limit
        ];
        self.connection.list(SQL, params, read_move)
    }
}

impl Tx<'_> {
    /// Notes a move of a tag, and forgets what is more than `kept` moves of the same tag ago.
    pub fn note_tag_move(&mut self, new: &NewTagMove<'_>, kept: i64) -> Result<()> {
        const SQL: &str = "INSERT INTO tag_moves (account_id, repository, tag, number, namespace_id, digest, caller, at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (account_id, repository, tag, number) \
             DO UPDATE SET digest = excluded.digest";
        const FORGET: &str = "DELETE FROM tag_moves WHERE account_id = ?1 AND repository = ?2 AND tag = ?3 AND number = \
             (SELECT m.number FROM tag_moves m WHERE m.account_id = ?1 AND m.repository = ?2 AND m.tag = ?3 \
             ORDER BY m.number DESC LIMIT 1 OFFSET ?4)";
        let account = new.account.as_str();
        self.connection.execute(
            SQL,
            params![
                account,
                new.repository,
                new.tag,
                new.number,
                new.namespace.as_str(),
                new.digest,
                new.caller,
                new.at_ms
            ],
        )?;
        // One comes, one goes.
        self.connection
            .execute(FORGET, params![account, new.repository, new.tag, kept])?;
        Ok(())
    }

    /// Forgets at most `limit` moves from before a time. Says how many.
    pub fn forget_tag_moves(&mut self, before_ms: i64, limit: i64) -> Result<usize> {
        const OLD: &str = "SELECT account_id, repository, tag, number FROM tag_moves WHERE at_ms < ?1 \
             ORDER BY at_ms LIMIT ?2";
        const FORGET: &str = "DELETE FROM tag_moves \
             WHERE account_id = ?1 AND repository = ?2 AND tag = ?3 AND number = ?4";
        let old = self
            .connection
            .list(OLD, params![before_ms, limit], |row| {
                Ok((row.text(0)?, row.text(1)?, row.text(2)?, row.int(3)?))
            })?;
        for (account, repository, tag, number) in &old {
            self.connection
                .execute(FORGET, params![account, repository, tag, *number])?;
        }
        Ok(old.len())
    }
}
