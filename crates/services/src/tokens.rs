//! Access tokens: what a login is exchanged for, and what every request of a client then shows.

mod claimed;

use crate::access::{Authenticated, CallerContext, Refused, Rights};
use crate::authentication::{AuthenticationFailed, Authenticator};
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::credential_scope::is_good_for;
use crate::signing_keys::load_signing_keys;
use crate::{Error, Result};
use arc_swap::ArcSwap;
pub(crate) use claimed::claimed_credential;
use claimed::{access_entry, authenticated_by, claimed_id};
use keys::token::{Expected, TokenRejected};
use keys::{Claims, DeploymentKey, Purpose, Random, SecretString, SigningKeys, TokenCache};
use metadata::{NewRefreshToken, RefreshTokenRow};
use model::{AccountId, Action, ContentRequestId, CredentialKind};
use oci::{Scope, ScopeResource};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// What every refresh token begins with.
const REFRESH_TOKEN_PREFIX: &str = "rsr_";
/// Scopes of a token that is remembered as checked. Clients ask for one or two; a token for a hundred takes ten times the
/// memory that a place is meant to take, and strangers can have as many of those as they like.
const REMEMBERED_SCOPES: usize = 4;
/// How often an unknown signing key makes a replica look for new ones.
const NEW_KEYS_EVERY_MS: i64 = 1000;

/// A token that was given out.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token.
    pub token: String,
    /// When it was made.
    pub issued_at_ms: i64,
    /// How long it lives.
    pub expires_in_secs: i64,
    /// What it allows.
    pub scopes: Vec<Scope>,
}

/// Gives tokens out and checks them.
pub struct Tokens {
    core: Arc<Core>,
    key: Arc<DeploymentKey>,
    random: Arc<dyn Random>,
    signing: ArcSwap<SigningKeys>,
    /// When a token that another replica may have signed last made this one look for new keys.
    looked_for_keys_at_ms: AtomicI64,
    verified: TokenCache<Authenticated>,
}

impl Tokens {
    /// Loads the signing keys, making the first one on a new deployment.
    pub(crate) async fn load(
        core: Arc<Core>,
        key: Arc<DeploymentKey>,
        random: Arc<dyn Random>,
    ) -> Result<Self> {
        let verified = TokenCache::new(core.settings.remembered_credentials, &*random);
        let signing = ArcSwap::new(load_signing_keys(&core, &key, &random).await?);
        Ok(Self {
            core,
            key,
            random,
            signing,
            looked_for_keys_at_ms: AtomicI64::new(0),
            verified,
        })
    }

    /// Makes a new signing key when the newest is old, and forgets those whose tokens have all ended.
    pub async fn rotate(&self) -> Result<()> {
        self.signing
            .store(load_signing_keys(&self.core, &self.key, &self.random).await?);
        Ok(())
    }

    /// Gives a token for those of the wanted scopes that the caller has. A partial grant is no error.
    ///
    /// # Errors
    /// [`Refused::OutsideNetwork`] when that is why the caller has none of them, or may not even log in.
    pub async fn issue(
        &self,
        authorizer: &Authorizer,
        context: &CallerContext,
        wanted: &[Scope],
    ) -> Result<IssuedToken, Refused> {
        let (account, scopes, request) = granted_scopes(authorizer, context, wanted).await?;
        let settings = &self.core.settings;
        let now_ms = self.core.now_ms();
        let who = &context.authenticated;
        let (begin, end) = who.lifetime_secs(
            now_ms,
            who.token_lifetime_ms.unwrap_or(settings.token_lifetime_ms),
        );
        let caller = &who.caller;
        let claims = Claims {
            iss: settings.issuer.clone(),
            sub: who.name.as_deref().unwrap_or_default().to_owned(),
            user: claimed_id(caller).to_owned(),
            aud: settings.service.clone(),
            exp: end,
            nbf: begin,
            iat: begin,
            jti: self.core.ids.next_id(),
            account: account.map_or_else(String::new, |account| account.as_str().to_owned()),
            credential: claimed_credential(caller),
            access: scopes.iter().map(access_entry).collect(),
            content_request: request.map_or_else(String::new, |request| request.to_string()),
        };
        Ok(IssuedToken {
            token: self.sign(&claims)?,
            issued_at_ms: now_ms,
            expires_in_secs: end - begin,
            scopes,
        })
    }

