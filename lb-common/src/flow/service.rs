//! Services: where connections are taken from their first SYN, and the servers they go to.
use super::Tuple;
use crate::packet::Address;

/// The key of the services: an address and a port that the balancer listens on.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey {
    pub address: Address,
    /// In network byte order.
    pub port: [u8; 2],
    pub unused: [u8; 2],
}

impl ServiceKey {
    /// The key for an address and a port in network byte order.
    #[inline(always)]
    pub const fn new(address: Address, port: [u8; 2]) -> Self {
        Self {
            address,
            port,
            unused: [0; 2],
        }
    }
}

/// How connections to one address and port are taken. Userspace replaces the whole of it.
///
/// Services, backends and servers are numbered together, from 1: a number finds a [`Load`], and a server. All listeners of a frontend
/// have one service's number.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// How long a server may take to answer before userspace tries in its own way, in nanoseconds.
    pub patience: u64,
    pub number: u32,
    /// The first of its slots.
    pub slots: u32,
    /// How many slots the choice is made from.
    pub length: u32,
    /// For [`Choice::Turns`], where the turns begin that repeat.
    pub cycle: u32,
    /// How many connections it may have; 0 for any number.
    pub limit: u32,
    /// How many connections of all services may be half open before userspace takes the next ones.
    pub half_open: u32,
    /// The number whose turns it takes: its backend's, which other services may share.
    pub turns: u32,
    pub choice: Choice,
    /// For choices by place: how many leading bits of a hash lead into the index that lies before the slots.
    pub bits: u8,
    /// For [`Choice::Random`], how many servers are drawn.
    pub draws: u8,
    /// Whether hashes are mixed once more (`hash-type … avalanche`).
    pub avalanche: bool,
}

/// How a server is chosen (`balance`).
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The slots in turn: `roundrobin` and `static-rr`.
    Turns = 0,
    /// The slot of the source's hash: `source` with `hash-type map-based`.
    Map = 1,
    /// The slot whose place is nearest to the source's hash: `source` with `hash-type consistent`.
    Nearest = 2,
    /// The least loaded of some drawn by chance: `random`.
    Random = 3,
    /// The least loaded for its weight: `leastconn`.
    Least = 4,
    /// The first that is not full: `first`.
    First = 5,
}

/// A place on a service's ring.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// Where it stands on the circle of hashes.
    pub place: u32,
    /// The server's number; in an index, the first slot whose place is not before the bucket's.
    pub server: u32,
    /// The server's weight.
    pub weight: u32,
}

/// How many bits the index of so many places has: at least as many buckets as places, so that a search is short.
pub const fn index_bits(places: usize) -> u8 {
    let bits = usize::BITS - places.leading_zeros();
    if bits > 16 { 16 } else { bits as u8 }
}

/// A server as the kernel connects to it. Userspace replaces the whole of it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    pub address: Address,
    /// The address that connections to it come from.
    pub source: Address,
    /// The index of the interface that leads to it, with [`super::PEER`] where that is one end of a pair.
    pub interface: u32,
    /// How many connections it may have; 0 for any number.
    pub limit: u32,
    /// In network byte order.
    pub port: [u8; 2],
    /// The ports that connections to it come from: the lowest, and how many.
    pub first_port: u16,
    pub ports: u16,
    /// The most that either end may send in one segment: what all interfaces can carry.
    pub segment: u16,
}

/// What one service or server has carried, and a backend chosen. The kernel writes it alone.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Connections that began and that ended.
    pub opened: u64,
    pub ended: u64,
    /// Of a backend, how often a server was chosen; of a server, which of these choices was the last.
    pub chosen: u64,
}

/// What userspace is told.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// From the client to the balancer.
    pub client: Tuple,
    /// From the balancer to the server.
    pub server: Tuple,
    pub kind: Kind,
    pub unused: u8,
    pub service_number: u16,
    pub server_number: u16,
    /// As [`super::Way::connect`].
    pub connect: u16,
    /// Bytes from the client, and from the server.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// When the connection began, and when this happened, in nanoseconds of the kernel's monotonic clock.
    pub started: u64,
    pub now: u64,
}

/// What happened to a flow.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its handshake is complete.
    Began = 0,
    /// Both ends have closed it.
    Closed = 1,
    /// The client has reset it.
    ClientReset = 2,
    /// The server has reset it.
    ServerReset = 3,
    /// The server refused the connection, or did not answer in time: userspace gets the client's next attempt.
    Unanswered = 4,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident $name:literal)*) => {
        /// What became of a packet, beside those that are none of our business.
        #[repr(u32)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $($(#[$doc])* $reason,)*
        }

        impl Reason {
            /// The names, in the order of the numbers.
            pub const NAMES: &[&str] = &[$($name),*];
        }
    };
}

reasons! {
    /// Carried.
    Carried "carried"
    /// Passed to userspace: too many connections are half open.
    Flood "half_open"
    /// Passed to userspace: the frontend has as many connections as it may have.
    FrontendFull "frontend_full"
    /// Passed to userspace: no server is there for it, or the search was too long.
    NoServer "no_server"
    /// Passed to userspace: the server has as many connections as it may have.
    ServerFull "server_full"
    /// Passed to userspace: client and server speak different versions of IP.
    Version "other_version"
    /// Passed to userspace: no port was free, of the few that are tried.
    NoPort "no_port"
    /// Passed to userspace: the table of flows is full.
    NoRoom "no_room"
    /// Passed to userspace: its server did not answer.
    Unanswered "unanswered"
    /// Dropped: its hops are used up.
    Expired "expired"
    /// Dropped: its options cannot be translated.
    Options "options"
    /// Dropped: its connection is being handed over.
    Held "held"
    /// An error of the network was translated for one end of a flow.
    Translated "icmp"
}

#[cfg(feature = "user")]
mod plain {
    //! SAFETY, for each of these: `repr(C)`, no padding, and only values of the type are written.
    use super::*;

    // SAFETY: see above.
    unsafe impl aya::Pod for ServiceKey {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Service {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Slot {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Server {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Load {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Event {}
}
