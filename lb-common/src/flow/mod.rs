//! Flows that the kernel carries: what its tables hold, and how a segment is rewritten on its way.
//!
//! A flow is two *ways*: from the client to the balancer and on to the server, and back. Each is an entry of one table, found by
//! the [`Tuple`] that its segments arrive with, and says what they leave with. A flow that was forwarded from its first SYN changes
//! addresses and ports alone; one that userspace began and handed over also needs a [`Translation`], because its two connections
//! count their bytes, time and windows from different origins.
mod choose;
mod forward;
pub mod handover;
#[cfg(test)]
mod packets;
mod segment;
mod service;
mod sum;
mod translate;

pub use choose::SCANNED;
pub use forward::{Fate, HALF_OPEN, NotAdded, Tables, run};
pub use segment::{Memory, Packet, Segment, change_word, words};
pub use service::{Choice, Event, Kind, Load, Reason, Server, Service, ServiceKey, Slot, index_bits};
pub use sum::Change;
pub use translate::{Refused, rewrite};

use crate::packet::Address;

/// Changes with any map's key, value or meaning: part of the pin directory's name.
pub const LAYOUT: u32 = 1;

/// Where a segment comes from and where it goes: the key of the ways.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tuple {
    pub source: Address,
    pub destination: Address,
    pub ports: Ports,
}

/// Source and destination port in network byte order: the first word of a TCP header.
#[repr(C, align(4))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ports {
    pub source: [u8; 2],
    pub destination: [u8; 2],
}

impl Ports {
    /// From ports in the processor's byte order.
    #[inline(always)]
    pub const fn new(source: u16, destination: u16) -> Self {
        Self {
            source: source.to_be_bytes(),
            destination: destination.to_be_bytes(),
        }
    }

    /// As one word, the way it lies in memory.
    #[inline(always)]
    pub const fn word(self) -> u32 {
        let ([a, b], [c, d]) = (self.source, self.destination);
        u32::from_ne_bytes([a, b, c, d])
    }

    /// From one word, the way it lies in memory.
    #[inline(always)]
    pub const fn from_word(word: u32) -> Self {
        let [a, b, c, d] = word.to_ne_bytes();
        Self {
            source: [a, b],
            destination: [c, d],
        }
    }
}

impl Tuple {
    /// The tuple of the answers.
    #[inline(always)]
    pub const fn reversed(&self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            ports: Ports {
                source: self.ports.destination,
                destination: self.ports.source,
            },
        }
    }

    /// The source's port in the processor's byte order.
    pub const fn source_port(&self) -> u16 {
        u16::from_be_bytes(self.ports.source)
    }

    /// The destination's port in the processor's byte order.
    pub const fn destination_port(&self) -> u16 {
        u16::from_be_bytes(self.ports.destination)
    }
}

/// One way of a flow: the value of the ways' table. The tuple that the other way is found by is `to` reversed.
///
/// Small on purpose: with its key and the kernel's own fields it fills one of the kernel's 192-byte cells.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// What segments leave with.
    pub to: Tuple,
    pub translation: Translation,
    /// The index of the interface that segments leave by, with [`PEER`] where that is one end of a pair that leads into a container.
    pub interface: u32,
    /// The sequence number, as the sender counts, of the first byte that `sent` counts.
    pub first: u32,
    /// The number of the service that took the connection.
    pub service: u16,
    /// The number of the server that serves it.
    pub server: u16,
    pub state: State,
    /// A set of [`flag`]s.
    pub flags: u8,
    /// Milliseconds from the client's first SYN to the server's answer; [`u16::MAX`] for that and more.
    pub connect: u16,
    /// When the connection began, in nanoseconds of the kernel's monotonic clock.
    pub started: u64,
    /// When the last segment came this way, on the same clock.
    pub seen: u64,
    /// Bytes of payload from `first` to the furthest byte seen, so that none that is sent again counts twice.
    pub sent: u64,
}

/// The bit of [`Way::interface`] that marks an interface whose peer is in another network namespace.
pub const PEER: u32 = 1 << 31;

/// Bits of [`Way::flags`].
pub mod flag {
    /// The way from the client; the other one comes from the server.
    pub const CLIENT: u8 = 1;
    /// A FIN came this way.
    pub const FINISHED: u8 = 2;
    /// Userspace was told that the flow began.
    pub const TOLD: u8 = 4;
    /// Of a watched way: a segment was noted.
    pub const BEGUN: u8 = 8;
    /// Of a watched way: one with a timestamp, which [`Translation::timestamp`](super::Translation::timestamp) holds.
    pub const STAMPED: u8 = 16;
    /// Of a watched way: one with options that cannot be translated.
    pub const UNFIT: u8 = 32;
    /// On the client's way: userspace was told that the flow ended.
    pub const ENDED: u8 = 64;
}

