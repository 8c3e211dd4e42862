//! The service itself: workers that carry traffic, and this thread, which listens to the operator.

use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::signal::{Signal, raise};
use tokio::runtime::Builder;
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::{sleep, sleep_until};

use super::args::Old;
use super::configuration::Configuration;
use super::daemon::Ready;
use super::limits::Sizes;
use super::listeners::Bound;
use super::messages::Messages;
use super::operator::{self, Sockets};
use super::signals::Signals;
use super::status::{self, Line};
use super::workers::{self, Ended, Workers};
use super::{identity, signals};
use crate::accept::Phase;
use crate::backend::live;
use crate::health;
use crate::kernel::steer::Lookup;
use crate::kernel::{Help, Keeper, KernelError, Listeners};
use crate::l4::carried::Prepared;
use crate::observe::Loggers;
use crate::plan::Plan;
use crate::plan::global::EbpfMode;
use crate::runtime::clock::{self, NEVER, Ticks};
use crate::state::Process;
use crate::stream::Engine;
use crate::stream::flows::{Caretaker, Flows};

/// How long workers get to notice that the process stops.
const STOP_TIME: Duration = Duration::from_millis(500);

/// Syslog severities of what the process says of itself.
const WARNING: u8 = 4;
const NOTICE: u8 = 5;

/// All that startup prepared.
pub struct Service {
    pub configuration: Configuration,
    pub sizes: Sizes,
    pub bound: Vec<Bound>,
    /// What steers connections to the sockets of other addresses.
    pub lookup: Option<Result<Lookup, KernelError>>,
    pub ready: Option<Ready>,
    pub old: Option<Old>,
    /// Is there a master? The service does not outlive it.
    pub has_master: bool,
}

/// Why the service ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// All connections are done after a soft stop.
    Drained,
    /// This signal ended it.
    Signalled(Signal),
    Broken,
}

impl Service {
    /// Runs until the process is told to end. The result is its exit code.
    pub fn run(self, mut messages: Messages) -> Result<ExitCode, ExitCode> {
        match self.serve(&mut messages) {
            Ok(End::Drained) => Ok(ExitCode::SUCCESS),
            Ok(End::Signalled(signal)) => {
                // Nothing handles it any more: the process ends the way whoever waits for it expects.
                let _ = signals::restore(signal).map(|()| raise(signal));
                Err(ExitCode::FAILURE)
            }
            Ok(End::Broken) => {
                messages.alert("[lb.main()] A worker broke down. Exiting.");
                Err(ExitCode::FAILURE)
            }
            Err(text) => {
                messages.alert(text);
                Err(ExitCode::FAILURE)
            }
        }
    }

    fn serve(self, messages: &mut Messages) -> Result<End, String> {
        let plan: &'static Plan = Box::leak(Box::new(self.configuration.plan));
        let connections = u32::try_from(self.sizes.connections).unwrap_or(u32::MAX);
        let state = Arc::new(live::process(plan, workers::count(plan), connections));
        let loggers = Loggers::open(plan, &state, "lb")?;
        let mut keeper = ask_kernel(plan, &state, &self.bound, self.lookup, self.old.is_some(), messages)?;
        let prepared = prepare_carrying(plan, &self.bound, connections, messages)?;
        let flows = carry_flows(plan, connections, messages)?;
        identity::assume(&plan.global, flows.is_some())?;
        if self.has_master {
            prctl::set_pdeathsig(Signal::SIGTERM).map_err(|_| "[lb.main()] Cannot follow the master.".to_owned())?;
        }
        let engine = Engine::new(plan, state, loggers);
        if let Some(flows) = flows {
            keep_flows(engine, flows)?;
        }
        let problem = |error: std::io::Error| format!("[lb.main()] Cannot start the workers: {error}.");
        let workers = workers::start(engine, &self.bound).map_err(problem)?;
        let _carrying = prepared
            .map(|prepared| prepared.start(engine, keeper.help()))
            .transpose()
            .map_err(problem)?;
        let bound: Sockets = Rc::new(RefCell::new(self.bound));
        let environment = self.configuration.environment;
        let kernel = keeper.help();
        let mut watch = Watch {
            messages,
            bound: bound.clone(),
            engine,
            workers,
            kernel: &mut keeper,
            doors: Vec::new(),
            drain_at: NEVER,
            stop_at: NEVER,
        };
        let tasks = LocalSet::new();
        let runtime = Builder::new_current_thread().enable_all().build().map_err(problem)?;
        tasks.block_on(&runtime, async {
            let mut signals = Signals::listen().map_err(problem)?;
            health::run::start(&engine.farm);
            watch.doors = operator::start(engine, kernel, self.sizes, environment, &bound)
                .map_err(|error| format!("[lb.main()] Cannot serve the runtime API: {error}."))?;
            if let Some(mut old) = self.old {
                old.dismiss();
            }
            if let Some(ready) = self.ready {
                ready.announce().map_err(problem)?;
            }
            Ok(watch.until_the_end(&mut signals).await)
        })
    }
}

