//! The endpoints of listeners, and the prefixes that the kernel's program looks them up by.
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};

use aya::maps::lpm_trie::Key;
use lb_common::packet::{Address, Version};
use lb_common::steer::{self, Destination, EndpointKey, Endpoints, ORDINARY};

use crate::kernel::placement::Endpoint;

/// The listener of each endpoint: it answers as the kernel's program does.
#[derive(Clone, Debug, Default)]
pub struct Table {
    endpoints: HashMap<EndpointKey, u32>,
}

impl Table {
    /// Gives an endpoint to a listener, below [`ORDINARY`].
    pub fn steer(&mut self, endpoint: Endpoint, listener: u32) {
        for key in keys(endpoint) {
            self.endpoints.insert(key, listener);
        }
    }

    /// Keeps an endpoint that has a socket of its own out of what is steered around it.
    pub fn leave(&mut self, endpoint: Endpoint) {
        for key in keys(endpoint) {
            self.endpoints.entry(key).or_insert(ORDINARY);
        }
    }

    /// Where a connection to that address goes.
    pub fn find(&self, to: SocketAddr) -> Destination {
        let ip = to.ip().to_canonical();
        let version = match ip {
            IpAddr::V4(_) => Version::V4,
            IpAddr::V6(_) => Version::V6,
        };
        steer::listener(self, version, ip.into(), to.port())
    }

    /// The fewest prefixes that say the same.
    pub fn prefixes(&self) -> Vec<(Key<EndpointKey>, u32)> {
        let sorted: BTreeMap<(Address, u16), u32> = self
            .endpoints
            .iter()
            .map(|(key, &listener)| ((key.address, u16::from_be_bytes(key.port)), listener))
            .collect();
        let mut prefixes = Vec::new();
        let mut ports = sorted.into_iter().peekable();
        while let Some(((address, first), listener)) = ports.next() {
            let mut last = first;
            while let Some(next) = last.checked_add(1) {
                if ports.next_if_eq(&((address, next), listener)).is_none() {
                    break;
                }
                last = next;
            }
            let key = |(port, bits)| Key::new(EndpointKey::ADDRESS_BITS + bits, EndpointKey::new(address, port));
            prefixes.extend(range(first, last).into_iter().map(|prefix| (key(prefix), listener)));
        }
        prefixes
    }
}

impl Endpoints for Table {
    fn get(&self, endpoint: &EndpointKey) -> Option<u32> {
        self.endpoints.get(endpoint).copied()
    }
}

fn keys(endpoint: Endpoint) -> impl Iterator<Item = EndpointKey> {
    endpoint
        .keys()
        .map(|(address, port)| EndpointKey::new(address.into(), port))
}

/// The fewest prefixes that hold these ports and no others, each with its length.
fn range(first: u16, last: u16) -> Vec<(u16, u32)> {
    let (mut first, end) = (u32::from(first), u32::from(last) + 1);
    let mut prefixes = Vec::new();
    while first < end {
        // As large as its start permits, and as what is left.
        let size = (1 << (first | 1 << 16).trailing_zeros()).min(1 << (end - first).ilog2());
        prefixes.push((first as u16, 16 - u32::ilog2(size)));
        first += size;
    }
    prefixes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn endpoint(address: &str, port: u16) -> Endpoint {
        let address = (address != "*").then(|| address.parse().expect("an address"));
        Endpoint { address, port }
    }

    #[test]
    fn a_range_takes_few_prefixes() {
        for (first, last, count) in [
            (80, 80, 1),
            (1000, 2000, 8),
            (0, 65535, 1),
            (1, 65535, 16),
            (1, 65534, 30),
        ] {
            assert_eq!(range(first, last).len(), count, "{first}-{last}");
        }
    }

    #[test]
    fn sockets_of_their_own_are_left_alone() {
        let mut table = Table::default();
        for port in 1000..=1010 {
            table.steer(endpoint("0.0.0.0", port), 3);
        }
        table.leave(endpoint("127.0.0.1", 1005));
        table.leave(endpoint("0.0.0.0", 1006));
        for (to, destination) in [
            ("127.0.0.2:1005", Destination::Listener(3)),
            ("127.0.0.1:1005", Destination::Ordinary),
            ("127.0.0.1:1006", Destination::Listener(3)),
            ("127.0.0.1:1011", Destination::Unknown),
            ("[::1]:1005", Destination::Unknown),
            ("[::ffff:127.0.0.2]:1005", Destination::Listener(3)),
        ] {
            assert_eq!(table.find(to.parse().expect("an address")), destination, "{to}");
        }
    }

    proptest! {
        /// The prefixes, asked as the kernel asks them, answer as the table does.
        #[test]
        fn prefixes_say_the_same(
            steered in proptest::collection::vec((0..4usize, any::<u16>(), 0..300u16, 0..3u32), 0..8),
            asked in proptest::collection::vec((0..4usize, 0..8usize, 0..300u16), 1..50),
        ) {
            const ADDRESSES: [&str; 4] = ["*", "0.0.0.0", "10.0.0.1", "::"];
            let mut table = Table::default();
            for &(address, first, more, listener) in &steered {
                for port in first..=first.saturating_add(more) {
                    table.steer(endpoint(ADDRESSES[address], port), listener);
                }
            }
            let prefixes = table.prefixes();
            for (address, start, offset) in asked {
                let start = steered.get(start).map_or(0, |&(_, first, _, _)| first);
                let port = start.wrapping_add(offset).wrapping_sub(10);
                for wanted in keys(endpoint(ADDRESSES[address], port)) {
                    let found = prefixes.iter().filter(|(prefix, _)| holds(prefix, &wanted));
                    let found: Vec<u32> = found.map(|&(_, listener)| listener).collect();
                    prop_assert!(found.len() <= 1, "{:?}", found);
                    prop_assert_eq!(found.first().copied(), table.get(&wanted));
                }
            }
        }
    }

    fn holds(prefix: &Key<EndpointKey>, key: &EndpointKey) -> bool {
        let data = prefix.data();
        let cut = 16 - (prefix.prefix_len() - EndpointKey::ADDRESS_BITS);
        let port = |key: &EndpointKey| u32::from(u16::from_be_bytes(key.port)) >> cut;
        data.address == key.address && port(&data) == port(key)
    }
}
