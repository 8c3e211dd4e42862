//! What the kernel does for the running process: steering to its listeners, and the gate with the configuration's rules, kept up with
//! its host by a thread of its own.
mod cookies;
mod count;
mod report;
mod steering;

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use self::count::Credit;
use self::steering::Steering;
use super::cookie::Cookies;
use super::forward;
use super::pins;
use super::placement::{Listening, Placement};
use super::shared::Inherited;
use super::steer::Lookup;
use super::{Capabilities, Gate, InterfaceState, KernelError, Mode};
use crate::plan::Plan;
use crate::plan::global::{EbpfMode, XdpMode};
use crate::runtime::clock;
use crate::state::Process;
use crate::stick::TableId;

/// Where maps are pinned unless `ebpf.pin-dir` says otherwise.
pub const PIN_DIR: &str = "/sys/fs/bpf/lb";

/// How often the gate catches up with the host and the statistics with the gate.
const PERIOD: Duration = Duration::from_secs(1);

/// A handle on the kernel's help. Its clones mean the same.
#[derive(Clone)]
pub struct Help(Arc<Inner>);

struct Inner {
    plan: &'static Plan,
    process: Arc<Process>,
    stand: Mutex<Stand>,
}

/// How things stand.
struct Stand {
    listening: Vec<Listening>,
    placement: Placement,
    steering: Steering,
    gate: GateStand,
    capabilities: Option<Capabilities>,
    /// What carries connections, where something does.
    forwarding: Option<forward::Status>,
}

enum GateStand {
    /// The gate is not there, and why.
    Off(String),
    On(Box<Running>),
}

struct Running {
    gate: Gate,
    /// Where SYN cookies are wanted, what makes them or why nothing does.
    cookies: Option<Result<Cookies, KernelError>>,
    credit: Credit,
    /// What went wrong last, until it goes well again.
    trouble: Option<KernelError>,
}

/// Keeps the kernel's help at work. Dropping it ends it and leaves nothing behind.
pub struct Keeper {
    help: Help,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What starting the kernel's help led to.
pub struct Started {
    pub keeper: Keeper,
    /// What is off and why, a message each.
    pub notices: Vec<String>,
}

/// The listening sockets of a process that starts.
#[derive(Default)]
pub struct Listeners {
    pub listening: Vec<Listening>,
    /// What steers connections to the sockets of other addresses: nothing where there are no such, or why there is nothing.
    pub lookup: Option<Result<Lookup, KernelError>>,
    /// The sockets of each listener that has one for each worker.
    pub groups: Vec<Vec<OwnedFd>>,
    /// Another process of ours may still be attached; its interfaces are taken over once it lets go.
    pub replacing: bool,
}

impl Help {
    /// Attaches the gate where the configuration lets it do something, and deals connections to workers. Needs the privileges that the
    /// process may drop afterwards.
    ///
    /// # Errors
    /// With `ebpf require`, the message that says what cannot be had.
    pub fn start(plan: &'static Plan, process: Arc<Process>, listeners: Listeners) -> Result<Started, String> {
        let Listeners {
            listening,
            lookup,
            groups,
            replacing,
        } = listeners;
        let mut stand = Stand {
            placement: Placement::new(plan, &listening),
            listening,
            steering: Steering::start(plan, lookup, groups, &pin_dir(plan)),
            gate: GateStand::Off("no rule to run there".to_owned()),
            capabilities: None,
            forwarding: None,
        };
        if !stand.steering.is_idle() {
            stand.capabilities = Some(Capabilities::probe(&pin_dir(plan), &[]));
        }
        let mut notices: Vec<String> = stand.steering.notices().collect();
        match plan.global.ebpf.mode {
            EbpfMode::Off => stand.gate = GateStand::Off("'ebpf off' is set".to_owned()),
            _ if !stand.placement.is_idle() || plan.global.ebpf.syn_cookies.is_wanted() => {
                notices.extend(stand.attach(plan, &process, replacing))
            }
            _ => {}
        }
        // What a killed process knew has been read by now.
        pins::remove_abandoned(&pin_dir(plan));
        if let (EbpfMode::Require, Some(notice)) = (plan.global.ebpf.mode, notices.first()) {
            return Err(format!("{notice} ('ebpf require' is set)."));
        }
        let help = Self(Arc::new(Inner {
            plan,
            process,
            stand: Mutex::new(stand),
        }));
        let mut keeper = Keeper {
            help,
            stop: None,
            thread: None,
        };
        keeper
            .watch()
            .map_err(|error| format!("[ebpf] Cannot start a thread: {error}."))?;
        Ok(Started { keeper, notices })
    }

