//! Addresses and networks: their text, and tables that find the network an address is in.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address or a network (manual 7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Address and mask. The mask need not be a prefix.
    V4(u32, u32),
    /// Address and prefix length.
    V6(u128, u8),
}

impl Network {
    /// Reads `a.b.c.d`, its shortened forms, and IPv6, each with an optional `/mask`. IPv4 masks may be dotted.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, mask) = match text.split_once('/') {
            Some((address, mask)) => (address, Some(mask)),
            None => (text, None),
        };
        if let Some(address) = parse_ipv4(address) {
            let mask = mask.map_or(Some(u32::MAX), parse_mask4)?;
            return Some(Network::V4(u32::from(address) & mask, mask));
        }
        let address: Ipv6Addr = address.parse().ok()?;
        let length = match mask {
            Some(mask) => mask.parse().ok().filter(|length| *length <= 128)?,
            None => 128,
        };
        Some(Network::V6(u128::from(address) & mask6(length), length))
    }

    /// Address and prefix length, unless the mask is none.
    pub fn prefix(self) -> Option<(IpAddr, u8)> {
        match self {
            Network::V4(address, mask) => {
                let length = mask.leading_ones();
                (length == mask.count_ones()).then(|| (Ipv4Addr::from(address).into(), length as u8))
            }
            Network::V6(address, length) => Some((Ipv6Addr::from(address).into(), length)),
        }
    }
}

/// Reads an IPv4 mask: a number of bits, or dotted.
pub fn parse_mask4(text: &str) -> Option<u32> {
    if text.contains('.') {
        return text.parse::<Ipv4Addr>().ok().map(u32::from);
    }
    let bits: u32 = text.parse().ok().filter(|bits| *bits <= 32)?;
    Some(mask4(bits))
}

/// The mask of so many bits.
pub fn mask4(bits: u32) -> u32 {
    u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0)
}

/// The mask of so many bits.
pub fn mask6(bits: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0)
}

/// `a.b.c.d`, or fewer numbers of which the last fills what is left: `127.1` is `127.0.0.1`.
fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut parts = text.split('.');
    let last: u32 = decimal(parts.next_back()?)?;
    let mut address = 0;
    let mut shift = 32;
    for part in parts {
        shift -= 8;
        if shift == 0 {
            return None;
        }
        address |= decimal(part).filter(|part| *part < 256)? << shift;
    }
    let fits = shift == 32 || last < 1 << shift;
    fits.then(|| Ipv4Addr::from(address | last))
}

fn decimal(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// Networks by address family, found by their longest prefix. Each network carries the position of its entry.
#[derive(Clone, Debug, Default)]
pub struct Networks {
    v4: Prefixes<u32>,
    v6: Prefixes<u128>,
    /// IPv4 networks whose mask is no prefix.
    scattered: Vec<(u32, u32, usize)>,
}

impl Networks {
    /// Adds a network.
    pub fn add(&mut self, network: Network, entry: usize) {
        match network {
            Network::V4(address, mask) if network.prefix().is_none() => self.scattered.push((address, mask, entry)),
            Network::V4(address, mask) => self.v4.add(mask.count_ones() as u8, mask, address, entry),
            Network::V6(address, length) => self.v6.add(length, mask6(length), address, entry),
        }
    }

    /// The entry whose network holds `ip`. IPv4 and IPv6 meet as manual 7.1.6 says.
    pub fn find(&self, ip: IpAddr) -> Option<usize> {
        match ip {
            IpAddr::V4(ip) => self.find_v4(ip).or_else(|| self.v6.find(ip.to_ipv6_mapped().into())),
            IpAddr::V6(ip) => self
                .v6
                .find(ip.into())
                .or_else(|| embedded_ipv4(ip).and_then(|ip| self.find_v4(ip))),
        }
    }

    fn find_v4(&self, ip: Ipv4Addr) -> Option<usize> {
        let ip = u32::from(ip);
        self.v4.find(ip).or_else(|| {
            self.scattered
                .iter()
                .find(|(address, mask, _)| ip & mask == *address)
                .map(|(.., entry)| *entry)
        })
    }
}

/// The IPv4 address that an IPv6 address stands for: `::ffff:a.b.c.d`, `::a.b.c.d` or `2002:a.b.c.d::` (manual 7.1.6).
fn embedded_ipv4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = u128::from(ip);
    match ip.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] => Some(Ipv4Addr::from(bits as u32)),
        [0x2002, ..] => Some(Ipv4Addr::from((bits >> 80) as u32)),
        _ => None,
    }
}

