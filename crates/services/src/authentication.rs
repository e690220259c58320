//! Who is calling: names and secrets, bearer tokens, nobody.

use crate::access::{Authenticated, Rights};
use crate::core::Core;
use crate::tokens::Tokens;
use crate::{Error, Result};
use keys::{DeploymentKey, LoginThrottle, PasswordHasher, Purpose, SecretString, TokenCache};
use metadata::UserRow;
use model::{AccessTokenId, Caller, CallerKind, CredentialKind};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// What every personal access token begins with.
pub const ACCESS_TOKEN_PREFIX: &str = "rst_";
/// How exact the time of a token's last use is.
const LAST_USE_EVERY_MS: i64 = 5 * 60 * 1000;

/// What a request shows of its caller.
pub enum Credentials<'a> {
    /// Nothing.
    None,
    /// A name with a password or a personal access token.
    Basic {
        /// The name.
        name: String,
        /// The secret.
        secret: SecretString,
    },
    /// A bearer token.
    Bearer(&'a str),
}

/// Why a caller is not who it says. What exactly was wrong is not told.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationFailed {
    /// The name or the secret is wrong.
    #[error("the user name or the password is wrong")]
    Wrong,
    /// The secret is right but has ended.
    #[error("the access token has expired; make a new one")]
    Expired,
    /// The bearer token is not valid, or no longer.
    #[error("the token is not valid, or no longer; log in again")]
    TokenInvalid,
    /// Too many attempts.
    #[error("too many attempts; try again in {secs} s")]
    Throttled {
        /// When to try again.
        secs: u64,
    },
    /// The question could not be answered.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// A name and secret that were right.
struct Checked {
    user: UserRow,
    credential: CredentialKind,
    /// When the secret ends.
    expires_at_ms: Option<i64>,
}

/// Finds out who is calling.
pub struct Authenticator {
    core: Arc<Core>,
    tokens: Arc<Tokens>,
    key: Arc<DeploymentKey>,
    passwords: Arc<PasswordHasher>,
    throttle: LoginThrottle,
    remembered: TokenCache<Authenticated>,
    anonymous: Arc<Authenticated>,
}

impl Authenticator {
    pub(crate) fn new(
        core: Arc<Core>,
        tokens: Arc<Tokens>,
        key: Arc<DeploymentKey>,
        passwords: Arc<PasswordHasher>,
        throttle: LoginThrottle,
        remembered: TokenCache<Authenticated>,
    ) -> Self {
        let anonymous = Arc::new(Authenticated::anonymous());
        Self {
            core,
            tokens,
            key,
            passwords,
            throttle,
            remembered,
            anonymous,
        }
    }

    /// Finds out who is calling. `from` is the client's address, for the throttle.
    pub async fn authenticate(
        &self,
        credentials: Credentials<'_>,
        from: Option<IpAddr>,
    ) -> Result<Arc<Authenticated>, AuthenticationFailed> {
        match credentials {
            Credentials::None => Ok(self.anonymous.clone()),
            Credentials::Bearer(token) => self.tokens.verify(token).await,
            Credentials::Basic { name, secret } => self.basic(&name, secret, from).await,
        }
    }

