//! Plans: what operators offer, and which account has which.

use crate::access::Refused;
use crate::core::Core;
use crate::deployment::Deployment;
use crate::operators::{OperatorAction, OperatorContext};
use crate::{Error, Result, Usage};
use metadata::{AccountTerms, Reader, Tx};
use model::plan::EXAMPLES;
use model::{Account, AccountId, Event, Page, Plan, PlanId, PlanLimits};

/// The longest description of a plan, in bytes.
const DESCRIPTION_BYTES: usize = 1000;
/// Under which name the database keeps that the examples were made: one that was deleted does not come back.
const EXAMPLES_MADE: &str = "example_plans";

/// A plan to be made.
#[derive(Clone, Debug)]
pub struct NewPlan {
    /// Its name: 1 to 63 letters, digits, hyphens and underscores.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// Its limits.
    pub limits: PlanLimits,
    /// Whether accounts may choose it themselves.
    pub is_offered: bool,
}

/// An account with what it has agreed to and what it uses.
#[derive(Clone, Debug)]
pub struct AccountView {
    /// The account.
    pub account: Account,
    /// Why it may not do everything, and when it ends.
    pub terms: AccountTerms,
    /// Its plan; `None` for none, and so no limits.
    pub plan: Option<Plan>,
    /// What it stores.
    pub usage: Usage,
    /// Its namespaces.
    pub namespaces: u64,
}

/// Makes the examples, once in a deployment's life.
pub(crate) async fn make_examples(core: &std::sync::Arc<Core>) -> Result<()> {
    let made = core
        .metadata
        .read(|reader| Ok::<_, Error>(reader.find_deployment_value(EXAMPLES_MADE)?))
        .await?;
    if made.is_some() {
        return Ok(());
    }
    let core_for_closure = core.clone();
    core.metadata
        .write(move |tx| {
            let core = core_for_closure;
            let mark = core.ids.next_id();
            // Of several replicas that start at once, one does it.
            if tx.keep_deployment_value(EXAMPLES_MADE, &mark)? != mark {
                return Ok(());
            }
            for example in EXAMPLES {
                let plan = Plan::example(PlanId::new(core.ids.next_id()), example);
                match tx.create_plan(&plan, core.now_ms()) {
                    Ok(()) | Err(metadata::Error::AlreadyExists) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(())
        })
        .await
}

impl Deployment {
    /// The plans, by name, after `after`, `limit` of them.
    pub async fn list_plans(
        &self,
        by: &OperatorContext,
        (after, limit): (String, usize),
    ) -> Result<Page<Plan>, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::PlanRead)?;
        let probe = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_plans(&after, probe)?));
        Ok(Page::from_probe(listed.await?, limit, |plan| {
            plan.name.clone()
        }))
    }

    /// The plan of that name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn find_plan(&self, by: &OperatorContext, name: &str) -> Result<Plan, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::PlanRead)?;
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_plan(name)?))
            .await?;
        Ok(found.ok_or_else(|| Error::NotFound(format!("the plan {name}")))?)
    }

    /// Makes a plan.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that cannot be one, [`Error::AlreadyExists`].
    pub async fn create_plan(&self, by: &OperatorContext, new: NewPlan) -> Result<Plan, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::PlanUpdate)?;
        require_plan_name(&new.name)?;
        require_description(&new.description)?;
        let plan = Plan {
            id: PlanId::new(self.core.ids.next_id()),
            name: new.name,
            description: new.description,
            limits: new.limits,
            is_offered: new.is_offered,
        };
        let made = plan.clone();
        self.change_deployment(by, move |core, tx| {
            tx.create_plan(&made, core.now_ms()).map_err(|error| {
                crate::accounts::existing(error, &format!("the plan {}", made.name))
            })?;
            Ok(Event::PlanCreated { plan: made.name })
        })
        .await?;
        Ok(plan)
    }

    /// Deletes a plan that no account has.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotNow`] when an account has it.
    pub async fn delete_plan(&self, by: &OperatorContext, name: &str) -> Result<(), Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::PlanUpdate)?;
        let name = name.to_owned();
        let deleted = self.change_deployment(by, move |_, tx| {
            let plan = get_plan(tx, &name)?;
            let accounts = tx.count_accounts_of_plan(&plan.id)?;
            if accounts > 0 {
                return Err(Error::NotNow(format!(
                    "the plan {name} cannot be deleted: {accounts} accounts have it; give them another first"
                )));
            }
            tx.delete_plan(&plan.id)?;
            Ok(Event::PlanDeleted { plan: name })
        });
        Ok(deleted.await?)
    }

    /// Gives an account a plan. More takes effect at once; less only when what is used fits into it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::PlanTooSmall`].
    pub async fn set_plan(
        &self,
        by: &OperatorContext,
        account: &str,
        plan: &str,
    ) -> Result<(), Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::AccountUpdate)?;
        let (account, plan) = (account.to_owned(), plan.to_owned());
        let set = self.change(by, move |core, tx| {
            let found = tx.find_account_by_name(&account)?;
            let found = found.ok_or_else(|| Error::NotFound(format!("the account {account}")))?;
            let plan = get_plan(tx, &plan)?;
            tx.take_account(&found.id)?;
            require_fit(tx, &found.id, &plan)?;
            tx.set_plan_of_account(&found.id, &plan, core.now_ms())?;
            let event = Event::PlanChanged {
                account,
                plan: plan.name,
            };
            Ok(((), found.id, event))
        });
        Ok(set.await?)
    }

    /// An account with its plan and what it uses. What is in it is not told.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn show_account(
        &self,
        by: &OperatorContext,
        name: &str,
    ) -> Result<AccountView, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::AccountRead)?;
        let found = self.core.metadata.read(|reader| {
            let account = reader.find_account_by_name(name)?;
            account.map(|account| view(reader, account)).transpose()
        });
        let found = found.await?;
        Ok(found.ok_or_else(|| Error::NotFound(format!("the account {name}")))?)
    }
}

