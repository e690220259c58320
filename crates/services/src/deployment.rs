//! The deployment's accounts, for whoever runs it. What is in an account is the account's business.

use crate::access::Authenticated;
use crate::core::Core;
use crate::{Error, Result};
use model::caller::Origin;
use model::{Account, AccountId, AccountState, Event};
use std::sync::Arc;

/// Rows of one list.
const PAGE: i64 = 1000;

/// Someone who runs the deployment. Only [`Deployment::enter_locally`] makes one.
#[derive(Clone, Debug)]
pub struct OperatorContext {
    authenticated: Arc<Authenticated>,
    origin: Origin,
}

impl OperatorContext {
    pub(crate) fn caller(&self) -> &model::Caller {
        &self.authenticated.caller
    }
}

/// The deployment's accounts.
pub struct Deployment {
    pub(crate) core: Arc<Core>,
}

impl Deployment {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// The operator at the machine's command line.
    pub fn enter_locally(&self) -> OperatorContext {
        OperatorContext {
            authenticated: Arc::new(Authenticated::local_operator()),
            origin: Origin::default(),
        }
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
    ) -> Result<Account> {
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

    /// The deployment's accounts by name, after `after`.
    pub async fn list_accounts(&self, _: &OperatorContext, after: String) -> Result<Vec<Account>> {
        self.core
            .metadata
            .list(move |reader| Ok(reader.list_accounts(&after, PAGE)?))
            .await
    }

    /// Lets an account do everything, or pull only, or nothing. Takes effect with the next request.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn set_account_state(
        &self,
        by: &OperatorContext,
        name: &str,
        state: AccountState,
    ) -> Result<()> {
        let name = name.to_owned();
        self.change(by, move |_, tx| {
            let found = tx.find_account_by_name(&name)?;
            let account = found.ok_or_else(|| Error::NotFound(format!("the account {name}")))?;
            tx.set_account_state(&account.id, state)?;
            let event = Event::AccountStateChanged {
                account: name,
                state: state.as_str().to_owned(),
            };
            Ok(((), account.id, event))
        })
        .await
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
                core.record_for_deployment(tx, &event, &by.authenticated.caller)
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
                let caller = &by.authenticated.caller;
                core.record_for(tx, &event, &account, (caller, &by.origin))?;
                core.record_for_deployment(tx, &event, caller)?;
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
