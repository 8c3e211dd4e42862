//! The streams that the kernel carries: what userspace still does for them. It counts them, shows them, ends them, and logs their ends.
//!
//! A flow is locked for when it begins, when it ends, and when an operator asks; its bytes pass without us.
mod account;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lb_common::flow::handover::{Flow, How};
use lb_common::flow::{State, Tuple, Way};

use self::account::{Account, End, Known};
use super::engine::Engine;
use super::exchange::Exchange;
use crate::backend::Slot;
use crate::backend::roster::{Doomed, StreamInfo};
use crate::kernel::handover::{self, Ends, Handover, Tables};
use crate::kernel::{KernelError, PIN_DIR};
use crate::plan::global::EbpfMode;
use crate::plan::options::Offload;
use crate::plan::{self, Plan};
use crate::runtime::clock::{self, Ticks};
use crate::state::Admitted;

/// The flows of this process.
pub struct Flows {
    pub handover: Handover,
    kept: Mutex<HashMap<Tuple, Kept>>,
    /// Flows that have begun so far.
    begun: AtomicU64,
    stop: AtomicBool,
}

/// What is held for a flow until it ends.
struct Kept {
    info: StreamInfo,
    _admitted: Option<Admitted>,
    _slot: Option<Slot>,
}

/// A stream that could be handed over, as far as its end is concerned.
pub struct Accounted {
    flow: Flow,
}

/// How often flows are looked over.
const SWEEP: Duration = Duration::from_secs(1);
/// A sweep over many flows waits this many times longer than it took.
const SWEEP_SHARE: Ticks = 50;
/// How long ways stay after their end, for segments that are sent again.
const LINGER: Ticks = 10_000_000;
/// Where a stream's number has its worker's, flows have this one.
const NO_WORKER: u64 = 0x3ff;

impl Flows {
    /// Has the kernel carry up to so many streams, where the configuration wants that or a predecessor's are still there.
    ///
    /// # Errors
    /// Why that is impossible.
    pub fn open(plan: &Plan, flows: u32) -> Result<Option<Flows>, KernelError> {
        let ebpf = &plan.global.ebpf;
        let pin_dir = Path::new(ebpf.pin_dir.as_deref().unwrap_or(PIN_DIR));
        let wanted = |proxy: &plan::Proxy| proxy.is_frontend && proxy.options.offload == Offload::Handover;
        let wanted = plan.proxies.iter().any(wanted) || Handover::is_pinned(pin_dir);
        if ebpf.mode == EbpfMode::Off || !wanted {
            return Ok(None);
        }
        let interfaces = match ebpf.interfaces.is_empty() {
            true => handover::interfaces()?,
            false => ebpf
                .interfaces
                .iter()
                .filter(|one| one.tc)
                .map(|one| one.name.clone())
                .collect(),
        };
        let handover = Handover::attach(&interfaces, flows, pin_dir)?;
        handover.give_pins_to(plan.global.uid, plan.global.gid);
        Ok(Some(Flows {
            handover,
            kept: Mutex::default(),
            begun: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        }))
    }

    /// May streams be handed over still? Not once a successor looks after them.
    pub fn is_open(&self) -> bool {
        !self.stop.load(Relaxed)
    }

    /// Notes what the end of a stream will need; `None` where it has to stay in userspace for that.
    pub fn account(
        &self,
        tables: &mut Tables,
        exchange: &mut Exchange<'_>,
        client: Tuple,
        server: Tuple,
    ) -> Option<Accounted> {
        let (flow, _) = account::record(exchange, client, server)?;
        tables.note(&client, flow).ok()?;
        Some(Accounted { flow })
    }

    /// Looks after a stream that was handed over just now.
    pub fn keep(
        &self,
        engine: &'static Engine,
        client: Tuple,
        accounted: &Accounted,
        admitted: Admitted,
        slot: Option<Slot>,
    ) {
        let kept = self.hold(engine, &accounted.flow, Some(admitted), slot);
        self.kept().insert(client, kept);
    }