/// An account as its administrators and operators see it.
pub(crate) fn view(reader: &Reader<'_>, account: Account) -> Result<AccountView> {
    let (used_bytes, limit_bytes) = reader.get_usage(&account.id)?;
    Ok(AccountView {
        terms: reader.find_account_terms(&account.id)?,
        plan: reader.find_plan_of_account(&account.id)?,
        usage: Usage {
            used_bytes,
            limit_bytes,
        },
        namespaces: reader.count_all_namespaces(&account.id)?,
        account,
    })
}

pub(crate) fn get_plan(tx: &Tx<'_>, name: &str) -> Result<Plan> {
    let found = tx.find_plan(name)?;
    found.ok_or_else(|| Error::NotFound(format!("the plan {name}")))
}

pub(crate) fn require_fit(tx: &Tx<'_>, account: &AccountId, plan: &Plan) -> Result<()> {
    let (used_bytes, _) = tx.get_usage(account)?;
    let namespaces = tx.count_all_namespaces(account)?;
    let too_small = |what: &str, used: u64, limit: u64| Error::PlanTooSmall {
        plan: plan.name.clone(),
        what: what.to_owned(),
        used,
        limit,
    };
    match (plan.limits.storage_bytes, plan.limits.namespaces) {
        (Some(limit), _) if used_bytes > limit => {
            Err(too_small("bytes of storage", used_bytes, limit))
        }
        (_, Some(limit)) if namespaces > limit => Err(too_small("namespaces", namespaces, limit)),
        _ => Ok(()),
    }
}

/// Whether an account may make one more namespace. Others that would make one at the same time wait.
pub(crate) fn require_room_for_namespace(tx: &mut Tx<'_>, account: &AccountId) -> Result<()> {
    let plan = tx.find_plan_of_account(account)?;
    let Some(limit) = plan.and_then(|plan| plan.limits.namespaces) else {
        return Ok(());
    };
    tx.take_account(account)?;
    if tx.count_all_namespaces(account)? < limit {
        Ok(())
    } else {
        Err(Error::TooManyNamespaces { limit })
    }
}

fn require_description(text: &str) -> Result<()> {
    if text.len() <= DESCRIPTION_BYTES && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "a plan's description has at most {DESCRIPTION_BYTES} bytes and no control characters such as line breaks"
    )))
}

fn require_plan_name(name: &str) -> Result<()> {
    let is_fine = !name.is_empty()
        && name.len() <= 63
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_fine {
        Ok(())
    } else {
        Err(Error::Invalid(
            "a plan's name has 1 to 63 letters, digits, hyphens and underscores".to_owned(),
        ))
    }
}
