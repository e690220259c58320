//! Management tokens: what an API key is exchanged for by clients that were made for IBM's registry.
//!
//! An API key is a personal access token, or a robot account's name and secret with a colon between. The token is signed
//! like one of the registry's, but for another audience, so that neither passes for the other. It says who, and with which
//! key it was got; what that may do, and whether it still may, is looked up whenever the token is used.

use crate::access::{Authenticated, Rights};
use crate::authentication::{
    ACCESS_TOKEN_PREFIX, AuthenticationFailed, Authenticator, Credentials, caller, robot_caller,
};
use crate::login_names::counted_name;
use crate::robots::secret_hash;
use crate::tokens::{IssuedToken, claimed_credential};
use crate::{Error, Result};
use keys::token::{CredentialKind as ClaimedCredential, CredentialRef};
use keys::{Claims, Purpose, SecretString};
use model::robot::is_robot_name;
use model::{AccessTokenId, Address, CallerKind, CredentialKind};
use std::net::IpAddr;
use std::sync::Arc;

/// The name to log in with an API key.
pub(crate) const API_KEY_USER: &str = "iamapikey";
/// The name to log in with a management token.
pub(crate) const MANAGEMENT_TOKEN_USER: &str = "iambearer";
/// How long a management token lives, unless its key ends first.
pub(crate) const LIFETIME_MS: i64 = 20 * 60 * 1000;

/// What a login by name comes to.
pub(crate) struct Login {
    /// Whose the secret is said to be; `None` when the secret alone says so.
    pub(crate) name: Option<String>,
    /// What attempts are counted under.
    pub(crate) counted_as: String,
    pub(crate) secret: SecretString,
}

impl Login {
    pub(crate) fn by_name(name: &str, secret: SecretString) -> Self {
        Self {
            name: Some(name.to_owned()),
            counted_as: counted_name(name).to_owned(),
            secret,
        }
    }

    /// The login that an API key stands for. All keys have one name, so attempts with a personal access token are counted
    /// for that token: nobody's wrong keys keep others out.
    fn by_api_key(key: SecretString, hash: impl FnOnce(&SecretString) -> String) -> Option<Self> {
        if key.expose().starts_with(ACCESS_TOKEN_PREFIX) {
            return Some(Self {
                name: None,
                counted_as: hash(&key),
                secret: key,
            });
        }
        let (name, secret) = key.expose().split_once(':')?;
        is_robot_name(name).then(|| Self::by_name(name, SecretString::new(secret)))
    }
}

/// Whom tokens of this deployment for management are for.
fn audience(service: &str) -> String {
    format!("{service}/management")
}

impl Authenticator {
    pub(crate) fn api_key_login(&self, key: SecretString) -> Result<Login, AuthenticationFailed> {
        let hash = |key: &SecretString| {
            let secret = key.expose().as_bytes();
            self.key.keyed_hash(Purpose::PERSONAL_ACCESS_TOKEN, secret)
        };
        Login::by_api_key(key, hash).ok_or(AuthenticationFailed::Wrong)
    }

    /// Gives a management token for an API key. `from` is the client's address, for the throttle.
    pub async fn give_management_token(
        &self,
        key: SecretString,
        from: Option<IpAddr>,
    ) -> Result<(Arc<Authenticated>, IssuedToken), AuthenticationFailed> {
        let shown = Credentials::Basic {
            name: API_KEY_USER.to_owned(),
            secret: key.clone(),
        };
        let known = self.authenticate(shown, from, &Address::Shared).await?;
        let credential = match self.api_key_login(key)? {
            // The robot account has two secrets at times: the token ends with the one that it was got with.
            Login {
                name: Some(name),
                secret,
                ..
            } => CredentialRef {
                kind: ClaimedCredential::Robot,
                id: secret_hash(&self.key, &name, &secret),
            },
            _ => claimed_credential(&known.caller),
        };
        let issued = self.issue_management_token(&known, credential)?;
        Ok((known, issued))
    }

    fn issue_management_token(
        &self,
        known: &Authenticated,
        credential: CredentialRef,
    ) -> Result<IssuedToken> {
        let settings = &self.core.settings;
        let issued_at_ms = self.core.now_ms();
        let caller = &known.caller;
        let account = caller.home_account.as_ref();
        let (iat, exp) = known.lifetime_secs(issued_at_ms, LIFETIME_MS);
        let claims = Claims {
            iss: settings.issuer.clone(),
            sub: caller.display_name().to_owned(),
            user: match &caller.kind {
                CallerKind::User { id, .. } => id.as_str().to_owned(),
                CallerKind::Robot { id, .. } => id.as_str().to_owned(),
                CallerKind::Anonymous | CallerKind::Workload { .. } | CallerKind::LocalOperator => {
                    return Err(Error::Internal);
                }
            },
            aud: audience(&settings.service),
            exp,
            nbf: iat,
            iat,
            jti: self.core.ids.next_id(),
            account: account.map_or_else(String::new, |account| account.as_str().to_owned()),
            credential,
            access: Vec::new(),
            content_request: String::new(),
        };
        Ok(IssuedToken {
            token: self.tokens.sign(&claims)?,
            issued_at_ms,
            expires_in_secs: exp - iat,
            scopes: Vec::new(),
        })
    }

