//! TCP segments in frames, read word by word.
use super::{Change, Ports, Tuple};
use crate::packet::{Address, Other, Version};

/// The bytes of an Ethernet frame without VLAN tags, read and written in words as they lie in memory.
///
/// Every access is checked: in the kernel the check is what lets the verifier admit the access.
pub trait Packet {
    /// The frame's length in bytes, which may be more than can be read.
    fn length(&self) -> usize;
    /// `N` words from `offset` on, or `None` where the packet ends before.
    fn words<const N: usize>(&self, offset: usize) -> Option<[u32; N]>;
    /// Overwrites `N` words from `offset` on, or changes nothing and answers `None` where the packet ends before.
    fn set_words<const N: usize>(&mut self, offset: usize, words: [u32; N]) -> Option<()>;
    /// Changes the TCP checksum at `offset` by what changed in the addresses, which the pseudo-header repeats, and by what changed
    /// in the segment. A checksum that the hardware is still to compute covers the former alone.
    fn change_checksum(&mut self, offset: usize, addresses: Change, segment: Change) -> Option<()>;
    /// Whether a segment with this tuple can leave by that interface. Asked before anything is changed.
    fn can_leave(&mut self, _segment: &Segment, _to: &Tuple, _interface: u32) -> bool {
        true
    }
    /// Takes note that bytes changed for which no checksum in the packet makes up (IPv6's hop limit).
    fn uncovered(&mut self, _change: Change) {}
}

/// A frame in memory.
#[derive(Debug)]
pub struct Memory<'a>(pub &'a mut [u8]);

impl Packet for Memory<'_> {
    fn length(&self) -> usize {
        self.0.len()
    }

    fn words<const N: usize>(&self, offset: usize) -> Option<[u32; N]> {
        let bytes = self.0.get(offset..)?.get(..N * 4)?;
        let mut words = [0; N];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        Some(words)
    }

    fn set_words<const N: usize>(&mut self, offset: usize, words: [u32; N]) -> Option<()> {
        let bytes = self.0.get_mut(offset..)?.get_mut(..N * 4)?;
        for (bytes, word) in bytes.chunks_exact_mut(4).zip(words) {
            bytes.copy_from_slice(&word.to_ne_bytes());
        }
        Some(())
    }

    fn change_checksum(&mut self, offset: usize, addresses: Change, segment: Change) -> Option<()> {
        change_word(self, offset, addresses.and(segment))
    }
}

/// Changes the checksum in the first half of the word at `offset`: what [`Packet::change_checksum`] is where none is computed late.
#[inline(always)]
pub fn change_word(packet: &mut (impl Packet + ?Sized), offset: usize, change: Change) -> Option<()> {
    let [word] = packet.words(offset)?;
    let [a, b, c, d] = word.to_ne_bytes();
    let [a, b] = change.apply(u16::from_ne_bytes([a, b])).to_ne_bytes();
    packet.set_words(offset, [u32::from_ne_bytes([a, b, c, d])])
}

/// Where the IP header starts.
pub(super) const NETWORK: usize = 14;
pub(super) const IPV4: usize = 20;
pub(super) const IPV6: usize = 40;
const TCP: usize = 20;
const PROTOCOL_TCP: u8 = 6;

/// A TCP segment that forwarding can read: its IP header has no options and it is no fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub tuple: Tuple,
    pub version: Version,
    /// The TCP header's length in bytes: 20 to 60.
    pub header: u32,
    pub flags: u8,
    pub sequence: u32,
    /// Means nothing without ACK.
    pub acknowledgment: u32,
    /// Bytes of data.
    pub payload: u32,
}

impl Segment {
    /// The flags that matter here (RFC 9293 section 3.1).
    pub const FIN: u8 = 0x01;
    /// See [`Self::FIN`].
    pub const SYN: u8 = 0x02;
    /// See [`Self::FIN`].
    pub const RST: u8 = 0x04;
    /// See [`Self::FIN`].
    pub const ACK: u8 = 0x10;

    /// Reads the segment in a packet, or says what else it is.
    pub fn read(packet: &impl Packet) -> Result<Self, Other> {
        let mut segment = Self::NONE;
        segment.fill(packet).map(|()| segment)
    }

    /// No segment yet.
    pub(super) const NONE: Self = Self {
        tuple: Tuple {
            source: Address { bytes: [0; 16] },
            destination: Address { bytes: [0; 16] },
            ports: Ports::new(0, 0),
        },
        version: Version::V4,
        header: 0,
        flags: 0,
        sequence: 0,
        acknowledgment: 0,
        payload: 0,
    };

