//! What is kept of a stream that the kernel carries, so that its end is counted and logged as any other's; also by the process after
//! this one.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use lb_common::flow::Tuple;
use lb_common::flow::handover::{Flow, How};
use lb_common::packet::Address;
use xxhash_rust::xxh3::xxh3_64;

use super::super::ending::{cause, phase};
use super::super::engine::Engine;
use super::super::exchange::Exchange;
use crate::plan::{Plan, Proxy};
use crate::rules::facts::{Body, Facts, Glimpse, Side, Times};
use crate::rules::{self, Session, Variables};
use crate::runtime::clock;
use crate::state::{ListenerId, ServerId};

/// How a flow ended, as the log tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Told(How),
    TimedOut,
    Killed,
}

/// What a flow's record means in this configuration.
pub struct Known {
    pub frontend: &'static Proxy,
    pub listener: ListenerId,
    pub backend: &'static Proxy,
    pub server: Option<ServerId>,
}

impl Known {
    /// `None` where the configuration has its frontend or backend no more.
    pub fn of(flow: &Flow, plan: &'static Plan) -> Option<Self> {
        let called = |name: u64| plan.proxies.iter().find(|proxy| hash(&proxy.name) == name);
        let (frontend, backend) = (called(flow.frontend)?, called(flow.backend)?);
        let server = backend
            .servers
            .iter()
            .position(|server| hash(&server.name) == flow.server);
        Some(Self {
            frontend,
            listener: ListenerId {
                frontend: frontend.id,
                index: flow.listener.into(),
            },
            backend,
            server: server.map(|index| ServerId {
                backend: backend.id,
                index: index as u32,
            }),
        })
    }
}

fn hash(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}

/// A flow that is to be logged, as far as its record tells.
pub struct Account<'a> {
    pub flow: &'a Flow,
    pub known: &'a Known,
    /// What the client's segments come with, and the server's.
    pub client: Tuple,
    pub server: Tuple,
}

impl Account<'_> {
    fn session(&self, engine: &Engine) -> Session {
        let Known { frontend, listener, .. } = self.known;
        let options = frontend.binds.get(listener.index as usize).map(|bind| &bind.options);
        Session {
            source: SocketAddr::new(ip(&self.flow.source), self.flow.source_port),
            destination: Some(SocketAddr::new(
                ip(&self.client.destination),
                self.client.destination_port(),
            )),
            is_unix: false,
            frontend: frontend.id,
            listener: *listener,
            listener_puid: engine.process.listener(*listener).map_or(0, |listener| listener.puid),
            listener_name: options.and_then(|options| options.name.as_deref()).map(Into::into),
            accepted: self.flow.accepted,
            variables: Variables::default(),
            counters: None,
            proxied: None,
            tls: None,
        }
    }

    fn exchange(&self, total: i64, (bytes_in, bytes_out): (u64, u64)) -> rules::Exchange {
        let [handshake, idle, request, queue, connect] = self.flow.times.map(i64::from);
        let server = &self.server;
        rules::Exchange {
            backend: Some(self.known.backend.id),
            server: self.known.server,
            server_local: Some(SocketAddr::new(ip(&server.destination), server.destination_port())),
            server_remote: Some(SocketAddr::new(ip(&server.source), server.source_port())),
            times: Times {
                handshake,
                idle,
                request,
                queue,
                connect,
                total,
                ..Times::default()
            },
            bytes_in,
            bytes_out,
            retries: self.flow.retries,
            ..rules::Exchange::default()
        }
    }

    /// Counts and logs the end of a flow.
    pub fn close(&self, engine: &Engine, bytes: (u64, u64), end: End) {
        let Known { frontend, listener, .. } = self.known;
        let [handshake, idle, ..] = self.flow.times.map(i64::from);
        let total = (clock::date().saturating_sub(self.flow.accepted) / 1_000) as i64;
        let mut exchange = self.exchange(total - handshake - idle.max(0), bytes);
        let backend = engine.backend(self.known.backend.id);
        let cause = self.cause(end);
        match cause {
            cause::CLIENT => engine.count_client_abort(backend, self.known.server),
            cause::SERVER => engine.count_server_abort(backend, self.known.server),
            _ => {}
        }
        if cause != cause::NONE {
            exchange.ending = [cause, phase::DATA];
        }
        engine.count_bytes(frontend.id, *listener, bytes);
        engine.count_end(backend, &exchange);
        let session = self.session(engine);
        exchange.concurrency = engine.concurrency(frontend.id, exchange.backend, exchange.server);
        let failed = cause != cause::NONE;
        if !frontend.options.dontlog_normal || failed || exchange.retries > 0 {
            engine.log(frontend, failed, &facts(engine, &session, &exchange));
        }
    }

    fn cause(&self, end: End) -> u8 {
        match end {
            End::Told(How::Closed) => cause::NONE,
            End::Told(How::ClientReset) => cause::CLIENT,
            End::Told(How::ServerReset) => cause::SERVER,
            End::Killed => cause::KILLED,
            End::TimedOut if self.flow.server_is_slower != 0 => cause::CLIENT_TIMEOUT,
            End::TimedOut => cause::SERVER_TIMEOUT,
        }
    }

    /// Does the record suffice for the log line that the stream would have now?
    fn suffices(&self, exchange: &Exchange<'_>) -> bool {
        let engine = exchange.engine;
        let session = self.session(engine);
        let told = &exchange.facts;
        let kept = self.exchange(told.times.total, (told.bytes_in, told.bytes_out));
        let line = |facts: &Facts<'_>| {
            let (mut line, logs) = (Vec::new(), &exchange.frontend.logs);
            for format in logs.format.iter().chain(&logs.structured_data) {
                format.evaluate(facts, &mut line);
            }
            line
        };
        told.log_level.is_none() && line(&exchange.facts(Side::Response)) == line(&facts(engine, &session, &kept))
    }
}

