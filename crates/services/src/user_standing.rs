//! How users stand to an account: whether they may log in, and whose they are.

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::accounts::{Accounts, get_user};
use metadata::Numbered;
use model::Action;

/// How a user stands to its account.
#[derive(Clone, Debug)]
pub struct UserStanding {
    /// Harbor's number for it in the account.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// Whether it may not log in.
    pub is_disabled: bool,
    /// Whether it belongs to another account first, which decides about it.
    pub is_guest: bool,
    /// When it was made.
    pub created_at_ms: i64,
}

impl Accounts {
    /// How the account's user of that name stands to it, for whoever may see all.
    pub async fn user_standing(
        &self,
        by: &AccountContext,
        name: &str,
    ) -> Result<UserStanding, Refused> {
        self.authorizer.require(by, Action::UserRead).await?;
        let found = self
            .core
            .metadata
            .read(|reader| get_user(reader, by.id(), name));
        let user = found.await?;
        let number = self.core.number(by.id(), Numbered::User, user.id.as_str());
        Ok(UserStanding {
            number: number.await?,
            name: user.name,
            is_disabled: user.is_disabled,
            is_guest: user.home_account_id != *by.id(),
            created_at_ms: user.created_at_ms,
        })
    }
}
