//! The tables that userspace and the kernel programs share.
use std::os::fd::AsFd;
use std::time::Duration;

use aya::Ebpf;
use aya::maps::{Array, HashMap, Map, MapData, MapType, RingBuf};
use lb_common::flow::handover::{Ended, Flow};
use lb_common::flow::{Tuple, Way};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::decide::Unfit;
use super::watched_flags;
use crate::kernel::KernelError;
use crate::kernel::object::{self, Layout, map_error};

const WAYS: &str = "HANDOVER_WAYS";
const FLOWS: &str = "HANDOVER_FLOWS";
const OWNER: &str = "HANDOVER_OWNER";
const ENDS: &str = "HANDOVER_ENDS";

/// The size of the ring that ends are told in.
const ENDS_BYTES: u32 = 1 << 18;

/// What the maps are, with room for so many flows.
pub fn layouts(flows: u32) -> [Layout; 4] {
    const NO_PREALLOC: u32 = 1;
    let layout = |map, kind, key, value, flags, capacity| Layout {
        map,
        kind,
        key,
        value,
        flags,
        capacity,
    };
    let (tuple, way, flow, word) = (
        size_of::<Tuple>(),
        size_of::<Way>(),
        size_of::<Flow>(),
        size_of::<u32>(),
    );
    [
        layout(WAYS, MapType::Hash, tuple, way, NO_PREALLOC, flows.saturating_mul(2)),
        layout(FLOWS, MapType::Hash, tuple, flow, NO_PREALLOC, flows),
        layout(OWNER, MapType::Array, word, word, 0, 1),
        layout(ENDS, MapType::RingBuf, 0, 0, 0, ENDS_BYTES),
    ]
}

/// One thread's handle on the tables.
pub struct Tables {
    ways: HashMap<MapData, Tuple, Way>,
    flows: HashMap<MapData, Tuple, Flow>,
    owner: Array<MapData, u32>,
}

impl Tables {
    pub(super) fn new(ebpf: &Ebpf) -> Result<Self, KernelError> {
        let error = |map| move |error| map_error(map, "open", &error);
        Ok(Self {
            ways: HashMap::try_from(Map::HashMap(handle(ebpf, WAYS)?)).map_err(error(WAYS))?,
            flows: HashMap::try_from(Map::HashMap(handle(ebpf, FLOWS)?)).map_err(error(FLOWS))?,
            owner: Array::try_from(Map::Array(handle(ebpf, OWNER)?)).map_err(error(OWNER))?,
        })
    }

    /// Has the segments that come with `tuple` watched from now on.
    ///
    /// # Errors
    /// [`KernelError::Map`], also where the table is full.
    pub fn watch(&mut self, tuple: &Tuple, from_client: bool) -> Result<(), KernelError> {
        let way = Way::watched(watched_flags(from_client));
        let inserted = self.ways.insert(tuple, way, 0);
        inserted.map_err(|error| map_error(WAYS, "write to", &error))
    }

    /// The way of the segments that come with `tuple`.
    ///
    /// # Errors
    /// [`Unfit::Gone`].
    pub fn way(&self, tuple: &Tuple) -> Result<Way, Unfit> {
        self.ways.get(tuple, 0).map_err(|_| Unfit::Gone)
    }

    /// Forgets a way. The host's stack has its segments from now on.
    pub fn forget(&mut self, tuple: &Tuple) {
        // It fails where the way is gone already.
        let _ = self.ways.remove(tuple);
    }

    /// Notes what the next process has to know of a flow.
    ///
    /// # Errors
    /// [`KernelError::Map`], also where the table is full.
    pub fn note(&mut self, client: &Tuple, flow: Flow) -> Result<(), KernelError> {
        let inserted = self.flows.insert(client, flow, 0);
        inserted.map_err(|error| map_error(FLOWS, "write to", &error))
    }

    /// What was noted of a flow.
    pub fn flow(&self, client: &Tuple) -> Option<Flow> {
        self.flows.get(client, 0).ok()
    }

    /// Forgets what was noted of a flow.
    pub fn forget_flow(&mut self, client: &Tuple) {
        // It fails where the flow is gone already.
        let _ = self.flows.remove(client);
    }

    /// The flows that were noted, by what their clients' segments come with.
    pub fn flows(&self) -> Vec<Tuple> {
        self.flows.keys().flatten().collect()
    }

    /// All ways.
    pub fn ways(&self) -> Vec<(Tuple, Way)> {
        self.ways.iter().flatten().collect()
    }

    /// Makes this process the one that looks after the flows.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn own(&mut self) -> Result<(), KernelError> {
        let set = self.owner.set(0, std::process::id(), 0);
        set.map_err(|error| map_error(OWNER, "write to", &error))
    }

    /// Does this process look after the flows, rather than its successor?
    pub fn is_owner(&self) -> bool {
        self.owner.get(&0, 0).is_ok_and(|owner| owner == std::process::id())
    }
}

/// The ends of flows as the kernel tells them.
pub struct Ends(RingBuf<MapData>);

impl Ends {
    pub(super) fn new(ebpf: &Ebpf) -> Result<Self, KernelError> {
        let ring = RingBuf::try_from(Map::RingBuf(handle(ebpf, ENDS)?));
        Ok(Self(ring.map_err(|error| map_error(ENDS, "open", &error))?))
    }
}

impl Ends {
    /// Waits until an end is told, at most that long.
    pub fn wait(&self, timeout: Duration) {
        let mut ring = [PollFd::new(&self.0, PollFlags::IN)];
        let timeout = Timespec::try_from(timeout).ok();
        // An interrupted wait is a short one.
        let _ = poll(&mut ring, timeout.as_ref());
    }
}

impl Iterator for Ends {
    type Item = Ended;

    /// The next end that was told already.
    fn next(&mut self) -> Option<Ended> {
        let item = self.0.next()?;
        if item.len() < size_of::<Ended>() {
            return None;
        }
        // SAFETY: the kernel program wrote a whole one, and no other layout is opened.
        Some(unsafe { item.as_ptr().cast::<Ended>().read_unaligned() })
    }
}

/// Another handle on a map.
fn handle(ebpf: &Ebpf, name: &'static str) -> Result<MapData, KernelError> {
    let map = ebpf.map(name).and_then(object::data).ok_or(KernelError::Map {
        map: name,
        verb: "find",
        why: "the object has none of that type".to_owned(),
    })?;
    let fd = map
        .fd()
        .as_fd()
        .try_clone_to_owned()
        .map_err(|error| KernelError::Map {
            map: name,
            verb: "open",
            why: error.to_string(),
        })?;
    MapData::from_fd(fd).map_err(|error| map_error(name, "open", &error))
}
