//! Who is calling: names and secrets, bearer tokens, nobody.

mod access_tokens;
mod directories;
mod robots;
mod under_way;

use crate::access::{Authenticated, Rights};
use crate::core::Core;
use crate::directories::Directories;
use crate::management_tokens::{API_KEY_USER, Login, MANAGEMENT_TOKEN_USER};
use crate::tokens::Tokens;
use crate::{Error, Result};
use keys::password::Gate;
use keys::{DeploymentKey, LoginThrottle, PasswordHasher, Purpose, SecretString, TokenCache};
use metadata::{RobotRow, UserRow};
use model::robot::is_robot_name;
use model::{AccessTokenId, AccountId, Address, Caller, CallerKind, CredentialKind};
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
    /// A management token, as a bearer: for the faces that it is made for.
    ManagementToken(&'a str),
    /// The cookie of a login by form.
    Session(&'a str),
}

/// Why a caller is not who it says. What exactly was wrong is not told.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationFailed {
    /// The name or the secret is wrong.
    #[error("the user name or the password is wrong")]
    Wrong,
    /// The secret is right but has ended.
    #[error(
        "the access token or robot account has expired; make a new one, or have its life extended"
    )]
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
pub(crate) struct Checked {
    pub(crate) caller: Caller,
    /// The user's credential epoch; `None` for a robot account, whose secret is all there is to prove.
    proven_in: Option<i64>,
    /// When the secret ends.
    expires_at_ms: Option<i64>,
}

impl Checked {
    fn user(user: &UserRow, credential: CredentialKind, expires_at_ms: Option<i64>) -> Self {
        Self {
            caller: caller(user, credential),
            proven_in: Some(user.credential_epoch),
            expires_at_ms,
        }
    }
}

/// Finds out who is calling.
pub struct Authenticator {
    pub(crate) core: Arc<Core>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) key: Arc<DeploymentKey>,
    passwords: Arc<PasswordHasher>,
    throttle: LoginThrottle,
    pub(crate) remembered: TokenCache<Authenticated>,
    under_way: under_way::UnderWay,
    pub(crate) directories: Arc<Directories>,
    anonymous: Arc<Authenticated>,
}

