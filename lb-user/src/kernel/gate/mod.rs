//! The gate: XDP on the interfaces decides over connection attempts before a socket exists.
//!
//! What a packet is and what becomes of it is `lb_common::gate`; here are its rules, their way into the kernel, and its interfaces.
mod maps;
mod rules;
mod tables;
mod twin;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use aya::Ebpf;
use aya::programs::{ProgramFd, TestRun, TestRunOptions, Xdp};
use lb_common::gate::LAYOUT;

use self::maps::KernelMaps;
pub use self::rules::{GateAction, GateListener, GateRule, GateRules, GateWatch};
pub use self::tables::Tables;
pub use self::twin::Twin;
use super::KernelError;
use super::interface::{self, Attachment, Mode};
use super::object::{self, MapStatus};
use super::pins::Pins;
use super::shared::{self, Inherited, Shared};
use crate::stick::Table;

const OBJECT: &str = "gate";
const PROGRAM: &str = "lb_gate";

/// The gate in the kernel. Dropping it detaches it everywhere and leaves neither programs nor maps nor pins.
pub struct Gate {
    // First, so that it is detached first.
    interfaces: Vec<Interface>,
    maps: KernelMaps,
    shared: Arc<Shared>,
    ids: BTreeSet<u32>,
    pins: Result<Pins, KernelError>,
    ebpf: Ebpf,
}

#[derive(Debug)]
struct Interface {
    name: String,
    mode: Mode,
    attachment: Result<Option<Attachment>, KernelError>,
}

/// What a rule matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleCount {
    /// The id that the rule was given.
    pub id: u32,
    /// Connection attempts, each counted once however often its client repeats it.
    pub connections: u64,
    /// Packets.
    pub packets: u64,
}

/// Where the gate runs and with what.
#[derive(Debug)]
pub struct GateStatus<'a> {
    pub interfaces: Vec<InterfaceStatus<'a>>,
    /// The kernel's number of the program.
    pub program: u32,
    pub maps: &'a [MapStatus],
    /// Addresses and ports that are judged.
    pub listeners: usize,
    /// Sources and networks with a verdict of their own.
    pub verdicts: usize,
    /// The folder of the pinned maps, or why there is none.
    pub pins: Result<&'a Path, &'a KernelError>,
    /// Packets by what became of them, by name.
    pub reasons: Vec<(&'static str, u64)>,
}

/// The gate on one interface.
#[derive(Debug)]
pub struct InterfaceStatus<'a> {
    pub name: &'a str,
    pub mode: Mode,
    pub state: InterfaceState<'a>,
}

/// Whether the gate runs on an interface.
#[derive(Clone, Copy, Debug)]
pub enum InterfaceState<'a> {
    Native,
    Generic,
    Off,
    Failed(&'a KernelError),
}

impl Gate {
    /// The interfaces with an address that a listener accepts connections on: one with rules, or any where `every` one counts. The loopback is none of them: what comes from this very host spares nothing by being stopped early.
    ///
    /// # Errors
    /// [`KernelError::Addresses`].
    pub fn interfaces(rules: &GateRules, every: bool) -> Result<BTreeSet<String>, KernelError> {
        let has_rules = |listener: &&GateListener| every || listener.has_rules();
        let listeners: Vec<_> = rules.listeners.iter().filter(has_rules).collect();
        let addresses = interface::addresses()?.into_iter();
        let outward = addresses.filter(|interface| !interface.is_loopback());
        Ok(outward
            .filter(|interface| listeners.iter().any(|listener| listener.accepts_on(interface.ip())))
            .map(|interface| interface.name)
            .collect())
    }

    /// Loads the gate with its rules and attaches it to the interfaces of this thread's network namespace.
    ///
    /// An interface that does not take it fails alone: see [`Gate::status`], and [`Gate::refresh`] to try again. The maps are pinned
    /// in a folder of their own below `pin_dir`, where that lies in a BPF file system.
    ///
    /// # Errors
    /// [`KernelError::NoObject`], [`KernelError::Load`] and [`KernelError::Layout`] where there is no program to attach; those of
    /// [`Tables::compile`]; [`KernelError::Full`] and [`KernelError::Map`] where the rules do not get into the maps.
    pub fn attach(interfaces: &[(String, Mode)], rules: &GateRules, pin_dir: &Path) -> Result<Self, KernelError> {
        let tables = Tables::compile(rules)?;
        let layouts = maps::layouts(&tables);
        let shared = shared::layouts(tables.entries, tables.stick_tables);
        let mut ebpf = object::load(OBJECT, object::GATE, &[&layouts[..], &shared[..]].concat())?;
        program(&mut ebpf)?
            .load()
            .map_err(|error| object::program_error(OBJECT, &error))?;
        let mut pins = Pins::new(pin_dir, OBJECT, LAYOUT);
        if let Ok(pins) = &mut pins {
            pins.add_maps(&ebpf, &shared)?;
        }
        let mut status = object::status(&ebpf, &layouts)?;
        status.extend(object::status(&ebpf, &shared)?);
        let shared = Arc::new(Shared::new(&mut ebpf, &shared)?);
        let maps = KernelMaps::new(&mut ebpf, layouts, status, pins.as_mut().ok())?;
        let mut gate = Self {
            interfaces: interfaces.iter().map(Interface::new).collect(),
            maps,
            shared,
            ids: ids(rules),
            pins,
            ebpf,
        };
        gate.maps.publish(&tables)?;
        gate.refresh()?;
        Ok(gate)
    }

