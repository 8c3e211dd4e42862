//! Forwarding: what becomes of each packet that arrives.
//!
//! [`run`] is the whole of the kernel programs but for their tables and their packet, and userspace runs it alike.
use super::choose::choose;
use super::segment::transport;
use super::{
    Change, Event, Kind, Packet, Ports, Reason, Refused, Segment, Server, Service, ServiceKey, Slot, State,
    Translation, Tuple, Way, flag, rewrite,
};
use crate::packet::Version;

/// The number under which half-open connections count.
pub const HALF_OPEN: u32 = 0;

/// The tables: in the kernel BPF maps, in userspace their twin.
pub trait Tables {
    /// Nanoseconds of the kernel's monotonic clock.
    fn now(&self) -> u64;
    fn random(&self) -> u32;
    /// The interface that the packet came by, as [`Way::interface`] has it.
    fn ingress(&self) -> u32;
    /// Looks at a way, and may change it. Meanwhile the other way of its flow may be looked at, but not this one again.
    fn way<T>(&self, tuple: &Tuple, look: impl FnOnce(&mut Way) -> T) -> Option<T>;
    /// Whether a socket of this host has the connection already: one that userspace was left, whose SYN comes again.
    fn has_socket(&self, segment: &Segment) -> bool;
    /// Adds a way where there is none with that tuple yet.
    fn add(&self, tuple: &Tuple, way: &Way) -> Result<(), NotAdded>;
    fn remove(&self, tuple: &Tuple);
    fn service(&self, key: &ServiceKey) -> Option<&Service>;
    fn server(&self, number: u32) -> Option<&Server>;
    fn slot(&self, at: u32) -> Option<&Slot>;
    /// Connections that a service or server has now, in the kernel and in userspace.
    fn load(&self, number: u32) -> u32;
    /// Counts a connection that began.
    fn opened(&self, number: u32);
    /// Counts a connection that ended.
    fn ended(&self, number: u32);
    /// The number of a backend's next choice, from 0.
    fn next_turn(&self, backend: u32) -> u64;
    fn last_turn(&self, server: u32) -> u64;
    fn set_last_turn(&self, server: u32, turn: u64);
    /// Tells userspace, or answers that it cannot be told now.
    fn tell(&self, event: Event) -> bool;
    fn count(&self, reason: Reason);
    /// Whether a server has as many connections as it may have.
    fn is_full(&self, server: u32) -> bool {
        self.server(server)
            .is_none_or(|known| known.limit > 0 && self.load(server) >= known.limit)
    }
}

/// Why a way was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdded {
    /// There is one with that tuple.
    Exists,
    /// The table is full.
    Full,
}

/// What is to be done with the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// On to the host's stack, unchanged.
    Pass,
    /// Nowhere.
    Drop,
    /// Out of an interface, as [`Way::interface`] has it.
    Redirect(u32),
}

/// Decides over one packet and rewrites it where it goes on.
#[inline(always)]
pub fn run(packet: &mut impl Packet, tables: &impl Tables) -> Fate {
    let mut segment = Segment::NONE;
    if segment.fill(packet).is_err() {
        return Fate::Pass;
    }
    let segment = &segment;
    if is_opening(segment) && !is_known(tables, &segment.tuple) && !open(tables, segment) {
        return Fate::Pass;
    }
    let carried = tables.way(&segment.tuple, |way| carry(packet, tables, segment, way));
    carried.unwrap_or(Fate::Pass)
}

/// The first segment of a connection (RFC 9293 section 3.10.7.2).
#[inline(always)]
fn is_opening(segment: &Segment) -> bool {
    segment.flags & (Segment::SYN | Segment::ACK | Segment::RST | Segment::FIN) == Segment::SYN
}

/// Whether a SYN belongs to a flow. One that is over makes room for the next from the same port.
#[inline(always)]
fn is_known(tables: &impl Tables, tuple: &Tuple) -> bool {
    let over = tables.way(tuple, |way| {
        let over = way.state == State::Closed;
        if over {
            tables.remove(&way.other());
        }
        over
    });
    if over == Some(true) {
        tables.remove(tuple);
    }
    over == Some(false)
}