    async fn basic(
        &self,
        name: &str,
        secret: SecretString,
        from: Option<IpAddr>,
    ) -> Result<Arc<Authenticated>, AuthenticationFailed> {
        let now_ms = self.core.now_ms();
        let epoch = self.core.metadata.epochs().policy();
        let key = self
            .remembered
            .key(&[b"basic", name.as_bytes(), secret.expose().as_bytes()]);
        if let Some(known) = self.remembered.get(&key, now_ms, epoch) {
            return Ok(known);
        }
        let from = from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let throttled = |retry: keys::throttle::RetryAfter| AuthenticationFailed::Throttled {
            secs: retry.secs,
        };
        self.throttle.check(name, from, now_ms).map_err(throttled)?;
        let checked = if secret.expose().starts_with(ACCESS_TOKEN_PREFIX) {
            self.check_access_token(name, &secret, now_ms).await
        } else {
            self.check_password(name, secret, key).await
        };
        match &checked {
            Ok(_) => self.throttle.record_success(name, from, now_ms),
            Err(AuthenticationFailed::Wrong) => self.throttle.record_failure(name, from, now_ms),
            Err(_) => {}
        }
        let Checked {
            user,
            credential,
            expires_at_ms,
        } = checked?;
        let known = Authenticated::new(caller(&user, credential), Rights::Granted);
        let known = Arc::new(known.proven_in(user.credential_epoch));
        let forget_at_ms = now_ms + self.core.settings.password_memory_ms;
        let until_ms = expires_at_ms.map_or(forget_at_ms, |end: i64| end.min(forget_at_ms));
        self.remembered.insert(key, known.clone(), until_ms, epoch);
        Ok(known)
    }

    async fn check_password(
        &self,
        name: &str,
        password: SecretString,
        key: keys::token_cache::CacheKey,
    ) -> Result<Checked, AuthenticationFailed> {
        let user = self.find_user(name).await?;
        // A user that does not exist costs what a wrong password costs.
        let Some((user, hash)) =
            user.and_then(|user| user.password_hash.clone().map(|hash| (user, hash)))
        else {
            self.passwords
                .verify_dummy(password)
                .await
                .map_err(password_failed)?;
            return Err(AuthenticationFailed::Wrong);
        };
        let right = self
            .passwords
            .verify_shared(key, password.clone(), &hash)
            .await;
        if !right.map_err(password_failed)? || user.is_disabled {
            return Err(AuthenticationFailed::Wrong);
        }
        if PasswordHasher::needs_rehash(&hash) {
            self.rehash(&user, password, hash).await?;
        }
        Ok(Checked {
            user,
            credential: CredentialKind::Password,
            expires_at_ms: None,
        })
    }

    async fn check_access_token(
        &self,
        name: &str,
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
        if user.is_disabled || user.name != name {
            return Err(AuthenticationFailed::Wrong);
        }
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
        Ok(Checked {
            user,
            credential,
            expires_at_ms: token.expires_at_ms,
        })
    }

    async fn find_user(&self, name: &str) -> Result<Option<UserRow>> {
        Ok(self
            .core
            .metadata
            .read(|reader| reader.find_user_by_name(name))
            .await?)
    }

    async fn rehash(&self, user: &UserRow, password: SecretString, old: String) -> Result<()> {
        let Ok(new) = self.passwords.hash(password).await else {
            return Ok(());
        };
        let id = user.id.clone();
        self.core
            .metadata
            .write_relaxed(move |tx| Ok(tx.rehash_password(&id, &old, &new)?))
            .await
    }

    /// A caller as it would be after showing a refresh token or a bearer token made from this credential.
    pub(crate) fn caller_of(
        user: &UserRow,
        access_token: Option<(AccessTokenId, oci::ScopeActions)>,
    ) -> Caller {
        let credential = match access_token {
            Some((id, actions)) => CredentialKind::AccessToken { id, actions },
            None => CredentialKind::Password,
        };
        caller(user, credential)
    }
}

fn caller(user: &UserRow, credential: CredentialKind) -> Caller {
    Caller {
        kind: CallerKind::User {
            id: user.id.clone(),
            name: user.name.clone(),
        },
        credential,
        home_account: Some(user.home_account_id.clone()),
    }
}

fn password_failed(error: keys::password::PasswordError) -> AuthenticationFailed {
    match error {
        keys::password::PasswordError::Busy(_) => AuthenticationFailed::Throttled { secs: 1 },
        error => {
            tracing::error!(%error, "a password could not be checked");
            AuthenticationFailed::Failed(Error::Internal)
        }
    }
}
