//! An entry that a stream follows (`track-sc`).

use std::sync::Arc;

use super::entry::Entry;
use super::shard::Slot;
use super::table::Table;

/// Keeps an entry from being evicted or expiring, until dropped.
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
        self.table.release(self.shard, self.slot);
    }
}
