//! Stick tables that the gate reads: entries in mapped memory, and the places where the kernel finds them.
mod inherit;
mod mapped;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use aya::Ebpf;
use aya::maps::{Array, HashMap, MapData, MapType};
use lb_common::packet::Address;
use lb_common::stick::{self, Denied, Entry, EntryKey, Identity, Native, Seen};

pub use self::inherit::{Inherited, inherit};
use self::mapped::Mapped;
use super::KernelError;
use super::object::{self, Layout};
use crate::stick::{Backing, Key, Table};

const PLACES: &str = "STICK_PLACES";
const ENTRIES: &str = "STICK_ENTRIES";
const DENIED: &str = "STICK_DENIED";
const TABLES: &str = "STICK_TABLES";

/// The most entries that a table can have to be shared: their memory is taken when the gate is loaded.
pub const LARGEST: u64 = 1 << 17;

/// What the maps are, with room for so many entries of so many tables.
pub fn layouts(entries: u32, tables: u32) -> [Layout; 4] {
    const NO_PREALLOC: u32 = 1;
    const MMAPABLE: u32 = 1 << 10;
    let index = size_of::<u32>();
    let layout = |map, kind, key, value, flags, capacity: u32| Layout {
        map,
        kind,
        key,
        value,
        flags,
        capacity: capacity.max(1),
    };
    [
        layout(
            PLACES,
            MapType::Hash,
            size_of::<EntryKey>(),
            index,
            NO_PREALLOC,
            entries,
        ),
        layout(ENTRIES, MapType::Array, index, size_of::<Entry>(), MMAPABLE, entries),
        layout(DENIED, MapType::Array, index, size_of::<Denied>(), MMAPABLE, entries),
        layout(TABLES, MapType::Array, index, size_of::<Identity>(), 0, tables),
    ]
}

/// The entries of all shared tables.
pub struct Shared {
    entries: Mapped<Entry>,
    denied: Mapped<Denied>,
    places: Mutex<Places>,
    /// The kernel's names of the tables.
    tables: Option<Mutex<Array<MapData, Identity>>>,
}

struct Places {
    found: Found,
    /// Given back.
    free: Vec<u32>,
    /// The first that was never taken.
    next: u32,
    capacity: u32,
}

/// Where places are found by key.
enum Found {
    Kernel(HashMap<MapData, EntryKey, u32>),
    Memory(BTreeMap<EntryKey, u32>),
}

impl Shared {
    /// Entries in memory that only the gate's twin reads.
    ///
    /// # Errors
    /// [`KernelError::Map`] where there is no memory.
    pub fn twin(capacity: u32) -> Result<Shared, KernelError> {
        let capacity = capacity.max(1);
        Ok(Shared {
            entries: Mapped::new(ENTRIES, None, capacity)?,
            denied: Mapped::new(DENIED, None, capacity)?,
            places: Mutex::new(Places::new(Found::Memory(BTreeMap::new()), capacity)),
            tables: None,
        })
    }

    /// Takes the maps out of the loaded object.
    ///
    /// # Errors
    /// [`KernelError::Map`] where their memory cannot be mapped.
    pub fn new(ebpf: &mut Ebpf, layouts: &[Layout; 4]) -> Result<Shared, KernelError> {
        let [places, entries, denied, tables] = layouts;
        Ok(Shared {
            entries: Mapped::new(ENTRIES, Some(object::check(ebpf, entries)?), entries.capacity)?,
            denied: Mapped::new(DENIED, Some(object::check(ebpf, denied)?), denied.capacity)?,
            places: Mutex::new(Places::new(
                Found::Kernel(object::take(ebpf, places)?),
                entries.capacity,
            )),
            tables: Some(Mutex::new(object::take(ebpf, tables)?)),
        })
    }

