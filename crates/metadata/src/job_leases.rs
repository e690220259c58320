//! Who does a job: claimed by one at a time, kept alive by a heartbeat, ended or given back under the claim's fence.

use crate::connection::params;
use crate::error::Result;
use crate::jobs::{job_columns, read_job};
use crate::{JobRow, Reader, Tx};
use model::{JobId, JobLogLevel, JobState};

/// A job that the claimer alone may end, until the lease is lost.
#[derive(Clone, Debug)]
pub struct ClaimedJob {
    /// The job.
    pub job: JobRow,
    /// Grows with each claim: what is written with an older one changes nothing.
    pub fence: i64,
}

/// A line to be added to a job's log.
#[derive(Clone, Debug)]
pub struct NewJobLogLine {
    /// When it was said.
    pub at_ms: i64,
    /// How much it matters.
    pub level: JobLogLevel,
    /// What.
    pub line: String,
}

/// How much of what one run says is kept.
#[derive(Clone, Copy, Debug)]
pub struct JobLogLimits {
    /// Lines.
    pub lines: i64,
    /// Bytes of all lines together.
    pub bytes: i64,
}

impl Reader<'_> {
    /// The first lane after `after` in which a job waits for its turn; lanes are in byte order, and `""` is before all.
    pub fn find_due_lane(&self, after: &str) -> Result<Option<String>> {
        const SQL: &str = "SELECT turn FROM jobs WHERE turn > ?1 ORDER BY turn LIMIT 1";
        self.connection.find(SQL, params![after], |row| row.text(0))
    }

    /// How many jobs of a lane are running, counted up to `limit`.
    pub fn count_running_jobs(&self, lane: &str, limit: i64) -> Result<i64> {
        const SQL: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE state = 'running' AND lane = ?1 LIMIT ?2) counted";
        self.connection
            .get(SQL, params![lane, limit], |row| row.int(0))
    }

    /// Running jobs whose lease has ended, or, when `others_are_dead`, that another `owner` had: at most `limit`.
    pub fn list_lost_jobs(
        &self,
        owner: &str,
        others_are_dead: bool,
        now_ms: i64,
        limit: i64,
    ) -> Result<Vec<JobId>> {
        const SQL: &str = "SELECT id FROM jobs WHERE lease_until_ms IS NOT NULL AND lease_until_ms <= ?1 \
             AND (lease_until_ms <= ?2 OR lease_owner <> ?3) ORDER BY lease_until_ms LIMIT ?4";
        let params = params![others_until(others_are_dead, now_ms), now_ms, owner, limit];
        self.connection
            .list(SQL, params, |row| Ok(JobId::new(row.text(0)?)))
    }
}

/// Until when a lease of somebody else counts as lost.
fn others_until(others_are_dead: bool, now_ms: i64) -> i64 {
    if others_are_dead { i64::MAX } else { now_ms }
}

