//! What rules may know: everything borrowed, nothing owned, no socket in sight.

use std::net::SocketAddr;

use std::sync::{Arc, PoisonError};

use super::expression::Fetched;
use super::value::Value;
use super::variable::{Variable, VariableScope, Variables, Write, Writes};
use crate::http::message::Head;
use crate::state::{ListenerId, Process, Proxy, ProxyId, Server, ServerId};
use crate::stick::{Counters, Entry, SETS, Tracked};
use crate::tls;

/// Which half of the exchange is being judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Request,
    Response,
}

/// All that a fetch may look at. Built afresh (it is a handful of references) for each rule set run.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    pub process: &'a Process,
    /// Microseconds since the epoch.
    pub now: u64,
    /// Microseconds of the monotonic clock.
    pub ticks: u64,
    pub session: &'a Session,
    pub exchange: &'a Exchange,
    pub side: Side,
    /// The parsed request head, in HTTP mode.
    pub request: Option<&'a Head>,
    pub response: Option<&'a Head>,
    /// Bytes received and not yet forwarded: the HTTP body so far, or the raw bytes of a TCP stream.
    pub request_body: Body<'a>,
    pub response_body: Body<'a>,
    /// What the client's raw bytes look like as a request, in a TCP stream.
    pub glimpse: Glimpse<&'a Head>,
}

/// Whether raw bytes begin with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glimpse<T> {
    /// Nobody looked.
    #[default]
    Unseen,
    /// They may, once more have come.
    Partial,
    Head(T),
    /// They do not.
    Foreign,
}

impl Glimpse<()> {
    /// The same with the head that was found.
    pub fn of(self, head: &Head) -> Glimpse<&Head> {
        match self {
            Glimpse::Unseen => Glimpse::Unseen,
            Glimpse::Partial => Glimpse::Partial,
            Glimpse::Head(()) => Glimpse::Head(head),
            Glimpse::Foreign => Glimpse::Foreign,
        }
    }
}

impl<'a> Glimpse<&'a Head> {
    /// The head, or what a fetch answers without it.
    pub fn head(self, body: Body<'_>) -> Result<&'a Head, Fetched<'a>> {
        match self {
            Glimpse::Head(head) => Ok(head),
            Glimpse::Foreign => Err(Fetched::Missing),
            Glimpse::Unseen | Glimpse::Partial => Err(body.unsatisfied()),
        }
    }
}

impl<'a> Facts<'a> {
    /// Facts before any byte of a message came.
    pub fn bare(process: &'a Process, session: &'a Session, exchange: &'a Exchange, now: u64, ticks: u64) -> Facts<'a> {
        Facts {
            process,
            now,
            ticks,
            session,
            exchange,
            side: Side::Request,
            request: None,
            response: None,
            request_body: Body::default(),
            response_body: Body::default(),
            glimpse: Glimpse::default(),
        }
    }

    /// The value of a variable, with what this evaluation wrote to it.
    pub fn variable(&self, variable: &Variable) -> Option<Value<'a>> {
        if !self.exchange.written.is_empty()
            && let Some(written) = self.exchange.written.last(variable)
        {
            return written;
        }
        let store = match variable.scope {
            VariableScope::Process => {
                let values = self.process.variables.read().unwrap_or_else(PoisonError::into_inner);
                return values.get(variable.slot as usize)?.as_ref().map(Value::from);
            }
            VariableScope::Session => &self.session.variables,
            VariableScope::Transaction => &self.exchange.transaction,
            VariableScope::Request => &self.exchange.request,
            VariableScope::Response => &self.exchange.response,
            VariableScope::Check => &self.exchange.check,
        };
        store.get(variable.slot).map(Value::borrowed)
    }

    /// The entry that a set of counters follows: the stream's own first, then the session's.
    pub fn tracked(&self, set: usize) -> Option<&'a Tracked> {
        tracked(self.exchange, self.session, set)
    }

    /// The live state of the frontend.
    pub fn frontend(&self) -> Option<&'a Proxy> {
        self.process.proxy(self.session.frontend)
    }

    /// The live state of the backend, once there is one.
    pub fn backend(&self) -> Option<&'a Proxy> {
        self.process.proxy(self.exchange.backend?)
    }

    /// The live state of the proxy that is judging: the backend once there is one, else the frontend.
    pub fn proxy(&self) -> Option<&'a Proxy> {
        self.backend().or_else(|| self.frontend())
    }

    /// The live state of the server, once there is one.
    pub fn server(&self) -> Option<&'a Server> {
        self.process.server(self.exchange.server?).map(|server| &**server)
    }

    /// The head of the message being judged.
    pub fn head(&self) -> Option<&'a Head> {
        match self.side {
            Side::Request => self.request,
            Side::Response => self.response,
        }
    }

    /// The buffered bytes of the message being judged.
    pub fn body(&self) -> Body<'a> {
        match self.side {
            Side::Request => self.request_body,
            Side::Response => self.response_body,
        }
    }
}