    /// Reads the segment in a packet into this one. A function of its own, so that the kernel program has a stack for it.
    #[inline(never)]
    pub(super) fn fill(&mut self, packet: &impl Packet) -> Result<(), Other> {
        let [kind] = packet.words(NETWORK - 4).ok_or(Other::Malformed)?;
        // The last two bytes of the source address, then the type.
        let length = match u32::from_be(kind) & 0xffff {
            0x0800 => self.fill_ipv4(packet)?,
            0x86dd => self.fill_ipv6(packet)?,
            _ => return Err(Other::NotIp),
        };
        let start = transport(self.version);
        let tcp: [u32; TCP / 4] = packet.words(start).ok_or(Other::Malformed)?;
        let control = u32::from_be(tcp[3]);
        let header = (control >> 28) * 4;
        if header < TCP as u32 || header > length || length as usize > packet.length() - start {
            return Err(Other::Malformed);
        }
        self.tuple.ports = Ports::from_word(tcp[0]);
        self.header = header;
        self.flags = (control >> 16) as u8;
        self.sequence = u32::from_be(tcp[1]);
        self.acknowledgment = u32::from_be(tcp[2]);
        self.payload = length - header;
        Ok(())
    }

    /// Reads the IPv4 header, and answers with the length of what follows.
    #[inline(always)]
    fn fill_ipv4(&mut self, packet: &impl Packet) -> Result<u32, Other> {
        let header: [u32; IPV4 / 4] = packet.words(NETWORK).ok_or(Other::Malformed)?;
        let first = u32::from_be(header[0]);
        match first >> 24 {
            0x45 => {}
            0x46..=0x4f => return Err(Other::Options),
            _ => return Err(Other::Malformed),
        }
        // More Fragments, or an offset.
        if u32::from_be(header[1]) & 0x3fff != 0 {
            return Err(Other::Fragment);
        }
        if (u32::from_be(header[2]) >> 16) as u8 != PROTOCOL_TCP {
            return Err(Other::NotTcp);
        }
        self.version = Version::V4;
        self.tuple.source = Address::v4(header[3].to_ne_bytes());
        self.tuple.destination = Address::v4(header[4].to_ne_bytes());
        let length = match first & 0xffff {
            // A packet beyond 64 KiB, as the kernel joins them.
            0 => (packet.length() - NETWORK) as u32,
            length => length,
        };
        Ok(length.saturating_sub(IPV4 as u32))
    }

    /// Reads the IPv6 header, and answers with the length of what follows.
    #[inline(always)]
    fn fill_ipv6(&mut self, packet: &impl Packet) -> Result<u32, Other> {
        let [first, second]: [u32; 2] = packet.words(NETWORK).ok_or(Other::Malformed)?;
        let addresses: [u32; 8] = packet.words(NETWORK + 8).ok_or(Other::Malformed)?;
        if u32::from_be(first) >> 28 != 6 {
            return Err(Other::Malformed);
        }
        let second = u32::from_be(second);
        match (second >> 8) as u8 {
            PROTOCOL_TCP => {}
            44 => return Err(Other::Fragment),
            0 | 43 | 60 => return Err(Other::Options),
            _ => return Err(Other::NotTcp),
        }
        let [a, b, c, d, e, f, g, h] = addresses;
        self.version = Version::V6;
        self.tuple.source = address([a, b, c, d]);
        self.tuple.destination = address([e, f, g, h]);
        Ok(match second >> 16 {
            0 => (packet.length() - NETWORK - IPV6) as u32,
            length => length,
        })
    }

    /// Whether it has one of these flags.
    #[inline(always)]
    pub const fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    /// The sequence number after the last byte of data.
    #[inline(always)]
    pub const fn end(&self) -> u32 {
        self.sequence.wrapping_add(self.payload)
    }
}

/// Where the TCP header starts.
#[inline(always)]
pub(super) const fn transport(version: Version) -> usize {
    match version {
        Version::V4 => NETWORK + IPV4,
        Version::V6 => NETWORK + IPV6,
    }
}

/// An IPv6 address from its words.
#[inline(always)]
pub(super) fn address(words: [u32; 4]) -> Address {
    let mut bytes = [0; 16];
    let mut at = 0;
    while at < 4 {
        let [a, b, c, d] = words[at].to_ne_bytes();
        bytes[at * 4] = a;
        bytes[at * 4 + 1] = b;
        bytes[at * 4 + 2] = c;
        bytes[at * 4 + 3] = d;
        at += 1;
    }
    Address { bytes }
}

/// The words of an address; the last one is all of an IPv4 address.
#[inline(always)]
pub fn words(address: &Address) -> [u32; 4] {
    let bytes = &address.bytes;
    let mut words = [0; 4];
    let mut at = 0;
    while at < 4 {
        words[at] = u32::from_ne_bytes([bytes[at * 4], bytes[at * 4 + 1], bytes[at * 4 + 2], bytes[at * 4 + 3]]);
        at += 1;
    }
    words
}
