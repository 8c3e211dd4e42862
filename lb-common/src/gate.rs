//! The gate: which connection attempts pass to the host's stack, which are refused, which vanish.
//!
//! [`run`] is the whole of the kernel program but for its maps and its frame, and userspace runs it alike.
use crate::packet::{self, Address, Attempt, Frame, Other};
use crate::stick::{Check, EntryKey, Seen, Watch};

/// Changes with any map's key, value or meaning: part of the pin directory's name.
pub const LAYOUT: u32 = 2;

/// The key of the listeners: where the balancer accepts connections.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerKey {
    /// A local address, or [`ANY_V4`] or [`ANY_V6`].
    pub address: Address,
    pub port: u32,
}

/// The listener's address that stands for every local IPv4 address.
pub const ANY_V4: Address = packet::Version::V4.any();
/// The listener's address that stands for every local IPv6 address.
pub const ANY_V6: Address = packet::Version::V6.any();

/// The key of the hosts and, below a prefix length, of the networks: a source as one rule list sees it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceKey {
    /// The rule list's number, as the listeners give it.
    pub list: u32,
    pub address: Address,
}

impl SourceKey {
    /// How many bits of a network's key lie before the address.
    pub const LIST_BITS: u32 = 32;
    /// All bits of a key: what a lookup asks for.
    pub const BITS: u32 = Self::LIST_BITS + 128;
}

/// What becomes of an attempt.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// No rule of the list matches: it goes on to the host's stack.
    Unmatched = 0,
    /// It goes on to the host's stack, and no later rule of the list is asked.
    Accept = 1,
    /// It is answered with RST, where the interface can transmit from XDP; elsewhere it vanishes.
    Reject = 2,
    /// It vanishes without an answer.
    SilentDrop = 3,
}

/// The value of the hosts and networks: the first rule of the list that matches the source.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Verdict {
    /// The rule's number, which is also its counter's; nothing where no rule matches.
    pub rule: u32,
    pub action: Action,
}

/// What a rule matched.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCounter {
    /// Attempts, each counted once however often its client sends it again (unless more than [`RECENT`] others lie between).
    pub connections: u64,
    /// Packets, which repeat while a client gets no answer.
    pub packets: u64,
}

/// How many recent attempts are remembered, so that one that is sent again is known.
pub const RECENT: u32 = 4096;

reasons! {
    /// Passed: not IP, or below more than two VLAN tags.
    NotIp not_ip
    /// Passed: IPv4 options or IPv6 extension headers.
    Options ip_options
    /// Passed: a fragment.
    Fragment fragment
    /// Passed: another protocol than TCP.
    NotTcp not_tcp
    /// Passed: headers that contradict each other or the frame's length.
    Malformed malformed
    /// Passed: a segment that opens no connection.
    NotSyn not_syn
    /// Passed: for another host, which this one forwards to.
    NotLocal not_local
    /// Passed: no listener of the balancer there.
    NoListener no_listener
    /// Passed: no rule of the listener matches the source.
    NoRule no_rule
    /// Passed: the first rule that matches accepts.
    Accepted accepted
    /// Answered with RST.
    Rejected rejected
    /// Dropped.
    SilentlyDropped silently_dropped
}

impl From<Other> for Reason {
    #[inline(always)]
    fn from(other: Other) -> Self {
        match other {
            Other::NotIp => Self::NotIp,
            Other::Options => Self::Options,
            Other::Fragment => Self::Fragment,
            Other::NotTcp => Self::NotTcp,
            Other::Malformed => Self::Malformed,
            Other::NotSyn => Self::NotSyn,
        }
    }
}

/// The gate's maps: in the kernel BPF maps, in userspace their twin.
pub trait Maps {
    /// Whether the address is one of this host's own.
    fn is_local(&self, address: &Address) -> bool;
    /// The number of the rule list of a listener.
    fn list(&self, listener: &ListenerKey) -> Option<u32>;
    /// The verdict on exactly this source.
    fn host(&self, source: &SourceKey) -> Option<Verdict>;
    /// The verdict on the narrowest network that holds the source.
    fn network(&self, source: &SourceKey) -> Option<Verdict>;
    /// Remembers an attempt by its fingerprint and answers whether it was new.
    fn is_new(&self, fingerprint: u64) -> bool;
    /// Counts a packet.
    fn count(&self, reason: Reason);
    /// Counts a packet of a rule, and a connection where the attempt is new.
    fn count_rule(&self, rule: u32, new: bool);
    /// What a rule list asks of stick tables.
    fn watch(&self, list: u32) -> Option<&Watch>;
    /// The place of a stick table's entry.
    fn place(&self, key: &EntryKey) -> Option<u32>;
    /// The entry in a place.
    fn entry(&self, place: u32) -> Option<Seen<'_>>;
    /// Counts a denied connection of the entry in a place, with the period of its table's `conn_rate`.
    fn count_denied(&self, place: u32, generation: u64, period: u64, now: u64);
    /// Milliseconds of the monotonic clock.
    fn now(&self) -> u64;
}

/// What is to be done with the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// On to the host's stack.
    Pass,
    /// On to the host's stack as well, where a listener of the balancer waits for it.
    Admit,
    /// Nowhere.
    Drop,
    /// Back out of the interface it came from, as it is now.
    Transmit,
}

