//! Requests that were refused, by address and minute.

use crate::addresses::find_account_of_host;
use crate::audit::Initiator;
use crate::core::Core;
use crate::login_names::in_account;
use crate::settings::Settings;
use crate::{Error, Result};
use metadata::Reader;
use model::{AccountId, Event};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// Addresses remembered one by one, of all minutes that are not written yet.
const MAX_ADDRESSES: usize = 4096;
/// Different askers remembered of one address in one minute.
const MAX_ASKERS: usize = 8;
/// The longest name or host that is remembered.
const MAX_TEXT_BYTES: usize = 255;
/// Addresses that one transaction writes.
const WRITTEN_AT_ONCE: usize = 50;
const MINUTE_MS: i64 = 60_000;

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RefusalKind {
    /// A login: name and secret, cookie or token were not right.
    Login,
    /// Something that the caller may not.
    Access,
    /// Something that an account's network rules do not allow from there.
    Network,
}

/// A request that was refused.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// What.
    pub kind: RefusalKind,
    /// From where.
    pub address: IpAddr,
    /// With what, as that calls itself.
    pub agent: Option<&'a str>,
    /// The host that was asked, in lower case and without a port.
    pub host: &'a str,
    /// The name that was given, right or not.
    pub name: Option<&'a str>,
    /// The account that refused; `None` when it is still to be found out from host and name.
    pub account: Option<&'a AccountId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Source {
    kind: RefusalKind,
    minute: i64,
    /// `None` for all that found no place.
    address: Option<IpAddr>,
}

/// What was asked from one address in one minute.
#[derive(Debug, Default)]
struct Asked {
    askers: Vec<Asker>,
    /// Requests of further askers.
    others: u64,
    agent: Option<Arc<str>>,
}

#[derive(Debug)]
struct Asker {
    host: Box<str>,
    name: Option<Box<str>>,
    account: Option<AccountId>,
    count: u64,
}

/// Refusals that wait to be written.
#[derive(Default)]
pub(super) struct Refusals(HashMap<Source, Asked>);

impl Refusals {
    pub(super) fn add(&mut self, refusal: &Refusal<'_>, now_ms: i64) {
        let mut source = Source {
            kind: refusal.kind,
            minute: now_ms.div_euclid(MINUTE_MS),
            address: Some(refusal.address),
        };
        if !self.0.contains_key(&source) && self.0.len() >= MAX_ADDRESSES {
            source.address = None;
        }
        let is_of_others = source.address.is_none();
        let asked = self.0.entry(source).or_default();
        let host = short(refusal.host);
        // No name holds a NUL, and a database may take offence at one.
        let name = refusal.name.filter(|name| !name.contains('\0')).map(short);
        let known = asked.askers.iter().position(|asker| {
            *asker.host == *host
                && asker.name.as_deref() == name
                && asker.account.as_ref() == refusal.account
        });
        match known {
            Some(at) => asked.askers[at].count += 1,
            None if asked.askers.len() < MAX_ASKERS && !is_of_others => {
                asked.agent = refusal.agent.map(Arc::from);
                asked.askers.push(Asker {
                    host: host.into(),
                    name: name.map(Into::into),
                    account: refusal.account.cloned(),
                    count: 1,
                });
            }
            None => asked.others += 1,
        }
    }

    /// Takes those of minutes that were over at a time.
    pub(super) fn take(&mut self, now_ms: i64) -> Waiting {
        let minute = now_ms.div_euclid(MINUTE_MS);
        let over = self.0.extract_if(|source, _| source.minute < minute);
        Waiting(over.collect())
    }
}

