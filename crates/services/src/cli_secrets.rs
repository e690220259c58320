//! The secret that somebody who logs in by an issuer elsewhere chooses for tools, which cannot go there: a personal access token
//! like the others, but that people know it by heart. So it is hashed like a password.

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::accounts::Accounts;
use crate::users::{numbered_user, require_home};
use crate::{Error, Result};
use keys::SecretString;
use metadata::{NewAccessToken, Reader};
use model::{AccessTokenId, Action, Event, UserId};
use oci::ScopeActions;

/// Its name among the user's tokens: there is one.
pub(crate) const NAME: &str = "cli-secret";

/// Whether what is kept of a token's secret is a hash as passwords have it.
pub(crate) fn is_chosen(hash: &str) -> bool {
    hash.starts_with("$argon2")
}

impl Accounts {
    /// Gives a user another secret for tools: by itself, or by whoever may change its account's users. The one before ends. It
    /// is good for pulling and pushing, as far as the user may.
    ///
    /// # Errors
    /// [`Error::NotNow`] for somebody who does not log in by an issuer, [`Error::Invalid`] for what no password may be.
    pub async fn set_cli_secret(
        &self,
        by: &AccountContext,
        number: i64,
        secret: SecretString,
    ) -> Result<(), Refused> {
        let is_self = self.require_self_or(by, number, Action::UserUpdate).await?;
        let user = self.get_numbered_user(by, number).await?;
        if !is_self {
            require_home(&user, by.id())?;
            self.require_no_less(by, &user.id).await?;
        }
        let id = user.id.clone();
        self.core
            .metadata
            .read(|reader| require_issuer(reader, &id))
            .await?;
        let secret_hash = self.hash(secret).await?;
        let token = AccessTokenId::new(self.core.ids.next_id());
        let set = self.core.change(by, move |core, tx, account| {
            let user = numbered_user(tx, account, number)?;
            require_issuer(tx, &user.id)?;
            tx.delete_access_token(&user.id, NAME)?;
            let token = NewAccessToken {
                id: token,
                user_id: user.id,
                name: NAME.to_owned(),
                secret_hash,
                actions: ScopeActions::PULL | ScopeActions::PUSH,
                expires_at_ms: None,
            };
            tx.create_access_token(&token, core.now_ms())?;
            let event = Event::AccessTokenCreated {
                user: user.name,
                token: token.name,
            };
            Ok(((), Some(event)))
        });
        Ok(set.await?)
    }
}

/// Whoever has a password shows that to tools.
fn require_issuer(reader: &Reader<'_>, user: &UserId) -> Result<()> {
    let source = reader.find_source_of_user(user)?;
    let issuer = source.map(|source| reader.find_oidc_source(&source));
    if issuer.transpose()?.flatten().is_some() {
        return Ok(());
    }
    Err(Error::NotNow(
        "only a user who logs in by an OIDC issuer has a CLI secret; others show their password, or an access token".to_owned(),
    ))
}
