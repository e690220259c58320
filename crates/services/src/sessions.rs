//! Logins by form: what a browser shows instead of a password, request after request.

use crate::access::Authenticated;
use crate::audit::Initiator;
use crate::authentication::{AuthenticationFailed, Authenticator, Credentials};
use crate::core::Core;
use crate::{Error, Result};
use keys::{DeploymentKey, Purpose, Random, SecretString};
use metadata::SessionRow;
use model::caller::Origin;
use model::{Address, Caller, CallerKind, CredentialKind, Event};
use std::sync::Arc;

/// What every cookie begins with.
const SESSION_PREFIX: &str = "rss_";
/// No session lives longer than this, however much it is used.
const LONGEST_MS: i64 = 24 * 3600 * 1000;
/// Ended sessions that are forgotten at a time.
const FORGOTTEN_AT_ONCE: i64 = 1000;

/// Logins by form.
pub struct Sessions {
    core: Arc<Core>,
    key: Arc<DeploymentKey>,
    random: Arc<dyn Random>,
}

impl Sessions {
    pub(crate) fn new(core: Arc<Core>, key: Arc<DeploymentKey>, random: Arc<dyn Random>) -> Self {
        Self { core, key, random }
    }

    /// Begins a session for a user's password. Personal access tokens and robot accounts have none: a session may do
    /// everything that its user may.
    pub async fn begin(
        &self,
        authenticator: &Authenticator,
        (name, password): (String, SecretString),
        origin: &Origin,
        door: &Address,
    ) -> Result<SecretString, AuthenticationFailed> {
        authenticator.forget(&name, &password, door);
        let credentials = Credentials::Basic {
            name,
            secret: password,
        };
        let known = authenticator
            .authenticate(credentials, origin.address, door)
            .await?;
        self.begin_for(&known, origin).await
    }

    /// The same for whoever has proven who it is: with a password, or by an issuer's word.
    pub(crate) async fn begin_for(
        &self,
        known: &Authenticated,
        origin: &Origin,
    ) -> Result<SecretString, AuthenticationFailed> {
        let is_person = matches!(
            known.caller.credential,
            CredentialKind::Password | CredentialKind::IdentitySource
        );
        let (Some(user), Some(credential_epoch)) = (known.caller.user_id(), known.proven_in) else {
            return Err(AuthenticationFailed::Wrong);
        };
        if !is_person {
            return Err(AuthenticationFailed::Wrong);
        }
        let secret = keys::random::generate_token(SESSION_PREFIX, &*self.random);
        let hash = self.hash(secret.expose());
        let now_ms = self.core.now_ms();
        let mut session = SessionRow {
            user_id: user.clone(),
            account_id: None,
            credential_epoch,
            created_at_ms: now_ms,
            expires_at_ms: now_ms + self.core.settings.session_lifetime_ms,
        };
        let (core, by) = (self.core.clone(), Initiator::of(&known.caller, origin));
        let about = known.caller.home_account.clone();
        let created = self.core.metadata.write(move |tx| {
            let home = tx.find_user(&session.user_id)?;
            let home = home.map(|user| user.home_account_id);
            session.account_id = about.clone().filter(|about| Some(about) != home.as_ref());
            tx.create_session(&hash, &session)?;
            let event = Event::LoggedIn {
                user: by.caller.as_ref().to_owned(),
                given: "session",
                count: 1,
            };
            core.write_event(tx, &event, about.as_ref(), &by)
        });
        created.await?;
        Ok(secret)
    }

    /// Whether the session that somebody showed is to be renewed by being used.
    pub fn is_due(&self, who: &Authenticated) -> bool {
        let now_ms = self.core.now_ms();
        who.renews_at_ms.is_some_and(|at_ms| at_ms <= now_ms)
    }

    /// Lets a session that is used live on, once half of its time is over.
    pub async fn renew(&self, cookie: &str) -> Result<()> {
        let hash = self.hash(cookie);
        let now_ms = self.core.now_ms();
        let lifetime_ms = self.core.settings.session_lifetime_ms;
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_session(&hash)?))
            .await?;
        let Some(session) = found.filter(|session| session.expires_at_ms > now_ms) else {
            return Ok(());
        };
        let until_ms = (now_ms + lifetime_ms).min(session.created_at_ms + LONGEST_MS);
        if session.expires_at_ms - now_ms > lifetime_ms / 2 || until_ms <= session.expires_at_ms {
            return Ok(());
        }
        self.core
            .metadata
            .write_relaxed(move |tx| Ok(tx.renew_session(&hash, until_ms)?))
            .await
    }

    /// Ends a session; nothing happens when it has ended.
    pub async fn end(&self, cookie: &str, origin: &Origin) -> Result<()> {
        let hash = self.hash(cookie);
        let (core, origin) = (self.core.clone(), origin.clone());
        let ended = self.core.metadata.write(move |tx| {
            let Some(session) = tx.find_session(&hash)? else {
                return Ok(());
            };
            let user = tx.find_user(&session.user_id)?;
            if !tx.delete_session(&hash)? {
                return Ok(());
            }
            let Some(user) = user else { return Ok(()) };
            let caller = Caller {
                kind: CallerKind::User {
                    id: user.id,
                    name: user.name.clone(),
                },
                credential: CredentialKind::Session,
                home_account: Some(user.home_account_id.clone()),
            };
            let event = Event::LoggedOut { user: user.name };
            let about = session.account_id.unwrap_or(user.home_account_id);
            core.record_for(tx, &event, &about, (&caller, &origin))
        });
        ended.await
    }

    /// What a page of this session must send along with everything that changes something: other sites' pages cannot know it.
    pub fn csrf_token(&self, cookie: &str) -> String {
        self.key
            .keyed_hash(Purpose::SESSION, format!("csrf {cookie}").as_bytes())
    }

    /// Whether a request's token is the session's; takes the same time wherever they differ.
    pub fn is_csrf_token(&self, cookie: &str, token: &str) -> bool {
        let secret = format!("csrf {cookie}");
        self.key
            .matches_keyed_hash(Purpose::SESSION, secret.as_bytes(), token)
    }

    fn hash(&self, cookie: &str) -> String {
        self.key.keyed_hash(Purpose::SESSION, cookie.as_bytes())
    }
}

/// Forgets sessions that have ended.
pub(crate) async fn forget_ended(core: &Core) -> Result<usize> {
    let now_ms = core.now_ms();
    core.metadata
        .write_relaxed(move |tx| Ok(tx.delete_ended_sessions(now_ms, FORGOTTEN_AT_ONCE)?))
        .await
}