/// How far a flow is. Both ways agree on it.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The client's SYN went on to the server; its handshake is not complete.
    Opening = 0,
    Established = 1,
    /// Both ends sent their FIN, or one a RST. What still comes is carried for a while.
    Closed = 2,
    /// The host's own stack has the connection: segments pass to it as they are.
    Userspace = 3,
    /// Userspace is handing the connection over: segments are dropped, and sent again after.
    Held = 4,
}

/// What changes in a segment beside its addresses and ports. Every field is added to the segment's own, modulo 2³².
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Translation {
    pub sequence: u32,
    /// For the acknowledgment number and the edges of selective acknowledgments (RFC 2018).
    pub acknowledgment: u32,
    /// For the timestamp's value (RFC 7323).
    pub timestamp: u32,
    /// For the timestamp's echo.
    pub echo: u32,
    /// How many bits the sender shifts its window by.
    pub window_from: u8,
    /// How many bits the receiver believes that it does.
    pub window_to: u8,
    /// Whether anything is to be translated at all.
    pub active: bool,
    pub unused: u8,
}

impl Translation {
    /// Changes nothing.
    pub const NONE: Self = Self {
        sequence: 0,
        acknowledgment: 0,
        timestamp: 0,
        echo: 0,
        window_from: 0,
        window_to: 0,
        active: false,
        unused: 0,
    };
}

impl Way {
    /// The tuple that finds the other way.
    #[inline(always)]
    pub const fn other(&self) -> Tuple {
        self.to.reversed()
    }

    /// Takes note of payload that ends before `end`, in the sender's sequence numbers.
    #[inline(always)]
    pub fn advance(&mut self, end: u32) {
        // After a FIN only its own number follows.
        if self.flags & flag::FINISHED != 0 {
            return;
        }
        let further = end.wrapping_sub(self.first.wrapping_add(self.sent as u32)) as i32;
        if further > 0 {
            self.sent += further as u64;
        }
    }

    /// The sequence number, as the sender counts, that follows the furthest byte seen.
    #[inline(always)]
    pub const fn next(&self) -> u32 {
        self.first
            .wrapping_add(self.sent as u32)
            .wrapping_add((self.flags & flag::FINISHED != 0) as u32)
    }
}

#[cfg(feature = "user")]
mod plain {
    //! SAFETY, for each of these: `repr(C)`, no padding, and only values of the type are written.
    use super::*;

    // SAFETY: see above.
    unsafe impl aya::Pod for Tuple {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Way {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_fills_its_cell() {
        // The kernel's element: 48 bytes of its own, the key rounded up to 8, the value; 8 more for the allocator.
        assert_eq!(size_of::<Tuple>(), 36);
        assert_eq!(size_of::<Way>(), 96);
        assert!(48 + 40 + size_of::<Way>() + 8 <= 192);
    }

    #[test]
    fn reversing_twice_changes_nothing() {
        let tuple = Tuple {
            source: Address::v4([192, 0, 2, 1]),
            destination: Address::v4([198, 51, 100, 1]),
            ports: Ports::new(40_000, 80),
        };
        assert_eq!(tuple.reversed().source_port(), 80);
        assert_eq!(tuple.reversed().reversed(), tuple);
        assert_eq!(Ports::from_word(tuple.ports.word()), tuple.ports);
    }

    #[test]
    fn bytes_count_once() {
        let mut way = Way {
            first: u32::MAX - 9,
            ..testing::way()
        };
        // (end of a segment relative to the first byte, bytes counted after it)
        for (end, sent) in [(100, 100), (50, 100), (100, 100), (1100, 1100), (0, 1100), (1101, 1101)] {
            way.advance(way.first.wrapping_add(end));
            assert_eq!(way.sent, sent);
        }
        way.sent = 1 << 33;
        way.advance(way.first.wrapping_add(7));
        assert_eq!(way.sent, (1 << 33) + 7);
        assert_eq!(way.next(), way.first.wrapping_add(7));
        way.flags |= flag::FINISHED;
        assert_eq!(way.next(), way.first.wrapping_add(8));
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A way of an established flow, which translates nothing.
    pub fn way() -> Way {
        Way {
            to: Tuple {
                source: Address::v4([10, 0, 0, 1]),
                destination: Address::v4([10, 0, 0, 2]),
                ports: Ports::new(50_000, 8080),
            },
            translation: Translation::NONE,
            interface: 1,
            first: 0,
            service: 0,
            server: 0,
            state: State::Established,
            flags: flag::CLIENT,
            connect: 0,
            started: 0,
            seen: 0,
            sent: 0,
        }
    }
}
