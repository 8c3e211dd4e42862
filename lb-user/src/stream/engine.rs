//! What all exchanges share: the plan, the live state, backends, loggers, and spare storage.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

use crate::backend::Backend;
use crate::backend::roster::{Doomed, Rosters, StreamInfo};
use crate::health::Farm;
use crate::http::message::Head;
use crate::observe::Loggers;
use crate::plan::{Plan, Proxy};
use crate::rules::facts::{Facts, LogLevel};
use crate::runtime::clock;
use crate::state::{Process, ProxyId};
use crate::stream::flows::Flows;

/// The balancer at work. There is one for the life of the process, so it is leaked once: the data path then holds plain
/// references instead of counted ones.
pub struct Engine {
    pub plan: &'static Plan,
    pub process: &'static Process,
    /// One for each proxy, in the plan's order.
    pub backends: &'static [Backend],
    pub loggers: &'static Loggers,
    /// The servers, for those who check and administer them.
    pub farm: Farm,
    /// The streams under way.
    pub rosters: &'static Rosters,
    /// The streams that the kernel carries, where it can.
    pub flows: OnceLock<Flows>,
    by_name: HashMap<Vec<u8>, ProxyId>,
}

/// Storage of a finished exchange, kept for the next one.
#[derive(Default)]
pub struct Spare {
    pub request: Head,
    pub response: Head,
    pub up: Vec<u8>,
    pub down: Vec<u8>,
}

/// Spare exchanges a worker keeps at most.
const SPARE: usize = 64;

thread_local! {
    static SPARES: RefCell<Vec<Spare>> = const { RefCell::new(Vec::new()) };
    static DRAW: Cell<u64> = const { Cell::new(0) };
    static LINE: RefCell<(Vec<u8>, Vec<u8>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// Gives variables the values that `set-var` lines of the global section have for them.
fn set_first_variables(plan: &'static Plan, process: &Process) {
    // Each may go by those before it.
    for (variable, expression) in &plan.initial_variables {
        let value = expression.value_alone(process, clock::date(), clock::ticks());
        process.set_variable(variable.slot, value.map(Into::into));
    }
}

impl Engine {
    /// Starts the balancer on a plan. `process` is the live state that was made for it.
    pub fn new(plan: &'static Plan, process: Arc<Process>, loggers: Loggers) -> &'static Engine {
        let process: &'static Process = Box::leak(Box::new(process));
        set_first_variables(plan, process);
        let backends: Vec<Backend> = plan.proxies.iter().map(|proxy| Backend::new(proxy, process)).collect();
        let by_name = plan
            .proxies
            .iter()
            .filter(|proxy| proxy.is_backend)
            .map(|proxy| (proxy.name.clone().into_bytes(), proxy.id))
            .collect();
        let backends = backends.leak();
        let loggers: &'static Loggers = Box::leak(Box::new(loggers));
        let rosters: &'static Rosters = Box::leak(Box::default());
        Box::leak(Box::new(Engine {
            plan,
            process,
            backends,
            loggers,
            farm: Farm::new(plan, process, backends, loggers, rosters),
            rosters,
            flows: OnceLock::new(),
            by_name,
        }))
    }

    /// The backend with that id.
    pub fn backend(&self, id: ProxyId) -> Option<&'static Backend> {
        self.backends.get(id.index())
    }

    /// The backend with that name.
    pub fn backend_called(&self, name: &[u8]) -> Option<ProxyId> {
        self.by_name.get(name).copied()
    }

    /// Is the process about to end?
    pub fn is_stopping(&self) -> bool {
        self.process.stopping.load(Relaxed)
    }

    /// The number of a new stream (`%rt`).
    pub fn next_stream(&self) -> u64 {
        self.process.next_stream.fetch_add(1, Relaxed)
    }

    /// A random number for `balance random` (xorshift; nothing secret depends on it).
    pub fn draw(&self) -> u32 {
        DRAW.with(|state| {
            let mut x = state.get();
            if x == 0 {
                x = clock::date() | 1;
            }
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            state.set(x);
            (x >> 32) as u32
        })
    }

    /// Every stream under way, wherever it is carried. Waits for the workers, so it must not be called on one.
    pub fn streams(&self) -> Vec<StreamInfo> {
        let mut streams = self.rosters.list();
        if let Some(flows) = self.flows.get() {
            streams.extend(flows.list());
            streams.sort_by_key(|stream| stream.started);
        }
        streams
    }

    /// Ends streams, wherever they are carried, and says how many there were. Waits for the workers, so it must not be called on one.
    pub fn end_streams(&'static self, doomed: Doomed) -> usize {
        let carried = self.flows.get().map_or(0, |flows| flows.end(self, doomed));
        self.rosters.end(doomed) + carried
    }

    pub(super) fn spare(&self) -> Spare {
        SPARES.with_borrow_mut(Vec::pop).unwrap_or_default()
    }

    pub(super) fn keep_spare(&self, mut spare: Spare) {
        spare.request.clear();
        spare.response.clear();
        SPARES.with_borrow_mut(|spares| {
            if spares.len() < SPARE {
                spares.push(spare);
            }
        });
    }

    /// Writes the log line of an exchange or a TCP stream of `frontend`.
    pub fn log(&self, frontend: &Proxy, failed: bool, facts: &Facts<'_>) {
        let logger = self.loggers.proxy(frontend.id);
        let Some(format) = frontend.logs.format.as_ref().filter(|_| logger.is_active()) else {
            return;
        };
        let level = match facts.exchange.log_level {
            Some(LogLevel::Level(level)) => level,
            _ if failed && frontend.options.log_separate_errors => 3,
            _ => 6,
        };
        LINE.with_borrow_mut(|(line, structured)| {
            line.clear();
            structured.clear();
            format.evaluate(facts, line);
            if let Some(format) = &frontend.logs.structured_data {
                format.evaluate(facts, structured);
            }
            if let Some(proxy) = self.process.proxy(frontend.id) {
                proxy.frontend.log_lines.increment();
            }
            logger.send(facts.now, level, structured, line);
        });
    }
}