/// Judges one frame, counts it, and turns it into its answer where it gets one.
#[inline(always)]
pub fn run(frame: &mut impl Frame, maps: &impl Maps) -> Fate {
    let (reason, fate) = match packet::attempt(frame) {
        Err(other) => (other.into(), Fate::Pass),
        Ok(attempt) => enforce(frame, &attempt, maps),
    };
    maps.count(reason);
    fate
}

#[inline(always)]
fn enforce(frame: &mut impl Frame, attempt: &Attempt, maps: &impl Maps) -> (Reason, Fate) {
    let Judgement { reason, rule, list } = judge(attempt, maps);
    if let Reason::Accepted | Reason::Rejected | Reason::SilentlyDropped = reason {
        let new = maps.is_new(attempt.fingerprint());
        maps.count_rule(rule, new);
        if new && !matches!(reason, Reason::Accepted) {
            deny(attempt, list, rule, maps);
        }
    }
    match reason {
        Reason::SilentlyDropped => (reason, Fate::Drop),
        Reason::Rejected => match packet::refuse(frame, attempt) {
            Some(()) => (reason, Fate::Transmit),
            None => (Reason::SilentlyDropped, Fate::Drop),
        },
        Reason::NoRule | Reason::Accepted => (reason, Fate::Admit),
        _ => (reason, Fate::Pass),
    }
}

/// What is to become of an attempt, by which rule, where there is one, and of which list.
///
/// Without padding or an unused part, which the verifier would take for an unset register.
#[repr(C)]
struct Judgement {
    reason: Reason,
    rule: u32,
    list: u32,
}

/// Asks the maps. A function of its own, so that the kernel program has a stack for the keys.
#[inline(never)]
fn judge(attempt: &Attempt, maps: &impl Maps) -> Judgement {
    let no_rule = |reason| Judgement {
        reason,
        rule: 0,
        list: 0,
    };
    if !maps.is_local(&attempt.destination) {
        return no_rule(Reason::NotLocal);
    }
    let Some(list) = listener(attempt, maps) else {
        return no_rule(Reason::NoListener);
    };
    let source = SourceKey {
        list,
        address: attempt.source,
    };
    let on_address = maps.host(&source).or_else(|| maps.network(&source));
    let (mut rule, mut action) = match on_address {
        Some(verdict) if !matches!(verdict.action, Action::Unmatched) => (verdict.rule, verdict.action),
        _ => (u32::MAX, Action::Unmatched),
    };
    if let Some(check) = maps
        .watch(list)
        .and_then(|watch| first_match(watch, attempt.source, rule, maps))
    {
        (rule, action) = (check.rule, check.action);
    }
    let reason = match action {
        Action::Unmatched => return no_rule(Reason::NoRule),
        Action::Accept => Reason::Accepted,
        Action::Reject => Reason::Rejected,
        Action::SilentDrop => Reason::SilentlyDropped,
    };
    Judgement { reason, rule, list }
}

/// The first rule on stick tables that matches the source, above the rule `below`.
///
/// Where a table has no entry of the source, the connection passes: it is userspace that makes entries.
#[inline(always)]
fn first_match<'a>(watch: &'a Watch, source: Address, below: u32, maps: &impl Maps) -> Option<&'a Check> {
    let now = maps.now();
    for (number, check) in watch.checks.iter().enumerate() {
        if number >= watch.checked as usize || check.rule >= below {
            break;
        }
        let key = EntryKey {
            table: check.table,
            address: source,
        };
        if let Some(seen) = maps.place(&key).and_then(|place| maps.entry(place))
            && seen.is_alive(check.expire, now)
            && check.matches(&seen, now)
        {
            return Some(check);
        }
    }
    None
}

/// Counts a connection that the rule `by` denies, in the entries that the rules above it track.
#[inline(never)]
fn deny(attempt: &Attempt, list: u32, by: u32, maps: &impl Maps) {
    let Some(watch) = maps.watch(list) else { return };
    for (number, track) in watch.tracks.iter().enumerate() {
        if number >= watch.tracked as usize || track.rule >= by {
            break;
        }
        let key = EntryKey {
            table: track.table,
            address: attempt.source,
        };
        let Some(place) = maps.place(&key) else { continue };
        if let Some(seen) = maps.entry(place) {
            maps.count_denied(place, seen.words[0], track.period, maps.now());
        }
    }
}

/// The rule list of the listener that the host's stack would choose: the one on the very address before the one on any.
#[inline(always)]
fn listener(attempt: &Attempt, maps: &impl Maps) -> Option<u32> {
    let port = attempt.destination_port as u32;
    let key = |address| ListenerKey { address, port };
    maps.list(&key(attempt.destination))
        .or_else(|| maps.list(&key(attempt.version.any())))
}

#[cfg(feature = "user")]
mod plain {
    //! SAFETY, for each of these: `repr(C)`, no padding, and userspace writes only values of the type.
    use super::*;

    // SAFETY: see above.
    unsafe impl aya::Pod for ListenerKey {}
    // SAFETY: see above.
    unsafe impl aya::Pod for SourceKey {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Verdict {}
    // SAFETY: see above.
    unsafe impl aya::Pod for RuleCounter {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Reasons {}
}
