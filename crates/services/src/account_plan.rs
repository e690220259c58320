//! An account's plan, as its own people see and choose it.

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::accounts::Accounts;
use crate::plans::{get_plan, require_fit};
use crate::{Error, Result};
use model::{Action, Event, Plan};

/// Plans of one list: more than anybody offers.
const PLANS: i64 = 1000;

impl Accounts {
    /// The account's plan; `None` when it has none, and so no limits.
    pub async fn plan(&self, by: &AccountContext) -> Result<Option<Plan>, Refused> {
        self.authorizer.require(by, Action::PlanRead).await?;
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_plan_of_account(by.id())?));
        Ok(found.await?)
    }

    /// The plans that the account can choose, by name.
    pub async fn offered_plans(&self, by: &AccountContext) -> Result<Vec<Plan>, Refused> {
        self.authorizer.require(by, Action::PlanRead).await?;
        let listed = self
            .core
            .metadata
            .list(|reader| Ok::<_, Error>(reader.list_plans("", PLANS)?));
        let mut plans = listed.await?;
        plans.retain(|plan| plan.is_offered);
        Ok(plans)
    }

    /// Gives the account a plan that is offered. More takes effect at once; less only when what is used fits into it.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for a plan that is not offered, [`Error::PlanTooSmall`].
    pub async fn choose_plan(&self, by: &AccountContext, name: &str) -> Result<(), Refused> {
        let name = name.to_owned();
        let account_name = by.account().name.clone();
        self.change(by, Action::PlanUpdate, move |core, tx, account| {
            let plan = get_plan(tx, &name)?;
            if !plan.is_offered {
                return Err(Error::NotFound(format!("the plan {name}")));
            }
            tx.take_account(account)?;
            require_fit(tx, account, &plan)?;
            tx.set_plan_of_account(account, &plan, core.now_ms())?;
            let event = Event::PlanChanged {
                account: account_name,
                plan: plan.name,
            };
            Ok(((), Some(event)))
        })
        .await
    }
}
