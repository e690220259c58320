//! Work for later. It is asked for in the transaction that makes it due; whoever claims it holds a fenced lease, and
//! whatever is written under a claim that was lost changes nothing.
//!
//! Claims go round: each takes the next account that has something to do, so that one with very many jobs takes its turn
//! like all others.

mod again;
pub(crate) mod asked;
mod claims;
mod counts;
mod ending;
mod hooks;
mod in_sight;
mod people;
mod queues;
mod schedules;

pub use asked::AskedJob;
pub use counts::JobCounts;
pub use in_sight::NumberedSchedule;
pub use queues::{QueueAction, QueueView};
pub(crate) use schedules::next_of;
pub use schedules::{Timing, TimingInvalid};

use crate::Result;
use crate::authorizer::Authorizer;
use crate::core::Core;
use keys::Random;
use metadata::{Enqueued, JobLogLimits, NewJob, NewJobLogLine, Tx};
use model::{AccountId, JobId, JobKind, JobLogLevel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How long a claim lasts without a sign of life.
const LEASE_MS: i64 = 30_000;
/// What one run may say.
const LOG: JobLogLimits = JobLogLimits {
    lines: 1000,
    bytes: 256 * 1024,
};
/// The longest line of a log, and the longest error, in bytes.
const LINE_BYTES: usize = 2000;
/// Rows handled by one call.
const BATCH: i64 = 200;

/// What the deployment decided about jobs.
#[derive(Clone, Copy, Debug)]
pub struct JobSettings {
    /// How many jobs of one account run at once.
    pub running_per_account: u32,
    /// How long a job that ended is remembered, with its log.
    pub keep_ms: i64,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self {
            running_per_account: 2,
            keep_ms: 7 * 24 * 3_600_000,
        }
    }
}

/// A job to ask for.
#[derive(Clone, Debug)]
pub struct JobRequest {
    /// What is to be done.
    pub kind: JobKind,
    /// For whom; `None` for the deployment itself.
    pub account: Option<AccountId>,
    /// With what, as JSON.
    pub payload: String,
    /// While a job of this key is queued or running for the same account, it answers for this one.
    pub dedup_key: Option<String>,
    /// Not before then; `None` for at once.
    pub run_at_ms: Option<i64>,
}

impl JobRequest {
    /// The deployment's own job of a kind, which is queued or running once at most.
    pub fn of_deployment(kind: JobKind) -> Self {
        Self {
            kind,
            account: None,
            payload: "{}".to_owned(),
            dedup_key: Some(kind.name.to_owned()),
            run_at_ms: None,
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It did what it was to do.
    Done,
    /// It did not.
    Failed {
        /// Why, for the account to read.
        message: String,
        /// Whether trying again is useless.
        is_final: bool,
    },
    /// It was stopped because the job was called off.
    Cancelled,
}

/// What became of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is done.
    Done,
    /// It runs again then.
    Retried {
        /// Not before.
        run_at_ms: i64,
    },
    /// It failed for good.
    Failed,
    /// It was called off.
    Cancelled,
    /// The claim was lost: nothing was changed, somebody else decides.
    Lost,
}

/// What a sign of life came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Go on.
    Yes,
    /// The job was called off: stop, and say so by [`JobQueue::settle`].
    Cancelled,
    /// The claim was lost: stop, and say nothing.
    Lost,
}

/// The queue, as those who work see it.
pub struct JobQueue {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    random: Arc<dyn Random>,
    /// This life of this process: whose leases count.
    owner: Arc<str>,
    settings: JobSettings,
    /// The lane that was served last.
    last_lane: Mutex<String>,
    /// Grows when a running job is called off in this process.
    cancellations: watch::Sender<u64>,
    counts: JobCounts,
}

impl Core {
    /// Asks for a job in the transaction that makes it due. Who works in this process hears of it after the commit.
    pub(crate) fn enqueue(&self, tx: &mut Tx<'_>, request: &JobRequest) -> Result<Enqueued> {
        let now_ms = self.now_ms();
        let job = NewJob {
            id: &JobId::new(self.ids.next_id()),
            account_id: request.account.as_ref(),
            kind: request.kind.name,
            payload: &request.payload,
            dedup_key: request.dedup_key.as_deref(),
            run_at_ms: request.run_at_ms.unwrap_or(now_ms),
            max_attempts: request.kind.max_attempts,
        };
        Ok(tx.enqueue(&job, now_ms)?)
    }
}

impl JobQueue {
    pub(crate) fn new(
        (core, authorizer): (Arc<Core>, Arc<Authorizer>),
        random: Arc<dyn Random>,
        owner: Arc<str>,
    ) -> Self {
        let settings = core.settings.jobs;
        Self {
            core,
            authorizer,
            random,
            owner,
            settings,
            last_lane: Mutex::default(),
            cancellations: watch::Sender::new(0),
            counts: JobCounts::default(),
        }
    }

    /// How long a claim lasts without a sign of life.
    pub const LEASE: Duration = Duration::from_millis(LEASE_MS.unsigned_abs());

    /// Told when this process made a job that can run. One listener hears of it.
    pub fn new_jobs(&self) -> &Notify {
        self.core.metadata.epochs().jobs()
    }

    /// Changes when a running job was called off in this process; whoever is at one then gives a sign of life.
    pub fn cancellations(&self) -> watch::Receiver<u64> {
        self.cancellations.subscribe()
    }

    /// How the queue stands, for metrics.
    pub fn counts(&self) -> &JobCounts {
        &self.counts
    }

    /// A time between a half and one and a half of `time`, so that many who wait do not come at once.
    pub fn jittered(&self, time: Duration) -> Duration {
        let share = u32::try_from(self.draw(1000)).unwrap_or(0);
        time.mul_f64(0.5 + f64::from(share) / 1000.0)
    }

    /// A number from 0 to `most`, each equally likely as far as it matters.
    fn draw(&self, most: i64) -> i64 {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes);
        i64::try_from(u64::from_le_bytes(bytes) % (most.unsigned_abs() + 1)).unwrap_or(0)
    }

    /// Asks for a job. Answers with the one that is queued or running already, if there is one of that key.
    pub async fn enqueue(&self, request: JobRequest) -> Result<Enqueued> {
        let core = self.core.clone();
        self.core
            .metadata
            .write(move |tx| core.enqueue(tx, &request))
            .await
    }

    /// A line for a job's log, said now.
    pub fn log_line(&self, level: JobLogLevel, text: &str) -> NewJobLogLine {
        NewJobLogLine {
            at_ms: self.core.now_ms(),
            level,
            line: shortened(text),
        }
    }

    /// Forgets jobs that ended long ago, with their logs. Says how many went; call again while any do.
    pub async fn forget_ended(&self) -> Result<usize> {
        let now_ms = self.core.now_ms();
        self.core
            .metadata
            .write_relaxed(move |tx| Ok(tx.forget_jobs(now_ms, BATCH)?))
            .await
    }

    /// Looks how the queue stands, for metrics.
    pub async fn take_stock(&self) -> Result<()> {
        let stock = self.core.metadata.list(counts::Stock::take);
        self.counts.note(&stock.await?, self.core.now_ms());
        Ok(())
    }
}

/// As much of a text as is kept.
fn shortened(text: &str) -> String {
    if text.len() <= LINE_BYTES {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(LINE_BYTES);
    format!("{}…", &text[..end])
}
