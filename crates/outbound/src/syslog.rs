//! Syslog over TCP or TLS (RFC 5424, RFC 5425, RFC 6587 with octet counting), to receivers that people's settings point to.
//!
//! Syslog has no acknowledgements. What stands for one here: the registry says that it is done, and the receiver ends the
//! connection in turn, which it does only after it has read everything. Whoever answers anything is no receiver of syslog, and
//! has perhaps read nothing: that is a failure. One connection is for one batch, within 10 s. The rules
//! for where it may go are those of every way out: plain TCP and the ports of other services only to what is listed.

use crate::destinations::Destinations;
use crate::directory::DirectoryPlace;
use crate::directory::transport::{Io, config, connect};
use crate::http_client::{HttpFailed, Lookup, system_lookup};
use crate::resolver::Resolver;
use reqwest::Url;
use rustls_pki_types::ServerName;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

/// For a whole batch.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Where receivers listen for plain TCP and for TLS.
const USUAL_PORTS: [u16; 3] = [514, 601, 6514];
const FIRST_FREE_PORT: u16 = 1024;
const MAX_URL_BYTES: usize = 255;

/// Where a receiver is.
#[derive(Clone, Debug)]
pub struct SyslogPlace {
    /// `syslog://HOST[:PORT]` (TCP) or `syslogs://HOST[:PORT]` (TLS).
    pub url: String,
    /// Whether the receiver's certificate is verified.
    pub verifies_certificate: bool,
    /// The authorities to believe, in PEM; empty for the system's.
    pub ca_certificates: String,
}

struct Parts {
    is_tls: bool,
    host: String,
    port: u16,
}

impl Parts {
    fn is_listed_only(&self) -> bool {
        let is_odd = self.port < FIRST_FREE_PORT && !USUAL_PORTS.contains(&self.port);
        !self.is_tls || is_odd
    }
}

fn parts(url: &str) -> Result<Parts, HttpFailed> {
    let wrong = || HttpFailed::Url("it is syslog://HOST:PORT or syslogs://HOST:PORT");
    let parsed = Url::parse(url).map_err(|_| wrong())?;
    let is_tls = match parsed.scheme() {
        "syslog" => false,
        "syslogs" => true,
        _ => return Err(wrong()),
    };
    let is_bare = parsed.username().is_empty()
        && parsed.password().is_none()
        && matches!(parsed.path(), "" | "/")
        && parsed.query().is_none()
        && parsed.fragment().is_none();
    let host = parsed.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_host = host.parse::<IpAddr>().is_ok() || host.bytes().all(is_letter);
    if !is_bare || host.is_empty() || !is_host || url.len() > MAX_URL_BYTES {
        return Err(wrong());
    }
    Ok(Parts {
        is_tls,
        host: host.to_ascii_lowercase(),
        port: parsed.port().unwrap_or(if is_tls { 6514 } else { 514 }),
    })
}

/// The client. Cheap to clone.
#[derive(Clone)]
pub struct SyslogClient {
    destinations: Arc<Destinations>,
    lookup: Lookup,
}

impl SyslogClient {
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

    /// Whether something could be sent there at all, as far as that can be said without resolving a name; scheme, host and
    /// port of it.
    pub fn check(&self, place: &SyslogPlace) -> Result<String, HttpFailed> {
        let parts = parts(&place.url)?;
        let may_go = match parts.host.parse::<IpAddr>() {
            Ok(address) => self.may_go(&parts, address),
            // What may only go to what is listed can go nowhere when nothing is that the name could stand for.
            Err(_) => !parts.is_listed_only() || self.destinations.may_list(&parts.host),
        };
        if !may_go {
            return Err(HttpFailed::Refused(parts.host));
        }
        config(&as_directory(place))
            .map_err(|_| HttpFailed::Url("its certificates are not those of authorities in PEM"))?;
        let scheme = if parts.is_tls { "syslogs" } else { "syslog" };
        let host = if parts.host.contains(':') {
            format!("[{}]", parts.host)
        } else {
            parts.host
        };
        Ok(format!("{scheme}://{host}:{}", parts.port))
    }

    fn may_go(&self, parts: &Parts, address: IpAddr) -> bool {
        if parts.is_listed_only() {
            self.destinations.list(&parts.host, address)
        } else {
            self.destinations.allow(&parts.host, address)
        }
    }

    /// Sends messages, and waits until the receiver has read them all.
    pub async fn send(&self, place: &SyslogPlace, messages: &[String]) -> Result<(), HttpFailed> {
        let sent = tokio::time::timeout(TIME_LIMIT, self.converse(place, messages)).await;
        sent.unwrap_or(Err(HttpFailed::TimedOut))
    }

