//! Under which host names accounts are reached. At an account's own address exactly its namespaces exist.

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::accounts::{Accounts, existing};
use crate::deployment::Deployment;
use crate::operators::{OperatorAction, OperatorContext};
use crate::settings::Settings;
use crate::{Error, Result};
use metadata::Reader;
use model::{Account, AccountId, Action, Event};

/// The longest host name, and the longest of its labels, in bytes (RFC 1035).
const HOST_BYTES: usize = 253;
const LABEL_BYTES: usize = 63;

/// A host name of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountAddress {
    /// The name, in lower case.
    pub host: String,
    /// Whether it follows from the account's name.
    pub is_automatic: bool,
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

fn list(
    reader: &Reader<'_>,
    settings: &Settings,
    account: &Account,
) -> Result<Vec<AccountAddress>> {
    let domain = settings.account_domain.as_deref();
    let first = domain.map(|domain| AccountAddress {
        host: format!("{}.{domain}", account.name),
        is_automatic: true,
    });
    let others = reader.list_account_addresses(&account.id)?.into_iter();
    let others = others.map(|host| AccountAddress {
        host,
        is_automatic: false,
    });
    Ok(first.into_iter().chain(others).collect())
}

impl Accounts {
    /// An account's host names, for those who manage it.
    pub async fn addresses(&self, by: &AccountContext) -> Result<Vec<AccountAddress>, Refused> {
        self.authorizer.require(by, Action::AccountRead).await?;
        let found = self
            .core
            .metadata
            .read(|reader| list(reader, &self.core.settings, by.account()));
        Ok(found.await?)
    }
}

impl Deployment {
    /// An account's host names.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn addresses(
        &self,
        by: &OperatorContext,
        account: &str,
    ) -> Result<Vec<AccountAddress>, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::AccountRead)?;
        let found = self.core.metadata.read(|reader| {
            let found = reader.find_account_by_name(account)?;
            let found = found.ok_or_else(|| unknown(account))?;
            list(reader, &self.core.settings, &found)
        });
        Ok(found.await?)
    }

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
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        require_free(&self.core.settings, &host)?;
        let (account, kept) = (account.to_owned(), host.clone());
        let added = self.change(by, move |_, tx| {
            let found = tx.find_account_by_name(&account)?;
            let found = found.ok_or_else(|| unknown(&account))?;
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
        let host = host.trim_end_matches('.').to_ascii_lowercase();
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

fn unknown(account: &str) -> Error {
    Error::NotFound(format!("the account {account}"))
}

/// Nobody gets a name by which others are reached.
fn require_free(settings: &Settings, host: &str) -> Result<()> {
    if !is_host(host) {
        return Err(Error::Invalid(
            "an address is a host name with a dot, such as registry.acme.example, without scheme and port".to_owned(),
        ));
    }
    if settings.shared_host.as_deref() == Some(host) {
        return Err(Error::Invalid(format!(
            "{host} is the address of the whole deployment"
        )));
    }
    if let Some(domain) = &settings.account_domain {
        let is_below = host
            .strip_suffix(domain.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if is_below {
            return Err(Error::Invalid(format!(
                "names below {domain} follow from the accounts' names by themselves"
            )));
        }
    }
    Ok(())
}

/// RFC 1123, in lower case; with a dot, and no address of IPv4.
fn is_host(host: &str) -> bool {
    let is_end = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        matches!(bytes, [first, .., last] | [first @ last] if is_end(*first) && is_end(*last))
            && bytes.len() <= LABEL_BYTES
            && bytes.iter().all(|byte| is_end(*byte) || *byte == b'-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.len() <= HOST_BYTES
        && host.contains('.')
        && host.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            account_domain: Some("registry.example".to_owned()),
            shared_host: Some("hub.example".to_owned()),
            ..crate::testing::settings()
        }
    }

    #[test]
    fn a_name_below_the_domain_is_an_accounts_and_no_deeper_one() {
        let settings = settings();
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

    #[test]
    fn nobody_gets_a_name_by_which_others_are_reached() {
        let refused = |host: &str| require_free(&settings(), host).is_err();
        assert!(!refused("registry.acme.example"));
        assert!(!refused("a-1.x"));
        let long = format!("{}.example", "a".repeat(64));
        for host in [
            "",
            "localhost",
            "hub.example",
            "registry.example",
            "globex.registry.example",
            "a.globex.registry.example",
            "192.0.2.1",
            "[::1]",
            "acme.example:5000",
            "https://acme.example",
            "Acme.example",
            "a..example",
            "-a.example",
            "a_b.example",
            "*.example",
            "ä.example",
            &long,
        ] {
            assert!(refused(host), "{host}");
        }
    }
}
