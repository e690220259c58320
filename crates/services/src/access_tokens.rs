//! Personal access tokens of an account's users.

use crate::access::{CallerContext, Refused, Rights};
use crate::account_access::AccountContext;
use crate::accounts::{Accounts, existing, get_own_user};
use crate::authentication::ACCESS_TOKEN_PREFIX;
use crate::credential_scope::is_good_for_everything;
use crate::{Error, Result};
use keys::{Purpose, SecretString};
use metadata::{AccessTokenRow, NewAccessToken, Reader};
use model::{AccessTokenId, AccountId, Action, Event, UserId};
use oci::ScopeActions;

/// Tokens that a user may have.
const MOST_TOKENS: usize = 100;

/// A personal access token that a user makes for itself.
#[derive(Clone, Debug)]
pub struct NewOwnAccessToken {
    /// Its name, unique among the user's.
    pub name: String,
    /// What it may do of all that the user may.
    pub actions: ScopeActions,
    /// When it ends; `None` for never.
    pub expires_at_ms: Option<i64>,
}

impl Accounts {
    /// The caller's own personal access tokens, by name.
    ///
    /// # Errors
    /// [`Refused::Forbidden`] for whoever is no user, and for a credential that is not made for everything.
    pub async fn list_own_access_tokens(
        &self,
        by: &CallerContext,
    ) -> Result<Vec<AccessTokenRow>, Refused> {
        let user = require_self(by)?;
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_access_tokens(&user)?));
        Ok(listed.await?)
    }

    /// Makes a personal access token for the caller itself. Its secret is shown this once. One that is made with a credential
    /// that ends, ends no later.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::AlreadyExists`], [`Error::BeyondOwnRights`] for a longer life than the caller's credential
    /// has, [`Error::NotNow`] when there are too many.
    pub async fn create_own_access_token(
        &self,
        by: &CallerContext,
        new: NewOwnAccessToken,
    ) -> Result<(AccessTokenRow, SecretString), Refused> {
        let user = require_self(by)?;
        require_token_name(&new.name)?;
        let now_ms = self.core.now_ms();
        if new.actions.is_empty() {
            return Err(Error::Invalid("a token needs an action".to_owned()).into());
        }
        if new.expires_at_ms.is_some_and(|end| end <= now_ms) {
            return Err(Error::Invalid("the token would have ended already".to_owned()).into());
        }
        if let Some(own_end) = by.authenticated.ends_at_ms
            && new.expires_at_ms.is_none_or(|end| end > own_end)
        {
            let lacking = "so long a life; ask for one that ends with the token that you show";
            return Err(Error::BeyondOwnRights(lacking.to_owned()).into());
        }
        let secret = keys::random::generate_token(ACCESS_TOKEN_PREFIX, &*self.random);
        let row = AccessTokenRow {
            id: AccessTokenId::new(self.core.ids.next_id()),
            user_id: user,
            name: new.name,
            actions: new.actions,
            created_at_ms: now_ms,
            expires_at_ms: new.expires_at_ms,
            last_used_at_ms: None,
        };
        let secret_hash = self
            .key
            .keyed_hash(Purpose::PERSONAL_ACCESS_TOKEN, secret.expose().as_bytes());
        let (core, by, made) = (self.core.clone(), by.clone(), row.clone());
        let created = self.core.metadata.write(move |tx| {
            let home = home_of(tx, &made.user_id)?;
            let account = tx.find_account(&home)?.ok_or(Error::Internal)?;
            if !account.state.allows_push() {
                return Err(Error::AccountSuspended);
            }
            if tx.list_access_tokens(&made.user_id)?.len() >= MOST_TOKENS {
                return Err(Error::NotNow(format!(
                    "you have {MOST_TOKENS} access tokens, which is the most; revoke one first"
                )));
            }
            let token = NewAccessToken {
                id: made.id,
                user_id: made.user_id,
                name: made.name.clone(),
                secret_hash,
                actions: made.actions,
                expires_at_ms: made.expires_at_ms,
            };
            tx.create_access_token(&token, made.created_at_ms)
                .map_err(|error| {
                    existing(error, &format!("an access token named {}", made.name))
                })?;
            let caller = &by.authenticated.caller;
            let event = Event::AccessTokenCreated {
                user: caller.display_name().to_owned(),
                token: made.name,
            };
            core.record_for(tx, &event, &home, (caller, &by.origin))
        });
        created.await?;
        Ok((row, secret))
    }

    /// Ends one of the caller's own personal access tokens, and the refresh tokens got with it.
    ///
    /// # Errors
    /// [`Error::NotFound`] for one that it does not have.
    pub async fn revoke_own_access_token(
        &self,
        by: &CallerContext,
        id: &str,
    ) -> Result<(), Refused> {
        let user = require_self(by)?;
        let (core, by, id) = (self.core.clone(), by.clone(), AccessTokenId::new(id));
        let revoked = self.core.metadata.write(move |tx| {
            let found = tx.find_access_token_by_id(&id)?;
            let found = found.filter(|token| token.user_id == user);
            let token = found.ok_or_else(|| Error::NotFound("the access token".to_owned()))?;
            tx.delete_access_token(&user, &token.name)?;
            let home = home_of(tx, &user)?;
            let caller = &by.authenticated.caller;
            let event = Event::AccessTokenRevoked {
                user: caller.display_name().to_owned(),
                token: token.name,
            };
            core.record_for(tx, &event, &home, (caller, &by.origin))
        });
        Ok(revoked.await?)
    }

    /// Makes a personal access token and answers with its secret, which is shown this once.
    pub async fn create_access_token(
        &self,
        by: &AccountContext,
        user: &str,
        name: &str,
        actions: ScopeActions,
        expires_at_ms: Option<i64>,
    ) -> Result<SecretString, Refused> {
        require_token_name(name)?;
        let secret = keys::random::generate_token(ACCESS_TOKEN_PREFIX, &*self.random);
        let secret_hash = self
            .key
            .keyed_hash(Purpose::PERSONAL_ACCESS_TOKEN, secret.expose().as_bytes());
        let id = AccessTokenId::new(self.core.ids.next_id());
        let (user, name) = (user.to_owned(), name.to_owned());
        self.change(by, Action::UserUpdate, move |core, tx, account| {
            let owner = get_own_user(tx, account, &user)?;
            let token = NewAccessToken {
                id,
                user_id: owner.id,
                name: name.clone(),
                secret_hash,
                actions,
                expires_at_ms,
            };
            tx.create_access_token(&token, core.now_ms())
                .map_err(|error| existing(error, &format!("an access token named {name}")))?;
            Ok(((), Some(Event::AccessTokenCreated { user, token: name })))
        })
        .await?;
        Ok(secret)
    }

    /// A user's personal access tokens.
    pub async fn list_access_tokens(
        &self,
        by: &AccountContext,
        user: &str,
    ) -> Result<Vec<AccessTokenRow>, Refused> {
        self.authorizer.require(by, Action::UserRead).await?;
        let (account, user) = (by.account.id.clone(), user.to_owned());
        let listed = self.core.metadata.list(move |reader| {
            let owner = get_own_user(reader, &account, &user)?;
            Ok::<_, Error>(reader.list_access_tokens(&owner.id)?)
        });
        Ok(listed.await?)
    }

    /// Ends a personal access token, and the refresh tokens got with it.
    pub async fn revoke_access_token(
        &self,
        by: &AccountContext,
        user: &str,
        name: &str,
    ) -> Result<(), Refused> {
        let (user, name) = (user.to_owned(), name.to_owned());
        self.change(by, Action::UserUpdate, move |_, tx, account| {
            let owner = get_own_user(tx, account, &user)?;
            if !tx.delete_access_token(&owner.id, &name)? {
                return Err(Error::NotFound(format!(
                    "the access token {name} of {user}"
                )));
            }
            Ok(((), Some(Event::AccessTokenRevoked { user, token: name })))
        })
        .await
    }
}

/// The account whose log tells of a user's own credentials: the one that it belongs to first, whichever it came for.
fn home_of(reader: &Reader<'_>, user: &UserId) -> Result<AccountId> {
    let user = reader.find_user(user)?.ok_or(Error::Internal)?;
    Ok(user.home_account_id)
}

/// The caller, when it is a user who shows that it is that itself.
pub(crate) fn require_self(by: &CallerContext) -> Result<UserId, Refused> {
    let who = &by.authenticated;
    if who.caller.is_anonymous() {
        return Err(Refused::Unauthenticated);
    }
    let is_whole = !matches!(who.rights, Rights::Token(_)) && is_good_for_everything(&who.caller);
    let user = who.caller.user_id().filter(|_| is_whole);
    user.cloned().ok_or(Refused::Forbidden)
}

fn require_token_name(name: &str) -> Result<()> {
    if !name.is_empty() && name.len() <= 255 && !name.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(Error::Invalid(
            "a token's name has 1 to 255 bytes of printable text".to_owned(),
        ))
    }
}
