//! Attempts of which nobody could say whether they were right.

use super::LoginThrottle;
use std::net::IpAddr;

impl LoginThrottle {
    /// An admitted attempt could not be answered: its places are given back, and nothing is known by it.
    pub fn record_unanswered(&self, name: &str, address: IpAddr, now_ms: i64) {
        let keys = self.keys(name, address);
        let limits = &self.limits;
        let mut tables = self.tables();
        let of_address = self.bucket(&tables.addresses, &keys.address, &limits.address, now_ms);
        let pairs = &tables.names_from_addresses;
        let of_pair = self.bucket(pairs, &keys.pair, &limits.name_from_address, now_ms);
        if !tables.is_known(&keys.pair, now_ms) {
            let of_name = self.bucket(&tables.names, &keys.name, &limits.name, now_ms);
            tables
                .names
                .insert(keys.name, of_name.given_back(&limits.name));
        }
        let of_address = of_address.given_back(&limits.address);
        tables.addresses.insert(keys.address, of_address);
        let of_pair = of_pair.given_back(&limits.name_from_address);
        tables.names_from_addresses.insert(keys.pair, of_pair);
    }
}
