//! What is counted while sessions are served, on frontend, listener, backend and server.

use std::sync::atomic::Ordering::Relaxed;

use super::client::Client;
use super::engine::Engine;
use crate::backend::Backend;
use crate::rules;
use crate::rules::facts::Concurrency;
use crate::runtime::clock;
use crate::state::proxy::{BackendCounters, FrontendCounters, Listener};
use crate::state::server::ServerCounters;
use crate::state::{self, ListenerId, ProxyId, ServerId};

impl Client {
    /// Counts on the client's frontend and listener.
    pub fn counters(&self, count: impl FnOnce(&FrontendCounters, &Listener)) {
        let process = self.engine.process;
        let listener = process.listener(self.session.listener);
        if let (Some(proxy), Some(listener)) = (process.proxy(self.frontend.id), listener) {
            count(&proxy.frontend.counters, listener);
        }
    }
}

type Both<'a> = (Option<&'a BackendCounters>, Option<&'a ServerCounters>);

impl Engine {
    fn both(&self, backend: Option<&Backend>, server: Option<ServerId>) -> Both<'static> {
        let backend = backend.and_then(Backend::state).map(|state| &state.backend.counters);
        (
            backend,
            server
                .and_then(|id| self.process.server(id))
                .map(|server| &server.counters),
        )
    }

    /// A session enters a backend.
    pub fn count_backend_session(&self, backend: &Backend) {
        let Some(state) = backend.state() else { return };
        let now = clock::ticks() / 1_000;
        state.backend.connections.up();
        state.backend.counters.sessions.increment();
        state.backend.counters.session_rate.add(1, now);
        state.backend.counters.last_session.store(now / 1_000, Relaxed);
        state.backend.counters.requests.add(u64::from(state.is_http));
    }

    /// A session leaves its backend and, if it had one, its server.
    pub fn end_session(&self, backend: Option<ProxyId>, server: Option<ServerId>) {
        if let Some(state) = backend.and_then(|id| self.process.proxy(id)) {
            state.backend.connections.down();
        }
        if let Some(server) = server.and_then(|id| self.process.server(id)) {
            server.sessions.down();
        }
    }

    /// Bytes that a listener's client sent and received.
    pub fn count_bytes(&self, frontend: ProxyId, listener: ListenerId, (bytes_in, bytes_out): (u64, u64)) {
        let frontend = self.process.proxy(frontend).map(|proxy| &proxy.frontend.counters);
        if let (Some(frontend), Some(listener)) = (frontend, self.process.listener(listener)) {
            frontend.bytes_in.add(bytes_in);
            frontend.bytes_out.add(bytes_out);
            listener.bytes_in.add(bytes_in);
            listener.bytes_out.add(bytes_out);
        }
    }

    /// Who is connected now. What is logged has left its backend by then.
    pub fn concurrency(&self, frontend: ProxyId, backend: Option<ProxyId>, server: Option<ServerId>) -> Concurrency {
        let process = self.process;
        let backend = backend.and_then(|id| process.proxy(id));
        let server = server.and_then(|id| process.server(id));
        Concurrency {
            process: process.connections.get(),
            frontend: process
                .proxy(frontend)
                .map_or(0, |proxy| proxy.frontend.connections.get()),
            backend: backend.map_or(0, |proxy| proxy.backend.connections.get()),
            server: server.map_or(0, |server| server.sessions.get()),
        }
    }

    /// Counts a session among those under way that began in another process, which counted that.
    pub fn readmit(&self, listener: ListenerId, backend: ProxyId, server: Option<ServerId>) {
        self.process.connections.up();
        if let Some(proxy) = self.process.proxy(listener.frontend) {
            proxy.frontend.connections.up();
        }
        if let Some(listener) = self.process.listener(listener) {
            listener.connections.up();
        }
        if let Some(state) = self.process.proxy(backend) {
            state.backend.connections.up();
        }
        if let Some(server) = server.and_then(|id| self.process.server(id)) {
            server.sessions.up();
        }
    }

    /// A session is given to a server.
    pub fn count_server_session(&self, backend: &Backend, index: usize) {
        let Some(server) = backend.server_state(index) else {
            return;
        };
        let now = clock::ticks() / 1_000;
        server.sessions.up();
        server.counters.sessions.increment();
        server.counters.selected.increment();
        server.counters.session_rate.add(1, now);
        server.counters.last_session.store(now / 1_000, Relaxed);
        if let Some(state) = backend.state() {
            state.backend.counters.selected.increment();
            server.counters.requests.add(u64::from(state.is_http));
        }
    }

    /// A connection to a server is attempted.
    pub fn count_connect(&self, backend: Option<&Backend>, server: Option<ServerId>) {
        let (backend, server) = self.both(backend, server);
        backend.inspect(|counters| counters.connect_attempts.increment());
        server.inspect(|counters| counters.connect_attempts.increment());
    }

    /// An idle connection is used again.
    pub fn count_reuse(&self, backend: Option<&Backend>, server: Option<ServerId>) {
        let (backend, server) = self.both(backend, server);
        backend.inspect(|counters| counters.reuses.increment());
        server.inspect(|counters| counters.reuses.increment());
    }

    /// No connection came about.
    pub fn count_connection_error(&self, backend: Option<&Backend>, server: Option<ServerId>) {
        let (backend, server) = self.both(backend, server);
        backend.inspect(|counters| counters.connection_errors.increment());
        server.inspect(|counters| counters.connection_errors.increment());
    }

    /// A response did not come, or was none.
    pub fn count_response_error(&self, backend: Option<&Backend>, server: Option<ServerId>) {
        let (backend, server) = self.both(backend, server);
        backend.inspect(|counters| counters.response_errors.increment());
        server.inspect(|counters| counters.response_errors.increment());
    }

    /// The same server is tried again.
    pub fn count_retry(&self, backend: Option<&Backend>, server: Option<ServerId>) {
        let (backend, server) = self.both(backend, server);
        backend.inspect(|counters| counters.retries.increment());
        server.inspect(|counters| counters.retries.increment());
    }

    /// A session is sent to another server than the one it had, and leaves that one.
    pub fn count_redispatch(&self, backend: Option<&Backend>, server: Option<ServerId>) {
        let (counters, server_counters) = self.both(backend, server);
        counters.inspect(|counters| counters.redispatches.increment());
        server_counters.inspect(|counters| counters.redispatches.increment());
        self.end_session(None, server);
    }

    /// The client left in the middle.
    pub fn count_client_abort(&self, backend: Option<&Backend>, server: Option<ServerId>) {
        let (backend, server) = self.both(backend, server);
        backend.inspect(|counters| counters.client_aborts.increment());
        server.inspect(|counters| counters.client_aborts.increment());
    }

    /// The server left in the middle.
    pub fn count_server_abort(&self, backend: Option<&Backend>, server: Option<ServerId>) {
        let (backend, server) = self.both(backend, server);
        backend.inspect(|counters| counters.server_aborts.increment());
        server.inspect(|counters| counters.server_aborts.increment());
    }

    /// A response came from a server.
    pub fn count_response(&self, backend: Option<&Backend>, server: Option<ServerId>, status: u16) {
        let class = state::proxy::response_class(status);
        let (backend, server) = self.both(backend, server);
        backend.inspect(|counters| counters.responses[class].increment());
        server.inspect(|counters| counters.responses[class].increment());
    }

    /// Bytes and times of what has ended.
    pub fn count_end(&self, backend: Option<&Backend>, exchange: &rules::Exchange) {
        let (backend, server) = self.both(backend, exchange.server);
        let times = &exchange.times;
        let spans = [times.queue, times.connect, times.response, times.total];
        if let Some(counters) = backend {
            counters.bytes_in.add(exchange.bytes_in);
            counters.bytes_out.add(exchange.bytes_out);
            average(&counters.times, &counters.times_max, spans);
        }
        if let Some(counters) = server {
            counters.bytes_in.add(exchange.bytes_in);
            counters.bytes_out.add(exchange.bytes_out);
            average(&counters.times, &counters.times_max, spans);
        }
    }
}

/// Adds to sums that forget at the pace of the last 1024 samples.
fn average(sums: &[std::sync::atomic::AtomicU64; 4], maxima: &[std::sync::atomic::AtomicU64; 4], spans: [i64; 4]) {
    for ((sum, max), span) in sums.iter().zip(maxima).zip(spans) {
        let span = span.max(0) as u64;
        let old = sum.load(Relaxed);
        sum.store(old + span - old.div_ceil(1024).min(old + span), Relaxed);
        if span > max.load(Relaxed) {
            max.store(span, Relaxed);
        }
    }
}