/// Carries a segment of a flow.
#[inline(always)]
fn carry(packet: &mut impl Packet, tables: &impl Tables, segment: &Segment, way: &mut Way) -> Fate {
    match way.state {
        State::Userspace => return Fate::Pass,
        State::Held => {
            tables.count(Reason::Held);
            return Fate::Drop;
        }
        _ => {}
    }
    if !packet.can_leave(segment, &way.to, way.interface) {
        return Fate::Pass;
    }
    if segment.payload > 0 {
        way.advance(segment.end());
    }
    let turns = segment.has(Segment::SYN | Segment::FIN | Segment::RST) || way.state == State::Opening;
    if turns {
        match turn(tables, segment, way) {
            Turn::Carry => {}
            Turn::Pass => return Fate::Pass,
            Turn::Drop => return Fate::Drop,
            Turn::Clamp(most) => clamp(packet, segment, most),
        }
    }
    way.seen = tables.now();
    let (reason, fate) = match rewrite(packet, segment, way) {
        Ok(()) => (Reason::Carried, Fate::Redirect(way.interface)),
        Err(Refused::Options) => (Reason::Options, Fate::Drop),
        Err(_) => (Reason::Expired, Fate::Drop),
    };
    tables.count(reason);
    fate
}

/// What follows from a segment that changes what its flow is.
enum Turn {
    Carry,
    /// It goes on, but asks for no larger segments than this.
    Clamp(u16),
    Pass,
    Drop,
}

/// Takes note of a segment that changes what its flow is. A function of its own, so that the kernel program has a stack for it.
#[inline(never)]
fn turn(tables: &impl Tables, segment: &Segment, way: &mut Way) -> Turn {
    if way.state == State::Opening {
        let turn = if way.flags & flag::CLIENT != 0 {
            client_shakes_hands(tables, segment, way)
        } else {
            server_shakes_hands(tables, segment, way)
        };
        if !matches!(turn, Turn::Carry) {
            return turn;
        }
    } else if segment.has(Segment::RST) {
        reset(tables, segment, way);
    } else if segment.has(Segment::FIN) {
        half_close(tables, segment, way);
    }
    match tables.server(way.server as u32) {
        Some(server) if segment.has(Segment::SYN) => Turn::Clamp(server.segment),
        _ => Turn::Carry,
    }
}

#[inline(always)]
fn client_shakes_hands(tables: &impl Tables, segment: &Segment, way: &mut Way) -> Turn {
    if segment.has(Segment::RST) {
        tables.way(&way.other(), |other| {
            tables.ended(HALF_OPEN);
            leave(tables, way, other);
            // Userspace never knew of it.
            way.flags |= flag::ENDED;
        });
    } else if segment.has(Segment::SYN) {
        let key = ServiceKey::new(segment.tuple.destination, segment.tuple.ports.destination);
        let patience = tables.service(&key).map_or(u64::MAX, |service| service.patience);
        if tables.now().wrapping_sub(way.started) > patience {
            give_up(tables, &segment.tuple, way);
            return Turn::Pass;
        }
    } else if segment.has(Segment::ACK) {
        establish(tables, segment, way);
    }
    Turn::Carry
}

#[inline(always)]
fn server_shakes_hands(tables: &impl Tables, segment: &Segment, way: &mut Way) -> Turn {
    let client = way.other();
    if segment.has(Segment::RST) {
        tables.way(&client, |of_client| give_up(tables, &client, of_client));
        return Turn::Drop;
    }
    if segment.has(Segment::SYN) {
        let spent = tables.now().wrapping_sub(way.started) / 1_000_000;
        let connect = if spent > u16::MAX as u64 {
            u16::MAX
        } else {
            spent as u16
        };
        way.first = segment.sequence.wrapping_add(1);
        way.sent = 0;
        way.connect = connect;
        tables.way(&client, |of_client| of_client.connect = connect);
    }
    Turn::Carry
}

