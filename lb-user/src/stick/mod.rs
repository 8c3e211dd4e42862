//! Stick tables: what is remembered of keys such as addresses, and for how long (manual 4.2 `stick-table`).

mod dictionary;
mod entry;
pub mod key;
pub mod layout;
mod shard;
pub mod table;
#[cfg(test)]
mod tests;
mod tracked;

pub use entry::Entry;
pub use key::Key;
pub use table::Table;
pub use tracked::Tracked;

use std::sync::Arc;

use crate::plan::Plan;
use crate::state::TableId;

/// All tables of a configuration, by id.
pub struct Tables(Vec<Arc<Table>>);

impl Tables {
    /// The plan's tables, empty.
    pub fn new(plan: &Plan) -> Tables {
        Tables(
            plan.tables
                .iter()
                .cloned()
                .map(|spec| Arc::new(Table::new(spec)))
                .collect(),
        )
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