    /// Reads what earlier processes kept in stick tables that their gates read.
    pub fn inherited(pin_dir: &Path) -> Inherited {
        shared::inherit(pin_dir, OBJECT, LAYOUT)
    }

    /// Lets the gate read a stick table, which is empty yet, by the number that the rules know it by.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn share(&self, number: u32, table: &Table) -> Result<(), KernelError> {
        self.shared.share(number, table)
    }

    /// Replaces the rules. Every packet meets either all of the old rules of its listener or all of the new ones.
    ///
    /// # Errors
    /// Those of [`Tables::compile`], which leave the old rules in force; [`KernelError::Full`] and [`KernelError::Map`], after which
    /// the gate lets everything pass.
    pub fn swap(&mut self, rules: &GateRules) -> Result<(), KernelError> {
        let tables = Tables::compile(rules)?;
        self.ids = ids(rules);
        self.maps.publish(&tables)
    }

    /// Has a program take over what passes to a listener of the balancer.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn chain(&mut self, program: &ProgramFd) -> Result<(), KernelError> {
        self.maps.chain(program)
    }

    /// Catches up with the host: its addresses, interfaces that came or were free at last. To be called every second or so; until
    /// then connections to a new address simply pass.
    ///
    /// # Errors
    /// [`KernelError::Addresses`], [`KernelError::Map`]; an interface's own are in the status.
    pub fn refresh(&mut self) -> Result<(), KernelError> {
        self.maps.set_local(interface::local_addresses()?)?;
        let program = program(&mut self.ebpf)?;
        self.interfaces
            .iter_mut()
            .for_each(|interface| interface.refresh(program));
        Ok(())
    }

    /// What each rule matched since the gate was attached.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn counters(&self) -> Result<Vec<RuleCount>, KernelError> {
        let count = |&id| {
            self.maps.rule(id).map(|counter| RuleCount {
                id,
                connections: counter.connections,
                packets: counter.packets,
            })
        };
        self.ids.iter().map(count).collect()
    }

    /// Where the gate runs, and what became of the packets.
    ///
    /// # Errors
    /// [`KernelError::Map`], [`KernelError::Load`].
    pub fn status(&mut self) -> Result<GateStatus<'_>, KernelError> {
        let info = program(&mut self.ebpf)?
            .info()
            .map_err(|error| object::program_error(OBJECT, &error))?;
        let (listeners, verdicts) = self.maps.entries();
        Ok(GateStatus {
            interfaces: self.interfaces.iter().map(Interface::status).collect(),
            program: info.id(),
            maps: self.maps.status(),
            listeners,
            verdicts,
            pins: self.pins.as_ref().map(Pins::folder),
            reasons: self.maps.reasons()?,
        })
    }

    /// Lets a process that becomes that user and group remove the pins all the same.
    pub fn give_pins_to(&self, user: Option<u32>, group: Option<u32>) {
        if let Ok(pins) = &self.pins {
            pins.give_to(user, group);
        }
    }

    /// Runs the loaded program on a frame that no interface received, and answers with its verdict (an `XDP_` action's number) and
    /// the frame as it left it. It counts like any other.
    ///
    /// # Errors
    /// [`KernelError::Load`] where the kernel does not run the program so.
    pub fn judge(&mut self, frame: &[u8]) -> Result<(u32, Vec<u8>), KernelError> {
        let mut answer = vec![0; frame.len()];
        let options = TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut answer),
            ..TestRunOptions::default()
        };
        let run = program(&mut self.ebpf)?.test_run(options);
        let run = run.map_err(|error| object::program_error(OBJECT, &error))?;
        answer.truncate(run.data_size_out as usize);
        Ok((run.return_value, answer))
    }
}

fn program(ebpf: &mut Ebpf) -> Result<&mut Xdp, KernelError> {
    let program = ebpf.program_mut(PROGRAM).and_then(|program| program.try_into().ok());
    program.ok_or(KernelError::NoObject { object: OBJECT })
}

fn ids(rules: &GateRules) -> BTreeSet<u32> {
    let networks = rules.listeners.iter().flat_map(|listener| &listener.rules);
    let checks = rules.listeners.iter().flat_map(|listener| &listener.watch.checks);
    networks
        .map(|rule| rule.id)
        .chain(checks.map(|check| check.rule))
        .collect()
}

impl Interface {
    fn new((name, mode): &(String, Mode)) -> Self {
        Self {
            name: name.clone(),
            mode: *mode,
            attachment: Ok(None),
        }
    }

    fn refresh(&mut self, program: &mut Xdp) {
        let attached = self.attachment.as_ref().ok().and_then(Option::as_ref);
        if attached.is_some_and(|attachment| interface::index(&self.name).is_ok_and(|index| index == attachment.index))
        {
            return;
        }
        self.attachment = interface::attach(program, &self.name, self.mode);
    }

    fn status(&self) -> InterfaceStatus<'_> {
        InterfaceStatus {
            name: &self.name,
            mode: self.mode,
            state: match &self.attachment {
                Ok(Some(attachment)) if attachment.native => InterfaceState::Native,
                Ok(Some(_)) => InterfaceState::Generic,
                Ok(None) => InterfaceState::Off,
                Err(error) => InterfaceState::Failed(error),
            },
        }
    }
}
