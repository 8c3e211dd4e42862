//! The `sk_reuseport` program: one worker for each source.
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use aya::Ebpf;
use aya::maps::{HashMap, MapType, PerCpuArray, SockMap};
use aya::programs::SkReuseport;
use lb_common::steer::{Group, LAYOUT};
use socket2::SockRef;

use crate::kernel::KernelError;
use crate::kernel::object::{self, Layout, MapStatus};
use crate::kernel::pins::Pins;

const OBJECT: &str = "reuseport";
const PROGRAM: &str = "lb_reuseport";
const GROUPS: &str = "REUSEPORT_GROUPS";
const SOCKETS: &str = "REUSEPORT_SOCKETS";
const COUNTS: &str = "REUSEPORT_COUNTS";

/// The program at work on the sockets of all listeners that have one for each worker.
///
/// It belongs to the sockets, and is gone with the last of them; where its own are gone or paused, the kernel chooses among the others
/// that share their address. So nothing is undone when this is dropped: a process that took the sockets over has its own program there.
pub struct Reuseport {
    /// Those of one listener follow each other, in the order of the workers.
    sockets: Vec<OwnedFd>,
    workers: usize,
    status: Vec<MapStatus>,
    program: u32,
    pins: Result<Pins, KernelError>,
    ebpf: Ebpf,
}

/// How connections are dealt.
#[derive(Debug)]
pub struct ReuseportStatus<'a> {
    /// The kernel's number of the program.
    pub program: u32,
    pub maps: &'a [MapStatus],
    pub listeners: usize,
    /// How many connections each worker was chosen for.
    pub counts: Vec<u64>,
    /// The folder of the pinned maps, or why there is none.
    pub pins: Result<&'a Path, &'a KernelError>,
}

impl Reuseport {
    /// Deals the connections of these listeners, each with one socket for each of as many workers.
    ///
    /// # Errors
    /// [`KernelError::NoObject`], [`KernelError::Load`], [`KernelError::Layout`], [`KernelError::Map`].
    pub fn start(listeners: Vec<Vec<OwnedFd>>, workers: usize, pin_dir: &Path) -> Result<Self, KernelError> {
        let sockets: Vec<OwnedFd> = listeners.into_iter().flatten().collect();
        let layouts = layouts(sockets.len());
        let mut ebpf = object::load(OBJECT, object::REUSEPORT, &layouts)?;
        let status = object::status(&ebpf, &layouts)?;
        let mut pins = Pins::new(pin_dir, OBJECT, LAYOUT);
        if let Ok(pins) = &mut pins {
            pins.add_maps(&ebpf, &layouts)?;
        }
        write_groups(&mut ebpf, &sockets, workers)?;
        insert(&mut ebpf, &sockets)?;
        let program = attach(&mut ebpf, sockets.iter().step_by(workers.max(1)))?;
        Ok(Self {
            sockets,
            workers,
            status,
            program,
            pins,
            ebpf,
        })
    }

    /// Takes note of listeners that were paused or listen again.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn refresh(&mut self) -> Result<(), KernelError> {
        insert(&mut self.ebpf, &self.sockets)
    }

    /// Lets a process that becomes that user and group remove the pins all the same.
    pub fn give_pins_to(&self, user: Option<u32>, group: Option<u32>) {
        if let Ok(pins) = &self.pins {
            pins.give_to(user, group);
        }
    }

    /// How connections were dealt.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn status(&self) -> Result<ReuseportStatus<'_>, KernelError> {
        let counts: PerCpuArray<_, u64> = object::map(&self.ebpf, COUNTS)?;
        let mut sums = vec![0; self.workers];
        for (position, worker) in (0..self.sockets.len() as u32).zip((0..self.workers).cycle()) {
            let values = counts.get(&position, 0);
            let values = values.map_err(|error| object::map_error(COUNTS, "read", &error))?;
            if let Some(sum) = sums.get_mut(worker) {
                *sum += values.iter().sum::<u64>();
            }
        }
        Ok(ReuseportStatus {
            program: self.program,
            maps: &self.status,
            listeners: self.sockets.len() / self.workers.max(1),
            counts: sums,
            pins: self.pins.as_ref().map(Pins::folder),
        })
    }
}

fn layouts(sockets: usize) -> [Layout; 3] {
    const NO_PREALLOC: u32 = 1;
    let layout = |map, kind, key, value, flags| Layout {
        map,
        kind,
        key,
        value,
        flags,
        capacity: u32::try_from(sockets).unwrap_or(u32::MAX).max(1),
    };
    let (cookie, index) = (size_of::<u64>(), size_of::<u32>());
    [
        layout(GROUPS, MapType::Hash, cookie, size_of::<Group>(), NO_PREALLOC),
        layout(SOCKETS, MapType::SockMap, index, index, 0),
        layout(COUNTS, MapType::PerCpuArray, index, size_of::<u64>(), 0),
    ]
}

/// Tells which sockets belong together.
fn write_groups(ebpf: &mut Ebpf, sockets: &[OwnedFd], workers: usize) -> Result<(), KernelError> {
    let mut groups: HashMap<_, u64, Group> = object::map_mut(ebpf, GROUPS)?;
    for (number, listener) in sockets.chunks(workers.max(1)).enumerate() {
        let group = Group {
            first: (number * workers) as u32,
            workers: listener.len() as u32,
        };
        for socket in listener {
            let failed = |why| KernelError::Map {
                map: GROUPS,
                verb: "write to",
                why,
            };
            let cookie = SockRef::from(socket)
                .cookie()
                .map_err(|error| failed(error.to_string()))?;
            let inserted = groups.insert(cookie, group, 0);
            inserted.map_err(|error| object::map_error(GROUPS, "write to", &error))?;
        }
    }
    Ok(())
}

/// Puts every socket that listens in its place; one that stops to listen leaves it by itself.
fn insert(ebpf: &mut Ebpf, sockets: &[OwnedFd]) -> Result<(), KernelError> {
    let mut map: SockMap<_> = object::map_mut(ebpf, SOCKETS)?;
    for (position, socket) in (0..).zip(sockets) {
        if SockRef::from(socket).is_listener().unwrap_or(false) {
            let set = map.set(position, socket, 0);
            set.map_err(|error| object::map_error(SOCKETS, "write to", &error))?;
        }
    }
    Ok(())
}

/// Gives the program to the sockets that share an address with one of these. Answers with the kernel's number of it.
fn attach<'a>(ebpf: &mut Ebpf, sockets: impl Iterator<Item = &'a OwnedFd>) -> Result<u32, KernelError> {
    let failed = |error| object::program_error(OBJECT, &error);
    let program: Option<&mut SkReuseport> = ebpf.program_mut(PROGRAM).and_then(|program| program.try_into().ok());
    let program = program.ok_or(KernelError::NoObject { object: OBJECT })?;
    program.load().map_err(failed)?;
    for socket in sockets {
        program.attach(socket.as_fd()).map_err(failed)?;
    }
    Ok(program.info().map_err(failed)?.id())
}
