//! The last days of an account, for people to look at.

use super::UsageService;
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::operators::{OperatorAction, OperatorContext};
use crate::{Error, Result};
use jiff::Timestamp;
use metadata::{AccountDay, Traffic, Tx};
use model::{AccountId, Action};
use std::collections::HashMap;

const DAY_MS: i64 = 86_400_000;
/// For so many days what was done on one is kept.
const KEPT_DAYS: i64 = 92;
/// So many rows are forgotten at once.
const FORGOTTEN_AT_ONCE: i64 = 10_000;

/// What an account did and stored on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayUsage {
    /// The day (UTC), as `2026-11-23`.
    pub day: String,
    /// What was pulled and pushed.
    pub traffic: Traffic,
    /// What was stored at the last full hour of the day, in bytes; `None` when nobody looked.
    pub stored_bytes: Option<u64>,
}

/// The day of a time, as `2026-11-23` (UTC).
pub(crate) fn day_of(at_ms: i64) -> String {
    let time = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%d").to_string()
}

/// What accounts store at a time, as part of its day; and what is too old to be kept goes.
pub(super) fn look(tx: &mut Tx<'_>, at_ms: i64) -> Result<()> {
    tx.sample_day(&day_of(at_ms))?;
    tx.forget_days(&day_of(at_ms - KEPT_DAYS * DAY_MS), FORGOTTEN_AT_ONCE)?;
    Ok(())
}

impl UsageService {
    /// The last `days` days of the account, at most 92, the present one last; also those on which nothing was done.
    pub async fn of_days(&self, by: &AccountContext, days: u8) -> Result<Vec<DayUsage>, Refused> {
        self.authorizer.require(by, Action::QuotaRead).await?;
        self.read_days(by.id(), days).await
    }

    /// The same for an operator, of the account with that identifier.
    pub async fn days_of(
        &self,
        by: &OperatorContext,
        account: &AccountId,
        days: u8,
    ) -> Result<Vec<DayUsage>, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::UsageRead)?;
        self.read_days(account, days).await
    }

    async fn read_days(&self, account: &AccountId, days: u8) -> Result<Vec<DayUsage>, Refused> {
        let now_ms = self.core.now_ms();
        let days = i64::from(days).clamp(1, KEPT_DAYS);
        let all = (0..days).rev().map(|back| day_of(now_ms - back * DAY_MS));
        let all: Vec<String> = all.collect();
        let (account, from) = (account.clone(), all[0].clone());
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_account_days(&account, &from)?));
        let known = listed.await?.into_iter();
        let mut known: HashMap<String, AccountDay> =
            known.map(|day| (day.day.clone(), day)).collect();
        let filled = all.into_iter().map(|day| {
            let found = known.remove(&day);
            DayUsage {
                traffic: found.as_ref().map(|day| day.traffic).unwrap_or_default(),
                stored_bytes: found.and_then(|day| day.stored_bytes),
                day,
            }
        });
        Ok(filled.collect())
    }
}
