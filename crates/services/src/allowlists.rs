//! Vulnerabilities that an account accepts, in all of its namespaces or in one. They are data: what is done about a finding is
//! decided by whoever finds it.

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::account_settings::AccountSettingsService;
use crate::core::Core;
use crate::{Error, Result};
use metadata::{CveAllowlist, Tx};
use model::{AccountId, Action, Event, NamespaceId};
use std::collections::HashSet;

/// Vulnerabilities that one list names.
const MAX_ITEMS: usize = 10_000;
/// The longest name of a vulnerability, in bytes.
const NAME_BYTES: usize = 255;
/// The last second that has a date people can read, at the end of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// A list of accepted vulnerabilities as it is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CveAllowlistText {
    /// Their names, such as `CVE-2026-1`.
    pub items: Vec<String>,
    /// From when on the list counts for nothing, in seconds since 1970; `None` for never. A time that is over is fine: the
    /// list is kept, and counts for nothing.
    pub expires_at: Option<i64>,
}

impl CveAllowlistText {
    /// Every name is one, and stands there once.
    pub(crate) fn check(&self) -> Result<()> {
        if self.items.len() > MAX_ITEMS {
            return Err(Error::Invalid(format!(
                "a list names at most {MAX_ITEMS} vulnerabilities"
            )));
        }
        let mut known = HashSet::new();
        for item in &self.items {
            let is_name = item.len() <= NAME_BYTES
                && !item.trim().is_empty()
                && !item.chars().any(char::is_control);
            if !is_name {
                return Err(Error::Invalid(format!(
                    "a vulnerability has a name of 1 to {NAME_BYTES} bytes, such as CVE-2026-1"
                )));
            }
            if !known.insert(item.as_str()) {
                return Err(Error::Invalid(format!(
                    "the list names {item} twice; name it once"
                )));
            }
        }
        match self.expires_at {
            Some(at) if !(0..=LAST_SECOND).contains(&at) => Err(Error::Invalid(
                "expires_at is a time in seconds since 1970, or nothing for a list that does not expire".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// Writes it down for an account, or a namespace of it, and says with what event.
    pub(crate) fn put(
        &self,
        core: &Core,
        tx: &mut Tx<'_>,
        account: &AccountId,
        namespace: Option<(&NamespaceId, &str)>,
    ) -> Result<Event> {
        let of = (account, namespace.map(|(id, _)| id));
        let expires_at_ms = self.expires_at.map(|at| at * 1000);
        let id = core.ids.next_id();
        tx.put_cve_allowlist(&id, of, &self.items, expires_at_ms, core.now_ms())?;
        Ok(Event::CveAllowlistUpdated {
            namespace: namespace.map(|(_, name)| name.to_owned()),
            items: self.items.len(),
            expires_at: self.expires_at,
        })
    }
}

impl AccountSettingsService {
    /// The vulnerabilities that the account accepts in all of its namespaces; `None` when nobody has ever said.
    pub async fn cve_allowlist(&self, by: &AccountContext) -> Result<Option<CveAllowlist>> {
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_cve_allowlist(by.id())?));
        found.await
    }

    /// Writes them down anew.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub async fn set_cve_allowlist(
        &self,
        by: &AccountContext,
        list: CveAllowlistText,
    ) -> Result<(), Refused> {
        self.authorizer
            .require(by, Action::ConfigurationUpdate)
            .await?;
        list.check()?;
        let set = self.core.change(by, move |core, tx, account| {
            let event = list.put(core, tx, account, None)?;
            Ok(((), Some(event)))
        });
        Ok(set.await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_each_vulnerability_once() {
        let check = |items: &[&str], expires_at| {
            let items = items.iter().map(|item| (*item).to_owned()).collect();
            CveAllowlistText { items, expires_at }.check()
        };
        assert!(check(&[], None).is_ok());
        assert!(check(&["CVE-2026-1", "GHSA-1"], Some(0)).is_ok());
        let long = "x".repeat(256);
        for (items, expires_at) in [
            (&["CVE-2026-1", "CVE-2026-1"][..], None),
            (&[""], None),
            (&["  "], None),
            (&["CVE\n1"], None),
            (&[long.as_str()], None),
            (&[], Some(-1)),
            (&[], Some(i64::MAX)),
        ] {
            assert!(
                matches!(check(items, expires_at), Err(Error::Invalid(_))),
                "{items:?}"
            );
        }
        let many: Vec<String> = (0..=MAX_ITEMS).map(|one| one.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(check(&many, None).is_err());
        assert!(check(&many[1..], None).is_ok());
    }
}
