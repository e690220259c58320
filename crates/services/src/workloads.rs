//! Workloads: what an issuer says of one becomes a caller, by a rule of the account that trusts the issuer.
//!
//! The token that a workload shows stays good until it ends: it may be exchanged more than once, by whoever holds it. It is
//! for this registry alone (`aud`), and issuers let it live for minutes.

use crate::access::{Authenticated, CallerContext, Rights};
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::issuers::{Issuers, NotBelieved};
use crate::tokens::granted_scopes;
use crate::trust_rules::fits;
use crate::{Error, Result};
use keys::throttle::AddressThrottle;
use keys::{IdentityExpected, IdentityToken};
use metadata::TrustRuleRow;
use model::caller::{Origin, workload_name};
use model::{AccountId, Address, Caller, CallerKind, CredentialKind};
use oci::{Scope, ScopeResource};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// How exact the time of a rule's last use is.
const LAST_USE_EVERY_MS: i64 = 5 * 60 * 1000;

/// What a workload shows and wants.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The token of its issuer.
    pub subject_token: &'a str,
    /// The account's name; `None` for the one whose address is used, or whose repository is the first that is wanted.
    pub account: Option<&'a str>,
    /// The trust rule's name; `None` for the one that allows the most of what is wanted.
    pub rule: Option<&'a str>,
    /// What the registry token is to be for.
    pub scopes: &'a [Scope],
    /// The door that is used.
    pub address: &'a Address,
    /// From where.
    pub origin: &'a Origin,
}

/// Why a workload is not believed.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeRefused {
    /// Nothing says which account is meant.
    #[error(
        "say which account trusts this workload: name it in account, or ask for a scope in one of its namespaces"
    )]
    AccountMissing,
    /// The token is none, or no rule of the account believes it. Which of them is in the registry's log.
    #[error(
        "no trust rule of the account believes this token; its issuer, audience and claims must be as a rule says, and it must not have ended"
    )]
    NotTrusted,
    /// Too many tokens from there were not believed.
    #[error("too many exchanges from this address were refused; try again in {secs} s")]
    Throttled {
        /// When to try again.
        secs: u64,
    },
    /// The issuer's keys cannot be had at present.
    #[error("the token's issuer could not be asked for its keys; try again")]
    IssuerUnavailable,
    /// The question could not be answered.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Believes workloads.
pub struct Workloads {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    issuers: Arc<Issuers>,
    throttle: AddressThrottle,
}

impl Workloads {
    pub(crate) fn new(
        core: Arc<Core>,
        authorizer: Arc<Authorizer>,
        issuers: Arc<Issuers>,
        throttle: AddressThrottle,
    ) -> Self {
        Self {
            core,
            authorizer,
            issuers,
            throttle,
        }
    }

    /// The caller that a workload's token makes it. An address from which many are not believed has to wait.
    pub async fn exchange(&self, exchange: Exchange<'_>) -> Result<CallerContext, ExchangeRefused> {
        let from = exchange.origin.address;
        let from = from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let admitted = self.throttle.check(from, self.core.now_ms());
        admitted.map_err(|retry| ExchangeRefused::Throttled { secs: retry.secs })?;
        let believed = self.believe(exchange).await;
        let now_ms = self.core.now_ms();
        if matches!(believed, Err(ExchangeRefused::NotTrusted)) {
            self.throttle.record_failure(from, now_ms);
        } else {
            self.throttle.give_back(from, now_ms);
        }
        believed
    }

    async fn believe(&self, exchange: Exchange<'_>) -> Result<CallerContext, ExchangeRefused> {
        let account = self.account_of(&exchange).await?;
        let token = IdentityToken::parse(exchange.subject_token).map_err(|reason| {
            tracing::info!(%reason, "a workload's token was refused");
            ExchangeRefused::NotTrusted
        })?;
        let rules = self
            .rules_for(account.as_ref(), &token, exchange.rule)
            .await?;
        // Only who is trusted is asked for keys.
        let Some(first) = rules.first() else {
            tracing::info!(
                issuer = token.claimed_issuer(),
                "no trust rule is for a workload's token"
            );
            return Err(ExchangeRefused::NotTrusted);
        };
        let expected = IdentityExpected {
            issuer: &first.issuer,
            audience: &first.audience,
            nonce: None,
        };
        let claims = match self.issuers.verify(token, &expected).await {
            Ok(claims) => claims,
            Err(NotBelieved::Unavailable) => return Err(ExchangeRefused::IssuerUnavailable),
            Err(NotBelieved::Rejected(reason)) => {
                tracing::info!(%reason, issuer = first.issuer, "a workload's token was refused");
                return Err(ExchangeRefused::NotTrusted);
            }
        };
        let fitting = rules
            .iter()
            .filter(|rule| fits(&rule.claims, &claims.all))
            .map(|rule| Self::caller(rule, &claims.subject, &exchange));
        let Some((rule, context)) = self.best(fitting.collect(), &exchange).await? else {
            let subject = &claims.subject;
            tracing::info!(
                subject,
                issuer = first.issuer,
                "a workload's claims are like no trust rule's"
            );
            return Err(ExchangeRefused::NotTrusted);
        };
        self.touch(rule).await?;
        Ok(context)
    }

