//! What people of an account should look at, as far as they may know of it.

use crate::Error;
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::authorizer::Authorizer;
use crate::core::Core;
use model::Action;
use std::sync::Arc;

const DAY_MS: i64 = 86_400_000;
/// Robot accounts are told of so many days before they expire.
const BEFORE_DAYS: i64 = 14;
/// What went wrong is told of for so many days.
const AFTER_DAYS: i64 = 7;
/// Robot accounts that are named.
const ROBOTS: i64 = 10;

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concern {
    /// A robot account expires within two weeks, or has in the last one.
    RobotExpires {
        /// Its name.
        name: String,
        /// When.
        at_ms: i64,
        /// Whether it has.
        has_expired: bool,
    },
    /// So many jobs failed in the last week; a hundred may be more.
    FailedJobs(u64),
    /// A sink's receiver does not take events.
    SinkFails(String),
}

/// Finds what people should look at.
pub struct Attention {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
}

impl Attention {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// What there is to look at in an account, as far as the caller may know of it: three questions at most.
    pub async fn of(&self, by: &AccountContext) -> Result<Vec<Concern>, Refused> {
        let may = |action| self.authorizer.allows(by, action);
        let robots = may(Action::RobotList).await?;
        let jobs = may(Action::JobserviceMonitorList).await?;
        let sinks = may(Action::SinkList).await?;
        if !(robots || jobs || sinks) {
            return Ok(Vec::new());
        }
        let (account, now_ms) = (by.id().clone(), self.core.now_ms());
        let found = self.core.metadata.list(move |reader| {
            let mut concerns = Vec::new();
            let since_ms = now_ms - AFTER_DAYS * DAY_MS;
            if robots {
                let times = (since_ms, now_ms + BEFORE_DAYS * DAY_MS);
                let expiring = reader.list_expiring_robots(&account, times, ROBOTS)?;
                concerns.extend(expiring.into_iter().map(|(name, at_ms)| {
                    let has_expired = at_ms <= now_ms;
                    Concern::RobotExpires {
                        name,
                        at_ms,
                        has_expired,
                    }
                }));
            }
            if jobs {
                let failed = reader.count_failed_jobs(&account, since_ms)?;
                let failed = u64::try_from(failed).ok().filter(|count| *count > 0);
                concerns.extend(failed.map(Concern::FailedJobs));
            }
            if sinks {
                let failing = reader.list_failing_sinks(&account)?;
                concerns.extend(failing.into_iter().map(Concern::SinkFails));
            }
            Ok::<_, Error>(concerns)
        });
        Ok(found.await?)
    }
}
