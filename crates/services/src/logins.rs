//! Logins elsewhere: people whose issuer says who they are (OpenID Connect Core 1.0, section 3.1; RFC 9700).
//!
//! What has to be known again when the browser comes back (which issuer, what was sent along) is sealed in a cookie, so that
//! any replica can go on, and a login comes back once: its state is noted in the transaction that begins the session.

mod code;
mod onboarding;
mod public;

use crate::access::{Authenticated, Rights};
use crate::authentication::{AuthenticationFailed, caller};
use crate::core::Core;
use crate::issuers::{Endpoints, Issuers};
use crate::sessions::Sessions;
use crate::{DEFAULT_ACCOUNT, Error, Result};
use keys::identity_token::pkce_challenge;
use keys::{DeploymentKey, Purpose, Random, SecretString, constant_time_eq};
use metadata::OidcSourceRow;
use model::caller::Origin;
use model::{Address, CredentialKind, IdentitySourceId};
pub(crate) use onboarding::{Arrival, NamedGroup, Voucher, arrive, onboard, source_group};
use outbound::http_client::form;
pub use public::LoginSource;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How long somebody may take to log in elsewhere.
pub const LOGIN_SECS: u32 = 600;
/// What the cookie is sealed for.
const COOKIE: &str = "cookie";
/// The longest place to go to afterwards.
const MAX_TARGET_BYTES: usize = 2048;
/// The longest answer of an issuer by way of the browser, in bytes.
const MAX_CODE_BYTES: usize = 4096;

/// What is known again when the browser comes back.
#[derive(Serialize, Deserialize)]
struct Pending {
    source: String,
    state: String,
    nonce: String,
    verifier: String,
    /// Where the issuer sends the browser back to.
    callback: String,
    /// Where it goes then.
    target: String,
    expires_at_ms: i64,
}

/// Which issuer is wanted.
#[derive(Clone, Copy, Debug)]
pub struct LoginWanted<'a> {
    /// The door that is used.
    pub address: &'a Address,
    /// The account's name; `None` for the one whose address is used, or `default`.
    pub account: Option<&'a str>,
    /// The issuer's name; `None` for the first of the account's own, else of the deployment's.
    pub source: Option<&'a str>,
    /// Where the issuer sends the browser back to.
    pub callback: &'a str,
    /// Where it goes then: a path of this registry; anything else is its front page.
    pub target: &'a str,
}

/// A login that was begun.
#[derive(Debug)]
pub struct LoginBegun {
    /// Where the browser goes.
    pub location: String,
    /// What it brings back.
    pub cookie: String,
}

/// What the issuer says by way of the browser.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoginAnswer<'a> {
    /// A code for the issuer's token endpoint.
    pub code: Option<&'a str>,
    /// What was sent along.
    pub state: Option<&'a str>,
    /// Who the issuer is (RFC 9207).
    pub issuer: Option<&'a str>,
}

/// A login that is done.
#[derive(Debug)]
pub struct LoginDone {
    /// The session's cookie.
    pub session: SecretString,
    /// Where the browser goes.
    pub location: String,
}

/// Why nobody was logged in.
#[derive(Debug, thiserror::Error)]
pub enum LoginRefused {
    /// There is no such issuer for this account.
    #[error("there is no such identity source here; ask an administrator of the account")]
    SourceUnknown,
    /// The issuer cannot be asked at present. Why stands in the log.
    #[error("the identity source does not answer; try again")]
    SourceUnavailable,
    /// What came back belongs to no login that was begun here, or to one that is done.
    #[error("this login was not begun here, took too long, or is done already; begin it again")]
    NotBegun,
    /// The issuer does not say, in a way that can be believed, who it is.
    #[error(
        "the identity source did not say who you are; begin again, or ask an administrator of the account"
    )]
    NotBelieved,
    /// Nobody here is known by that, and newcomers are not wanted.
    #[error("you are nobody here yet; ask an administrator of the account to let you in")]
    Unknown,
    /// The user may not log in.
    #[error("you may not log in at present; ask an administrator of the account")]
    Disabled,
    /// The question could not be answered.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Logins elsewhere.
pub struct Logins {
    core: Arc<Core>,
    key: Arc<DeploymentKey>,
    random: Arc<dyn Random>,
    issuers: Arc<Issuers>,
}

