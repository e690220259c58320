//! What issuers of identities publish about themselves, remembered: where they are to be asked, and their keys.
//!
//! An issuer is asked when nothing is known of it, when what is known is an hour old, and when a token names a key that is
//! not known; never twice within a few seconds, however many tokens with made-up key names arrive. While it does not
//! answer, what is known stays good for a day.

use crate::core::Core;
use keys::{IdentityClaims, IdentityExpected, IdentityToken, IdentityTokenRejected, IssuerKeys};
use outbound::HttpClient;
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::{Arc, Mutex, PoisonError};

/// Issuers remembered.
const REMEMBERED: usize = 1000;
/// How long what is known is not asked for again.
const FRESH_MS: i64 = 3600 * 1000;
/// How long it is good while the issuer does not answer.
const STALE_MS: i64 = 24 * 3600 * 1000;
/// From one question to the next.
const ASK_EVERY_MS: i64 = 15 * 1000;
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// What an issuer says of itself (OpenID Connect Discovery 1.0, section 3), and its keys.
#[derive(Clone, Debug)]
pub(crate) struct IssuerDocument {
    pub(crate) endpoints: Endpoints,
    keys: IssuerKeys,
    read_at_ms: i64,
}

/// The part of an issuer's description that is used.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Endpoints {
    issuer: String,
    jwks_uri: String,
    pub(crate) authorization_endpoint: Option<String>,
    pub(crate) token_endpoint: Option<String>,
    pub(crate) end_session_endpoint: Option<String>,
    pub(crate) token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// Why a token was not believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotBelieved {
    /// The issuer cannot be asked, or does not say what is needed.
    #[error("the issuer could not be asked")]
    Unavailable,
    /// The token is not what it has to be.
    #[error(transparent)]
    Rejected(#[from] IdentityTokenRejected),
}

/// The issuer could not be asked, or its answer cannot be used. The cause is in the log.
#[derive(Debug, thiserror::Error)]
#[error("the issuer could not be asked")]
pub(crate) struct IssuerUnavailable;

#[derive(Default)]
struct Known {
    document: Mutex<Option<Arc<IssuerDocument>>>,
    /// When it was last asked; held while it is being asked.
    asked_at_ms: tokio::sync::Mutex<Option<i64>>,
}