    fn hold(&self, engine: &'static Engine, flow: &Flow, admitted: Option<Admitted>, slot: Option<Slot>) -> Kept {
        let known = Known::of(flow, engine.plan);
        let number = self.begun.fetch_add(1, Relaxed) + 1;
        let age = clock::date().saturating_sub(flow.accepted);
        Kept {
            info: StreamInfo {
                id: number << 10 | NO_WORKER,
                source: Some(SocketAddr::new(account::ip(&flow.source), flow.source_port)),
                frontend: known.as_ref().map_or_else(Default::default, |known| known.frontend.id),
                backend: known.as_ref().map(|known| known.backend.id),
                server: known.as_ref().and_then(|known| known.server),
                started: clock::ticks().saturating_sub(age),
                carried: None,
            },
            _admitted: admitted,
            _slot: slot,
        }
    }

    /// The flows as operators see them, with the bytes that they have carried.
    pub fn list(&self) -> Vec<StreamInfo> {
        let Ok(tables) = self.handover.tables() else {
            return Vec::new();
        };
        let told = |(client, kept): (&Tuple, &Kept)| StreamInfo {
            carried: Some(bytes(&tables, client)),
            ..kept.info.clone()
        };
        self.kept().iter().map(told).collect()
    }

    /// All that is known of the flows, for people (`show ebpf`).
    pub fn describe(&self) -> String {
        let (now, begun) = (self.kept().len(), self.begun.load(Relaxed));
        let mut text = format!("handover: on, {now} flows, {begun} since the start\n");
        for (name, attached) in &self.handover.interfaces {
            text += &match attached {
                Ok(()) => format!("  interface {name}: on\n"),
                Err(error) => format!("  interface {name}: off ({error})\n"),
            };
        }
        text
    }

    /// Ends flows, and says how many there were.
    pub fn end(&self, engine: &'static Engine, doomed: Doomed) -> usize {
        let Ok(mut tables) = self.handover.tables() else {
            return 0;
        };
        let is_doomed = |kept: &Kept| match doomed {
            Doomed::Id(id) => kept.info.id == id,
            Doomed::Server(server) => kept.info.server == Some(server),
        };
        let clients: Vec<Tuple> = self
            .kept()
            .iter()
            .filter(|(_, kept)| is_doomed(kept))
            .map(|(client, _)| *client)
            .collect();
        for client in &clients {
            self.cut(engine, &mut tables, client, End::Killed);
        }
        clients.len()
    }

    /// Ends a flow that would go on.
    fn cut(&self, engine: &'static Engine, tables: &mut Tables, client: &Tuple, end: End) {
        self.close(engine, tables, client, end);
        // A connection that cannot be reset is when its next segment comes.
        let _ = handover::reset(tables, client);
    }

