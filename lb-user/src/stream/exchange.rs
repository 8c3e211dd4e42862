//! One request and its response: the phases, in order.

use super::channel::Channel;
use super::client::Client;
use super::ending::{Ending, cause, phase};
use super::engine::Engine;
use super::persist::{Binding, Persistence};
use crate::backend::pool::ServerConnection;
use crate::backend::roster::{self, Enrolled, Reason};
use crate::backend::{Backend, Slot};
use crate::http::h1::Limits;
use crate::http::h1::framing::Asked;
use crate::http::message::{Head, Version};
use crate::http::method::Method;
use crate::plan::Proxy;
use crate::rules::facts::{Body, Facts, Glimpse, Side};
use crate::rules::{self};
use crate::runtime::clock::{self, Ticks};

/// An exchange under way.
pub struct Exchange<'c> {
    pub(crate) client: &'c mut Client,
    pub(crate) engine: &'static Engine,
    pub(crate) frontend: &'static Proxy,
    /// The backend's settings: the frontend's own until one is chosen.
    pub(crate) proxy: &'static Proxy,
    pub(crate) backend: Option<&'static Backend>,
    pub(crate) request: Head,
    pub(crate) response: Head,
    pub(crate) facts: rules::Exchange,
    pub(crate) enrolled: Enrolled,
    /// The bytes that the heads took as they came, before rules changed anything.
    pub(crate) request_size: usize,
    pub(crate) response_size: usize,
    /// Client to server.
    pub(crate) up: Channel,
    /// Server to client.
    pub(crate) down: Channel,
    pub(crate) server: Option<ServerConnection>,
    pub(crate) slot: Option<Slot>,
    /// What binds the request to a server.
    pub(crate) persistence: Persistence,
    /// Keys to bind to the server once it is reached.
    pub(crate) bindings: Vec<Binding>,
    /// Of the request as the server got it, to read the response against.
    pub(crate) asked: Asked,
    /// The client's version, before rules changed anything.
    pub(crate) client_version: Version,
    /// May the client's connection carry another request?
    pub(crate) keep_client: bool,
    /// May the server's?
    pub(crate) keep_server: bool,
    /// Is this an HTTP exchange, rather than a TCP stream?
    pub(crate) http: bool,
    /// A complete response head was received or made.
    pub(crate) responding: bool,
    /// Does a failed rewrite end the exchange (`strict-mode`)?
    pub(crate) strict: bool,
    /// May a request that was sent be sent again, if `retry-on` says so (`disable-l7-retry`)?
    pub(crate) may_ask_again: bool,
    /// What the client's raw bytes looked like, so far.
    pub(crate) glimpse: Glimpse<()>,
    /// Both directions are bytes now (101, CONNECT).
    pub(crate) tunnel: bool,
    /// The log has its line.
    pub(crate) logged: bool,
    /// Rules need not wait for more bytes of this direction: none will come in time.
    pub(crate) request_whole: bool,
    pub(crate) response_whole: bool,
    pub(crate) started: Ticks,
    /// End of the last phase, from which the next one is timed.
    pub(crate) phase_start: Ticks,
}

/// What follows an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The connection can carry another request.
    Request,
    Close,
}

impl<'c> Exchange<'c> {
    /// A fresh exchange of this client.
    pub fn new(client: &'c mut Client) -> Exchange<'c> {
        let (engine, frontend) = (client.engine, client.frontend);
        let now = clock::ticks();
        let spare = engine.spare();
        let source = (!client.session.is_unix).then_some(client.session.source);
        Exchange {
            enrolled: Enrolled::new(source, frontend.id, now),
            engine,
            frontend,
            proxy: frontend,
            backend: None,
            request: spare.request,
            response: spare.response,
            facts: rules::Exchange {
                is_first: client.requests == 0,
                logged_early: frontend.options.logasap,
                ..rules::Exchange::default()
            },
            request_size: 0,
            response_size: 0,
            up: Channel::new(spare.up),
            down: Channel::new(spare.down),
            server: None,
            slot: None,
            persistence: Persistence::default(),
            bindings: Vec::new(),
            asked: Asked {
                method: Method::Get,
                upgrade: false,
                websocket: false,
            },
            client_version: Version::Http11,
            keep_client: true,
            keep_server: true,
            http: true,
            responding: false,
            strict: true,
            may_ask_again: true,
            glimpse: Glimpse::default(),
            tunnel: false,
            logged: false,
            request_whole: true,
            response_whole: true,
            started: now,
            phase_start: now,
            client,
        }
    }

    /// The exchange that a TCP stream is.
    pub fn for_tcp(client: &'c mut Client) -> Exchange<'c> {
        Exchange {
            http: false,
            keep_client: false,
            keep_server: false,
            ..Exchange::new(client)
        }
    }

    /// Carries the exchange through to its log line.
    pub async fn run(mut self) -> Next {
        let place = self.enrolled.place();
        let ended = roster::unless_ended(place, self.phases()).await;
        if let Err(ending) = ended.unwrap_or_else(|reason| Err(self.ended(reason))) {
            self.end(ending).await;
        }
        self.finish()
    }

    /// It was ended from outside.
    pub(crate) fn ended(&self, reason: Reason) -> Ending {
        let cause = match reason {
            Reason::Killed => cause::KILLED,
            Reason::ServerDown => cause::DOWN,
            Reason::ServerUp => cause::UP,
        };
        let phase = match (self.http, self.responding, &self.server) {
            (true, false, Some(_)) => return Ending::status(cause, phase::HEADERS, 502),
            (true, true, _) => phase::DATA,
            (false, _, Some(_)) => phase::NONE,
            (_, _, None) => phase::REQUEST,
        };
        Ending::silent(cause, phase, self.facts.status)
    }

    async fn phases(&mut self) -> Result<(), Ending> {
        self.receive_request().await?;
        if self.frontend.options.http_buffer_request {
            self.hold_request().await?;
        }
        self.judge_request().await?;
        self.choose_backend()?;
        self.judge_in_backend().await?;
        self.bind_to_server();
        self.capture_request_cookie();
        self.shape_request();
        self.ask_server().await?;
        self.judge_response().await?;
        self.shape_response();
        self.log_early();
        self.forward().await
    }

    /// What rules may know now.
    pub(crate) fn facts(&self, side: Side) -> Facts<'_> {
        let server_input = self
            .server
            .as_ref()
            .map_or(&[][..], |server| server.connection.input.bytes());
        Facts {
            process: self.engine.process,
            now: clock::date(),
            ticks: clock::ticks(),
            session: &self.client.session,
            exchange: &self.facts,
            side,
            request: self.http.then_some(&self.request),
            response: (self.http && self.responding).then_some(&self.response),
            request_body: Body {
                bytes: self.client.connection.input.bytes(),
                complete: self.request_whole,
            },
            response_body: Body {
                bytes: server_input,
                complete: self.response_whole,
            },
            glimpse: self.glimpse.of(&self.request),
        }
    }

    /// Milliseconds since the last phase ended, which ends another one now.
    pub(crate) fn lap(&mut self) -> i64 {
        let now = clock::ticks();
        let lap = (now - self.phase_start) / 1_000;
        self.phase_start = now;
        lap as i64
    }

    /// The limits that messages are read under.
    pub(crate) fn limits(&self, accept_invalid: bool) -> Limits {
        let tune = &self.engine.plan.global.tune;
        Limits {
            bytes: tune.bufsize - tune.maxrewrite,
            lines: tune.max_headers,
            accept_invalid,
        }
    }
}
