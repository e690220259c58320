//! Where something that goes through everything a little at a time has come to, so that it goes on after a restart.

use crate::connection::params;
use crate::error::Result;
use crate::{Reader, Tx};

/// How far a pass through everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassRow {
    /// Which pass, as in `scrub`.
    pub name: String,
    /// The last thing that was looked at, in the pass's own words; empty before the first.
    pub position: String,
    /// When the present round began.
    pub started_at_ms: i64,
    /// When a round was last completed; `None` before the first.
    pub finished_at_ms: Option<i64>,
    /// Things looked at in this round.
    pub checked: u64,
    /// Their bytes.
    pub checked_bytes: u64,
    /// How many of them were not as they should be.
    pub problems: u64,
}

impl Reader<'_> {
    /// How far a pass is, or `None` when it never began.
    pub fn find_pass(&self, name: &str) -> Result<Option<PassRow>> {
        const SQL: &str = "SELECT name, position, started_at_ms, finished_at_ms, checked, checked_bytes, problems \
             FROM passes WHERE name = ?1";
        self.connection.find(SQL, params![name], |row| {
            Ok(PassRow {
                name: row.text(0)?,
                position: row.text(1)?,
                started_at_ms: row.int(2)?,
                finished_at_ms: row.optional_int(3)?,
                checked: row.size(4, "passes.checked")?,
                checked_bytes: row.size(5, "passes.checked_bytes")?,
                problems: row.size(6, "passes.problems")?,
            })
        })
    }
}

impl Tx<'_> {
    /// Notes how far a pass is.
    pub fn put_pass(&mut self, pass: &PassRow) -> Result<()> {
        const SQL: &str = "INSERT INTO passes (name, position, started_at_ms, finished_at_ms, checked, checked_bytes, \
             problems) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (name) DO UPDATE SET \
             position = excluded.position, started_at_ms = excluded.started_at_ms, \
             finished_at_ms = excluded.finished_at_ms, checked = excluded.checked, \
             checked_bytes = excluded.checked_bytes, problems = excluded.problems";
        let column = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let params = params![
            &pass.name,
            &pass.position,
            pass.started_at_ms,
            pass.finished_at_ms,
            column(pass.checked),
            column(pass.checked_bytes),
            column(pass.problems)
        ];
        self.connection.execute(SQL, params)?;
        Ok(())
    }
}