/// One hash table for each prefix length in use, longest first.
#[derive(Clone, Debug)]
struct Prefixes<A> {
    lengths: Vec<(u8, A, HashMap<A, usize>)>,
}

impl<A> Default for Prefixes<A> {
    fn default() -> Prefixes<A> {
        Prefixes { lengths: Vec::new() }
    }
}

impl<A: Copy + Eq + Hash + std::ops::BitAnd<Output = A>> Prefixes<A> {
    fn add(&mut self, length: u8, mask: A, address: A, entry: usize) {
        let at = self.lengths.partition_point(|(other, ..)| *other > length);
        if self.lengths.get(at).is_none_or(|(other, ..)| *other != length) {
            self.lengths.insert(at, (length, mask, HashMap::new()));
        }
        if let Some((.., table)) = self.lengths.get_mut(at) {
            table.entry(address).or_insert(entry);
        }
    }

    fn find(&self, address: A) -> Option<usize> {
        self.lengths
            .iter()
            .find_map(|(_, mask, table)| table.get(&(address & *mask)).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_in_all_their_forms() {
        let cases = [
            ("192.168.0.1", Some("192.168.0.1/32")),
            ("192.168.1", Some("192.168.0.1/32")),
            ("10.12", Some("10.0.0.12/32")),
            ("127.1/8", Some("127.0.0.0/8")),
            ("10/8", Some("0.0.0.0/8")),
            ("192.168.42/24", Some("192.168.0.0/24")),
            ("1.2.3.4/255.255.0.0", Some("1.2.0.0/16")),
            ("1.2.3.4/0", Some("0.0.0.0/0")),
            ("::1/64", Some("::/64")),
            ("2001:db8::1", Some("2001:db8::1/128")),
            ("1.2.3.4/33", None),
            ("1.2.3.4/", None),
            ("::1/129", None),
            ("1.2.3.999", None),
            ("1.2.3.4.5", None),
            ("1..2", None),
            ("", None),
            ("localhost", None),
        ];
        for (text, expected) in cases {
            let shown = Network::parse(text)
                .and_then(Network::prefix)
                .map(|(address, length)| format!("{address}/{length}"));
            assert_eq!(shown.as_deref(), expected, "{text}");
        }
        assert_eq!(Network::parse("1.2.3.4/255.0.255.0").unwrap().prefix(), None);
    }

    #[test]
    fn the_longest_prefix_wins_and_families_meet() {
        let mut networks = Networks::default();
        let texts = [
            "10.0.0.0/8",
            "10.1.0.0/16",
            "0.0.3.0/0.0.255.0",
            "2001:db8::/32",
            "::ffff:9.0.0.0/104",
        ];
        for (entry, text) in texts.iter().enumerate() {
            networks.add(Network::parse(text).unwrap(), entry);
        }
        for (ip, expected) in [
            ("10.2.0.1", Some(0)),
            ("10.1.0.1", Some(1)),
            ("8.8.3.8", Some(2)),
            ("8.8.8.8", None),
            ("2001:db8::7", Some(3)),
            ("9.1.2.3", Some(4)),
            ("::ffff:10.1.2.3", Some(1)),
            ("2002:a01:203::1", Some(1)),
            ("::10.1.2.3", Some(1)),
            ("::1", None),
        ] {
            assert_eq!(networks.find(ip.parse().unwrap()), expected, "{ip}");
        }
    }
}