/// Buffered bytes of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Body<'a> {
    pub bytes: &'a [u8],
    /// Nothing more will come: the end was seen, the buffer is full, or waiting is over. Until then a fetch that
    /// needs more answers [`super::Fetched::Wait`].
    pub complete: bool,
}

impl Body<'_> {
    /// What a fetch answers that these bytes do not satisfy.
    pub fn unsatisfied<'a>(&self) -> Fetched<'a> {
        if self.complete { Fetched::Missing } else { Fetched::Wait }
    }
}

/// What is known of the client's connection, from accept to close.
#[derive(Debug)]
pub struct Session {
    pub source: SocketAddr,
    /// `None` for unix sockets.
    pub destination: Option<SocketAddr>,
    /// Is the client a unix socket? `source` is then meaningless.
    pub is_unix: bool,
    pub frontend: ProxyId,
    pub listener: ListenerId,
    /// The listener's numeric id (`so_id`).
    pub listener_puid: u32,
    pub listener_name: Option<Box<str>>,
    /// Microseconds since the epoch at accept.
    pub accepted: u64,
    pub variables: Variables,
    /// What `tcp-request connection` and `session` rules track. Most sessions track nothing, and idle ones are many.
    pub counters: Option<Box<Counters>>,
    /// What a PROXY protocol header carried.
    pub proxied: Option<Box<Proxied>>,
    /// The client's TLS session, where it speaks TLS.
    pub tls: Option<Box<tls::Facts>>,
}

impl Session {
    /// The session of what no client asked for, such as a variable's first value.
    pub fn internal() -> Session {
        Session {
            source: SocketAddr::from(([0, 0, 0, 0], 0)),
            destination: None,
            is_unix: true,
            frontend: ProxyId(u32::MAX),
            listener: ListenerId {
                frontend: ProxyId(u32::MAX),
                index: 0,
            },
            listener_puid: 0,
            listener_name: None,
            accepted: 0,
            variables: Variables::default(),
            proxied: None,
            counters: Default::default(),
            tls: Default::default(),
        }
    }
}

/// Facts from a PROXY protocol v2 header beyond the addresses (proxy-protocol.txt section 2.2).
#[derive(Clone, Debug, Default)]
pub struct Proxied {
    pub authority: Option<Vec<u8>>,
    pub unique_id: Option<Vec<u8>>,
}

/// What is known of the transaction so far; in TCP mode, of the one stream.
#[derive(Debug, Default)]
pub struct Exchange {
    /// Number of the stream since the process started (`%rt`).
    pub id: u64,
    /// Is this the connection's first request?
    pub is_first: bool,
    pub backend: Option<ProxyId>,
    pub server: Option<ServerId>,
    /// Local and remote address of the connection to the server.
    pub server_local: Option<SocketAddr>,
    pub server_remote: Option<SocketAddr>,
    /// The TLS session with the server, where it speaks TLS.
    pub server_tls: Option<Arc<tls::Facts>>,
    pub unique_id: Option<Vec<u8>>,
    /// Response status sent to the client; 0 while there is none.
    pub status: u16,
    pub method_is_head: bool,
    pub times: Times,
    /// Bytes from client to server and back, as logged (`%U`, `%B`).
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub retries: u32,
    pub redispatched: bool,
    /// How many were ahead in the server's and the backend's queue.
    pub server_queue: u64,
    pub backend_queue: u64,
    /// Termination state: first cause and then phase, e.g. `b'C', b'D'`; `-` while all is well (manual 8.5).
    pub ending: [u8; 2],
    /// Persistence cookie flags of the termination state (third and fourth letter).
    pub cookie_flags: [u8; 2],
    /// Captured headers of `capture request header` and `declare capture`, by slot.
    pub request_captures: Vec<Option<Vec<u8>>>,
    pub response_captures: Vec<Option<Vec<u8>>>,
    pub request_cookie: Option<Vec<u8>>,
    pub response_cookie: Option<Vec<u8>>,
    /// The request line as it came, for `%r` and what derives from it.
    pub request_line: Vec<u8>,
    pub transaction: Variables,
    pub request: Variables,
    pub response: Variables,
    pub check: Variables,
    /// What rules of this stream track.
    pub counters: Counters,
    /// What evaluation wants written; [`Exchange::apply_writes`] does it.
    pub written: Writes,
    /// Timeouts in force, milliseconds (0: none).
    pub server_timeout: u32,
    pub tunnel_timeout: u32,
    /// What `set-priority-class` and `set-priority-offset` set.
    pub priority_class: i32,
    pub priority_offset: i32,
    /// Level set by `set-log-level`, or silence.
    pub log_level: Option<LogLevel>,
    /// Counters at the moment of logging (`%ac %fc %bc %sc`).
    pub concurrency: Concurrency,
    /// Is it logged before its end (`option logasap`)? What still grows is marked then.
    pub logged_early: bool,
    /// Did the balancer itself answer (`%b` shows `<NOSRV>`, `%s` too)?
    pub intercepted: bool,
}

