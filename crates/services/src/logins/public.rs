//! What everyone may know who comes to log in: which buttons to show.

use super::Logins;
use crate::{DEFAULT_ACCOUNT, Error, Result};
use metadata::OidcSourceRow;
use model::Address;
use std::collections::BTreeSet;

/// A source of identities by which people log in at an address, as strangers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginSource {
    /// Its name.
    pub name: String,
    /// `oidc`, or `ldap` for a directory: a name and a password, by the form.
    pub kind: &'static str,
    /// What stands on the button.
    pub button_text: String,
}

impl Logins {
    /// The sources by which people log in at an address: those of the account whose address it is, else of `default`, then the
    /// deployment's. Of two with one name it is the first that a login by that name goes to.
    pub async fn list_public(&self, address: &Address) -> Result<Vec<LoginSource>> {
        let found = self.core.metadata.read(|reader| {
            let account = match address {
                Address::Account(id) => Some(id.clone()),
                Address::Shared => reader
                    .find_account_by_name(DEFAULT_ACCOUNT)?
                    .map(|account| account.id),
            };
            let mut sources = match &account {
                Some(account) => reader.list_oidc_sources(Some(account))?,
                None => Vec::new(),
            };
            sources.extend(reader.list_oidc_sources(None)?);
            let mut directories = match &account {
                Some(account) => reader.list_ldap_sources(Some(account))?,
                None => Vec::new(),
            };
            directories.extend(reader.list_ldap_sources(None)?);
            Ok::<_, Error>((sources, directories))
        });
        let mut names = BTreeSet::new();
        let (mut sources, directories) = found.await?;
        sources.retain(|source| !source.is_disabled && names.insert(source.name.clone()));
        let directories = directories.into_iter().filter(|one| !one.is_disabled);
        let directories = directories.map(|directory| LoginSource {
            name: directory.name,
            kind: "ldap",
            button_text: String::new(),
        });
        let issuers = sources.into_iter().map(shown);
        Ok(issuers.chain(directories).collect())
    }
}

fn shown(source: OidcSourceRow) -> LoginSource {
    LoginSource {
        name: source.name,
        kind: "oidc",
        button_text: source.button_text,
    }
}
