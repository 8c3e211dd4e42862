//! The gate's maps in the kernel, and how rules get into them.
//!
//! A rule list never changes in the maps: it is written under a new number, then the listeners are pointed to it one by one, and the
//! old one goes when no program can still be reading it. So every packet is judged by all of one list. The kernel programs only
//! count; everything else here has one writer.
use std::collections::{BTreeMap, BTreeSet};

use aya::Ebpf;
use aya::maps::lpm_trie::Key;
use aya::maps::{HashMap, LpmTrie, MapData, MapError, MapType, PerCpuArray, ProgramArray};
use aya::programs::ProgramFd;
use lb_common::gate::{ListenerKey, RECENT, Reasons, RuleCounter, SourceKey, Verdict};
use lb_common::packet::Address;
use lb_common::stick::Watch;
use rustix::thread::{MembarrierCommand, membarrier};

use super::tables::{List, Network, Tables};
use crate::kernel::KernelError;
use crate::kernel::object::{self, Layout, MapStatus};
use crate::kernel::pins::Pins;

const LOCAL: &str = "GATE_LOCAL";
const LISTENERS: &str = "GATE_LISTENERS";
const HOSTS: &str = "GATE_HOSTS";
const NETWORKS: &str = "GATE_NETWORKS";
const RULES: &str = "GATE_RULES";
const REASONS: &str = "GATE_REASONS";
const RECENT_ATTEMPTS: &str = "GATE_RECENT";
const WATCH: &str = "GATE_WATCH";
const NEXT: &str = "GATE_NEXT";

/// What the maps are, with room for the rules at hand and for as many again while they are exchanged, and for growth.
pub fn layouts(tables: &Tables) -> [Layout; 9] {
    const NO_PREALLOC: u32 = 1;
    let (hosts, networks) = tables.sizes();
    let room = |entries: usize, least: u32| -> u32 {
        let room = entries.saturating_mul(4).next_power_of_two();
        u32::try_from(room).unwrap_or(1 << 31).max(least)
    };
    let layout = |map, kind, key, value, flags, capacity| Layout {
        map,
        kind,
        key,
        value,
        flags,
        capacity,
    };
    let address = size_of::<Address>();
    let (listener, source, verdict) = (size_of::<ListenerKey>(), size_of::<SourceKey>(), size_of::<Verdict>());
    let (index, list) = (size_of::<u32>(), size_of::<u32>());
    let prefix = size_of::<Key<SourceKey>>();
    [
        layout(LOCAL, MapType::Hash, address, index, NO_PREALLOC, 1 << 14),
        layout(
            LISTENERS,
            MapType::Hash,
            listener,
            list,
            NO_PREALLOC,
            room(tables.listeners.len(), 1 << 12),
        ),
        layout(HOSTS, MapType::Hash, source, verdict, NO_PREALLOC, room(hosts, 1 << 16)),
        // A trie's capacity costs nothing.
        layout(
            NETWORKS,
            MapType::LpmTrie,
            prefix,
            verdict,
            NO_PREALLOC,
            room(networks, 1 << 24),
        ),
        layout(
            RULES,
            MapType::PerCpuArray,
            index,
            size_of::<RuleCounter>(),
            0,
            room(tables.counters as usize, 1 << 8),
        ),
        layout(REASONS, MapType::PerCpuArray, index, size_of::<Reasons>(), 0, 1),
        layout(RECENT_ATTEMPTS, MapType::Array, index, size_of::<u64>(), 0, RECENT),
        layout(
            WATCH,
            MapType::Hash,
            list,
            size_of::<Watch>(),
            NO_PREALLOC,
            room(tables.lists.len(), 1 << 8),
        ),
        layout(NEXT, MapType::ProgramArray, index, index, 0, 1),
    ]
}

/// The maps, and what was written to them.
pub struct KernelMaps {
    local: HashMap<MapData, Address, u32>,
    listeners: HashMap<MapData, ListenerKey, u32>,
    hosts: HashMap<MapData, SourceKey, Verdict>,
    networks: LpmTrie<MapData, SourceKey, Verdict>,
    rules: PerCpuArray<MapData, RuleCounter>,
    reasons: PerCpuArray<MapData, Reasons>,
    watch: HashMap<MapData, u32, Watch>,
    next: ProgramArray<MapData>,
    status: Vec<MapStatus>,
    /// What `local` holds.
    addresses: BTreeMap<Address, u32>,
    /// What `listeners` holds.
    published: BTreeMap<ListenerKey, u32>,
    /// What `hosts` and `networks` hold, by the lists' numbers.
    lists: BTreeMap<u32, List>,
    /// The lists that no listener pointed to after the last change.
    unused: BTreeSet<u32>,
    next_list: u32,
}

