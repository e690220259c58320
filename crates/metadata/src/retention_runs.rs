//! Runs of retention policies: what each is at, what it did in each repository, and what it says of artifacts.

use crate::connection::{Param, Row, params, parse_column};
use crate::error::Result;
use crate::fragments::Fragment;
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list};
use crate::{Reader, Tx};
use model::{AccountId, JobId, NamespaceId};

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionState {
    /// It waits for its turn.
    Queued,
    /// It is at it.
    Running,
    /// It did what it was to do.
    Done,
    /// It was called off.
    Stopped,
    /// It broke off.
    Failed,
}

impl RetentionState {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            Self::Queued,
            Self::Running,
            Self::Done,
            Self::Stopped,
            Self::Failed,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
    }
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionRunRow {
    /// Its identifier.
    pub id: String,
    /// Whose it is.
    pub account_id: AccountId,
    /// The policy; `None` when that is gone, or the run is about to be forgotten.
    pub policy_id: Option<String>,
    /// The namespace.
    pub namespace_id: NamespaceId,
    /// Its name when the run was asked for.
    pub namespace: String,
    /// The rules when it was asked for, as JSON.
    pub rules: String,
    /// Whether nothing goes.
    pub is_dry_run: bool,
    /// Whether a schedule asked for it, and not a person.
    pub is_scheduled: bool,
    /// How far it is.
    pub state: RetentionState,
    /// The job that does it.
    pub job_id: JobId,
    /// The name of the last repository that is done; empty for none.
    pub done_until: String,
    /// Artifacts in the repositories that are done.
    pub total: i64,
    /// Those of them that stay by plan.
    pub retained: i64,
    /// Those of them that have gone, or would have.
    pub removed: i64,
    /// Why it did not do all.
    pub why: Option<String>,
    /// When it was asked for.
    pub created_at_ms: i64,
    /// When it began.
    pub started_at_ms: Option<i64>,
    /// When it ended.
    pub ended_at_ms: Option<i64>,
}

/// What a run did in one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionTaskRow {
    /// Its identifier.
    pub id: String,
    /// The run.
    pub run_id: String,
    /// The repository's name.
    pub repository: String,
    /// `running`, `done`, or `refused` for a repository that is too large.
    pub state: String,
    /// Artifacts in it.
    pub total: i64,
    /// Those that stay by plan.
    pub retained: i64,
    /// Those that have gone, or would have.
    pub removed: i64,
    /// Rows of lines that were written.
    pub lines: i64,
    /// When it began.
    pub started_at_ms: i64,
    /// When it ended.
    pub ended_at_ms: Option<i64>,
}

macro_rules! run_columns {
    () => {
        "r.id, r.account_id, r.policy_id, r.namespace_id, r.namespace, r.rules, r.is_dry_run, r.occasion, r.state, r.job_id, \
         r.done_until, r.total, r.retained, r.removed, r.why, r.created_at_ms, r.started_at_ms, r.ended_at_ms"
    };
}

macro_rules! task_columns {
    () => {
        "t.id, t.run_id, t.repository, t.state, t.total, t.retained, t.removed, t.lines, t.started_at_ms, t.ended_at_ms"
    };
}

fn read_run(row: &Row<'_>) -> Result<RetentionRunRow> {
    Ok(RetentionRunRow {
        id: row.text(0)?,
        account_id: AccountId::new(row.text(1)?),
        policy_id: row.optional_text(2)?,
        namespace_id: NamespaceId::new(row.text(3)?),
        namespace: row.text(4)?,
        rules: row.text(5)?,
        is_dry_run: row.flag(6)?,
        is_scheduled: row.text(7)? == "schedule",
        state: parse_column("retention_runs.state", RetentionState::parse(&row.text(8)?))?,
        job_id: JobId::new(row.text(9)?),
        done_until: row.text(10)?,
        total: row.int(11)?,
        retained: row.int(12)?,
        removed: row.int(13)?,
        why: row.optional_text(14)?,
        created_at_ms: row.int(15)?,
        started_at_ms: row.optional_int(16)?,
        ended_at_ms: row.optional_int(17)?,
    })
}

