//! What an account may do at once and in a month, and what it does: requests under way, blobs under way, bytes pulled.
//!
//! Limits are remembered for as long as nothing of the policy changes, so that no request asks the database for them. What is
//! counted is counted in memory and written in batches. The end of a process by force loses one batch, which is what
//! happened in the two seconds before.
//!
//! Requests are counted by each replica for itself: the limit protects what a replica has to give, and it can be kept
//! without asking anyone. Bytes of a month are counted together: each batch that is written tells its writer the sum of all.

mod seat;

pub use seat::{Meter, Seat, TransferShare};

use crate::access::Access;
use crate::account_access::AccountContext;
use crate::core::Core;
use crate::limits::read_limits;
use crate::usage::{Month, day_of};
use crate::{Error, Result};
use metadata::Traffic;
use model::AccountId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// Namespaces whose figures one transaction writes.
const WRITTEN_AT_ONCE: usize = 100;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was counted of a namespace since it was last written.
#[derive(Debug, Default)]
struct Counts {
    pull_bytes: AtomicU64,
    pulls: AtomicU64,
    pushes: AtomicU64,
}

impl Counts {
    fn take(&self) -> Traffic {
        Traffic {
            pull_bytes: self.pull_bytes.swap(0, Ordering::Relaxed),
            pulls: self.pulls.swap(0, Ordering::Relaxed),
            pushes: self.pushes.swap(0, Ordering::Relaxed),
        }
    }

    fn give_back(&self, traffic: &Traffic) {
        self.pull_bytes
            .fetch_add(traffic.pull_bytes, Ordering::Relaxed);
        self.pulls.fetch_add(traffic.pulls, Ordering::Relaxed);
        self.pushes.fetch_add(traffic.pushes, Ordering::Relaxed);
    }
}

/// What an account may, as it was read in a policy epoch.
#[derive(Debug, Default)]
struct Terms {
    epoch: Option<u64>,
    requests_at_once: Option<u64>,
    pull_bytes_per_month: Option<u64>,
    /// Whether the account has set that itself.
    is_own: bool,
    /// When the month that `pulled` is of ends.
    month_ends_at_ms: i64,
    /// Bytes pulled in that month, as far as they are written.
    pulled: u64,
}

/// An account's limits, and what is under way.
#[derive(Debug)]
struct Allowance {
    account: AccountId,
    terms: Mutex<Terms>,
    requests: AtomicU64,
    transfers: AtomicUsize,
    /// Bytes pulled that are not written yet.
    unwritten: AtomicU64,
    namespaces: Mutex<HashMap<Box<str>, Arc<Counts>>>,
}

/// What is counted of one namespace, on its way into a batch.
struct Counted {
    allowance: Arc<Allowance>,
    namespace: Box<str>,
    counts: Arc<Counts>,
    traffic: Traffic,
}

impl Allowance {
    fn new(account: &AccountId) -> Self {
        Self {
            account: account.clone(),
            terms: Mutex::default(),
            requests: AtomicU64::new(0),
            transfers: AtomicUsize::new(0),
            unwritten: AtomicU64::new(0),
            namespaces: Mutex::default(),
        }
    }

    fn counts_of(&self, namespace: &str) -> Arc<Counts> {
        let mut namespaces = lock(&self.namespaces);
        if let Some(known) = namespaces.get(namespace) {
            return known.clone();
        }
        let counts = Arc::<Counts>::default();
        namespaces.insert(namespace.into(), counts.clone());
        counts
    }

    /// Takes what was counted, and forgets namespaces of which nobody counts anything now.
    fn take(self: &Arc<Self>, taken: &mut Vec<Counted>) {
        lock(&self.namespaces).retain(|namespace, counts| {
            let traffic = counts.take();
            if traffic == Traffic::default() {
                return Arc::strong_count(counts) > 1;
            }
            taken.push(Counted {
                allowance: self.clone(),
                namespace: namespace.clone(),
                counts: counts.clone(),
                traffic,
            });
            true
        });
    }
}

/// The allowances of all accounts that were asked about since this process began.
pub struct Allowances {
    core: Arc<Core>,
    known: RwLock<HashMap<AccountId, Arc<Allowance>>>,
    everyone: Arc<Everyone>,
}

/// What is known of all accounts together.
#[derive(Debug, Default)]
struct Everyone {
    /// Accounts that were asked about.
    accounts: AtomicUsize,
    /// Those with transfers under way.
    transferring: AtomicUsize,
}

