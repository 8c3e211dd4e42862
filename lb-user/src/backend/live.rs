//! The live state that a plan starts with.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use crate::backend::balance::WEIGHT_SCALE;
use crate::plan::balance::Algorithm;
use crate::plan::rules::{BackendName, UseBackend};
use crate::plan::server::ServerAddress;
use crate::plan::{self, Plan};
use crate::runtime::clock;
use crate::state::capture::Kept;
use crate::state::proxy::{BackendState, Configured, DynamicCookie, FrontendState, Listener, ProxyStatus};
use crate::state::server::{Check, Running, ServerCounters, admin};
use crate::state::{Gauge, Process, Proxy, ProxyId, Server};
use crate::stick::Tables;

/// Live state for `plan` in a process of `workers` threads that may have `max_connections`.
pub fn process(plan: &Plan, workers: usize, max_connections: u32) -> Process {
    let global = &plan.global;
    Process {
        node: global.node.clone().unwrap_or_default(),
        description: global.description.clone(),
        pid: std::process::id(),
        workers,
        hostname: hostname(),
        random_state: AtomicU64::new(RandomState::new().build_hasher().finish()),
        started: clock::date(),
        max_connections: AtomicU32::new(max_connections),
        max_connection_rate: AtomicU32::new(global.max_connection_rate),
        max_session_rate: AtomicU32::new(global.max_session_rate),
        proxies: plan
            .proxies
            .iter()
            .map(|proxy| live_proxy(plan, proxy, max_connections))
            .collect(),
        tables: Tables::new(&plan.tables),
        userlists: plan.userlists.clone(),
        ..Process::default()
    }
}

/// The machine's name; empty if it has none that can be read.
fn hostname() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_default()
}

fn live_proxy(plan: &Plan, proxy: &plan::Proxy, process: u32) -> Proxy {
    let status = if proxy.disabled {
        ProxyStatus::Stopped
    } else {
        ProxyStatus::Ready
    };
    Proxy {
        id: proxy.id,
        name: proxy.name.clone(),
        puid: proxy.puid.unwrap_or(proxy.id.0 + 2),
        is_frontend: proxy.is_frontend,
        is_backend: proxy.is_backend,
        is_http: proxy.mode == plan::Mode::Http,
        configured: Configured {
            default_backend: proxy.default_backend,
            client_timeout: milliseconds(proxy.timeouts.client),
            server_timeout: milliseconds(proxy.timeouts.server),
            tunnel_timeout: milliseconds(proxy.timeouts.tunnel),
        },
        status: AtomicU8::new(status as u8),
        frontend: FrontendState {
            max_connections: AtomicU32::new(max_connections(proxy, process)),
            max_session_rate: AtomicU32::new(proxy.rate_limit_sessions),
            ..FrontendState::default()
        },
        backend: BackendState {
            full_connections: AtomicU32::new(full_connections(plan, proxy, process)),
            last_change: AtomicU64::new(clock::ticks() / 1_000_000),
            dynamic_cookie: RwLock::new(DynamicCookie {
                enabled: proxy.cookie.as_ref().is_some_and(|cookie| cookie.dynamic),
                key: proxy.dynamic_cookie_key.as_ref().map(|key| key.clone().into_bytes()),
            }),
            ..BackendState::default()
        },
        servers: proxy
            .servers
            .iter()
            .zip(1..)
            .map(|(server, number)| Arc::new(live_server(proxy, server, number)))
            .collect(),
        bad_request: Kept::default(),
        bad_response: Kept::default(),
        listeners: proxy
            .binds
            .iter()
            .zip(1..)
            .map(|(bind, number)| listener(bind, number))
            .collect(),
    }
}

/// `maxconn` of a frontend, or what the whole process allows.
fn max_connections(frontend: &plan::Proxy, process: u32) -> u32 {
    frontend.max_connections.unwrap_or(process)
}