impl Known {
    fn document(&self) -> Option<Arc<IssuerDocument>> {
        let document = self.document.lock();
        document.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Issuers.
pub(crate) struct Issuers {
    core: Arc<Core>,
    client: HttpClient,
    known: Cache<String, Arc<Known>>,
}

impl Issuers {
    pub(crate) fn new(core: Arc<Core>, client: HttpClient) -> Self {
        Self {
            core,
            client,
            known: Cache::new(REMEMBERED),
        }
    }

    pub(crate) fn client(&self) -> &HttpClient {
        &self.client
    }

    /// Checks a token of an issuer that somebody who may decided to trust. The one way there is, for people and workloads.
    pub(crate) async fn verify(
        &self,
        token: IdentityToken<'_>,
        expected: &IdentityExpected<'_>,
    ) -> Result<IdentityClaims, NotBelieved> {
        let knows = |document: &IssuerDocument| document.keys.know(&token);
        let document = self.document(expected.issuer, knows).await;
        let document = document.map_err(|_| NotBelieved::Unavailable)?;
        let verified = token.verify(&document.keys, expected, self.core.now_ms());
        if !matches!(verified, Err(IdentityTokenRejected::Signature)) {
            return Ok(verified?);
        }
        // An issuer may have another key under the name of the one before, or under none.
        let is_newer = |other: &IssuerDocument| other.read_at_ms > document.read_at_ms;
        let newest = self.document(expected.issuer, is_newer).await;
        let newest = newest.map_err(|_| NotBelieved::Unavailable)?;
        Ok(token.verify(&newest.keys, expected, self.core.now_ms())?)
    }

    /// What an issuer says of itself.
    pub(crate) async fn endpoints(&self, issuer: &str) -> Result<Endpoints, IssuerUnavailable> {
        let document = self.document(issuer, |_| true).await?;
        Ok(document.endpoints.clone())
    }

    /// Asks an issuer now and remembers nothing.
    pub(crate) async fn ping(&self, issuer: &str) -> Result<(), IssuerUnavailable> {
        self.ask(issuer).await.map(drop)
    }

    /// What is known of an issuer; asks it when that is old, or not enough.
    async fn document(
        &self,
        issuer: &str,
        is_enough: impl Fn(&IssuerDocument) -> bool,
    ) -> Result<Arc<IssuerDocument>, IssuerUnavailable> {
        let known = self
            .known
            .get_or_insert_with(issuer, || Ok::<_, IssuerUnavailable>(Arc::default()))?;
        let now_ms = self.core.now_ms();
        let age = |document: &IssuerDocument| now_ms.saturating_sub(document.read_at_ms);
        let before = known.document();
        if let Some(document) = &before
            && age(document) < FRESH_MS
            && is_enough(document)
        {
            return Ok(document.clone());
        }
        let usable = before.filter(|document| age(document) < STALE_MS);
        let is_usable = usable.as_deref().is_some_and(&is_enough);
        // Whoever can do with what is known does not wait for somebody who is asking.
        let asking = if is_usable {
            known.asked_at_ms.try_lock().ok()
        } else {
            Some(known.asked_at_ms.lock().await)
        };
        let Some(mut asked_at_ms) = asking else {
            return usable.ok_or(IssuerUnavailable);
        };
        let is_due = asked_at_ms.is_none_or(|at| now_ms.saturating_sub(at) >= ASK_EVERY_MS);
        if is_due {
            *asked_at_ms = Some(now_ms);
            if let Ok(document) = self.ask(issuer).await {
                let document = Arc::new(document);
                let mut slot = known
                    .document
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *slot = Some(document.clone());
                return Ok(document);
            }
        }
        // Somebody else may have asked while this one waited.
        let newest = known.document();
        newest
            .filter(|document| age(document) < STALE_MS)
            .ok_or(IssuerUnavailable)
    }

    async fn ask(&self, issuer: &str) -> Result<IssuerDocument, IssuerUnavailable> {
        let base = issuer.trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let endpoints: Endpoints = self.get(issuer, &url).await?;
        // Otherwise one issuer could speak for another (Discovery, section 4.3).
        if endpoints.issuer != issuer {
            tracing::warn!(
                issuer,
                is = endpoints.issuer,
                "an issuer calls itself otherwise"
            );
            return Err(IssuerUnavailable);
        }
        let keys: serde_json::Value = self.get(issuer, &endpoints.jwks_uri).await?;
        let keys = IssuerKeys::parse(keys.to_string().as_bytes()).map_err(|error| {
            tracing::warn!(issuer, %error, "an issuer's keys cannot be read");
            IssuerUnavailable
        })?;
        Ok(IssuerDocument {
            endpoints,
            keys,
            read_at_ms: self.core.now_ms(),
        })
    }

    async fn get<T: DeserializeOwned>(
        &self,
        issuer: &str,
        url: &str,
    ) -> Result<T, IssuerUnavailable> {
        let answer = self.client.get(url, MAX_DOCUMENT_BYTES).await;
        let answer = answer.map_err(|error| {
            tracing::warn!(issuer, url, %error, "an issuer could not be asked");
            IssuerUnavailable
        })?;
        if answer.status != 200 {
            tracing::warn!(issuer, url, status = answer.status, "an issuer refused");
            return Err(IssuerUnavailable);
        }
        serde_json::from_slice(&answer.body).map_err(|error| {
            tracing::warn!(issuer, url, %error, "an issuer's answer cannot be read");
            IssuerUnavailable
        })
    }
}

#[cfg(test)]
mod tests;