impl Session {
    /// Counts on everything that the session tracks.
    pub fn count(&self, now: u64, count: impl Fn(&mut Entry<'_>)) {
        let Some(counters) = &self.counters else { return };
        for tracked in (0..SETS).filter_map(|set| counters.get(set)) {
            tracked.update(now, &count);
        }
    }
}

impl Exchange {
    /// Counts on what each set of counters tracks: the stream's entry, or else the session's. `now` is in microseconds
    /// of the monotonic clock.
    pub fn count(&self, session: &Session, now: u64, count: impl Fn(&mut Entry<'_>)) {
        if self.counters.is_empty() {
            return session.count(now, count);
        }
        for tracked in (0..SETS).filter_map(|set| tracked(self, session, set)) {
            tracked.update(now, &count);
        }
    }

    /// Does what the evaluations since the last time wanted written.
    pub fn apply_writes(&mut self, session: &mut Session, process: &Process) {
        if self.written.is_empty() {
            return;
        }
        for write in self.written.take() {
            match write {
                Write::Set(variable, value) => self.set_variable(session, process, &variable, Some(value)),
                Write::Unset(variable) => self.set_variable(session, process, &variable, None),
                Write::CaptureRequest(slot, value) => keep(&mut self.request_captures, slot, value),
                Write::CaptureResponse(slot, value) => keep(&mut self.response_captures, slot, value),
            }
        }
    }

    /// Sets a variable of whichever scope, or with `None` unsets it.
    pub fn set_variable(
        &mut self,
        session: &mut Session,
        process: &Process,
        variable: &Variable,
        value: Option<Value<'static>>,
    ) {
        let store = match variable.scope {
            VariableScope::Process => return process.set_variable(variable.slot, value.map(Into::into)),
            VariableScope::Session => &mut session.variables,
            VariableScope::Transaction => &mut self.transaction,
            VariableScope::Request => &mut self.request,
            VariableScope::Response => &mut self.response,
            VariableScope::Check => &mut self.check,
        };
        match value {
            Some(value) => store.set(variable.slot, value),
            None => store.unset(variable.slot),
        }
    }
}

fn tracked<'a>(exchange: &'a Exchange, session: &'a Session, set: usize) -> Option<&'a Tracked> {
    let of_session = || session.counters.as_ref()?.get(set);
    exchange.counters.get(set).or_else(of_session)
}

/// Fills a capture slot, if there is one of that number.
fn keep(slots: &mut [Option<Vec<u8>>], slot: usize, value: Vec<u8>) {
    if let Some(held) = slots.get_mut(slot) {
        *held = Some(value);
    }
}

/// `set-log-level`'s answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Silent,
    Level(u8),
}

/// Connection counts in a log line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Concurrency {
    pub process: u64,
    pub frontend: u64,
    pub backend: u64,
    pub server: u64,
}

/// Durations of the transaction's phases in milliseconds; -1 for a phase that did not come (manual 8.4).
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Monotonic microseconds of the first byte of this request.
    pub start: u64,
    /// Microseconds since the epoch of the same moment (`%tr`).
    pub start_date: u64,
    pub handshake: i64,
    pub idle: i64,
    pub request: i64,
    pub queue: i64,
    pub connect: i64,
    pub response: i64,
    pub data: i64,
    pub total: i64,
}

impl Default for Times {
    fn default() -> Times {
        let unset = -1;
        Times {
            start: 0,
            start_date: 0,
            handshake: 0,
            idle: unset,
            request: unset,
            queue: unset,
            connect: unset,
            response: unset,
            data: unset,
            total: unset,
        }
    }
}