/// `fullconn`, or a tenth of what the frontends that may use the backend admit together.
fn full_connections(plan: &Plan, backend: &plan::Proxy, process: u32) -> u32 {
    let users = plan.proxies.iter().filter(|proxy| may_use(proxy, backend.id));
    let admitted = users
        .map(|proxy| max_connections(proxy, process))
        .fold(0, u32::saturating_add);
    backend.full_connections.unwrap_or((admitted / 10).max(1))
}

/// May a frontend choose the backend?
fn may_use(frontend: &plan::Proxy, backend: ProxyId) -> bool {
    let named = |rule: &UseBackend| match rule.backend {
        BackendName::Fixed(id) => id == backend,
        BackendName::Dynamic(_) => true,
    };
    frontend.is_frontend
        && (frontend.id == backend
            || frontend.default_backend == Some(backend)
            || frontend.rules.use_backend.iter().any(named))
}

fn milliseconds(timeout: Option<Duration>) -> u32 {
    timeout.map_or(0, |timeout| u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX))
}

fn listener(bind: &plan::Bind, number: u32) -> Listener {
    Listener {
        name: bind.options.name.clone().unwrap_or_else(|| format!("sock-{number}")),
        puid: bind.options.id.unwrap_or(number),
        max_connections: bind.options.max_connections.unwrap_or(0),
        ..Listener::default()
    }
}

fn live_server(proxy: &plan::Proxy, server: &plan::Server, number: u32) -> Server {
    let (address, unix_path) = match &server.address {
        ServerAddress::Inet(address) => (Some(*address), None),
        ServerAddress::MappedPort { ip, .. } => (Some(SocketAddr::new(*ip, 0)), None),
        ServerAddress::Unix(path) => (None, Some(path.clone())),
        ServerAddress::Abstract(name) => (None, Some(format!("abns@{name}"))),
        ServerAddress::Name { .. } => (None, None),
    };
    let unresolved = matches!(server.address, ServerAddress::Name { .. });
    let config_maint = match server.disabled {
        true => admin::CONFIG_MAINT | admin::FORCED_MAINT,
        false => 0,
    };
    let resolution_maint = if unresolved { admin::RESOLUTION_MAINT } else { 0 };
    Server {
        name: server.name.clone(),
        puid: server.id.unwrap_or(number),
        backup: server.backup,
        address: RwLock::new(address),
        unix_path,
        user_weight: AtomicU32::new(server.weight),
        initial_weight: server.weight,
        effective_weight: AtomicU32::new(server.weight * weight_scale(&proxy.balance.algorithm)),
        weight_scale: weight_scale(&proxy.balance.algorithm),
        running: AtomicU8::new(Running::Up as u8),
        admin: AtomicU8::new(config_maint | resolution_maint),
        last_change: AtomicU64::new(clock::ticks() / 1_000_000),
        max_connections: AtomicU32::new(server.max_connections),
        max_queue: server.max_queue,
        check: live_check(server),
        sessions: Gauge::default(),
        served: Gauge::default(),
        queue: Gauge::default(),
        counters: ServerCounters::default(),
    }
}

/// How finely an algorithm divides weights: dynamic ones leave room for slow starts.
pub fn weight_scale(algorithm: &Algorithm) -> u32 {
    match algorithm {
        Algorithm::StaticRoundRobin => 1,
        _ => WEIGHT_SCALE,
    }
}

/// A checked server starts one failure away from being down, so that the first check decides.
fn live_check(server: &plan::Server) -> Check {
    let (rise, fall) = (i64::from(server.check.rise), i64::from(server.check.fall));
    Check {
        configured: server.check.enabled,
        enabled: AtomicBool::new(server.check.enabled),
        health: AtomicI64::new(rise),
        rise,
        fall,
        address: RwLock::new(server.check.address),
        port: AtomicU16::new(server.check.port.unwrap_or(0)),
        code: AtomicI64::new(-1),
        duration_ms: AtomicI64::new(-1),
        ..Check::default()
    }
}
