//! Operators: people who run the deployment, and what they may do to it. What is in an account is the account's business.

use crate::access::{Authenticated, CallerContext, Refused, Rights};
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::credential_scope::is_good_for_everything;
use crate::deployment::Deployment;
use crate::{Error, Result};
use metadata::{OperatorRow, Turn, Tx, UserRow};
use model::caller::Origin;
use model::{Address, Caller, CallerKind, Event, OperatorRole};
use std::sync::Arc;

/// Rows of one list.
const PAGE: i64 = 1000;

/// A caller that is an operator of the deployment. What it may do there each service asks.
#[derive(Clone, Debug)]
pub struct OperatorContext {
    pub(crate) authenticated: Arc<Authenticated>,
    pub(crate) origin: Origin,
    /// Its roles when it came.
    roles: Vec<OperatorRole>,
}

impl OperatorContext {
    pub(crate) fn caller(&self) -> &Caller {
        &self.authenticated.caller
    }

    /// Whether it may do something.
    pub fn may(&self, action: OperatorAction) -> bool {
        self.roles.iter().any(|role| action.is_held_by(*role))
    }

    /// Its roles, the strongest first.
    pub fn roles(&self) -> &[OperatorRole] {
        &self.roles
    }
}

/// What an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperatorAction {
    /// Looks at the deployment: its version, its condition, how much there is.
    DeploymentRead,
    /// Looks at the list of accounts.
    AccountList,
    /// Looks at an account: its state, its plan, what it uses.
    AccountRead,
    /// Makes an account.
    AccountCreate,
    /// Gives an account a plan, suspends and resumes it.
    AccountUpdate,
    /// Closes an account for good, or restores it.
    AccountClose,
    /// Looks at what all accounts use.
    UsageRead,
    /// Looks at the issuers by which people log in to the deployment.
    IdentitySourceRead,
    /// Makes, changes and forgets them.
    IdentitySourceUpdate,
    /// Looks at the plans.
    PlanRead,
    /// Makes and deletes plans.
    PlanUpdate,
    /// Reads and proves the deployment's own audit log.
    AuditRead,
    /// Looks at who is an operator.
    OperatorList,
    /// Makes operators, and takes that from them.
    OperatorUpdate,
    /// Looks at all requests to see what is in accounts.
    ContentRequestList,
    /// Asks to see what is in an account.
    ContentRequestCreate,
}

/// Which of the roles that are not the administrator's holds what.
fn holders(action: OperatorAction) -> &'static [OperatorRole] {
    use OperatorAction as A;
    const SUPPORT: OperatorRole = OperatorRole::Support;
    const BILLING: OperatorRole = OperatorRole::Billing;
    const AUDITOR: OperatorRole = OperatorRole::Auditor;
    match action {
        A::DeploymentRead | A::AccountList | A::AccountRead | A::PlanRead => {
            &[SUPPORT, BILLING, AUDITOR]
        }
        A::PlanUpdate | A::UsageRead => &[BILLING],
        A::AuditRead | A::OperatorList | A::IdentitySourceRead => &[AUDITOR],
        A::ContentRequestList => &[SUPPORT, AUDITOR],
        A::ContentRequestCreate => &[SUPPORT],
        A::AccountCreate
        | A::AccountUpdate
        | A::AccountClose
        | A::IdentitySourceUpdate
        | A::OperatorUpdate => &[],
    }
}

impl OperatorAction {
    /// Whether operators of a role may do it.
    pub fn is_held_by(self, role: OperatorRole) -> bool {
        role == OperatorRole::Administrator || holders(self).contains(&role)
    }
}

impl Deployment {
    /// An operator who comes by the API, with a credential that is made for everything.
    ///
    /// # Errors
    /// [`Refused::Unauthenticated`] for nobody, [`Refused::Hidden`] for whoever is no operator, and on an account's own
    /// address for everyone.
    pub async fn enter(&self, context: CallerContext) -> Result<OperatorContext, Refused> {
        let who = &context.authenticated;
        let roles = match &who.caller.kind {
            CallerKind::Anonymous => return Err(Refused::Unauthenticated),
            CallerKind::Robot { .. } | CallerKind::Workload { .. } => return Err(Refused::Hidden),
            CallerKind::LocalOperator => vec![OperatorRole::Administrator],
            CallerKind::User { id, .. } => {
                let found = self
                    .core
                    .metadata
                    .read(|reader| Ok::<_, Error>(reader.find_operator_roles(id)?));
                found.await?
            }
        };
        let is_elsewhere = matches!(context.address, Address::Account(_));
        if roles.is_empty() || is_elsewhere || matches!(who.rights, Rights::Token(_)) {
            return Err(Refused::Hidden);
        }
        if !is_good_for_everything(&who.caller) {
            return Err(Refused::Forbidden);
        }
        Ok(OperatorContext {
            authenticated: context.authenticated,
            origin: context.origin,
            roles,
        })
    }