impl Logins {
    pub(crate) fn new(
        core: Arc<Core>,
        key: Arc<DeploymentKey>,
        random: Arc<dyn Random>,
        issuers: Arc<Issuers>,
    ) -> Self {
        Self {
            core,
            key,
            random,
            issuers,
        }
    }

    /// Begins a login.
    pub async fn begin(&self, wanted: LoginWanted<'_>) -> Result<LoginBegun, LoginRefused> {
        let source = self.source(&wanted).await?;
        let endpoints = self.endpoints(&source).await?;
        let authorization = endpoints.authorization_endpoint;
        let authorization = authorization.ok_or(LoginRefused::SourceUnavailable)?;
        let secret = |prefix| keys::random::generate_token(prefix, &*self.random);
        let (state, nonce, verifier) = (secret("st_"), secret("no_"), secret("ve_"));
        let mut scopes = vec!["openid"];
        scopes.extend(
            source
                .scopes
                .split_whitespace()
                .filter(|one| *one != "openid"),
        );
        let query = form(&[
            ("response_type", "code"),
            ("client_id", &source.client_id),
            ("redirect_uri", wanted.callback),
            ("scope", &scopes.join(" ")),
            ("state", state.expose()),
            ("nonce", nonce.expose()),
            ("code_challenge", &pkce_challenge(&verifier)),
            ("code_challenge_method", "S256"),
        ]);
        let pending = Pending {
            source: source.id.as_str().to_owned(),
            state: state.expose().to_owned(),
            nonce: nonce.expose().to_owned(),
            verifier: verifier.expose().to_owned(),
            callback: wanted.callback.to_owned(),
            target: local_target(wanted.target).to_owned(),
            expires_at_ms: self.core.now_ms() + i64::from(LOGIN_SECS) * 1000,
        };
        let pending = serde_json::to_vec(&pending).map_err(|_| Error::Internal)?;
        let separator = if authorization.contains('?') {
            '&'
        } else {
            '?'
        };
        Ok(LoginBegun {
            location: format!("{authorization}{separator}{query}"),
            cookie: self.key.seal(Purpose::LOGIN, COOKIE, &pending),
        })
    }

