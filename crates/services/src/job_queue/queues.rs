//! An account's queues: what waits of each kind and who is at what, and how to hold, let go and empty one.

use super::in_sight::also_needed;
use super::{JobQueue, Settled, hooks};
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::{Error, Result};
use metadata::JobRow;
use model::{Action, Event, JobKind, JobState};

/// How far waiting jobs of one kind are counted.
const COUNTED: i64 = 10_000;
/// Jobs that one transaction stops, or lets go.
const AT_ONCE: i64 = 50;
/// Transactions of one request about one queue.
const STEPS: usize = 200;
/// Running jobs of an account that are shown.
const SHOWN: i64 = 100;

/// How one of an account's queues stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueView {
    /// What its jobs do: the name of a [`JobKind`].
    pub kind: &'static str,
    /// Jobs that wait, counted up to 10,000.
    pub waiting: i64,
    /// For how long the oldest of them has waited, in milliseconds.
    pub waited_ms: i64,
    /// Since when none of them begins, if the queue is paused.
    pub paused_at_ms: Option<i64>,
}

/// What can be done to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueAction {
    /// Let nothing of it begin; what runs goes on.
    Pause,
    /// Let its jobs begin again.
    Resume,
    /// Stop what waits in it; what runs goes on.
    Empty,
}

impl JobQueue {
    /// How the account's queues stand, one of each kind, also those in which nothing waits.
    pub async fn queues(&self, by: &AccountContext) -> Result<Vec<QueueView>, Refused> {
        let action = Action::JobserviceMonitorList;
        self.authorizer.require(by, action).await?;
        let (account, now_ms) = (by.id().clone(), self.core.now_ms());
        let listed = self.core.metadata.list(move |reader| {
            let paused = reader.list_paused_queues(&account)?;
            let queues = JobKind::OF_ACCOUNTS.iter().map(|kind| {
                let (waiting, oldest) = reader.count_queued_jobs(&account, kind.name, COUNTED)?;
                let pause = paused.iter().find(|(name, _)| name == kind.name);
                Ok(QueueView {
                    kind: kind.name,
                    waiting,
                    waited_ms: oldest.map_or(0, |at_ms| (now_ms - at_ms).max(0)),
                    paused_at_ms: pause.map(|(_, at_ms)| *at_ms),
                })
            });
            queues.collect::<Result<Vec<_>>>()
        });
        Ok(listed.await?)
    }

    /// The account's jobs that somebody is at: 100 at most.
    pub async fn running(&self, by: &AccountContext) -> Result<Vec<JobRow>, Refused> {
        let action = Action::JobserviceMonitorList;
        self.authorizer.require(by, action).await?;
        let account = by.id().clone();
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_running_jobs(&account, SHOWN)?));
        Ok(listed.await?)
    }

    /// How many jobs of one account run at once.
    pub fn running_at_once(&self) -> i64 {
        i64::from(self.settings.running_per_account)
    }

    /// Pauses, resumes or empties one of the account's queues; `None` for all of them. Nothing is done to any unless the
    /// caller may do it to each. Of what waits in a queue, 10,000 jobs are stopped at most.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a kind that accounts have no queue of.
    pub async fn act_on_queues(
        &self,
        by: &AccountContext,
        kind: Option<&str>,
        wanted: QueueAction,
    ) -> Result<(), Refused> {
        let action = Action::JobserviceMonitorStop;
        self.authorizer.require(by, action).await?;
        let kinds: Vec<JobKind> = JobKind::OF_ACCOUNTS
            .into_iter()
            .filter(|known| kind.is_none_or(|kind| kind == known.name))
            .collect();
        if kinds.is_empty() {
            let named = kind.unwrap_or_default();
            return Err(Error::NotFound(format!("the queue of jobs {named}")).into());
        }
        for action in kinds.iter().filter_map(|kind| also_needed(kind.name)) {
            self.authorizer.require(by, action).await?;
        }
        for kind in kinds {
            match wanted {
                QueueAction::Pause => self.pause(by, kind).await?,
                QueueAction::Resume => self.resume(by, kind).await?,
                QueueAction::Empty => self.empty(by, kind).await?,
            }
        }
        Ok(())
    }

    async fn pause(&self, by: &AccountContext, kind: JobKind) -> Result<()> {
        let changed = self.core.change(by, move |core, tx, account| {
            let is_new = tx.pause_queue(account, kind.name, core.now_ms())?;
            let job_kind = kind.name.to_owned();
            Ok(((), is_new.then_some(Event::JobQueuePaused { job_kind })))
        });
        changed.await
    }

    async fn resume(&self, by: &AccountContext, kind: JobKind) -> Result<()> {
        let changed = self.core.change(by, move |_, tx, account| {
            let was_held = tx.resume_queue(account, kind.name)?;
            let job_kind = kind.name.to_owned();
            let event = Event::JobQueueResumed { job_kind };
            Ok((was_held, was_held.then_some(event)))
        });
        if !changed.await? {
            return Ok(());
        }
        // What is not let go here comes by itself some minutes later.
        for _ in 0..STEPS {
            let account = by.id().clone();
            let now_ms = self.core.now_ms();
            let released = self.core.metadata.write_relaxed(move |tx| {
                Ok::<_, Error>(tx.release_jobs(&account, kind.name, now_ms, AT_ONCE)?)
            });
            if released.await? == 0 {
                break;
            }
        }
        Ok(())
    }

    async fn empty(&self, by: &AccountContext, kind: JobKind) -> Result<()> {
        let keep_ms = self.settings.keep_ms;
        for _ in 0..STEPS {
            let stopped = self.core.change(by, move |core, tx, account| {
                let now_ms = core.now_ms();
                let times = (now_ms, now_ms + keep_ms);
                let stopped = tx.cancel_queued_jobs(account, kind.name, times, AT_ONCE)?;
                for id in &stopped {
                    hooks::job_ended(core, tx, id, JobState::Cancelled)?;
                }
                let event = Event::JobQueueStopped {
                    job_kind: kind.name.to_owned(),
                    jobs: stopped.len() as u64,
                };
                Ok((stopped.len(), (!stopped.is_empty()).then_some(event)))
            });
            let stopped = stopped.await?;
            for _ in 0..stopped {
                self.counts.count(kind.name, Settled::Cancelled);
            }
            if stopped == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Has those who are at jobs in this process give a sign of life, if one of these jobs was called off elsewhere.
    pub async fn hear_of_stops(&self) -> Result<()> {
        let metadata = &self.core.metadata;
        let is_any = metadata.read(|reader| reader.has_called_off_jobs(&self.owner));
        if is_any.await? {
            self.cancellations.send_modify(|count| *count += 1);
        }
        Ok(())
    }
}
