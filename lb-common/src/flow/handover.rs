//! Taking a connection over from the host's stack, between two of its segments.
//!
//! As long as userspace has a connection to itself, both of its ways are watched: each segment is noted, then passes to the stack.
//! Userspace switches them at a moment when its sockets have received all that was noted, on condition that nothing passed since
//! ([`Way::word`]). So a segment meets either a socket that is still there or the kernel's translation: none is lost, none is
//! answered by both, and none has to wait.
use super::translate::{rewrite, stamp};
use super::{Packet, Segment, State, Tuple, Way, flag};

/// Changes with any map's key, value or meaning: part of the pin directory's name.
pub const LAYOUT: u32 = 1;

/// The tables: in the kernel BPF maps.
pub trait Ways {
    /// Nanoseconds of the kernel's monotonic clock.
    fn now(&self) -> u64;
    /// The index of the interface that the packet came by.
    fn ingress(&self) -> u32;
    fn way(&mut self, tuple: &Tuple) -> Option<&mut Way>;
    fn remove(&mut self, tuple: &Tuple);
    /// Sets flags of a watched way and counts one more segment in its word, atomically. Answers with the word before.
    fn pass(way: &mut Way, flags: u8) -> u32;
    /// Tells userspace that a flow has ended. Where that fails userspace finds out when the flow has been idle for long.
    fn tell(&mut self, ended: &Ended);
}

/// What is to be done with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// On to the host's stack, unchanged.
    Pass,
    Drop,
    /// Out of the interface with that index.
    Redirect(u32),
}

/// The end of a flow, as userspace is told.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What the client's segments come with.
    pub client: Tuple,
    pub how: How,
}

/// How a flow ended.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Both sides have closed.
    Closed = 0,
    ClientReset = 1,
    ServerReset = 2,
}

/// A flow as userspace gets to know it again after it was restarted: the value of the flows' table, whose key is [`Ended::client`].
///
/// Proxies and servers go by hashes of their names, so that a changed configuration finds those it still has.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    pub frontend: u64,
    pub backend: u64,
    pub server: u64,
    /// Microseconds since the epoch at accept.
    pub accepted: u64,
    /// The client's address as the log tells it, which a PROXY header may have said.
    pub source: crate::packet::Address,
    pub source_port: u16,
    /// Which of the frontend's listeners accepted it.
    pub listener: u16,
    /// Milliseconds of silence after which it ends; 0 for never.
    pub timeout: u32,
    /// Milliseconds that the phases took, as the log tells them: handshake, idle, the request, queue, connecting.
    pub times: [i32; 5],
    pub retries: u32,
    /// Is it the client whose silence ends it, rather than the server?
    pub server_is_slower: u32,
    pub unused: u32,
}

/// What userspace has two ways switched with: the argument of the program `lb_switch`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch {
    /// The kernel takes an Ethernet header for granted.
    pub header: [u8; 16],
    pub client: Side,
    pub server: Side,
}

/// One of them.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    pub tuple: Tuple,
    /// The way's word when userspace looked at it.
    pub word: u32,
    /// What becomes of the way, held until both are there.
    pub way: Way,
}

/// The answer of `lb_switch`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switched {
    Done = 0,
    /// A segment passed meanwhile; nothing was changed.
    Moved = 1,
}

impl Way {
    /// A way that is watched while userspace has the connection.
    pub const fn watched(flags: u8) -> Self {
        let nobody = crate::packet::Address::v4([0; 4]);
        Self {
            to: Tuple {
                source: nobody,
                destination: nobody,
                ports: super::Ports::new(0, 0),
            },
            translation: super::Translation::NONE,
            interface: 0,
            first: 0,
            service: 0,
            server: 0,
            state: State::Userspace,
            flags,
            connect: 0,
            started: 0,
            seen: 0,
            sent: 0,
        }
    }

    /// State, flags, and of a watched way how many segments passed: what changes with every one of them.
    pub const fn word(&self) -> u32 {
        let [a, b] = self.connect.to_le_bytes();
        u32::from_le_bytes([self.state as u8, self.flags, a, b])
    }

    /// The word with another state.
    #[inline(always)]
    pub const fn word_with(word: u32, state: State) -> u32 {
        word & !0xff | state as u32
    }