impl KernelMaps {
    /// Takes the maps out of the loaded object, and pins them where that is wanted. `status` is that of all maps of the object.
    pub fn new(
        ebpf: &mut Ebpf,
        layouts: [Layout; 9],
        status: Vec<MapStatus>,
        mut pins: Option<&mut Pins>,
    ) -> Result<Self, KernelError> {
        if let Some(pins) = &mut pins {
            pins.add_maps(ebpf, &layouts)?;
        }
        let [local, listeners, hosts, networks, rules, reasons, _, watch, next] = &layouts;
        Ok(Self {
            local: object::take(ebpf, local)?,
            listeners: object::take(ebpf, listeners)?,
            hosts: object::take(ebpf, hosts)?,
            networks: object::take(ebpf, networks)?,
            rules: object::take(ebpf, rules)?,
            reasons: object::take(ebpf, reasons)?,
            watch: object::take(ebpf, watch)?,
            next: object::take(ebpf, next)?,
            status,
            addresses: BTreeMap::new(),
            published: BTreeMap::new(),
            lists: BTreeMap::new(),
            unused: BTreeSet::new(),
            next_list: 0,
        })
    }

    /// The maps as `bpftool` knows them.
    pub fn status(&self) -> &[MapStatus] {
        &self.status
    }

    /// Has a program take over what passes to a listener.
    pub fn chain(&mut self, program: &ProgramFd) -> Result<(), KernelError> {
        let set = self.next.set(0, program, 0);
        set.map_err(|error| object::map_error(NEXT, "write to", &error))
    }

    /// How many listeners and how many verdicts the maps hold.
    pub fn entries(&self) -> (usize, usize) {
        (
            self.published.len(),
            self.lists.values().map(|list| list.networks.len()).sum(),
        )
    }

    /// Replaces the host's own addresses.
    pub fn set_local(&mut self, addresses: BTreeMap<Address, u32>) -> Result<(), KernelError> {
        for address in self
            .addresses
            .keys()
            .filter(|address| !addresses.contains_key(*address))
        {
            gone(self.local.remove(address)).map_err(|error| object::map_error(LOCAL, "remove from", &error))?;
        }
        for (address, index) in &addresses {
            if self.addresses.get(address) != Some(index) {
                let inserted = self.local.insert(address, index, 0);
                inserted.map_err(|error| insert_error(&self.status, LOCAL, addresses.len(), &error))?;
            }
        }
        self.addresses = addresses;
        Ok(())
    }

    /// Replaces the rules. Where that fails the maps hold none at all: userspace decides alone then, and never by half a list.
    pub fn publish(&mut self, tables: &Tables) -> Result<(), KernelError> {
        let published = self.try_publish(tables);
        if published.is_err() {
            // An error here comes on top of the one at hand, which says why the gate stands open.
            let _ = self.listen(BTreeMap::new()).and_then(|()| self.retire());
        }
        published
    }

    fn try_publish(&mut self, tables: &Tables) -> Result<(), KernelError> {
        let capacity = self.rules.len() as usize;
        if tables.counters as usize > capacity {
            return Err(KernelError::Full {
                map: RULES,
                needed: tables.counters as usize,
                capacity,
            });
        }
        let numbers = tables
            .lists
            .iter()
            .map(|list| self.write(list))
            .collect::<Result<Vec<_>, _>>()?;
        let listeners = &tables.listeners;
        self.listen(
            listeners
                .iter()
                .filter_map(|(key, &list)| Some((*key, *numbers.get(list)?)))
                .collect(),
        )?;
        self.retire()
    }

    /// Writes a list that the maps do not hold yet, and answers with its number.
    fn write(&mut self, list: &List) -> Result<u32, KernelError> {
        if let Some((&number, _)) = self.lists.iter().find(|(_, known)| *known == list) {
            return Ok(number);
        }
        let number = self.next_list;
        self.next_list = number.wrapping_add(1);
        // Known from its first entry on, so that one that fails halfway is retired too.
        self.lists.insert(number, list.clone());
        for (network, verdict) in &list.networks {
            let key = source_key(number, network);
            if network.is_host() {
                let inserted = self.hosts.insert(key, verdict, 0);
                inserted.map_err(|error| insert_error(&self.status, HOSTS, list.networks.len(), &error))?;
            } else {
                let inserted = self.networks.insert(&prefix_key(key, network), verdict, 0);
                inserted.map_err(|error| insert_error(&self.status, NETWORKS, list.networks.len(), &error))?;
            }
        }
        if let Some(watch) = &list.watch {
            let inserted = self.watch.insert(number, watch, 0);
            inserted.map_err(|error| insert_error(&self.status, WATCH, self.lists.len(), &error))?;
        }
        Ok(number)
    }