    /// Takes over lists of addresses that were changed, if any was. The gate finds out by itself before long; whoever changes a list
    /// and tells others that it is done calls this in between.
    pub fn lists_changed(&self) {
        let mut stand = self.stand();
        if !stand.placement.is_current() {
            self.replace(&mut stand);
        }
    }

    /// Takes over which sockets listen now, after some were paused or resumed.
    pub fn listeners_changed(&self, listening: Vec<Listening>) {
        let mut stand = self.stand();
        stand.listening = listening;
        stand.steering.refresh();
        self.replace(&mut stand);
    }

    /// Gives the gate its rules anew.
    fn replace(&self, stand: &mut Stand) {
        let Inner { plan, process, .. } = &*self.0;
        if let GateStand::On(running) = &mut stand.gate {
            // The counters of rules that go are not read again.
            running.count(plan, process, &stand.placement);
            stand.placement = Placement::new(plan, &stand.listening);
            let swapped = running.gate.swap(&stand.placement.rules);
            let listening = match &mut running.cookies {
                Some(Ok(cookies)) => cookies::listen(cookies, plan, &stand.listening),
                _ => Ok(()),
            };
            running.trouble = swapped.and(listening).err();
        }
    }

    /// Brings the statistics up to what the kernel has counted.
    pub fn count(&self) {
        let Inner { plan, process, .. } = &*self.0;
        let mut stand = self.stand();
        let Stand { placement, gate, .. } = &mut *stand;
        if let GateStand::On(running) = gate {
            running.count(plan, process, placement);
        }
    }

    /// Takes note of how forwarding stands.
    pub fn set_forwarding(&self, status: forward::Status) {
        self.stand().forwarding = Some(status);
    }

    /// All that is known of the kernel's help, for people (`show ebpf`).
    pub fn describe(&self) -> String {
        self.count();
        report::write(self.0.plan, &mut self.stand())
    }

    fn refresh(&self) {
        let mut stand = self.stand();
        if let GateStand::On(running) = &mut stand.gate {
            let refreshed = running.gate.refresh();
            let settings = match &mut running.cookies {
                Some(Ok(cookies)) => cookies.refresh(),
                _ => Ok(()),
            };
            running.trouble = refreshed.and(settings).err();
        }
        drop(stand);
        self.lists_changed();
        self.count();
    }