    pub(crate) fn sign(&self, claims: &Claims) -> Result<String> {
        self.signing.load().issue(claims).map_err(|error| {
            tracing::warn!(%error, "a token was not issued");
            Error::Invalid(error.to_string())
        })
    }

    /// Checks a bearer token. A small one that was checked before is remembered until it ends.
    pub(crate) async fn verify(
        &self,
        token: &str,
    ) -> Result<Arc<Authenticated>, AuthenticationFailed> {
        let now_ms = self.core.now_ms();
        let key = self.verified.key(&[token.as_bytes()]);
        if let Some(known) = self.verified.get(&key, now_ms, 0) {
            return Ok(known);
        }
        let service = &self.core.settings.service;
        let claims = self.claims(token, service, now_ms).await?;
        let expires_at_ms = claims.exp * 1000;
        let is_small = claims.access.len() <= REMEMBERED_SCOPES;
        let known = Arc::new(authenticated_by(claims));
        if is_small {
            self.verified.insert(key, known.clone(), expires_at_ms, 0);
        }
        Ok(known)
    }

    /// What a token for some audience says, if it is ours.
    pub(crate) async fn claims(
        &self,
        token: &str,
        audience: &str,
        now_ms: i64,
    ) -> Result<Claims, AuthenticationFailed> {
        let expected = Expected {
            issuer: &self.core.settings.issuer,
            audience,
        };
        let verify = || self.signing.load().verify(token, &expected, now_ms);
        let mut claims = verify();
        if matches!(claims, Err(TokenRejected::UnknownKey))
            && self.hears_of_new_keys(now_ms).await?
        {
            claims = verify();
        }
        claims.map_err(|reason| {
            tracing::debug!(%reason, "a bearer token was refused");
            AuthenticationFailed::TokenInvalid
        })
    }