    async fn account_of(
        &self,
        exchange: &Exchange<'_>,
    ) -> Result<Option<AccountId>, ExchangeRefused> {
        if let Address::Account(account) = exchange.address {
            return Ok(Some(account.clone()));
        }
        if let Some(name) = exchange.account {
            let found = self
                .core
                .metadata
                .read(|reader| reader.find_account_by_name(name));
            return Ok(found.await.map_err(Error::from)?.map(|account| account.id));
        }
        let repository = exchange
            .scopes
            .iter()
            .find_map(|scope| match &scope.resource {
                ScopeResource::Repository(name) => Some(name),
                ScopeResource::Catalog => None,
            });
        let repository = repository.ok_or(ExchangeRefused::AccountMissing)?;
        let policy = &self.authorizer.policy;
        let namespace = policy
            .find_namespace(exchange.address, repository.namespace())
            .await?;
        Ok(namespace.map(|namespace| namespace.account_id.clone()))
    }

    /// The account's rules for the token's issuer and audience, as the token claims them.
    async fn rules_for(
        &self,
        account: Option<&AccountId>,
        token: &IdentityToken<'_>,
        named: Option<&str>,
    ) -> Result<Vec<TrustRuleRow>> {
        let claimed = (account, token.claimed_issuer(), token.claimed_audience());
        let (Some(account), Some(issuer), Some(audience)) = claimed else {
            return Ok(Vec::new());
        };
        let found = self
            .core
            .metadata
            .read(|reader| reader.list_trust_rules_of_issuer(account, issuer));
        let mut rules = found.await?;
        rules
            .retain(|rule| rule.audience == audience && named.is_none_or(|name| rule.name == name));
        Ok(rules)
    }

    fn caller<'r>(
        rule: &'r TrustRuleRow,
        subject: &str,
        exchange: &Exchange<'_>,
    ) -> (&'r TrustRuleRow, CallerContext) {
        let caller = Caller {
            kind: CallerKind::Workload {
                rule: rule.id.clone(),
                name: workload_name(&rule.name, subject),
            },
            credential: CredentialKind::Workload,
            home_account: Some(rule.account_id.clone()),
        };
        let mut authenticated = Authenticated::new(caller, Rights::Granted);
        authenticated.token_lifetime_ms = Some(rule.token_lifetime_secs * 1000);
        let context = CallerContext {
            authenticated: Arc::new(authenticated),
            origin: exchange.origin.clone(),
            address: exchange.address.clone(),
        };
        (rule, context)
    }

    /// Of several rules the one that allows the most of what is wanted; the first by name of those that allow as much.
    async fn best<'r>(
        &self,
        mut fitting: Vec<(&'r TrustRuleRow, CallerContext)>,
        exchange: &Exchange<'_>,
    ) -> Result<Option<(&'r TrustRuleRow, CallerContext)>> {
        if fitting.len() <= 1 {
            return Ok(fitting.pop());
        }
        let mut best = (0, 0);
        for (at, (_, context)) in fitting.iter().enumerate() {
            let granted = granted_scopes(&self.authorizer, context, exchange.scopes).await;
            let actions = granted.map_or(0, |(_, scopes, _)| {
                scopes
                    .iter()
                    .map(|scope| scope.claim().2.len())
                    .sum::<usize>()
            });
            if actions > best.1 {
                best = (at, actions);
            }
        }
        Ok(Some(fitting.swap_remove(best.0)))
    }

    async fn touch(&self, rule: &TrustRuleRow) -> Result<()> {
        let now_ms = self.core.now_ms();
        if rule
            .last_used_at_ms
            .is_some_and(|used| used + LAST_USE_EVERY_MS > now_ms)
        {
            return Ok(());
        }
        let id = rule.id.clone();
        self.core
            .metadata
            .write_relaxed(move |tx| Ok(tx.touch_trust_rule(&id, now_ms)?))
            .await
    }
}
