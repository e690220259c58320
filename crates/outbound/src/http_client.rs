//! HTTP to wherever people's settings point: the one client for that.
//!
//! What it refuses, whatever is asked of it: an address that [`Destinations`] does not allow, looked at after the name was
//! resolved, and the connection then goes to that very address; a name of which any one address is not allowed; redirects
//! (their status is the answer); plain HTTP and the ports of other services, except to what is listed; answers that are
//! long or slow; proxies of the environment.

use crate::destinations::Destinations;
use crate::resolver::Resolver;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Method, Url, header};
use std::error::Error as StdError;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// For a whole exchange, body included.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// The longest URL.
const MAX_URL_BYTES: usize = 2048;
/// Addresses of one name that are looked at.
pub(crate) const MAX_ANSWERS: usize = 32;
/// Ports of other services are below.
const FIRST_FREE_PORT: u16 = 1024;
/// What RFC 3986 calls unreserved stays; a blank becomes `%20`, which every reader of forms understands.
const KEPT_IN_FORMS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Why there is no answer. The texts are for the deployment's log: to whoever chose the address, which kind it was tells
/// about a network that is not theirs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpFailed {
    /// The text is no URL that requests are sent to.
    #[error("the URL cannot be used: {0}")]
    Url(&'static str),
    /// The deployment does not allow requests to go there.
    #[error(
        "requests to {0} are not allowed: it is, or stands for, an address that is not public; list it in [outbound] allow if it is meant"
    )]
    Refused(String),
    /// Nobody answered, or not in HTTP.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// It took longer than 10 s.
    #[error("no answer in time")]
    TimedOut,
    /// The answer is longer than asked for.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    /// The status; 3xx too, since redirects are not followed.
    pub status: u16,
    /// The body, all of it.
    pub body: Vec<u8>,
}

/// Finds out what a name stands for.
pub(crate) type Lookup = Arc<
    dyn Fn(String) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>>
        + Send
        + Sync,
>;

/// The client. Cheap to clone.
#[derive(Clone)]
pub struct HttpClient {
    destinations: Arc<Destinations>,
    /// To everywhere that is allowed.
    wide: reqwest::Client,
    /// To what is listed only.
    narrow: reqwest::Client,
    /// The same two, for receivers whose certificates nobody verifies.
    trusting: [reqwest::Client; 2],
}

impl HttpClient {
    /// A client for these destinations.
    ///
    /// # Errors
    /// [`HttpFailed::Unreachable`] when the system's certificates cannot be read.
    pub fn new(destinations: Destinations) -> Result<Self, HttpFailed> {
        let lookup: Lookup = Arc::new(|name| Box::pin(system_lookup(name)));
        Self::with_lookup(destinations, &lookup)
    }

    /// The same, but names stand for what this resolver says, if it has servers of its own.
    pub fn asking(destinations: Destinations, resolver: &Resolver) -> Result<Self, HttpFailed> {
        if !resolver.has_own_servers() {
            return Self::new(destinations);
        }
        let resolver = resolver.clone();
        let lookup: Lookup = Arc::new(move |name| {
            let resolver = resolver.clone();
            Box::pin(async move { Ok(resolver.addresses(&name).await?) })
        });
        Self::with_lookup(destinations, &lookup)
    }

