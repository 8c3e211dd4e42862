//! Stick tables: what is remembered of keys such as addresses, and for how long (manual 4.2 `stick-table`).

pub mod backing;
mod dictionary;
mod entry;
pub mod key;
pub mod layout;
mod shard;
mod spec;
pub mod table;
#[cfg(test)]
mod tests;
mod tracked;

pub use backing::Backing;
pub use entry::Entry;
pub use key::Key;
pub use spec::{DataKind, DataType, KeyType, StickTable};
pub use table::Table;
pub use tracked::{Counters, SETS, Tracked};

use std::sync::Arc;

/// A stick table. Tables are numbered in the file's order, whichever section declares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u32);

impl TableId {
    /// The position in the vectors.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// All tables of a configuration, by id.
#[derive(Default)]
pub struct Tables(Vec<Arc<Table>>);

impl Tables {
    /// Tables as configured, empty.
    pub fn new(specs: &[StickTable]) -> Tables {
        Tables(specs.iter().cloned().map(|spec| Arc::new(Table::new(spec))).collect())
    }

    /// The table with that id.
    pub fn get(&self, id: TableId) -> Option<&Arc<Table>> {
        self.0.get(id.index())
    }

    /// The table that the section `name` declares.
    pub fn named(&self, name: &str) -> Option<&Arc<Table>> {
        self.0.iter().find(|table| table.spec().name == name)
    }

    /// All of them, in the order they were declared.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Table>> {
        self.0.iter()
    }

    /// Removes what has expired; to be called about every second.
    pub fn sweep(&self, now: u64) {
        for table in self.iter() {
            table.sweep(now);
        }
    }
}
