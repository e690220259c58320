//! LDAP directories that people's settings point to (RFC 4511): to look for entries, and to see whether a password is right.
//!
//! What it refuses, whatever is asked of it: an address that [`Destinations`] does not allow, looked at after the name was
//! resolved, and the connection then goes to that very address; passwords in the clear and the ports of other services,
//! except to what is listed; empty passwords, with which a directory would take anybody for nobody in particular; answers
//! that are long or slow. Referrals are not followed. What a directory sends is read without recursion, and is never more
//! than 2 MiB.

mod ber;
mod filter;
mod message;
mod names;
pub(crate) mod transport;

use crate::destinations::Destinations;
use crate::http_client::{Lookup, system_lookup};
use crate::resolver::Resolver;
pub use filter::{Filter, NoFilter, is_attribute};
use message::{Answer, Outcome};
pub use names::{comparable_name, first_value, is_below};
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use transport::Transport;

/// For a whole conversation.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Where a directory is, and what makes a connection to it a good one.
#[derive(Clone, Debug)]
pub struct DirectoryPlace {
    /// `ldap://HOST[:PORT]` or `ldaps://HOST[:PORT]`.
    pub url: String,
    /// Whether an `ldap://` connection becomes one of TLS before anything is said on it.
    pub starts_tls: bool,
    /// Whether the server's certificate is looked at.
    pub verifies_certificate: bool,
    /// The authorities to believe, in PEM; empty for the system's.
    pub ca_certificates: String,
}

/// Why a directory gave no answer. The texts are for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryFailed {
    /// The place is none.
    #[error("the directory cannot be used: {0}")]
    Place(&'static str),
    /// The deployment does not allow connections there.
    #[error(
        "connections to {0} are not allowed: it is, or stands for, an address that is not public, or it is not asked by TLS; list it in [outbound] allow if it is meant"
    )]
    Refused(String),
    /// Nobody answered.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// It took longer than 10 s.
    #[error("no answer in time")]
    TimedOut,
    /// No TLS, or a certificate that is not believed.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// It sends more than anybody asked for.
    #[error("the directory's answer is too long")]
    TooLong,
    /// What answers is no directory.
    #[error("what answers does not speak LDAP")]
    NotLdap,
    /// It does not take the registry's own name and password.
    #[error(
        "the directory does not let the registry in: the name or the password to search with is wrong, or is missing"
    )]
    NotLetIn,
    /// It would not do what it was asked.
    #[error("the directory refused {what} with code {code}: {text}")]
    Answered {
        /// What it was asked.
        what: &'static str,
        /// LDAP's code (RFC 4511, appendix A).
        code: u32,
        /// Its own words.
        text: String,
    },
}

impl DirectoryFailed {
    fn answered(what: &'static str, outcome: &Outcome) -> Self {
        Self::Answered {
            what,
            code: outcome.code,
            text: outcome.text.clone(),
        }
    }
}

/// How far below its base a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryScope {
    /// The base itself.
    Base = 0,
    /// What is directly below it.
    One = 1,
    /// It, and everything below it.
    Sub = 2,
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct DirectorySearch<'a> {
    /// Where to begin.
    pub base: &'a str,
    /// How far to go.
    pub scope: DirectoryScope,
    /// Which entries are meant.
    pub filter: &'a Filter,
    /// Which attributes are of interest.
    pub attributes: &'a [&'a str],
    /// The most entries; a directory that sends more has failed.
    pub limit: usize,
}

/// An entry, with the attributes that were asked for and that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Its name, as the directory writes it.
    pub name: String,
    attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl DirectoryEntry {
    /// The values of an attribute.
    pub fn values(&self, attribute: &str) -> &[Vec<u8>] {
        let mut all = self.attributes.iter();
        let found = all.find(|(name, _)| name.eq_ignore_ascii_case(attribute));
        found.map_or(&[], |(_, values)| values)
    }

    /// Those of them that are texts.
    pub fn texts(&self, attribute: &str) -> Vec<&str> {
        let values = self.values(attribute).iter();
        values
            .filter_map(|value| std::str::from_utf8(value).ok())
            .collect()
    }

    /// The first that is a text.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.texts(attribute).into_iter().next()
    }
}

