//! Who administers an account, and deleting its users: nobody is left without an administrator by either.

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::accounts::Accounts;
use crate::users::numbered_user;
use crate::{Error, Result};
use metadata::{Turn, UserDetails};
use model::{Action, Event, GrantId, OperatorRole, Right, Role, Scope, UserId};

impl Accounts {
    /// Makes a user an administrator of the account, or one no more.
    ///
    /// # Errors
    /// [`Error::NotNow`] for the last one.
    pub async fn set_administrator(
        &self,
        by: &AccountContext,
        number: i64,
        is_administrator: bool,
    ) -> Result<(), Refused> {
        self.authorizer.require(by, Action::UserUpdate).await?;
        self.require_everything(by).await?;
        let grant = GrantId::new(self.core.ids.next_id());
        let changed = self.core.change(by, move |core, tx, account| {
            tx.take_turn(Turn::Administrators)?;
            let user = numbered_user(tx, account, number)?;
            if user.is_administrator == is_administrator {
                return Ok(((), None));
            }
            let role = Role::Administrator;
            let event = if is_administrator {
                tx.grant_account_role(&grant, account, &user.id, role, core.now_ms())?;
                Event::AdministratorAdded {
                    administrator: user.name,
                }
            } else {
                if tx.list_accounts_that_need(&user.id)?.contains(account) {
                    return Err(last_administrator(&user));
                }
                tx.take_account_role(account, &user.id, role)?;
                Event::AdministratorRemoved {
                    administrator: user.name,
                }
            };
            Ok(((), Some(event)))
        });
        Ok(changed.await?)
    }

    /// Takes a user out of the account, with everything granted to it there. When this is the account that it belongs to
    /// first, it is deleted for good.
    ///
    /// # Errors
    /// [`Error::NotNow`] for an operator of the deployment, and for somebody without whom nobody could administer an
    /// account; [`Error::NotAllowed`] for oneself.
    pub async fn delete_user(&self, by: &AccountContext, number: i64) -> Result<(), Refused> {
        self.authorizer.require(by, Action::UserDelete).await?;
        let user = self.get_numbered_user(by, number).await?;
        if by.authenticated().caller.user_id() == Some(&user.id) {
            let message = "nobody deletes itself; ask another administrator to";
            return Err(Error::NotAllowed(message.to_owned()).into());
        }
        self.require_no_less(by, &user.id).await?;
        let deleted = self.core.change(by, move |_, tx, account| {
            tx.take_turn(Turn::Administrators)?;
            let user = numbered_user(tx, account, number)?;
            let needed = tx.list_accounts_that_need(&user.id)?;
            let is_home = user.home_account_id == *account;
            if needed.contains(account) || (is_home && !needed.is_empty()) {
                return Err(last_administrator(&user));
            }
            if !is_home {
                tx.delete_membership(account, &user.id)?;
                return Ok(((), Some(Event::UserRemoved { user: user.name })));
            }
            if tx.is_operator(&user.id)? {
                return Err(Error::NotNow(format!(
                    "the user {} is an operator of the deployment; take that from it first",
                    user.name
                )));
            }
            tx.delete_user(&user.id)?;
            Ok(((), Some(Event::UserDeleted { user: user.name })))
        });
        Ok(deleted.await?)
    }

    /// Asks for a caller who may decide how another logs in, and whether: whoever gives it a password could log in as it. Nobody
    /// decides that of itself, or of somebody who may do more; and of an operator only one who manages operators.
    pub(crate) async fn require_charge_of(
        &self,
        by: &AccountContext,
        (user, name): (&UserId, &str),
    ) -> Result<(), Refused> {
        if by.is_local_operator() {
            return Ok(());
        }
        let own = by.authenticated().caller.user_id();
        if own == Some(user) {
            let message = "nobody does that to itself; ask another administrator to, and change your own password with the old one";
            return Err(Error::NotAllowed(message.to_owned()).into());
        }
        self.require_no_less(by, user).await?;
        let found = self.core.metadata.read(|reader| {
            let own = match own {
                Some(own) => reader.find_operator_roles(own)?,
                None => Vec::new(),
            };
            Ok::<_, Error>((reader.find_operator_roles(user)?, own))
        });
        let (roles, own) = found.await?;
        if roles.is_empty() || own.contains(&OperatorRole::Administrator) {
            return Ok(());
        }
        Err(Error::NotAllowed(format!(
            "the user {name} is an operator of the deployment; ask an operator who administers it"
        ))
        .into())
    }

    /// Asks for a caller who holds the whole account: nobody else makes another such.
    pub(crate) async fn require_everything(&self, by: &AccountContext) -> Result<(), Refused> {
        let all = Right::of_role(by.id().clone(), Role::Administrator, &Scope::Account);
        if self.authorizer.may_pass_on(by, &all).await? {
            Ok(())
        } else {
            Err(Refused::Forbidden)
        }
    }

    /// Asks for a caller who may do all that a user may: whoever sets its password could log in as it.
    pub(crate) async fn require_no_less(
        &self,
        by: &AccountContext,
        user: &UserId,
    ) -> Result<(), Refused> {
        let rights = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_rights(user, self.core.now_ms())?))
            .await?;
        let rights = rights.into_iter().flat_map(|found| found.rights);
        for right in rights.filter(|right| right.account == *by.id() && right.request.is_none()) {
            if !self.authorizer.may_pass_on(by, &right).await? {
                return Err(Refused::Forbidden);
            }
        }
        Ok(())
    }
}

fn last_administrator(user: &UserDetails) -> Error {
    last_administrator_of(&user.name)
}

pub(crate) fn last_administrator_of(user: &str) -> Error {
    Error::NotNow(format!(
        "without {user} nobody could administer the account any more; make somebody else its administrator first"
    ))
}