    /// Who shows a management token: whoever it was given to, as long as the key that it was got with is good.
    pub(crate) async fn check_management_token(
        &self,
        token: &str,
    ) -> Result<Arc<Authenticated>, AuthenticationFailed> {
        let now_ms = self.core.now_ms();
        let epoch = self.core.metadata.epochs().policy();
        let key = self.remembered.key(&[b"management", token.as_bytes()]);
        if let Some(known) = self.remembered.get(&key, now_ms, epoch) {
            return Ok(known);
        }
        let audience = audience(&self.core.settings.service);
        let claims = self.tokens.claims(token, &audience, now_ms).await?;
        let ends_at_ms = claims.exp * 1000;
        let mut known = match claims.credential.kind {
            ClaimedCredential::PersonalAccessToken => self.user_of(claims, now_ms).await,
            ClaimedCredential::Robot => self.robot_of(claims, now_ms).await,
            _ => Ok(None),
        }?
        .ok_or(AuthenticationFailed::TokenInvalid)?;
        let end = known
            .ends_at_ms
            .map_or(ends_at_ms, |end| end.min(ends_at_ms));
        known.ends_at_ms = Some(end);
        let known = Arc::new(known);
        let forget_at_ms = now_ms + self.core.settings.password_memory_ms;
        let until_ms = end.min(forget_at_ms);
        self.remembered.insert(key, known.clone(), until_ms, epoch);
        Ok(known)
    }

    /// The user whose personal access token it was got with. Nothing was proven that a refresh token could be had for.
    async fn user_of(&self, claims: Claims, now_ms: i64) -> Result<Option<Authenticated>> {
        let id = AccessTokenId::new(claims.credential.id);
        let found = self.core.metadata.read(|reader| {
            let Some(token) = reader.find_access_token_by_id(&id)? else {
                return Ok(None);
            };
            let user = reader.find_user(&token.user_id)?;
            Ok::<_, Error>(user.map(|user| (user, token)))
        });
        Ok(found.await?.and_then(|(user, token)| {
            let is_over = token.expires_at_ms.is_some_and(|end| end <= now_ms);
            if is_over || user.is_disabled || user.id.as_str() != claims.user {
                return None;
            }
            let credential = CredentialKind::AccessToken {
                id: token.id,
                actions: token.actions,
            };
            let mut known = Authenticated::new(caller(&user, credential), Rights::Granted);
            known.ends_at_ms = token.expires_at_ms;
            Some(known)
        }))
    }

    /// The robot account whose secret it was got with.
    async fn robot_of(&self, claims: Claims, now_ms: i64) -> Result<Option<Authenticated>> {
        let found = self.core.metadata.read(|reader| {
            Ok::<_, Error>(reader.find_robot_by_secret(&claims.credential.id, now_ms)?)
        });
        Ok(found.await?.and_then(|(robot, secret_until_ms)| {
            let is_over = robot.expires_at_ms.is_some_and(|end| end <= now_ms);
            if is_over || robot.is_disabled || robot.id.as_str() != claims.user {
                return None;
            }
            let mut known = Authenticated::new(robot_caller(&robot), Rights::Granted);
            let ends = [robot.expires_at_ms, secret_until_ms];
            known.ends_at_ms = ends.into_iter().flatten().min();
            Some(known)
        }))
    }
}

impl Authenticated {
    /// From when, and until when, a token for this caller is good, in seconds since 1970: for a while, and no longer than
    /// the credential that it is got with.
    pub(crate) fn lifetime_secs(&self, now_ms: i64, while_ms: i64) -> (i64, i64) {
        let end_ms = now_ms + while_ms;
        let end_ms = self.ends_at_ms.map_or(end_ms, |end| end.min(end_ms));
        let begin = now_ms / 1000;
        (begin, (end_ms / 1000).max(begin + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_key_is_a_token_or_a_robot_accounts_name_and_secret() {
        let of = |key: &str| {
            let login = Login::by_api_key(SecretString::new(key), |_| "hash".to_owned());
            login.map(|login| {
                let secret = login.secret.expose().to_owned();
                (login.name, login.counted_as, secret)
            })
        };
        assert_eq!(
            of("rst_abc:def"),
            Some((None, "hash".to_owned(), "rst_abc:def".to_owned()))
        );
        let robot = "robot$team+ci".to_owned();
        assert_eq!(
            of("robot$team+ci:a:b"),
            Some((Some(robot.clone()), robot, "a:b".to_owned()))
        );
        for key in ["", "rs", "robot$team+ci", "admin:Correct-horse-7", ":x"] {
            assert_eq!(of(key), None, "{key}");
        }
    }

    #[test]
    fn a_token_ends_with_its_credential() {
        let mut known = Authenticated::anonymous();
        assert_eq!(known.lifetime_secs(5_500, 60_000), (5, 65));
        known.ends_at_ms = Some(9_999);
        assert_eq!(known.lifetime_secs(5_500, 60_000), (5, 9));
        // Never before it begins.
        known.ends_at_ms = Some(5_600);
        assert_eq!(known.lifetime_secs(5_500, 60_000), (5, 6));
    }
}