/// Has the kernel help where the configuration permits and it can.
fn ask_kernel(
    plan: &'static Plan,
    state: &Arc<Process>,
    bound: &[Bound],
    lookup: Option<Result<Lookup, KernelError>>,
    replacing: bool,
    messages: &mut Messages,
) -> Result<Keeper, String> {
    let listeners = Listeners {
        listening: bound.iter().flat_map(Bound::listening).collect(),
        lookup,
        groups: bound.iter().filter_map(Bound::group).collect(),
        replacing,
    };
    let started = Help::start(plan, Arc::clone(state), listeners)?;
    for notice in started.notices {
        messages.notice(notice);
    }
    Ok(started.keeper)
}

/// Has the kernel ready to carry the connections that need nothing from us.
fn prepare_carrying(
    plan: &Plan,
    bound: &[Bound],
    connections: u32,
    messages: &mut Messages,
) -> Result<Option<Prepared>, String> {
    let listening: Vec<_> = bound.iter().flat_map(Bound::listening).collect();
    match Prepared::new(plan, &listening, connections) {
        Ok(prepared) => Ok(prepared),
        Err(error) if plan.global.ebpf.mode == EbpfMode::Require => Err(format!(
            "[ebpf] Cannot forward connections: {error} ('ebpf require' is set)."
        )),
        Err(error) => {
            messages.notice(format!("[ebpf] Connections are forwarded in userspace: {error}"));
            Ok(None)
        }
    }
}

/// Has the kernel carry streams where the configuration wants that, or where a predecessor's are still there.
fn carry_flows(plan: &Plan, connections: u32, messages: &mut Messages) -> Result<Option<Flows>, String> {
    match Flows::open(plan, connections) {
        Ok(flows) => Ok(flows),
        Err(error) if plan.global.ebpf.mode == EbpfMode::Require => Err(format!(
            "[ebpf] Cannot hand streams over: {error} ('ebpf require' is set)."
        )),
        Err(error) => {
            messages.notice(format!("[ebpf] Streams stay in userspace: {error}"));
            Ok(None)
        }
    }
}

/// Takes over the flows that are there, and looks after all of them on a thread of its own.
fn keep_flows(engine: &'static Engine, flows: Flows) -> Result<(), String> {
    let flows = engine.flows.get_or_init(|| flows);
    let caretaker = Caretaker::new(engine, flows).map_err(|error| format!("[ebpf] {error}"))?;
    let thread = std::thread::Builder::new().name("flows".to_owned());
    let started = thread.spawn(move || caretaker.run());
    started
        .map(drop)
        .map_err(|error| format!("[ebpf] Cannot start a thread: {error}."))
}

