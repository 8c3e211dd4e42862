//! Live state of the whole process.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{PoisonError, RwLock};

use super::counter::{Counter, Gauge, Rate};
use super::ids::{ListenerId, ProxyId, ServerId};
use super::proxy::{Listener, Proxy};
use super::server::Server;
use super::userlist::Userlist;
use crate::stick::Tables;
use std::sync::Arc;

/// Everything that lives while the plan stands still. Shared by all workers.
#[derive(Default)]
pub struct Process {
    pub node: String,
    pub description: Option<String>,
    pub pid: u32,
    pub workers: usize,
    /// Microseconds since the epoch when the process started.
    pub started: u64,
    pub max_connections: AtomicU32,
    pub connections: Gauge,
    pub total_connections: Counter,
    pub total_requests: Counter,
    pub connection_rate: Rate,
    pub session_rate: Rate,
    /// New connections a second that the process allows (0: no limit).
    pub max_connection_rate: AtomicU32,
    pub max_session_rate: AtomicU32,
    pub stopping: AtomicBool,
    pub tainted: AtomicU32,
    /// Next id of a session (`%rt`, `show sess`).
    pub next_stream: AtomicU64,
    pub dropped_logs: Counter,
    /// Malformed messages so far.
    pub captured: AtomicU64,
    pub proxies: Vec<Proxy>,
    pub userlists: Vec<Userlist>,
    pub tables: Tables,
    /// Variables of scope `proc`, by slot.
    pub variables: RwLock<Vec<Option<ProcessValue>>>,
    /// Where [`Process::random`] stands; whoever starts the process puts a seed here.
    pub random_state: AtomicU64,
    /// The machine's name.
    pub hostname: String,
}

/// The bytes of a `proc` variable with the type name that `get var` shows. The rules room converts it.
#[derive(Clone, Debug, PartialEq)]
pub enum ProcessValue {
    Bool(bool),
    Int(i64),
    Address(std::net::IpAddr),
    Str(Vec<u8>),
    Bin(Vec<u8>),
}

impl Process {
    /// Sets a variable of scope `proc`, or with `None` unsets it.
    pub fn set_variable(&self, slot: u32, value: Option<ProcessValue>) {
        let mut values = self.variables.write().unwrap_or_else(PoisonError::into_inner);
        let slot = slot as usize;
        if values.len() <= slot {
            values.resize(slot + 1, None);
        }
        values[slot] = value;
    }

    /// The next number of a statistically random sequence (SplitMix64). It must not be used for secrets.
    pub fn random(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.random_state.fetch_add(STEP, Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The proxy with that id.
    pub fn proxy(&self, id: ProxyId) -> Option<&Proxy> {
        self.proxies.get(id.index())
    }

    /// The server with that id.
    pub fn server(&self, id: ServerId) -> Option<&Arc<Server>> {
        self.proxy(id.backend)?.servers.get(id.index())
    }

    /// The listener with that id.
    pub fn listener(&self, id: ListenerId) -> Option<&Listener> {
        self.proxy(id.frontend)?.listeners.get(id.index as usize)
    }

    /// Counts a connection that the kernel carries as one that was accepted and became a session. `now` is in milliseconds.
    pub fn admit_carried(&self, id: ListenerId, now: u64) {
        self.connections.up();
        self.total_connections.increment();
        self.connection_rate.add(1, now);
        self.session_rate.add(1, now);
        if let Some(proxy) = self.proxy(id.frontend) {
            proxy.frontend.connections.up();
            let counters = &proxy.frontend.counters;
            counters.connections.increment();
            counters.connection_rate.add(1, now);
            counters.sessions.increment();
            counters.session_rate.add(1, now);
        }
        if let Some(listener) = self.listener(id) {
            listener.connections.up();
            listener.sessions.increment();
        }
    }

    /// Counts connections that a rule denied before they reached this process. Each counts as one that was accepted first and denied
    /// then. `now` is in milliseconds.
    pub fn deny_early(&self, frontend: ProxyId, listener: Option<ListenerId>, connections: u64, now: u64) {
        self.total_connections.add(connections);
        self.connection_rate.add(connections, now);
        if let Some(proxy) = self.proxy(frontend) {
            let counters = &proxy.frontend.counters;
            counters.connections.add(connections);
            counters.connection_rate.add(connections, now);
            counters.denied_connections.add(connections);
        }
        if let Some(listener) = listener.and_then(|listener| self.listener(listener)) {
            listener.denied_connections.add(connections);
        }
    }
}
