//! Live state of one proxy and of its listeners.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64};
use std::sync::{Arc, RwLock};

use super::capture::Kept;
use super::counter::{Counter, Gauge, Rate};
use super::ids::ProxyId;
use super::server::Server;

/// What a proxy is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ProxyStatus {
    Ready = 0,
    Paused = 1,
    Stopped = 2,
}

impl From<u8> for ProxyStatus {
    fn from(number: u8) -> ProxyStatus {
        match number {
            0 => ProxyStatus::Ready,
            1 => ProxyStatus::Paused,
            _ => ProxyStatus::Stopped,
        }
    }
}

/// One proxy. A `listen` section uses both facets.
pub struct Proxy {
    pub id: ProxyId,
    pub name: String,
    /// The `id` of the section, or its position from one (the `iid` column).
    pub puid: u32,
    pub is_frontend: bool,
    pub is_backend: bool,
    pub is_http: bool,
    pub configured: Configured,
    pub status: AtomicU8,
    pub frontend: FrontendState,
    pub backend: BackendState,
    pub servers: Vec<Arc<Server>>,
    pub listeners: Vec<Listener>,
    /// The last malformed request and response.
    pub bad_request: Kept,
    pub bad_response: Kept,
}

/// What rules may ask of a proxy's configuration. Timeouts are in milliseconds; 0 is none.
#[derive(Clone, Debug, Default)]
pub struct Configured {
    pub default_backend: Option<ProxyId>,
    pub client_timeout: u32,
    pub server_timeout: u32,
    pub tunnel_timeout: u32,
}

/// A proxy's state as a frontend.
#[derive(Default)]
pub struct FrontendState {
    /// Connection limit in force (0: none).
    pub max_connections: AtomicU32,
    /// Session rate limit in force (0: none).
    pub max_session_rate: AtomicU32,
    pub connections: Gauge,
    /// Log lines written so far (`%lc`).
    pub log_lines: Counter,
    pub counters: FrontendCounters,
}

/// What a frontend counts.
#[derive(Default)]
pub struct FrontendCounters {
    pub connections: Counter,
    pub connection_rate: Rate,
    pub sessions: Counter,
    pub session_rate: Rate,
    pub requests: Counter,
    pub request_rate: Rate,
    pub bytes_in: Counter,
    pub bytes_out: Counter,
    pub denied_requests: Counter,
    pub denied_responses: Counter,
    pub failed_requests: Counter,
    pub denied_connections: Counter,
    pub denied_sessions: Counter,
    pub failed_rewrites: Counter,
    pub internal_errors: Counter,
    pub intercepted: Counter,
    pub cache_lookups: Counter,
    pub cache_hits: Counter,
    pub compression_in: Counter,
    pub compression_out: Counter,
    pub compression_bypassed: Counter,
    pub compressed_responses: Counter,
    /// By class: 1xx … 5xx, then other.
    pub responses: [Counter; 6],
}

/// A proxy's state as a backend.
#[derive(Default)]
pub struct BackendState {
    pub full_connections: AtomicU32,
    pub connections: Gauge,
    pub queue: Gauge,
    /// Sessions being served by the backend's servers.
    pub served: Gauge,
    pub active_servers: AtomicU32,
    pub backup_servers: AtomicU32,
    pub total_weight: AtomicU32,
    pub last_change: AtomicU64,
    pub downs: Counter,
    pub downtime: AtomicU64,
    pub dynamic_cookie: RwLock<DynamicCookie>,
    pub counters: BackendCounters,
}

/// How cookies are made for servers that have none of their own.
#[derive(Clone, Debug, Default)]
pub struct DynamicCookie {
    pub enabled: bool,
    /// The secret they are computed with; without one there are none.
    pub key: Option<Vec<u8>>,
}

/// What a backend counts.
#[derive(Default)]
pub struct BackendCounters {
    pub sessions: Counter,
    pub session_rate: Rate,
    pub bytes_in: Counter,
    pub bytes_out: Counter,
    pub denied_requests: Counter,
    pub denied_responses: Counter,
    pub connection_errors: Counter,
    pub response_errors: Counter,
    pub retries: Counter,
    pub redispatches: Counter,
    pub selected: Counter,
    pub failed_rewrites: Counter,
    pub internal_errors: Counter,
    pub client_aborts: Counter,
    pub server_aborts: Counter,
    pub intercepted: Counter,
    pub requests: Counter,
    pub cache_lookups: Counter,
    pub cache_hits: Counter,
    pub compression_in: Counter,
    pub compression_out: Counter,
    pub compression_bypassed: Counter,
    pub compressed_responses: Counter,
    pub responses: [Counter; 6],
    pub connect_attempts: Counter,
    pub reuses: Counter,
    pub last_session: AtomicU64,
    pub times: [AtomicU64; 4],
    pub times_max: [AtomicU64; 4],
}

/// Live state of one `bind` address.
#[derive(Default)]
pub struct Listener {
    /// `name`, or the address as `show stat` prints it.
    pub name: String,
    pub puid: u32,
    pub connections: Gauge,
    pub max_connections: u32,
    pub sessions: Counter,
    pub bytes_in: Counter,
    pub bytes_out: Counter,
    pub denied_requests: Counter,
    pub denied_responses: Counter,
    pub failed_requests: Counter,
    pub denied_connections: Counter,
    pub denied_sessions: Counter,
    pub failed_rewrites: Counter,
    pub internal_errors: Counter,
}

/// The index of a status code in `responses`: 1xx is 0 … 5xx is 4, anything else 5.
pub fn response_class(status: u16) -> usize {
    match status / 100 {
        class @ 1..=5 => class as usize - 1,
        _ => 5,
    }
}
