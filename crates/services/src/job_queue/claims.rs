//! Who does a job: claimed in turn, kept by signs of life, ended, given back, or taken over.

use super::ending::Ending;
use super::{BATCH, Held, JobQueue, LEASE_MS, LOG, Outcome, Settled, hooks, shortened};
use crate::{Error, Result};
use metadata::{ClaimedJob, NewJobLogLine, Tx};
use model::{JobId, JobKind, JobLogLevel, JobState};
use std::sync::{MutexGuard, PoisonError};

/// How long the first try after a failure waits at most; each further one twice as long.
const FIRST_BACKOFF_MS: i64 = 10_000;
/// How long any of them waits at most.
const LONGEST_BACKOFF_MS: i64 = 3_600_000;
/// How long a job of a kind that only a newer release knows is left to that.
const UNKNOWN_KIND_MS: i64 = 60_000;
/// How long a run of upkeep that went well is remembered.
const ROUTINE_MEMORY_MS: i64 = 3_600_000;

impl JobQueue {
    /// Claims the job whose turn it is, if any account has one and may run one more.
    pub async fn claim(&self) -> Result<Option<ClaimedJob>> {
        // Nothing to do is the usual answer, and must not cost a transaction.
        let metadata = &self.core.metadata;
        let waits = metadata.read(|reader| reader.find_due_lane(""));
        if waits.await?.is_none() {
            return Ok(None);
        }
        let from = self.last_lane().clone();
        let (core, owner) = (self.core.clone(), self.owner.clone());
        let at_once = i64::from(self.settings.running_per_account);
        let claimed = self
            .core
            .metadata
            .write_relaxed(move |tx| {
                let now_ms = core.now_ms();
                let claim = |tx: &mut Tx<'_>, lane: &str| {
                    tx.claim_job(lane, &owner, at_once, now_ms, now_ms + LEASE_MS)
                };
                claim_next(tx, &from, claim)
            })
            .await?;
        Ok(claimed.map(|(lane, claimed)| {
            *self.last_lane() = lane;
            claimed
        }))
    }

    fn last_lane(&self) -> MutexGuard<'_, String> {
        self.last_lane
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// When a job that failed in its run number `attempt` runs again: somewhere between now and a bound that doubles each
    /// time.
    pub(crate) fn retry_at_ms(&self, attempt: i64) -> i64 {
        let doublings = u32::try_from(attempt - 1).unwrap_or(0).min(20);
        let longest = (FIRST_BACKOFF_MS << doublings).min(LONGEST_BACKOFF_MS);
        self.core.now_ms() + self.draw(longest)
    }

    /// Gives a sign of life, and writes down what the run had to say. What is done in the same transaction as
    /// [`Tx::renew_job_lease`] is done under the claim.
    pub async fn renew(&self, claimed: &ClaimedJob, lines: Vec<NewJobLogLine>) -> Result<Held> {
        let (id, fence) = (claimed.job.id.clone(), claimed.fence);
        let until_ms = self.core.now_ms() + LEASE_MS;
        self.core
            .metadata
            .write_relaxed(move |tx| {
                let Some(is_cancelled) = tx.renew_job_lease(&id, fence, until_ms)? else {
                    return Ok(Held::Lost);
                };
                if !lines.is_empty() {
                    tx.append_job_log(&id, fence, &lines, LOG)?;
                }
                Ok(if is_cancelled {
                    Held::Cancelled
                } else {
                    Held::Yes
                })
            })
            .await
    }

    /// Ends a run: the job is done, or runs again later, or has failed for good.
    pub async fn settle(
        &self,
        claimed: &ClaimedJob,
        outcome: Outcome,
        lines: Vec<NewJobLogLine>,
    ) -> Result<Settled> {
        let ending = self.ending(claimed, outcome, lines);
        self.write_ending(&claimed.job.kind, ending).await
    }

    async fn write_ending(&self, kind: &str, ending: Ending) -> Result<Settled> {
        let core = self.core.clone();
        let written = self.core.metadata.write_relaxed(move |tx| {
            let settled = ending.write(tx)?;
            let state = match settled {
                Settled::Failed => JobState::Failed,
                Settled::Cancelled => JobState::Cancelled,
                Settled::Done | Settled::Retried { .. } | Settled::Lost => return Ok(settled),
            };
            hooks::job_ended(&core, tx, &ending.id, state)?;
            Ok::<_, Error>(settled)
        });
        let settled = written.await?;
        self.counts.count(kind, settled);
        Ok(settled)
    }

    fn ending(&self, claimed: &ClaimedJob, outcome: Outcome, lines: Vec<NewJobLogLine>) -> Ending {
        let now_ms = self.core.now_ms();
        let is_routine = JobKind::find(&claimed.job.kind).is_some_and(|kind| kind.is_routine);
        let keep_ms = self.settings.keep_ms;
        let is_soon_forgotten = is_routine && matches!(outcome, Outcome::Done);
        Ending {
            id: claimed.job.id.clone(),
            fence: claimed.fence,
            is_last_run: claimed.job.attempts >= claimed.job.max_attempts,
            outcome: match outcome {
                Outcome::Failed { message, is_final } => Outcome::Failed {
                    message: shortened(&message),
                    is_final,
                },
                other => other,
            },
            lines,
            now_ms,
            retry_at_ms: self.retry_at_ms(claimed.job.attempts),
            forget_at_ms: now_ms
                + if is_soon_forgotten {
                    ROUTINE_MEMORY_MS.min(keep_ms)
                } else {
                    keep_ms
                },
        }
    }

    /// Gives a claimed job back unfinished, for anyone to run at once; this run counts for nothing.
    pub async fn give_back(&self, claimed: &ClaimedJob, lines: Vec<NewJobLogLine>) -> Result<()> {
        self.put_back(claimed, lines, 0).await
    }

    /// Leaves a job of an unknown kind to a newer release.
    pub async fn leave_to_others(&self, claimed: &ClaimedJob) -> Result<()> {
        self.put_back(claimed, Vec::new(), UNKNOWN_KIND_MS).await
    }

    async fn put_back(
        &self,
        claimed: &ClaimedJob,
        lines: Vec<NewJobLogLine>,
        wait_ms: i64,
    ) -> Result<()> {
        let (id, fence) = (claimed.job.id.clone(), claimed.fence);
        let now_ms = self.core.now_ms();
        let forget_at_ms = now_ms + self.settings.keep_ms;
        self.core
            .metadata
            .write_relaxed(move |tx| {
                let Some(is_cancelled) = tx.renew_job_lease(&id, fence, now_ms)? else {
                    return Ok(());
                };
                tx.append_job_log(&id, fence, &lines, LOG)?;
                if is_cancelled {
                    tx.finish_job(
                        (&id, fence),
                        JobState::Cancelled,
                        None,
                        now_ms,
                        forget_at_ms,
                    )?;
                } else {
                    tx.requeue_job((&id, fence), None, now_ms, now_ms + wait_ms)?;
                }
                Ok::<_, Error>(())
            })
            .await
    }

    /// Lets jobs whose time has come have their turn. Says how many; call again while any.
    pub async fn wake_waiting(&self) -> Result<usize> {
        let (now_ms, metadata) = (self.core.now_ms(), &self.core.metadata);
        let has_some = metadata.read(|reader| reader.has_jobs_to_wake(now_ms));
        if !has_some.await? {
            return Ok(0);
        }
        metadata
            .write_relaxed(move |tx| Ok(tx.mark_jobs_due(now_ms, BATCH)?))
            .await
    }

    /// Takes jobs over from processes that gave no sign of life, and queues them again or, after their last run, ends
    /// them. Where only one process can have the database, whoever else had a lease is dead. Says how many.
    pub async fn take_over_lost(&self) -> Result<usize> {
        let others_are_dead = !self.core.metadata.is_shared();
        let (owner, now_ms) = (self.owner.clone(), self.core.now_ms());
        let lost = self.core.metadata.list(move |reader| {
            Ok::<_, Error>(reader.list_lost_jobs(&owner, others_are_dead, now_ms, BATCH)?)
        });
        let lost = lost.await?;
        for id in &lost {
            self.take_over(id, others_are_dead).await?;
        }
        Ok(lost.len())
    }

    async fn take_over(&self, id: &JobId, others_are_dead: bool) -> Result<()> {
        let (wanted, owner, now_ms) = (id.clone(), self.owner.clone(), self.core.now_ms());
        let until_ms = now_ms + LEASE_MS;
        let seized = self
            .core
            .metadata
            .write_relaxed(move |tx| {
                Ok::<_, Error>(tx.seize_lost_job(
                    &wanted,
                    &owner,
                    others_are_dead,
                    now_ms,
                    until_ms,
                )?)
            })
            .await?;
        let Some(seized) = seized else {
            return Ok(());
        };
        let message = "the process that ran it gave no sign of life any more".to_owned();
        let line = self.log_line(JobLogLevel::Warning, &message);
        let outcome = Outcome::Failed {
            message,
            is_final: false,
        };
        // It has probably done nothing wrong, and has waited already. Its runs are counted: it cannot go on like this.
        let ending = Ending {
            retry_at_ms: now_ms,
            ..self.ending(&seized, outcome, vec![line])
        };
        let settled = self.write_ending(&seized.job.kind, ending).await?;
        self.counts.count_lost();
        tracing::warn!(job = %id, kind = seized.job.kind, ?settled, "a job was taken over from a lost process");
        Ok(())
    }
}

/// The next lane after `from`, round to `from` itself, in which `claim` finds something.
fn claim_next(
    tx: &mut Tx<'_>,
    from: &str,
    claim: impl Fn(&mut Tx<'_>, &str) -> metadata::Result<Option<ClaimedJob>>,
) -> Result<Option<(String, ClaimedJob)>> {
    let mut after = from.to_owned();
    let mut is_second_half = from.is_empty();
    loop {
        match tx.find_due_lane(&after)? {
            Some(lane) => {
                if let Some(claimed) = claim(tx, &lane)? {
                    return Ok(Some((lane, claimed)));
                }
                if is_second_half && !from.is_empty() && lane.as_str() >= from {
                    return Ok(None);
                }
                after = lane;
            }
            None if is_second_half => return Ok(None),
            None => {
                is_second_half = true;
                after.clear();
            }
        }
    }
}
