//! Managing an account: the right to, and what it uses.

use crate::access::{Authenticated, CallerContext, Refused};
use crate::account_access::AccountContext;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::credential_scope::is_good_for;
use crate::plans::AccountView;
use crate::users::require_home_of;
use crate::{Error, Result};
use keys::{DeploymentKey, PasswordHasher, Random};
use metadata::{AccountSummary, AccountTerms, Error as MetadataError, Reader, UserRow};
use model::caller::Origin;
use model::{AccountId, Action, Address, Event, Page, UserId};
use std::sync::Arc;

/// Accounts and what is in them besides images.
pub struct Accounts {
    pub(crate) core: Arc<Core>,
    pub(crate) authorizer: Arc<Authorizer>,
    pub(crate) key: Arc<DeploymentKey>,
    pub(crate) passwords: Arc<PasswordHasher>,
    pub(crate) random: Arc<dyn Random>,
}

/// What an account uses, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Of its distinct digests.
    pub used_bytes: u64,
    /// What it may use; `None` for as much as there is.
    pub limit_bytes: Option<u64>,
}

impl Accounts {
    pub(crate) fn new(
        core: Arc<Core>,
        authorizer: Arc<Authorizer>,
        key: Arc<DeploymentKey>,
        passwords: Arc<PasswordHasher>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            core,
            authorizer,
            key,
            passwords,
            random,
        }
    }

    /// The operator at the machine's command line, come to an account.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no account of that name.
    pub async fn enter_locally(&self, account: &str) -> Result<AccountContext, Refused> {
        let context = CallerContext {
            authenticated: Arc::new(Authenticated::local_operator()),
            origin: Origin::default(),
            address: Address::Shared,
        };
        match self.authorizer.enter(context, Some(account)).await {
            Err(Refused::Hidden) => Err(Error::NotFound(format!("the account {account}")).into()),
            entered => entered,
        }
    }

    /// What the account uses, and may use.
    pub async fn usage(&self, by: &AccountContext) -> Result<Usage, Refused> {
        self.authorizer.require(by, Action::QuotaRead).await?;
        let (used_bytes, limit_bytes) = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.get_usage(by.id())?))
            .await?;
        Ok(Usage {
            used_bytes,
            limit_bytes,
        })
    }

    /// The account, with its plan and what it uses, for whoever may see that.
    pub async fn show(&self, by: &AccountContext) -> Result<AccountView, Refused> {
        self.authorizer.require(by, Action::QuotaRead).await?;
        let account = by.account.clone();
        let found = self
            .core
            .metadata
            .read(|reader| crate::plans::view(reader, account.clone()));
        Ok(found.await?)
    }

    /// What everyone who has something to do with the account may know: why it may not do everything, and when it ends.
    pub async fn terms(&self, by: &AccountContext) -> Result<AccountTerms, Refused> {
        self.require_fellow(by).await?;
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_account_terms(by.id())?));
        Ok(found.await?)
    }

    /// The accounts that the caller is in, by name, after `after`, `limit` of them.
    ///
    /// # Errors
    /// [`Refused::Forbidden`] for whoever is no user.
    pub async fn list_own(
        &self,
        by: &CallerContext,
        (after, limit): (String, usize),
    ) -> Result<Page<AccountSummary>, Refused> {
        let who = &by.authenticated;
        let user = who.caller.user_id().ok_or(Refused::Forbidden)?.clone();
        if !is_good_for(&who.caller, Action::NamespaceList) {
            return Err(Refused::Forbidden);
        }
        let probe = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let listed = self.core.metadata.list(move |reader| {
            Ok::<_, Error>(reader.list_accounts_of_user(&user, &after, probe)?)
        });
        Ok(Page::from_probe(listed.await?, limit, |account| {
            account.account.name.clone()
        }))
    }

    /// One transaction of a caller that may do `action` to the account, with the event that it makes true.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        by: &AccountContext,
        action: Action,
        work: impl FnOnce(&Core, &mut metadata::Tx<'_>, &AccountId) -> Result<(T, Option<Event>)>
        + Clone
        + Send
        + 'static,
    ) -> Result<T, Refused> {
        self.authorizer.require(by, action).await?;
        Ok(self.core.change(by, work).await?)
    }
}

/// The account's user of that name; others do not exist for whoever manages it.
pub(crate) fn get_user(reader: &Reader<'_>, account: &AccountId, name: &str) -> Result<UserRow> {
    let unknown = || Error::NotFound(format!("the user {name}"));
    let user = reader.find_user_named(name)?.ok_or_else(unknown)?;
    if reader.is_member(account, &user.id)? {
        Ok(user)
    } else {
        Err(unknown())
    }
}

/// The same for whoever is to get a role: users of other accounts become members first, when they want to.
pub(crate) fn get_member(reader: &Reader<'_>, account: &AccountId, name: &str) -> Result<UserRow> {
    get_user(reader, account, name).map_err(|error| match error {
        Error::NotFound(_) => Error::NotFound(format!(
            "a member {name} of the account, which users of other accounts become by an invitation,"
        )),
        error => error,
    })
}

/// The account's user of that name, for whoever decides about it: only the account that it belongs to first does.
pub(crate) fn get_own_user(
    reader: &Reader<'_>,
    account: &AccountId,
    name: &str,
) -> Result<UserRow> {
    let user = get_user(reader, account, name)?;
    require_home_of((&user.name, &user.home_account_id), account)?;
    Ok(user)
}

/// Of a name somebody else may be by now than the one who was asked about.
pub(crate) fn require_same(user: &UserRow, id: &UserId) -> Result<()> {
    if user.id == *id {
        Ok(())
    } else {
        Err(Error::NotFound(format!("the user {}", user.name)))
    }
}

pub(crate) fn existing(error: MetadataError, what: &str) -> Error {
    match error {
        MetadataError::AlreadyExists => Error::AlreadyExists(what.to_owned()),
        error => error.into(),
    }
}