    /// What is added to a word for a segment that passed.
    pub const PASSED: u32 = 1 << 16;

    /// Where the word lies.
    pub const WORD: usize = core::mem::offset_of!(Way, state);
}

/// Decides over one packet and rewrites it where it goes on.
#[inline(always)]
pub fn run<T: Ways>(packet: &mut impl Packet, tables: &mut T) -> Fate {
    let Ok(segment) = Segment::read(packet) else {
        return Fate::Pass;
    };
    let (now, ingress) = (tables.now(), tables.ingress());
    let Some(way) = tables.way(&segment.tuple) else {
        return Fate::Pass;
    };
    if way.state == State::Userspace {
        way.interface = ingress;
        let flags = note(packet, &segment, way, now);
        if T::pass(way, flags) & 0xff == State::Userspace as u32 {
            return Fate::Pass;
        }
    }
    match way.state {
        State::Established => {}
        // A client that uses its port again opens a new connection.
        State::Closed if segment.flags & (Segment::SYN | Segment::ACK) == Segment::SYN => {
            let other = way.other();
            tables.remove(&other);
            tables.remove(&segment.tuple);
            return Fate::Pass;
        }
        State::Closed => {}
        _ => return Fate::Drop,
    }
    way.seen = now;
    let next = way.next();
    way.advance(segment.end());
    let interface = way.interface;
    // What cannot be rewritten does not pass: the stack knows the connection no more, and would reset it.
    let fate = match carry(packet, &segment, way) {
        true => Fate::Redirect(interface),
        false => Fate::Drop,
    };
    // A reset out of sequence is answered by its receiver, if it means anything (RFC 5961 section 3.2).
    if segment.has(Segment::FIN) || segment.has(Segment::RST) && segment.sequence == next {
        end(tables, &segment.tuple, segment.has(Segment::RST));
    }
    fate
}

/// Rewrites a segment. A function of its own, since kernel programs have little room for variables.
#[inline(never)]
fn carry(packet: &mut impl Packet, segment: &Segment, way: &Way) -> bool {
    rewrite(packet, segment, way).is_ok()
}

/// Notes a segment that is about to pass, and answers with the flags that it adds.
#[inline(always)]
fn note(packet: &impl Packet, segment: &Segment, way: &mut Way, now: u64) -> u8 {
    // A handshake says nothing of how later segments look.
    if segment.has(Segment::SYN) {
        return 0;
    }
    let mut flags = flag::BEGUN;
    match stamp(packet, segment) {
        Ok(Some(value)) => {
            way.translation.timestamp = value;
            flags |= flag::STAMPED;
        }
        Ok(None) => {}
        Err(_) => flags |= flag::UNFIT,
    }
    if segment.has(Segment::FIN | Segment::RST) {
        flags |= flag::FINISHED;
    }
    if way.flags & flag::BEGUN == 0 {
        way.first = segment.sequence;
        way.sent = 0;
    }
    way.seen = now;
    way.advance(segment.end());
    flags
}

/// Takes note of a sender's last word.
#[inline(never)]
fn end<T: Ways>(tables: &mut T, tuple: &Tuple, reset: bool) {
    let Some(way) = tables.way(tuple) else { return };
    way.flags |= flag::FINISHED;
    let ended = Ended::of(tuple, way, reset);
    let other = way.other();
    let Some(other) = tables.way(&other) else { return };
    if other.state == State::Closed || !reset && other.flags & flag::FINISHED == 0 {
        return;
    }
    other.state = State::Closed;
    if let Some(way) = tables.way(tuple) {
        way.state = State::Closed;
    }
    tables.tell(&ended);
}

impl Ended {
    /// The end that the last word on that way is.
    fn of(tuple: &Tuple, way: &Way, reset: bool) -> Self {
        let from_client = way.flags & flag::CLIENT != 0;
        Self {
            client: if from_client { *tuple } else { way.other() },
            how: match (reset, from_client) {
                (false, _) => How::Closed,
                (true, true) => How::ClientReset,
                (true, false) => How::ServerReset,
            },
        }
    }
}

#[cfg(feature = "user")]
mod plain {
    //! SAFETY, for each of these: `repr(C)`, no padding, and only values of the type are written.
    use super::*;

    // SAFETY: see above.
    unsafe impl aya::Pod for Flow {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Switch {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Ended {}
}
