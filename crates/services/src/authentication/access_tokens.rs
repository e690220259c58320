//! Logins with what stands for a user: personal access tokens, and the one secret that somebody who logs in elsewhere has
//! chosen for tools.

use super::{Authenticator, Checked, LAST_USE_EVERY_MS, password_failed};
use crate::cli_secrets::is_chosen;
use crate::{AuthenticationFailed, Error};
use keys::password::Gate;
use keys::{Purpose, SecretString};
use metadata::{AccessTokenRow, UserRow};
use model::CredentialKind;

impl Authenticator {
    /// Without a name, the token alone says whose it is.
    pub(super) async fn check_access_token(
        &self,
        name: Option<&str>,
        secret: &SecretString,
        now_ms: i64,
    ) -> Result<Checked, AuthenticationFailed> {
        let hash = self
            .key
            .keyed_hash(Purpose::PERSONAL_ACCESS_TOKEN, secret.expose().as_bytes());
        let found = self.core.metadata.read(|reader| {
            let Some(token) = reader.find_access_token(&hash)? else {
                return Ok(None);
            };
            let user = reader.find_user(&token.user_id)?;
            Ok::<_, metadata::Error>(user.map(|user| (user, token)))
        });
        let Some((user, token)) = found.await.map_err(Error::from)? else {
            return Err(AuthenticationFailed::Wrong);
        };
        if user.is_disabled || name.is_some_and(|name| user.name != name) {
            return Err(AuthenticationFailed::Wrong);
        }
        self.use_access_token(&user, token, now_ms).await
    }

    /// The secret that the user of that name has chosen for tools; `None` when there is no such user, or it has none.
    pub(super) async fn check_chosen_secret(
        &self,
        name: &str,
        (secret, key): (&SecretString, keys::token_cache::CacheKey),
        gate: &impl Gate,
    ) -> Result<Option<Checked>, AuthenticationFailed> {
        let found = self.core.metadata.read(|reader| {
            let Some(user) = reader.find_user_named(name)? else {
                return Ok(None);
            };
            let kept = reader.find_chosen_secret(&user.id, crate::cli_secrets::NAME)?;
            Ok::<_, metadata::Error>(kept.map(|(token, hash)| (user, token, hash)))
        });
        let found = found.await.map_err(Error::from)?;
        let Some((user, token, hash)) = found.filter(|(.., hash)| is_chosen(hash)) else {
            return Ok(None);
        };
        let right = self
            .passwords
            .verify_shared(key, secret.clone(), &hash, gate)
            .await;
        if !right.map_err(password_failed)? || user.is_disabled {
            return Err(AuthenticationFailed::Wrong);
        }
        let used = self.use_access_token(&user, token, self.core.now_ms());
        used.await.map(Some)
    }

    async fn use_access_token(
        &self,
        user: &UserRow,
        token: AccessTokenRow,
        now_ms: i64,
    ) -> Result<Checked, AuthenticationFailed> {
        if token.expires_at_ms.is_some_and(|end| end <= now_ms) {
            return Err(AuthenticationFailed::Expired);
        }
        if token
            .last_used_at_ms
            .is_none_or(|used| used + LAST_USE_EVERY_MS <= now_ms)
        {
            let id = token.id.clone();
            let touched = self
                .core
                .metadata
                .write_relaxed(move |tx| tx.touch_access_token(&id, now_ms));
            touched.await.map_err(Error::from)?;
        }
        let credential = CredentialKind::AccessToken {
            id: token.id,
            actions: token.actions,
        };
        Ok(Checked::user(user, credential, token.expires_at_ms))
    }
}
