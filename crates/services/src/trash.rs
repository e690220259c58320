//! The trash of an account: for how long it keeps what was deleted, what is in it, and emptying it.

mod listing;
mod purging;
mod restoring;

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::{Error, Result};
pub use listing::{TrashEntry, TrashPage, TrashQuery};
use metadata::AccountSettings as Stored;
use model::{Action, Event};
pub(crate) use purging::destroy_some;
pub(crate) use restoring::KeptNamespace;
pub use restoring::Restored;
use serde_json::Value;
use std::sync::Arc;

const PERIOD: &str = "trash_period_days";
const LIMIT: &str = "trash_limit_bytes";
const MAX_DAYS: i64 = 90;
const DAY_MS: i64 = 86_400_000;
/// The largest limit: what the database can count.
const MAX_LIMIT: i64 = 1 << 62;

/// For how long an account keeps what was deleted, and how much of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrashSettings {
    /// 0 to 90 days, 0 for not at all; `None` for as long as the deployment says.
    pub period_days: Option<i64>,
    /// How many bytes are kept beside the account's storage; `None` for as many as its storage may have.
    pub limit_bytes: Option<i64>,
}

/// The same, with what is in effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrashState {
    /// What the account decided.
    pub settings: TrashSettings,
    /// For how long what is deleted now is kept, in days, a part of one counted whole.
    pub period_days: i64,
    /// How many bytes are kept; `None` for any number.
    pub limit_bytes: Option<u64>,
    /// How many there are: distinct blobs that nothing else of the account needs.
    pub used_bytes: u64,
}

impl TrashSettings {
    /// What is not stored, or not as this release writes it, is as if nobody had set it.
    pub(crate) fn of(stored: &Stored) -> Self {
        let get = |name: &str| stored.get(name).and_then(Value::as_i64);
        Self {
            period_days: get(PERIOD).filter(|days| (0..=MAX_DAYS).contains(days)),
            limit_bytes: get(LIMIT).filter(|bytes| (0..=MAX_LIMIT).contains(bytes)),
        }
    }

    pub(crate) fn period_ms(self, core: &Core) -> i64 {
        self.period_days
            .map_or(core.settings.trash_ms, |days| days * DAY_MS)
    }

    fn check(self) -> Result<()> {
        if self
            .period_days
            .is_some_and(|days| !(0..=MAX_DAYS).contains(&days))
        {
            return Err(Error::Invalid(format!(
                "the trash keeps things for 0 to {MAX_DAYS} days, 0 for not at all"
            )));
        }
        if self
            .limit_bytes
            .is_some_and(|bytes| !(0..=MAX_LIMIT).contains(&bytes))
        {
            return Err(Error::Invalid(format!(
                "the trash keeps 0 to {MAX_LIMIT} bytes"
            )));
        }
        Ok(())
    }
}

/// The trash of accounts.
pub struct Trash {
    pub(crate) core: Arc<Core>,
    pub(crate) authorizer: Arc<Authorizer>,
}

impl Trash {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// For how long the trash keeps things, how much, and how much there is.
    pub async fn settings(&self, by: &AccountContext) -> Result<TrashState, Refused> {
        self.authorizer
            .require(by, Action::ConfigurationRead)
            .await?;
        let (core, account) = (self.core.clone(), by.id().clone());
        let found = self.core.metadata.list(move |reader| {
            let settings = TrashSettings::of(&reader.find_account_settings(&account)?);
            let (_, storage) = reader.get_usage(&account)?;
            Ok::<_, Error>(TrashState {
                settings,
                period_days: (settings.period_ms(&core) + DAY_MS - 1) / DAY_MS,
                limit_bytes: limit_of(settings, storage),
                used_bytes: reader.get_trash_size(&account)?,
            })
        });
        Ok(found.await?)
    }

    /// Decides both. A shorter period and a smaller limit are in effect for what is there already; a longer period for what
    /// is deleted from now on.
    pub async fn set(&self, by: &AccountContext, settings: TrashSettings) -> Result<(), Refused> {
        self.authorizer
            .require(by, Action::ConfigurationUpdate)
            .await?;
        settings.check()?;
        let updated = self.core.change(by, move |core, tx, account| {
            let now_ms = core.now_ms();
            let mut stored = tx.take_account_settings(account, now_ms)?;
            for (name, value) in [
                (PERIOD, settings.period_days),
                (LIMIT, settings.limit_bytes),
            ] {
                match value {
                    Some(value) => stored.insert(name.to_owned(), Value::from(value)),
                    None => stored.remove(name),
                };
            }
            tx.put_account_settings(account, &stored, now_ms)?;
            tx.request_trash_recount(account)?;
            let settings = vec![PERIOD.to_owned(), LIMIT.to_owned()];
            Ok(((), Some(Event::ConfigurationUpdated { settings })))
        });
        Ok(updated.await?)
    }
}

/// How much the trash may hold: what the account decided, else as much as its storage.
pub(crate) fn limit_of(settings: TrashSettings, storage: Option<u64>) -> Option<u64> {
    let own = settings
        .limit_bytes
        .and_then(|bytes| u64::try_from(bytes).ok());
    own.or(storage)
}
