//! Work for later: asked for, looked at, called off, forgotten. Who does it is in `job_leases.rs`.

use crate::connection::{Row, params, parse_column};
use crate::error::{Error, Result};
use crate::{Reader, Tx};
use model::{AccountId, JobId, JobLogLevel, JobState};

/// The lane of what belongs to no account.
const DEPLOYMENT_LANE: &str = "deployment";
/// How often a job that ends each time one looks at it is asked for again.
const TRIES: usize = 8;
/// Sorts after every id.
const AFTER_ALL: &str = "g";
/// Log lines that go with forgotten jobs in one call, more or less.
const FORGOTTEN_LINES: usize = 2000;

/// Columns of [`JobRow`], in the order of [`read_job`].
macro_rules! job_columns {
    () => {
        "id, account_id, kind, payload, state, run_at_ms, attempts, max_attempts, lease_owner, is_cancelled, log_lines, \
         last_error, created_at_ms, started_at_ms, ended_at_ms"
    };
}
pub(crate) use job_columns;

/// A job.
#[derive(Clone, Debug)]
pub struct JobRow {
    /// Its id.
    pub id: JobId,
    /// Whose it is; `None` for the deployment's own.
    pub account_id: Option<AccountId>,
    /// What is to be done.
    pub kind: String,
    /// With what, as JSON.
    pub payload: String,
    /// How far it is.
    pub state: JobState,
    /// Not before then.
    pub run_at_ms: i64,
    /// Runs that have begun.
    pub attempts: i64,
    /// Runs before it counts as failed.
    pub max_attempts: i64,
    /// Who is at it, while it is running.
    pub lease_owner: Option<String>,
    /// Whether it was called off; while it is running, whoever is at it still has to hear of that.
    pub is_cancelled: bool,
    /// Lines that the last run had to say, also those that were not kept.
    pub log_lines: i64,
    /// Why the last run failed.
    pub last_error: Option<String>,
    /// When it was asked for.
    pub created_at_ms: i64,
    /// When the last run began.
    pub started_at_ms: Option<i64>,
    /// When it ended for good.
    pub ended_at_ms: Option<i64>,
}

/// A job to be asked for.
#[derive(Clone, Debug)]
pub struct NewJob<'a> {
    /// Its id, if there is not yet such a job.
    pub id: &'a JobId,
    /// Whose it is; `None` for the deployment's own.
    pub account_id: Option<&'a AccountId>,
    /// What is to be done.
    pub kind: &'a str,
    /// With what, as JSON.
    pub payload: &'a str,
    /// While a job of this key is queued or running in the same account, asking again finds that one.
    pub dedup_key: Option<&'a str>,
    /// Not before then.
    pub run_at_ms: i64,
    /// Runs before it counts as failed; 1 or more.
    pub max_attempts: i64,
}

/// What came of asking for a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// The job, new or known before.
    pub id: JobId,
    /// Whether it is new.
    pub is_new: bool,
}

/// A line of a job's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobLogRow {
    /// The run that said it, from 1.
    pub attempt: i64,
    /// Its number in that run, from 1.
    pub number: i64,
    /// When.
    pub at_ms: i64,
    /// How much it matters.
    pub level: JobLogLevel,
    /// What.
    pub line: String,
}

/// Whose turn a job takes.
pub(crate) fn lane_of(account: Option<&AccountId>) -> &str {
    account.map_or(DEPLOYMENT_LANE, AccountId::as_str)
}

pub(crate) fn read_job(row: &Row<'_>) -> Result<JobRow> {
    Ok(JobRow {
        id: JobId::new(row.text(0)?),
        account_id: row.optional_text(1)?.map(AccountId::new),
        kind: row.text(2)?,
        payload: row.text(3)?,
        state: parse_column("jobs.state", JobState::parse(&row.text(4)?))?,
        run_at_ms: row.int(5)?,
        attempts: row.int(6)?,
        max_attempts: row.int(7)?,
        lease_owner: row.optional_text(8)?,
        is_cancelled: row.flag(9)?,
        log_lines: row.int(10)?,
        last_error: row.optional_text(11)?,
        created_at_ms: row.int(12)?,
        started_at_ms: row.optional_int(13)?,
        ended_at_ms: row.optional_int(14)?,
    })
}

fn read_log_line(row: &Row<'_>) -> Result<JobLogRow> {
    Ok(JobLogRow {
        attempt: row.int(0)?,
        number: row.int(1)?,
        at_ms: row.int(2)?,
        level: parse_column("job_logs.level", JobLogLevel::parse(&row.text(3)?))?,
        line: row.text(4)?,
    })
}

