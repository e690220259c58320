//! Who works: claims jobs as long as there are places, gives signs of life for each, and stops when told.

use crate::kinds::{Failed, Handler, Kinds};
use crate::run::Run;
use model::JobLogLevel;
use services::{ClaimedJob, Held, JobQueue, Outcome, Services, Settled};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tracing::Instrument as _;

/// Upkeep of the queue goes on for as many batches at once.
const BATCHES: usize = 50;
/// Tries to write down how a run ended.
const SETTLING_TRIES: usize = 5;

/// How much, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Jobs at once.
    pub workers: usize,
    /// How often it is looked for what other processes asked for, more or less: what this one asks for is seen at once.
    pub poll: Duration,
    /// How often a running job gives a sign of life. Much shorter than [`JobQueue::LEASE`].
    pub heartbeat: Duration,
    /// How often it is looked whether somebody stopped a running job in another process; nobody looks while none runs.
    pub stops: Duration,
    /// How often the queue is measured.
    pub stock: Duration,
}

impl Pace {
    /// So many jobs at once, and otherwise as usual.
    pub fn new(workers: usize) -> Self {
        Self {
            workers,
            poll: Duration::from_secs(1),
            heartbeat: Duration::from_secs(5),
            stops: Duration::from_millis(800),
            stock: Duration::from_secs(15),
        }
    }
}

/// What is to be done at present.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Claim and work.
    Working,
    /// Claim no more; what runs may end.
    Draining,
    /// Give back what still runs.
    Leaving,
}

/// A runner at work. Dropping it leaves its jobs to their leases.
pub struct Runner {
    phase: watch::Sender<Phase>,
    work: Option<JoinHandle<()>>,
}

impl Drop for Runner {
    fn drop(&mut self) {
        if let Some(work) = &self.work {
            work.abort();
        }
    }
}

impl Runner {
    /// Begins to work on jobs of these kinds.
    pub fn start(services: &Arc<Services>, kinds: Kinds, pace: Pace) -> Self {
        let (phase, told) = watch::channel(Phase::Working);
        let worker = Arc::new(Worker {
            services: services.clone(),
            kinds,
            pace,
        });
        Self {
            phase,
            work: Some(tokio::spawn(worker.work(told))),
        }
    }

    /// Claims no more, and waits for what runs; after `patience` gives it back.
    pub async fn drain(&mut self, patience: Duration) {
        let Some(mut work) = self.work.take() else {
            return;
        };
        self.phase.send_replace(Phase::Draining);
        if tokio::time::timeout(patience, &mut work).await.is_err() {
            self.phase.send_replace(Phase::Leaving);
            // A worker that panicked has left its jobs to their leases.
            let _ = work.await;
        }
    }
}

struct Worker {
    services: Arc<Services>,
    kinds: Kinds,
    pace: Pace,
}

impl Worker {
    fn queue(&self) -> &JobQueue {
        &self.services.jobs
    }

    async fn work(self: Arc<Self>, mut phase: watch::Receiver<Phase>) {
        let mut runs = JoinSet::new();
        let (mut next_look, mut next_stock) = (Instant::now(), Instant::now());
        let mut next_stops = Instant::now() + self.pace.stops;
        while *phase.borrow_and_update() == Phase::Working {
            if Instant::now() >= next_look {
                self.look_after_queue().await;
                next_look = Instant::now() + self.queue().jittered(self.pace.poll);
            }
            if Instant::now() >= next_stock {
                log_failure("measuring the queue", self.queue().take_stock().await);
                next_stock = Instant::now() + self.pace.stock;
            }
            if Instant::now() >= next_stops {
                if !runs.is_empty() {
                    log_failure("stops", self.queue().hear_of_stops().await);
                }
                next_stops = Instant::now() + self.pace.stops;
            }
            while runs.len() < self.pace.workers
                && let Some((claimed, told)) = self.claim(&phase).await
            {
                runs.spawn(self.clone().run(claimed, told));
            }
            let has_place = runs.len() < self.pace.workers;
            tokio::select! {
                _ = phase.changed() => {}
                Some(_) = runs.join_next() => {}
                () = self.queue().new_jobs().notified(), if has_place => {}
                () = sleep_until(next_look) => {}
                () = sleep_until(next_stops), if !runs.is_empty() => {}
            }
        }
        while runs.join_next().await.is_some() {}
    }