    fn stand(&self) -> MutexGuard<'_, Stand> {
        // Whoever panicked left the gate as it was.
        self.0.stand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stand {
    /// Attaches the gate. Answers with what is off and why.
    fn attach(&mut self, plan: &Plan, process: &Process, replacing: bool) -> Vec<String> {
        let pin_dir = pin_dir(plan);
        let off = |why: &str| vec![format!("[ebpf] The gate is off, its rules run in userspace: {why}")];
        let interfaces = match interfaces(plan, &self.placement) {
            Ok(interfaces) if interfaces.iter().all(|(_, mode)| *mode == Mode::Off) => {
                self.gate = GateStand::Off("no interface faces its listeners".to_owned());
                return Vec::new();
            }
            Ok(interfaces) => interfaces,
            Err(error) => {
                let why = error.to_string();
                let notices = off(&why);
                self.gate = GateStand::Off(why);
                return notices;
            }
        };
        let names: Vec<String> = interfaces.iter().map(|(name, _)| name.clone()).collect();
        let capabilities = self.capabilities.insert(Capabilities::probe(&pin_dir, &names));
        let inherited = Gate::inherited(&pin_dir);
        match Gate::attach(&interfaces, &self.placement.rules, &pin_dir) {
            Ok(mut gate) => {
                let mut notices = share(&self.placement, &gate, process, inherited);
                gate.give_pins_to(plan.global.uid, plan.global.gid);
                notices.extend(failures(&mut gate, replacing));
                let cookies = cookies::start(plan, &self.listening, &mut gate);
                if let Some(Err(error)) = &cookies {
                    notices.push(format!("[ebpf] SYN cookies are the host's own: {error}"));
                }
                self.gate = GateStand::On(Box::new(Running {
                    gate,
                    cookies,
                    credit: Credit::default(),
                    trouble: None,
                }));
                notices
            }
            Err(error) => {
                let why = with_missing(&error, capabilities);
                let notices = off(&why);
                self.gate = GateStand::Off(why);
                notices
            }
        }
    }
}

/// Lets the gate read the stick tables that its rules name, which begin with what an earlier process knew.
fn share(placement: &Placement, gate: &Gate, process: &Process, mut inherited: Inherited) -> Vec<String> {
    let tables = placement.rules.tables.keys();
    let tables = tables.filter_map(|number| Some((*number, process.tables.get(TableId(*number))?)));
    let mut notices = Vec::new();
    for (number, table) in tables {
        match gate.share(number, table) {
            Ok(()) => inherited.give(table, clock::ticks()),
            Err(error) => notices.push(format!(
                "[ebpf] The gate does not read table '{}': {error}",
                table.spec().name
            )),
        }
    }
    notices
}

fn pin_dir(plan: &Plan) -> PathBuf {
    PathBuf::from(plan.global.ebpf.pin_dir.as_deref().unwrap_or(PIN_DIR))
}

/// An error, and what of the kernel's help is missing here.
fn with_missing(error: &KernelError, capabilities: &Capabilities) -> String {
    let missing: Vec<&str> = capabilities.missing().map(|step| step.name.as_str()).collect();
    match missing[..] {
        [] => error.to_string(),
        _ => format!("{error} (missing: {})", missing.join(", ")),
    }
}

/// The interfaces that the configuration names, else those that its listeners with rules are reached by.
fn interfaces(plan: &Plan, placement: &Placement) -> Result<Vec<(String, Mode)>, KernelError> {
    let named = &plan.global.ebpf.interfaces;
    if named.is_empty() {
        let found = Gate::interfaces(&placement.rules, plan.global.ebpf.syn_cookies.is_wanted())?;
        return Ok(found.into_iter().map(|name| (name, Mode::Auto)).collect());
    }
    let mode = |mode| match mode {
        XdpMode::Auto => Mode::Auto,
        XdpMode::Native => Mode::Native,
        XdpMode::Generic => Mode::Generic,
        XdpMode::Off => Mode::Off,
    };
    Ok(named
        .iter()
        .map(|interface| (interface.name.clone(), mode(interface.xdp)))
        .collect())
}

/// The interfaces that do not take the gate. One that our predecessor still holds is none of them.
fn failures(gate: &mut Gate, replacing: bool) -> Vec<String> {
    let Ok(status) = gate.status() else {
        return Vec::new();
    };
    let failed = status.interfaces.iter().filter_map(|interface| match interface.state {
        InterfaceState::Failed(KernelError::Busy { .. }) if replacing => None,
        InterfaceState::Failed(error) => Some(error),
        _ => None,
    });
    failed
        .map(|error| format!("[ebpf] The gate is off on one interface, its rules run in userspace there: {error}"))
        .collect()
}

impl Running {
    fn count(&mut self, plan: &Plan, process: &Process, placement: &Placement) {
        match self.gate.counters() {
            Ok(counts) => self.credit.give(&counts, plan, process, placement),
            Err(error) => self.trouble = Some(error),
        }
    }
}

impl Keeper {
    /// The handle for others.
    pub fn help(&self) -> Help {
        self.help.clone()
    }

    /// Ends the steering and detaches the gate, after it has told its last counts. The next process of ours may attach its own then.
    pub fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended, too.
            let _ = thread.join();
        }
        self.help.count();
        let mut stand = self.help.stand();
        stand.steering = Steering::default();
        if let GateStand::On(_) = stand.gate {
            stand.gate = GateStand::Off("the process is stopping".to_owned());
        }
    }

    fn watch(&mut self) -> std::io::Result<()> {
        if let GateStand::Off(_) = self.help.stand().gate {
            return Ok(());
        }
        let (stop, stopped) = mpsc::channel::<()>();
        let help = self.help.clone();
        let watch = move || {
            while stopped.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                clock::refresh();
                help.refresh();
            }
        };
        self.thread = Some(std::thread::Builder::new().name("gate".to_owned()).spawn(watch)?);
        self.stop = Some(stop);
        Ok(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}
