//! What can be asked for later, and what became of it.

/// A kind of job: what stands in its row, and how it is treated. Who does it is decided by the runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobKind {
    /// The word in the database, in metrics and on the command line.
    pub name: &'static str,
    /// How often it is tried before it counts as failed.
    pub max_attempts: i64,
    /// Whether it comes so often that a run which went well is soon forgotten.
    pub is_routine: bool,
}

impl JobKind {
    /// Ends uploads that nobody went on with.
    pub const EXPIRE_UPLOADS: Self = Self::routine("expire_uploads");
    /// Deletes bytes of uploads that no row names any more.
    pub const SWEEP_UPLOADS: Self = Self::routine("sweep_uploads");
    /// Deletes the bytes of objects that no row names any more.
    pub const DELETE_OBJECTS: Self = Self::routine("delete_objects");
    /// Takes away blobs that nothing needs any more.
    pub const COLLECT_GARBAGE: Self = Self::routine("collect_garbage");
    /// Proves that running totals of usage equal their sums.
    pub const PROVE_USAGE: Self = Self::routine("prove_usage");
    /// Reads stored blobs again, to find what is damaged.
    pub const SCRUB: Self = Self::routine("scrub");
    /// Purges from the trash what has been there long enough.
    pub const PURGE_TRASH: Self = Self::routine("purge_trash");
    /// Forgets refresh tokens that have ended.
    pub const EXPIRE_TOKENS: Self = Self::routine("expire_tokens");
    /// Forgets jobs that ended long ago.
    pub const FORGET_JOBS: Self = Self::routine("forget_jobs");
    /// Looks at what accounts store, and closes months that are over.
    pub const TAKE_USAGE: Self = Self::routine("take_usage");
    /// Destroys the content of accounts whose time has come.
    pub const DESTROY_ACCOUNTS: Self = Self::routine("destroy_accounts");
    /// Purges audit logs of what their accounts do not keep any more.
    pub const PURGE_AUDIT_LOGS: Self = Self::routine("purge_audit_logs");
    /// Forgets host names that nobody proved, and tells of certificates that end.
    pub const TEND_ADDRESSES: Self = Self::routine("tend_addresses");
    /// Follows the retention rules of a namespace.
    pub const RUN_RETENTION: Self = Self {
        name: "run_retention",
        max_attempts: 5,
        is_routine: false,
    };
    /// Purges an account's audit log, as somebody of the account or its schedule asked for.
    pub const PURGE_AUDIT_LOG: Self = Self {
        name: "purge_audit_log",
        max_attempts: 3,
        is_routine: false,
    };
    /// Takes away what an account needs no more, as somebody of the account or its schedule asked for.
    pub const COLLECT_ACCOUNT: Self = Self {
        name: "collect_account",
        max_attempts: 5,
        is_routine: false,
    };
    /// Tells one webhook of what happened.
    pub const DELIVER_WEBHOOKS: Self = Self {
        name: "deliver_webhooks",
        max_attempts: 5,
        is_routine: true,
    };
    /// Sends a trial to a webhook, or something once more.
    pub const DELIVER_BY_HAND: Self = Self {
        name: "deliver_by_hand",
        max_attempts: 2,
        is_routine: true,
    };
    /// Sends one sink what its account's log has for it.
    pub const FEED_SINKS: Self = Self {
        name: "feed_sinks",
        max_attempts: 5,
        is_routine: true,
    };
    /// Pushes an account's metrics to one sink.
    pub const PUSH_METRICS: Self = Self {
        name: "push_metrics",
        max_attempts: 2,
        is_routine: true,
    };
    /// Tells of an account's events by mail, or sends an address the code by which it is confirmed.
    pub const SEND_MAIL: Self = Self {
        name: "send_mail",
        max_attempts: 5,
        is_routine: true,
    };
    /// Looks after those who read events, and forgets old deliveries.
    pub const TEND_FOLLOWERS: Self = Self::routine("tend_followers");
    /// Deletes tags whose end has come.
    pub const EXPIRE_TAGS: Self = Self::routine("expire_tags");
    /// Every kind that the product has.
    pub const ALL: [Self; 23] = [
        Self::EXPIRE_UPLOADS,
        Self::SWEEP_UPLOADS,
        Self::DELETE_OBJECTS,
        Self::COLLECT_GARBAGE,
        Self::PROVE_USAGE,
        Self::SCRUB,
        Self::PURGE_TRASH,
        Self::EXPIRE_TOKENS,
        Self::FORGET_JOBS,
        Self::TAKE_USAGE,
        Self::DESTROY_ACCOUNTS,
        Self::PURGE_AUDIT_LOGS,
        Self::TEND_ADDRESSES,
        Self::DELIVER_WEBHOOKS,
        Self::DELIVER_BY_HAND,
        Self::FEED_SINKS,
        Self::PUSH_METRICS,
        Self::SEND_MAIL,
        Self::TEND_FOLLOWERS,
        Self::RUN_RETENTION,
        Self::PURGE_AUDIT_LOG,
        Self::COLLECT_ACCOUNT,
        Self::EXPIRE_TAGS,
    ];

    /// Kinds of which accounts have jobs of their own: each is a queue of the account.
    pub const OF_ACCOUNTS: [Self; 8] = [
        Self::RUN_RETENTION,
        Self::PURGE_AUDIT_LOG,
        Self::COLLECT_ACCOUNT,
        Self::DELIVER_WEBHOOKS,
        Self::DELIVER_BY_HAND,
        Self::FEED_SINKS,
        Self::PUSH_METRICS,
        Self::SEND_MAIL,
    ];

    /// Upkeep of the deployment. It comes again by itself, so it does not try for long.
    const fn routine(name: &'static str) -> Self {
        Self {
            name,
            max_attempts: 3,
            is_routine: true,
        }
    }

    /// The product's kind of that name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name == name)
    }
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// It waits for its time, or for its turn.
    Queued,
    /// Somebody is at it.
    Running,
    /// It went well.
    Done,
    /// It was tried as often as it may be.
    Failed,
    /// It was called off.
    Cancelled,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Queued,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the word in the database.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// How much a line of a job's log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobLogLevel {
    /// How it goes.
    Info,
    /// Something was left out or will be tried again.
    Warning,
    /// Why it failed.
    Error,
}

impl JobLogLevel {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// Reads the word in the database.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Error]
            .into_iter()
            .find(|level| level.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::{JobKind, JobLogLevel, JobState};
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let names: BTreeSet<_> = JobKind::ALL.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), JobKind::ALL.len());
        for kind in JobKind::ALL {
            assert_eq!(JobKind::find(kind.name), Some(kind));
            assert!(kind.max_attempts > 0);
        }
        assert_eq!(JobKind::find("of a later release"), None);
    }

    #[test]
    fn words_are_read_back() {
        for state in JobState::ALL {
            assert_eq!(JobState::parse(state.as_str()), Some(state));
        }
        for level in [JobLogLevel::Info, JobLogLevel::Warning, JobLogLevel::Error] {
            assert_eq!(JobLogLevel::parse(level.as_str()), Some(level));
        }
    }
}