    async fn claim(&self, phase: &watch::Receiver<Phase>) -> Option<(ClaimedJob, Told)> {
        // Listens before the job is claimed: whoever calls it off from then on is heard.
        let told = Told {
            phase: phase.clone(),
            cancellations: self.queue().cancellations(),
        };
        let claimed = self.queue().claim().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "no job could be claimed; it is tried again soon");
            None
        });
        Some((claimed?, told))
    }

    /// What the queue needs from time to time, from whichever process comes first.
    async fn look_after_queue(&self) {
        log_failure("schedules", self.queue().fire_schedules().await);
        log_failure("lost jobs", self.queue().take_over_lost().await);
        for _ in 0..BATCHES {
            match self.queue().wake_waiting().await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    log_failure::<()>("waiting jobs", Err(error));
                    break;
                }
            }
        }
    }

    async fn run(self: Arc<Self>, claimed: ClaimedJob, told: Told) {
        let job = &claimed.job;
        let span = tracing::info_span!(
            "job",
            id = %job.id,
            kind = job.kind,
            attempt = job.attempts,
            account = job.account_id.as_ref().map(tracing::field::display)
        );
        let Some(handler) = self.kinds.find(&job.kind) else {
            tracing::info!(parent: &span, "a newer release knows this kind of job; it is left to that");
            log_failure(
                "leaving a job",
                self.queue().leave_to_others(&claimed).await,
            );
            return;
        };
        self.run_known(&claimed, &handler, told)
            .instrument(span)
            .await;
    }

    async fn run_known(&self, claimed: &ClaimedJob, handler: &Handler, told: Told) {
        let run = Run::new(&self.services, claimed.job.clone());
        let work = handler(self.services.clone(), run.clone());
        let work = Working(tokio::spawn(work.instrument(tracing::Span::current())));
        match self.watch_over(claimed, &run, work, told).await {
            End::Came(outcome) => self.settle(claimed, &run, outcome).await,
            End::Leaving => {
                run.tell(
                    JobLogLevel::Info,
                    "the process that ran it is ending; the job goes back into the queue",
                );
                let given_back = self.queue().give_back(claimed, run.take_lines()).await;
                log_failure("giving a job back", given_back);
            }
            End::Lost => {
                tracing::warn!("the claim to a running job was lost; it is left to who has it");
            }
        }
    }

    /// Waits for the end of a run, with a sign of life now and then. The work has ended, one way or the other, when this
    /// answers.
    async fn watch_over(
        &self,
        claimed: &ClaimedJob,
        run: &Run,
        mut work: Working,
        mut told: Told,
    ) -> End {
        let mut beats = interval(self.pace.heartbeat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beats.tick().await;
        let mut held_at = Instant::now();
        let end = loop {
            tokio::select! {
                biased;
                ended = &mut work.0 => return End::Came(outcome_of(ended)),
                Ok(_) = told.phase.wait_for(|phase| *phase == Phase::Leaving) => break End::Leaving,
                Ok(()) = told.cancellations.changed() => {}
                _ = beats.tick() => {}
            }
            match self.queue().renew(claimed, run.take_lines()).await {
                Ok(Held::Yes) => held_at = Instant::now(),
                Ok(Held::Cancelled) => break End::Came(Outcome::Cancelled),
                Ok(Held::Lost) => break End::Lost,
                Err(error) if held_at.elapsed() >= JobQueue::LEASE => {
                    tracing::warn!(%error, "a running job could give no sign of life for too long");
                    break End::Lost;
                }
                Err(error) => tracing::warn!(%error, "a sign of life failed; the next comes soon"),
            }
        };
        work.0.abort();
        // Only then nothing of it goes on.
        let _ = (&mut work.0).await;
        end
    }

    async fn settle(&self, claimed: &ClaimedJob, run: &Run, outcome: Outcome) {
        if let Outcome::Failed { message, .. } = &outcome {
            run.tell(JobLogLevel::Error, message);
        }
        let lines = run.take_lines();
        for _ in 0..SETTLING_TRIES {
            let (outcome, lines) = (outcome.clone(), lines.clone());
            match self.queue().settle(claimed, outcome, lines).await {
                Ok(Settled::Done) => return tracing::debug!("done"),
                Ok(Settled::Cancelled) => return tracing::info!("called off"),
                Ok(settled) => return tracing::warn!(?settled, "failed"),
                Err(error) => {
                    tracing::warn!(%error, "the end of a job could not be written down");
                    sleep(self.pace.heartbeat).await;
                }
            }
        }
    }
}

/// What a run has to hear.
struct Told {
    phase: watch::Receiver<Phase>,
    cancellations: watch::Receiver<u64>,
}

/// A run's work, which ends when nobody watches over it any more.
struct Working(JoinHandle<Result<(), Failed>>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How watching over a run ended.
enum End {
    /// The run ended by itself, or was called off.
    Came(Outcome),
    /// This process is ending.
    Leaving,
    /// Somebody else has the job.
    Lost,
}

fn outcome_of(ended: Result<Result<(), Failed>, JoinError>) -> Outcome {
    match ended {
        Ok(Ok(())) => Outcome::Done,
        Ok(Err(Failed { message, is_final })) => Outcome::Failed { message, is_final },
        Err(error) => {
            tracing::error!(%error, "a job panicked");
            Outcome::Failed {
                message:
                    "the job broke off inside the registry; its operator finds the cause in the log"
                        .to_owned(),
                is_final: false,
            }
        }
    }
}

fn log_failure<T>(what: &'static str, result: services::Result<T>) {
    if let Err(error) = result {
        tracing::warn!(%error, what, "the job queue was not looked after; it is tried again soon");
    }
}