/// The record of a stream; `None` where that would not do to end it as it should.
pub fn record(exchange: &mut Exchange<'_>, client: Tuple, server: Tuple) -> Option<(Flow, Known)> {
    exchange.settle_times();
    let (facts, session) = (&exchange.facts, &exchange.client.session);
    if exchange.logged {
        return None;
    }
    let tracks = !facts.counters.is_empty() || session.counters.is_some();
    let chosen = facts.server.and_then(|id| exchange.proxy.servers.get(id.index()))?;
    // Only userspace's streams end with the state of their server.
    if tracks || chosen.shutdown_sessions_when_down || chosen.backup {
        return None;
    }
    let times = &facts.times;
    let (timeout, server_is_slower) = exchange.silence();
    let flow = Flow {
        frontend: hash(&exchange.frontend.name),
        backend: hash(&exchange.proxy.name),
        server: hash(&chosen.name),
        accepted: session.accepted,
        source: Address::from(session.source.ip().to_canonical()),
        source_port: session.source.port(),
        listener: u16::try_from(session.listener.index).ok()?,
        timeout,
        times: [times.handshake, times.idle, times.request, times.queue, times.connect].map(|time| time as i32),
        retries: facts.retries,
        server_is_slower: server_is_slower.into(),
        unused: 0,
    };
    let known = Known::of(&flow, exchange.engine.plan)?;
    let account = Account {
        flow: &flow,
        known: &known,
        client,
        server,
    };
    account.suffices(exchange).then_some((flow, known))
}

fn facts<'a>(engine: &'a Engine, session: &'a Session, exchange: &'a rules::Exchange) -> Facts<'a> {
    let nothing = Body {
        bytes: &[],
        complete: true,
    };
    Facts {
        process: engine.process,
        now: clock::date(),
        ticks: clock::ticks(),
        session,
        exchange,
        side: Side::Response,
        request: None,
        response: None,
        request_body: nothing,
        response_body: nothing,
        glimpse: Glimpse::default(),
    }
}

/// An address of the tables.
pub fn ip(address: &Address) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from(address.bytes)).to_canonical()
}
