//! Passwords of an account's users.

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::accounts::{Accounts, get_own_user, require_same};
use crate::authentication::{
    ACCESS_TOKEN_PREFIX, AuthenticationFailed, Authenticator, Credentials,
};
use crate::users::{numbered_user, require_home};
use crate::{Error, Result};
use keys::SecretString;
use metadata::{Reader, UserDetails};
use model::{Action, Address, CredentialKind, Event, UserId};

/// Why a user did not get another password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordRefused {
    /// It has to show the one it has.
    #[error("the old password is wrong")]
    OldIsWrong,
    /// Too many attempts to.
    #[error("too many attempts; try again in {secs} s")]
    Throttled {
        /// When to try again.
        secs: u64,
    },
    /// Another reason.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl From<Error> for PasswordRefused {
    fn from(error: Error) -> Self {
        Self::Refused(error.into())
    }
}

impl Accounts {
    /// Gives a user another password: by itself, when it shows the one it has, or by whoever may change its account's
    /// users. What was got with the one before ends.
    pub async fn set_password(
        &self,
        by: &AccountContext,
        number: i64,
        old: SecretString,
        new: SecretString,
        authenticator: &Authenticator,
    ) -> Result<(), PasswordRefused> {
        let is_self = self.require_self_or(by, number, Action::UserUpdate).await?;
        let user = self.get_numbered_user(by, number).await?;
        if is_self {
            if old.expose() == new.expose() {
                let message = "the new password is the old one; choose another".to_owned();
                return Err(Error::Invalid(message).into());
            }
            check_old(authenticator, by, &user, old).await?;
        } else {
            require_home(&user, by.id())?;
            self.require_charge_of(by, (&user.id, &user.name)).await?;
        }
        let hash = self.hash(new).await?;
        let changed = self.core.change(by, move |_, tx, account| {
            let user = numbered_user(tx, account, number)?;
            require_password_here(tx, &user.id, &user.name)?;
            tx.set_password(&user.id, &hash)?;
            Ok(((), Some(Event::PasswordReset { user: user.name })))
        });
        Ok(changed.await?)
    }

    /// Sets the password of the user of that name. What was got with the one before ends.
    pub async fn reset_password(
        &self,
        by: &AccountContext,
        name: &str,
        password: SecretString,
    ) -> Result<(), Refused> {
        let id = self.require_charge_of_named(by, name).await?;
        let hash = self.hash(password).await?;
        let name = name.to_owned();
        self.change(by, Action::UserUpdate, move |_, tx, account| {
            let user = get_own_user(tx, account, &name)?;
            require_same(&user, &id)?;
            require_password_here(tx, &user.id, &user.name)?;
            tx.set_password(&user.id, &hash)?;
            Ok(((), Some(Event::PasswordReset { user: name })))
        })
        .await
    }

    pub(crate) async fn hash(&self, password: SecretString) -> Result<String> {
        if password.expose().starts_with(ACCESS_TOKEN_PREFIX) {
            let message = format!(
                "a password may not begin with {ACCESS_TOKEN_PREFIX}: that is how access tokens begin"
            );
            return Err(Error::Invalid(message));
        }
        keys::check_new_password(password.expose())
            .map_err(|error| Error::Invalid(error.to_string()))?;
        self.passwords
            .hash(password)
            .await
            .map_err(|error| Error::Invalid(error.to_string()))
    }
}

/// Whoever logs in elsewhere has no password here.
fn require_password_here(reader: &Reader<'_>, user: &UserId, name: &str) -> Result<()> {
    if reader.find_source_of_user(user)?.is_none() {
        return Ok(());
    }
    Err(Error::NotAllowed(format!(
        "the user {name} logs in by an identity source and has no password here; it can make access tokens"
    )))
}

async fn check_old(
    authenticator: &Authenticator,
    by: &AccountContext,
    user: &UserDetails,
    old: SecretString,
) -> Result<(), PasswordRefused> {
    let credentials = Credentials::Basic {
        name: user.name.clone(),
        secret: old,
    };
    let known = authenticator
        .authenticate(credentials, by.context.origin.address, &Address::Shared)
        .await;
    let known = match known {
        Ok(known) => known,
        Err(AuthenticationFailed::Throttled { secs }) => {
            return Err(PasswordRefused::Throttled { secs });
        }
        Err(AuthenticationFailed::Failed(error)) => return Err(error.into()),
        Err(_) => return Err(PasswordRefused::OldIsWrong),
    };
    // An access token logs in, too, but is no password.
    let is_password = known.caller.credential == CredentialKind::Password;
    if is_password && known.caller.user_id() == Some(&user.id) {
        Ok(())
    } else {
        Err(PasswordRefused::OldIsWrong)
    }
}
