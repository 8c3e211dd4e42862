//! Steering for the running process.
use std::fmt::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;

use crate::kernel::steer::{Lookup, LookupStatus, Reuseport, ReuseportStatus};
use crate::kernel::{KernelError, MapStatus};
use crate::plan::Plan;
use crate::plan::global::{EbpfMode, Steer};

/// Both programs; each is nothing where it has nothing to do, or why it is not there.
#[derive(Default)]
pub struct Steering {
    lookup: Option<Result<Lookup, KernelError>>,
    reuseport: Option<Result<Reuseport, KernelError>>,
}

impl Steering {
    /// Takes over the steering to listeners, and begins to deal connections to these listeners' workers.
    pub fn start(
        plan: &Plan,
        lookup: Option<Result<Lookup, KernelError>>,
        groups: Vec<Vec<OwnedFd>>,
        pin_dir: &Path,
    ) -> Self {
        let global = &plan.global;
        let mut steering = Self {
            lookup,
            reuseport: None,
        };
        if let Some(Ok(lookup)) = &mut steering.lookup {
            lookup.pin(pin_dir, global.uid, global.gid);
        }
        let workers = groups.first().map_or(0, Vec::len);
        if workers > 1 && global.ebpf.mode != EbpfMode::Off && global.ebpf.steer == Steer::Source {
            let reuseport = Reuseport::start(groups, workers, pin_dir);
            if let Ok(reuseport) = &reuseport {
                reuseport.give_pins_to(global.uid, global.gid);
            }
            steering.reuseport = Some(reuseport);
        }
        steering
    }

    /// Whether there is nothing to steer.
    pub fn is_idle(&self) -> bool {
        self.lookup.is_none() && self.reuseport.is_none()
    }

    /// What is off and why, a message each.
    pub fn notices(&self) -> impl Iterator<Item = String> {
        let lookup = self.lookup.as_ref().and_then(|lookup| lookup.as_ref().err());
        let lookup = lookup.map(|error| format!("[ebpf] Every address has sockets of its own: {error}"));
        let reuseport = self.reuseport.as_ref().and_then(|reuseport| reuseport.as_ref().err());
        let reuseport = reuseport.map(|error| format!("[ebpf] A source may come to any worker: {error}"));
        lookup.into_iter().chain(reuseport)
    }

    /// Takes note of listeners that were paused or listen again. What fails is tried at the next change.
    pub fn refresh(&mut self) {
        if let Some(Ok(lookup)) = &mut self.lookup {
            let _ = lookup.refresh();
        }
        if let Some(Ok(reuseport)) = &mut self.reuseport {
            let _ = reuseport.refresh();
        }
    }

    /// Writes all that is known, where there is anything.
    pub fn write(&self, out: &mut String) {
        let lookup = self.lookup.as_ref().map(|lookup| lookup.as_ref().map(Lookup::status));
        match lookup {
            Some(Ok(Ok(status))) => listeners(out, &status),
            Some(Ok(Err(error))) => off(out, "listeners", &error),
            Some(Err(error)) => off(out, "listeners", error),
            None => {}
        }
        let reuseport = self
            .reuseport
            .as_ref()
            .map(|reuseport| reuseport.as_ref().map(Reuseport::status));
        match reuseport {
            Some(Ok(Ok(status))) => workers(out, &status),
            Some(Ok(Err(error))) => off(out, "workers", &error),
            Some(Err(error)) => off(out, "workers", error),
            None => {}
        }
    }
}

// Writing to a string cannot fail.

fn off(out: &mut String, what: &str, error: &KernelError) {
    let _ = writeln!(out, "steering to {what}: off ({error})");
}

fn listeners(out: &mut String, status: &LookupStatus<'_>) {
    let _ = writeln!(out, "steering to listeners: on (sk_lookup program {})", status.program);
    let (ranges, listeners) = (status.endpoints, status.counts.len());
    let steered: u64 = status.counts.iter().sum();
    let _ = writeln!(
        out,
        "  {ranges} ranges of addresses and ports to {listeners} listeners, {steered} segments steered"
    );
    if let Some(pins) = &status.pins {
        maps(out, status.maps, pins);
    }
}

fn workers(out: &mut String, status: &ReuseportStatus<'_>) {
    let _ = writeln!(out, "steering to workers: on (sk_reuseport program {})", status.program);
    let counts: Vec<String> = status.counts.iter().map(u64::to_string).collect();
    let _ = writeln!(
        out,
        "  {} listeners, connections by worker: {}",
        status.listeners,
        counts.join(" ")
    );
    maps(out, status.maps, &status.pins);
}

/// The maps of a program, and where they are pinned.
pub fn maps(out: &mut String, maps: &[MapStatus], pins: &Result<&Path, &KernelError>) {
    let _ = match pins {
        Ok(folder) => writeln!(out, "  pinned in {}", folder.display()),
        Err(error) => writeln!(out, "  not pinned: {error}"),
    };
    for map in maps {
        let _ = writeln!(out, "  map {} (id {}): room for {}", map.name, map.id, map.capacity);
    }
}