/// Where the client has acknowledged the server's answer, the connection is made.
#[inline(always)]
fn establish(tables: &impl Tables, segment: &Segment, way: &mut Way) {
    tables.way(&way.other(), |other| {
        // Whoever did not see the answer does not know its number.
        if other.first == segment.acknowledgment {
            other.state = State::Established;
            way.state = State::Established;
            tables.ended(HALF_OPEN);
            if tell(tables, &segment.tuple, way, 0, Kind::Began) {
                way.flags |= flag::TOLD;
            }
        }
    });
}

/// Leaves the client's connection, which no server has, to userspace.
#[inline(always)]
fn give_up(tables: &impl Tables, client: &Tuple, way: &mut Way) {
    way.state = State::Userspace;
    tables.remove(&way.other());
    tables.ended(HALF_OPEN);
    tables.ended(way.service as u32);
    tables.ended(way.server as u32);
    tables.count(Reason::Unanswered);
    tell(tables, client, way, 0, Kind::Unanswered);
}

/// How far a reset's sequence number may be from what was sent last. One that is farther is a guess.
const NEAR: u32 = 1 << 20;

#[inline(always)]
fn reset(tables: &impl Tables, segment: &Segment, way: &mut Way) {
    let distance = segment.sequence.wrapping_sub(way.next()).wrapping_add(NEAR);
    if way.state == State::Closed || distance > 2 * NEAR {
        return;
    }
    let kind = match way.flags & flag::CLIENT {
        0 => Kind::ServerReset,
        _ => Kind::ClientReset,
    };
    let there = way.other();
    tables.way(&there, |other| end(tables, &segment.tuple, way, &there, other, kind));
}

/// One end has sent all. When the other has, too, the flow is over.
#[inline(always)]
fn half_close(tables: &impl Tables, segment: &Segment, way: &mut Way) {
    if way.flags & flag::FINISHED != 0 || way.state == State::Closed {
        return;
    }
    way.flags |= flag::FINISHED;
    let there = way.other();
    tables.way(&there, |other| {
        if other.flags & flag::FINISHED != 0 {
            end(tables, &segment.tuple, way, &there, other, Kind::Closed);
        }
    });
}

/// Ends a flow that was established.
#[inline(always)]
fn end(tables: &impl Tables, tuple: &Tuple, way: &mut Way, there: &Tuple, other: &mut Way, kind: Kind) {
    leave(tables, way, other);
    let (client, of_client, of_server) = match way.flags & flag::CLIENT {
        0 => (there, other, way),
        _ => (tuple, way, other),
    };
    // Where userspace could not be told of the beginning it finds both out by itself.
    if of_client.flags & flag::TOLD != 0 && tell(tables, client, of_client, of_server.sent, kind) {
        of_client.flags |= flag::ENDED;
    }
}

/// A flow is over. Its ways stay for a while, for what is still sent again.
#[inline(always)]
fn leave(tables: &impl Tables, way: &mut Way, other: &mut Way) {
    way.state = State::Closed;
    other.state = State::Closed;
    tables.ended(way.service as u32);
    tables.ended(way.server as u32);
}

#[inline(always)]
fn tell(tables: &impl Tables, client: &Tuple, way: &Way, bytes_out: u64, kind: Kind) -> bool {
    tables.tell(Event {
        client: *client,
        server: way.to,
        kind,
        unused: 0,
        service_number: way.service,
        server_number: way.server,
        connect: way.connect,
        bytes_in: way.sent,
        bytes_out,
        started: way.started,
        now: tables.now(),
    })
}

/// How many ports are tried for a new connection.
const PROBES: u32 = 8;

/// Begins a flow for a SYN to a service. Where it does not the connection is userspace's.
#[inline(always)]
fn open(tables: &impl Tables, segment: &Segment) -> bool {
    let key = ServiceKey::new(segment.tuple.destination, segment.tuple.ports.destination);
    let Some(service) = tables.service(&key) else {
        return false;
    };
    if tables.has_socket(segment) {
        return false;
    }
    let refused = match admit(tables, service, segment) {
        Ok(number) => connect(tables, service, number, segment).err(),
        Err(reason) => Some(reason),
    };
    if let Some(reason) = refused {
        tables.count(reason);
    }
    refused.is_none()
}

