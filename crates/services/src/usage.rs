//! What accounts use, month by month: what a bill is made from.

mod days;
mod month;

pub use days::DayUsage;
pub(crate) use days::day_of;
pub use month::Month;

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::deployment::Deployment;
use crate::limits::LimitsOfAccount;
use crate::operators::{OperatorAction, OperatorContext};
use crate::{Error, Result};
use metadata::{
    AccountMonth, AccountNow, AccountStorage, NamespaceLimit, Reader, Traffic, Turn, Tx,
};
use model::{AccountId, Action, Event, NamespaceId, Page, PlanLimits};
use std::collections::BTreeMap;
use std::sync::Arc;

const HOUR_MS: i64 = 3_600_000;
/// For so long after its end a month waits for figures that a replica has still to write.
const CLOSED_AFTER_MS: i64 = HOUR_MS;
/// Under which name the database keeps the hour of the last look, since 1970.
const LOOKED_AT: &str = "usage_looked_at_hour";

/// What an account used in a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountUsage {
    /// The month.
    pub month: Month,
    /// When its figures became final; `None` while they may change.
    pub closed_at_ms: Option<i64>,
    /// The name of the plan: of this month, the present one; of another, the last that it had in it.
    pub plan: Option<String>,
    /// What it stored.
    pub storage: AccountStorage,
    /// What was pulled and pushed.
    pub traffic: Traffic,
    /// How things stand now; only of this month.
    pub now: Option<UsageNow>,
}

/// What an account uses at the moment, and may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageNow {
    /// Bytes of its distinct digests.
    pub used_bytes: u64,
    /// What they may be; `None` for as much as there is.
    pub storage_limit_bytes: Option<u64>,
    /// What else it may: the smaller of what its plan and itself allow.
    pub limits: PlanLimits,
    /// Namespaces.
    pub namespaces: u64,
    /// The highest of the shares of its storage, in percent, that it is warned of and has reached.
    pub storage_warning: Option<u8>,
    /// The same of what it may pull in a month.
    pub pull_warning: Option<u8>,
}

/// What a namespace used in a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceMonth {
    /// Its name.
    pub namespace: String,
    /// What was pulled and pushed.
    pub traffic: Traffic,
    /// What it stores now, each digest once; only of this month and of namespaces that there are.
    pub used_bytes: Option<u64>,
    /// The limit of its own.
    pub limit_bytes: Option<u64>,
}

/// What accounts use, as their people see it; and the looks at it.
pub struct UsageService {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
}

impl UsageService {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// The month that it is now.
    pub fn this_month(&self) -> Month {
        Month::at(self.core.now_ms())
    }

    /// What the account used in a month, or in this one.
    pub async fn of_account(
        &self,
        by: &AccountContext,
        month: Option<Month>,
    ) -> Result<AccountUsage, Refused> {
        self.authorizer.require(by, Action::QuotaRead).await?;
        Ok(read_usage(&self.core, by.id(), month).await?)
    }

    /// What the account's namespaces used in a month, by their names after `after`, `limit` of them.
    pub async fn of_namespaces(
        &self,
        by: &AccountContext,
        month: Option<Month>,
        (after, limit): (String, usize),
    ) -> Result<Page<NamespaceMonth>, Refused> {
        self.authorizer.require(by, Action::QuotaList).await?;
        let this = self.this_month();
        let month = month.unwrap_or(this);
        let account = by.id().clone();
        let probe = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let listed = self.core.metadata.list(move |reader| {
            let text = month.to_string();
            let traffic = reader.list_namespace_traffic(&account, &text, &after, probe)?;
            let mut namespaces: BTreeMap<String, NamespaceMonth> = traffic
                .into_iter()
                .map(|(name, traffic)| (name.clone(), of_namespace(name, traffic)))
                .collect();
            if month == this {
                add_what_is_stored(reader, &account, (&after, probe), &mut namespaces)?;
            }
            Ok::<_, Error>(namespaces)
        });
        let all: Vec<_> = listed.await?.into_values().take(limit + 1).collect();
        Ok(Page::from_probe(all, limit, |month| {
            month.namespace.clone()
        }))
    }

    /// Looks at what every account stores, as on each full hour since the last look, and closes the months that are over. Of
    /// several replicas that do so at a time, one finds something to do. Says how many hours and months that were.
    pub async fn take(&self) -> Result<u64> {
        let core = self.core.clone();
        self.core.metadata.write(move |tx| look(&core, tx)).await
    }
}

impl Deployment {
    /// What accounts used in a month, by their names after `after`, `limit` of them: those that there were in it.
    pub async fn list_usage(
        &self,
        by: &OperatorContext,
        month: Month,
        (after, limit): (String, usize),
    ) -> Result<Page<AccountMonth>, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::UsageRead)?;
        let probe = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let text = month.to_string();
        let listed = self.core.metadata.browse(move |reader| {
            Ok::<_, Error>(reader.list_account_months(&text, &after, probe)?)
        });
        Ok(Page::from_probe(listed.await?, limit, |month| {
            month.account.clone()
        }))
    }
}

