//! The maps of forwarding, and how services get into them.
//!
//! Rings are written into the half of the slots that no service points to; then the services are pointed there. So every choice is
//! made from all of one ring.
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use aya::Ebpf;
use aya::maps::{Array, HashMap, MapData, MapError, MapType, PerCpuArray, RingBuf};
use lb_common::flow::{Choice, Event, Load, Reason, Server, Service, ServiceKey, Slot, Tuple, Way, index_bits};

use super::batch::Walk;
use super::{Ring, Size, Targets};
use crate::kernel::KernelError;
use crate::kernel::object::{self, Layout};
use crate::kernel::pins::Pins;

const WAYS: &str = "FLOW_WAYS";
const SERVICES: &str = "FLOW_SERVICES";
const SERVERS: &str = "FLOW_SERVERS";
const SLOTS: &str = "FLOW_SLOTS";
const LOADS: &str = "FLOW_LOADS";
const OTHERS: &str = "FLOW_OTHERS";
const PEERS: &str = "FLOW_PEERS";
const REASONS: &str = "FLOW_REASONS";
const EVENTS: &str = "FLOW_EVENTS";

/// How many elements are read at once.
const BATCH: usize = 1024;

const NO_PREALLOC: u32 = 1;

/// What the maps are for so many connections, services and servers.
pub fn layouts(size: &Size) -> [Layout; 9] {
    let layout = |map, kind, key, value, flags, capacity| Layout {
        map,
        kind,
        key,
        value,
        flags,
        capacity,
    };
    let hash = |map, key, value, capacity| layout(map, MapType::Hash, key, value, NO_PREALLOC, capacity);
    let array = |map, value, capacity| layout(map, MapType::Array, size_of::<u32>(), value, 0, capacity);
    let number = size_of::<u32>();
    [
        hash(WAYS, size_of::<Tuple>(), size_of::<Way>(), size.ways()),
        hash(SERVICES, size_of::<ServiceKey>(), size_of::<Service>(), 1 << 16),
        hash(SERVERS, number, size_of::<Server>(), size.numbers),
        array(SLOTS, size_of::<Slot>(), size.half_slots() * 2),
        array(LOADS, size_of::<Load>(), size.numbers),
        array(OTHERS, size_of::<i32>(), size.numbers),
        hash(PEERS, number, number, 1 << 10),
        layout(
            REASONS,
            MapType::PerCpuArray,
            number,
            size_of::<u64>(),
            0,
            Reason::NAMES.len() as u32,
        ),
        layout(EVENTS, MapType::RingBuf, 0, 0, 0, 1 << 23),
    ]
}

/// The maps, and what was written to them.
pub struct Maps {
    ways: HashMap<MapData, Tuple, Way>,
    services: HashMap<MapData, ServiceKey, Service>,
    servers: HashMap<MapData, u32, Server>,
    slots: Array<MapData, Slot>,
    loads: Array<MapData, Load>,
    others: Array<MapData, i32>,
    peers: HashMap<MapData, u32, u32>,
    reasons: PerCpuArray<MapData, u64>,
    pub events: RingBuf<MapData>,
    walk: Walk<Tuple, Way>,
    /// The descriptor of `ways`.
    walked: OwnedFd,
    /// What `services` and `servers` hold.
    published: BTreeMap<ServiceKey, Service>,
    known: BTreeMap<u32, Server>,
    /// What the half of the slots in use holds.
    rings: Vec<Ring>,
    /// The first slot of the half in use.
    half: u32,
    half_slots: u32,
    /// What `others` holds.
    told: BTreeMap<u32, i32>,
}

impl Maps {
    /// Takes the maps out of the loaded object, and pins them where that is wanted.
    pub fn new(ebpf: &mut Ebpf, size: &Size, pins: Option<&mut Pins>) -> Result<Self, KernelError> {
        let layouts = layouts(size);
        let mut walked = None;
        for layout in &layouts {
            let data = object::check(ebpf, layout)?;
            if layout.map == WAYS {
                walked = data.fd().as_fd().try_clone_to_owned().ok();
            }
        }
        if let Some(pins) = pins {
            pins.add_maps(ebpf, &layouts)?;
        }
        let [ways, services, servers, slots, loads, others, peers, reasons, events] = &layouts;
        Ok(Self {
            ways: object::take(ebpf, ways)?,
            services: object::take(ebpf, services)?,
            servers: object::take(ebpf, servers)?,
            slots: object::take(ebpf, slots)?,
            loads: object::take(ebpf, loads)?,
            others: object::take(ebpf, others)?,
            peers: object::take(ebpf, peers)?,
            reasons: object::take(ebpf, reasons)?,
            events: object::take(ebpf, events)?,
            walk: Walk::new(BATCH),
            walked: walked.ok_or_else(|| KernelError::Map {
                map: WAYS,
                verb: "share",
                why: "no descriptor is free".to_owned(),
            })?,
            published: BTreeMap::new(),
            known: BTreeMap::new(),
            rings: Vec::new(),
            half: 0,
            half_slots: size.half_slots(),
            told: BTreeMap::new(),
        })
    }

