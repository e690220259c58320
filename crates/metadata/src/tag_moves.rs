//! Where each tag pointed, and when: written when events are sealed, so that no push pays for it.

use crate::connection::{Row, params};
use crate::error::Result;
use crate::fragments::{Fragment, text_of};
use crate::{Reader, Tx};
use model::{AccountId, NamespaceId};
use serde::Serialize;
use std::collections::BTreeMap;

/// A move of a tag to be noted.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct NewTagMove<'a> {
    /// Whose it is, by its id.
    pub account: &'a str,
    /// The namespace that it is in, by its id.
    pub namespace: &'a str,
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
    /// Notes moves of tags, each tag's once for an event, and forgets what is more than `kept` moves of the same tag ago.
    pub fn note_tag_moves(&mut self, moves: &[NewTagMove<'_>], kept: i64) -> Result<()> {
        const PUT: Fragment = Fragment {
            sqlite: "INSERT INTO tag_moves (account_id, repository, tag, number, namespace_id, digest, caller, at_ms) \
                 SELECT s.value ->> 'account', s.value ->> 'repository', s.value ->> 'tag', s.value ->> 'number', \
                 s.value ->> 'namespace', s.value ->> 'digest', s.value ->> 'caller', s.value ->> 'at_ms' \
                 FROM json_each(?1) s WHERE true ON CONFLICT (account_id, repository, tag, number) \
                 DO UPDATE SET digest = excluded.digest",
            postgres: "INSERT INTO tag_moves (account_id, repository, tag, number, namespace_id, digest, caller, at_ms) \
                 SELECT s.account, s.repository, s.tag, s.number, s.namespace, s.digest, s.caller, s.at_ms \
                 FROM json_to_recordset(CAST(?1 AS TEXT)::json) AS s (account TEXT, repository TEXT, tag TEXT, number BIGINT, \
                 namespace TEXT, digest TEXT, caller TEXT, at_ms BIGINT) ON CONFLICT (account_id, repository, tag, number) \
                 DO UPDATE SET digest = excluded.digest",
        };
        const FULL: Fragment = Fragment {
            sqlite: "SELECT s.value ->> 'account', s.value ->> 'repository', s.value ->> 'tag', (SELECT m.number FROM tag_moves m \
                 WHERE m.account_id = s.value ->> 'account' AND m.repository = s.value ->> 'repository' \
                 AND m.tag = s.value ->> 'tag' ORDER BY m.number DESC LIMIT 1 OFFSET ?2) FROM json_each(?1) s",
            postgres: "SELECT s.account, s.repository, s.tag, (SELECT m.number FROM tag_moves m WHERE m.account_id = s.account \
                 AND m.repository = s.repository AND m.tag = s.tag ORDER BY m.number DESC LIMIT 1 OFFSET ?2) \
                 FROM json_to_recordset(CAST(?1 AS TEXT)::json) AS s (account TEXT, repository TEXT, tag TEXT)",
        };
        const FORGET: &str = "DELETE FROM tag_moves \
             WHERE account_id = ?1 AND repository = ?2 AND tag = ?3 AND number <= ?4";
        if moves.is_empty() {
            return Ok(());
        }
        let moves = text_of(&moves)?;
        let sql = self.connection.text_of(&PUT);
        self.connection.execute(sql, params![&moves])?;
        let sql = self.connection.text_of(&FULL);
        let full = self.connection.list(sql, params![&moves, kept], |row| {
            let tag = (row.text(0)?, row.text(1)?, row.text(2)?);
            Ok(row.optional_int(3)?.map(|number| (tag, number)))
        })?;
        let full: BTreeMap<_, _> = full.into_iter().flatten().collect();
        for ((account, repository, tag), number) in &full {
            self.connection
                .execute(FORGET, params![account, repository, tag, *number])?;
        }
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
