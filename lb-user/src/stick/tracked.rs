//! Entries that a session or a stream follows (`track-sc0`).

use std::fmt;
use std::sync::Arc;

use super::entry::Entry;
use super::key::Key;
use super::shard::Slot;
use super::spec::DataType;
use super::table::Table;

/// Keeps an entry from being evicted or expiring, until dropped. Meanwhile it is one of the entry's `conn_cur`.
pub struct Tracked {
    table: Arc<Table>,
    shard: usize,
    slot: Slot,
}

impl Tracked {
    /// Takes over a use that was counted on the entry.
    pub(super) fn new(table: Arc<Table>, shard: usize, slot: Slot) -> Tracked {
        Tracked { table, shard, slot }
    }

    /// The table it is in.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Looks at the entry.
    pub fn read<T>(&self, now: u64, look: impl FnOnce(&Entry<'_>) -> T) -> Option<T> {
        self.table.read_slot(self.shard, self.slot, now, look)
    }

    /// Changes the entry, which lives on from now.
    pub fn update<T>(&self, now: u64, change: impl FnOnce(&mut Entry<'_>) -> T) -> Option<T> {
        self.table.update_slot(self.shard, self.slot, now, change)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.table.release(self.shard, self.slot, |entry| {
            entry.subtract(DataType::ConnCur, 1);
        });
    }
}

/// How many entries one session or stream can follow (`sc0` to `sc2`).
pub const SETS: usize = 3;

/// The sets of counters of a session or of a stream: the entries that it follows, by the set's number.
#[derive(Default)]
pub struct Counters([Option<Tracked>; SETS]);

impl Counters {
    /// The entry that a set follows.
    pub fn get(&self, set: usize) -> Option<&Tracked> {
        self.0.get(set)?.as_ref()
    }

    /// Does no set follow anything?
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Lets a set follow the entry of `key`, as one connection more, unless it follows one already. `also` changes the
    /// entry at the same time. A full table is left alone.
    pub fn track(&mut self, set: usize, table: &Arc<Table>, key: &Key, now: u64, also: impl FnOnce(&mut Entry<'_>)) {
        if let Some(free @ None) = self.0.get_mut(set) {
            *free = table.track(key, now, |entry| {
                entry.add(DataType::ConnCur, 1);
                entry.count(DataType::ConnCnt, DataType::ConnRate, 1);
                also(entry);
            });
        }
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|set| set.as_ref().map(|set| &set.table.spec().name));
        f.debug_list().entries(names).finish()
    }
}
