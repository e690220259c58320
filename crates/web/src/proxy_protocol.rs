//! The PROXY protocol, version 2: a proxy that passes bytes on says before the first of them whose they are.
//!
//! Source: HAProxy, "The PROXY protocol, Versions 1 & 2" (proxy-protocol.txt), section 2.2. A listener that expects the header
//! takes connections from listed proxies alone, and only with it: nobody else can say where it comes from.

use model::Network;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::Instant;

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const FIXED_BYTES: usize = 16;
/// What follows them at most: proxies send a few dozen bytes.
const MAX_REST_BYTES: usize = 520;
const LONGEST_ADDRESSES: usize = 36;
/// How the header of the version before begins.
const VERSION_1: &[u8] = b"PROXY ";
/// Type and bit of a note that the client spoke TLS (2.2.5).
const TLS_NOTE: u8 = 0x20;
const CLIENT_SPOKE_TLS: u8 = 0x01;
/// How often the log tells of connections that were closed.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// What a listener that expects the header knows.
#[derive(Debug)]
pub struct ProxyProtocol {
    proxies: Vec<Network>,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    last: Option<Instant>,
    untold: u64,
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announced {
    /// The proxy's own, such as a check of health.
    Proxy,
    /// A client's.
    Client {
        /// Its end of its connection to the proxy.
        address: SocketAddr,
        /// Whether it spoke TLS there, as far as the proxy says.
        is_secure: bool,
    },
}

/// Why a connection is not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeaderRefused {
    #[error("it does not come from one of network.trusted_proxies")]
    Stranger,
    #[error(
        "it begins with the PROXY protocol's version 1; make the proxy send version 2 (in HAProxy: send-proxy-v2)"
    )]
    Version1,
    #[error(
        "it does not begin with a PROXY protocol header; make the proxy send one (in HAProxy: send-proxy-v2)"
    )]
    Missing,
    #[error("its PROXY protocol header is wrong: {0}")]
    Wrong(&'static str),
    #[error("it ended, or paused for too long, before its PROXY protocol header was complete")]
    Incomplete,
}

impl From<io::Error> for HeaderRefused {
    fn from(_: io::Error) -> Self {
        Self::Incomplete
    }
}

impl ProxyProtocol {
    /// Of a listener behind these proxies; behind none, it serves nobody.
    pub fn new(proxies: Vec<Network>) -> Self {
        Self {
            proxies,
            told: Mutex::default(),
        }
    }

    /// Reads the header of a connection from `peer`, and not a byte beyond it.
    pub(crate) async fn read<S: AsyncRead + Unpin>(
        &self,
        stream: &mut S,
        peer: IpAddr,
        limit: Duration,
    ) -> Result<Announced, HeaderRefused> {
        if !self.proxies.iter().any(|proxy| proxy.contains(peer)) {
            return Err(HeaderRefused::Stranger);
        }
        let read = tokio::time::timeout(limit, read_header(stream)).await;
        read.unwrap_or(Err(HeaderRefused::Incomplete))
    }

    /// Tells the log of a connection that was closed: of one a minute, and how many there were besides.
    pub(crate) fn tell(&self, peer: SocketAddr, local: SocketAddr, why: &HeaderRefused) {
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told
            .last
            .is_some_and(|last| now.duration_since(last) < TOLD_EVERY)
        {
            told.untold += 1;
            return;
        }
        let others = std::mem::take(&mut told.untold);
        told.last = Some(now);
        drop(told);
        tracing::warn!(%peer, listener = %local, %why, others, "a connection was closed");
    }
}

async fn read_header<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Announced, HeaderRefused> {
    let mut fixed = [0; FIXED_BYTES];
    let mut have = 0;
    while have < FIXED_BYTES {
        let read = stream.read(&mut fixed[have..]).await?;
        if read == 0 {
            return Err(HeaderRefused::Incomplete);
        }
        have += read;
        // Who sends something else need not be waited for.
        let begun = have.min(SIGNATURE.len());
        if fixed[..begun] != SIGNATURE[..begun] {
            let common = have.min(VERSION_1.len());
            if fixed[..common] != VERSION_1[..common] {
                return Err(HeaderRefused::Missing);
            }
            if common == VERSION_1.len() {
                return Err(HeaderRefused::Version1);
            }
        }
    }
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if length > MAX_REST_BYTES {
        return Err(HeaderRefused::Wrong("it is longer than 536 bytes"));
    }
    let mut rest = [0; MAX_REST_BYTES];
    stream.read_exact(&mut rest[..length]).await?;
    understand(fixed[12], fixed[13], &rest[..length])
}

/// The 13th and 14th byte, and what follows the length.
fn understand(command: u8, family: u8, rest: &[u8]) -> Result<Announced, HeaderRefused> {
    match command {
        0x20 => return Ok(Announced::Proxy),
        0x21 => {}
        _ if command >> 4 != 2 => return Err(HeaderRefused::Wrong("it is not of version 2")),
        _ => return Err(HeaderRefused::Wrong("it has an unknown command")),
    }
    let short = HeaderRefused::Wrong("it ends within its addresses");
    let (address, notes) = match family {
        0x11 => {
            let (block, notes) = rest.split_first_chunk::<12>().ok_or(short)?;
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *block;
            let port = u16::from_be_bytes([high, low]);
            (SocketAddr::from(([a, b, c, d], port)), notes)
        }
        0x21 => {
            let (block, notes) = rest.split_first_chunk::<LONGEST_ADDRESSES>().ok_or(short)?;
            let mut octets = [0; 16];
            octets.copy_from_slice(&block[..16]);
            let port = u16::from_be_bytes([block[32], block[33]]);
            (SocketAddr::from((octets, port)), notes)
        }
        // A client that has no address, such as one on the proxy's own machine: 2.2 says to take the connection's.
        0x00 | 0x31 => return Ok(Announced::Proxy),
        _ => return Err(HeaderRefused::Wrong("it is about no TCP connection")),
    };
    Ok(Announced::Client {
        address: SocketAddr::new(address.ip().to_canonical(), address.port()),
        is_secure: spoke_tls(notes)?,
    })
}

