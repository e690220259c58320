//! What happens too often to be written each time: pulls, logins and refusals. They are counted in memory and written in
//! batches, so that hardly a request waits for it and no stranger fills the memory; the end of a process by force loses what was
//! counted since the last batch.

mod counts;
mod pulls;
mod refusals;

use crate::access::{Access, CallerContext, Pull};
use crate::allowances::Allowances;
use crate::audit::Initiator;
use crate::core::Core;
use crate::{Error, Result};
use counts::{Count, Counts, lock};
use model::{AccountId, Address, Event};
use oci::{Digest, Reference};
use pulls::{Place, PullKey, Pulls};
use refusals::Refusals;
pub use refusals::{Refusal, RefusalKind};
use std::sync::{Arc, Mutex};

/// Things that one transaction writes.
const WRITTEN_AT_ONCE: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct LoginKey {
    /// Whose log it stands in.
    account: Option<AccountId>,
    by: Initiator,
    given: &'static str,
}

type Logins = Counts<LoginKey, ()>;

/// Counts what happens often.
pub struct Traffic {
    core: Arc<Core>,
    allowances: Arc<Allowances>,
    pulls: Arc<Pulls>,
    logins: Mutex<Logins>,
    refusals: Mutex<Refusals>,
}

impl Traffic {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self {
            allowances: Arc::new(Allowances::new(core.clone())),
            pulls: Arc::new(Pulls::new(core.clone())),
            core,
            logins: Mutex::default(),
            refusals: Mutex::default(),
        }
    }

    /// What accounts may do at once and in a month; what they do is written with the rest.
    pub(crate) fn allowances(&self) -> &Arc<Allowances> {
        &self.allowances
    }

    /// Counts a manifest that is to be sent to whoever asked for it. Where too many were counted since the last batch, it waits
    /// until there is a place again.
    pub async fn pulled(&self, access: &Access<Pull>, reference: &Reference, digest: &Digest) {
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
        self.pulls.add(key, count).await;
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
        self.pulls.flush().await
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
