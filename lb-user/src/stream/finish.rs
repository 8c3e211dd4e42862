//! The end of an exchange: counters, the log line, and what becomes of the connections.

use super::exchange::{Exchange, Next};
use crate::backend::pool::{self, Bounds};
use crate::rules::facts::{LogLevel, Side};
use crate::runtime::clock;

impl Exchange<'_> {
    /// Counts, logs, gives connections back.
    pub(crate) fn finish(mut self) -> Next {
        self.settle_times();
        self.count();
        self.count_tracked_bytes();
        // The log's counts of connections are those without this one on the server's side (manual 8.2.3).
        self.engine.end_session(self.facts.backend, self.facts.server);
        self.log();
        self.give_server_back();
        self.client.connection.input.release();
        self.engine.keep_spare(super::engine::Spare {
            request: std::mem::take(&mut self.request),
            response: std::mem::take(&mut self.response),
            up: std::mem::take(&mut self.up.head),
            down: std::mem::take(&mut self.down.head),
        });
        if self.keep_client { Next::Request } else { Next::Close }
    }

    pub(super) fn settle_times(&mut self) {
        let times = &mut self.facts.times;
        times.total = ((clock::ticks() - self.started) / 1_000) as i64;
        if self.responding && times.response >= 0 {
            times.data = ((clock::ticks() - self.phase_start) / 1_000) as i64;
        }
        // A request that the balancer answers itself was received all the same.
        self.facts.bytes_in = self.up.moved.max(self.request_size as u64);
        self.facts.bytes_out = self.down.moved;
    }

    fn count(&self) {
        let bytes = (self.facts.bytes_in, self.facts.bytes_out);
        let listener = self.client.session.listener;
        self.engine.count_bytes(self.frontend.id, listener, bytes);
        let class = crate::state::proxy::response_class(self.facts.status);
        self.client.counters(|frontend, _| {
            if self.facts.status > 0 {
                frontend.responses[class].increment();
            }
            if self.facts.intercepted {
                frontend.intercepted.increment();
            }
        });
        self.engine.count_end(self.backend, &self.facts);
    }

    /// `option logasap`: the log does not wait for the end.
    pub(crate) fn log_early(&mut self) {
        if self.facts.logged_early {
            self.settle_times();
            self.log();
        }
    }

    fn log(&mut self) {
        if std::mem::replace(&mut self.logged, true) || self.facts.log_level == Some(LogLevel::Silent) || self.is_null()
        {
            return;
        }
        self.facts.concurrency = self
            .engine
            .concurrency(self.frontend.id, self.facts.backend, self.facts.server);
        let failed = self.facts.ending != [0, 0] || self.facts.status >= 500;
        if self.frontend.options.dontlog_normal && !failed && self.facts.retries == 0 {
            return;
        }
        self.engine.log(self.frontend, failed, &self.facts(Side::Response));
    }

    /// A connection that closed without sending a byte, which `option dontlognull` keeps out of the log.
    fn is_null(&self) -> bool {
        let quiet = self.frontend.options.dontlognull || self.frontend.options.http_ignore_probes;
        quiet && self.facts.times.request < 0 && self.client.connection.input.is_empty()
    }

    /// Keeps the connection to the server for the next request, or closes it.
    fn give_server_back(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let whole = self.keep_server
            && self.down.is_done()
            && self.up.is_done()
            && !server.connection.ended
            && !server.connection.broken
            && server.connection.input.is_empty();
        if !whole {
            return;
        }
        server.uses += 1;
        let plan = server.server.and_then(|id| self.proxy.servers.get(id.index()));
        let limit = plan.and_then(|plan| plan.max_reuse);
        if limit.is_some_and(|limit| server.uses > limit) {
            return pool::close(server);
        }
        server.idle_since = clock::ticks();
        server.connection.input.release();
        if self.shares_server() {
            let bounds = plan.map_or(Bounds::default(), |plan| Bounds {
                max: plan.pool_max,
                low: plan.pool_low,
            });
            pool::give(server, bounds);
        } else {
            self.client.own_servers.push(server);
        }
    }
}
