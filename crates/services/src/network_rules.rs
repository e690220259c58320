//! From where an account may be reached, as its administrators say.

use crate::access::Refused;
use crate::account_access::{AccountContext, NamespaceRef};
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::{Error, Result};
use metadata::{Error as MetadataError, NetworkRulesRow, Tx};
use model::event::RangesChanged;
use model::{
    AccountId, Action, AllowedRange, Event, Exposure, Network, NetworkRules, NetworkTraffic,
};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// Ranges of one list.
const MAX_RANGES: usize = 200;
/// The longest description, in bytes.
const MAX_DESCRIPTION: usize = 255;

/// An account's rules, and how whoever looks at them is seen.
#[derive(Clone, Debug)]
pub struct NetworkRulesView {
    /// Not through public listeners.
    pub private_only: bool,
    /// For management.
    pub management: Vec<AllowedRange>,
    /// For images.
    pub registry: Vec<AllowedRange>,
    /// For images in single namespaces that have a list, by their names.
    pub namespaces: Vec<(String, Vec<AllowedRange>)>,
    /// Grows with every change.
    pub version: i64,
    /// The address from which the rules were asked for; `None` at the machine itself.
    pub client: Option<IpAddr>,
    /// The kind of listener through which they were.
    pub exposure: Exposure,
}

/// Rules to be changed; `None` leaves one alone.
#[derive(Clone, Debug, Default)]
pub struct NetworkRulesChange {
    /// Not through public listeners.
    pub private_only: Option<bool>,
    /// The whole list for management.
    pub management: Option<Vec<AllowedRange>>,
    /// The whole list for images.
    pub registry: Option<Vec<AllowedRange>>,
    /// The version that is to be changed; `None` for whichever there is.
    pub of_version: Option<i64>,
    /// Even if it keeps the caller itself out.
    pub force: bool,
}

/// The network rules of accounts.
pub struct NetworkRulesService {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
}

impl NetworkRulesService {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// An account's rules.
    pub async fn get(&self, by: &AccountContext) -> Result<NetworkRulesView, Refused> {
        self.authorizer.require(by, Action::NetworkRuleRead).await?;
        let account = by.id().clone();
        let found = self.core.metadata.list(move |reader| {
            let row = reader.get_network_rules(&account)?;
            Ok::<_, Error>((row, reader.list_namespace_networks(&account)?))
        });
        let (NetworkRulesRow { rules, version }, namespaces) = found.await?;
        Ok(NetworkRulesView {
            private_only: rules.private_only,
            management: rules.management,
            registry: rules.registry,
            namespaces,
            version,
            client: by.context.origin.address,
            exposure: by.context.origin.exposure,
        })
    }

    /// Changes an account's rules: all that are named, or none. Answers with their new version.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a list that cannot be one. [`Error::NotNow`] when they are no longer of the version that was to
    /// be changed, and when the caller itself would be kept out and did not insist.
    pub async fn update(
        &self,
        by: &AccountContext,
        change: NetworkRulesChange,
    ) -> Result<i64, Refused> {
        self.authorizer
            .require(by, Action::NetworkRuleUpdate)
            .await?;
        for list in [&change.management, &change.registry].into_iter().flatten() {
            require_list(list)?;
        }
        let (origin, is_local) = (by.context.origin.clone(), by.is_local_operator());
        let updated = self.core.change(by, move |core, tx, account| {
            let (before, mut rules) = take(core, tx, account, change.of_version)?;
            rules.private_only = change.private_only.unwrap_or(rules.private_only);
            rules.management = change.management.unwrap_or(rules.management);
            rules.registry = change.registry.unwrap_or(rules.registry);
            if rules == before.rules {
                return Ok((before.version, None));
            }
            let traffic = NetworkTraffic::Management;
            if let Some(address) = origin.address
                && !change.force
                && !is_local
                && rules.barrier(address, origin.exposure, traffic, None).is_some()
            {
                return Err(Error::NotNow(format!(
                    "after this change you could not manage the account from {address} through a {} listener any more; \
                     allow that too, or insist with force",
                    origin.exposure.word()
                )));
            }
            let version = tx.put_network_rules(account, &rules, core.now_ms())?;
            let was = &before.rules;
            let event = Event::NetworkRulesUpdated {
                private_only: rules.private_only,
                namespace: None,
                management: difference(&was.management, &rules.management),
                registry: difference(&was.registry, &rules.registry),
            };
            Ok((version, Some(event)))
        });
        Ok(updated.await?)
    }