/// What an account used, for whoever may know.
async fn read_usage(
    core: &Core,
    account: &AccountId,
    month: Option<Month>,
) -> Result<AccountUsage> {
    let this = Month::at(core.now_ms());
    let month = month.unwrap_or(this);
    let (account, thresholds) = (account.clone(), core.settings.storage_warnings);
    let read = core.metadata.list(move |reader| {
        let text = month.to_string();
        if month == this {
            let now = reader.get_account_now(&account, &text)?;
            return Ok(usage_now(month, now, thresholds));
        }
        let storage = reader.find_account_storage(&account, &text)?;
        Ok::<_, Error>(AccountUsage {
            month,
            closed_at_ms: reader.find_month_closed(&text)?,
            plan: storage.plan.clone(),
            storage,
            traffic: reader.find_traffic(&account, &text)?,
            now: None,
        })
    });
    read.await
}

/// What an account uses in the month that it is, which is never closed.
fn usage_now(month: Month, now: AccountNow, thresholds: [u8; 2]) -> AccountUsage {
    let (plan, of_plan) = now.plan.unzip();
    let limits = LimitsOfAccount {
        plan: of_plan.unwrap_or_default(),
        own: now.own,
    };
    let limits = limits.in_effect();
    let warning = |used, limit| reached(thresholds, used, limit);
    AccountUsage {
        month,
        closed_at_ms: None,
        plan,
        storage: now.storage,
        now: Some(UsageNow {
            used_bytes: now.used_bytes,
            storage_limit_bytes: now.limit_bytes,
            limits,
            namespaces: now.namespaces,
            storage_warning: warning(now.used_bytes, now.limit_bytes),
            pull_warning: warning(now.traffic.pull_bytes, limits.pull_bytes_per_month),
        }),
        traffic: now.traffic,
    }
}

fn of_namespace(namespace: String, traffic: Traffic) -> NamespaceMonth {
    NamespaceMonth {
        namespace,
        traffic,
        used_bytes: None,
        limit_bytes: None,
    }
}

/// What the namespaces that there are store now. Those with a limit have a running total, of the others it is counted.
fn add_what_is_stored(
    reader: &Reader<'_>,
    account: &AccountId,
    (after, limit): (&str, i64),
    months: &mut BTreeMap<String, NamespaceMonth>,
) -> Result<()> {
    let namespaces = reader.list_namespaces(account, after, limit)?;
    let ids: Vec<NamespaceId> = namespaces.iter().map(|one| one.id.clone()).collect();
    let limits = reader.find_namespace_limits(&ids)?;
    let unlimited: Vec<NamespaceId> = ids
        .into_iter()
        .filter(|id| !limits.contains_key(id.as_str()))
        .collect();
    let counted = reader.sum_namespace_usage(&unlimited)?;
    for namespace in namespaces {
        let id = namespace.id.as_str();
        let limit: Option<&NamespaceLimit> = limits.get(id);
        let used = limit.map_or_else(
            || counted.get(id).copied().unwrap_or(0),
            |limit| limit.used_bytes,
        );
        let month = months
            .entry(namespace.name.clone())
            .or_insert_with(|| of_namespace(namespace.name.clone(), Traffic::default()));
        month.used_bytes = Some(used);
        month.limit_bytes = limit.map(|limit| limit.limit_bytes);
    }
    Ok(())
}

/// The highest of the shares (in percent, 0 for none) that is reached.
pub(crate) fn reached(thresholds: [u8; 2], used: u64, limit: Option<u64>) -> Option<u8> {
    let limit = limit?;
    let is_reached = |percent: &u8| {
        *percent > 0 && u128::from(used) * 100 >= u128::from(limit) * u128::from(*percent)
    };
    thresholds.into_iter().filter(is_reached).max()
}

/// One look, for all hours since the last.
fn look(core: &Core, tx: &mut Tx<'_>) -> Result<u64> {
    tx.take_turn(Turn::Usage)?;
    let now_ms = core.now_ms();
    let to = now_ms.div_euclid(HOUR_MS);
    let last = tx.find_deployment_value(LOOKED_AT)?;
    let last: Option<i64> = last.and_then(|hour| hour.parse().ok());
    let mut from = last.unwrap_or(to - 1);
    let mut done = 0;
    while from < to {
        // The hour that a look ends is the one before it.
        let month = Month::at(from * HOUR_MS);
        let until = to.min(month.ends_at_ms() / HOUR_MS);
        tx.sample_storage(&month.to_string(), from, until)?;
        done += u64::try_from(until - from).unwrap_or(0);
        from = until;
    }
    if done > 0 {
        days::look(tx, to * HOUR_MS - 1)?;
        tx.put_deployment_value(LOOKED_AT, &to.to_string())?;
    }
    Ok(done + close_months(core, tx, now_ms)?)
}

fn close_months(core: &Core, tx: &mut Tx<'_>, now_ms: i64) -> Result<u64> {
    let mut after = tx.find_last_closed_month()?.unwrap_or_default();
    let mut closed = 0;
    while let Some(text) = tx.find_next_month(&after)? {
        let month = Month::parse(&text).ok_or_else(|| {
            tracing::error!(month = text, "the database has a month that is none");
            Error::Internal
        })?;
        if month.ends_at_ms() + CLOSED_AFTER_MS > now_ms {
            break;
        }
        if tx.close_month(&text, now_ms)? {
            let event = Event::UsageClosed {
                usage: text.clone(),
            };
            core.write_event(tx, &event, None, &crate::audit::Initiator::registry())?;
            closed += 1;
        }
        after = text;
    }
    Ok(closed)
}

/// A time as people read it: RFC 3339, to the second.
pub(crate) fn time_text(at_ms: i64) -> String {
    jiff::Timestamp::from_second(at_ms.div_euclid(1000))
        .map_or_else(|_| "the end of time".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests;
