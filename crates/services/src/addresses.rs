//! Under which host names accounts are reached. At an account's own address exactly its namespaces exist.
//!
//! A name is an account's because it follows from the account's name, because an operator gave it, or because the account
//! proved it. Until then it is a claim: it leads nowhere and is in nobody's way.

mod host;
mod proof;

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::accounts::existing;
use crate::authorizer::Authorizer;
use crate::certificates::CertificateView;
use crate::core::Core;
use crate::deployment::Deployment;
use crate::operators::{OperatorAction, OperatorContext};
use crate::settings::Settings;
use crate::{Error, Result};
pub(crate) use host::read as read_host;
use host::require_free;
use keys::{DeploymentKey, Purpose, Random};
use metadata::{AddressClaimRow, Reader};
use model::{Account, AccountId, Action, Event};
use outbound::{HttpClient, Resolver};
use proof::Asking;
pub use proof::ProofMethod;
use std::collections::BTreeMap;
use std::sync::Arc;

/// For how long a claim can be proved.
const CLAIM_MS: i64 = 7 * 86_400_000;
/// Names of one account, claimed and its own, beyond which it claims no more.
const MAX_NAMES: usize = 50;
/// Claims that one transaction forgets.
const BATCH: i64 = 200;
/// The label below which the record of a proof stands, and the path of its text.
const RECORD: &str = "_roadstead-challenge";
const WELL_KNOWN: &str = "/.well-known/roadstead-challenge/";

/// A host name of an account.
#[derive(Clone, Debug)]
pub struct AccountAddress {
    /// The name, in lower case.
    pub host: String,
    /// Whether it follows from the account's name.
    pub is_automatic: bool,
    /// What proves it, when it is only claimed.
    pub claim: Option<AddressClaim>,
    /// The certificate that the account gave it.
    pub certificate: Option<CertificateView>,
}

/// What proves that a name is an account's: one of two things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressClaim {
    /// The name of a TXT record that holds `content`.
    pub record: String,
    /// The URL, by plain HTTP, at which `content` is.
    pub url: String,
    /// Its path.
    pub(crate) path: String,
    /// 64 hexadecimal digits that only this claim of this account has.
    pub content: String,
    /// From when on the claim means nothing.
    pub expires_at_ms: i64,
}

impl AccountAddress {
    fn own(host: String) -> Self {
        Self {
            host,
            is_automatic: false,
            claim: None,
            certificate: None,
        }
    }
}

/// The account whose own address a host name is; `host` is lower case and without a port.
pub(crate) fn find_account_of_host(
    reader: &Reader<'_>,
    settings: &Settings,
    host: &str,
) -> Result<Option<AccountId>> {
    match automatic(settings, host) {
        Some(name) => Ok(reader.find_account_by_name(name)?.map(|account| account.id)),
        None => Ok(reader.find_account_by_host(host)?),
    }
}

/// The account's name in a host name below the deployment's domain.
fn automatic<'a>(settings: &Settings, host: &'a str) -> Option<&'a str> {
    let domain = settings.account_domain.as_deref()?;
    let name = host.strip_suffix(domain)?.strip_suffix('.')?;
    (!name.is_empty() && !name.contains('.')).then_some(name)
}

/// The host names of accounts.
pub struct Addresses {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    key: Arc<DeploymentKey>,
    random: Arc<dyn Random>,
    client: HttpClient,
    resolver: Resolver,
    asking: Asking,
}

impl Addresses {
    pub(crate) fn new(
        (core, authorizer): (Arc<Core>, Arc<Authorizer>),
        (key, random): (Arc<DeploymentKey>, Arc<dyn Random>),
        (client, resolver): (HttpClient, Resolver),
    ) -> Self {
        Self {
            core,
            authorizer,
            key,
            random,
            client,
            resolver,
            asking: Asking::default(),
        }
    }

