//! Connection limits: of the process, of a frontend, and how fast sessions may come.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::runtime::{self, clock};
use crate::state::proxy::ProxyStatus;
use crate::state::{Admitted, ListenerId, Process, Proxy, ProxyId};
use crate::stream::Engine;

/// How often a frontend at its limit looks whether a connection has ended.
const RECHECK: Duration = Duration::from_millis(5);

/// What bounds the listeners of one frontend.
pub struct Gate {
    process: &'static Process,
    frontend: ProxyId,
}

/// Has the operator left the frontend alone?
fn is_ready(proxy: &Proxy) -> bool {
    proxy.status.load(Relaxed) == ProxyStatus::Ready as u8
}

impl Gate {
    /// What bounds the listeners of `frontend`.
    pub fn new(engine: &'static Engine, frontend: ProxyId) -> Gate {
        Gate {
            process: engine.process,
            frontend,
        }
    }

    /// Waits until one more connection is within all limits. Until then clients wait in the socket's backlog.
    pub async fn open(&self) {
        while self.is_closed() {
            runtime::sleep(RECHECK).await;
        }
    }

    fn is_closed(&self) -> bool {
        let over = |now: u64, limit: u32| limit > 0 && now >= limit.into();
        let process = self.process;
        if over(process.connections.get(), process.max_connections.load(Relaxed)) {
            return true;
        }
        let now = clock::ticks() / 1_000;
        let rate = process.max_connection_rate.load(Relaxed);
        if rate > 0 && over(process.connection_rate.get(now), rate) {
            return true;
        }
        let Some(proxy) = process.proxy(self.frontend) else {
            return false;
        };
        if over(
            proxy.frontend.connections.get(),
            proxy.frontend.max_connections.load(Relaxed),
        ) {
            return true;
        }
        let rate = proxy.frontend.max_session_rate.load(Relaxed);
        rate > 0 && over(proxy.frontend.counters.session_rate.get(now), rate) || !is_ready(proxy)
    }

    /// Counts a connection that the listener `id` accepted. `None`: another worker took the last place, or the frontend was paused; the
    /// connection is closed.
    pub fn admit(&self, id: ListenerId) -> Option<Admitted> {
        let process = self.process;
        let proxy = process.proxy(self.frontend)?;
        let listener = process.listener(id)?;
        if !is_ready(proxy) {
            return None;
        }
        if !proxy
            .frontend
            .connections
            .up_within(proxy.frontend.max_connections.load(Relaxed).into())
        {
            return None;
        }
        let now = clock::ticks() / 1_000;
        process.connections.up();
        process.total_connections.increment();
        process.connection_rate.add(1, now);
        let counters = &proxy.frontend.counters;
        counters.connections.increment();
        counters.connection_rate.add(1, now);
        listener.connections.up();
        Some(Admitted::new(process, id))
    }
}
