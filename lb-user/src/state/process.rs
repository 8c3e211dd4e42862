//! Live state of the whole process.

use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};

use super::counter::{Counter, Gauge, Rate};
use super::ids::{ListenerId, ProxyId, ServerId};
use super::proxy::{Listener, Proxy};
use super::server::Server;
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
    pub proxies: Vec<Proxy>,
    /// Variables of scope `proc`, by slot.
    pub variables: RwLock<Vec<Option<ProcessValue>>>,
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
    pub fn proxy(&self, id: ProxyId) -> Option<&Proxy> {
        self.proxies.get(id.index())
    }

    pub fn server(&self, id: ServerId) -> Option<&Arc<Server>> {
        self.proxy(id.backend)?.servers.get(id.index())
    }

    pub fn listener(&self, id: ListenerId) -> Option<&Listener> {
        self.proxy(id.frontend)?.listeners.get(id.index as usize)
    }
}