/// The client. Cheap to clone.
#[derive(Clone)]
pub struct DirectoryClient {
    destinations: Arc<Destinations>,
    lookup: Lookup,
}

impl DirectoryClient {
    /// A client for these destinations. Names stand for what the resolver says, if it has servers of its own.
    pub fn asking(destinations: Destinations, resolver: &Resolver) -> Self {
        let resolver = resolver.clone();
        let lookup: Lookup = Arc::new(move |name| {
            let resolver = resolver.clone();
            Box::pin(async move {
                // What is an address already stands for itself.
                if resolver.has_own_servers() && name.parse::<IpAddr>().is_err() {
                    return Ok(resolver.addresses(&name).await?);
                }
                system_lookup(name).await
            })
        });
        Self {
            destinations: Arc::new(destinations),
            lookup,
        }
    }

    /// Whether connections could be made there at all, as far as that can be said without resolving a name.
    pub fn check(&self, place: &DirectoryPlace) -> Result<(), DirectoryFailed> {
        transport::check(&self.destinations, place)
    }

    /// Goes to a directory.
    pub async fn connect(&self, place: &DirectoryPlace) -> Result<Directory, DirectoryFailed> {
        let way = (&*self.destinations, &self.lookup);
        Ok(Directory {
            transport: Transport::open(way, place).await?,
            last_id: 1,
        })
    }

    /// A whole conversation, which ends within 10 s.
    pub async fn in_time<T>(
        conversation: impl Future<Output = Result<T, DirectoryFailed>>,
    ) -> Result<T, DirectoryFailed> {
        let done = tokio::time::timeout(TIME_LIMIT, conversation).await;
        done.unwrap_or(Err(DirectoryFailed::TimedOut))
    }
}

/// A connection to a directory, which ends when it is dropped.
pub struct Directory {
    transport: Transport,
    last_id: u32,
}

impl Directory {
    fn next_id(&mut self) -> u32 {
        self.last_id += 1;
        self.last_id
    }

    /// Says who one is. Whether the directory takes the password; an empty one is not even shown to it (RFC 4513, section
    /// 5.1.2).
    pub async fn bind(&mut self, name: &str, password: &str) -> Result<bool, DirectoryFailed> {
        if name.is_empty() || password.is_empty() {
            return Ok(false);
        }
        let id = self.next_id();
        self.transport
            .send(&message::bind(id, name, password))
            .await?;
        match self.transport.receive(id).await? {
            Answer::Bound(outcome) if outcome.code == message::SUCCESS => Ok(true),
            Answer::Bound(outcome) if message::REFUSED.contains(&outcome.code) => Ok(false),
            Answer::Bound(outcome) => Err(DirectoryFailed::answered("a login", &outcome)),
            _ => Err(DirectoryFailed::NotLdap),
        }
    }

    /// Looks for entries; at most the first `limit`. None for a base that does not exist.
    pub async fn search(
        &mut self,
        search: &DirectorySearch<'_>,
    ) -> Result<Vec<DirectoryEntry>, DirectoryFailed> {
        let id = self.next_id();
        self.transport.send(&message::search(id, search)).await?;
        let mut found = Vec::new();
        loop {
            match self.transport.receive(id).await? {
                Answer::Found(entry) if found.len() < search.limit => found.push(entry),
                Answer::Found(_) => return Err(DirectoryFailed::TooLong),
                Answer::Elsewhere => {}
                Answer::Searched(outcome) => {
                    return match outcome.code {
                        message::SUCCESS | message::SIZE_LIMIT_EXCEEDED => Ok(found),
                        message::NO_SUCH_OBJECT => Ok(Vec::new()),
                        _ => Err(DirectoryFailed::answered("a search", &outcome)),
                    };
                }
                _ => return Err(DirectoryFailed::NotLdap),
            }
        }
    }

    /// Says goodbye.
    pub async fn end(mut self) {
        let id = self.next_id();
        // Whoever is gone needs no goodbye.
        _ = self.transport.send(&message::unbind(id)).await;
    }
}

#[cfg(test)]
mod tests;