    /// The operator at the machine's command line.
    pub fn enter_locally(&self) -> OperatorContext {
        OperatorContext {
            authenticated: Arc::new(Authenticated::local_operator()),
            origin: Origin::default(),
            roles: vec![OperatorRole::Administrator],
        }
    }

    /// The operators with their roles, by name.
    pub async fn list_operators(&self, by: &OperatorContext) -> Result<Vec<OperatorRow>, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::OperatorList)?;
        let listed = self
            .core
            .metadata
            .list(|reader| Ok::<_, Error>(reader.list_operators(PAGE)?));
        Ok(listed.await?)
    }

    /// Gives a user a role of operators. Nothing happens when it has it.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the user.
    pub async fn add_operator(
        &self,
        by: &OperatorContext,
        user: &str,
        role: OperatorRole,
    ) -> Result<OperatorRow, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::OperatorUpdate)?;
        let user = user.to_owned();
        let added = self.change_operators(by, move |core, tx| {
            let found = get_operator(tx, &user)?;
            let is_new = tx.put_operator_role(&found.id, role, core.now_ms())?;
            let event = is_new.then(|| Event::OperatorAdded {
                operator: found.name.clone(),
                role: role.as_str().to_owned(),
            });
            let all = tx.list_operators(PAGE)?;
            let mut all = all.into_iter();
            let row = all.find(|row| row.user_id == found.id && row.role == role);
            Ok((row.ok_or(Error::Internal)?, event))
        });
        Ok(added.await?)
    }

    /// Takes a role from an operator.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not have it, [`Error::NotNow`] for the last administrator.
    pub async fn remove_operator(
        &self,
        by: &OperatorContext,
        user: &str,
        role: OperatorRole,
    ) -> Result<(), Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::OperatorUpdate)?;
        let user = user.to_owned();
        let removed = self.change_operators(by, move |_, tx| {
            let found = get_operator(tx, &user)?;
            let is_last = role == OperatorRole::Administrator
                && !tx.has_other_administrator(&found.id)?;
            if !tx.delete_operator_role(&found.id, role)? {
                let what = format!("the role {} of {user} as an operator", role.as_str());
                return Err(Error::NotFound(what));
            }
            if is_last {
                return Err(Error::NotNow(format!(
                    "without {user} nobody could administer the deployment any more; make somebody else its administrator first"
                )));
            }
            let event = Event::OperatorRemoved {
                operator: found.name,
                role: role.as_str().to_owned(),
            };
            Ok(((), Some(event)))
        });
        Ok(removed.await?)
    }

    /// Two that take a role from each other do it one after the other.
    async fn change_operators<T: Send + 'static>(
        &self,
        by: &OperatorContext,
        work: impl FnOnce(&Core, &mut Tx<'_>) -> Result<(T, Option<Event>)> + Clone + Send + 'static,
    ) -> Result<T> {
        let (core, by) = (self.core.clone(), by.clone());
        let changed = self.core.metadata.write(move |tx| {
            tx.take_turn(Turn::Administrators)?;
            let (answer, event) = work(&core, tx)?;
            if let Some(event) = event {
                core.record_for_deployment(tx, &event, (by.caller(), &by.origin))?;
            }
            Ok(answer)
        });
        changed.await
    }
}

fn get_operator(tx: &Tx<'_>, user: &str) -> Result<UserRow> {
    let found = tx.find_user_by_name(user)?;
    found.ok_or_else(|| Error::NotFound(format!("the user {user}")))
}

impl Authorizer {
    /// Whether an operator may do something to the deployment, by any of its roles.
    ///
    /// # Errors
    /// [`Error::NotAllowed`]: that it is an operator it knows.
    pub fn require_operator(
        &self,
        by: &OperatorContext,
        action: OperatorAction,
    ) -> Result<(), Refused> {
        if by.may(action) {
            return Ok(());
        }
        let roles: Vec<_> = by.roles.iter().map(|role| role.as_str()).collect();
        let message = format!(
            "operators of the role {} may not do this; ask an administrator of the deployment",
            roles.join(", ")
        );
        Err(Error::NotAllowed(message).into())
    }
}

#[cfg(test)]
mod tests {
    use super::{OperatorAction, holders};
    use model::OperatorRole;

    #[test]
    fn nobody_but_administrators_changes_accounts_or_operators() {
        for action in [
            OperatorAction::AccountCreate,
            OperatorAction::AccountUpdate,
            OperatorAction::OperatorUpdate,
        ] {
            assert_eq!(holders(action), &[], "{action:?}");
        }
        assert_eq!(holders(OperatorAction::AuditRead), &[OperatorRole::Auditor]);
    }
}
