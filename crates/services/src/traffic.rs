//! What happens too often to be written each time: pulls, logins and refusals. They are counted in memory and written in
//! batches, so that no request waits for it and no stranger fills the memory; the end of a process by force loses what was
//! counted since the last batch.

mod refusals;

use crate::access::{Access, CallerContext, Pull};
use crate::account_settings::AccountSettings;
use crate::allowances::Allowances;
use crate::audit::Initiator;
use crate::core::Core;
use crate::pulls_kept::PullsKept;
use crate::{Error, Result};
use metadata::{RepositoryKey, Tx};
use model::{AccountId, Address, Event};
use oci::{Digest, Reference, Tag};
use refusals::Refusals;
pub use refusals::{Refusal, RefusalKind};
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Things counted one by one between two batches; what comes beyond is counted together.
const MAX_COUNTED: usize = 16 * 1024;
/// Things that one transaction writes.
const WRITTEN_AT_ONCE: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PullKey {
    repository: RepositoryKey,
    digest: Digest,
    tag: Option<Tag>,
    caller: Arc<str>,
    credential: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct LoginKey {
    /// Whose log it stands in.
    account: Option<AccountId>,
    by: Initiator,
    given: &'static str,
}

/// How often something happened.
#[derive(Clone, Debug)]
struct Count<P> {
    times: u64,
    last_at_ms: i64,
    /// What else is known.
    place: P,
}

/// From where and with what something was pulled: unknown when it was from several places, or with several programs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    address: Option<std::net::IpAddr>,
    agent: Option<Arc<str>>,
}

/// Counts of a bounded number of things.
struct Counts<K, P> {
    counts: HashMap<K, Count<P>>,
    /// Those that found no place.
    others: u64,
}

impl<K, P> Default for Counts<K, P> {
    fn default() -> Self {
        Self {
            counts: HashMap::new(),
            others: 0,
        }
    }
}

impl<K: Eq + Hash, P> Counts<K, P> {
    /// Adds to a count; `merge` brings what is known of it together.
    fn add(&mut self, key: K, new: Count<P>, merge: impl FnOnce(&mut P, &P)) {
        if let Some(known) = self.counts.get_mut(&key) {
            known.times += new.times;
            known.last_at_ms = known.last_at_ms.max(new.last_at_ms);
            merge(&mut known.place, &new.place);
        } else if self.counts.len() < MAX_COUNTED {
            self.counts.insert(key, new);
        } else {
            self.others += new.times;
        }
    }
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

type Pulls = Counts<PullKey, Place>;
type Logins = Counts<LoginKey, ()>;

/// Counts what happens often.
pub struct Traffic {
    core: Arc<Core>,
    allowances: Arc<Allowances>,
    pulls: Mutex<Pulls>,
    logins: Mutex<Logins>,
    refusals: Mutex<Refusals>,
    /// Held while pulls are written: whoever wants them written waits for those that are on their way, too.
    writing: tokio::sync::Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Traffic {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self {
            allowances: Arc::new(Allowances::new(core.clone())),
            core,
            pulls: Mutex::default(),
            logins: Mutex::default(),
            refusals: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
        }
    }

    /// What accounts may do at once and in a month; what they do is written with the rest.
    pub(crate) fn allowances(&self) -> &Arc<Allowances> {
        &self.allowances
    }

    /// Counts a manifest that is being sent to whoever asked for it.
    pub fn pulled(&self, access: &Access<Pull>, reference: &Reference, digest: &Digest) {
        let key = PullKey {
            repository: access.key(),
            digest: digest.clone(),
            tag: match reference {
                Reference::Tag(tag) => Some(tag.clone()),
                Reference::Digest(_) => None,
            },
            caller: access.caller.display_name().into(),
            credential: access.caller.credential_word(),
        };
        let count = Count {
            times: 1,
            last_at_ms: self.core.now_ms(),
            place: Place {
                address: access.origin.address,
                agent: access.origin.agent.clone(),
            },
        };
        lock(&self.pulls).add(key, count, merge_places);
    }

    /// Counts a login for which something was given: `token`.
    pub fn logged_in(&self, caller: &CallerContext, given: &'static str) {
        let who = &caller.authenticated.caller;
        if who.is_anonymous() {
            return;
        }
        let account = match &caller.address {
            Address::Account(account) => Some(account.clone()),
            Address::Shared => who.home_account.clone(),
        };
        let key = LoginKey {
            account,
            by: Initiator::of(who, &caller.origin),
            given,
        };
        let count = Count {
            times: 1,
            last_at_ms: self.core.now_ms(),
            place: (),
        };
        lock(&self.logins).add(key, count, |(), &()| {});
    }

