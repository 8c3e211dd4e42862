//! Entries in memory that the kernel reads.

use lb_common::stick::{Denied, Entry, WORDS};

use super::key::Key;

/// Memory that the kernel reads entries from, and beside which it counts the connections that it denied.
///
/// A table calls this for one entry at a time, while the entry's shard is locked.
pub trait Backing: Send + Sync {
    /// Takes a place and lets the kernel find it by `key` from now on. `None` where there is none left.
    fn take(&self, key: &Key) -> Option<u32>;

    /// Gives a place back, which the kernel finds no more.
    fn give(&self, place: u32, key: &Key);

    /// The entry in a place, for as long as it is taken.
    fn entry(&self, place: u32) -> *mut Entry;

    /// What the kernel denied in a place.
    fn denied(&self, place: u32) -> Denied;
}

/// What an entry's data are kept in.
#[derive(Debug)]
pub enum Data {
    Own(Box<[u64]>),
    /// A place in the table's backing.
    Shared(u32),
}

/// The words of a shared entry.
pub fn words(entry: &mut Entry) -> &mut [u64] {
    // SAFETY: `Entry` is `repr(C)` and nothing but words.
    unsafe { &mut *std::ptr::from_mut(entry).cast::<[u64; WORDS]>() }
}
