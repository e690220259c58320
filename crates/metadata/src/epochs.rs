//! What makes a value read earlier stale.
//!
//! A reader notes the epoch of a repository, reads, and may keep what it read for as long as the epoch stays. The
//! writer raises epochs after COMMIT and before it answers, so whoever saw a 201 never meets the value of before.
//!
//! That holds where this process is the only one that writes. Where several share a database, what a repository holds is
//! asked each time: its epochs are never equal. Policy may be remembered there too, because its epoch is looked at in the
//! database twice a second; when that has not worked for two seconds, those epochs are never equal either.

use oci::RepositoryName;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

const SHARDS: usize = 4096;
/// For so long the last look at a shared policy epoch is believed.
const BELIEVED: Duration = Duration::from_secs(2);
/// Set in every epoch that equals no other.
const SINGULAR: u64 = 1 << 63;

/// The state of the world that a cached value was read in. Equal epochs mean: nothing it depends on has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    repository: u64,
    policy: u64,
}

/// Counters of change, one per group of repositories and one for everything that decides about access.
pub struct Epochs {
    repositories: Box<[AtomicU64]>,
    policy: AtomicU64,
    jobs: Notify,
    others: Option<Others>,
}

/// What is needed where other processes write, too.
struct Others {
    opened: Instant,
    /// When the policy epoch was last heard of, in milliseconds since `opened`; 0 for never.
    heard_at_ms: AtomicU64,
    singular: AtomicU64,
}

impl Default for Epochs {
    fn default() -> Self {
        Self {
            repositories: (0..SHARDS).map(|_| AtomicU64::new(0)).collect(),
            policy: AtomicU64::new(0),
            jobs: Notify::new(),
            others: None,
        }
    }
}

impl Epochs {
    /// Epochs of a database that other processes write to.
    pub(crate) fn shared() -> Self {
        Self {
            repositories: Box::default(),
            policy: AtomicU64::new(0),
            jobs: Notify::new(),
            others: Some(Others {
                opened: Instant::now(),
                heard_at_ms: AtomicU64::new(0),
                singular: AtomicU64::new(SINGULAR),
            }),
        }
    }

    /// Whether what a repository holds may be remembered at all.
    pub fn lets_content_be_remembered(&self) -> bool {
        self.others.is_none()
    }

    /// The epoch of a repository's content, the account's state and the namespace's settings included.
    pub fn of(&self, repository: &RepositoryName) -> Epoch {
        Epoch {
            repository: match &self.others {
                None => self.repositories[shard(repository)].load(Ordering::Acquire),
                Some(others) => others.singular(),
            },
            policy: self.policy(),
        }
    }

    /// The epoch of accounts, namespaces, users, tokens and grants.
    pub fn policy(&self) -> u64 {
        match &self.others {
            Some(others) if !others.are_heard(Instant::now()) => others.singular(),
            _ => self.policy.load(Ordering::Acquire),
        }
    }

    /// Told when a transaction of this process left a job that may be done now.
    pub fn jobs(&self) -> &Notify {
        &self.jobs
    }

    /// Tells what a transaction changed, after its commit and before its answer.
    pub(crate) fn apply(&self, changes: &Changes) {
        for shard in &changes.repositories {
            // Where others write there are none: nothing is remembered.
            if let Some(epoch) = self.repositories.get(*shard) {
                epoch.fetch_add(1, Ordering::Release);
            }
        }
        if changes.policy {
            self.raise_policy();
        }
        if changes.jobs {
            self.jobs.notify_one();
        }
    }

    fn raise_policy(&self) {
        self.policy.fetch_add(1, Ordering::Release);
    }

    /// Notes that the shared policy epoch was asked for at `asked`, and whether it was another than the time before.
    pub(crate) fn heard(&self, asked: Instant, is_other: bool) {
        if is_other {
            self.raise_policy();
        }
        if let Some(others) = &self.others {
            let at_ms = others.millis(asked).max(1);
            others.heard_at_ms.fetch_max(at_ms, Ordering::Release);
        }
    }
}

impl Others {
    fn millis(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.opened);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn are_heard(&self, now: Instant) -> bool {
        let heard_at_ms = self.heard_at_ms.load(Ordering::Acquire);
        let silence_ms = self.millis(now).saturating_sub(heard_at_ms);
        heard_at_ms != 0 && u128::from(silence_ms) <= BELIEVED.as_millis()
    }

    fn singular(&self) -> u64 {
        self.singular.fetch_add(1, Ordering::Relaxed)
    }
}

/// What a transaction changed, to be told after its commit.
#[derive(Default)]
pub(crate) struct Changes {
    repositories: Vec<usize>,
    policy: bool,
    jobs: bool,
}

impl Changes {
    pub(crate) fn repository(&mut self, name: &RepositoryName) {
        self.repositories.push(shard(name));
    }

    pub(crate) fn policy(&mut self) {
        self.policy = true;
    }

    pub(crate) fn jobs(&mut self) {
        self.jobs = true;
    }

    pub(crate) fn is_policy(&self) -> bool {
        self.policy
    }
}

fn shard(repository: &RepositoryName) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(repository.as_str());
    usize::try_from(hash % SHARDS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_others_write_content_is_never_remembered() {
        let (alone, shared) = (Epochs::default(), Epochs::shared());
        let name = RepositoryName::parse("library/app").expect("a name");
        assert_eq!(alone.of(&name), alone.of(&name));
        assert_ne!(shared.of(&name), shared.of(&name));
        shared.heard(Instant::now(), true);
        assert_ne!(shared.of(&name), shared.of(&name));
    }

    #[test]
    fn a_shared_policy_epoch_counts_only_while_it_is_heard_of() {
        let epochs = Epochs::shared();
        let others = epochs.others.as_ref().expect("it is shared");
        assert_ne!(epochs.policy(), epochs.policy(), "before the first look");
        let opened = others.opened;
        let first = opened + Duration::from_millis(10);
        epochs.heard(first, true);
        assert!(others.are_heard(first + BELIEVED));
        assert!(!others.are_heard(first + BELIEVED + Duration::from_millis(1)));
        let second = first + Duration::from_secs(1);
        epochs.heard(second, false);
        // A look that began earlier and was late with its answer takes nothing back.
        epochs.heard(first, false);
        assert!(others.are_heard(second + BELIEVED));
    }

    #[test]
    fn a_change_elsewhere_ends_what_is_remembered() {
        let epochs = Epochs::shared();
        epochs.heard(Instant::now(), true);
        let before = epochs.policy();
        epochs.heard(Instant::now(), false);
        assert_eq!(epochs.policy(), before);
        epochs.heard(Instant::now(), true);
        assert_ne!(epochs.policy(), before);
    }
}