    /// Counts a request that was refused.
    pub fn refused(&self, refusal: &Refusal<'_>) {
        lock(&self.refusals).add(refusal, self.core.now_ms());
    }

    /// Writes what was counted; of refusals, those of minutes that are over, unless all are to be written.
    pub async fn flush(&self, everything: bool) -> Result<()> {
        let now_ms = self.core.now_ms();
        let refusals = {
            let mut refusals = lock(&self.refusals);
            refusals.take(if everything { i64::MAX } else { now_ms })
        };
        let logins = std::mem::take(&mut *lock(&self.logins));
        let written = [
            self.flush_pulls().await,
            self.write_logins(logins).await,
            refusals::write(&self.core, refusals).await,
            self.allowances.flush().await,
        ];
        written.into_iter().collect()
    }

    /// Writes the pulls that were counted until now. When it is done, none of them is on its way any more.
    pub(crate) async fn flush_pulls(&self) -> Result<()> {
        let _writing = self.writing.lock().await;
        let pulls = std::mem::take(&mut *lock(&self.pulls));
        self.write_pulls(pulls).await
    }

    /// What could not be written waits for the next time.
    async fn write_pulls(&self, pulls: Pulls) -> Result<()> {
        if pulls.others > 0 {
            tracing::warn!(
                pulls.others,
                "pulls were not counted one by one; there were too many at once"
            );
        }
        let mut waiting: Vec<_> = pulls.counts.into_iter().collect();
        // In order, so that two replicas that count the same ones do not wait for each other crosswise.
        waiting.sort_by(|(one, _), (other, _)| order(one).cmp(&order(other)));
        let mut result = Ok(());
        for batch in waiting.chunks(WRITTEN_AT_ONCE) {
            let (core, written) = (self.core.clone(), batch.to_vec());
            let done = self.core.metadata.write_relaxed(move |tx| {
                let mut known: BTreeMap<(&str, &str), PullsKept> = BTreeMap::new();
                for (key, count) in &written {
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
                    note_pulls(tx, kept, key, count)?;
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
                    core.write_event(tx, &event, Some(&key.repository.account_id), &by)?;
                }
                Ok::<_, Error>(())
            });
            if let Err(error) = done.await {
                let mut pulls = lock(&self.pulls);
                for (key, count) in batch {
                    pulls.add(key.clone(), count.clone(), merge_places);
                }
                result = Err(error);
            }
        }
        result
    }

    async fn write_logins(&self, logins: Logins) -> Result<()> {
        if logins.others > 0 {
            tracing::warn!(
                logins.others,
                "logins were not noted; there were too many at once"
            );
        }
        let waiting: Vec<_> = logins.counts.into_iter().collect();
        let mut result = Ok(());
        for batch in waiting.chunks(WRITTEN_AT_ONCE) {
            let (core, written) = (self.core.clone(), batch.to_vec());
            let done = self.core.metadata.write_relaxed(move |tx| {
                for (key, count) in &written {
                    let event = Event::LoggedIn {
                        user: key.by.caller.as_ref().to_owned(),
                        given: key.given,
                        count: count.times,
                    };
                    core.write_event(tx, &event, key.account.as_ref(), &key.by)?;
                }
                Ok::<_, Error>(())
            });
            if let Err(error) = done.await {
                let mut logins = lock(&self.logins);
                for (key, count) in batch {
                    logins.add(key.clone(), count.clone(), |(), &()| {});
                }
                result = Err(error);
            }
        }
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

/// Counts pulls as far as the account and the namespace want that.
fn note_pulls(tx: &mut Tx<'_>, kept: PullsKept, key: &PullKey, count: &Count<Place>) -> Result<()> {
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
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_place_is_counted_together_and_the_rest_goes_on() {
        let mut counts: Counts<usize, ()> = Counts::default();
        let one = |at_ms| Count {
            times: 1,
            last_at_ms: at_ms,
            place: (),
        };
        for key in 0..MAX_COUNTED + 5 {
            counts.add(key, one(7), |(), &()| {});
        }
        counts.add(0, one(9), |(), &()| {});
        counts.add(0, one(8), |(), &()| {});
        assert_eq!((counts.counts.len(), counts.others), (MAX_COUNTED, 5));
        let first = &counts.counts[&0];
        assert_eq!((first.times, first.last_at_ms), (3, 9));
    }

    #[test]
    fn of_several_places_none_is_named() {
        let place = |address: &str, agent: &str| Place {
            address: address.parse().ok(),
            agent: Some(agent.into()),
        };
        let mut known = place("192.0.2.1", "docker");
        merge_places(&mut known, &place("192.0.2.1", "docker"));
        assert_eq!(known, place("192.0.2.1", "docker"));
        merge_places(&mut known, &place("192.0.2.2", "docker"));
        assert_eq!(known, place("no address", "docker"));
    }
}