/// Chooses a server that the connection may go to, and answers with its number.
#[inline(always)]
fn admit(tables: &impl Tables, service: &Service, segment: &Segment) -> Result<u32, Reason> {
    if tables.load(HALF_OPEN) >= service.half_open {
        return Err(Reason::Flood);
    }
    if service.limit > 0 && tables.load(service.number) >= service.limit {
        return Err(Reason::FrontendFull);
    }
    let chosen = choose(tables, service, &segment.tuple.source, segment.version);
    let number = chosen.ok_or(Reason::NoServer)?;
    let server = tables.server(number).ok_or(Reason::NoServer)?;
    if server.limit > 0 && tables.load(number) >= server.limit {
        return Err(Reason::ServerFull);
    }
    if server.address.is_v4() != matches!(segment.version, Version::V4) {
        return Err(Reason::Version);
    }
    Ok(number)
}

/// Adds both ways, from the first of some ports that is free. A function of its own, so that the kernel program has a stack for it.
#[inline(never)]
fn connect(tables: &impl Tables, service: &Service, number: u32, segment: &Segment) -> Result<(), Reason> {
    let server = tables.server(number).ok_or(Reason::NoServer)?;
    let now = tables.now();
    let mut way = Way {
        to: segment.tuple.reversed(),
        translation: Translation::NONE,
        interface: tables.ingress(),
        first: 0,
        service: service.number as u16,
        server: number as u16,
        state: State::Opening,
        flags: 0,
        connect: 0,
        started: now,
        seen: now,
        sent: 0,
    };
    let mut answers = Tuple {
        source: server.address,
        destination: server.source,
        ports: Ports {
            source: server.port,
            destination: [0; 2],
        },
    };
    let start = tables.random();
    for probe in 0..PROBES {
        answers.ports.destination = port(server, start, probe).ok_or(Reason::NoPort)?.to_be_bytes();
        match tables.add(&answers, &way) {
            Ok(()) => {
                way.to = answers.reversed();
                way.interface = server.interface;
                way.first = segment.sequence.wrapping_add(1);
                way.flags = flag::CLIENT;
                if tables.add(&segment.tuple, &way).is_err() {
                    tables.remove(&answers);
                    return Err(Reason::NoRoom);
                }
                tables.opened(HALF_OPEN);
                tables.opened(service.number);
                tables.opened(number);
                return Ok(());
            }
            Err(NotAdded::Full) => return Err(Reason::NoRoom),
            Err(NotAdded::Exists) => {}
        }
    }
    Err(Reason::NoPort)
}

/// The port to try next.
#[inline(always)]
fn port(server: &Server, start: u32, probe: u32) -> Option<u16> {
    let offset = start
        .wrapping_add(probe.wrapping_mul(0x9e37_79b1))
        .checked_rem(server.ports as u32)?;
    Some(server.first_port.wrapping_add(offset as u16))
}

/// The option that says the largest segment comes first in what senders send (RFC 9293 section 3.7.1).
const LARGEST_SEGMENT: u32 = 0x0204_0000;

/// Keeps a SYN from asking for larger segments than the interfaces on the way carry.
#[inline(always)]
fn clamp(packet: &mut impl Packet, segment: &Segment, most: u16) {
    let start = transport(segment.version);
    let most = match segment.version {
        Version::V4 => most,
        Version::V6 => most.saturating_sub(20),
    };
    let Some([option]) = packet.words(start + 20).filter(|_| segment.header > 20) else {
        return;
    };
    let option_read = u32::from_be(option);
    if option_read & 0xffff_0000 != LARGEST_SEGMENT || option_read & 0xffff <= most as u32 {
        return;
    }
    let clamped = (LARGEST_SEGMENT | most as u32).to_be();
    if packet.set_words(start + 20, [clamped]).is_some() {
        // The rewriting that follows fails only where nothing was in reach here either.
        let _ = packet.change_checksum(start + 16, Change::NONE, Change::NONE.replace(option, clamped));
    }
}
