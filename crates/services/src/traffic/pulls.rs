//! Pulls that were counted and not written yet. Whoever finds no place for another has them written at once, and waits for
//! those that are on their way: no pull is left out while the database can be written.

use super::counts::{Count, Counts, lock};
use crate::account_settings::AccountSettings;
use crate::audit::Initiator;
use crate::core::Core;
use crate::pulls_kept::PullsKept;
use crate::{Error, Result};
use metadata::{RepositoryKey, Tx};
use model::Event;
use oci::{Digest, Tag};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::OwnedMutexGuard;

/// Pulls that one transaction writes.
const WRITTEN_AT_ONCE: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PullKey {
    pub(super) repository: RepositoryKey,
    pub(super) digest: Digest,
    pub(super) tag: Option<Tag>,
    pub(super) caller: Arc<str>,
    pub(super) credential: &'static str,
}

/// From where and with what something was pulled: unknown when it was from several places, or with several programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) address: Option<std::net::IpAddr>,
    pub(super) agent: Option<Arc<str>>,
}

/// Either what is known of both, or nothing.
fn merge_places(known: &mut Place, new: &Place) {
    if known.address != new.address {
        known.address = None;
    }
    if known.agent != new.agent {
        known.agent = None;
    }
}

/// Held while pulls are written; whether the last ones could be.
struct Writing {
    is_failing: bool,
}

/// Pulls between two batches.
pub(super) struct Pulls {
    core: Arc<Core>,
    counted: Mutex<Counts<PullKey, Place>>,
    /// Whoever wants pulls written waits for those that are on their way, too.
    writing: Arc<tokio::sync::Mutex<Writing>>,
}

impl Pulls {
    pub(super) fn new(core: Arc<Core>) -> Self {
        let writing = Writing { is_failing: false };
        Self {
            core,
            counted: Mutex::default(),
            writing: Arc::new(tokio::sync::Mutex::new(writing)),
        }
    }

    /// Counts a pull. It waits only when there is no place for it.
    pub(super) async fn add(self: &Arc<Self>, key: PullKey, count: Count<Place>) {
        let mut left = self.add_if_there_is_place(key, count);
        while let Some((key, count)) = left {
            let writing = self.writing.clone().lock_owned().await;
            if writing.is_failing {
                // Nobody waits for a database that cannot be written; the next batch asks whether it can again.
                lock(&self.counted).add(key, count, merge_places);
                return;
            }
            let Some((key, count)) = self.add_if_there_is_place(key, count) else {
                return;
            };
            drop(tokio::spawn(self.clone().write(writing, self.take())));
            left = self.add_if_there_is_place(key, count);
        }
    }

    /// Answers with what found no place.
    fn add_if_there_is_place(
        &self,
        key: PullKey,
        count: Count<Place>,
    ) -> Option<(PullKey, Count<Place>)> {
        let mut counted = lock(&self.counted);
        if !counted.has_place(&key) {
            return Some((key, count));
        }
        counted.add(key, count, merge_places);
        None
    }

    /// Writes the pulls that were counted until now. When it is done, none of them is on its way any more; when whoever waits
    /// goes away, they are written all the same.
    pub(super) async fn flush(self: &Arc<Self>) -> Result<()> {
        let writing = self.writing.clone().lock_owned().await;
        let written = tokio::spawn(self.clone().write(writing, self.take()));
        written.await.map_err(|error| {
            tracing::error!(%error, "pulls were not written");
            Error::Internal
        })?
    }

    fn take(&self) -> Counts<PullKey, Place> {
        std::mem::take(&mut *lock(&self.counted))
    }

    /// What could not be written waits for the next time.
    async fn write(
        self: Arc<Self>,
        mut writing: OwnedMutexGuard<Writing>,
        pulls: Counts<PullKey, Place>,
    ) -> Result<()> {
        if pulls.others > 0 {
            tracing::warn!(
                pulls.others,
                "pulls were not noted: there were too many while the database could not be written"
            );
        }
        let mut waiting: Vec<_> = pulls.counts.into_iter().collect();
        // In order, so that two replicas that count the same ones do not wait for each other crosswise.
        waiting.sort_by(|(one, _), (other, _)| order(one).cmp(&order(other)));
        let mut result = Ok(());
        for batch in waiting.chunks(WRITTEN_AT_ONCE) {
            let (core, written) = (self.core.clone(), batch.to_vec());
            let done = self
                .core
                .metadata
                .write_relaxed(move |tx| note(&core, tx, &written));
            if let Err(error) = done.await {
                let mut counted = lock(&self.counted);
                for (key, count) in batch {
                    counted.add(key.clone(), count.clone(), merge_places);
                }
                result = Err(error);
            }
        }
        writing.is_failing = result.is_err();
        result
    }
}

fn order(key: &PullKey) -> (&str, &str, &str) {
    let repository = &key.repository;
    (
        repository.account_id.as_str(),
        repository.name.as_str(),
        key.digest.as_str(),
    )
}

fn note(core: &Core, tx: &mut Tx<'_>, pulls: &[(PullKey, Count<Place>)]) -> Result<()> {
    let mut known: BTreeMap<(&str, &str), PullsKept> = BTreeMap::new();
    for (key, count) in pulls {
        let account = &key.repository.account_id;
        let namespace = key.repository.name.namespace();
        let place = (account.as_str(), namespace);
        let kept = if let Some(kept) = known.get(&place) {
            *kept
        } else {
            let settings = AccountSettings::of(&tx.find_account_settings(account)?);
            let own = tx.find_settings_of_namespace(account, namespace)?;
            let kept = PullsKept::of(&settings, &own);
            known.insert(place, kept);
            kept
        };
        note_counts(tx, kept, key, count)?;
        let event = Event::ManifestPulled {
            repository: key.repository.name.clone(),
            digest: key.digest.clone(),
            tag: key.tag.clone(),
            count: count.times,
        };
        let by = Initiator {
            caller: key.caller.clone(),
            credential: key.credential,
            address: count.place.address.map(|address| address.to_string()),
            agent: count.place.agent.clone(),
        };
        core.write_event(tx, &event, Some(account), &by)?;
    }
    Ok(())
}

/// Counts pulls as far as the account and the namespace want that.
fn note_counts(
    tx: &mut Tx<'_>,
    kept: PullsKept,
    key: &PullKey,
    count: &Count<Place>,
) -> Result<()> {
    if !kept.counts && !kept.times {
        return Ok(());
    }
    let times = i64::try_from(count.times).unwrap_or(i64::MAX);
    let times = if kept.counts { times } else { 0 };
    let last_at_ms = kept.times.then_some(count.last_at_ms);
    let last_at_ms = last_at_ms.unwrap_or_default();
    Ok(tx.count_pulls(&key.repository, &key.digest, times, last_at_ms)?)
}

#[cfg(test)]
mod tests;
