//! What stands in the DNS: asked anew each time, since whoever changes a record wants to see it.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// For a whole question, tries included.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Records of one name that are looked at.
const MAX_RECORDS: usize = 32;
const PORT: u16 = 53;

/// A server that is asked, such as `192.0.2.53`, `192.0.2.53:5353` or `[2001:db8::53]:53`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nameserver(SocketAddr);

impl FromStr for Nameserver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.parse::<SocketAddr>();
        let address = address.or_else(|_| text.parse().map(|ip| SocketAddr::new(ip, PORT)));
        address.map(Self).map_err(|_| {
            format!(
                "{text:?} is no DNS server; write its address, as in \"192.0.2.53\" or \"192.0.2.53:53\""
            )
        })
    }
}

/// Why a question has no answer. For the deployment's log: it may tell about a network that is not the asker's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupFailed {
    /// Nobody can be asked.
    #[error("no DNS server is known: list one in [outbound] nameservers")]
    NoServer,
    /// There is no such record, or no server says so.
    #[error("no answer from the DNS: {0}")]
    NoAnswer(String),
    /// It took longer than 10 s.
    #[error("no answer from the DNS in time")]
    TimedOut,
}

/// Asks the DNS. Cheap to clone.
#[derive(Clone)]
pub struct Resolver {
    /// `None` when the system names no server.
    inner: Option<TokioResolver>,
    has_own_servers: bool,
}

impl Resolver {
    /// Asks these servers, or the system's when there are none. Needs a tokio runtime around it.
    pub fn new(nameservers: &[Nameserver]) -> Self {
        Self {
            inner: build(nameservers),
            has_own_servers: !nameservers.is_empty(),
        }
    }

    /// Whether it asks others than the rest of the system does.
    pub(crate) fn has_own_servers(&self) -> bool {
        self.has_own_servers
    }

    /// The texts (TXT) of a name, which is complete and in ASCII; each as one, however it is cut. 32 at most.
    pub async fn texts(&self, name: &str) -> Result<Vec<String>, LookupFailed> {
        let inner = self.inner.as_ref().ok_or(LookupFailed::NoServer)?;
        let looked = tokio::time::timeout(TIME_LIMIT, inner.txt_lookup(absolute(name)?));
        let found = looked.await.map_err(|_| LookupFailed::TimedOut)?;
        let found = found.map_err(|error| LookupFailed::NoAnswer(error.to_string()))?;
        let texts = found.answers().iter().filter_map(|record| {
            let RData::TXT(text) = &record.data else {
                return None;
            };
            Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned())
        });
        Ok(texts.take(MAX_RECORDS).collect())
    }

    /// The addresses of a host.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupFailed> {
        let inner = self.inner.as_ref().ok_or(LookupFailed::NoServer)?;
        let looked = tokio::time::timeout(TIME_LIMIT, inner.lookup_ip(absolute(host)?));
        let found = looked.await.map_err(|_| LookupFailed::TimedOut)?;
        let found = found.map_err(|error| LookupFailed::NoAnswer(error.to_string()))?;
        Ok(found.iter().take(MAX_RECORDS).collect())
    }
}

impl From<LookupFailed> for io::Error {
    fn from(error: LookupFailed) -> Self {
        Self::other(error)
    }
}

/// The name itself: nothing is appended that the system is set up to append.
fn absolute(name: &str) -> Result<Name, LookupFailed> {
    let mut name =
        Name::from_ascii(name).map_err(|error| LookupFailed::NoAnswer(error.to_string()))?;
    name.set_fqdn(true);
    Ok(name)
}

fn build(nameservers: &[Nameserver]) -> Option<TokioResolver> {
    let mut builder = if nameservers.is_empty() {
        TokioResolver::builder_tokio()
            .inspect_err(|error| tracing::warn!(%error, "the system names no DNS server"))
            .ok()?
    } else {
        let servers = nameservers.iter().map(|Nameserver(address)| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
            let connections = connections.map(|mut connection| {
                connection.port = address.port();
                connection
            });
            NameServerConfig::new(address.ip(), true, connections.into())
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    let options = builder.options_mut();
    options.cache_size = 0;
    options.positive_max_ttl = Some(Duration::ZERO);
    options.negative_max_ttl = Some(Duration::ZERO);
    builder
        .build()
        .inspect_err(|error| tracing::error!(%error, "the DNS cannot be asked"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_with_or_without_a_port() {
        for (text, expected) in [
            ("192.0.2.53", "192.0.2.53:53"),
            ("192.0.2.53:5353", "192.0.2.53:5353"),
            ("2001:db8::53", "[2001:db8::53]:53"),
            ("[2001:db8::53]:5353", "[2001:db8::53]:5353"),
        ] {
            let Nameserver(address) = text.parse().expect("a server");
            assert_eq!(address.to_string(), expected);
        }
        for text in [
            "",
            "dns.example.com",
            "192.0.2.53:",
            "192.0.2.53:65536",
            "tcp://192.0.2.53",
        ] {
            assert!(text.parse::<Nameserver>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_one_is_not_asked_for() {
        let resolver = Resolver::new(&["127.0.0.1:1".parse().expect("a server")]);
        let long = format!("{}.example", "a".repeat(64));
        let failed = resolver.texts(&long).await.expect_err("no name");
        assert!(matches!(failed, LookupFailed::NoAnswer(_)), "{failed}");
    }
}
