//! Live state of one server.

use std::net::{IpAddr, SocketAddr};
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64};

use super::counter::{Counter, Gauge, Rate};

/// What a server is able to do, as health checks and the operator see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Running {
    /// Refuses new sessions.
    Stopped = 0,
    /// Up, warming up under `slowstart`.
    Starting = 1,
    Up = 2,
    /// Up, but only for sessions that persistence binds to it (`disable-on-404`).
    Stopping = 3,
}

impl From<u8> for Running {
    fn from(number: u8) -> Running {
        match number {
            0 => Running::Stopped,
            1 => Running::Starting,
            3 => Running::Stopping,
            _ => Running::Up,
        }
    }
}

/// The administrator's word on a server: a set of the constants below.
pub mod admin {
    /// `set server … state maint`, `disable server`.
    pub const FORCED_MAINT: u8 = 0x01;
    /// In maintenance because the server it tracks is.
    pub const INHERITED_MAINT: u8 = 0x02;
    /// `disabled` in the configuration. It tells where the forced maintenance came from, and stays when that is over.
    pub const CONFIG_MAINT: u8 = 0x04;
    /// `set server … state drain`.
    pub const FORCED_DRAIN: u8 = 0x08;
    /// Draining because the server it tracks is.
    pub const INHERITED_DRAIN: u8 = 0x10;
    /// In maintenance because its name does not resolve.
    pub const RESOLUTION_MAINT: u8 = 0x20;
    /// Every reason for maintenance.
    pub const MAINT: u8 = FORCED_MAINT | INHERITED_MAINT | RESOLUTION_MAINT;
    /// Every reason for draining.
    pub const DRAIN: u8 = FORCED_DRAIN | INHERITED_DRAIN;
}

/// One server: name, address and status change rarely; counters always.
pub struct Server {
    pub name: String,
    /// Numeric id for SNMP and consistent hashing (`id`, else the position from one).
    pub puid: u32,
    pub backup: bool,
    /// `None` while the address is unknown (a name not resolved yet).
    pub address: RwLock<Option<SocketAddr>>,
    /// Is `address` a path in the file system instead (unix socket)?
    pub unix_path: Option<String>,
    /// Weight the operator set (0–256).
    pub user_weight: AtomicU32,
    /// Weight in the configuration.
    pub initial_weight: u32,
    /// Weight in force times the scale of the algorithm, after slow start.
    pub effective_weight: AtomicU32,
    /// What a weight of one counts in `effective_weight`.
    pub weight_scale: u32,
    /// `Running` as a number.
    pub running: AtomicU8,
    /// Bits of [`admin`].
    pub admin: AtomicU8,
    /// Seconds of the monotonic clock at the last change of status.
    pub last_change: AtomicU64,
    /// Connection limit in force (0: none).
    pub max_connections: AtomicU32,
    pub max_queue: u32,
    pub check: Check,
    pub sessions: Gauge,
    /// Requests or connections being served, which `maxconn` bounds.
    pub served: Gauge,
    pub queue: Gauge,
    pub counters: ServerCounters,
}

/// Live state of a server's health check.
#[derive(Default)]
pub struct Check {
    /// Is a check configured?
    pub configured: bool,
    /// Is it switched on now?
    pub enabled: AtomicBool,
    /// Rise and fall position, 0..rise+fall-1; UP from `rise` on.
    pub health: AtomicI64,
    pub rise: i64,
    pub fall: i64,
    /// Where to check, if not where the server is.
    pub address: RwLock<Option<IpAddr>>,
    /// Port to check; 0 for the server's own.
    pub port: AtomicU16,
    /// Code of the last result, an index into the health room's results.
    pub status: AtomicU8,
    /// HTTP status or other code of the last check; -1 when there is none.
    pub code: AtomicI64,
    /// Milliseconds the last check took; -1 when none has ended.
    pub duration_ms: AtomicI64,
    /// Text of the last result.
    pub info: RwLock<String>,
}

/// What a server counts (the columns of `show stat`).
#[derive(Default)]
pub struct ServerCounters {
    pub sessions: Counter,
    pub session_rate: Rate,
    pub bytes_in: Counter,
    pub bytes_out: Counter,
    pub denied_responses: Counter,
    pub connection_errors: Counter,
    pub response_errors: Counter,
    pub retries: Counter,
    pub redispatches: Counter,
    pub failed_rewrites: Counter,
    pub internal_errors: Counter,
    pub check_failures: Counter,
    pub check_downs: Counter,
    /// Seconds spent down before the last change.
    pub downtime: AtomicU64,
    pub selected: Counter,
    pub client_aborts: Counter,
    pub server_aborts: Counter,
    pub requests: Counter,
    pub responses: [Counter; 6],
    pub connect_attempts: Counter,
    pub reuses: Counter,
    pub idle: Gauge,
    /// Seconds of the monotonic clock when a session was last assigned; 0 when none was.
    pub last_session: AtomicU64,
    /// Sums over the last 1024 requests, for the averages: queue, connect, response, total (ms).
    pub times: [AtomicU64; 4],
    pub times_max: [AtomicU64; 4],
}

impl Server {
    /// May a new session be sent here?
    pub fn is_usable(&self) -> bool {
        use std::sync::atomic::Ordering::Relaxed;
        self.running.load(Relaxed) != Running::Stopped as u8
            && self.running.load(Relaxed) != Running::Stopping as u8
            && self.admin.load(Relaxed) & (admin::MAINT | admin::DRAIN) == 0
            && self.effective_weight.load(Relaxed) > 0
    }

    /// May a session that persistence binds to this server be sent here?
    pub fn is_running(&self) -> bool {
        use std::sync::atomic::Ordering::Relaxed;
        self.running.load(Relaxed) != Running::Stopped as u8 && self.admin.load(Relaxed) & admin::MAINT == 0
    }

    /// Where it is now.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address.read().ok().and_then(|address| *address)
    }
}
