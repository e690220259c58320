//! Limits that an account sets for itself, below those of its plan. They are kept by what keeps the plan's.

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::accounts::Accounts;
use crate::quotas::require_limit;
use crate::{Error, Result};
use metadata::{AccountLimits, Reader};
use model::{AccountId, Action, Event, PlanLimits};

/// What an account may use, by its plan and by its own will.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitsOfAccount {
    /// What its plan allows.
    pub plan: PlanLimits,
    /// What it allows itself.
    pub own: AccountLimits,
}

impl LimitsOfAccount {
    /// The smaller of the two, limit by limit.
    pub fn in_effect(&self) -> PlanLimits {
        PlanLimits {
            storage_bytes: smaller(self.plan.storage_bytes, self.own.storage_bytes),
            pull_bytes_per_month: smaller(
                self.plan.pull_bytes_per_month,
                self.own.pull_bytes_per_month,
            ),
            ..self.plan
        }
    }
}

fn smaller(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

/// Limits that an account is to set for itself. `None` leaves one alone, 0 takes it away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitsChange {
    /// Bytes of storage.
    pub storage_bytes: Option<u64>,
    /// Bytes pulled in a month.
    pub pull_bytes_per_month: Option<u64>,
}

pub(crate) fn read_limits(reader: &Reader<'_>, account: &AccountId) -> Result<LimitsOfAccount> {
    let plan = reader.find_plan_of_account(account)?;
    Ok(LimitsOfAccount {
        plan: plan.map(|plan| plan.limits).unwrap_or_default(),
        own: reader.find_account_limits(account)?,
    })
}

impl Accounts {
    /// What the account may use.
    pub async fn limits(&self, by: &AccountContext) -> Result<LimitsOfAccount, Refused> {
        self.authorizer.require(by, Action::QuotaRead).await?;
        let read = self
            .core
            .metadata
            .read(|reader| read_limits(reader, by.id()));
        Ok(read.await?)
    }

    /// Sets limits of the account's own. One below what is used is fine: nothing more is taken in, or sent, then.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more than the plan allows.
    pub async fn set_limits(
        &self,
        by: &AccountContext,
        change: LimitsChange,
    ) -> Result<(), Refused> {
        let name = by.account().name.clone();
        self.change(by, Action::QuotaUpdate, move |core, tx, account| {
            // A plan is not changed meanwhile.
            tx.take_account(account)?;
            let LimitsOfAccount { plan, own } = read_limits(tx, account)?;
            let limits = AccountLimits {
                storage_bytes: changed(
                    "storage",
                    (own.storage_bytes, change.storage_bytes),
                    plan.storage_bytes,
                )?,
                pull_bytes_per_month: changed(
                    "traffic in a month",
                    (own.pull_bytes_per_month, change.pull_bytes_per_month),
                    plan.pull_bytes_per_month,
                )?,
            };
            tx.set_account_limits(account, &limits, core.now_ms())?;
            let event = Event::AccountLimited {
                account: name,
                storage_bytes: limits.storage_bytes,
                pull_bytes_per_month: limits.pull_bytes_per_month,
            };
            Ok(((), Some(event)))
        })
        .await
    }
}

/// A limit as it is to be, where it was `own`.
fn changed(
    what: &str,
    (own, wanted): (Option<u64>, Option<u64>),
    plan: Option<u64>,
) -> Result<Option<u64>> {
    let wanted = match wanted {
        None => return Ok(own),
        Some(0) => return Ok(None),
        Some(wanted) => wanted,
    };
    require_limit(Some(wanted))?;
    match plan {
        Some(plan) if wanted > plan => Err(Error::Invalid(format!(
            "the account's plan allows {plan} bytes of {what}, and a limit of its own is no larger; ask for a larger plan, or \
             set 0 for as much as the plan allows"
        ))),
        _ => Ok(Some(wanted)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_limit_is_in_effect() {
        for (plan, own, expected) in [
            (None, None, None),
            (Some(5), None, Some(5)),
            (None, Some(3), Some(3)),
            (Some(5), Some(3), Some(3)),
            // The plan became smaller since.
            (Some(2), Some(3), Some(2)),
        ] {
            let limits = LimitsOfAccount {
                plan: PlanLimits {
                    storage_bytes: plan,
                    requests_at_once: Some(7),
                    ..PlanLimits::default()
                },
                own: AccountLimits {
                    storage_bytes: own,
                    ..AccountLimits::default()
                },
            };
            let in_effect = limits.in_effect();
            assert_eq!(in_effect.storage_bytes, expected, "{plan:?} {own:?}");
            assert_eq!(in_effect.requests_at_once, Some(7));
        }
    }

    #[test]
    fn a_limit_of_ones_own_is_left_alone_taken_away_or_within_the_plan() {
        let of = |wanted| changed("storage", (Some(3), wanted), Some(5));
        assert!(matches!(of(None), Ok(Some(3))));
        assert!(matches!(of(Some(0)), Ok(None)));
        assert!(matches!(of(Some(5)), Ok(Some(5))));
        assert!(matches!(of(Some(6)), Err(Error::Invalid(_))));
        assert!(matches!(
            changed("storage", (None, Some(u64::MAX)), None),
            Err(Error::Invalid(_))
        ));
    }
}