/// Somebody who says who it is, and which account is meant; `None` for none in particular.
#[derive(Clone, Copy)]
struct Asked<'a> {
    name: &'a str,
    account: Option<&'a AccountId>,
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
            directories: Arc::new(Directories::new(&core, key.clone())),
            core,
            tokens,
            key,
            passwords,
            throttle,
            remembered,
            under_way: under_way::UnderWay::new(),
            anonymous,
        }
    }

    /// Finds out who is calling. `from` is the client's address, for the throttle; `door` says which directories a password
    /// may be shown to.
    pub async fn authenticate(
        &self,
        credentials: Credentials<'_>,
        from: Option<IpAddr>,
        door: &Address,
    ) -> Result<Arc<Authenticated>, AuthenticationFailed> {
        match credentials {
            Credentials::None => Ok(self.anonymous.clone()),
            Credentials::Bearer(token) => self.tokens.verify(token).await,
            Credentials::ManagementToken(token) => self.check_management_token(token).await,
            Credentials::Basic { name, secret } => self.basic(&name, secret, from, door).await,
            Credentials::Session(cookie) => self.check_session(cookie).await,
        }
    }

    /// How often a password was hashed so far.
    pub fn password_hashes(&self) -> u64 {
        self.passwords.hashes()
    }

    async fn basic(
        &self,
        name: &str,
        secret: SecretString,
        from: Option<IpAddr>,
        door: &Address,
    ) -> Result<Arc<Authenticated>, AuthenticationFailed> {
        if name == MANAGEMENT_TOKEN_USER {
            return self.check_management_token(secret.expose()).await;
        }
        let now_ms = self.core.now_ms();
        let epoch = self.core.metadata.epochs().policy();
        let key = self.remembered_as(name, &secret, door);
        if let Some(known) = self.remembered.get(&key, now_ms, epoch) {
            return Ok(known);
        }
        let first = self.under_way.first_turn(&key).await;
        if first.is_none()
            && let Some(known) = self.remembered.get(&key, now_ms, epoch)
        {
            return Ok(known);
        }
        let login = if name == API_KEY_USER {
            self.api_key_login(secret)?
        } else {
            Login::by_name(name, secret)
        };
        let (name, secret) = (login.counted_as.as_str(), login.secret);
        let from = from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let throttled = |retry: keys::throttle::RetryAfter| AuthenticationFailed::Throttled {
            secs: retry.secs,
        };
        self.throttle.check(name, from, now_ms).map_err(throttled)?;
        let gate = self.throttle.gate(name, from, || self.core.now_ms());
        let meant = self.meant(login.name.as_deref()).await?;
        let checked = match meant.name.as_deref() {
            Some(name) if is_robot_name(name) => self.check_robot(name, &secret, now_ms).await,
            Some(name) if !secret.expose().starts_with(ACCESS_TOKEN_PREFIX) => {
                let account = meant.account.as_ref().or(door.account());
                let asked = Asked { name, account };
                self.check_password(asked, (secret, key), &gate, from).await
            }
            name => self.check_access_token(name, &secret, now_ms).await,
        };
        let checked = self.member_of(meant.account, checked).await;
        match &checked {
            Ok(_) => self.throttle.record_success(name, from, now_ms),
            Err(AuthenticationFailed::Wrong) => self.throttle.record_failure(name, from, now_ms),
            Err(AuthenticationFailed::Failed(Error::DirectoryUnavailable(_))) => {
                self.throttle.record_unanswered(name, from, now_ms);
            }
            Err(_) => {}
        }
        Ok(self.remember(key, checked?, (now_ms, epoch)))
    }

    fn remember(
        &self,
        key: keys::token_cache::CacheKey,
        right: Checked,
        (now_ms, epoch): (i64, u64),
    ) -> Arc<Authenticated> {
        let mut known = Authenticated::new(right.caller, Rights::Granted);
        known.proven_in = right.proven_in;
        known.ends_at_ms = right.expires_at_ms;
        let known = Arc::new(known);
        let forget_at_ms = now_ms + self.core.settings.password_memory_ms;
        let until_ms = right.expires_at_ms;
        let until_ms = until_ms.map_or(forget_at_ms, |end| end.min(forget_at_ms));
        self.remembered.insert(key, known.clone(), until_ms, epoch);
        known
    }

    fn remembered_as(
        &self,
        name: &str,
        secret: &SecretString,
        door: &Address,
    ) -> keys::token_cache::CacheKey {
        let door = door.account().map_or("", AccountId::as_str);
        let secret = secret.expose().as_bytes();
        self.remembered
            .key(&[b"basic", door.as_bytes(), name.as_bytes(), secret])
    }

    /// Forgets that a name and password were right, so that they are looked at again: whoever logs in wants what is so now.
    pub(crate) fn forget(&self, name: &str, secret: &SecretString, door: &Address) {
        let key = self.remembered_as(name, secret, door);
        self.remembered.remove(&key);
    }

    async fn check_password(
        &self,
        asked: Asked<'_>,
        (password, key): (SecretString, keys::token_cache::CacheKey),
        gate: &impl Gate,
        from: IpAddr,
    ) -> Result<Checked, AuthenticationFailed> {
        let user = self.find_user(asked.name).await?;
        let local = user.and_then(|user| user.password_hash.clone().map(|hash| (user, hash)));
        let Some((user, hash)) = local else {
            let chosen = self.check_chosen_secret(asked.name, (&password, key), gate);
            if let Some(checked) = chosen.await? {
                return Ok(checked);
            }
            // Much is asked of a directory; the way of everyone else stays short.
            return Box::pin(self.check_elsewhere(asked, password, gate, from)).await;
        };
        let right = self
            .passwords
            .verify_shared(key, password.clone(), &hash, gate)
            .await;
        let is_right = right.map_err(password_failed)?;
        if !is_right && self.is_stranger(asked.account, &user.id).await? {
            let found = Box::pin(self.check_directories(asked, &password, from)).await?;
            return found.ok_or(AuthenticationFailed::Wrong);
        }
        if !is_right || user.is_disabled {
            return Err(AuthenticationFailed::Wrong);
        }
        if PasswordHasher::needs_rehash(&hash) {
            self.rehash(&user, password, hash).await?;
        }
        Ok(Checked::user(&user, CredentialKind::Password, None))
    }

    /// The caller of a session that goes on.
    async fn check_session(
        &self,
        cookie: &str,
    ) -> Result<Arc<Authenticated>, AuthenticationFailed> {
        let now_ms = self.core.now_ms();
        let hash = self.key.keyed_hash(Purpose::SESSION, cookie.as_bytes());
        let found = self.core.metadata.read(|reader| {
            let found = reader.find_session_with_user(&hash)?;
            Ok::<_, metadata::Error>(found.filter(|(session, user)| {
                let is_of_now = user.credential_epoch == session.credential_epoch;
                session.expires_at_ms > now_ms && !user.is_disabled && is_of_now
            }))
        });
        let found = found.await.map_err(Error::from)?;
        let (session, user) = found.ok_or(AuthenticationFailed::TokenInvalid)?;
        let caller = caller(&user, CredentialKind::Session).come_for(session.account_id);
        let mut known = Authenticated::new(caller, Rights::Granted);
        known.renews_at_ms =
            Some(session.expires_at_ms - self.core.settings.session_lifetime_ms / 2);
        Ok(Arc::new(known.proven_in(user.credential_epoch)))
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

pub(crate) fn caller(user: &UserRow, credential: CredentialKind) -> Caller {
    Caller {
        kind: CallerKind::User {
            id: user.id.clone(),
            name: user.name.clone(),
        },
        credential,
        home_account: Some(user.home_account_id.clone()),
    }
}

pub(crate) fn robot_caller(robot: &RobotRow) -> Caller {
    Caller {
        kind: CallerKind::Robot {
            id: robot.id.clone(),
            name: robot.name.clone(),
        },
        credential: CredentialKind::RobotSecret,
        home_account: Some(robot.account_id.clone()),
    }
}

fn password_failed(error: keys::password::PasswordError) -> AuthenticationFailed {
    match error {
        keys::password::PasswordError::Busy(_) => AuthenticationFailed::Throttled { secs: 1 },
        keys::password::PasswordError::Throttled(retry) => {
            AuthenticationFailed::Throttled { secs: retry.secs }
        }
        error => {
            tracing::error!(%error, "a password could not be checked");
            AuthenticationFailed::Failed(Error::Internal)
        }
    }
}