    fn with_lookup(destinations: Destinations, lookup: &Lookup) -> Result<Self, HttpFailed> {
        let destinations = Arc::new(destinations);
        let build = |is_listed_only, accepts_any_certificate| {
            reqwest::Client::builder()
                .tls_danger_accept_invalid_certs(accepts_any_certificate)
                .dns_resolver(Arc::new(Guard {
                    destinations: destinations.clone(),
                    is_listed_only,
                    lookup: lookup.clone(),
                }))
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .referer(false)
                .connect_timeout(CONNECT_LIMIT)
                .timeout(TIME_LIMIT)
                // What is asked for is asked for rarely.
                .pool_max_idle_per_host(0)
                .user_agent(concat!("roadstead/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| HttpFailed::Unreachable(text_of(&error)))
        };
        Ok(Self {
            wide: build(false, false)?,
            narrow: build(true, false)?,
            trusting: [build(false, true)?, build(true, true)?],
            destinations,
        })
    }

    /// Asks for a document of at most `limit` bytes.
    pub async fn get(&self, url: &str, limit: usize) -> Result<HttpAnswer, HttpFailed> {
        let request = self.request(Method::GET, url)?;
        let request = request.header(header::ACCEPT, "application/json");
        answer(request, limit).await
    }

    /// Asks a host for a text of at most `limit` bytes by plain HTTP at one port, which is the deployment's choice: what is
    /// public may be asked so, too. For what has to be read before a host can have a certificate.
    pub async fn get_plain(
        &self,
        (host, port): (&str, u16),
        path: &str,
        limit: usize,
    ) -> Result<HttpAnswer, HttpFailed> {
        let wrong = || HttpFailed::Url("it is not one");
        let url = Url::parse(&format!("http://{host}:{port}{path}")).map_err(|_| wrong())?;
        // A literal address would not be looked at by the resolver.
        if url.domain() != Some(host) {
            return Err(wrong());
        }
        let request = self.wide.get(url).header(header::ACCEPT, "text/plain");
        answer(request, limit).await
    }

    /// Sends a form, with an `Authorization` header if there is one.
    pub async fn post_form(
        &self,
        url: &str,
        fields: &[(&str, &str)],
        authorization: Option<&str>,
        limit: usize,
    ) -> Result<HttpAnswer, HttpFailed> {
        let mut request = self
            .request(Method::POST, url)?
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form(fields));
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        answer(request, limit).await
    }

    /// Whether requests could be sent to this URL at all, as far as that can be said without resolving its name.
    pub fn check_url(&self, url: &str) -> Result<(), HttpFailed> {
        self.request(Method::GET, url).map(drop)
    }

    fn request(&self, method: Method, url: &str) -> Result<reqwest::RequestBuilder, HttpFailed> {
        let [wide, narrow] = [&self.wide, &self.narrow];
        self.request_by([wide, narrow], method, url)
    }

    /// By the first client, or by the second when only what is listed may be asked so.
    fn request_by(
        &self,
        [wide, narrow]: [&reqwest::Client; 2],
        method: Method,
        url: &str,
    ) -> Result<reqwest::RequestBuilder, HttpFailed> {
        if url.len() > MAX_URL_BYTES {
            return Err(HttpFailed::Url("it is longer than 2048 bytes"));
        }
        let url = Url::parse(url).map_err(|_| HttpFailed::Url("it is not one"))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(HttpFailed::Url("it must start with https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(HttpFailed::Url("a name or password has no place in it"));
        }
        let Some(host) = url.host_str() else {
            return Err(HttpFailed::Url("it has no host"));
        };
        let is_listed_only = is_listed_only(&url);
        // An address needs no resolving, so nobody else would look at it.
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = literal.parse::<IpAddr>()
            && !may_go(&self.destinations, is_listed_only, host, address)
        {
            return Err(HttpFailed::Refused(host.to_owned()));
        }
        let client = if is_listed_only { narrow } else { wide };
        Ok(client.request(method, url))
    }
}

/// Plain HTTP, and the ports of other services.
fn is_listed_only(url: &Url) -> bool {
    let port = url.port_or_known_default().unwrap_or_default();
    url.scheme() != "https" || (port < FIRST_FREE_PORT && port != 443)
}

fn may_go(destinations: &Destinations, is_listed_only: bool, host: &str, address: IpAddr) -> bool {
    if is_listed_only {
        destinations.list(host, address)
    } else {
        destinations.allow(host, address)
    }
}

async fn answer(request: reqwest::RequestBuilder, limit: usize) -> Result<HttpAnswer, HttpFailed> {
    let mut response = request.send().await.map_err(failed)?;
    let is_long = |length: u64| usize::try_from(length).map_or(true, |length| length > limit);
    if response.content_length().is_some_and(is_long) {
        return Err(HttpFailed::TooLong(limit));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > limit {
            return Err(HttpFailed::TooLong(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpAnswer {
        status: response.status().as_u16(),
        body,
    })
}

/// `application/x-www-form-urlencoded`.
pub fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| {
            format!(
                "{}={}",
                utf8_percent_encode(name, KEPT_IN_FORMS),
                utf8_percent_encode(value, KEPT_IN_FORMS)
            )
        })
        .collect();
    pairs.join("&")
}

/// A name stands for addresses that requests may not go to.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotAllowed(String);

fn failed(error: reqwest::Error) -> HttpFailed {
    if error.is_timeout() {
        return HttpFailed::TimedOut;
    }
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if let Some(NotAllowed(host)) = inner.downcast_ref() {
            return HttpFailed::Refused(host.clone());
        }
        cause = inner.source();
    }
    HttpFailed::Unreachable(text_of(&error.without_url()))
}

/// The innermost cause says what happened.
fn text_of(error: &(dyn StdError + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

pub(crate) async fn system_lookup(name: String) -> std::io::Result<Vec<IpAddr>> {
    let answers = tokio::net::lookup_host((name, 0)).await?;
    Ok(answers
        .map(|answer| answer.ip())
        .take(MAX_ANSWERS)
        .collect())
}

/// Resolves names for one request after the other; what it lets through is what is connected to.
struct Guard {
    destinations: Arc<Destinations>,
    is_listed_only: bool,
    lookup: Lookup,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (destinations, is_listed_only) = (self.destinations.clone(), self.is_listed_only);
        let host = name.as_str().to_owned();
        let looking = (self.lookup)(host.clone());
        Box::pin(async move {
            let addresses = looking.await?;
            let is_fine = |address: &IpAddr| may_go(&destinations, is_listed_only, &host, *address);
            // One that is not allowed among others is how a name is made to stand for something else a moment later.
            if !addresses.iter().all(is_fine) {
                return Err(NotAllowed(host).into());
            }
            let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

mod post;
#[cfg(test)]
mod tests;

pub use post::{HttpPost, Receiver};
