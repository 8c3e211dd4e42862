//! Statistics set back to their beginning (`clear counters`).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::proxy::{BackendState, FrontendState, Listener};
use super::server::Server;
use super::{Process, Proxy};

/// Forgets the highest values seen.
pub fn maxima(process: &Process) {
    process.connections.clear_max();
    process.connection_rate.clear_max();
    process.session_rate.clear_max();
    for proxy in &process.proxies {
        frontend_maxima(&proxy.frontend);
        backend_maxima(&proxy.backend);
        proxy.servers.iter().for_each(|server| server_maxima(server));
        proxy
            .listeners
            .iter()
            .for_each(|listener| listener.connections.clear_max());
    }
}

/// Forgets every count, too.
pub fn all(process: &Process) {
    maxima(process);
    process.proxies.iter().for_each(counts);
}

fn frontend_maxima(frontend: &FrontendState) {
    frontend.connections.clear_max();
    frontend.counters.connection_rate.clear_max();
    frontend.counters.session_rate.clear_max();
    frontend.counters.request_rate.clear_max();
}

fn backend_maxima(backend: &BackendState) {
    backend.connections.clear_max();
    backend.queue.clear_max();
    backend.served.clear_max();
    backend.counters.session_rate.clear_max();
    zero(&backend.counters.times_max);
}

fn server_maxima(server: &Server) {
    server.sessions.clear_max();
    server.served.clear_max();
    server.queue.clear_max();
    server.counters.session_rate.clear_max();
    zero(&server.counters.times_max);
}

fn counts(proxy: &Proxy) {
    frontend_counts(&proxy.frontend);
    backend_counts(&proxy.backend);
    proxy.servers.iter().for_each(|server| server_counts(server));
    proxy.listeners.iter().for_each(listener_counts);
}

fn frontend_counts(frontend: &FrontendState) {
    let counters = &frontend.counters;
    for counter in [
        &counters.connections,
        &counters.sessions,
        &counters.requests,
        &counters.bytes_in,
        &counters.bytes_out,
        &counters.denied_requests,
        &counters.denied_responses,
        &counters.failed_requests,
        &counters.denied_connections,
        &counters.denied_sessions,
        &counters.failed_rewrites,
        &counters.internal_errors,
        &counters.intercepted,
        &counters.cache_lookups,
        &counters.cache_hits,
        &counters.compression_in,
        &counters.compression_out,
        &counters.compression_bypassed,
        &counters.compressed_responses,
    ] {
        counter.clear();
    }
    counters.responses.iter().for_each(|counter| counter.clear());
}

fn backend_counts(backend: &BackendState) {
    let counters = &backend.counters;
    for counter in [
        &backend.downs,
        &counters.sessions,
        &counters.bytes_in,
        &counters.bytes_out,
        &counters.denied_requests,
        &counters.denied_responses,
        &counters.connection_errors,
        &counters.response_errors,
        &counters.retries,
        &counters.redispatches,
        &counters.selected,
        &counters.failed_rewrites,
        &counters.internal_errors,
        &counters.client_aborts,
        &counters.server_aborts,
        &counters.intercepted,
        &counters.requests,
        &counters.cache_lookups,
        &counters.cache_hits,
        &counters.compression_in,
        &counters.compression_out,
        &counters.compression_bypassed,
        &counters.compressed_responses,
        &counters.connect_attempts,
        &counters.reuses,
    ] {
        counter.clear();
    }
    counters.responses.iter().for_each(|counter| counter.clear());
    zero(&counters.times);
    backend.downtime.store(0, Relaxed);
}

fn server_counts(server: &Server) {
    let counters = &server.counters;
    for counter in [
        &counters.sessions,
        &counters.bytes_in,
        &counters.bytes_out,
        &counters.denied_responses,
        &counters.connection_errors,
        &counters.response_errors,
        &counters.retries,
        &counters.redispatches,
        &counters.failed_rewrites,
        &counters.internal_errors,
        &counters.check_failures,
        &counters.check_downs,
        &counters.selected,
        &counters.client_aborts,
        &counters.server_aborts,
        &counters.requests,
        &counters.connect_attempts,
        &counters.reuses,
    ] {
        counter.clear();
    }
    counters.responses.iter().for_each(|counter| counter.clear());
    zero(&counters.times);
    counters.downtime.store(0, Relaxed);
}

fn listener_counts(listener: &Listener) {
    for counter in [
        &listener.sessions,
        &listener.bytes_in,
        &listener.bytes_out,
        &listener.denied_requests,
        &listener.denied_responses,
        &listener.failed_requests,
        &listener.denied_connections,
        &listener.denied_sessions,
        &listener.failed_rewrites,
        &listener.internal_errors,
    ] {
        counter.clear();
    }
}

fn zero(cells: &[AtomicU64]) {
    cells.iter().for_each(|cell| cell.store(0, Relaxed));
}
