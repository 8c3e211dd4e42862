//! Stick tables that kernel and userspace share: what an entry is, and what the gate asks of it.
//!
//! Each field has one writer. Userspace makes and removes entries and writes [`Entry`]; the kernel counts the connections
//! that it denied in [`Denied`] beside it, which userspace adds to its own. All times are milliseconds of the monotonic clock.
use crate::gate::Action;
use crate::packet::Address;
use crate::rate::Rate;

/// Where an entry is found: the table's number, and the address in its IPv6 form.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey {
    pub table: u32,
    pub address: Address,
}

/// An entry as userspace writes it, in words so that the kernel never sees half of a number.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Tells the entries apart that have been in this place; 0 before the first.
    pub generation: u64,
    /// When it expires; [`u64::MAX`] for never, or while it is tracked.
    pub expires: u64,
    pub server_id: u64,
    /// The number of the server's name or address.
    pub server_key: u64,
    pub gpt0: u64,
    pub gpc0: u64,
    pub gpc0_rate: Rate,
    pub gpc1: u64,
    pub gpc1_rate: Rate,
    pub conn_cnt: u64,
    pub conn_rate: Rate,
    pub conn_cur: u64,
    pub sess_cnt: u64,
    pub sess_rate: Rate,
    pub http_req_cnt: u64,
    pub http_req_rate: Rate,
    pub http_err_cnt: u64,
    pub http_err_rate: Rate,
    pub http_fail_cnt: u64,
    pub http_fail_rate: Rate,
    pub bytes_in_cnt: u64,
    pub bytes_in_rate: Rate,
    pub bytes_out_cnt: u64,
    pub bytes_out_rate: Rate,
}

/// How many words an entry is.
pub const WORDS: usize = size_of::<Entry>() / size_of::<u64>();

/// The connections that the kernel denied an entry, which none but the kernel writes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Denied {
    /// The entry's; numbers of another one are not this entry's.
    pub generation: u64,
    /// When the last one was denied.
    pub last: u64,
    pub conn_cnt: u64,
    /// The rate's words: when its period began, connections in it, and in the one before.
    pub start: u64,
    pub current: u64,
    pub previous: u64,
}

impl Denied {
    /// The rate of denied connections.
    #[inline(always)]
    pub fn rate(&self) -> Rate {
        Rate {
            start: self.start,
            current: self.current as u32,
            previous: self.previous as u32,
        }
    }

    /// The same numbers as an entry of that generation has them.
    #[inline(always)]
    pub fn of(self, generation: u64) -> Denied {
        match self.generation == generation {
            true => self,
            false => Denied::default(),
        }
    }
}

/// The longest name of a table that is told apart.
pub const NAME: usize = 64;

/// How a table is known to the process after the one that filled it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The section that declares it, filled up with zeroes.
    pub name: [u8; NAME],
    /// A fingerprint of what its keys and data are.
    pub meaning: u64,
}

/// Atomic changes of a word. What they are called differs between kernel and userspace.
pub trait Atomics {
    /// # Safety
    /// `word` is valid, and only changed atomically.
    unsafe fn add(word: *mut u64, n: u64);
    /// Puts another value in; answers with the one before.
    ///
    /// # Safety
    /// As for `add`.
    unsafe fn swap(word: *mut u64, new: u64) -> u64;
    /// Puts `new` in where the value is `old`, and answers whether it was.
    ///
    /// # Safety
    /// As for `add`.
    unsafe fn replace(word: *mut u64, old: u64, new: u64) -> bool;
}

/// Counts one denied connection. Of several processors, the one that ends a period moves its count; none of theirs is lost.
///
/// # Safety
/// `denied` is valid, and none but this function changes it.
#[inline(always)]
pub unsafe fn count<A: Atomics>(denied: *mut Denied, generation: u64, period: u64, now: u64) {
    // SAFETY: as the caller promises; a plain load or store of a word is a single instruction.
    unsafe {
        let before = (&raw const (*denied).generation).read_volatile();
        if before != generation && A::replace(&raw mut (*denied).generation, before, generation) {
            A::swap(&raw mut (*denied).conn_cnt, 0);
            A::swap(&raw mut (*denied).current, 0);
            (&raw mut (*denied).previous).write_volatile(0);
            (&raw mut (*denied).start).write_volatile(now);
        }
        let start = (&raw const (*denied).start).read_volatile();
        let elapsed = now.saturating_sub(start);
        let faded = elapsed >= period.saturating_mul(2);
        let begins = if faded { now } else { start.wrapping_add(period) };
        if elapsed >= period && A::replace(&raw mut (*denied).start, start, begins) {
            let ended = A::swap(&raw mut (*denied).current, 0);
            (&raw mut (*denied).previous).write_volatile(if faded { 0 } else { ended });
        }
        A::add(&raw mut (*denied).current, 1);
        A::add(&raw mut (*denied).conn_cnt, 1);
        (&raw mut (*denied).last).write_volatile(now);
    }
}