    async fn converse(&self, place: &SyslogPlace, messages: &[String]) -> Result<(), HttpFailed> {
        let unreachable =
            |error: &dyn std::fmt::Display| HttpFailed::Unreachable(error.to_string());
        let parts = parts(&place.url)?;
        let looked_up = (self.lookup)(parts.host.clone()).await;
        let addresses = looked_up.map_err(|error| unreachable(&error))?;
        // One that is not allowed among others is how a name is made to stand for something else a moment later.
        if !addresses
            .iter()
            .all(|address| self.may_go(&parts, *address))
        {
            return Err(HttpFailed::Refused(parts.host));
        }
        let stream = connect(&addresses, parts.port).await;
        let stream = stream.map_err(|error| unreachable(&error))?;
        let mut io: Box<dyn Io> = Box::new(stream);
        if parts.is_tls {
            let name = ServerName::try_from(parts.host).map_err(|error| unreachable(&error))?;
            let config = config(&as_directory(place)).map_err(|error| unreachable(&error))?;
            let secured = TlsConnector::from(Arc::new(config)).connect(name, io).await;
            io = Box::new(secured.map_err(|error| unreachable(&error))?);
        }
        let conversation = async {
            for message in messages {
                io.write_all(framed(message).as_bytes()).await?;
            }
            io.flush().await?;
            io.shutdown().await?;
            match io.read(&mut [0; 16]).await {
                Ok(0) => Ok(()),
                // Not everybody says goodbye in TLS before the connection ends.
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(()),
                Ok(_) => Err(std::io::Error::other("it does not speak syslog")),
                Err(error) => Err(error),
            }
        };
        let done: std::io::Result<()> = conversation.await;
        done.map_err(|error| unreachable(&error))
    }
}

/// A message with its length before it (RFC 6587, section 3.4.1).
fn framed(message: &str) -> String {
    format!("{} {message}", message.len())
}

fn as_directory(place: &SyslogPlace) -> DirectoryPlace {
    DirectoryPlace {
        url: String::new(),
        starts_tls: false,
        verifies_certificate: place.verifies_certificate,
        ca_certificates: place.ca_certificates.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> SyslogClient {
        let listed = vec!["10.0.0.0/8".parse().expect("a network")];
        SyslogClient::asking(Destinations::new(listed), &Resolver::new(&[]))
    }

    fn check(url: &str) -> Result<String, HttpFailed> {
        client().check(&SyslogPlace {
            url: url.to_owned(),
            verifies_certificate: false,
            ca_certificates: String::new(),
        })
    }

    #[test]
    fn a_place_is_a_host_and_a_port_to_which_the_registry_may_go() {
        for (url, origin) in [
            ("syslog://10.1.2.3", "syslog://10.1.2.3:514"),
            (
                "syslogs://Logs.Example.com",
                "syslogs://logs.example.com:6514",
            ),
            (
                "syslogs://[2606:4700::1]:7000/",
                "syslogs://[2606:4700::1]:7000",
            ),
        ] {
            assert_eq!(check(url).as_deref(), Ok(origin));
        }
        for refused in [
            "syslog://1.1.1.1",
            "syslogs://127.0.0.1",
            "syslogs://[::1]",
            "syslogs://[::ffff:169.254.169.254]",
            "syslogs://0.0.0.0",
            "syslogs://1.1.1.1:25",
        ] {
            assert!(
                matches!(check(refused), Err(HttpFailed::Refused(_))),
                "{refused}"
            );
        }
        for wrong in [
            "",
            "https://a",
            "syslog://",
            "syslog://u@a",
            "syslog://a/b",
            "syslog://a?b",
            "syslog://a:99999",
        ] {
            assert!(matches!(check(wrong), Err(HttpFailed::Url(_))), "{wrong}");
        }
    }

    #[test]
    fn plain_tcp_to_a_name_is_refused_at_once_where_nothing_is_listed_that_it_could_be() {
        let place = |url: &str| SyslogPlace {
            url: url.to_owned(),
            verifies_certificate: true,
            ca_certificates: String::new(),
        };
        let nothing = SyslogClient::asking(Destinations::default(), &Resolver::new(&[]));
        for refused in ["syslog://logs.example.com", "syslogs://logs.example.com:25"] {
            let checked = nothing.check(&place(refused));
            assert!(matches!(checked, Err(HttpFailed::Refused(_))), "{refused}");
        }
        assert!(nothing.check(&place("syslogs://logs.example.com")).is_ok());
        // It may stand for an address of the network that is listed.
        assert!(client().check(&place("syslog://logs.example.com")).is_ok());
    }

    #[tokio::test]
    async fn whoever_answers_has_not_taken_anything() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let place = SyslogPlace {
            url: format!("syslog://{}", listener.local_addr().expect("an address")),
            verifies_certificate: true,
            ca_certificates: String::new(),
        };
        let listed = vec!["127.0.0.1".parse().expect("an address")];
        let client = SyslogClient::asking(Destinations::new(listed), &Resolver::new(&[]));
        for (answer, is_taken) in [("", true), ("HTTP/1.1 400 Bad Request\r\n\r\n", false)] {
            let messages = ["<110>1 a".to_owned(), "<110>1 b".to_owned()];
            let (sent, read) = tokio::join!(client.send(&place, &messages), async {
                let (mut stream, _) = listener.accept().await.expect("it comes");
                let mut text = String::new();
                stream.read_to_string(&mut text).await.expect("text");
                stream.write_all(answer.as_bytes()).await.expect("written");
                text
            });
            assert_eq!(read, "8 <110>1 a8 <110>1 b");
            assert_eq!(sent.is_ok(), is_taken, "{answer:?}: {sent:?}");
        }
    }

    #[test]
    fn a_message_is_counted_in_bytes() {
        assert_eq!(framed("<110>1 ü"), "9 <110>1 ü");
    }
}
