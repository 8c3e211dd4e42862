//! The `sk_lookup` program: one listener for many addresses and ports.
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use aya::Ebpf;
use aya::maps::lpm_trie::Key;
use aya::maps::{LpmTrie, MapType, PerCpuArray, SockMap};
use aya::programs::SkLookup;
use aya::programs::links::FdLink;
use lb_common::steer::{EndpointKey, LAYOUT};
use socket2::SockRef;

use super::Table;
use crate::kernel::KernelError;
use crate::kernel::object::{self, Layout, MapStatus};
use crate::kernel::pins::Pins;

const OBJECT: &str = "lookup";
const PROGRAM: &str = "lb_lookup";
const ENDPOINTS: &str = "LOOKUP_ENDPOINTS";
const LISTENERS: &str = "LOOKUP_LISTENERS";
const COUNTS: &str = "LOOKUP_COUNTS";

/// The program at work. Dropping it ends the steering and leaves neither program nor maps nor pins.
pub struct Lookup {
    // First, so that it is detached first.
    _link: FdLink,
    /// A socket of each listener, to put it back when it listens again.
    sockets: Vec<OwnedFd>,
    layouts: [Layout; 3],
    status: Vec<MapStatus>,
    endpoints: usize,
    program: u32,
    pins: Option<Result<Pins, KernelError>>,
    ebpf: Ebpf,
}

/// What is steered, and with what.
#[derive(Debug)]
pub struct LookupStatus<'a> {
    /// The kernel's number of the program.
    pub program: u32,
    pub maps: &'a [MapStatus],
    /// Addresses with a range of ports, as the program looks them up.
    pub endpoints: usize,
    /// How many segments without a connection each listener was given.
    pub counts: Vec<u64>,
    /// The folder of the pinned maps, or why there is none.
    pub pins: Option<Result<&'a Path, &'a KernelError>>,
}

impl Lookup {
    /// Steers the connections of this thread's network namespace: those to an endpoint of the table go to the socket of the number
    /// that the table gives.
    ///
    /// # Errors
    /// [`KernelError::NoObject`], [`KernelError::Load`], [`KernelError::Layout`], [`KernelError::Map`].
    pub fn start(table: &Table, sockets: Vec<OwnedFd>) -> Result<Self, KernelError> {
        let prefixes = table.prefixes();
        let layouts = layouts(prefixes.len(), sockets.len());
        let mut ebpf = object::load(OBJECT, object::LOOKUP, &layouts)?;
        let status = object::status(&ebpf, &layouts)?;
        let mut trie: LpmTrie<_, EndpointKey, u32> = object::map_mut(&mut ebpf, ENDPOINTS)?;
        for (prefix, listener) in &prefixes {
            let inserted = trie.insert(prefix, listener, 0);
            inserted.map_err(|error| object::map_error(ENDPOINTS, "write to", &error))?;
        }
        insert(&mut ebpf, &sockets)?;
        let (link, program) = attach(&mut ebpf)?;
        Ok(Self {
            _link: link,
            sockets,
            layouts,
            status,
            endpoints: prefixes.len(),
            program,
            pins: None,
            ebpf,
        })
    }

    /// Pins the maps in a folder of their own below `pin_dir`, where that lies in a BPF file system.
    pub fn pin(&mut self, pin_dir: &Path, user: Option<u32>, group: Option<u32>) {
        let mut pins = Pins::new(pin_dir, OBJECT, LAYOUT);
        if let Ok(made) = &mut pins {
            let added = made.add_maps(&self.ebpf, &self.layouts);
            made.give_to(user, group);
            if let Err(error) = added {
                pins = Err(error);
            }
        }
        self.pins = Some(pins);
    }

    /// Takes note of listeners that were paused or listen again.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn refresh(&mut self) -> Result<(), KernelError> {
        insert(&mut self.ebpf, &self.sockets)
    }

    /// What is steered.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn status(&self) -> Result<LookupStatus<'_>, KernelError> {
        let counts: PerCpuArray<_, u64> = object::map(&self.ebpf, COUNTS)?;
        let sum = |index: u32| {
            let values = counts.get(&index, 0);
            let values = values.map_err(|error| object::map_error(COUNTS, "read", &error))?;
            Ok(values.iter().sum())
        };
        Ok(LookupStatus {
            program: self.program,
            maps: &self.status,
            endpoints: self.endpoints,
            counts: (0..self.sockets.len() as u32).map(sum).collect::<Result<_, _>>()?,
            pins: self.pins.as_ref().map(|pins| pins.as_ref().map(Pins::folder)),
        })
    }
}

fn layouts(endpoints: usize, listeners: usize) -> [Layout; 3] {
    const NO_PREALLOC: u32 = 1;
    let layout = |map, kind, key, value, flags, capacity: usize| Layout {
        map,
        kind,
        key,
        value,
        flags,
        capacity: u32::try_from(capacity).unwrap_or(u32::MAX).max(1),
    };
    let (prefix, index) = (size_of::<Key<EndpointKey>>(), size_of::<u32>());
    [
        layout(ENDPOINTS, MapType::LpmTrie, prefix, index, NO_PREALLOC, endpoints),
        layout(LISTENERS, MapType::SockMap, index, index, 0, listeners),
        layout(COUNTS, MapType::PerCpuArray, index, size_of::<u64>(), 0, listeners),
    ]
}

/// Puts every socket that listens in its place; one that stops to listen leaves it by itself.
fn insert(ebpf: &mut Ebpf, sockets: &[OwnedFd]) -> Result<(), KernelError> {
    let mut listeners: SockMap<_> = object::map_mut(ebpf, LISTENERS)?;
    for (index, socket) in (0..).zip(sockets) {
        if SockRef::from(socket).is_listener().unwrap_or(false) {
            let set = listeners.set(index, socket, 0);
            set.map_err(|error| object::map_error(LISTENERS, "write to", &error))?;
        }
    }
    Ok(())
}

/// Attaches the program to the namespace. Answers with the kernel's number of it, too.
fn attach(ebpf: &mut Ebpf) -> Result<(FdLink, u32), KernelError> {
    let failed = |error| object::program_error(OBJECT, &error);
    let program: Option<&mut SkLookup> = ebpf.program_mut(PROGRAM).and_then(|program| program.try_into().ok());
    let program = program.ok_or(KernelError::NoObject { object: OBJECT })?;
    program.load().map_err(failed)?;
    let namespace = File::open("/proc/thread-self/ns/net").map_err(|error| KernelError::Load {
        object: OBJECT,
        why: error.to_string(),
    })?;
    let link = program.attach(namespace).map_err(failed)?;
    let id = program.info().map_err(failed)?.id();
    Ok((program.take_link(link).map_err(failed)?.into(), id))
}