impl Reader<'_> {
    /// A job.
    pub fn find_job(&self, id: &JobId) -> Result<Option<JobRow>> {
        const SQL: &str = concat!("SELECT ", job_columns!(), " FROM jobs WHERE id = ?1");
        self.connection.find(SQL, params![id.as_str()], read_job)
    }

    /// Jobs of everyone, newest first, asked for before the job `before`; `None` begins with the newest.
    pub fn list_jobs(&self, before: Option<&JobId>, limit: i64) -> Result<Vec<JobRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            job_columns!(),
            " FROM jobs WHERE id < ?1 ORDER BY id DESC LIMIT ?2"
        );
        let before = before.map_or(AFTER_ALL, JobId::as_str);
        self.connection.list(SQL, params![before, limit], read_job)
    }

    /// The same, of one state.
    pub fn list_jobs_in_state(
        &self,
        state: JobState,
        before: Option<&JobId>,
        limit: i64,
    ) -> Result<Vec<JobRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            job_columns!(),
            " FROM jobs WHERE state = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"
        );
        let before = before.map_or(AFTER_ALL, JobId::as_str);
        let params = params![state.as_str(), before, limit];
        self.connection.list(SQL, params, read_job)
    }

    /// The same, of one account.
    pub fn list_account_jobs(
        &self,
        account: &AccountId,
        before: Option<&JobId>,
        limit: i64,
    ) -> Result<Vec<JobRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            job_columns!(),
            " FROM jobs WHERE account_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"
        );
        let before = before.map_or(AFTER_ALL, JobId::as_str);
        let params = params![account.as_str(), before, limit];
        self.connection.list(SQL, params, read_job)
    }

    /// What a job's runs had to say, in order, after line `number` of run `attempt`; (0, 0) begins at the beginning.
    pub fn list_job_log(
        &self,
        id: &JobId,
        (attempt, number): (i64, i64),
        limit: i64,
    ) -> Result<Vec<JobLogRow>> {
        const SQL: &str = "SELECT attempt, number, at_ms, level, line FROM job_logs \
             WHERE job_id = ?1 AND (attempt, number) > (?2, ?3) ORDER BY attempt, number LIMIT ?4";
        let params = params![id.as_str(), attempt, number, limit];
        self.connection.list(SQL, params, read_log_line)
    }

    /// How many jobs are in a state, counted up to `limit`.
    pub fn count_jobs(&self, state: JobState, limit: i64) -> Result<i64> {
        const SQL: &str =
            "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE state = ?1 LIMIT ?2) counted";
        self.connection
            .get(SQL, params![state.as_str(), limit], |row| row.int(0))
    }

    /// Whether the time of a job that waits for it has come.
    pub fn has_jobs_to_wake(&self, now_ms: i64) -> Result<bool> {
        // In order: otherwise PostgreSQL takes reading the table until one is found for a short cut.
        const SQL: &str = "SELECT 1 FROM jobs WHERE waits_until_ms IS NOT NULL AND waits_until_ms <= ?1 \
             ORDER BY waits_until_ms LIMIT 1";
        self.connection.exists(SQL, params![now_ms])
    }

    /// Since when the job that waits longest for its turn could run.
    pub fn find_oldest_due_job(&self) -> Result<Option<i64>> {
        const SQL: &str = "SELECT run_at_ms FROM jobs WHERE turn IS NOT NULL AND run_at_ms >= ?1 \
             ORDER BY run_at_ms LIMIT 1";
        self.connection
            .find(SQL, params![i64::MIN], |row| row.int(0))
    }
}