fn read_task(row: &Row<'_>) -> Result<RetentionTaskRow> {
    Ok(RetentionTaskRow {
        id: row.text(0)?,
        run_id: row.text(1)?,
        repository: row.text(2)?,
        state: row.text(3)?,
        total: row.int(4)?,
        retained: row.int(5)?,
        removed: row.int(6)?,
        lines: row.int(7)?,
        started_at_ms: row.int(8)?,
        ended_at_ms: row.optional_int(9)?,
    })
}
const RUN_FIELDS: &[Field] = &[Field {
    name: "start_time",
    column: "r.created_at_ms",
    kind: Kind::Time,
}];
const TASK_FIELDS: &[Field] = &[Field {
    name: "repository",
    column: "t.repository",
    kind: Kind::Text,
}];

impl Reader<'_> {
    /// A run, whoever's it is.
    pub fn find_retention_run(&self, id: &str) -> Result<Option<RetentionRunRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            run_columns!(),
            " FROM retention_runs r WHERE r.id = ?1"
        );
        self.connection.find(SQL, params![id], read_run)
    }

    /// The run that a job does.
    pub fn find_retention_run_of_job(&self, job: &JobId) -> Result<Option<RetentionRunRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            run_columns!(),
            " FROM retention_runs r WHERE r.job_id = ?1"
        );
        self.connection.find(SQL, params![job.as_str()], read_run)
    }

    /// The run of a policy that has not ended.
    pub fn find_going_retention_run(&self, policy: &str) -> Result<Option<RetentionRunRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            run_columns!(),
            " FROM retention_runs r WHERE r.policy_id = ?1 AND r.ended_at_ms IS NULL"
        );
        self.connection.find(SQL, params![policy], read_run)
    }

    /// A policy's runs. Field: `start_time`; newest first.
    pub fn list_retention_runs(
        &self,
        policy: &str,
        query: &ListQuery,
    ) -> Result<Listed<RetentionRunRow>> {
        let source = ListSource {
            columns: run_columns!(),
            from: "retention_runs r WHERE r.policy_id = ?1".to_owned(),
            params: vec![Param::from(policy)],
            fields: RUN_FIELDS,
            order: "r.id DESC",
        };
        list(&self.connection, &source, query, read_run)
    }

    /// What a run did, repository by repository. Field: `repository`; by name.
    pub fn list_retention_tasks(
        &self,
        run: &str,
        query: &ListQuery,
    ) -> Result<Listed<RetentionTaskRow>> {
        let source = ListSource {
            columns: task_columns!(),
            from: "retention_tasks t WHERE t.run_id = ?1".to_owned(),
            params: vec![Param::from(run)],
            fields: TASK_FIELDS,
            order: "t.repository",
        };
        list(&self.connection, &source, query, read_task)
    }

    /// What a run did in one repository.
    pub fn find_retention_task(&self, id: &str) -> Result<Option<RetentionTaskRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            task_columns!(),
            " FROM retention_tasks t WHERE t.id = ?1"
        );
        self.connection.find(SQL, params![id], read_task)
    }

    /// What was said of a repository's artifacts, in order.
    pub fn list_retention_lines(&self, task: &str, limit: i64) -> Result<Vec<String>> {
        const SQL: &str =
            "SELECT text FROM retention_lines WHERE task_id = ?1 ORDER BY number LIMIT ?2";
        self.connection
            .list(SQL, params![task, limit], |row| row.text(0))
    }

    /// A run that is to be forgotten.
    pub fn find_left_retention_run(&self) -> Result<Option<RetentionRunRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            run_columns!(),
            " FROM retention_runs r WHERE r.policy_id IS NULL AND r.id > ?1 ORDER BY r.id LIMIT 1"
        );
        self.connection.find(SQL, params![""], read_run)
    }
}