/// Which of an entry's numbers the gate compares.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Field {
    /// The word of [`Entry`] where it begins.
    pub word: u32,
    /// Whether the connection at hand counts once it is tracked: 0 no; 1 yes, while it is open; 2 yes, as those do that
    /// were denied.
    pub connections: u32,
    /// A rate's period; 0 where it is a number.
    pub period: u64,
}

impl Field {
    /// [`Field::connections`] of what only counts open ones.
    pub const OPEN: u32 = 1;
    /// [`Field::connections`] of what counts denied ones, too.
    pub const ALL: u32 = 2;
}

/// A rule on what a table knows of the source.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    /// The rule's number, which grows from rule to rule.
    pub rule: u32,
    pub action: Action,
    pub field: Field,
    /// It matches from here …
    pub low: u64,
    /// … to here; elsewhere if `negate` is set.
    pub high: u64,
    pub table: u32,
    pub negate: u32,
    /// How many rules above track the connection at hand in the table.
    pub tracked: u32,
    pub unused: u32,
    /// How long the table's entries live after their last use; [`u64::MAX`] for ever.
    pub expire: u64,
}

/// A rule that lets a set of counters follow the source in a table.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Track {
    /// The rule's number.
    pub rule: u32,
    pub table: u32,
    /// The period of the table's `conn_rate`; 0 where it stores none.
    pub period: u64,
}

/// How many checks a rule list can have.
pub const CHECKS: usize = 8;
/// How many sets of counters there are.
pub const TRACKS: usize = 3;

/// What a rule list asks of stick tables, in the order of the rules.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Watch {
    pub checks: [Check; CHECKS],
    pub tracks: [Track; TRACKS],
    pub checked: u32,
    pub tracked: u32,
}

/// An entry as it is now.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    pub words: &'a [u64; WORDS],
    pub denied: Denied,
}

impl Seen<'_> {
    /// Has it expired? What was denied lately keeps it alive.
    #[inline(always)]
    pub fn is_alive(&self, expire: u64, now: u64) -> bool {
        let [generation, expires, ..] = *self.words;
        let last = self.denied.of(generation).last;
        expires > now || (last > 0 && last.saturating_add(expire) > now)
    }

    /// The number that a check compares.
    #[inline(always)]
    pub fn value(&self, field: &Field, now: u64) -> u64 {
        let at = field.word as usize;
        // The comparison tells the verifier that the word is one of the entry's.
        let word = |at: usize| if at < WORDS { self.words[at] } else { 0 };
        let denied = self.denied.of(self.words[0]);
        match (field.period, field.connections == Field::ALL) {
            (0, false) => word(at),
            (0, true) => word(at).wrapping_add(denied.conn_cnt) as u32 as u64,
            (period, connections) => {
                let counts = word(at + 1);
                let rate = Rate {
                    start: word(at),
                    current: counts as u32,
                    previous: (counts >> 32) as u32,
                };
                let denied = if connections {
                    denied.rate().read(period, now)
                } else {
                    0
                };
                rate.read(period, now).saturating_add(denied) as u64
            }
        }
    }
}

impl Check {
    /// Does the rule match a connection of this entry's?
    #[inline(always)]
    pub fn matches(&self, seen: &Seen<'_>, now: u64) -> bool {
        let at_hand = if self.field.connections > 0 {
            self.tracked as u64
        } else {
            0
        };
        let value = seen.value(&self.field, now).saturating_add(at_hand);
        (self.low <= value && value <= self.high) == (self.negate == 0)
    }
}

#[cfg(feature = "user")]
mod user {
    use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use super::*;

    /// The atomics of userspace.
    pub struct Native;

    impl Atomics for Native {
        unsafe fn add(word: *mut u64, n: u64) {
            // SAFETY: as the caller promises.
            unsafe { AtomicU64::from_ptr(word) }.fetch_add(n, Relaxed);
        }

        unsafe fn swap(word: *mut u64, new: u64) -> u64 {
            // SAFETY: as the caller promises.
            unsafe { AtomicU64::from_ptr(word) }.swap(new, Relaxed)
        }

        unsafe fn replace(word: *mut u64, old: u64, new: u64) -> bool {
            // SAFETY: as the caller promises.
            unsafe { AtomicU64::from_ptr(word) }
                .compare_exchange(old, new, Relaxed, Relaxed)
                .is_ok()
        }
    }

    // SAFETY: `repr(C)`, no padding, and userspace writes only values of the type; so it is with all of these.
    unsafe impl aya::Pod for EntryKey {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Watch {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Entry {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Denied {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Identity {}
}
#[cfg(feature = "user")]
pub use user::Native;