/// The beginning of a text that somebody sent.
fn short(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Refusals to be written now.
pub(super) struct Waiting(Vec<(Source, Asked)>);

/// What an owner is told of one address and minute.
#[derive(Default)]
struct Told {
    count: u64,
    users: BTreeSet<String>,
}

/// Writes an event for each owner, address, kind and minute. What cannot be written is lost: the log of the process says so.
pub(super) async fn write(core: &Arc<Core>, Waiting(waiting): Waiting) -> Result<()> {
    let mut result = Ok(());
    let mut waiting = waiting.into_iter().peekable();
    while waiting.peek().is_some() {
        let batch: Arc<Vec<_>> = Arc::new(waiting.by_ref().take(WRITTEN_AT_ONCE).collect());
        let own = core.clone();
        let written = core.metadata.write_relaxed(move |tx| {
            for (source, asked) in &*batch {
                for (owner, told) in owners(tx, &own.settings, asked)? {
                    let by = Initiator {
                        caller: "anonymous".into(),
                        credential: "none",
                        address: source.address.map(|address| address.to_string()),
                        agent: asked.agent.clone(),
                    };
                    let event = event(source, told);
                    own.write_event(tx, &event, owner.as_ref(), &by)?;
                }
            }
            Ok::<_, Error>(())
        });
        if let Err(error) = written.await {
            tracing::warn!(%error, "refusals of some addresses were not written to the audit log");
            result = Err(error);
        }
    }
    result
}

fn event(source: &Source, told: Told) -> Event {
    let (count, is_of_others) = (told.count, source.address.is_none());
    let users = told.users.into_iter().collect();
    match source.kind {
        RefusalKind::Login => Event::LoginRefused {
            users,
            count,
            is_of_others,
        },
        RefusalKind::Access | RefusalKind::Network => Event::AccessRefused {
            users,
            count,
            is_of_others,
            by_network_rules: source.kind == RefusalKind::Network,
        },
    }
}

/// Whom each refusal concerns: the account that refused or that the host is, else that of the user who has the name, else the deployment. A
/// name that nobody has is told to nobody: it may be a password.
fn owners(
    reader: &Reader<'_>,
    settings: &Settings,
    asked: &Asked,
) -> Result<BTreeMap<Option<AccountId>, Told>> {
    let mut owners: BTreeMap<Option<AccountId>, Told> = BTreeMap::new();
    for asker in &asked.askers {
        let by_host = match &asker.account {
            Some(account) => Some(account.clone()),
            None => find_account_of_host(reader, settings, &asker.host)?,
        };
        let user = match &asker.name {
            Some(name) => {
                let in_account = in_account(reader, name)?;
                reader.find_user_by_name(in_account.map_or(&**name, |(user, _)| user))?
            }
            None => None,
        };
        let home = user.as_ref().map(|user| user.home_account_id.clone());
        let told = owners.entry(by_host.or(home)).or_default();
        told.count += asker.count;
        told.users.extend(user.map(|user| user.name));
    }
    if asked.others > 0 {
        owners.entry(None).or_default().count += asked.others;
    }
    Ok(owners)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal<'a>(address: &str, name: &'a str) -> Refusal<'a> {
        Refusal {
            kind: RefusalKind::Login,
            address: address.parse().expect("an address"),
            agent: Some("curl"),
            host: "registry",
            name: Some(name),
            account: None,
        }
    }

    #[test]
    fn an_address_with_many_names_takes_little_and_keeps_nobody_out() {
        let mut refusals = Refusals::default();
        for name in 0..100 {
            refusals.add(&refusal("192.0.2.1", &name.to_string()), 0);
        }
        refusals.add(&refusal("192.0.2.1", "0"), 59_999);
        refusals.add(&refusal("192.0.2.2", "alice"), 0);
        assert_eq!(refusals.take(59_999).0.len(), 0);
        let mut taken = refusals.take(60_000).0;
        taken.sort_by_key(|(source, _)| source.address);
        let (_, first) = &taken[0];
        assert_eq!((first.askers.len(), first.others), (MAX_ASKERS, 100 - 8));
        assert_eq!(first.askers[0].count, 2);
        assert_eq!(taken[1].1.askers[0].name.as_deref(), Some("alice"));
        assert!(refusals.0.is_empty());
    }

    #[test]
    fn more_addresses_than_there_are_places_for_are_counted_together() {
        let mut refusals = Refusals::default();
        for number in 0..u32::try_from(MAX_ADDRESSES).unwrap_or(0) + 10 {
            let address = std::net::Ipv4Addr::from_bits(number).to_string();
            refusals.add(&refusal(&address, "x"), 0);
        }
        assert_eq!(refusals.0.len(), MAX_ADDRESSES + 1);
        let taken = refusals.take(i64::MAX).0;
        let others = taken.iter().find(|(source, _)| source.address.is_none());
        assert_eq!(others.map(|(_, asked)| asked.others), Some(10));
    }

    #[test]
    fn long_texts_are_cut_between_letters() {
        let long = "ä".repeat(200);
        assert_eq!(short(&long).len(), 254);
        assert_eq!(short("alice"), "alice");
    }
}
