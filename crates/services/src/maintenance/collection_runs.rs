//! Runs of the collector: what an operator or the schedule asked for, from its beginning to its end.

use super::Maintenance;
use super::collector::sum;
use crate::{Error, Result};
use metadata::{CollectionCounts, CollectionRow};
use model::caller::Origin;
use model::{Caller, Event};

/// How long runs are remembered.
const HISTORY_MS: i64 = 30 * 86_400_000;
/// Old runs forgotten at once.
const OLD_RUNS: i64 = 1000;

/// Who asks for a run when nobody does.
const BY_SCHEDULE: &str = "schedule";

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionRun {
    /// Names it when it is to go on.
    pub id: String,
    /// What it did since it began.
    pub counts: CollectionCounts,
    /// Whether nothing is due any more.
    pub is_done: bool,
}

impl Maintenance {
    /// Collects what is due, at most `most_steps` transactions of each kind, and writes the run down if there was anything
    /// to do. Until it is done, call again with its id as `goes_on`; one that is not known, or has ended, begins anew.
    /// With a `caller`, an operator asked for it: that is one event, when the run ends.
    pub async fn run_collection(
        &self,
        caller: Option<&Caller>,
        goes_on: Option<&str>,
        most_steps: usize,
    ) -> Result<CollectionRun> {
        let mut run = self.begin_or_find_run(caller, goes_on).await?;
        let mut is_done = false;
        for _ in 0..most_steps {
            let step = self.collect().await?;
            is_done = step.reviewed == 0;
            if is_done {
                break;
            }
            run.counts = sum(run.counts, step);
            let noted = run.clone();
            self.core
                .metadata
                .write_relaxed(move |tx| Ok::<_, Error>(tx.put_collection(&noted)?))
                .await?;
        }
        if is_done {
            self.end_run(&mut run, caller).await?;
            self.refresh_backlog().await?;
        }
        Ok(CollectionRun {
            id: run.id,
            counts: run.counts,
            is_done,
        })
    }

    async fn begin_or_find_run(
        &self,
        caller: Option<&Caller>,
        goes_on: Option<&str>,
    ) -> Result<CollectionRow> {
        let requested_by = caller.map_or(BY_SCHEDULE, Caller::display_name);
        if let Some(id) = goes_on {
            let known = self
                .core
                .metadata
                .read(|reader| Ok::<_, Error>(reader.find_collection(id)?))
                .await?;
            let goes_on =
                |run: &CollectionRow| run.ended_at_ms.is_none() && run.requested_by == requested_by;
            if let Some(run) = known.filter(goes_on) {
                return Ok(run);
            }
        }
        Ok(CollectionRow {
            id: self.core.ids.next_id(),
            requested_by: requested_by.to_owned(),
            started_at_ms: self.core.now_ms(),
            ended_at_ms: None,
            counts: CollectionCounts::default(),
        })
    }

    async fn end_run(&self, run: &mut CollectionRow, caller: Option<&Caller>) -> Result<()> {
        if run.counts.reviewed == 0 && caller.is_none() {
            return Ok(());
        }
        run.ended_at_ms = Some(self.core.now_ms());
        let (core, ended, caller) = (self.core.clone(), run.clone(), caller.cloned());
        self.core
            .metadata
            .write(move |tx| {
                tx.put_collection(&ended)?;
                tx.delete_old_collections(core.now_ms() - HISTORY_MS, OLD_RUNS)?;
                if let Some(caller) = &caller {
                    let event = Event::GarbageCollected {
                        blobs: ended.counts.collected,
                        bytes: ended.counts.collected_bytes,
                    };
                    core.record_for_deployment(tx, &event, (caller, &Origin::default()))?;
                }
                Ok::<_, Error>(())
            })
            .await
    }

    /// Runs of the collector that found something to do, the newest first.
    pub async fn list_collections(&self, limit: i64) -> Result<Vec<CollectionRow>> {
        let now_ms = self.core.now_ms();
        self.core
            .metadata
            .list(move |reader| Ok(reader.list_collections(now_ms, limit)?))
            .await
    }
}
