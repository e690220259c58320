//! Which kinds of jobs there are, and the service call that each of them is.

use crate::run::Run;
use model::{JobKind, JobLogLevel};
use services::Services;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

/// Transactions of each kind in one run of the collector.
const STEPS: usize = 200;

/// Calls a service again and again, until it found nothing left to do; `$count` becomes how much there was.
macro_rules! until_none {
    ($count:ident, $batch:expr) => {
        loop {
            let done: usize = $batch.await?;
            if done == 0 {
                break;
            }
            $count += done as u64;
        }
    };
}

/// Why a run did not do what it was to do.
#[derive(Debug)]
pub struct Failed {
    /// Why, for the account to read.
    pub message: String,
    /// Whether trying again is useless.
    pub is_final: bool,
}

impl From<services::Error> for Failed {
    /// What a service could not do may be possible later.
    fn from(error: services::Error) -> Self {
        Self {
            message: error.to_string(),
            is_final: false,
        }
    }
}

type Work = Pin<Box<dyn Future<Output = Result<(), Failed>> + Send>>;
pub(crate) type Handler = Arc<dyn Fn(Arc<Services>, Run) -> Work + Send + Sync>;

/// Kinds by name, each with what is done for it.
#[derive(Clone, Default)]
pub struct Kinds(HashMap<&'static str, Handler>);

impl Kinds {
    /// The product's.
    pub fn product() -> Self {
        Self::default()
            .of_accounts()
            .of_followers()
            .of_lifecycle()
            .with(JobKind::EXPIRE_UPLOADS, |services, run| async move {
                let mut count = 0;
                until_none!(count, services.maintenance.expire_uploads());
                run.tell_count(count, "uploads expired");
                Ok(())
            })
            .with(JobKind::SWEEP_UPLOADS, |services, run| async move {
                let count = services.maintenance.sweep_lost_uploads().await?;
                run.tell_count(count, "uploads that no row named lost their bytes");
                Ok(())
            })
            .with(JobKind::DELETE_OBJECTS, |services, run| async move {
                let mut count = 0;
                until_none!(count, services.maintenance.delete_condemned_objects());
                run.tell_count(count, "objects were deleted from the store");
                Ok(())
            })
            .with(JobKind::COLLECT_GARBAGE, |services, run| async move {
                let maintenance = &services.maintenance;
                let mut collection = maintenance.run_collection(None, None, STEPS).await?;
                while !collection.is_done {
                    let id = Some(collection.id.as_str());
                    collection = maintenance.run_collection(None, id, STEPS).await?;
                }
                let count = collection.counts.collected;
                run.tell_count(count, "blobs that nothing needed were collected");
                Ok(())
            })
            .with(JobKind::PROVE_USAGE, |services, run| async move {
                let (mut compared, mut corrected) = (0, 0);
                loop {
                    let step = services.maintenance.prove_usage().await?;
                    if step.compared == 0 {
                        break;
                    }
                    compared += step.compared;
                    corrected += step.corrected;
                }
                run.tell_count(compared, "accounts' usage was compared with its sum");
                run.tell_count(corrected, "running totals were wrong and are right now");
                Ok(())
            })
            .with(JobKind::SCRUB, |services, run| async move {
                let step = services.maintenance.scrub_in_turn().await?;
                run.tell_count(step.checked, "stored blobs were read again");
                run.tell_count(step.damaged, "stored blobs are damaged");
                run.tell_count(step.unreadable, "stored blobs could not be read");
                Ok(())
            })
            .with(JobKind::PURGE_TRASH, |services, run| async move {
                let mut count = 0;
                until_none!(count, services.maintenance.purge_trash());
                run.tell_count(count, "deleted manifests left the trash for good");
                Ok(())
            })
            .with(JobKind::FORGET_JOBS, |services, run| async move {
                let mut count = 0;
                until_none!(count, services.jobs.forget_ended());
                run.tell_count(count, "jobs that had ended were forgotten");
                let mut rows = 0;
                until_none!(rows, services.retention.forget_some());
                run.tell_count(rows, "rows of old retention runs were forgotten");
                Ok(())
            })
    }

    /// What accounts' own rules and followers ask for.
    fn of_lifecycle(self) -> Self {
        self.with(JobKind::EXPIRE_TAGS, |services, run| async move {
            let mut count = 0;
            until_none!(count, services.locks.expire_tags());
            run.tell_count(count, "tags had come to their end");
            Ok(())
        })
        .with(JobKind::PURGE_AUDIT_LOG, |services, run| async move {
            let job = run.job();
            let Some(account) = &job.account_id else {
                return Err(services::Error::Internal.into());
            };
            let purged = services.audit_purges.work(account, &job.payload).await?;
            run.tell(JobLogLevel::Info, &purged.to_string());
            Ok(())
        })
        .with(JobKind::COLLECT_ACCOUNT, |services, run| async move {
            let tell = |level, text: &str| run.tell(level, text);
            services.account_collections.work(run.job(), &tell).await?;
            Ok(())
        })
        .with(JobKind::RUN_RETENTION, |services, run| async move {
            let work = services.retention.work(run.job()).await?;
            run.tell(JobLogLevel::Info, &work.said);
            Ok(())
        })
    }

    /// Telling those who want to know what happened.
    fn of_followers(self) -> Self {
        self.with(JobKind::DELIVER_WEBHOOKS, |services, run| async move {
            let job = run.job();
            services.webhooks.run(&job.payload, &job.id).await?;
            Ok(())
        })
        .with(JobKind::FEED_SINKS, |services, run| async move {
            let job = run.job();
            services.sinks.run(&job.payload, &job.id).await?;
            Ok(())
        })
        .with(JobKind::DELIVER_BY_HAND, |services, run| async move {
            services.webhooks.run_by_hand(&run.job().payload).await?;
            Ok(())
        })
        .with(JobKind::TEND_FOLLOWERS, |services, run| async move {
            let count = services.webhooks.tend().await?;
            run.tell_count(count as u64, "followers of events had something to read");
            let count = services.sinks.request_metrics().await?;
            run.tell_count(count as u64, "sinks were due to be sent metrics");
            let mut codes = 0;
            until_none!(codes, services.mail.forget_codes());
            run.tell_count(
                codes,
                "wishes to confirm an address for mail were forgotten",
            );
            Ok(())
        })
        .with(JobKind::SEND_MAIL, |services, run| async move {
            let job = run.job();
            services.mail.run(&job.payload, &job.id).await?;
            Ok(())
        })
        .with(JobKind::PUSH_METRICS, |services, run| async move {
            services.sinks.push_metrics(&run.job().payload).await?;
            Ok(())
        })
    }

    /// What comes of logins, of plans, of closing, and of what accounts decided about their logs.
    fn of_accounts(self) -> Self {
        self.with(JobKind::PURGE_AUDIT_LOGS, |services, run| async move {
            let mut count = 0;
            until_none!(count, services.audit.purge_old());
            run.tell_count(
                count,
                "events left audit logs that do not keep them any more",
            );
            Ok(())
        })
        .with(JobKind::EXPIRE_TOKENS, |services, run| async move {
            let mut count = 0;
            until_none!(count, services.maintenance.expire_logins());
            run.tell_count(count, "refresh tokens that had ended were forgotten");
            Ok(())
        })
        .with(JobKind::TAKE_USAGE, |services, run| async move {
            let count = services.usage.take().await?;
            run.tell_count(count, "hours and months of usage were taken down");
            let mut told = 0;
            until_none!(told, services.sinks.tell_usage());
            run.tell_count(told, "accounts' sinks were told of their usage");
            Ok(())
        })
        .with(JobKind::DESTROY_ACCOUNTS, |services, run| async move {
            let mut count = 0;
            while services.maintenance.destroy_some().await? {
                count += 1;
            }
            run.tell_count(
                count,
                "steps were taken in the destruction of closed accounts",
            );
            Ok(())
        })
        .with(JobKind::TEND_ADDRESSES, |services, run| async move {
            let mut count = 0;
            until_none!(count, services.addresses.expire_claims());
            run.tell_count(count, "claims of host names had not been proved in time");
            let told = services.certificates.tell_of_ends().await?;
            run.tell_count(
                told as u64,
                "accounts were told of certificates that end soon",
            );
            Ok(())
        })
    }

    /// Adds a kind, or does something else for it. The future is dropped where it waits when its job is called off or the
    /// claim is lost: what it does in between must leave nothing half-done.
    #[must_use]
    pub fn with<F>(
        mut self,
        kind: JobKind,
        work: impl Fn(Arc<Services>, Run) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), Failed>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |services, run| Box::pin(work(services, run)));
        self.0.insert(kind.name, handler);
        self
    }

    pub(crate) fn find(&self, name: &str) -> Option<Handler> {
        self.0.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::Kinds;
    use model::JobKind;

    #[test]
    fn every_kind_of_the_product_is_done_by_somebody() {
        let kinds = Kinds::product();
        for kind in JobKind::ALL {
            assert!(kinds.find(kind.name).is_some(), "{}", kind.name);
        }
        assert_eq!(kinds.0.len(), JobKind::ALL.len());
    }
}