    /// Points the listeners to their lists.
    fn listen(&mut self, wanted: BTreeMap<ListenerKey, u32>) -> Result<(), KernelError> {
        for (key, list) in &wanted {
            if self.published.get(key) != Some(list) {
                let inserted = self.listeners.insert(key, list, 0);
                inserted.map_err(|error| insert_error(&self.status, LISTENERS, wanted.len(), &error))?;
                self.published.insert(*key, *list);
            }
        }
        for key in self.published.keys().filter(|key| !wanted.contains_key(*key)) {
            gone(self.listeners.remove(key)).map_err(|error| object::map_error(LISTENERS, "remove from", &error))?;
        }
        self.published = wanted;
        Ok(())
    }

    /// Removes the lists that no listener points to any more and no program still reads.
    fn retire(&mut self) -> Result<(), KernelError> {
        let used: BTreeSet<u32> = self.published.values().copied().collect();
        let unused: BTreeSet<u32> = self
            .lists
            .keys()
            .filter(|number| !used.contains(*number))
            .copied()
            .collect();
        let before = std::mem::replace(&mut self.unused, unused.clone());
        // Waits for every program that runs now. A kernel with tickless processors refuses to; there the lists go one change of the
        // rules later, which is long after.
        let waited = !unused.is_empty() && membarrier(MembarrierCommand::Global).is_ok();
        for number in unused {
            if waited || before.contains(&number) {
                self.erase(number)?;
            }
        }
        Ok(())
    }

    fn erase(&mut self, number: u32) -> Result<(), KernelError> {
        let Some(list) = self.lists.remove(&number) else {
            return Ok(());
        };
        gone(self.watch.remove(&number)).map_err(|error| object::map_error(WATCH, "remove from", &error))?;
        for network in list.networks.keys() {
            let key = source_key(number, network);
            if network.is_host() {
                gone(self.hosts.remove(&key)).map_err(|error| object::map_error(HOSTS, "remove from", &error))?;
            } else {
                let removed = gone(self.networks.remove(&prefix_key(key, network)));
                removed.map_err(|error| object::map_error(NETWORKS, "remove from", &error))?;
            }
        }
        Ok(())
    }

    /// What the rule of that id matched, on all processors.
    pub fn rule(&self, id: u32) -> Result<RuleCounter, KernelError> {
        let values = self
            .rules
            .get(&id, 0)
            .map_err(|error| object::map_error(RULES, "read", &error))?;
        Ok(values.iter().fold(RuleCounter::default(), |sum, counter| RuleCounter {
            connections: sum.connections + counter.connections,
            packets: sum.packets + counter.packets,
        }))
    }

    /// What became of the packets, on all processors, by the reasons' names.
    pub fn reasons(&self) -> Result<Vec<(&'static str, u64)>, KernelError> {
        let processors = self
            .reasons
            .get(&0, 0)
            .map_err(|error| object::map_error(REASONS, "read", &error))?;
        let mut sums: Vec<_> = Reasons::NAMES.iter().map(|&name| (name, 0)).collect();
        for reasons in processors.iter() {
            for ((_, sum), value) in sums.iter_mut().zip(reasons.values()) {
                *sum += value;
            }
        }
        Ok(sums)
    }
}

fn source_key(list: u32, network: &Network) -> SourceKey {
    SourceKey {
        list,
        address: network.address,
    }
}

fn prefix_key(source: SourceKey, network: &Network) -> Key<SourceKey> {
    Key::new(SourceKey::LIST_BITS + u32::from(network.length), source)
}

/// Removing what is not there is no error.
fn gone(removed: Result<(), MapError>) -> Result<(), MapError> {
    match removed {
        Err(MapError::KeyNotFound | MapError::ElementNotFound) => Ok(()),
        Err(error) if object::errno(&error) == Some(libc::ENOENT) => Ok(()),
        other => other,
    }
}

fn insert_error(status: &[MapStatus], map: &'static str, needed: usize, error: &MapError) -> KernelError {
    match object::errno(error) {
        Some(libc::E2BIG | libc::ENOSPC) => KernelError::Full {
            map,
            needed,
            capacity: status
                .iter()
                .find(|status| status.name == map)
                .map_or(0, |status| status.capacity as usize),
        },
        _ => object::map_error(map, "write to", error),
    }
}
