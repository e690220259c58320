//! Runs of retention policies that are not shown any more, and how they are forgotten.

use crate::connection::params;
use crate::error::Result;
use crate::{RetentionRunRow, Tx};

impl Tx<'_> {
    /// Of a policy's runs that have ended, shows only the newest `keep`; the others are forgotten bit by bit.
    pub fn shorten_retention_runs(&mut self, policy: &str, keep: i64) -> Result<()> {
        const SQL: &str = "UPDATE retention_runs SET policy_id = NULL WHERE policy_id = ?1 AND ended_at_ms IS NOT NULL \
             AND id <= (SELECT r.id FROM retention_runs r WHERE r.policy_id = ?1 AND r.ended_at_ms IS NOT NULL \
             ORDER BY r.id DESC LIMIT 1 OFFSET ?2)";
        self.connection.execute(SQL, params![policy, keep])?;
        Ok(())
    }

    /// Forgets some of what is left of a run: at most `limit` lines or tasks, itself last. Says how many went.
    pub fn forget_retention_run(&mut self, run: &RetentionRunRow, limit: i64) -> Result<usize> {
        const LINES: &str = "DELETE FROM retention_lines WHERE id IN (SELECT l.id FROM retention_lines l \
             JOIN retention_tasks t ON t.id = l.task_id WHERE t.run_id = ?1 LIMIT ?2)";
        const TASKS: &str =
            "SELECT t.id FROM retention_tasks t WHERE t.run_id = ?1 ORDER BY t.repository LIMIT ?2";
        const TASK: &str = "DELETE FROM retention_tasks WHERE id = ?1";
        const RUN: &str = "DELETE FROM retention_runs WHERE id = ?1 AND policy_id IS NULL";
        const NUMBER: &str = "DELETE FROM numbers WHERE account_id = ?1 AND kind = ?2 AND id = ?3";
        let gone = self.connection.execute(LINES, params![&run.id, limit])?;
        if gone > 0 {
            return Ok(gone);
        }
        let account = run.account_id.as_str();
        let tasks = self
            .connection
            .list(TASKS, params![&run.id, limit], |row| row.text(0))?;
        for task in &tasks {
            let number = params![account, "retention_task", task];
            self.connection.execute(NUMBER, number)?;
            self.connection.execute(TASK, params![task])?;
        }
        if !tasks.is_empty() {
            return Ok(tasks.len());
        }
        let number = params![account, "retention_run", &run.id];
        self.connection.execute(NUMBER, number)?;
        self.connection.execute(RUN, params![&run.id])
    }
}
