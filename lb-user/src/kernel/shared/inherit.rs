//! Entries of a process before this one: its maps stay pinned while it runs, and when it was killed.
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use aya::maps::{Array, HashMap, Map, MapData};
use lb_common::stick::{Denied, Entry, EntryKey, Identity, NAME};

use super::{DENIED, ENTRIES, PLACES, TABLES};
use crate::kernel::object;
use crate::stick::backing::words;
use crate::stick::{DataType, Key, KeyType, StickTable, Table, layout};

/// What was found of earlier processes' tables.
#[derive(Default)]
pub struct Inherited(Vec<(Identity, IpAddr, Entry, Denied)>);

/// Reads the tables in folders of pinned maps of this layout. What cannot be read is not there.
pub fn inherit(pin_dir: &Path, object: &str, layout: u32) -> Inherited {
    let ours = format!("{object}-{layout}-");
    let folders = fs::read_dir(pin_dir).into_iter().flatten().flatten();
    let folders = folders.filter(|folder| folder.file_name().to_string_lossy().starts_with(&ours));
    let mut inherited = Inherited::default();
    for folder in folders {
        // A folder that is incomplete or of another build is left alone.
        let _ = inherited.read(&folder.path());
    }
    // Tables keep their entries in this order.
    inherited.0.sort_by_key(|(_, _, entry, _)| entry.expires);
    inherited
}

/// How a table is known to the next process.
pub fn identity(table: &StickTable) -> Identity {
    let mut name = [0; NAME];
    let bytes = table.name.as_bytes();
    let length = bytes.len().min(NAME);
    name[..length].copy_from_slice(&bytes[..length]);
    let mut meaning = DefaultHasher::new();
    table.key.name().hash(&mut meaning);
    for (kind, period) in &table.store {
        (kind.name(), period).hash(&mut meaning);
    }
    Identity {
        name,
        meaning: meaning.finish(),
    }
}

impl Inherited {
    fn read(&mut self, folder: &Path) -> Option<()> {
        let open = |name: &'static str, size: usize| {
            let data = MapData::from_pin(folder.join(name)).ok()?;
            let info = object::info(name, &data).ok()?;
            (info.value_size() as usize == size).then_some(data)
        };
        let places: HashMap<_, EntryKey, u32> =
            HashMap::try_from(Map::HashMap(open(PLACES, size_of::<u32>())?)).ok()?;
        let entries: Array<_, Entry> = Array::try_from(Map::Array(open(ENTRIES, size_of::<Entry>())?)).ok()?;
        let denied: Array<_, Denied> = Array::try_from(Map::Array(open(DENIED, size_of::<Denied>())?)).ok()?;
        let tables: Array<_, Identity> = Array::try_from(Map::Array(open(TABLES, size_of::<Identity>())?)).ok()?;
        for (key, place) in places.iter().flatten() {
            let found = tables.get(&key.table, 0).ok().zip(entries.get(&place, 0).ok());
            if let Some((identity, entry)) = found {
                let denied = denied.get(&place, 0).unwrap_or_default().of(entry.generation);
                self.0
                    .push((identity, Ipv6Addr::from(key.address.bytes).into(), entry, denied));
            }
        }
        Some(())
    }

    /// Gives a table the entries that are its own. `now` is in microseconds of the monotonic clock.
    pub fn give(&mut self, table: &Table, now: u64) {
        let own = identity(table.spec());
        for (_, address, mut entry, denied) in self.0.extract_if(.., |(identity, ..)| *identity == own) {
            let key = match (table.spec().key, address) {
                (KeyType::Ip, IpAddr::V6(address)) => {
                    address.to_ipv4_mapped().map(|v4| Key::new(table.spec(), &v4.octets()))
                }
                (_, IpAddr::V6(address)) => Some(Key::new(table.spec(), &address.octets())),
                (_, IpAddr::V4(_)) => None,
            };
            let Some(key) = key else { continue };
            // Connections of the process before are not ours, and what its servers were called it alone knew.
            entry.conn_cur = 0;
            entry.server_key = 0;
            entry.conn_cnt = entry.conn_cnt.wrapping_add(denied.conn_cnt);
            let rates = table
                .spec()
                .store
                .iter()
                .filter(|(kind, _)| *kind == DataType::ConnRate);
            for period in rates.filter_map(|(_, period)| Some(period.as_ref()?.as_millis() as u64)) {
                let denied = denied.rate().read(period, now / 1_000);
                entry.conn_rate.add(denied, period, now / 1_000);
            }
            let left = entry.expires.saturating_sub(now / 1_000);
            if left == 0 {
                continue;
            }
            let kinds = table.spec().store.iter().map(|(kind, _)| *kind);
            let words = words(&mut entry);
            let data = kinds.map(|kind| {
                (
                    kind,
                    [
                        words[layout::word(kind)],
                        words.get(layout::word(kind) + 1).copied().unwrap_or(0),
                    ],
                )
            });
            let data: Vec<(DataType, [u64; 2])> = data.collect();
            table.restore(&key, now, left, &data);
        }
    }
}