    /// Keeps a table's entries here from now on. `number` is the one that the gate's rules know it by.
    ///
    /// # Errors
    /// [`KernelError::Map`] where the table cannot be named.
    pub fn share(self: &Arc<Self>, number: u32, table: &Table) -> Result<(), KernelError> {
        if let Some(tables) = &self.tables {
            let mut tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
            let named = tables.set(number, inherit::identity(table.spec()), 0);
            named.map_err(|error| object::map_error(TABLES, "write to", &error))?;
        }
        table.share(Box::new(Part {
            shared: Arc::clone(self),
            table: number,
        }));
        Ok(())
    }
}

/// What the twin does as the kernel's program does it.
impl Shared {
    /// The place of an entry.
    pub fn place(&self, key: &EntryKey) -> Option<u32> {
        match &self.places.lock().unwrap_or_else(PoisonError::into_inner).found {
            Found::Kernel(places) => places.get(key, 0).ok(),
            Found::Memory(places) => places.get(key).copied(),
        }
    }

    /// The entry in a place.
    pub fn seen(&self, place: u32) -> Seen<'_> {
        // SAFETY: the place is within the map, and an entry is nothing but words.
        unsafe {
            Seen {
                words: &*self.entries.get(place).cast(),
                denied: self.denied.get(place).read_volatile(),
            }
        }
    }

    /// Counts a denied connection.
    pub fn count_denied(&self, place: u32, generation: u64, period: u64, now: u64) {
        // SAFETY: the place is within the map, and nothing else changes what was denied.
        unsafe { stick::count::<Native>(self.denied.get(place), generation, period, now) }
    }
}

impl Places {
    fn new(found: Found, capacity: u32) -> Places {
        Places {
            found,
            free: Vec::new(),
            next: 0,
            capacity,
        }
    }

    /// A place that nobody has.
    fn free(&mut self) -> Option<u32> {
        self.free.pop().or_else(|| {
            let place = self.next;
            self.next += u32::from(place < self.capacity);
            (place < self.capacity).then_some(place)
        })
    }
}

impl Found {
    fn insert(&mut self, key: EntryKey, place: u32) {
        match self {
            // An entry that the kernel does not find is judged by userspace alone.
            Found::Kernel(places) => drop(places.insert(key, place, 0)),
            Found::Memory(places) => drop(places.insert(key, place)),
        }
    }

    fn remove(&mut self, key: &EntryKey) {
        match self {
            // One that is not there is not found either.
            Found::Kernel(places) => drop(places.remove(key)),
            Found::Memory(places) => drop(places.remove(key)),
        }
    }
}

/// The part of one table.
struct Part {
    shared: Arc<Shared>,
    table: u32,
}

impl Part {
    fn key(&self, key: &Key) -> Option<EntryKey> {
        let bytes = key.bytes();
        let address = match <[u8; 4]>::try_from(bytes) {
            Ok(v4) => Address::v4(v4),
            Err(_) => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?).into(),
        };
        Some(EntryKey {
            table: self.table,
            address,
        })
    }
}

impl Backing for Part {
    fn take(&self, key: &Key) -> Option<u32> {
        let key = self.key(key)?;
        let mut places = self.shared.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.free()?;
        // SAFETY: nobody else has the place, and the kernel does not find it yet.
        unsafe {
            let entry = &mut *self.shared.entries.get(place);
            *entry = Entry {
                generation: entry.generation + 1,
                ..Entry::default()
            };
        }
        places.found.insert(key, place);
        Some(place)
    }

    fn give(&self, place: u32, key: &Key) {
        let mut places = self.shared.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = self.key(key) {
            places.found.remove(&key);
        }
        places.free.push(place);
    }

    fn entry(&self, place: u32) -> *mut Entry {
        self.shared.entries.get(place)
    }

    fn denied(&self, place: u32) -> Denied {
        // SAFETY: the place is within the map; the kernel changes the words one by one.
        unsafe { self.shared.denied.get(place).read_volatile() }
    }
}
