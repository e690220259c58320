//! Who the client is when proxies stand in front: forwarded headers count only from configured proxies.

use http::{HeaderMap, HeaderName, Uri, header};
pub use model::Network;
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Which header the trusted proxies write. Only one is read: a proxy that writes the one passes the
/// client's own version of the other through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, `-Proto` and `-Host`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies whose word counts.
#[derive(Clone, Debug, Default)]
pub struct Forwarding {
    /// Address ranges of the proxies; empty: the socket's address is the client's.
    pub trusted: Vec<Network>,
    /// The header they write.
    pub header: ForwardedHeader,
}

/// The client, as far as it can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// Whether it spoke TLS, to us or to a trusted proxy.
    pub is_secure: bool,
    /// Whether a trusted proxy stands between.
    pub is_forwarded: bool,
}

impl Forwarding {
    /// Finds the client of a request that came from `peer`.
    pub fn client(&self, peer: SocketAddr, is_tls: bool, headers: &HeaderMap) -> Client {
        let peer = peer.ip().to_canonical();
        if self.trusted.is_empty() || !self.trusts(peer) {
            return Client {
                address: peer,
                is_secure: is_tls,
                is_forwarded: false,
            };
        }
        Client {
            address: self.client_behind(peer, headers),
            is_secure: self
                .scheme(headers)
                .map_or(is_tls, |s| s.eq_ignore_ascii_case("https")),
            is_forwarded: true,
        }
    }

    /// The host the client asked for: the trusted proxy's word, else the request's authority or `Host`.
    /// `None` when there is none or it holds anything but a host and port.
    pub fn host<'a>(
        &self,
        client: &Client,
        uri: &'a Uri,
        headers: &'a HeaderMap,
    ) -> Option<&'a str> {
        let told = match self.header {
            _ if !client.is_forwarded => None,
            ForwardedHeader::XForwarded => last_item(headers, &X_FORWARDED_HOST),
            ForwardedHeader::Forwarded => last_forwarded(headers, "host"),
        };
        told.or_else(|| uri.authority().map(http::uri::Authority::as_str))
            .or_else(|| {
                headers
                    .get(header::HOST)
                    .and_then(|value| value.to_str().ok())
            })
            .filter(|host| is_host(host))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    /// Walks the hops from the nearest: the first that is not one of ours is the client. A hop that is
    /// no address ends the walk at the last one that was.
    fn client_behind(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let name = match self.header {
            ForwardedHeader::XForwarded => X_FORWARDED_FOR,
            ForwardedHeader::Forwarded => header::FORWARDED,
        };
        let mut nearest = peer;
        for value in headers.get_all(name).iter().rev() {
            let Ok(text) = value.to_str() else {
                return nearest;
            };
            for item in text.rsplit(',') {
                let hop = match self.header {
                    ForwardedHeader::XForwarded => Some(item.trim()),
                    ForwardedHeader::Forwarded => parameter(item, "for"),
                };
                let Some(address) = hop.and_then(parse_hop) else {
                    return nearest;
                };
                nearest = address;
                if !self.trusts(address) {
                    return nearest;
                }
            }
        }
        nearest
    }

    fn scheme<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        match self.header {
            ForwardedHeader::XForwarded => last_item(headers, &X_FORWARDED_PROTO),
            ForwardedHeader::Forwarded => last_forwarded(headers, "proto"),
        }
    }
}

/// The item the nearest proxy wrote: the last of the last header.
fn last_item<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value
        .rsplit(',')
        .next()
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

fn last_forwarded<'a>(headers: &'a HeaderMap, key: &str) -> Option<&'a str> {
    let element = last_item(headers, &header::FORWARDED)?;
    parameter(element, key)
}

/// The value of `key` in one element of a `Forwarded` header, without its quotes.
fn parameter<'a>(element: &'a str, key: &str) -> Option<&'a str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case(key)
            .then(|| value.trim().trim_matches('"'))
    })
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let address = hop
        .parse::<IpAddr>()
        .ok()
        .or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}

/// Host and optional port, and nothing that could leave a quoted string or a URL's authority.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text.bytes().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']')
        })
}

#[cfg(test)]
mod tests;