    /// Writes the list of a namespace, for images in it; an empty one allows what the account's allows. Answers with the
    /// rules' new version.
    ///
    /// # Errors
    /// As [`update`](Self::update), and what [`Authorizer::namespace`] says of the namespace.
    pub async fn put_namespace_list(
        &self,
        by: &AccountContext,
        namespace: &str,
        list: Vec<AllowedRange>,
        of_version: Option<i64>,
    ) -> Result<i64, Refused> {
        let action = Action::NetworkRuleUpdate;
        self.authorizer.require(by, action).await?;
        let named = NamespaceRef::Name(namespace);
        let namespace = self.authorizer.namespace(by, named, action).await?;
        require_list(&list)?;
        let updated = self.core.change(by, move |core, tx, account| {
            let (before, mut rules) = take(core, tx, account, of_version)?;
            let was = rules.namespaces.remove(&namespace.id).unwrap_or_default();
            if was == list {
                return Ok((before.version, None));
            }
            let event = Event::NetworkRulesUpdated {
                private_only: rules.private_only,
                namespace: Some(namespace.name.clone()),
                management: RangesChanged::default(),
                registry: difference(&was, &list),
            };
            if !list.is_empty() {
                rules.namespaces.insert(namespace.id.clone(), list);
            }
            let put = tx.put_network_rules(account, &rules, core.now_ms());
            let version = put.map_err(|error| match error {
                MetadataError::ReferenceViolated => {
                    Error::NotFound(format!("the namespace {}", namespace.name))
                }
                error => error.into(),
            })?;
            Ok((version, Some(event)))
        });
        Ok(updated.await?)
    }

    /// Lets everybody in again, whatever the rules were.
    pub async fn clear(&self, by: &AccountContext) -> Result<(), Refused> {
        self.authorizer
            .require(by, Action::NetworkRuleUpdate)
            .await?;
        let cleared = self.core.change(by, |core, tx, account| {
            let (before, _) = take(core, tx, account, None)?;
            if before.rules.is_open() {
                return Ok(((), None));
            }
            tx.put_network_rules(account, &NetworkRules::default(), core.now_ms())?;
            Ok(((), Some(Event::NetworkRulesCleared)))
        });
        Ok(cleared.await?)
    }
}

/// The rules that a transaction is about to change, twice: as they were, and to be changed.
fn take(
    core: &Core,
    tx: &mut Tx<'_>,
    account: &AccountId,
    of_version: Option<i64>,
) -> Result<(NetworkRulesRow, NetworkRules)> {
    let before = tx.take_network_rules(account, core.now_ms())?;
    if of_version.is_some_and(|version| version != before.version) {
        return Err(Error::NotNow(
            "the network rules were changed since you read them; read them again, and change what you find then"
                .to_owned(),
        ));
    }
    let rules = before.rules.clone();
    Ok((before, rules))
}

fn require_list(list: &[AllowedRange]) -> Result<()> {
    if list.len() > MAX_RANGES {
        return Err(Error::Invalid(format!(
            "a list has {MAX_RANGES} address ranges at most; write several as one larger range"
        )));
    }
    let mut seen = BTreeSet::new();
    for AllowedRange { range, description } in list {
        let canonical = range.canonical();
        let why = if range.is_mapped() {
            format!("{range} is IPv4 written as IPv6; write it as IPv4")
        } else if canonical != *range {
            format!("{range} is not a range's first address; write {canonical} for the whole range")
        } else if !seen.insert(*range) {
            format!("{range} is in the list twice")
        } else if description.len() > MAX_DESCRIPTION || description.chars().any(char::is_control) {
            format!(
                "the description of an address range has {MAX_DESCRIPTION} bytes at most, and no control characters"
            )
        } else {
            continue;
        };
        return Err(Error::Invalid(why));
    }
    Ok(())
}

fn difference(before: &[AllowedRange], after: &[AllowedRange]) -> RangesChanged {
    let ranges = |list: &[AllowedRange]| -> BTreeSet<Network> {
        list.iter().map(|allowed| allowed.range).collect()
    };
    let (before, after) = (ranges(before), ranges(after));
    RangesChanged {
        added: after.difference(&before).copied().collect(),
        removed: before.difference(&after).copied().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(range: &str, description: &str) -> AllowedRange {
        AllowedRange {
            range: range.parse().expect("a range"),
            description: description.to_owned(),
        }
    }

    #[test]
    fn a_list_is_short_and_says_each_range_once_and_as_it_is() {
        let why = |list: &[AllowedRange]| match require_list(list) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        assert_eq!(why(&[allowed("10.0.0.0/8", "ä"), allowed("::/0", "")]), "");
        assert_eq!(
            why(&[allowed("10.0.0.1/8", "")]),
            "10.0.0.1/8 is not a range's first address; write 10.0.0.0/8 for the whole range"
        );
        assert_eq!(
            why(&[allowed("::ffff:10.0.0.0/104", "")]),
            "::ffff:10.0.0.0/104 is IPv4 written as IPv6; write it as IPv4"
        );
        let one = allowed("10.0.0.1", "");
        assert_eq!(
            why(&[one.clone(), one.clone()]),
            "10.0.0.1/32 is in the list twice"
        );
        assert!(why(&[allowed("10.0.0.1", "a\nb")]).contains("no control characters"));
        assert!(why(&[allowed("10.0.0.1", &"a".repeat(256))]).contains("255 bytes"));
        assert!(why(&vec![one; MAX_RANGES + 1]).contains("200 address ranges at most"));
    }

    #[test]
    fn a_change_tells_what_came_and_what_went() {
        let before = [allowed("10.0.0.0/8", "old"), allowed("fd00::/8", "")];
        let after = [allowed("10.0.0.0/8", "new"), allowed("::1", "")];
        let changed = difference(&before, &after);
        assert_eq!(changed.added, [after[1].range]);
        assert_eq!(changed.removed, [before[1].range]);
    }
}
