//! From where a registry, and each account in it, may be reached.

use crate::id::NamespaceId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Who may reach a listener; decided by the operator, used by rules and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Exposure {
    /// Anyone.
    #[default]
    Public,
    /// Only the operator's own network.
    Private,
}

impl Exposure {
    /// The word in metrics, logs and settings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

/// An address range such as `10.0.0.0/8` or `fd00::/8`; a lone address is a range of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is not a [`Network`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not an address range; write it like 10.0.0.0/8 or fd00::/8")]
pub struct NetworkError {
    text: String,
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let refuse = || NetworkError {
            text: text.chars().take(64).collect(),
        };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refuse())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| refuse())?
            }
            Some(_) => return Err(refuse()),
            None => longest,
        };
        if prefix > longest {
            return Err(refuse());
        }
        Ok(Self { address, prefix })
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Network {
    /// Whether `address` lies in the range; IPv4 inside IPv6 (`::ffff:…`) counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix);
                network.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix);
                network.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }

    /// The same range written with its first address: that of `10.1.2.3/8` is `10.0.0.0/8`.
    #[must_use]
    pub fn canonical(self) -> Self {
        let address = match self.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix));
                IpAddr::V4((address.to_bits() & mask.unwrap_or(0)).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix));
                IpAddr::V6((address.to_bits() & mask.unwrap_or(0)).into())
            }
        };
        Self { address, ..self }
    }

    /// Whether it is IPv4 written as IPv6 (`::ffff:10.0.0.0/104`): no client has such an address, see
    /// [`contains`](Self::contains).
    pub fn is_mapped(&self) -> bool {
        matches!(self.address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
    }
}

/// An address range from which something is allowed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedRange {
    /// The range.
    pub range: Network,
    /// What it is, for people.
    #[serde(default)]
    pub description: String,
}

/// What a request is for, as far as network rules tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NetworkTraffic {
    /// Images: `/v2` and the tokens for it.
    Registry,
    /// Everything else that an account's people do.
    Management,
}

impl NetworkTraffic {
    /// The word in APIs, events and errors.
    pub fn word(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Management => "management",
        }
    }
}

/// From where an account may be reached. The default is from everywhere; an empty list allows every address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkRules {
    /// Not through public listeners.
    pub private_only: bool,
    /// For [`NetworkTraffic::Management`].
    pub management: Vec<AllowedRange>,
    /// For [`NetworkTraffic::Registry`].
    pub registry: Vec<AllowedRange>,
    /// The same for single namespaces, beside `registry`: both have to allow an address.
    pub namespaces: BTreeMap<NamespaceId, Vec<AllowedRange>>,
}

/// Which rule an address or a listener breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkBarrier {
    /// The account is reached through private listeners only.
    PrivateOnly,
    /// The address is in no range of the account's list.
    Account,
    /// The address is in no range of the namespace's list.
    Namespace,
}

impl NetworkRules {
    /// Whether they allow everything.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// What stands between a client and an account, or one namespace of it. A namespace's list is about registry traffic.
    pub fn barrier(
        &self,
        address: IpAddr,
        exposure: Exposure,
        traffic: NetworkTraffic,
        namespace: Option<&NamespaceId>,
    ) -> Option<NetworkBarrier> {
        if self.private_only && exposure == Exposure::Public {
            return Some(NetworkBarrier::PrivateOnly);
        }
        let list = match traffic {
            NetworkTraffic::Registry => &self.registry,
            NetworkTraffic::Management => &self.management,
        };
        if !allows(list, address) {
            return Some(NetworkBarrier::Account);
        }
        let of_namespace = namespace
            .filter(|_| traffic == NetworkTraffic::Registry)
            .and_then(|namespace| self.namespaces.get(namespace));
        let is_kept_out = of_namespace.is_some_and(|list| !allows(list, address));
        is_kept_out.then_some(NetworkBarrier::Namespace)
    }
}

/// Whether a list allows an address: an empty one does.
fn allows(list: &[AllowedRange], address: IpAddr) -> bool {
    list.is_empty() || list.iter().any(|allowed| allowed.range.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use NetworkTraffic::{Management, Registry};

    fn network(text: &str) -> Network {
        text.parse().expect("a range")
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn list(ranges: &[&str]) -> Vec<AllowedRange> {
        let of = |text: &&str| AllowedRange {
            range: network(text),
            description: String::new(),
        };
        ranges.iter().map(of).collect()
    }

    #[test]
    fn a_range_is_written_with_its_first_address() {
        for (text, expected) in [
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("10.1.2.3", "10.1.2.3/32"),
            ("10.1.2.3/0", "0.0.0.0/0"),
            ("fd12::1/8", "fd00::/8"),
            ("fd12::1/0", "::/0"),
            ("fd12::1", "fd12::1/128"),
        ] {
            assert_eq!(network(text).canonical().to_string(), expected);
        }
        assert!(network("::ffff:10.0.0.0/104").is_mapped());
        assert!(!network("fd00::/8").is_mapped());
        for wrong in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "::/129",
            "10.0.0.0/+8",
            "a/8",
            "10.0.0.0/",
        ] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_traffic_has_its_list_and_an_empty_one_allows_everything() {
        let namespace = NamespaceId::new("n");
        let rules = NetworkRules {
            registry: list(&["192.0.2.0/24", "2001:db8::/32"]),
            management: list(&["198.51.100.7"]),
            namespaces: [(namespace.clone(), list(&["192.0.2.128/25"]))].into(),
            ..NetworkRules::default()
        };
        let other = NamespaceId::new("o");
        let barrier = |text: &str, traffic, namespace| {
            rules.barrier(address(text), Exposure::Public, traffic, namespace)
        };
        assert_eq!(barrier("192.0.2.1", Registry, None), None);
        assert_eq!(barrier("::ffff:192.0.2.1", Registry, None), None);
        assert_eq!(barrier("2001:db8::7", Registry, Some(&other)), None);
        assert_eq!(barrier("192.0.2.200", Registry, Some(&namespace)), None);
        assert_eq!(
            barrier("192.0.2.1", Registry, Some(&namespace)),
            Some(NetworkBarrier::Namespace)
        );
        assert_eq!(
            barrier("198.51.100.7", Registry, None),
            Some(NetworkBarrier::Account)
        );
        assert_eq!(barrier("198.51.100.7", Management, Some(&namespace)), None);
        assert_eq!(
            barrier("192.0.2.1", Management, None),
            Some(NetworkBarrier::Account)
        );
        let open = NetworkRules::default();
        assert!(open.is_open() && !rules.is_open());
        assert_eq!(
            open.barrier(address("192.0.2.1"), Exposure::Public, Registry, None),
            None
        );
    }

    #[test]
    fn what_is_private_only_is_not_reached_through_a_public_listener_from_anywhere() {
        let rules = NetworkRules {
            private_only: true,
            ..NetworkRules::default()
        };
        let barrier = |exposure| rules.barrier(address("127.0.0.1"), exposure, Registry, None);
        assert_eq!(barrier(Exposure::Public), Some(NetworkBarrier::PrivateOnly));
        assert_eq!(barrier(Exposure::Private), None);
    }
}
