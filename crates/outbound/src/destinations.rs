//! Where requests may go whose address comes from people's settings: to the public Internet, and to what the deployment
//! lists. Never, unless it is listed, to the machine itself, its neighbours or its cloud's metadata.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The longest host name (RFC 1035, section 2.3.4).
const MAX_HOST_BYTES: usize = 253;

/// IPv4 networks that are not the public Internet (IANA's special-purpose registry), multicast, and the address under
/// which one cloud tells its machines about themselves.
const SPECIAL_V4: &[(Ipv4Addr, u8)] = &[
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];
/// Of IPv6 only `2000::/3` is public, and not these of it: addresses with an IPv4 address inside among them.
const SPECIAL_V6: &[(Ipv6Addr, u8)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];
const PUBLIC_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// One thing that the deployment lists: a network such as `10.0.0.0/8`, an address, or a host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Every address that begins with these bits.
    Network(IpAddr, u8),
    /// Whatever this host name stands for, in lower case and without a final dot.
    Host(String),
}

impl Destination {
    fn covers(&self, host: &str, address: IpAddr) -> bool {
        match self {
            Self::Host(name) => name.eq_ignore_ascii_case(host.trim_end_matches('.')),
            Self::Network(network, prefix) => match (network, address.to_canonical()) {
                (IpAddr::V4(network), IpAddr::V4(address)) => {
                    holds_v4((*network, *prefix), address)
                }
                (IpAddr::V6(network), IpAddr::V6(address)) => {
                    holds_v6((*network, *prefix), address)
                }
                _ => false,
            },
        }
    }
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no network, address or host name; write it as in \"10.0.0.0/8\", \"192.168.1.5\" or \
                 \"login.example.com\""
            )
        };
        if let Some((address, prefix)) = text.split_once('/') {
            let address: IpAddr = address.parse().map_err(|_| wrong())?;
            let prefix: u8 = prefix.parse().map_err(|_| wrong())?;
            let bits = if address.is_ipv4() { 32 } else { 128 };
            return (prefix <= bits)
                .then_some(Self::Network(address, prefix))
                .ok_or_else(wrong);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            let bits = if address.is_ipv4() { 32 } else { 128 };
            return Ok(Self::Network(address, bits));
        }
        let name = text.trim_end_matches('.').to_ascii_lowercase();
        let is_label = |label: &str| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        // A last label of digits alone is how addresses are written.
        let is_name = name.len() <= MAX_HOST_BYTES
            && name.split('.').all(is_label)
            && name
                .rsplit('.')
                .next()
                .is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()));
        is_name.then_some(Self::Host(name)).ok_or_else(wrong)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address, prefix) => write!(f, "{address}/{prefix}"),
            Self::Host(name) => f.write_str(name),
        }
    }
}

/// Everything that the deployment lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destinations(Vec<Destination>);

impl Destinations {
    /// The public Internet and these.
    pub fn new(listed: Vec<Destination>) -> Self {
        Self(listed)
    }

    /// Whether a request to this host may go to this address, which is one of its.
    pub fn allow(&self, host: &str, address: IpAddr) -> bool {
        is_public(address) || self.list(host, address)
    }

    /// Whether the deployment could list what this host stands for: it lists the name, or some network.
    pub(crate) fn may_list(&self, host: &str) -> bool {
        self.0.iter().any(|destination| match destination {
            Destination::Network(..) => true,
            Destination::Host(name) => name.eq_ignore_ascii_case(host.trim_end_matches('.')),
        })
    }

    /// Whether the deployment lists the host or the address itself.
    pub fn list(&self, host: &str, address: IpAddr) -> bool {
        self.0
            .iter()
            .any(|destination| destination.covers(host, address))
    }
}

/// Whether an address is one of the public Internet.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|network| holds_v4(*network, address)),
        IpAddr::V6(address) => {
            holds_v6(PUBLIC_V6, address)
                && !SPECIAL_V6.iter().any(|network| holds_v6(*network, address))
        }
    }
}

fn holds_v4((network, prefix): (Ipv4Addr, u8), address: Ipv4Addr) -> bool {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    network.to_bits() & mask == address.to_bits() & mask
}

fn holds_v6((network, prefix): (Ipv6Addr, u8), address: Ipv6Addr) -> bool {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    network.to_bits() & mask == address.to_bits() & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn only_the_public_internet_is_public() {
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address(private)), "{private}");
        }
        for public in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "172.32.0.1",
            "192.167.255.255",
            "198.20.0.1",
            "::ffff:1.1.1.1",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert!(is_public(address(public)), "{public}");
        }
    }

    #[test]
    fn what_is_listed_is_allowed_and_its_neighbours_are_not() {
        let listed = ["10.1.0.0/16", "fd00::/8", "192.168.1.5", "Issuer.Internal."];
        let listed: Result<Vec<Destination>, _> = listed.iter().map(|text| text.parse()).collect();
        let destinations = Destinations::new(listed.expect("destinations"));
        for (host, at, is_allowed) in [
            ("a", "10.1.255.1", true),
            ("a", "::ffff:10.1.255.1", true),
            ("a", "10.2.0.1", false),
            ("a", "fd00::1", true),
            ("a", "192.168.1.5", true),
            ("a", "192.168.1.6", false),
            ("issuer.internal", "127.0.0.1", true),
            ("issuer.internal.", "127.0.0.1", true),
            ("evil.issuer.internal", "127.0.0.1", false),
            ("a", "1.1.1.1", true),
        ] {
            assert_eq!(
                destinations.allow(host, address(at)),
                is_allowed,
                "{host} {at}"
            );
        }
        assert!(!destinations.list("a", address("1.1.1.1")));
        assert!(destinations.may_list("a"), "it may stand for 10.1.0.1");
        let by_name = Destinations::new(vec!["issuer.internal".parse().expect("a name")]);
        assert!(by_name.may_list("Issuer.Internal."));
        assert!(!by_name.may_list("a") && !Destinations::default().may_list("a"));
    }

    #[test]
    fn what_is_no_destination_is_refused() {
        for text in [
            "",
            ".",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "a b",
            "http://a",
            "a/24",
            "*.a",
            "1.2.3",
            "10.0.0.0/-1",
        ] {
            assert!(text.parse::<Destination>().is_err(), "{text}");
        }
        let all: Destination = "0.0.0.0/0".parse().expect("everything");
        assert!(all.covers("", address("127.0.0.1")));
        assert_eq!(all.to_string(), "0.0.0.0/0");
    }
}
