//! One shard: a hash table over a slab of entries, and the order in which they were last used.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use slab::Slab;

use super::backing::Data;
use super::key::Key;

/// An entry's place in its shard. It stays valid while the entry is in use.
pub type Slot = usize;

/// No slot.
const END: Slot = usize::MAX;

/// Entries, findable by key, listed from the one unused for longest to the one used last. The time an entry lives after
/// its last use is the same for all, so this is also the order in which they expire.
#[derive(Debug)]
pub struct Shard {
    places: HashTable<Slot>,
    entries: Slab<Stored>,
    oldest: Slot,
    newest: Slot,
}

/// An entry as stored.
#[derive(Debug)]
pub struct Stored {
    pub key: Key,
    /// The hash of the key.
    pub hash: u64,
    pub data: Data,
    /// Milliseconds of the monotonic clock when it expires; `u64::MAX` for never.
    pub expires: u64,
    /// Streams that track it. It is neither evicted nor expired meanwhile.
    pub uses: u32,
    older: Slot,
    newer: Slot,
}

impl Default for Shard {
    fn default() -> Shard {
        Shard {
            places: HashTable::new(),
            entries: Slab::new(),
            oldest: END,
            newest: END,
        }
    }
}

impl Shard {
    /// The entry in `slot`.
    pub fn get(&mut self, slot: Slot) -> Option<&mut Stored> {
        self.entries.get_mut(slot)
    }

    /// Where `key` is; `hash` is the table's hash of it.
    pub fn find(&self, hash: u64, key: &Key) -> Option<Slot> {
        self.places
            .find(hash, |slot| {
                self.entries.get(*slot).is_some_and(|entry| entry.key == *key)
            })
            .copied()
    }

    /// Adds an entry that is not there yet, as the newest.
    pub fn insert(&mut self, hash: u64, key: Key, data: Data, expires: u64) -> Slot {
        let slot = self.entries.insert(Stored {
            key,
            hash,
            data,
            expires,
            uses: 0,
            older: END,
            newer: END,
        });
        self.append(slot);
        let entries = &self.entries;
        self.places
            .insert_unique(hash, slot, |slot| entries.get(*slot).map_or(0, |entry| entry.hash));
        slot
    }

    /// Marks `slot` as used last, to expire at `expires`.
    pub fn touch(&mut self, slot: Slot, expires: u64) {
        if let Some(entry) = self.entries.get_mut(slot) {
            entry.expires = expires;
        }
        if self.newest != slot {
            self.unlink(slot);
            self.append(slot);
        }
    }

    /// Removes an entry and gives it out.
    pub fn remove(&mut self, slot: Slot) -> Option<Stored> {
        if !self.entries.contains(slot) {
            return None;
        }
        self.unlink(slot);
        let entry = self.entries.remove(slot);
        if let Ok(place) = self.places.find_entry(entry.hash, |held| *held == slot) {
            place.remove();
        }
        Some(entry)
    }

    /// Removes the entry unused for longest that nobody tracks, and gives it out. `None` where there is none.
    pub fn evict(&mut self) -> Option<Stored> {
        let mut slot = self.oldest;
        while let Some(entry) = self.entries.get(slot) {
            if entry.uses == 0 {
                return self.remove(slot);
            }
            slot = entry.newer;
        }
        None
    }

    /// Removes an entry that expired before `now`, and gives it out. What is found to be in use lives on until `renewed`
    /// says.
    pub fn expire(&mut self, now: u64, renewed: impl Fn(&Stored) -> Option<u64>) -> Option<Stored> {
        while let Some(entry) = self.entries.get(self.oldest) {
            if entry.expires > now {
                break;
            }
            match renewed(entry) {
                None => return self.remove(self.oldest),
                Some(expires) => self.touch(self.oldest, expires.max(now.saturating_add(1))),
            }
        }
        None
    }

    /// All slots in use.
    pub fn slots(&self) -> Vec<Slot> {
        self.entries.iter().map(|(slot, _)| slot).collect()
    }

    fn append(&mut self, slot: Slot) {
        let before = std::mem::replace(&mut self.newest, slot);
        match self.entries.get_mut(before) {
            Some(entry) => entry.newer = slot,
            None => self.oldest = slot,
        }
        if let Some(entry) = self.entries.get_mut(slot) {
            (entry.older, entry.newer) = (before, END);
        }
    }

    fn unlink(&mut self, slot: Slot) {
        let Some(entry) = self.entries.get(slot) else { return };
        let (older, newer) = (entry.older, entry.newer);
        match self.entries.get_mut(older) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
        match self.entries.get_mut(newer) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
    }
}

/// The hash that finds a key's shard and its place there. Its seed differs from process to process, so that clients
/// cannot choose keys that collide.
#[derive(Clone, Debug, Default)]
pub struct Hasher(RandomState);

impl Hasher {
    /// The hash of `key`.
    pub fn hash(&self, key: &Key) -> u64 {
        self.0.hash_one(key)
    }
}