    /// An account's host names, for those who manage it: those that are its own, then those that it claims.
    pub async fn list(&self, by: &AccountContext) -> Result<Vec<AccountAddress>, Refused> {
        self.authorizer.require(by, Action::AccountRead).await?;
        let found = self
            .core
            .metadata
            .read(|reader| self.all(reader, by.account()));
        Ok(found.await?)
    }

    /// The same for operators.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn list_for_deployment(
        &self,
        by: &OperatorContext,
        account: &str,
    ) -> Result<Vec<AccountAddress>, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::AccountRead)?;
        let found = self.core.metadata.read(|reader| {
            let found = reader.find_account_by_name(account)?;
            self.all(reader, &found.ok_or_else(|| unknown(account))?)
        });
        Ok(found.await?)
    }

    fn all(&self, reader: &Reader<'_>, account: &Account) -> Result<Vec<AccountAddress>> {
        let now_ms = self.core.now_ms();
        let domain = self.core.settings.account_domain.as_deref();
        let certificates = reader.list_address_certificates(&account.id)?.into_iter();
        let mut certificates: BTreeMap<String, CertificateView> = certificates
            .map(|row| (row.host.clone(), CertificateView::of(row, now_ms)))
            .collect();
        let automatic = domain.map(|domain| AccountAddress {
            is_automatic: true,
            ..AccountAddress::own(format!("{}.{domain}", account.name))
        });
        let own = reader.list_account_addresses(&account.id)?.into_iter();
        let own = own.map(|host| AccountAddress {
            certificate: certificates.remove(&host),
            ..AccountAddress::own(host)
        });
        let claimed = reader.list_address_claims(&account.id, now_ms)?.into_iter();
        let claimed = claimed.map(|row| AccountAddress {
            claim: Some(self.claim_of(&row)),
            ..AccountAddress::own(row.host)
        });
        Ok(automatic.into_iter().chain(own).chain(claimed).collect())
    }

    /// Says that a name is the account's own, and answers with what proves it. Claimed again, it has as much time again.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no host name, or one that is the deployment's; [`Error::NotNow`] for one that is the
    /// account's already, and beyond 50 names.
    pub async fn claim(&self, by: &AccountContext, host: &str) -> Result<AccountAddress, Refused> {
        self.authorizer.require(by, Action::AccountUpdate).await?;
        let host = host::read(host)?;
        require_free(&self.core.settings, &host)?;
        let token = keys::generate_token("", &*self.random);
        let token = token.expose().to_owned();
        let claimed = self.core.change(by, move |core, tx, account| {
            let now_ms = core.now_ms();
            // Of whom else it may be is not said before it is proved.
            if tx.find_account_by_host(&host)?.as_ref() == Some(account) {
                return Err(Error::NotNow(format!(
                    "{host} is an address of the account already"
                )));
            }
            let claims = tx.list_address_claims(account, now_ms)?;
            let before = claims.iter().find(|claim| claim.host == host);
            let names = claims.len() + tx.list_account_addresses(account)?.len();
            if before.is_none() && names >= MAX_NAMES {
                return Err(Error::NotNow(format!(
                    "the account has {MAX_NAMES} addresses and claims, which is as many as it may have; remove one first"
                )));
            }
            let row = AddressClaimRow {
                account_id: account.clone(),
                token: before.map_or(token, |before| before.token.clone()),
                created_at_ms: before.map_or(now_ms, |before| before.created_at_ms),
                expires_at_ms: now_ms.saturating_add(CLAIM_MS),
                host: host.clone(),
            };
            tx.put_address_claim(&row)?;
            let event = before
                .is_none()
                .then_some(Event::AddressClaimed { address: host });
            Ok((row, event))
        });
        let row = claimed.await?;
        Ok(AccountAddress {
            claim: Some(self.claim_of(&row)),
            ..AccountAddress::own(row.host)
        })
    }

    /// Gives up a name, or a claim of one. A name takes its certificate along.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn remove(&self, by: &AccountContext, host: &str) -> Result<(), Refused> {
        self.authorizer.require(by, Action::AccountUpdate).await?;
        let address = host::read(host)?;
        let removed = self.core.change(by, move |_, tx, account| {
            if tx.delete_address_claim(account, &address)? {
                return Ok(((), Some(Event::AddressUnclaimed { address })));
            }
            if tx.remove_account_address(account, &address)? {
                return Ok(((), Some(Event::AddressRemoved { address })));
            }
            Err(Error::NotFound(format!("the address {address}")))
        });
        Ok(removed.await?)
    }

    /// Forgets some of the claims whose time is over. Says how many; call again while any do.
    pub async fn expire_claims(&self) -> Result<usize> {
        let now_ms = self.core.now_ms();
        self.core
            .metadata
            .write(move |tx| Ok(tx.delete_expired_address_claims(now_ms, BATCH)?))
            .await
    }

    fn claim_of(&self, row: &AddressClaimRow) -> AddressClaim {
        let AddressClaimRow {
            account_id,
            host,
            token,
            ..
        } = row;
        // None of them has a slash but the last, so that no two claims have one content.
        let bound = format!(
            "{account_id}/{host}/{token}",
            account_id = account_id.as_str()
        );
        let port = self.core.settings.http_proof_port;
        let authority = if port == 80 {
            host.clone()
        } else {
            format!("{host}:{port}")
        };
        let path = format!("{WELL_KNOWN}{token}");
        AddressClaim {
            record: format!("{RECORD}.{host}"),
            url: format!("http://{authority}{path}"),
            path,
            content: self
                .key
                .keyed_hash(Purpose::ADDRESS_PROOF, bound.as_bytes()),
            expires_at_ms: row.expires_at_ms,
        }
    }
}

