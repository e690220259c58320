//! An account's queues: how much waits in each, held, let go and emptied.

use crate::connection::params;
use crate::error::Result;
use crate::jobs::{JobRow, job_columns, read_job};
use crate::{Reader, Tx};
use model::{AccountId, JobId};

/// Jobs at the front of a lane that are looked at for those that are held.
const FRONT: i64 = 100;
/// How long a held job waits until somebody looks again whether it still is.
const HELD_MS: i64 = 600_000;

impl Reader<'_> {
    /// How many jobs of a kind an account has queued, counted up to `limit`, and when the oldest of them was asked for.
    pub fn count_queued_jobs(
        &self,
        account: &AccountId,
        kind: &str,
        limit: i64,
    ) -> Result<(i64, Option<i64>)> {
        const SQL: &str = "SELECT COUNT(*), MIN(created_at_ms) FROM (SELECT created_at_ms FROM jobs \
             WHERE account_id = ?1 AND kind = ?2 AND state = 'queued' ORDER BY created_at_ms LIMIT ?3) counted";
        let params = params![account.as_str(), kind, limit];
        self.connection
            .get(SQL, params, |row| Ok((row.int(0)?, row.optional_int(1)?)))
    }

    /// An account's running jobs, at most `limit`.
    pub fn list_running_jobs(&self, account: &AccountId, limit: i64) -> Result<Vec<JobRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            job_columns!(),
            " FROM jobs WHERE state = 'running' AND lane = ?1 LIMIT ?2"
        );
        self.connection
            .list(SQL, params![account.as_str(), limit], read_job)
    }

    /// The kinds whose queues an account holds, each with the time since when.
    pub fn list_paused_queues(&self, account: &AccountId) -> Result<Vec<(String, i64)>> {
        const SQL: &str =
            "SELECT kind, paused_at_ms FROM paused_queues WHERE account_id = ?1 ORDER BY kind";
        self.connection.list(SQL, params![account.as_str()], |row| {
            Ok((row.text(0)?, row.int(1)?))
        })
    }

    /// Whether a job that `owner` runs was called off, and may not know of it yet.
    pub fn has_called_off_jobs(&self, owner: &str) -> Result<bool> {
        // Word for word the condition of the index.
        const SQL: &str = "SELECT 1 FROM jobs WHERE lease_owner = ?1 AND state = 'running' AND is_cancelled = 1 \
             ORDER BY lease_owner LIMIT 1";
        self.connection.exists(SQL, params![owner])
    }
}

impl Tx<'_> {
    /// Holds an account's queue: what runs goes on, and nothing else of it begins. Says whether it was not held before.
    pub fn pause_queue(&mut self, account: &AccountId, kind: &str, now_ms: i64) -> Result<bool> {
        const SQL: &str = "INSERT INTO paused_queues (account_id, kind, paused_at_ms) VALUES (?1, ?2, ?3) \
             ON CONFLICT (account_id, kind) DO NOTHING";
        let params = params![account.as_str(), kind, now_ms];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Holds an account's queue no more. Its jobs have their turn by [`Self::release_jobs`], or some minutes later. Says
    /// whether it was held.
    pub fn resume_queue(&mut self, account: &AccountId, kind: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM paused_queues WHERE account_id = ?1 AND kind = ?2";
        let params = params![account.as_str(), kind];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Lets jobs of a queue that was held have their turn, the oldest first: at most `limit` of those whose time has come.
    /// Says how many; call again while any.
    pub fn release_jobs(
        &mut self,
        account: &AccountId,
        kind: &str,
        now_ms: i64,
        limit: i64,
    ) -> Result<usize> {
        const LIST: &str = "SELECT id FROM jobs WHERE account_id = ?1 AND kind = ?2 AND state = 'queued' \
             AND waits_until_ms IS NOT NULL AND run_at_ms <= ?3 ORDER BY created_at_ms LIMIT ?4";
        const RELEASE: &str = "UPDATE jobs SET turn = lane, waits_until_ms = NULL \
             WHERE id = ?1 AND state = 'queued' AND waits_until_ms IS NOT NULL";
        let params = params![account.as_str(), kind, now_ms, limit];
        let mut ids = self.connection.list(LIST, params, |row| row.text(0))?;
        // Two who do this at once must lock rows in the same order.
        ids.sort_unstable();
        let mut released = 0;
        for id in &ids {
            released += self.connection.execute(RELEASE, params![id])?;
        }
        if released > 0 {
            self.changes.jobs();
        }
        Ok(released)
    }

    /// Calls off jobs of an account's queue that have not begun, the oldest first: at most `limit`. Says which.
    pub fn cancel_queued_jobs(
        &mut self,
        account: &AccountId,
        kind: &str,
        (now_ms, forget_at_ms): (i64, i64),
        limit: i64,
    ) -> Result<Vec<JobId>> {
        const LIST: &str = "SELECT id FROM jobs WHERE account_id = ?1 AND kind = ?2 AND state = 'queued' \
             ORDER BY created_at_ms LIMIT ?3";
        // Asked twice: one that has begun meanwhile goes on.
        const CANCEL: &str = "UPDATE jobs SET is_cancelled = 1, turn = NULL, waits_until_ms = NULL, dedup_key = NULL, \
             ended_at_ms = ?2, forget_at_ms = ?3, state = 'cancelled' WHERE id = ?1 AND state = 'queued'";
        let params = params![account.as_str(), kind, limit];
        let mut ids = self.connection.list(LIST, params, |row| row.text(0))?;
        ids.sort_unstable();
        let mut cancelled = Vec::with_capacity(ids.len());
        for id in ids {
            let params = params![id.as_str(), now_ms, forget_at_ms];
            if self.connection.execute(CANCEL, params)? > 0 {
                cancelled.push(JobId::new(id));
            }
        }
        Ok(cancelled)
    }

    /// Lets held jobs at the front of a lane wait, so that those behind them have their turn. Says whether there were any.
    /// One whose queue is resumed in the same moment comes by itself when it has waited.
    pub(crate) fn hold_paused_jobs(&mut self, lane: &str, now_ms: i64) -> Result<bool> {
        const SQL: &str = "UPDATE jobs SET turn = NULL, waits_until_ms = ?2 WHERE id IN \
             (SELECT id FROM jobs WHERE turn = ?1 ORDER BY run_at_ms, id LIMIT ?3) AND turn = ?1 \
             AND EXISTS (SELECT 1 FROM paused_queues p WHERE p.account_id = jobs.account_id AND p.kind = jobs.kind)";
        let params = params![lane, now_ms + HELD_MS, FRONT];
        let is_any = self.connection.execute(SQL, params)? > 0;
        if is_any {
            // Whoever claims looks again.
            self.changes.jobs();
        }
        Ok(is_any)
    }
}
