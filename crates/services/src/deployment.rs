//! The deployment's accounts, for whoever runs it. What is in an account is the account's business.

use crate::access::Refused;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::operators::{OperatorAction, OperatorContext};
use crate::{Error, Result};
use metadata::{AccountFilter, AccountSummary, DeploymentCounts};
use model::{Account, AccountId, AccountState, Event, Page};
use std::sync::Arc;

/// The longest reason for a suspension, in bytes.
const REASON_BYTES: usize = 1000;

/// What a suspended account may still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspension {
    /// Pull, and nothing else.
    PullOnly,
    /// Nothing.
    Nothing,
}

/// The deployment's accounts.
pub struct Deployment {
    pub(crate) core: Arc<Core>,
    pub(crate) authorizer: Arc<Authorizer>,
}

impl Deployment {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// Makes an account with nothing in it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that cannot be one, [`Error::AlreadyExists`], [`Error::NotFound`] for the plan.
    pub async fn create_account(
        &self,
        by: &OperatorContext,
        name: &str,
        plan: Option<&str>,
    ) -> Result<Account, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::AccountCreate)?;
        require_account_name(name)?;
        let account = Account {
            id: AccountId::new(self.core.ids.next_id()),
            name: name.to_owned(),
            state: AccountState::Active,
            creates_namespaces_on_push: false,
        };
        let (new, plan) = (account.clone(), plan.map(str::to_owned));
        self.change(by, move |core, tx| {
            if tx.find_account_by_name(&new.name)?.is_some() {
                return Err(Error::AlreadyExists(format!("the account {}", new.name)));
            }
            tx.create_account(&new, core.now_ms())?;
            if let Some(plan) = plan {
                let plan = crate::plans::get_plan(tx, &plan)?;
                tx.set_plan_of_account(&new.id, &plan, core.now_ms())?;
            }
            let event = Event::AccountCreated { account: new.name };
            Ok(((), new.id, event))
        })
        .await?;
        Ok(account)
    }

    /// The deployment's accounts by name, after `after`, `limit` of them.
    pub async fn list_accounts(
        &self,
        by: &OperatorContext,
        filter: AccountFilter,
        (after, limit): (String, usize),
    ) -> Result<Page<AccountSummary>, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::AccountList)?;
        let probe = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let listed = self.core.metadata.browse(move |reader| {
            Ok::<_, Error>(reader.list_account_summaries(&filter, &after, probe)?)
        });
        Ok(Page::from_probe(listed.await?, limit, |account| {
            account.account.name.clone()
        }))
    }

    /// How much there is in the deployment: accounts by state and by plan, and what they store in all.
    pub async fn count(&self, by: &OperatorContext) -> Result<DeploymentCounts, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::DeploymentRead)?;
        let counted = self
            .core
            .metadata
            .browse(|reader| Ok::<_, Error>(reader.count_deployment()?));
        Ok(counted.await?)
    }

    /// Asks whether an operator may look at the condition of the deployment.
    pub fn require_reader(&self, by: &OperatorContext) -> Result<(), Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::DeploymentRead)
    }

    /// Lets an account only pull, or do nothing, with the next request. Its administrators are told the reason.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for a reason that is too long, [`Error::NotNow`] for one that is closing.
    pub async fn suspend_account(
        &self,
        by: &OperatorContext,
        name: &str,
        (mode, reason): (Suspension, &str),
    ) -> Result<(), Refused> {
        if reason.len() > REASON_BYTES || reason.chars().any(char::is_control) {
            return Err(Error::Invalid(format!(
                "a reason has at most {REASON_BYTES} bytes and no control characters such as line breaks"
            ))
            .into());
        }
        let state = match mode {
            Suspension::PullOnly => AccountState::Suspended,
            Suspension::Nothing => AccountState::Closing,
        };
        self.set_account_state(by, name, (state, Some(reason)))
            .await
    }

    /// Lets a suspended account do everything again, with the next request.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotNow`] for one that is closing.
    pub async fn resume_account(&self, by: &OperatorContext, name: &str) -> Result<(), Refused> {
        self.set_account_state(by, name, (AccountState::Active, None))
            .await
    }

    async fn set_account_state(
        &self,
        by: &OperatorContext,
        name: &str,
        (state, reason): (AccountState, Option<&str>),
    ) -> Result<(), Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::AccountUpdate)?;
        let name = name.to_owned();
        let reason = reason.filter(|reason| !reason.is_empty());
        let reason = reason.map(str::to_owned);
        let changed = self.change(by, move |core, tx| {
            let found = tx.find_account_by_name(&name)?;
            let account = found.ok_or_else(|| Error::NotFound(format!("the account {name}")))?;
            let now_ms = core.now_ms();
            let terms = tx.take_account_terms(&account.id, now_ms)?;
            if terms.destroy_at_ms.is_some() || terms.destroyed_at_ms.is_some() {
                return Err(Error::NotNow(format!(
                    "the account {name} is {}; restore it first, while that is possible",
                    terms.shown_state(account.state)
                )));
            }
            tx.set_account_state(&account.id, state)?;
            tx.set_state_reason(&account.id, reason.as_deref(), now_ms)?;
            let event = Event::AccountStateChanged {
                account: name,
                state: state.as_str().to_owned(),
            };
            Ok(((), account.id, event))
        });
        Ok(changed.await?)
    }

    /// One transaction of an operator about the deployment alone.
    pub(crate) async fn change_deployment(
        &self,
        by: &OperatorContext,
        work: impl FnOnce(&Core, &mut metadata::Tx<'_>) -> Result<Event> + Clone + Send + 'static,
    ) -> Result<()> {
        let (core, by) = (self.core.clone(), by.clone());
        self.core
            .metadata
            .write(move |tx| {
                let event = work(&core, tx)?;
                core.record_for_deployment(tx, &event, (by.caller(), &by.origin))
            })
            .await
    }

    /// One transaction of an operator. Its event stands in the log of the account, and in the deployment's.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        by: &OperatorContext,
        work: impl FnOnce(&Core, &mut metadata::Tx<'_>) -> Result<(T, AccountId, Event)>
        + Clone
        + Send
        + 'static,
    ) -> Result<T> {
        let (core, by) = (self.core.clone(), by.clone());
        self.core
            .metadata
            .write(move |tx| {
                let (answer, account, event) = work(&core, tx)?;
                let who = (by.caller(), &by.origin);
                core.record_for(tx, &event, &account, who)?;
                core.record_for_deployment(tx, &event, who)?;
                Ok(answer)
            })
            .await
    }
}

/// A name of accounts stands in host names and in those of robot accounts: a label of RFC 1123.
fn require_account_name(name: &str) -> Result<()> {
    let is_end = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let is_fine = matches!(bytes, [first, .., last] | [first @ last] if is_end(*first) && is_end(*last))
        && bytes.len() <= 63
        && bytes.iter().all(|byte| is_end(*byte) || *byte == b'-');
    if is_fine {
        Ok(())
    } else {
        Err(Error::Invalid(
            "an account's name has 1 to 63 lower-case letters, digits and hyphens, and no hyphen at its ends".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::require_account_name;

    #[test]
    fn an_accounts_name_is_a_label_of_host_names() {
        let long = "a".repeat(63);
        for name in ["a", "7", "acme", "a-b", "a--b", &long] {
            assert!(require_account_name(name).is_ok(), "{name}");
        }
        let longer = "a".repeat(64);
        for name in ["", "-", "-a", "a-", "A", "a.b", "a$b", "a b", "ä", &longer] {
            assert!(require_account_name(name).is_err(), "{name}");
        }
    }
}