    /// Counts and logs the end of a flow. The ways are left alone.
    fn close(&self, engine: &'static Engine, tables: &mut Tables, client: &Tuple, end: End) {
        // One that was handed over a moment ago is not known yet; the next sweep finds it.
        let Some(kept) = self.kept().remove(client) else { return };
        let flow = tables.flow(client);
        tables.forget_flow(client);
        let Some(flow) = flow else { return };
        engine.end_session(kept.info.backend, kept.info.server);
        let known = Known::of(&flow, engine.plan);
        let way = tables.way(client).ok();
        if let (Some(known), Some(way)) = (known, way) {
            let account = Account {
                flow: &flow,
                known: &known,
                client: *client,
                server: way.other(),
            };
            account.close(engine, bytes(tables, client), end);
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Tuple, Kept>> {
        // Whoever panicked left whole entries.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes from the client, and from the server.
fn bytes(tables: &Tables, client: &Tuple) -> (u64, u64) {
    let Ok(way) = tables.way(client) else { return (0, 0) };
    (way.sent, tables.way(&way.other()).map_or(0, |back| back.sent))
}

/// The thread that looks after the flows.
pub struct Caretaker {
    engine: &'static Engine,
    flows: &'static Flows,
    tables: Tables,
    ends: Ends,
    /// Ways of flows that have ended, and when they are forgotten.
    lingering: Vec<(Ticks, Tuple)>,
}

impl Caretaker {
    /// Takes over the flows that are there, as their owner.
    ///
    /// # Errors
    /// Why that is impossible.
    pub fn new(engine: &'static Engine, flows: &'static Flows) -> Result<Caretaker, KernelError> {
        let mut tables = flows.handover.tables()?;
        tables.own()?;
        for (tuple, way) in tables.ways() {
            // Streams of a process that is gone, or that keeps them.
            if way.state == State::Userspace {
                tables.forget(&tuple);
            }
        }
        for client in tables.flows() {
            match tables.flow(&client).filter(|_| tables.way(&client).is_ok()) {
                Some(flow) => flows.adopt(engine, client, &flow),
                None => tables.forget_flow(&client),
            }
        }
        Ok(Caretaker {
            engine,
            flows,
            ends: flows.handover.ends()?,
            tables,
            lingering: Vec::new(),
        })
    }

    /// Looks after the flows until the process stops or a successor does.
    pub fn run(mut self) {
        let (mut next, rest) = (clock::ticks(), SWEEP.as_micros() as Ticks);
        while !self.flows.stop.load(Relaxed) {
            self.ends.wait(Duration::from_millis(200));
            clock::refresh();
            while let Some(ended) = self.ends.next() {
                self.ended(&ended.client, ended.how);
            }
            let now = clock::ticks();
            if now < next {
                continue;
            }
            if !self.tables.is_owner() {
                self.flows.stop.store(true, Relaxed);
                let left = std::mem::take(&mut *self.flows.kept());
                for kept in left.into_values() {
                    self.engine.end_session(kept.info.backend, kept.info.server);
                }
                return;
            }
            self.sweep();
            clock::refresh();
            next = now + rest.max((clock::ticks() - now) * SWEEP_SHARE);
        }
    }

    fn ended(&mut self, client: &Tuple, how: How) {
        self.flows.close(self.engine, &mut self.tables, client, End::Told(how));
        self.lingering.push((clock::ticks() + LINGER, *client));
    }

    /// Ends flows that were silent for too long, finds ends that were not told, and forgets old ways.
    fn sweep(&mut self) {
        let clients: Vec<Tuple> = self.flows.kept().keys().copied().collect();
        let now = clock::kernel();
        for client in clients {
            let Ok(way) = self.tables.way(&client) else {
                self.flows.kept().remove(&client);
                continue;
            };
            if way.state == State::Closed {
                self.ended(&client, How::Closed);
            } else if self.is_silent(&client, &way, now) {
                self.flows.cut(self.engine, &mut self.tables, &client, End::TimedOut);
            }
        }
        let now = clock::ticks();
        let (old, young) = std::mem::take(&mut self.lingering)
            .into_iter()
            .partition::<Vec<_>, _>(|(end, _)| *end <= now);
        self.lingering = young;
        for (_, client) in old {
            let closed = |tables: &Tables, tuple| tables.way(tuple).ok().filter(|way| way.state == State::Closed);
            if let Some(way) = closed(&self.tables, &client) {
                self.tables.forget(&way.other());
                self.tables.forget(&client);
            }
        }
    }

    fn is_silent(&self, client: &Tuple, way: &Way, now: u64) -> bool {
        let timeout = self.tables.flow(client).map_or(0, |flow| flow.timeout);
        let back = self.tables.way(&way.other()).map_or(0, |back| back.seen);
        timeout > 0 && now.saturating_sub(way.seen.max(back)) > u64::from(timeout) * 1_000_000
    }
}

impl Flows {
    /// Looks after a flow that was there before this process.
    fn adopt(&self, engine: &'static Engine, client: Tuple, flow: &Flow) {
        let known = Known::of(flow, engine.plan);
        let admitted = known.as_ref().map(|known| {
            engine.readmit(known.listener, known.backend.id, known.server);
            Admitted::new(engine.process, known.listener)
        });
        let slot = known.as_ref().and_then(|known| {
            let backend = engine.backend(known.backend.id)?;
            Some(backend.readmit(known.server?.index()))
        });
        let kept = self.hold(engine, flow, admitted, slot);
        self.kept().insert(client, kept);
    }

    /// Ends everything, where this process still looks after the flows: as its sockets would end with it.
    pub fn stop(&self) {
        self.stop.store(true, Relaxed);
        let Ok(mut tables) = self.handover.tables() else { return };
        if !tables.is_owner() {
            return;
        }
        for client in tables.flows() {
            let _ = handover::reset(&mut tables, &client);
        }
        self.handover.unpin();
    }
}