    /// Another replica may have begun to sign with a new key. Looked for once in a while, whoever makes up key names.
    async fn hears_of_new_keys(&self, now_ms: i64) -> Result<bool> {
        let last = &self.looked_for_keys_at_ms;
        let is_due = |at: i64| (at.saturating_add(NEW_KEYS_EVERY_MS) <= now_ms).then_some(now_ms);
        let is_shared = self.core.metadata.is_shared();
        if !is_shared
            || last
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_due)
                .is_err()
        {
            return Ok(false);
        }
        self.rotate().await?;
        Ok(true)
    }

    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.verified.len()
    }

    /// Makes a refresh token for a caller that showed a password or a personal access token; `None` for others.
    pub async fn create_refresh_token(
        &self,
        authenticated: &Authenticated,
    ) -> Result<Option<SecretString>> {
        let (caller, proven_in) = (&authenticated.caller, authenticated.proven_in);
        let about = caller.home_account.clone();
        let Some(user) = caller.user_id().cloned() else {
            return Ok(None);
        };
        let access_token_id = match &caller.credential {
            CredentialKind::AccessToken { id, .. } => Some(id.clone()),
            CredentialKind::Password => None,
            CredentialKind::None
            | CredentialKind::RobotSecret
            | CredentialKind::Session
            | CredentialKind::IdentitySource
            | CredentialKind::Workload
            | CredentialKind::Local => return Ok(None),
        };
        let secret = keys::random::generate_token(REFRESH_TOKEN_PREFIX, &*self.random);
        let secret_hash = self.hash(&secret);
        let settings = &self.core.settings;
        let expires_at_ms = self.core.now_ms() + settings.refresh_token_lifetime_ms;
        let service = settings.service.clone();
        self.core
            .metadata
            .write(move |tx| {
                // What was proven may have changed since: then it is worth nothing any more.
                let row = tx.find_user(&user)?;
                let row = row
                    .filter(|user| !user.is_disabled && Some(user.credential_epoch) == proven_in);
                let Some(row) = row else { return Ok(None) };
                tx.create_refresh_token(&NewRefreshToken {
                    secret_hash,
                    row: RefreshTokenRow {
                        user_id: user,
                        account_id: about.filter(|about| *about != row.home_account_id),
                        access_token_id,
                        service,
                        credential_epoch: row.credential_epoch,
                        expires_at_ms,
                    },
                })?;
                Ok(Some(secret))
            })
            .await
    }

    /// Who a refresh token stands for. It ends with the password or access token it was got with.
    pub async fn refresh(
        &self,
        secret: &SecretString,
    ) -> Result<Arc<Authenticated>, AuthenticationFailed> {
        let hash = self.hash(secret);
        let now_ms = self.core.now_ms();
        let service = self.core.settings.service.clone();
        let caller = self.core.metadata.read(|reader| {
            let token = reader.find_refresh_token(&hash)?;
            let Some(token) = token.filter(|t| t.expires_at_ms > now_ms && t.service == service)
            else {
                return Ok(None);
            };
            let Some(user) = reader.find_user(&token.user_id)? else {
                return Ok(None);
            };
            if user.is_disabled || user.credential_epoch != token.credential_epoch {
                return Ok(None);
            }
            let Some(id) = token.access_token_id else {
                let caller = Authenticator::caller_of(&user, None);
                return Ok(Some(caller.come_for(token.account_id)));
            };
            let access_token = reader.find_access_token_by_id(&id)?;
            let alive = access_token.filter(|t| t.expires_at_ms.is_none_or(|end| end > now_ms));
            Ok::<_, metadata::Error>(alive.map(|t| {
                Authenticator::caller_of(&user, Some((id, t.actions))).come_for(token.account_id)
            }))
        });
        let caller = caller
            .await
            .map_err(Error::from)?
            .ok_or(AuthenticationFailed::TokenInvalid)?;
        Ok(Arc::new(Authenticated::new(caller, Rights::Granted)))
    }

    fn hash(&self, secret: &SecretString) -> String {
        self.key
            .keyed_hash(Purpose::REFRESH_TOKEN, secret.expose().as_bytes())
    }
}

/// What of the wanted scopes the caller has. A token belongs to one account: that of its first repository.
pub(crate) async fn granted_scopes(
    authorizer: &Authorizer,
    context: &CallerContext,
    wanted: &[Scope],
) -> Result<(Option<AccountId>, Vec<Scope>, Option<ContentRequestId>), Refused> {
    let mut account: Option<AccountId> = None;
    let mut request = None;
    let mut outside = None;
    let mut scopes = Vec::new();
    for scope in wanted {
        match &scope.resource {
            ScopeResource::Catalog => {
                // The catalogue shows each caller its own; anonymous callers have none.
                let caller = &context.authenticated.caller;
                if !caller.is_anonymous() && is_good_for(caller, Action::CatalogRead) {
                    scopes.push(Scope::catalog());
                }
            }
            ScopeResource::Repository(name) if name.path().is_none() => {}
            ScopeResource::Repository(name) => {
                let allowed = authorizer.allowed_scope(context, name, scope.actions);
                let (allowed, owner, by_request) = match allowed.await {
                    Err(Refused::Failed(Error::NamespaceUnknown(_))) => continue,
                    Err(refused @ Refused::OutsideNetwork { .. }) => {
                        outside = Some(refused);
                        continue;
                    }
                    allowed => allowed?,
                };
                let same = account.is_none() || owner.is_none() || account == owner;
                if !allowed.is_empty() && same {
                    account = account.or(owner);
                    request = request.or(by_request);
                    scopes.push(Scope::repository(name.clone(), allowed));
                }
            }
        }
    }
    if account.is_none() {
        match outside {
            Some(refused) => return Err(refused),
            None => authorizer.admit_login(context).await?,
        }
    }
    let account = account.or_else(|| context.authenticated.caller.home_account.clone());
    Ok((account, scopes, request))
}
