//! What a carried connection counts and logs: the same as one that passed through here.

use std::net::{IpAddr, SocketAddr};

use super::Carrier;
use super::lines::Line;
use crate::backend::Backend;
use crate::rules;
use crate::rules::facts::{Concurrency, Facts, Session, Side, Times};
use crate::runtime::clock;
use crate::state::{Admitted, ListenerId, ServerId};
use crate::stream::ending::{cause, phase};
use lb_common::flow::{Event, Kind, ServiceKey, Tuple};
use lb_common::packet::Address;

/// The termination state of a flow that ended in this way.
pub fn ending(kind: Kind) -> [u8; 2] {
    match kind {
        Kind::ClientReset => [cause::CLIENT, phase::DATA],
        Kind::ServerReset => [cause::SERVER, phase::DATA],
        _ => [0, 0],
    }
}

/// Who a flow concerns.
struct Parties<'a> {
    line: &'a Line,
    listener: ListenerId,
    backend: &'static Backend,
    server: ServerId,
}

impl Carrier {
    fn parties(&self, event: &Event) -> Option<Parties<'_>> {
        let line = self.lines.line(event.service_number.into())?;
        let key = ServiceKey::new(event.client.destination, event.client.ports.destination);
        let first = ListenerId {
            frontend: line.frontend,
            index: 0,
        };
        Some(Parties {
            line,
            listener: self.listeners.get(&key).copied().unwrap_or(first),
            backend: self.engine.backend(line.backend)?,
            server: self.lines.server(event.server_number.into())?,
        })
    }

    /// A connection is established from end to end.
    pub(super) fn begin(&mut self, event: &Event) {
        let Some(parties) = self.parties(event) else { return };
        let Parties {
            listener,
            backend,
            server,
            ..
        } = parties;
        let engine = self.engine;
        engine.process.admit_carried(listener, clock::ticks() / 1_000);
        engine.count_backend_session(backend);
        engine.count_server_session(backend, server.index());
        engine.count_connect(Some(backend), Some(server));
        // Given back when it ends.
        std::mem::forget(backend.readmit(server.index()));
        self.count_carried(event, 1);
    }

    /// A connection has ended.
    pub(super) fn end(&mut self, event: &Event, ending: [u8; 2]) {
        let Some(parties) = self.parties(event) else { return };
        let Parties {
            line,
            listener,
            backend,
            server,
        } = parties;
        let engine = self.engine;
        let session = self.session(event, line, listener);
        let mut exchange = exchange(event, session.accepted, backend, server, ending);
        exchange.id = engine.next_stream();
        if let (Some(proxy), Some(listener)) = (engine.process.proxy(line.frontend), engine.process.listener(listener))
        {
            proxy.frontend.counters.bytes_in.add(event.bytes_in);
            proxy.frontend.counters.bytes_out.add(event.bytes_out);
            listener.bytes_in.add(event.bytes_in);
            listener.bytes_out.add(event.bytes_out);
        }
        match ending {
            [cause::CLIENT | cause::CLIENT_TIMEOUT, _] => engine.count_client_abort(Some(backend), Some(server)),
            [cause::SERVER | cause::SERVER_TIMEOUT, _] => engine.count_server_abort(Some(backend), Some(server)),
            _ => {}
        }
        engine.count_end(Some(backend), &exchange);
        engine.end_session(Some(line.backend), Some(server));
        exchange.concurrency = self.concurrency(line, server);
        self.log(line, &session, &exchange);
        backend.take_back(server.index());
        drop(Admitted::new(engine.process, listener));
        self.count_carried(event, -1);
    }

    /// A server did not answer; userspace has the connection now.
    pub(super) fn count_unanswered(&mut self, event: &Event) {
        if let Some(parties) = self.parties(event) {
            self.engine.count_retry(Some(parties.backend), Some(parties.server));
        }
    }

    fn count_carried(&mut self, event: &Event, by: i64) {
        for number in [event.service_number, event.server_number] {
            *self.carried.entry(number.into()).or_default() += by;
        }
    }

    fn session(&self, event: &Event, line: &Line, listener: ListenerId) -> Session {
        let process = self.engine.process;
        let age = self.now.saturating_sub(event.started) / 1_000;
        let plan = self.engine.plan.proxies.get(line.frontend.index());
        let bind = plan.and_then(|frontend| frontend.binds.get(listener.index as usize));
        Session {
            source: source(&event.client),
            destination: Some(destination(&event.client)),
            is_unix: false,
            frontend: line.frontend,
            listener,
            listener_puid: process.listener(listener).map_or(0, |listener| listener.puid),
            listener_name: bind.and_then(|bind| bind.options.name.as_deref()).map(Into::into),
            accepted: clock::date().saturating_sub(age),
            ..Session::internal()
        }
    }

    fn concurrency(&self, line: &Line, server: ServerId) -> Concurrency {
        let process = self.engine.process;
        Concurrency {
            process: process.connections.get(),
            frontend: process
                .proxy(line.frontend)
                .map_or(0, |proxy| proxy.frontend.connections.get()),
            backend: process
                .proxy(line.backend)
                .map_or(0, |proxy| proxy.backend.connections.get()),
            server: process.server(server).map_or(0, |server| server.sessions.get()),
        }
    }

    fn log(&self, line: &Line, session: &Session, exchange: &rules::Exchange) {
        let Some(frontend) = self.engine.plan.proxies.get(line.frontend.index()) else {
            return;
        };
        let failed = exchange.ending != [0, 0];
        if frontend.options.dontlog_normal && !failed {
            return;
        }
        let facts = Facts {
            side: Side::Response,
            ..Facts::bare(self.engine.process, session, exchange, clock::date(), clock::ticks())
        };
        self.engine.log(frontend, failed, &facts);
    }
}

fn exchange(event: &Event, accepted: u64, backend: &Backend, server: ServerId, ending: [u8; 2]) -> rules::Exchange {
    let total = event.now.saturating_sub(event.started) / 1_000_000;
    rules::Exchange {
        is_first: true,
        backend: Some(backend.id),
        server: Some(server),
        server_local: Some(source(&event.server)),
        server_remote: Some(destination(&event.server)),
        times: Times {
            start: clock::ticks().saturating_sub(total * 1_000),
            start_date: accepted,
            queue: 0,
            connect: event.connect.into(),
            total: total as i64,
            ..Times::default()
        },
        bytes_in: event.bytes_in,
        bytes_out: event.bytes_out,
        ending,
        ..rules::Exchange::default()
    }
}

fn source(tuple: &Tuple) -> SocketAddr {
    SocketAddr::new(ip(&tuple.source), tuple.source_port())
}

fn destination(tuple: &Tuple) -> SocketAddr {
    SocketAddr::new(ip(&tuple.destination), tuple.destination_port())
}

fn ip(address: &Address) -> IpAddr {
    IpAddr::from(address.bytes).to_canonical()
}
