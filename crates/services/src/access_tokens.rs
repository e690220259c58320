//! Personal access tokens of an account's users.

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::accounts::{Accounts, existing, get_user};
use crate::authentication::ACCESS_TOKEN_PREFIX;
use crate::{Error, Result};
use keys::{Purpose, SecretString};
use metadata::{AccessTokenRow, NewAccessToken};
use model::{AccessTokenId, Action, Event};
use oci::ScopeActions;

impl Accounts {
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
            let owner = get_user(tx, account, &user)?;
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
            let owner = get_user(reader, &account, &user)?;
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
            let owner = get_user(tx, account, &user)?;
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

fn require_token_name(name: &str) -> Result<()> {
    if !name.is_empty() && name.len() <= 255 && !name.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(Error::Invalid(
            "a token's name has 1 to 255 bytes of printable text".to_owned(),
        ))
    }
}