impl Deployment {
    /// Makes a host name an account's own. Its owner was asked by whoever does this: here is no proof. Answers with the name
    /// as it is kept.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no host name, or one that is the deployment's; [`Error::AlreadyExists`];
    /// [`Error::NotFound`] for the account.
    pub async fn add_address(
        &self,
        by: &OperatorContext,
        account: &str,
        host: &str,
    ) -> Result<String, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::AccountUpdate)?;
        let host = host::read(host)?;
        require_free(&self.core.settings, &host)?;
        let (account, kept) = (account.to_owned(), host.clone());
        let added = self.change(by, move |_, tx| {
            let found = tx.find_account_by_name(&account)?;
            let found = found.ok_or_else(|| unknown(&account))?;
            crate::closing::require_kept(tx, &found)?;
            tx.delete_address_claim(&found.id, &host)?;
            let added = tx.add_account_address(&found.id, &host);
            added.map_err(|error| existing(error, &format!("the address {host}")))?;
            Ok(((), found.id, Event::AddressAdded { address: host }))
        });
        added.await?;
        Ok(kept)
    }

    /// Takes a host name from an account.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn remove_address(
        &self,
        by: &OperatorContext,
        account: &str,
        host: &str,
    ) -> Result<(), Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::AccountUpdate)?;
        let host = host::read(host)?;
        let account = account.to_owned();
        let removed = self.change(by, move |_, tx| {
            let found = tx.find_account_by_name(&account)?;
            let found = found.ok_or_else(|| unknown(&account))?;
            if !tx.remove_account_address(&found.id, &host)? {
                return Err(Error::NotFound(format!("the address {host}")));
            }
            Ok(((), found.id, Event::AddressRemoved { address: host }))
        });
        Ok(removed.await?)
    }
}

pub(crate) fn unknown(account: &str) -> Error {
    Error::NotFound(format!("the account {account}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_below_the_domain_is_an_accounts_and_no_deeper_one() {
        let settings = Settings {
            account_domain: Some("registry.example".to_owned()),
            ..crate::testing::settings()
        };
        let of = |host| automatic(&settings, host);
        assert_eq!(of("acme.registry.example"), Some("acme"));
        for other in [
            "registry.example",
            ".registry.example",
            "a.acme.registry.example",
            "acmeregistry.example",
            "acme.registry.example.evil",
            "hub.example",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(
            automatic(&crate::testing::settings(), "acme.registry.example"),
            None
        );
    }
}
