//! A stick table in memory, shared by all workers.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lb_common::stick::Denied;

use super::backing::{Backing, Data, words};
use super::dictionary::Dictionary;
use super::entry::Entry;
use super::key::Key;
use super::layout::Layout;
use super::shard::{Hasher, Shard, Slot, Stored};
use super::spec::{DataType, StickTable};
use super::tracked::Tracked;

/// Shards of a large table.
const SHARDS: usize = 32;

/// Entries from which a table is large. Smaller ones have one shard, so that eviction takes exactly the oldest entry.
const LARGE: u64 = 65_536;

/// A table. All times are microseconds of the monotonic clock.
pub struct Table {
    spec: StickTable,
    layout: Layout,
    /// Where the kernel reads the entries, and what is where there.
    shared: OnceLock<(Box<dyn Backing>, Layout)>,
    dictionary: Dictionary,
    hasher: Hasher,
    shards: Box<[Mutex<Shard>]>,
    used: AtomicU64,
    /// When the table was last swept.
    swept: AtomicU64,
}

impl Table {
    /// An empty table.
    pub fn new(spec: StickTable) -> Table {
        let shards = if spec.size < LARGE { 1 } else { SHARDS };
        Table {
            layout: Layout::new(&spec.store),
            shared: OnceLock::new(),
            dictionary: Dictionary::default(),
            hasher: Hasher::default(),
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            used: AtomicU64::new(0),
            swept: AtomicU64::new(0),
            spec,
        }
    }

    /// The table as configured.
    pub fn spec(&self) -> &StickTable {
        &self.spec
    }

    /// What its entries store.
    pub fn layout(&self) -> &Layout {
        self.shared.get().map_or(&self.layout, |(_, layout)| layout)
    }

    /// Keeps the entries where the kernel reads them, from now on: before there is any.
    pub fn share(&self, backing: Box<dyn Backing>) {
        if self.used() == 0 {
            // A table is shared once.
            let _ = self.shared.set((backing, self.layout.shared()));
        }
    }

    /// How many entries there are.
    pub fn used(&self) -> u64 {
        self.used.load(Relaxed)
    }