impl Tx<'_> {
    /// Claims the job of a lane that waits longest and whose queue is not paused, unless `at_once` jobs of the lane are
    /// running. `None` too when another was quicker, and when all at the front of the lane had to be put aside.
    pub fn claim_job(
        &mut self,
        lane: &str,
        owner: &str,
        at_once: i64,
        now_ms: i64,
        until_ms: i64,
    ) -> Result<Option<ClaimedJob>> {
        const LOCK: &str = "INSERT INTO job_lanes (lane, claims) VALUES (?1, 1) \
             ON CONFLICT (lane) DO UPDATE SET claims = job_lanes.claims + 1";
        // Asked twice, inside and out: whoever waited for the row looks again at the outer condition only.
        const CLAIM: &str = concat!(
            "UPDATE jobs SET state = 'running', turn = NULL, attempts = attempts + 1, fence = fence + 1, \
             lease_owner = ?1, lease_until_ms = ?2, started_at_ms = ?3, log_lines = 0, log_bytes = 0 \
             WHERE id = (SELECT id FROM jobs WHERE turn = ?4 ORDER BY run_at_ms, id LIMIT 1) AND turn = ?4 \
             AND NOT EXISTS (SELECT 1 FROM paused_queues p WHERE p.account_id = jobs.account_id AND p.kind = jobs.kind) \
             RETURNING ",
            job_columns!(),
            ", fence"
        );
        // First without a lock: a lane that is full is passed by often.
        if self.count_running_jobs(lane, at_once)? >= at_once {
            return Ok(None);
        }
        self.connection.execute(LOCK, params![lane])?;
        if self.count_running_jobs(lane, at_once)? >= at_once {
            return Ok(None);
        }
        // The first may be held: then those at the front that are wait, and it is the next one's turn.
        for is_last in [false, true] {
            let params = params![owner, until_ms, now_ms, lane];
            let claimed = self.connection.find(CLAIM, params, |row| {
                Ok(ClaimedJob {
                    job: read_job(row)?,
                    fence: row.int(15)?,
                })
            })?;
            if claimed.is_some() || is_last || !self.hold_paused_jobs(lane, now_ms)? {
                return Ok(claimed);
            }
        }
        Ok(None)
    }

    /// Takes a job over from somebody who was lost, so that it can be ended or given back. This is no new run. `None`
    /// when there is nobody to take it over from any more.
    pub fn seize_lost_job(
        &mut self,
        id: &JobId,
        owner: &str,
        others_are_dead: bool,
        now_ms: i64,
        until_ms: i64,
    ) -> Result<Option<ClaimedJob>> {
        const SQL: &str = concat!(
            "UPDATE jobs SET fence = fence + 1, lease_owner = ?1, lease_until_ms = ?2 \
             WHERE id = ?3 AND state = 'running' AND lease_until_ms <= ?4 \
             AND (lease_until_ms <= ?5 OR lease_owner <> ?1) RETURNING ",
            job_columns!(),
            ", fence"
        );
        let params = params![
            owner,
            until_ms,
            id.as_str(),
            others_until(others_are_dead, now_ms),
            now_ms
        ];
        self.connection.find(SQL, params, |row| {
            Ok(ClaimedJob {
                job: read_job(row)?,
                fence: row.int(15)?,
            })
        })
    }

    /// Keeps a claim for longer, and its row locked until the end of the transaction. Says whether the job was called
    /// off; `None` when the claim is lost, and whoever had it must change nothing more.
    pub fn renew_job_lease(
        &mut self,
        id: &JobId,
        fence: i64,
        until_ms: i64,
    ) -> Result<Option<bool>> {
        const SQL: &str = "UPDATE jobs SET lease_until_ms = ?3 WHERE id = ?1 AND fence = ?2 AND state = 'running' \
             RETURNING is_cancelled";
        self.connection
            .find(SQL, params![id.as_str(), fence, until_ms], |row| {
                row.flag(0)
            })
    }

    /// Adds to the log of the present run what still fits. Says whether the claim was still held.
    pub fn append_job_log(
        &mut self,
        id: &JobId,
        fence: i64,
        lines: &[NewJobLogLine],
        limits: JobLogLimits,
    ) -> Result<bool> {
        const COUNT: &str = "UPDATE jobs SET log_lines = log_lines + ?3, log_bytes = log_bytes + ?4 \
             WHERE id = ?1 AND fence = ?2 AND state = 'running' RETURNING attempts, log_lines, log_bytes";
        const INSERT: &str = "INSERT INTO job_logs (job_id, attempt, number, at_ms, level, line) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let size = |line: &NewJobLogLine| i64::try_from(line.line.len()).unwrap_or(i64::MAX);
        let (added, added_bytes) = (
            i64::try_from(lines.len()).unwrap_or(i64::MAX),
            lines.iter().map(size).sum::<i64>(),
        );
        let params = params![id.as_str(), fence, added, added_bytes];
        let after = self.connection.find(COUNT, params, |row| {
            Ok((row.int(0)?, row.int(1)?, row.int(2)?))
        })?;
        let Some((attempt, total, total_bytes)) = after else {
            return Ok(false);
        };
        let (mut number, mut bytes) = (total - added, total_bytes - added_bytes);
        for line in lines {
            number += 1;
            bytes += size(line);
            if number > limits.lines || bytes > limits.bytes {
                break;
            }
            let (level, text) = (line.level.as_str(), &line.line);
            let params = params![id.as_str(), attempt, number, line.at_ms, level, text];
            self.connection.execute(INSERT, params)?;
        }
        Ok(true)
    }

    /// Ends a claimed job for good. Says whether the claim was still held.
    pub fn finish_job(
        &mut self,
        (id, fence): (&JobId, i64),
        state: JobState,
        error: Option<&str>,
        now_ms: i64,
        forget_at_ms: i64,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE jobs SET state = ?3, dedup_key = NULL, lease_owner = NULL, lease_until_ms = NULL, \
             last_error = ?4, ended_at_ms = ?5, forget_at_ms = ?6 \
             WHERE id = ?1 AND fence = ?2 AND state = 'running'";
        let params = params![
            id.as_str(),
            fence,
            state.as_str(),
            error,
            now_ms,
            forget_at_ms
        ];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Queues a claimed job again, for `run_at_ms`. With an error this was a run that failed; without, it was none that
    /// counts, and there may be one more. Says whether the claim was still held.
    pub fn requeue_job(
        &mut self,
        (id, fence): (&JobId, i64),
        error: Option<&str>,
        now_ms: i64,
        run_at_ms: i64,
    ) -> Result<bool> {
        const FAILED: &str = "UPDATE jobs SET state = 'queued', lease_owner = NULL, lease_until_ms = NULL, \
             run_at_ms = ?3, waits_until_ms = ?3, last_error = ?4 WHERE id = ?1 AND fence = ?2 AND state = 'running'";
        const PUT_BACK: &str = "UPDATE jobs SET state = 'queued', lease_owner = NULL, lease_until_ms = NULL, \
             run_at_ms = ?3, waits_until_ms = ?3, max_attempts = max_attempts + 1 \
             WHERE id = ?1 AND fence = ?2 AND state = 'running'";
        let changed = match error {
            Some(error) => self
                .connection
                .execute(FAILED, params![id.as_str(), fence, run_at_ms, error])?,
            None => self
                .connection
                .execute(PUT_BACK, params![id.as_str(), fence, run_at_ms])?,
        };
        if changed > 0 {
            self.mark_job_due(id.as_str(), now_ms)?;
        }
        Ok(changed > 0)
    }
}
