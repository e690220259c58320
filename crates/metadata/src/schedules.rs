//! Schedules: what is asked for again and again.

use crate::connection::{Row, params};
use crate::error::Result;
use crate::jobs::lane_of;
use crate::{Reader, Tx};
use model::{AccountId, JobId, ScheduleId};

macro_rules! schedule_columns {
    () => {
        "id, account_id, name, kind, payload, max_attempts, every_ms, cron, next_run_at_ms, is_enabled, last_job_id"
    };
}

pub(crate) use schedule_columns;

/// A schedule. Exactly one of `every_ms` and `cron` is there.
#[derive(Clone, Debug)]
pub struct ScheduleRow {
    /// Its id.
    pub id: ScheduleId,
    /// Whose it is; `None` for the deployment's own.
    pub account_id: Option<AccountId>,
    /// Its name, unique in the account.
    pub name: String,
    /// The kind of its jobs.
    pub kind: String,
    /// With what, as JSON.
    pub payload: String,
    /// How often each job is tried.
    pub max_attempts: i64,
    /// Milliseconds from one time to the next.
    pub every_ms: Option<i64>,
    /// When it comes, as cron says it, in UTC.
    pub cron: Option<String>,
    /// The next time.
    pub next_run_at_ms: i64,
    /// Whether it comes at all.
    pub is_enabled: bool,
    /// The job that it asked for last. It may be forgotten.
    pub last_job_id: Option<JobId>,
}

/// A schedule to be.
#[derive(Clone, Debug)]
pub struct NewSchedule<'a> {
    /// Its id, if there is none of that name yet.
    pub id: &'a ScheduleId,
    /// Whose it is; `None` for the deployment's own.
    pub account_id: Option<&'a AccountId>,
    /// Its name, unique in the account.
    pub name: &'a str,
    /// The kind of its jobs.
    pub kind: &'a str,
    /// With what, as JSON.
    pub payload: &'a str,
    /// How often each job is tried.
    pub max_attempts: i64,
    /// Milliseconds from one time to the next; `None` when there is `cron`.
    pub every_ms: Option<i64>,
    /// When it comes, as cron says it, in UTC; `None` when there is `every_ms`.
    pub cron: Option<&'a str>,
    /// The first time.
    pub next_run_at_ms: i64,
}

pub(crate) fn read_schedule(row: &Row<'_>) -> Result<ScheduleRow> {
    Ok(ScheduleRow {
        id: ScheduleId::new(row.text(0)?),
        account_id: row.optional_text(1)?.map(AccountId::new),
        name: row.text(2)?,
        kind: row.text(3)?,
        payload: row.text(4)?,
        max_attempts: row.int(5)?,
        every_ms: row.optional_int(6)?,
        cron: row.optional_text(7)?,
        next_run_at_ms: row.int(8)?,
        is_enabled: row.flag(9)?,
        last_job_id: row.optional_text(10)?.map(JobId::new),
    })
}

impl Reader<'_> {
    /// An account's schedules by name, after `after`; those of the deployment for `None`.
    pub fn list_schedules(
        &self,
        account: Option<&AccountId>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<ScheduleRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            schedule_columns!(),
            " FROM schedules WHERE lane = ?1 AND name > ?2 ORDER BY name LIMIT ?3"
        );
        let params = params![lane_of(account), after, limit];
        self.connection.list(SQL, params, read_schedule)
    }

    /// Enabled schedules whose time has come, the longest waiting first.
    pub fn list_due_schedules(&self, now_ms: i64, limit: i64) -> Result<Vec<ScheduleRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            schedule_columns!(),
            " FROM schedules WHERE is_enabled = 1 AND next_run_at_ms <= ?1 ORDER BY next_run_at_ms LIMIT ?2"
        );
        self.connection
            .list(SQL, params![now_ms, limit], read_schedule)
    }
}

impl Tx<'_> {
    /// Makes a schedule, or changes the one of that name. One that stays as it was keeps its next time, unless that is
    /// later than `next_run_at_ms`; whether it is enabled is not touched.
    pub fn put_schedule(&mut self, schedule: &NewSchedule<'_>, now_ms: i64) -> Result<()> {
        const SQL: &str = "INSERT INTO schedules (id, account_id, lane, name, kind, payload, max_attempts, every_ms, cron, \
             next_run_at_ms, is_enabled, last_job_id, created_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, NULL, ?11) \
             ON CONFLICT (lane, name) DO UPDATE SET kind = excluded.kind, payload = excluded.payload, \
             max_attempts = excluded.max_attempts, every_ms = excluded.every_ms, cron = excluded.cron, \
             next_run_at_ms = excluded.next_run_at_ms \
             WHERE schedules.kind <> excluded.kind OR schedules.payload <> excluded.payload \
             OR schedules.max_attempts <> excluded.max_attempts \
             OR schedules.every_ms IS DISTINCT FROM excluded.every_ms \
             OR schedules.cron IS DISTINCT FROM excluded.cron \
             OR schedules.next_run_at_ms > excluded.next_run_at_ms";
        let params = params![
            schedule.id.as_str(),
            schedule.account_id.map(AccountId::as_str),
            lane_of(schedule.account_id),
            schedule.name,
            schedule.kind,
            schedule.payload,
            schedule.max_attempts,
            schedule.every_ms,
            schedule.cron,
            schedule.next_run_at_ms,
            now_ms
        ];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Lets a schedule come, from `next_run_at_ms` on, or come no more. Says whether there is one.
    pub fn set_schedule_enabled(
        &mut self,
        id: &ScheduleId,
        is_enabled: bool,
        next_run_at_ms: i64,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE schedules SET is_enabled = ?2, next_run_at_ms = ?3 WHERE id = ?1";
        let params = params![id.as_str(), is_enabled, next_run_at_ms];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Forgets a schedule; its jobs stay. Says whether there was one.
    pub fn delete_schedule(&mut self, id: &ScheduleId) -> Result<bool> {
        const SQL: &str = "DELETE FROM schedules WHERE id = ?1";
        Ok(self.connection.execute(SQL, params![id.as_str()])? > 0)
    }

    /// Moves an enabled schedule on from the time it was read with. Says whether this transaction did it: then it, and
    /// nobody else, asks for the job.
    pub fn advance_schedule(
        &mut self,
        id: &ScheduleId,
        from_ms: i64,
        next_run_at_ms: i64,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE schedules SET next_run_at_ms = ?3 \
             WHERE id = ?1 AND next_run_at_ms = ?2 AND is_enabled = 1";
        let params = params![id.as_str(), from_ms, next_run_at_ms];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Notes the job that a schedule asked for.
    pub fn note_scheduled_job(&mut self, id: &ScheduleId, job: &JobId) -> Result<()> {
        const SQL: &str = "UPDATE schedules SET last_job_id = ?2 WHERE id = ?1";
        self.connection
            .execute(SQL, params![id.as_str(), job.as_str()])?;
        Ok(())
    }
}