impl Tx<'_> {
    /// Asks for a job. When this transaction commits, whoever waits for jobs in this process is woken.
    pub fn enqueue(&mut self, job: &NewJob<'_>, now_ms: i64) -> Result<Enqueued> {
        const INSERT: &str = "INSERT INTO jobs (id, account_id, lane, kind, payload, state, dedup_key, turn, \
             waits_until_ms, run_at_ms, attempts, max_attempts, lease_owner, lease_until_ms, fence, is_cancelled, log_lines, log_bytes, \
             last_error, created_at_ms, started_at_ms, ended_at_ms, forget_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6, ?7, ?8, ?9, 0, ?10, NULL, NULL, 0, 0, 0, 0, NULL, ?11, NULL, NULL, \
             NULL) \
             ON CONFLICT (lane, dedup_key) DO NOTHING";
        const FIND: &str = "SELECT id FROM jobs WHERE lane = ?1 AND dedup_key = ?2";
        let lane = lane_of(job.account_id);
        let (turn, waits_until_ms) = if job.run_at_ms <= now_ms {
            (Some(lane), None)
        } else {
            (None, Some(job.run_at_ms))
        };
        for _ in 0..TRIES {
            let params = params![
                job.id.as_str(),
                job.account_id.map(AccountId::as_str),
                lane,
                job.kind,
                job.payload,
                job.dedup_key,
                turn,
                waits_until_ms,
                job.run_at_ms,
                job.max_attempts,
                now_ms
            ];
            if self.connection.execute(INSERT, params)? > 0 {
                if turn.is_some() {
                    self.changes.jobs();
                }
                let id = job.id.clone();
                return Ok(Enqueued { id, is_new: true });
            }
            let known = self
                .connection
                .find(FIND, params![lane, job.dedup_key], |row| row.text(0))?;
            if let Some(id) = known.map(JobId::new) {
                return Ok(Enqueued { id, is_new: false });
            }
            // It ended between the two: then there is room for a new one.
        }
        Err(Error::Unavailable(
            "a job that was asked for again ended each time".to_owned(),
        ))
    }

    /// Lets a queued job run now, whatever it was waiting for. Says whether it was queued.
    pub fn hasten_job(&mut self, id: &JobId, now_ms: i64) -> Result<bool> {
        const SQL: &str = "UPDATE jobs SET run_at_ms = CASE WHEN run_at_ms > ?2 THEN ?2 ELSE run_at_ms END, \
             turn = lane, waits_until_ms = NULL WHERE id = ?1 AND state = 'queued'";
        let is_queued = self.connection.execute(SQL, params![id.as_str(), now_ms])? > 0;
        if is_queued {
            self.changes.jobs();
        }
        Ok(is_queued)
    }

    /// Calls a job off: a queued one at once, a running one when whoever is at it renews its lease. Says which state it
    /// is in now; `None` when there is no such job or it has ended.
    pub fn cancel_job(
        &mut self,
        id: &JobId,
        now_ms: i64,
        forget_at_ms: i64,
    ) -> Result<Option<JobState>> {
        const SQL: &str = "UPDATE jobs SET is_cancelled = 1, turn = NULL, waits_until_ms = NULL, \
             dedup_key = CASE WHEN state = 'queued' THEN NULL ELSE dedup_key END, \
             ended_at_ms = CASE WHEN state = 'queued' THEN ?2 ELSE ended_at_ms END, \
             forget_at_ms = CASE WHEN state = 'queued' THEN ?3 ELSE forget_at_ms END, \
             state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END \
             WHERE id = ?1 AND state IN ('queued', 'running') RETURNING state";
        let params = params![id.as_str(), now_ms, forget_at_ms];
        let state = self.connection.find(SQL, params, |row| row.text(0))?;
        state
            .map(|state| parse_column("jobs.state", JobState::parse(&state)))
            .transpose()
    }

    /// Says of queued jobs whose time has come that it is their turn; at most `limit`. Says how many there were.
    pub fn mark_jobs_due(&mut self, now_ms: i64, limit: i64) -> Result<usize> {
        const SQL: &str = "SELECT id FROM jobs WHERE waits_until_ms IS NOT NULL AND waits_until_ms <= ?1 \
             ORDER BY waits_until_ms LIMIT ?2";
        let mut ids = self
            .connection
            .list(SQL, params![now_ms, limit], |row| row.text(0))?;
        // Two who do this at once must lock rows in the same order.
        ids.sort_unstable();
        for id in &ids {
            self.mark_job_due(id, now_ms)?;
        }
        Ok(ids.len())
    }

    /// Says of a queued job that it is its turn, if its time has come.
    pub(crate) fn mark_job_due(&mut self, id: &str, now_ms: i64) -> Result<()> {
        const SQL: &str = "UPDATE jobs SET turn = lane, waits_until_ms = NULL WHERE id = ?1 AND waits_until_ms <= ?2";
        if self.connection.execute(SQL, params![id, now_ms])? > 0 {
            self.changes.jobs();
        }
        Ok(())
    }

    /// Forgets at most `limit` jobs whose time has come, with what they had to say. Says how many went.
    pub fn forget_jobs(&mut self, now_ms: i64, limit: i64) -> Result<usize> {
        const LIST: &str = "SELECT id FROM jobs WHERE forget_at_ms IS NOT NULL AND forget_at_ms <= ?1 \
             ORDER BY forget_at_ms LIMIT ?2";
        const LOG: &str = "DELETE FROM job_logs WHERE job_id = ?1";
        const JOB: &str = "DELETE FROM jobs WHERE id = ?1";
        let ids = self
            .connection
            .list(LIST, params![now_ms, limit], |row| row.text(0))?;
        let (mut forgotten, mut lines) = (0, 0);
        for id in &ids {
            lines += self.connection.execute(LOG, params![id])?;
            forgotten += self.connection.execute(JOB, params![id])?;
            if lines > FORGOTTEN_LINES {
                break;
            }
        }
        Ok(forgotten)
    }
}