/// Looks through the notes behind the addresses: type, length and value of each.
fn spoke_tls(mut notes: &[u8]) -> Result<bool, HeaderRefused> {
    let mut is_secure = false;
    while let Some(([kind, high, low], rest)) = notes.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((value, rest)) = rest.split_at_checked(length) else {
            return Err(HeaderRefused::Wrong("it ends within a note"));
        };
        if *kind == TLS_NOTE {
            is_secure = value
                .first()
                .is_some_and(|client| client & CLIENT_SPOKE_TLS != 0);
        }
        notes = rest;
    }
    if notes.is_empty() {
        Ok(is_secure)
    } else {
        Err(HeaderRefused::Wrong("it ends within a note"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);
    const V4: [u8; 12] = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80];

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).expect("a short header");
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend(length.to_be_bytes());
        bytes.extend(rest);
        bytes
    }

    async fn read_all(bytes: &[u8]) -> (Result<Announced, String>, usize) {
        let protocol = ProxyProtocol::new(vec!["10.0.0.0/8".parse().expect("a range")]);
        let mut stream = bytes;
        let peer = "::ffff:10.9.9.9".parse().expect("an address");
        let read = protocol.read(&mut stream, peer, LIMIT).await;
        (read.map_err(|why| why.to_string()), stream.len())
    }

    fn client(address: &str, is_secure: bool) -> Announced {
        let address = address.parse().expect("an address with a port");
        Announced::Client { address, is_secure }
    }

    #[tokio::test]
    async fn the_client_is_who_the_header_names_and_its_bytes_are_left_alone() {
        let mut v6 = [0; 36];
        v6[..2].copy_from_slice(&[0xfd, 0]);
        v6[15] = 9;
        v6[33] = 80;
        let mut mapped = [0; 36];
        mapped[10..16].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 7]);
        let tls = [&V4[..], &[0x20, 0, 5, 1, 0, 0, 0, 0, 0x04, 0, 0]].concat();
        let plain = [&V4[..], &[0x20, 0, 5, 6, 0, 0, 0, 0]].concat();
        let unix = [7; 216];
        for (bytes, expected) in [
            (header(0x21, 0x11, &V4), client("192.0.2.7:4660", false)),
            (header(0x21, 0x11, &tls), client("192.0.2.7:4660", true)),
            (header(0x21, 0x11, &plain), client("192.0.2.7:4660", false)),
            (header(0x21, 0x21, &v6), client("[fd00::9]:80", false)),
            (header(0x21, 0x21, &mapped), client("192.0.2.7:0", false)),
            (header(0x20, 0x11, &V4), Announced::Proxy),
            (header(0x20, 0, &[]), Announced::Proxy),
            (header(0x21, 0, &[]), Announced::Proxy),
            (header(0x21, 0x31, &unix), Announced::Proxy),
        ] {
            let sent = [&bytes[..], b"GET /"].concat();
            assert_eq!(read_all(&sent).await, (Ok(expected), 5), "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused_before_it_is_read_to_its_end() {
        let note = [&V4[..], &[0x20, 0, 5, 1]].concat();
        let half = [&V4[..], &[0x20]].concat();
        let mut long = header(0x21, 0x11, &[0; 520]);
        long[15] += 1;
        for (bytes, part) in [
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "does not begin with"),
            (
                b"\r\n\r\nGET / HTTP/1.1\r\n".to_vec(),
                "does not begin with",
            ),
            (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n".to_vec(), "version 1"),
            (b"PROXx".to_vec(), "does not begin with"),
            (b"PRO".to_vec(), "before its PROXY protocol header"),
            (Vec::new(), "before its PROXY protocol header"),
            (header(0x11, 0x11, &V4), "not of version 2"),
            (header(0x22, 0x11, &V4), "unknown command"),
            (header(0x21, 0x12, &V4), "no TCP connection"),
            (header(0x21, 0x11, &V4[..11]), "within its addresses"),
            (header(0x21, 0x21, &V4), "within its addresses"),
            (header(0x21, 0x11, &note), "within a note"),
            (header(0x21, 0x11, &half), "within a note"),
            (header(0x21, 0x11, &V4)[..27].to_vec(), "was complete"),
            (long, "longer than 536 bytes"),
        ] {
            let (read, _) = read_all(&bytes).await;
            let why = read.expect_err("it is no header");
            assert!(why.contains(part), "{bytes:?}: {why}");
        }
    }

    #[tokio::test]
    async fn strangers_are_not_read_and_slow_proxies_not_waited_for() {
        let protocol = ProxyProtocol::new(vec!["10.0.0.1".parse().expect("a range")]);
        let bytes = header(0x21, 0x11, &V4);
        let mut stream = &bytes[..];
        let stranger = "10.0.0.2".parse().expect("an address");
        let read = protocol.read(&mut stream, stranger, LIMIT).await;
        assert!(matches!(read, Err(HeaderRefused::Stranger)), "{read:?}");
        assert_eq!(stream.len(), bytes.len());
        let (mut silent, _kept_open) = tokio::io::duplex(64);
        let proxy = "10.0.0.1".parse().expect("an address");
        let soon = Duration::from_millis(1);
        let read = protocol.read(&mut silent, proxy, soon).await;
        assert!(matches!(read, Err(HeaderRefused::Incomplete)), "{read:?}");
    }
}