/// The running service, as this thread watches over it.
struct Watch<'a> {
    messages: &'a mut Messages,
    /// Handles on all listening sockets, to pause them and to hand them over.
    bound: Sockets,
    engine: &'static Engine,
    workers: Workers,
    kernel: &'a mut Keeper,
    /// The tasks that accept clients of the runtime API.
    doors: Vec<JoinHandle<()>>,
    /// When listening ends after a soft stop.
    drain_at: Ticks,
    /// When a soft stop has taken too long.
    stop_at: Ticks,
}

impl Watch<'_> {
    async fn until_the_end(&mut self, signals: &mut Signals) -> End {
        let end = self.until_told(signals).await;
        if let Some(flows) = self.engine.flows.get() {
            flows.stop();
        }
        end
    }

    async fn until_told(&mut self, signals: &mut Signals) -> End {
        loop {
            tokio::select! {
                ended = self.workers.end() => return match ended {
                    Ended::Done => End::Drained,
                    Ended::Broken => End::Broken,
                },
                () = reached(self.drain_at) => self.drain(),
                () = reached(self.stop_at) => {
                    self.messages.warning("soft-stop running for too long, performing a hard-stop.");
                    self.stop().await;
                    return End::Drained;
                }
                signal = signals.next() => match signal {
                    Signal::SIGINT | Signal::SIGTERM => {
                        self.stop().await;
                        return End::Signalled(signal);
                    }
                    signal => self.obey(signal),
                },
            }
        }
    }

    fn obey(&mut self, signal: Signal) {
        match signal {
            Signal::SIGUSR1 if self.drain_at == NEVER && self.workers.phase() < Phase::Draining => {
                self.engine.process.stopping.store(true, Relaxed);
                let (now, global) = (clock::ticks(), &self.engine.plan.global);
                self.drain_at = clock::after(now, Some(global.grace.unwrap_or_default()));
                self.stop_at = clock::after(now, global.hard_stop_after);
            }
            Signal::SIGTTOU if self.workers.phase() == Phase::Serving => {
                self.workers.tell(Phase::Paused);
                self.bound.borrow().iter().for_each(Bound::pause);
                self.tell_kernel();
                self.tell(WARNING, status::listening(self.engine.process, "Paused"));
            }
            Signal::SIGTTIN if self.workers.phase() == Phase::Paused => {
                self.bound.borrow().iter().for_each(Bound::resume);
                self.tell_kernel();
                self.workers.tell(Phase::Serving);
                self.tell(WARNING, status::listening(self.engine.process, "Resumed"));
            }
            Signal::SIGHUP => self.tell(NOTICE, status::describe(self.engine.process)),
            _ => {}
        }
    }

    /// Tells the kernel's help which sockets listen now.
    fn tell_kernel(&self) {
        let listening = self.bound.borrow().iter().flat_map(Bound::listening).collect();
        self.kernel.help().listeners_changed(listening);
    }

    /// Says what happened, in the terminal and at `level` in the logs.
    fn tell(&mut self, level: u8, lines: Vec<Line>) {
        for line in lines {
            if let Some(proxy) = line.proxy {
                let logger = self.engine.loggers.proxy(proxy);
                logger.send(clock::date(), level, b"", line.text.as_bytes());
            }
            self.messages.warning(line.text);
        }
    }

    /// From here on no connection is accepted; the workers return when their last one has ended.
    fn drain(&mut self) {
        self.drain_at = NEVER;
        self.bound.borrow_mut().clear();
        self.doors.drain(..).for_each(|door| door.abort());
        self.kernel.stop();
        self.workers.tell(Phase::Draining);
        self.tell(WARNING, status::farewell(self.engine.process));
    }

    async fn stop(&mut self) {
        self.workers.tell(Phase::Stopping);
        tokio::select! {
            _ = self.workers.end() => {}
            () = sleep(STOP_TIME) => {}
        }
    }
}

async fn reached(time: Ticks) {
    match time {
        NEVER => std::future::pending().await,
        time => sleep_until(clock::instant(time)).await,
    }
}