impl Allowances {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            known: RwLock::default(),
            everyone: Arc::default(),
        }
    }

    /// A place among the requests that an account may have at once, for one to a repository of it.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`].
    pub async fn enter<A>(&self, access: &Access<A>) -> Result<Seat> {
        self.enter_by_id(&access.account).await
    }

    /// The same for one about what the account's people manage.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`].
    pub async fn enter_account(&self, by: &AccountContext) -> Result<Seat> {
        self.enter_by_id(by.id()).await
    }

    async fn enter_by_id(&self, account: &AccountId) -> Result<Seat> {
        let allowance = self.of(account);
        let epoch = self.core.metadata.epochs().policy();
        let known = {
            let terms = lock(&allowance.terms);
            (terms.epoch == Some(epoch)).then_some(terms.requests_at_once)
        };
        let limit = match known {
            Some(limit) => limit,
            None => self.read_terms(&allowance, epoch).await?,
        };
        let before = allowance.requests.fetch_add(1, Ordering::AcqRel);
        // Made first: it gives the place back when there is none.
        let seat = Seat::new(&self.core, allowance, &self.everyone);
        match limit {
            Some(limit) if before >= limit => Err(Error::TooManyRequests { limit }),
            _ => Ok(seat),
        }
    }

    fn of(&self, account: &AccountId) -> Arc<Allowance> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(allowance) = known.get(account) {
            return allowance.clone();
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let allowance = known.entry(account.clone());
        let allowance = allowance.or_insert_with(|| {
            self.everyone.accounts.fetch_add(1, Ordering::AcqRel);
            Arc::new(Allowance::new(account))
        });
        allowance.clone()
    }

    /// Reads an account's limits, and what it has pulled this month. Answers with the limit of its requests.
    async fn read_terms(&self, allowance: &Allowance, epoch: u64) -> Result<Option<u64>> {
        let month = Month::at(self.core.now_ms());
        let text = month.to_string();
        let read = self.core.metadata.read(|reader| {
            let limits = read_limits(reader, &allowance.account)?;
            let traffic = reader.find_traffic(&allowance.account, &text)?;
            Ok::<_, Error>((limits, traffic))
        });
        let (limits, traffic) = read.await?;
        let in_effect = limits.in_effect();
        let mut terms = lock(&allowance.terms);
        let is_same_month = terms.month_ends_at_ms == month.ends_at_ms();
        // What another request read meanwhile may be newer.
        let known = if is_same_month { terms.pulled } else { 0 };
        *terms = Terms {
            epoch: Some(epoch),
            requests_at_once: in_effect.requests_at_once,
            pull_bytes_per_month: in_effect.pull_bytes_per_month,
            is_own: in_effect.pull_bytes_per_month != limits.plan.pull_bytes_per_month,
            month_ends_at_ms: month.ends_at_ms(),
            pulled: known.max(traffic.pull_bytes),
        };
        Ok(in_effect.requests_at_once)
    }

    /// Writes what was counted. What cannot be written waits for the next time.
    pub(crate) async fn flush(&self) -> Result<()> {
        let mut all: Vec<_> = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            known.values().cloned().collect()
        };
        // In order, so that two replicas that write the same ones do not wait for each other crosswise.
        all.sort_by(|one, other| one.account.cmp(&other.account));
        let mut taken = Vec::new();
        for allowance in &all {
            allowance.take(&mut taken);
        }
        taken.sort_by(|one, other| {
            let key = |counted: &Counted| counted.allowance.account.clone();
            (key(one), &one.namespace).cmp(&(key(other), &other.namespace))
        });
        let mut result = Ok(());
        for batch in taken.chunks(WRITTEN_AT_ONCE) {
            if let Err(error) = self.write(batch).await {
                for counted in batch {
                    counted.counts.give_back(&counted.traffic);
                }
                result = Err(error);
            }
        }
        result
    }

    async fn write(&self, batch: &[Counted]) -> Result<()> {
        let now_ms = self.core.now_ms();
        let (month, day) = (Month::at(now_ms), day_of(now_ms));
        let rows: Vec<_> = batch
            .iter()
            .map(|counted| {
                let account = counted.allowance.account.clone();
                (account, counted.namespace.clone(), counted.traffic)
            })
            .collect();
        let text = month.to_string();
        let written = self.core.metadata.write_relaxed(move |tx| {
            let mut totals = Vec::new();
            for of_account in rows.chunk_by(|(one, ..), (other, ..)| one == other) {
                let mut sum = Traffic::default();
                for (account, namespace, traffic) in of_account {
                    sum.pull_bytes += traffic.pull_bytes;
                    sum.pulls += traffic.pulls;
                    sum.pushes += traffic.pushes;
                    tx.add_namespace_traffic(account, &text, namespace, traffic)?;
                }
                let Some((account, ..)) = of_account.first() else {
                    continue;
                };
                let total = tx.add_traffic(account, &text, &sum)?;
                tx.add_day_traffic(account, &day, &sum)?;
                totals.push((account.clone(), sum.pull_bytes, total));
            }
            Ok::<_, Error>(totals)
        });
        for (account, written, total) in written.await? {
            let allowance = self.of(&account);
            let mut terms = lock(&allowance.terms);
            if terms.month_ends_at_ms == month.ends_at_ms() {
                terms.pulled = terms.pulled.max(total);
            }
            allowance.unwritten.fetch_sub(written, Ordering::AcqRel);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