    /// Looks at the entry of `key` without making it younger. `None` where there is none.
    pub fn read<T>(&self, key: &Key, now: u64, look: impl FnOnce(&Entry<'_>) -> T) -> Option<T> {
        let place = self.place(key);
        let mut shard = self.lock(place.shard);
        let slot = self.live(shard.find(place.hash, key), &mut shard, now)?;
        let stored = shard.get(slot)?;
        Some(look(&self.entry(stored, now)))
    }

    /// Changes the entry of `key`, which lives on from now. `None` where there is none.
    pub fn update<T>(&self, key: &Key, now: u64, change: impl FnOnce(&mut Entry<'_>) -> T) -> Option<T> {
        let place = self.place(key);
        let mut shard = self.lock(place.shard);
        let slot = self.live(shard.find(place.hash, key), &mut shard, now)?;
        self.change(&mut shard, slot, now, change)
    }

    /// Changes the entry of `key`, made if need be; it lives on from now. `None` where the table is full.
    pub fn update_or_insert<T>(&self, key: &Key, now: u64, change: impl FnOnce(&mut Entry<'_>) -> T) -> Option<T> {
        let (mut shard, slot) = self.find_or_insert(key, now)?;
        self.change(&mut shard, slot, now, change)
    }

    /// Tracks the entry of `key`, made if need be: it stays while the result lives. `begin` makes the first change.
    /// `None` where the table is full.
    pub fn track(self: &Arc<Self>, key: &Key, now: u64, begin: impl FnOnce(&mut Entry<'_>)) -> Option<Tracked> {
        let place = self.place(key);
        let (mut shard, slot) = self.find_or_insert(key, now)?;
        shard.get(slot)?.uses += 1;
        self.change(&mut shard, slot, now, begin)?;
        Some(Tracked::new(self.clone(), place.shard, slot))
    }

    /// Puts an entry back that an earlier process had, which lives `left` milliseconds from now unless it was used there
    /// last: then as long as any. `data` is what it stores, rates as two words.
    pub fn restore(&self, key: &Key, now: u64, left: u64, data: &[(DataType, [u64; 2])]) {
        let left = self
            .spec
            .expire
            .map_or(left, |expire| left.min(expire.as_millis() as u64));
        let made = match self.spec.expire {
            // It was used so long ago.
            Some(expire) => now.saturating_sub((expire.as_millis() as u64 - left) * 1_000),
            None => now,
        };
        // A full table takes no more.
        let _ = self.update_or_insert(key, made, |entry| {
            for (kind, words) in data {
                entry.restore(*kind, *words);
            }
        });
    }

    /// Removes the entry of `key`. `false` where it is tracked and stays.
    pub fn remove(&self, key: &Key) -> bool {
        let place = self.place(key);
        let mut shard = self.lock(place.shard);
        let Some(slot) = shard.find(place.hash, key) else {
            return true;
        };
        self.remove_slot(&mut shard, slot)
    }

    /// Shows every entry to `visit`, shard by shard, after removing what has expired.
    pub fn for_each(&self, now: u64, mut visit: impl FnMut(&Entry<'_>)) {
        self.sweep(now);
        for index in 0..self.shards.len() {
            let mut shard = self.lock(index);
            for slot in shard.slots() {
                if let Some(stored) = shard.get(slot) {
                    visit(&self.entry(stored, now));
                }
            }
        }
    }

    /// Removes the entries that `dooms` points at and nobody tracks. Says how many it removed.
    pub fn remove_if(&self, now: u64, mut dooms: impl FnMut(&Entry<'_>) -> bool) -> usize {
        let mut removed = 0;
        for index in 0..self.shards.len() {
            let mut shard = self.lock(index);
            for slot in shard.slots() {
                let doomed = shard.get(slot).is_some_and(|stored| dooms(&self.entry(stored, now)));
                if doomed && self.remove_slot(&mut shard, slot) {
                    removed += 1;
                }
            }
        }
        removed
    }

    /// Removes what has expired. To be called now and then; what has expired is not found in any case.
    pub fn sweep(&self, now: u64) {
        if self.spec.expire.is_none() {
            return;
        }
        self.swept.store(now, Relaxed);
        for index in 0..self.shards.len() {
            let mut shard = self.lock(index);
            self.expire(&mut shard, now);
        }
    }

    /// Looks at a tracked entry.
    pub(super) fn read_slot<T>(
        &self,
        shard: usize,
        slot: Slot,
        now: u64,
        f: impl FnOnce(&Entry<'_>) -> T,
    ) -> Option<T> {
        let mut shard = self.lock(shard);
        let stored = shard.get(slot)?;
        Some(f(&self.entry(stored, now)))
    }

    /// Changes a tracked entry and makes it younger.
    pub(super) fn update_slot<T>(
        &self,
        shard: usize,
        slot: Slot,
        now: u64,
        f: impl FnOnce(&mut Entry<'_>) -> T,
    ) -> Option<T> {
        self.change(&mut self.lock(shard), slot, now, f)
    }

    /// Ends one tracking of an entry with a last change. The entry lives on from now, which is the last sweep.
    pub(super) fn release(&self, shard: usize, slot: Slot, end: impl FnOnce(&mut Entry<'_>)) {
        let mut shard = self.lock(shard);
        let Some(stored) = shard.get(slot) else { return };
        stored.uses = stored.uses.saturating_sub(1);
        end(&mut self.entry(stored, 0));
        let expires = self.expiry(self.swept.load(Relaxed)).max(stored.expires);
        shard.touch(slot, expires);
        if let Some(stored) = shard.get(slot) {
            self.tell_expiry(stored);
        }
    }

    fn find_or_insert(&self, key: &Key, now: u64) -> Option<(MutexGuard<'_, Shard>, Slot)> {
        let place = self.place(key);
        let mut shard = self.lock(place.shard);
        if let Some(slot) = self.live(shard.find(place.hash, key), &mut shard, now) {
            return Some((shard, slot));
        }
        if !self.reserve(&mut shard, now) {
            drop(shard);
            self.make_room(now);
            shard = self.lock(place.shard);
            // Someone else may have made the entry meanwhile.
            if let Some(slot) = shard.find(place.hash, key) {
                return Some((shard, slot));
            }
            if !self.reserve(&mut shard, now) {
                return None;
            }
        }
        let data = self.storage(key)?;
        let slot = shard.insert(place.hash, key.clone(), data, self.expiry(now));
        Some((shard, slot))
    }

    /// Takes room for one more entry, from the shard's expired or oldest ones if the table is full.
    fn reserve(&self, shard: &mut Shard, now: u64) -> bool {
        if self.take() {
            return true;
        }
        if self.expire(shard, now) == 0 && !self.spec.nopurge {
            shard.evict().into_iter().for_each(|stored| self.forget(stored));
        }
        self.take()
    }

    /// Frees an entry in any shard, for a new one whose own shard has none to give.
    fn make_room(&self, now: u64) {
        self.sweep(now);
        if self.spec.nopurge {
            return;
        }
        for index in 0..self.shards.len() {
            if self.used() < self.spec.size {
                return;
            }
            let evicted = self.lock(index).evict();
            evicted.into_iter().for_each(|stored| self.forget(stored));
        }
    }

    fn take(&self) -> bool {
        self.used
            .fetch_update(Relaxed, Relaxed, |used| (used < self.spec.size).then_some(used + 1))
            .is_ok()
    }

    fn change<T>(&self, shard: &mut Shard, slot: Slot, now: u64, f: impl FnOnce(&mut Entry<'_>) -> T) -> Option<T> {
        shard.touch(slot, self.expiry(now));
        let stored = shard.get(slot)?;
        let changed = f(&mut self.entry(stored, now));
        self.tell_expiry(stored);
        Some(changed)
    }

    /// Memory for an entry's data, zeroed. A table that is shared, but has no place left, has room for no more.
    fn storage(&self, key: &Key) -> Option<Data> {
        let Some((backing, _)) = self.shared.get() else {
            return Some(Data::Own(vec![0; self.layout.words].into()));
        };
        let place = backing.take(key);
        if place.is_none() {
            self.used.fetch_sub(1, Relaxed);
        }
        place.map(Data::Shared)
    }

    /// Frees what a removed entry took.
    fn forget(&self, stored: Stored) {
        if let (Data::Shared(place), Some((backing, _))) = (&stored.data, self.shared.get()) {
            backing.give(*place, &stored.key);
        }
        self.used.fetch_sub(1, Relaxed);
    }

    /// Removes what has expired from a shard and says how many entries that were. What is tracked lives on, and so does
    /// what the kernel has denied lately.
    fn expire(&self, shard: &mut Shard, now: u64) -> usize {
        let renewed = |stored: &Stored| match stored.uses {
            0 => self
                .last_denied(stored)
                .map(|last| self.expiry(last * 1_000))
                .filter(|expires| *expires > now / 1_000),
            _ => Some(self.expiry(now)),
        };
        let mut gone = 0;
        while let Some(stored) = shard.expire(now / 1_000, renewed) {
            self.forget(stored);
            gone += 1;
        }
        gone
    }

    /// Milliseconds when the kernel last denied a connection of the entry's, if it did.
    fn last_denied(&self, stored: &Stored) -> Option<u64> {
        let (Data::Shared(place), Some((backing, _))) = (&stored.data, self.shared.get()) else {
            return None;
        };
        // SAFETY: the place is the entry's, whose shard is locked.
        let generation = unsafe { &*backing.entry(*place) }.generation;
        Some(backing.denied(*place).of(generation).last).filter(|last| *last > 0)
    }

    /// Tells the kernel until when an entry lives.
    fn tell_expiry(&self, stored: &Stored) {
        if let (Data::Shared(place), Some((backing, _))) = (&stored.data, self.shared.get()) {
            let expires = if stored.uses > 0 { u64::MAX } else { stored.expires };
            // SAFETY: the place is the entry's, whose shard is locked.
            unsafe { (*backing.entry(*place)).expires = expires };
        }
    }

    /// The slot, unless what it holds has expired, which is then removed.
    fn live(&self, slot: Option<Slot>, shard: &mut Shard, now: u64) -> Option<Slot> {
        let slot = slot?;
        let stored = shard.get(slot)?;
        let expires = stored
            .expires
            .max(self.last_denied(stored).map_or(0, |last| self.expiry(last * 1_000)));
        if expires > now / 1_000 || stored.uses > 0 {
            return Some(slot);
        }
        self.remove_slot(shard, slot);
        None
    }

    fn remove_slot(&self, shard: &mut Shard, slot: Slot) -> bool {
        match shard.get(slot) {
            Some(stored) if stored.uses == 0 => {
                shard.remove(slot).into_iter().for_each(|stored| self.forget(stored));
                true
            }
            _ => false,
        }
    }

    fn entry<'a>(&'a self, stored: &'a mut Stored, now: u64) -> Entry<'a> {
        let now = now / 1_000;
        let (data, denied) = match (&mut stored.data, self.shared.get()) {
            (Data::Own(words), _) => (&mut **words, Denied::default()),
            (Data::Shared(place), Some((backing, _))) => {
                // SAFETY: the place is the entry's, whose shard is locked for as long as this borrow of it lasts. The
                // kernel only reads it.
                let entry = unsafe { &mut *backing.entry(*place) };
                let denied = backing.denied(*place).of(entry.generation);
                (words(entry), denied)
            }
            (Data::Shared(_), None) => (&mut [][..], Denied::default()),
        };
        Entry {
            key: &stored.key,
            id: stored.hash,
            uses: stored.uses,
            expires_in: match stored.expires {
                u64::MAX => 0,
                expires => expires.saturating_sub(now),
            },
            data,
            denied,
            layout: self.layout(),
            dictionary: &self.dictionary,
            now,
        }
    }

    /// Milliseconds when an entry used `now` expires.
    fn expiry(&self, now: u64) -> u64 {
        match self.spec.expire {
            Some(expire) => (now / 1_000).saturating_add(expire.as_millis() as u64),
            None => u64::MAX,
        }
    }

    fn place(&self, key: &Key) -> Place {
        let hash = self.hasher.hash(key);
        Place {
            hash,
            // The low bits choose the place within a shard.
            shard: (hash >> 32) as usize % self.shards.len().max(1),
        }
    }

    /// Locks a shard. Indices come from `place` and from counting, so they are below the number of shards.
    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard> {
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a key belongs.
struct Place {
    hash: u64,
    shard: usize,
}