    /// Ends a login with a session.
    pub async fn finish(
        &self,
        sessions: &Sessions,
        cookie: Option<&str>,
        answer: LoginAnswer<'_>,
        origin: &Origin,
    ) -> Result<LoginDone, LoginRefused> {
        let pending = self.pending(cookie, answer.state)?;
        let source = IdentitySourceId::new(pending.source.as_str());
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_oidc_source(&source));
        let found = found.await.map_err(Error::from)?;
        let source = found.filter(|source| !source.is_disabled);
        let source = source.ok_or(LoginRefused::SourceUnknown)?;
        // A login may come back once, whatever comes of it.
        self.spend(&pending).await?;
        let is_other = |issuer: &str| issuer != source.issuer;
        let code = answer.code.filter(|code| code.len() <= MAX_CODE_BYTES);
        let Some(code) = code.filter(|_| !answer.issuer.is_some_and(is_other)) else {
            tracing::info!(
                issuer = source.issuer,
                "an issuer sent a browser back without a code"
            );
            return Err(LoginRefused::NotBelieved);
        };
        let claims = self.identify(&source, &pending, code).await?;
        let arrival = Arrival::of_claims(source, &claims);
        let user = arrive(&self.core, arrival, origin).await?;
        let known = caller(&user, CredentialKind::IdentitySource);
        let known = Authenticated::new(known, Rights::Granted);
        let known = known.proven_in(user.credential_epoch);
        let session = sessions.begin_for(&known, origin).await;
        Ok(LoginDone {
            session: session.map_err(|failed| match failed {
                AuthenticationFailed::Failed(error) => LoginRefused::Failed(error),
                _ => LoginRefused::Disabled,
            })?,
            location: pending.target,
        })
    }

    /// Where a browser goes whose session ended, so that it ends at its issuer too (RP-Initiated Logout 1.0); `None` for a
    /// session that is none, or of somebody with a password here.
    pub async fn farewell(&self, cookie: &str, back: &str) -> Result<Option<String>> {
        let hash = self.key.keyed_hash(Purpose::SESSION, cookie.as_bytes());
        let found = self.core.metadata.read(|reader| {
            let Some(session) = reader.find_session(&hash)? else {
                return Ok(None);
            };
            let Some(source) = reader.find_source_of_user(&session.user_id)? else {
                return Ok(None);
            };
            reader.find_oidc_source(&source)
        });
        let Some(source) = found.await? else {
            return Ok(None);
        };
        let Ok(endpoints) = self.issuers.endpoints(&source.issuer).await else {
            return Ok(None);
        };
        Ok(endpoints.end_session_endpoint.map(|url| {
            let query = form(&[
                ("client_id", &source.client_id),
                ("post_logout_redirect_uri", back),
            ]);
            let separator = if url.contains('?') { '&' } else { '?' };
            format!("{url}{separator}{query}")
        }))
    }

    async fn source(&self, wanted: &LoginWanted<'_>) -> Result<OidcSourceRow, LoginRefused> {
        let found = self.core.metadata.read(|reader| {
            let account = match wanted.address {
                Address::Account(id) => Some(id.clone()),
                Address::Shared => reader
                    .find_account_by_name(wanted.account.unwrap_or(DEFAULT_ACCOUNT))?
                    .map(|account| account.id),
            };
            let mut sources = match &account {
                Some(account) => reader.list_oidc_sources(Some(account))?,
                None => Vec::new(),
            };
            sources.extend(reader.list_oidc_sources(None)?);
            Ok::<_, metadata::Error>(sources)
        });
        let sources = found.await.map_err(Error::from)?;
        let is_wanted = |source: &OidcSourceRow| {
            !source.is_disabled && wanted.source.is_none_or(|name| source.name == name)
        };
        let source = sources.into_iter().find(is_wanted);
        source.ok_or(LoginRefused::SourceUnknown)
    }

    async fn endpoints(&self, source: &OidcSourceRow) -> Result<Endpoints, LoginRefused> {
        let endpoints = self.issuers.endpoints(&source.issuer).await;
        endpoints.map_err(|_| LoginRefused::SourceUnavailable)
    }

    /// What was begun, if this is it.
    fn pending(&self, cookie: Option<&str>, state: Option<&str>) -> Result<Pending, LoginRefused> {
        let cookie = cookie.ok_or(LoginRefused::NotBegun)?;
        let opened = self.key.unseal(Purpose::LOGIN, COOKIE, cookie);
        let opened = opened.map_err(|_| LoginRefused::NotBegun)?;
        let pending: Pending =
            serde_json::from_slice(opened.expose()).map_err(|_| LoginRefused::NotBegun)?;
        let state = state.unwrap_or_default();
        let is_ours = constant_time_eq(state.as_bytes(), pending.state.as_bytes());
        if is_ours && pending.expires_at_ms > self.core.now_ms() {
            Ok(pending)
        } else {
            Err(LoginRefused::NotBegun)
        }
    }

    async fn spend(&self, pending: &Pending) -> Result<(), LoginRefused> {
        let hash = self
            .key
            .keyed_hash(Purpose::LOGIN, pending.state.as_bytes());
        let (until_ms, now_ms) = (pending.expires_at_ms, self.core.now_ms());
        let spent = self
            .core
            .metadata
            .write(move |tx| Ok::<_, Error>(tx.spend_login(&hash, until_ms, now_ms)?));
        if spent.await? {
            Ok(())
        } else {
            Err(LoginRefused::NotBegun)
        }
    }
}

/// A path of this registry; the front page for whatever could lead elsewhere: another host, another scheme, what browsers
/// read otherwise than it looks.
fn local_target(target: &str) -> &str {
    let rest = target.strip_prefix('/');
    let is_local = rest.is_some_and(|rest| !rest.starts_with(['/', '\\']))
        && target.len() <= MAX_TARGET_BYTES
        && !target.contains('\\')
        && target.bytes().all(|byte| byte.is_ascii_graphic());
    if is_local { target } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::local_target;

    #[test]
    fn a_login_leads_to_a_path_of_this_registry() {
        for target in ["/", "/harbor/projects?a=b#c", "/a//b", "/a:b@c"] {
            assert_eq!(local_target(target), target);
        }
        let long = format!("/{}", "a".repeat(2048));
        for target in [
            "",
            "//evil.example.com",
            "/\\evil.example.com",
            "\\\\evil.example.com",
            "https://evil.example.com",
            "https:evil.example.com",
            "javascript:alert(1)",
            "/a\\b",
            "/\t/evil.example.com",
            "/\n/evil.example.com",
            "/\r\nSet-Cookie: a=b",
            " //evil.example.com",
            "evil.example.com",
            "/ä",
            &long,
        ] {
            assert_eq!(local_target(target), "/", "{target}");
        }
    }
}
