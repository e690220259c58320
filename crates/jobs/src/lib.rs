//! What the registry does later: service calls with a schedule, and nothing of their own.
//!
//! **Invariant:** a job decides nothing. It calls a service, batch by batch, until there is nothing left to do.

use services::{Result, Services};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// How long a blob's renewed membership may wait to be written.
const RENEWALS_EVERY: Duration = Duration::from_secs(5);
/// How often trash and ended refresh tokens are looked for.
const UPKEEP_EVERY: Duration = Duration::from_mins(1);
/// How often the age of the signing key is looked at.
const KEYS_EVERY: Duration = Duration::from_hours(1);

/// How often jobs run, where the deployment decides.
#[derive(Clone, Copy, Debug)]
pub struct Intervals {
    /// Looking for uploads that have expired.
    pub upload_sweep: Duration,
}

/// The running jobs. Dropping it ends them between two batches.
pub struct Jobs {
    services: Arc<Services>,
    running: JoinSet<()>,
}

impl Jobs {
    /// Starts every job.
    pub fn start(services: &Arc<Services>, intervals: Intervals) -> Self {
        let mut running = JoinSet::new();
        let s = services.clone();
        running.spawn(every(intervals.upload_sweep, "upload expiry", move || {
            let s = s.clone();
            async move {
                while s.maintenance.expire_uploads().await? > 0 {}
                while s.maintenance.delete_condemned_objects().await? > 0 {}
                Ok(())
            }
        }));
        let s = services.clone();
        running.spawn(every(UPKEEP_EVERY, "upkeep", move || {
            let s = s.clone();
            async move {
                while s.maintenance.purge_trash().await? > 0 {}
                while s.maintenance.expire_refresh_tokens().await? > 0 {}
                Ok(())
            }
        }));
        let s = services.clone();
        running.spawn(every(RENEWALS_EVERY, "membership renewal", move || {
            let s = s.clone();
            async move { s.blobs.flush_renewals().await }
        }));
        let s = services.clone();
        running.spawn(every(KEYS_EVERY, "signing key rotation", move || {
            let s = s.clone();
            async move { s.tokens.rotate().await }
        }));
        Self {
            services: services.clone(),
            running,
        }
    }

    /// Ends every job and writes what waited to be written.
    pub async fn stop(mut self) {
        self.running.shutdown().await;
        if let Err(error) = self.services.blobs.flush_renewals().await {
            tracing::warn!(%error, "renewals of blobs were lost; clients may have to send them again");
        }
    }
}

/// Runs a job now and then for ever. A failure is logged, and the next time comes as if nothing had been.
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
