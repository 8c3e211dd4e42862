//! Connections that the kernel carries from their first SYN: what it is told to carry, and what their beginnings and ends count and
//! log. Nothing of them passes through here but events.

mod account;
mod lines;
mod publish;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::kernel::forward::{Forwarder, Size};
use crate::kernel::placement::Listening;
use crate::kernel::{Help, KernelError, PIN_DIR};
use crate::plan::Plan;
use crate::plan::global::EbpfMode;
use crate::runtime::clock;
use crate::stream::Engine;
use lb_common::flow::{Kind, Server, ServiceKey};
use lines::Lines;

use crate::state::ListenerId;

/// How often the kernel is told of changes, and how long an event waits at most.
const TICK: Duration = Duration::from_millis(100);

/// What the kernel carries, before there is an engine: attached, and carrying nothing yet.
pub struct Prepared {
    forwarder: Forwarder,
    lines: Lines,
}

impl Prepared {
    /// Loads the program and attaches it, where the configuration lets it carry something. Needs privileges that the process may drop
    /// afterwards.
    ///
    /// # Errors
    /// Those of [`Forwarder::load`] and [`Forwarder::attach`].
    pub fn new(plan: &Plan, listening: &[Listening], connections: u32) -> Result<Option<Self>, KernelError> {
        let lines = Lines::new(plan, listening);
        if plan.global.ebpf.mode == EbpfMode::Off || lines.is_empty() || !lines.lead_out(plan) {
            return Ok(None);
        }
        let interfaces = lines::interfaces(plan)?;
        if interfaces.is_empty() {
            return Ok(None);
        }
        let size = Size {
            connections,
            half_open: half_open(connections),
            numbers: lines.numbers(),
        };
        let mut forwarder = Forwarder::load(&size, Path::new(plan.global.ebpf.pin_dir.as_deref().unwrap_or(PIN_DIR)))?;
        forwarder.attach(&interfaces)?;
        forwarder.give_pins_to(plan.global.uid, plan.global.gid);
        Ok(Some(Self { forwarder, lines }))
    }

    /// Begins to carry, on a thread of its own.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(self, engine: &'static Engine, help: Help) -> io::Result<Carrying> {
        let (stop, stopped) = mpsc::channel::<()>();
        let mut carrier = Carrier {
            engine,
            help,
            forwarder: self.forwarder,
            lines: self.lines,
            listeners: BTreeMap::new(),
            local: BTreeSet::new(),
            servers: BTreeMap::new(),
            carried: BTreeMap::new(),
            removed: BTreeMap::new(),
            now: 0,
            looked: 0,
            walked: 0,
        };
        let work = move || {
            while stopped.recv_timeout(Duration::ZERO) == Err(RecvTimeoutError::Timeout) {
                carrier.turn();
            }
        };
        let thread = std::thread::Builder::new().name("carrier".to_owned()).spawn(work)?;
        Ok(Carrying {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// How many of so many connections may be half open before the stack's own defence against floods gets the next.
fn half_open(connections: u32) -> u32 {
    (connections / 4).clamp(64, 1 << 16)
}

/// Keeps connections carried. Dropping it detaches the program, which ends them.
pub struct Carrying {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Carrying {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended, too.
            let _ = thread.join();
        }
    }
}

/// The thread's own.
struct Carrier {
    engine: &'static Engine,
    /// Who is told how things stand.
    help: Help,
    forwarder: Forwarder,
    lines: Lines,
    /// The listeners of all services that were published so far.
    listeners: BTreeMap<ServiceKey, ListenerId>,
    /// This host's own addresses, when looked at last.
    local: BTreeSet<IpAddr>,
    /// How the kernel reaches each server, by number, when looked at last.
    servers: BTreeMap<u32, Option<Server>>,
    /// Connections that began and did not end, by number.
    carried: BTreeMap<u32, i64>,
    /// Connections that were removed without the kernel's doing, by number.
    removed: BTreeMap<u32, i64>,
    /// What time it is by the kernel's clock.
    now: u64,
    /// When addresses and routes were looked at last.
    looked: clock::Ticks,
    /// When the walk through all flows began.
    walked: clock::Ticks,
}

impl Carrier {
    fn turn(&mut self) {
        let mut events = Vec::new();
        self.forwarder.events(TICK, |event| events.push(*event));
        clock::refresh();
        self.now = clock::kernel();
        for event in &events {
            match event.kind {
                Kind::Began => self.begin(event),
                Kind::Unanswered => self.count_unanswered(event),
                Kind::Closed | Kind::ClientReset | Kind::ServerReset => self.end(event, account::ending(event.kind)),
            }
        }
        self.watch();
        // What cannot be told now is told at the next turn.
        let _ = self.publish();
    }
}
