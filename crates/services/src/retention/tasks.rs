//! What a run writes down of each repository.

use super::Retention;
use super::step::{At, Going, line};
use crate::{Error, Result};
use metadata::{RetentionRunRow, RetentionTaskRow};
use oci::RepositoryName;
use std::sync::Arc;

/// Lines of a dry run's log in one row, and rows: what is more is counted, and not written.
const LINES: usize = 100;
const ROWS: usize = 100;

impl Retention {
    pub(super) async fn open_task(
        &self,
        run: &RetentionRunRow,
        repository: &RepositoryName,
        before: &Arc<str>,
        (total, going): (usize, usize),
    ) -> Result<Option<RetentionTaskRow>> {
        let task = self.new_task(run, repository, (total, going));
        let (run, before) = (run.clone(), before.clone());
        let opened = self.core.metadata.write_relaxed(move |tx| {
            if !tx.keep_retention_run(&run.id, &before)? {
                return Ok(None);
            }
            Ok::<_, Error>(Some(tx.put_retention_task(&run.account_id, &task)?))
        });
        opened.await
    }

    fn new_task(
        &self,
        run: &RetentionRunRow,
        repository: &RepositoryName,
        (total, going): (usize, usize),
    ) -> RetentionTaskRow {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        RetentionTaskRow {
            id: self.core.ids.next_id(),
            run_id: run.id.clone(),
            repository: repository.as_str().to_owned(),
            state: "running".to_owned(),
            total: count(total),
            retained: count(total - going),
            removed: 0,
            lines: 0,
            started_at_ms: self.core.now_ms(),
            ended_at_ms: None,
        }
    }

    pub(super) async fn close_task(&self, at: &At, left: Option<String>) -> Result<bool> {
        let (core, at) = (self.core.clone(), at.clone());
        let closed = self.core.metadata.write_relaxed(move |tx| {
            if !tx.keep_retention_run(&at.run.id, &at.before)? {
                return Ok(false);
            }
            if let Some(text) = &left {
                let of = (&at.run.account_id, at.task.id.as_str());
                tx.note_retention_step(of, 0, (&core.ids.next_id(), text))?;
            }
            tx.finish_retention_task(&at.task, left.is_some(), core.now_ms())?;
            Ok::<_, Error>(true)
        });
        closed.await
    }

    /// Writes down all of a repository where nothing really goes, in one transaction.
    pub(super) async fn finish_whole(
        &self,
        run: &Arc<RetentionRunRow>,
        repository: &RepositoryName,
        before: Arc<str>,
        (total, going): (usize, &[Going]),
    ) -> Result<bool> {
        let mut texts: Vec<String> = Vec::new();
        for some in going.chunks(LINES).take(ROWS) {
            let mut text = String::new();
            for one in some {
                line(&mut text, "would remove", one, &one.why);
            }
            texts.push(text);
        }
        if going.len() > LINES * ROWS {
            texts.push(format!("and {} more\n", going.len() - LINES * ROWS));
        }
        let task = self.new_task(run, repository, (total, going.len()));
        let removed = i64::try_from(going.len()).unwrap_or(i64::MAX);
        self.write_whole(run, (task, before), (texts, removed, false))
            .await
    }

    pub(super) async fn finish_refused(
        &self,
        run: &Arc<RetentionRunRow>,
        repository: &RepositoryName,
        before: Arc<str>,
        text: String,
    ) -> Result<bool> {
        let task = self.new_task(run, repository, (0, 0));
        self.write_whole(run, (task, before), (vec![text], 0, true))
            .await
    }

    async fn write_whole(
        &self,
        run: &Arc<RetentionRunRow>,
        (task, before): (RetentionTaskRow, Arc<str>),
        (texts, removed, is_refused): (Vec<String>, i64, bool),
    ) -> Result<bool> {
        let (core, run) = (self.core.clone(), run.clone());
        let written = self.core.metadata.write_relaxed(move |tx| {
            if !tx.keep_retention_run(&run.id, &before)? {
                return Ok(false);
            }
            let task = tx.put_retention_task(&run.account_id, &task)?;
            let of = (&run.account_id, task.id.as_str());
            tx.note_retention_step(of, removed, ("", ""))?;
            for text in &texts {
                tx.note_retention_step(of, 0, (&core.ids.next_id(), text))?;
            }
            tx.finish_retention_task(&task, is_refused, core.now_ms())?;
            Ok::<_, Error>(true)
        });
        written.await
    }
}