    /// Makes the maps say what `targets` says.
    pub fn publish(&mut self, targets: &Targets) -> Result<(), KernelError> {
        for (number, server) in &targets.servers {
            if self.known.get(number) != Some(server) {
                written(SERVERS, self.servers.insert(number, server, 0))?;
                self.known.insert(*number, *server);
            }
        }
        if self.rings != targets.rings {
            self.half = if self.half == 0 { self.half_slots } else { 0 };
            self.write_rings(&targets.rings)?;
            self.rings.clone_from(&targets.rings);
        }
        let starts = starts(&targets.rings, self.half, self.half_slots);
        let mut wanted = BTreeMap::new();
        for (key, (ring, service)) in &targets.services {
            let (Some(ring), Some(Some(start))) = (targets.rings.get(*ring), starts.get(*ring)) else {
                continue;
            };
            wanted.insert(*key, ring.in_service(*service, *start));
        }
        for key in self.published.keys().filter(|key| !wanted.contains_key(*key)) {
            written(SERVICES, self.services.remove(key))?;
        }
        for (key, service) in &wanted {
            if self.published.get(key) != Some(service) {
                written(SERVICES, self.services.insert(key, service, 0))?;
            }
        }
        self.published = wanted;
        Ok(())
    }

    fn write_rings(&mut self, rings: &[Ring]) -> Result<(), KernelError> {
        let starts = starts(rings, self.half, self.half_slots);
        for (ring, start) in rings.iter().zip(starts) {
            let Some(start) = start else { continue };
            let first = start - ring.index_length();
            for (at, slot) in (first..).zip(ring.index().chain(ring.slots.iter().copied())) {
                written(SLOTS, self.slots.set(at, slot, 0))?;
            }
        }
        Ok(())
    }

    /// Says how many connections userspace knows of beside the kernel's own.
    pub fn set_others(&mut self, number: u32, others: i32) -> Result<(), KernelError> {
        if self.told.get(&number).copied().unwrap_or(0) != others {
            written(OTHERS, self.others.set(number, others, 0))?;
            self.told.insert(number, others);
        }
        Ok(())
    }

    /// Says which interfaces lead into other network namespaces.
    pub fn add_peer(&mut self, interface: u32) -> Result<(), KernelError> {
        written(PEERS, self.peers.insert(interface, 1, 0))
    }

    /// Connections that the kernel has counted as begun and not as ended.
    pub fn load(&self, number: u32) -> Result<i64, KernelError> {
        let load = self.loads.get(&number, 0);
        let load = load.map_err(|error| object::map_error(LOADS, "read", &error))?;
        Ok(load.opened.wrapping_sub(load.ended) as i64)
    }

    /// The way with that tuple.
    pub fn way(&self, tuple: &Tuple) -> Option<Way> {
        self.ways.get(tuple, 0).ok()
    }

    /// Removes a way. One that is gone already is no error.
    pub fn remove(&mut self, tuple: &Tuple) {
        let _ = self.ways.remove(tuple);
    }

    /// Changes a way.
    pub fn set(&mut self, tuple: &Tuple, way: &Way) -> Result<(), KernelError> {
        written(WAYS, self.ways.insert(tuple, way, 0))
    }

    /// Reads some of the ways. Answers whether the walk through them is at its end.
    pub fn walk(&mut self, each: impl FnMut(Tuple, Way)) -> io::Result<bool> {
        self.walk.step(&self.walked, each)
    }

    /// How many services are published.
    pub fn services(&self) -> usize {
        self.published.len()
    }

    /// What became of packets, on all processors, by the reasons' names.
    pub fn reasons(&self) -> Result<Vec<(&'static str, u64)>, KernelError> {
        let count = |(at, &name)| {
            let values = self.reasons.get(&at, 0);
            let values = values.map_err(|error| object::map_error(REASONS, "read", &error))?;
            Ok((name, values.iter().sum()))
        };
        (0..).zip(Reason::NAMES).map(count).collect()
    }
}

/// Where the slots of each ring begin, behind its index; `None` for one that has no room.
fn starts(rings: &[Ring], half: u32, half_slots: u32) -> Vec<Option<u32>> {
    let mut next = half;
    let start = |ring: &Ring| {
        let first = next.checked_add(ring.index_length())?;
        let end = first.checked_add(u32::try_from(ring.slots.len()).ok()?)?;
        (end <= half + half_slots).then(|| {
            next = end;
            first
        })
    };
    rings.iter().map(start).collect()
}

impl Ring {
    fn has_index(&self) -> bool {
        matches!(self.choice, Choice::Nearest | Choice::Random)
    }

    fn bits(&self) -> u8 {
        if self.has_index() {
            index_bits(self.slots.len())
        } else {
            0
        }
    }

    fn index_length(&self) -> u32 {
        if self.has_index() { 1 << self.bits() } else { 0 }
    }

    /// For each value of the leading bits of a hash, the first slot whose place is not before it.
    fn index(&self) -> impl Iterator<Item = Slot> {
        let shift = 32 - u32::from(self.bits());
        (0..self.index_length()).map(move |bucket| {
            let first = self.slots.partition_point(|slot| slot.place < bucket << shift);
            Slot {
                server: first as u32,
                ..Slot::default()
            }
        })
    }

    fn in_service(&self, service: Service, slots: u32) -> Service {
        Service {
            slots,
            length: self.slots.len() as u32,
            cycle: self.cycle,
            choice: self.choice,
            bits: self.bits(),
            draws: self.draws,
            avalanche: self.avalanche,
            ..service
        }
    }
}

fn written(map: &'static str, result: Result<(), MapError>) -> Result<(), KernelError> {
    result.map_err(|error| object::map_error(map, "write to", &error))
}

/// Reads an event as the kernel program wrote it.
pub fn event(bytes: &[u8]) -> Option<Event> {
    // SAFETY: as long as the type, and written by our own program as one of it.
    (bytes.len() >= size_of::<Event>()).then(|| unsafe { bytes.as_ptr().cast::<Event>().read_unaligned() })
}
