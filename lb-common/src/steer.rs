//! Steering: which listener takes a connection to one of its many addresses, and which of the listener's workers.
//!
//! [`listener`] and [`worker`] are the whole of the kernel programs but for their maps and sockets, and userspace runs them alike.
use crate::packet::{Address, Version};

/// Changes with any map's key, value or meaning: part of the pin directory's name.
pub const LAYOUT: u32 = 1;

/// The key of the endpoints: a local address, or one of [`Version::any`], and a port.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointKey {
    pub address: Address,
    /// In network byte order, so that a prefix of it is a range of ports.
    pub port: [u8; 2],
    /// Always zero.
    pub unused: [u8; 2],
}

impl EndpointKey {
    /// How many bits of a key lie before the port.
    pub const ADDRESS_BITS: u32 = 128;
    /// All bits that mean something: what a lookup asks for.
    pub const BITS: u32 = Self::ADDRESS_BITS + 16;

    /// The key of an address and port.
    #[inline(always)]
    pub const fn new(address: Address, port: u16) -> Self {
        Self {
            address,
            port: port.to_be_bytes(),
            unused: [0; 2],
        }
    }
}

/// The value of an endpoint whose connections belong to an ordinary socket: nothing is steered there.
pub const ORDINARY: u32 = u32::MAX;

/// Where connections to an endpoint go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To the listener of that number.
    Listener(u32),
    /// To the ordinary socket that is bound there.
    Ordinary,
    /// Nobody here knows the endpoint.
    Unknown,
}

/// The endpoints: in the kernel a BPF map, in userspace its twin.
pub trait Endpoints {
    /// The value of exactly this address and port.
    fn get(&self, endpoint: &EndpointKey) -> Option<u32>;
}

/// Where a connection goes: as in the host's stack, the very address before any.
#[inline(always)]
pub fn listener(endpoints: &impl Endpoints, version: Version, address: Address, port: u16) -> Destination {
    let value = endpoints
        .get(&EndpointKey::new(address, port))
        .or_else(|| endpoints.get(&EndpointKey::new(version.any(), port)));
    match value {
        Some(ORDINARY) => Destination::Ordinary,
        Some(listener) => Destination::Listener(listener),
        None => Destination::Unknown,
    }
}

/// The sockets of a listener, one for each worker, as their common map has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The position of the first worker's socket; the others follow it.
    pub first: u32,
    /// How many they are.
    pub workers: u32,
}

/// The worker that takes the connections of a source: below `workers`, which is at least one.
#[inline(always)]
pub fn worker(source: &Address, workers: u32) -> u32 {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = source.bytes;
    let words = [
        u64::from_ne_bytes([a, b, c, d, e, f, g, h]),
        u64::from_ne_bytes([i, j, k, l, m, n, o, p]),
    ];
    let mixed = mix(words[0] ^ mix(words[1] ^ 0x9e37_79b9_7f4a_7c15));
    // The upper half times the number is spread over it evenly (Lemire's reduction).
    (((mixed >> 32) * workers as u64) >> 32) as u32
}

/// The finalizer of SplitMix64: each bit of the word over all of them.
#[inline(always)]
fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(feature = "user")]
mod plain {
    //! SAFETY, for each of these: `repr(C)`, no padding, and any bytes are a value.
    use super::*;

    // SAFETY: see above.
    unsafe impl aya::Pod for EndpointKey {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Group {}
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    impl Endpoints for BTreeMap<EndpointKey, u32> {
        fn get(&self, endpoint: &EndpointKey) -> Option<u32> {
            BTreeMap::get(self, endpoint).copied()
        }
    }

    fn address(text: &str) -> Address {
        text.parse::<IpAddr>().expect("an address").into()
    }

    #[test]
    fn the_very_address_comes_before_any() {
        let endpoints = BTreeMap::from([
            (EndpointKey::new(address("10.0.0.1"), 80), 1),
            (EndpointKey::new(address("0.0.0.0"), 80), 2),
            (EndpointKey::new(address("::"), 80), 3),
            (EndpointKey::new(address("10.0.0.2"), 80), ORDINARY),
        ]);
        for (to, port, destination) in [
            ("10.0.0.1", 80, Destination::Listener(1)),
            ("10.0.0.9", 80, Destination::Listener(2)),
            ("10.0.0.2", 80, Destination::Ordinary),
            ("2001:db8::1", 80, Destination::Listener(3)),
            ("10.0.0.1", 81, Destination::Unknown),
        ] {
            let version = if to.contains(':') { Version::V6 } else { Version::V4 };
            assert_eq!(
                listener(&endpoints, version, address(to), port),
                destination,
                "{to}:{port}"
            );
        }
    }

    #[test]
    fn sources_spread_over_the_workers() {
        for workers in [1, 2, 3, 7, 64] {
            let mut counts = std::vec![0_u32; workers as usize];
            for host in 0..workers * 1000 {
                let source = Address::from(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + host)));
                counts[worker(&source, workers) as usize] += 1;
            }
            assert!(
                counts.iter().all(|count| (850..1150).contains(count)),
                "{workers}: {counts:?}"
            );
        }
    }
}