impl Tx<'_> {
    /// Writes a run down that was asked for.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`](crate::Error::AlreadyExists) while another of its policy has not ended.
    pub fn create_retention_run(&mut self, run: &RetentionRunRow) -> Result<()> {
        const SQL: &str = "INSERT INTO retention_runs (id, account_id, policy_id, namespace_id, namespace, rules, \
             is_dry_run, occasion, state, job_id, done_until, total, retained, removed, created_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'queued', ?9, '', 0, 0, 0, ?10)";
        let params = params![
            &run.id,
            run.account_id.as_str(),
            run.policy_id.as_deref(),
            run.namespace_id.as_str(),
            &run.namespace,
            &run.rules,
            run.is_dry_run,
            if run.is_scheduled {
                "schedule"
            } else {
                "manual"
            },
            run.job_id.as_str(),
            run.created_at_ms
        ];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Says that a run is at it; once it has begun, nothing. Says whether it has begun now.
    pub fn begin_retention_run(&mut self, id: &str, now_ms: i64) -> Result<bool> {
        const SQL: &str = "UPDATE retention_runs SET state = 'running', started_at_ms = ?2 \
             WHERE id = ?1 AND state = 'queued'";
        Ok(self.connection.execute(SQL, params![id, now_ms])? > 0)
    }

    /// Says whether a run may go on, at the repository after `done_until`. It does not end, and its policy does not change,
    /// until the transaction ends.
    pub fn keep_retention_run(&mut self, id: &str, done_until: &str) -> Result<bool> {
        const SQL: Fragment = Fragment {
            sqlite: "SELECT 1 FROM retention_runs WHERE id = ?1 AND done_until = ?2 AND state = 'running' \
                 AND policy_id IS NOT NULL",
            postgres: "SELECT 1 FROM retention_runs WHERE id = ?1 AND done_until = ?2 AND state = 'running' \
                 AND policy_id IS NOT NULL FOR UPDATE",
        };
        let sql = self.connection.text_of(&SQL);
        self.connection.exists(sql, params![id, done_until])
    }

    /// Writes down that a run is at a repository. What an earlier try wrote stays, and is the answer.
    pub fn put_retention_task(
        &mut self,
        account: &AccountId,
        task: &RetentionTaskRow,
    ) -> Result<RetentionTaskRow> {
        const PUT: &str = "INSERT INTO retention_tasks (id, account_id, run_id, repository, state, total, retained, removed, \
             lines, started_at_ms) VALUES (?1, ?2, ?3, ?4, 'running', ?5, ?6, 0, 0, ?7) \
             ON CONFLICT (run_id, repository) DO NOTHING";
        const FIND: &str = concat!(
            "SELECT ",
            task_columns!(),
            " FROM retention_tasks t WHERE t.run_id = ?1 AND t.repository = ?2"
        );
        let params = params![
            &task.id,
            account.as_str(),
            &task.run_id,
            &task.repository,
            task.total,
            task.retained,
            task.started_at_ms
        ];
        self.connection.execute(PUT, params)?;
        let key = params![&task.run_id, &task.repository];
        self.connection.get(FIND, key, read_task)
    }

    /// Writes down what a step did in a repository: how much has gone, and some lines, which may be empty.
    pub fn note_retention_step(
        &mut self,
        (account, task): (&AccountId, &str),
        removed: i64,
        (id, text): (&str, &str),
    ) -> Result<()> {
        const COUNT: &str =
            "UPDATE retention_tasks SET removed = removed + ?2, lines = lines + ?3 WHERE id = ?1";
        const LINES: &str = "INSERT INTO retention_lines (id, account_id, task_id, number, text) \
             SELECT ?1, ?2, t.id, t.lines, CAST(?4 AS TEXT) FROM retention_tasks t WHERE t.id = ?3";
        let rows = i64::from(!text.is_empty());
        self.connection
            .execute(COUNT, params![task, removed, rows])?;
        if rows > 0 {
            self.connection
                .execute(LINES, params![id, account.as_str(), task, text])?;
        }
        Ok(())
    }

    /// Ends a run's work in a repository, counts it, and moves the run on.
    pub fn finish_retention_task(
        &mut self,
        task: &RetentionTaskRow,
        is_refused: bool,
        now_ms: i64,
    ) -> Result<()> {
        const TASK: &str = "UPDATE retention_tasks SET state = ?2, ended_at_ms = ?3 WHERE id = ?1";
        const RUN: &str = "UPDATE retention_runs SET done_until = ?2, \
             total = total + (SELECT t.total FROM retention_tasks t WHERE t.id = ?3), \
             retained = retained + (SELECT t.retained FROM retention_tasks t WHERE t.id = ?3), \
             removed = removed + (SELECT t.removed FROM retention_tasks t WHERE t.id = ?3) WHERE id = ?1";
        let state = if is_refused { "refused" } else { "done" };
        self.connection
            .execute(TASK, params![&task.id, state, now_ms])?;
        self.connection
            .execute(RUN, params![&task.run_id, &task.repository, &task.id])?;
        Ok(())
    }

    /// Ends a run, unless it has ended. Says whether it did.
    pub fn finish_retention_run(
        &mut self,
        id: &str,
        state: RetentionState,
        why: Option<&str>,
        now_ms: i64,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE retention_runs SET state = ?2, why = ?3, ended_at_ms = ?4 \
             WHERE id = ?1 AND COALESCE(ended_at_ms, 0) = 0";
        let params = params![id, state.as_str(), why, now_ms];
        Ok(self.connection.execute(SQL, params)? > 0)
    }
}
