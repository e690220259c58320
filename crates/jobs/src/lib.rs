//! What the registry does later: service calls, run by a queue that every process of the deployment shares, and a few
//! timers for what each process does by itself.
//!
//! **Invariant:** a job decides nothing. It calls a service, batch by batch, until there is nothing left to do.

mod kinds;
mod run;
mod runner;
#[cfg(test)]
mod tests;

pub use kinds::{Failed, Kinds};
pub use run::Run;
pub use runner::{Pace, Runner};

use model::JobKind;
use services::{Result, Services, Timing};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// How long a blob's renewed membership may wait to be written.
const RENEWALS_EVERY: Duration = Duration::from_secs(5);
/// How often each process looks for signing keys that it does not have, and at the age of the newest.
const KEYS_EVERY: Duration = Duration::from_hours(1);
/// How often each process counts what waits for the collector and for receivers, and looks when certificates end, for its
/// metrics.
const BACKLOG_EVERY: Duration = Duration::from_secs(30);
/// How often trash, ended refresh tokens and what is to be read again are looked for.
const UPKEEP_EVERY: Duration = Duration::from_mins(1);
/// How often bytes of uploads without a row are looked for: none are made but by a crash.
const SWEEP_EVERY: Duration = Duration::from_hours(6);
/// How often committed events are numbered and chained, and so can be seen.
const SEALING_EVERY: Duration = Duration::from_millis(500);
/// How often pulls, logins and refusals that were counted are written: what a crash can lose.
const TRAFFIC_EVERY: Duration = Duration::from_secs(2);
/// How often it is looked whether a round of the proof of usage is due.
const PROOF_EVERY: Duration = Duration::from_hours(1);
/// How often it is looked whether an hour is over, at whose end is looked at what accounts store.
const USAGE_EVERY: Duration = Duration::from_mins(5);
/// How often ended jobs are looked for.
const FORGETTING_EVERY: Duration = Duration::from_mins(10);

/// What the deployment decided.
#[derive(Clone, Copy, Debug)]
pub struct Intervals {
    /// Looking for uploads that have expired.
    pub upload_sweep: Duration,
    /// Looking for garbage.
    pub collection: Duration,
}

/// Everything that goes on beside the requests. Dropping it ends it between two batches.
pub struct Jobs {
    services: Arc<Services>,
    runner: Runner,
    timers: JoinSet<()>,
}

impl Jobs {
    /// Makes the schedules what `intervals` say, and begins to work, with `workers` jobs at once.
    pub async fn start(
        services: &Arc<Services>,
        intervals: Intervals,
        workers: usize,
    ) -> Result<Self> {
        let schedules = schedules(intervals);
        services.jobs.follow_schedules(schedules).await?;
        let mut timers = JoinSet::new();
        let s = services.clone();
        timers.spawn(every(RENEWALS_EVERY, "membership renewal", move || {
            let s = s.clone();
            async move { s.blobs.flush_renewals().await }
        }));
        let s = services.clone();
        timers.spawn(every(KEYS_EVERY, "signing key rotation", move || {
            let s = s.clone();
            async move { s.tokens.rotate().await }
        }));
        let s = services.clone();
        timers.spawn(every(BACKLOG_EVERY, "collection backlog", move || {
            let s = s.clone();
            async move {
                s.certificates.look_at_ends().await?;
                s.sinks.look_at_followers().await?;
                s.maintenance.refresh_backlog().await.map(drop)
            }
        }));
        let s = services.clone();
        timers.spawn(every(
            TRAFFIC_EVERY,
            "writing of what was counted",
            move || {
                let s = s.clone();
                async move { s.traffic.flush(false).await }
            },
        ));
        let s = services.clone();
        timers.spawn(every(SEALING_EVERY, "sealing of events", move || {
            let s = s.clone();
            async move { seal_all(&s).await }
        }));
        Ok(Self {
            services: services.clone(),
            runner: Runner::start(services, Kinds::product(), Pace::new(workers)),
            timers,
        })
    }

    /// Claims no more, lets running jobs end for as long as `patience`, and gives back what has not ended then, for
    /// another process or the next start.
    pub async fn drain(&mut self, patience: Duration) {
        self.runner.drain(patience).await;
    }

    /// Ends what is left and writes what waited to be written.
    pub async fn stop(mut self) {
        self.drain(Duration::ZERO).await;
        self.timers.shutdown().await;
        if let Err(error) = self.services.traffic.flush(true).await {
            tracing::warn!(%error, "what was counted last is not in the audit log");
        }
        if let Err(error) = seal_all(&self.services).await {
            tracing::warn!(%error, "the last events are sealed at the next start");
        }
        if let Err(error) = self.services.blobs.flush_renewals().await {
            tracing::warn!(%error, "renewals of blobs were lost; clients may have to send them again");
        }
    }
}

/// What the deployment does again and again, each once however many processes there are.
fn schedules(intervals: Intervals) -> Vec<(JobKind, Timing)> {
    let every = |period: Duration| Timing::Every {
        ms: i64::try_from(period.as_millis()).unwrap_or(i64::MAX),
    };
    vec![
        (JobKind::EXPIRE_UPLOADS, every(intervals.upload_sweep)),
        (JobKind::SWEEP_UPLOADS, every(SWEEP_EVERY)),
        (JobKind::DELETE_OBJECTS, every(intervals.upload_sweep)),
        (JobKind::COLLECT_GARBAGE, every(intervals.collection)),
        (JobKind::SCRUB, every(UPKEEP_EVERY)),
        (JobKind::PROVE_USAGE, every(PROOF_EVERY)),
        (JobKind::PURGE_TRASH, every(UPKEEP_EVERY)),
        (JobKind::EXPIRE_TOKENS, every(UPKEEP_EVERY)),
        (JobKind::FORGET_JOBS, every(FORGETTING_EVERY)),
        (JobKind::TAKE_USAGE, every(USAGE_EVERY)),
        (JobKind::DESTROY_ACCOUNTS, every(UPKEEP_EVERY)),
        (JobKind::PURGE_AUDIT_LOGS, every(UPKEEP_EVERY)),
        (JobKind::TEND_ADDRESSES, every(UPKEEP_EVERY)),
        (JobKind::TEND_FOLLOWERS, every(UPKEEP_EVERY)),
        (JobKind::EXPIRE_TAGS, every(UPKEEP_EVERY)),
    ]
}

async fn seal_all(services: &Services) -> Result<()> {
    while services.sealer.seal().await? > 0 {}
    Ok(())
}

/// Runs something now and then for ever. A failure is logged, and the next time comes as if nothing had been.
async fn every<F: Future<Output = Result<()>> + Send>(
    period: Duration,
    name: &'static str,
    run: impl Fn() -> F + Send,
) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = run().await {
            tracing::error!(job = name, %error, "a job failed; it runs again at its next time");
        }
    }
}
