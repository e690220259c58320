//! What makes a value read earlier stale.
//!
//! A reader notes the epoch of a repository, reads, and may keep what it read for as long as the epoch stays. The
//! writer raises epochs after COMMIT and before it answers, so whoever saw a 201 never meets the value of before.

use oci::RepositoryName;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU64, Ordering};

const SHARDS: usize = 4096;

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
}

impl Default for Epochs {
    fn default() -> Self {
        Self {
            repositories: (0..SHARDS).map(|_| AtomicU64::new(0)).collect(),
            policy: AtomicU64::new(0),
        }
    }
}

impl Epochs {
    /// The epoch of a repository's content, the account's state and the namespace's settings included.
    pub fn of(&self, repository: &RepositoryName) -> Epoch {
        Epoch {
            repository: self.repositories[shard(repository)].load(Ordering::Acquire),
            policy: self.policy(),
        }
    }

    /// The epoch of accounts, namespaces, users, tokens and grants.
    pub fn policy(&self) -> u64 {
        self.policy.load(Ordering::Acquire)
    }

    pub(crate) fn apply(&self, changes: &Changes) {
        for shard in &changes.repositories {
            self.repositories[*shard].fetch_add(1, Ordering::Release);
        }
        if changes.policy {
            self.policy.fetch_add(1, Ordering::Release);
        }
    }
}

/// What a transaction changed, to be told after its commit.
#[derive(Default)]
pub(crate) struct Changes {
    repositories: Vec<usize>,
    policy: bool,
}

impl Changes {
    pub(crate) fn repository(&mut self, name: &RepositoryName) {
        self.repositories.push(shard(name));
    }

    pub(crate) fn policy(&mut self) {
        self.policy = true;
    }
}

fn shard(repository: &RepositoryName) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(repository.as_str());
    usize::try_from(hash % SHARDS as u64).unwrap_or(0)
}
