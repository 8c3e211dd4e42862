//! Where the request goes: backend, server, connection.

use std::future::Future;
use std::task::Poll;

use super::connect::ConnectFailure;
use super::ending::{Ending, cause, phase};
use super::exchange::Exchange;
use crate::backend::balance::{Ask, key};
use crate::backend::queue::{Priority, Waiter};
use crate::backend::{Assignment, Slot};
use crate::http::uri;
use crate::plan::balance::Algorithm;
use crate::plan::rules::BackendName;
use crate::rules::condition::Verdict;
use crate::rules::facts::Side;
use crate::runtime::Connection;
use crate::runtime::clock::{self, Ticks};
use crate::state::{ProxyId, ServerId};

/// Pause before the same server is tried again, so that a restarting one can come back.
const TURNAROUND: Ticks = 1_000_000;

impl Exchange<'_> {
    /// `use_backend` rules in order, then `default_backend`; a `listen` section is its own backend.
    pub(crate) fn choose_backend(&mut self) -> Result<(), Ending> {
        let chosen = self.switched_backend().or(self.frontend.default_backend);
        let own = self.frontend.is_backend.then_some(self.frontend.id);
        let Some(backend) = chosen.or(own).and_then(|id| self.engine.backend(id)) else {
            return Err(Ending::status(cause::SERVER, phase::CONNECT, 503));
        };
        self.backend = Some(backend);
        self.proxy = backend.plan;
        self.facts.backend = Some(backend.id);
        self.facts.server_timeout = milliseconds(self.proxy.timeouts.server);
        self.facts.tunnel_timeout = milliseconds(self.proxy.timeouts.tunnel);
        self.engine.count_backend_session(backend);
        self.enrolled.note(self.facts.backend, None);
        Ok(())
    }

    fn switched_backend(&self) -> Option<ProxyId> {
        let facts = self.facts(Side::Request);
        self.frontend.rules.use_backend.iter().find_map(|rule| {
            if rule
                .condition
                .as_ref()
                .is_some_and(|condition| condition.evaluate(&facts) != Verdict::Yes)
            {
                return None;
            }
            match &rule.backend {
                BackendName::Fixed(id) => Some(*id),
                BackendName::Dynamic(format) => {
                    let mut name = Vec::new();
                    format.evaluate(&facts, &mut name);
                    self.engine.backend_called(&name)
                }
            }
        })
    }

    /// Gets a connection to a server, trying again as `retries` and `option redispatch` say.
    pub(crate) async fn reach_server(&mut self) -> Result<(), Ending> {
        loop {
            if self.slot.is_none() && self.proxy.dispatch.is_none() {
                let slot = self.get_slot().await?;
                self.note_server(&slot);
                self.slot = Some(slot);
                self.facts.times.queue = self.lap();
            }
            match self.connect().await {
                Ok(connection) => {
                    self.facts.times.connect = self.lap();
                    self.facts.server_local = connection.local;
                    self.facts.server_tls.clone_from(&connection.tls);
                    self.facts.server_remote = self.remote_address();
                    self.server = Some(connection);
                    if !self.http {
                        self.learn_server();
                    }
                    return Ok(());
                }
                Err(failure) => self.retry_connect(failure).await?,
            }
        }
    }

    fn note_server(&mut self, slot: &Slot) {
        let Some(backend) = self.backend else { return };
        self.facts.server = Some(ServerId {
            backend: backend.id,
            index: slot.index as u32,
        });
        self.enrolled.note(self.facts.backend, self.facts.server);
        self.engine.count_server_session(backend, slot.index);
    }

    /// A slot of the server that rules, persistence or the algorithm choose, after queueing if need be.
    async fn get_slot(&mut self) -> Result<Slot, Ending> {
        let no_server = || Ending::status(cause::SERVER, phase::CONNECT, 503);
        let backend = self.backend.ok_or_else(no_server)?;
        let timeouts = &self.proxy.timeouts;
        let deadline = clock::after(clock::ticks(), timeouts.queue.or(timeouts.connect));
        let priority = Priority {
            class: self.facts.priority_class,
            offset: self.facts.priority_offset,
        };
        loop {
            let assignment = match self.bound_server().or_else(|| self.last_server()) {
                Some(index) => backend.assign_to(index, priority),
                None => backend.assign(&self.balance_ask(), priority),
            };
            let waiter = match assignment {
                Assignment::Server(slot) => return Ok(slot),
                Assignment::NoServer => return Err(no_server()),
                Assignment::QueueFull => return Err(Ending::status(cause::SERVER, phase::QUEUE, 503)),
                Assignment::Queued(waiter) => waiter,
            };
            match waiter.of_server {
                true => self.facts.server_queue = waiter.ahead + 1,
                false => self.facts.backend_queue = waiter.ahead + 1,
            }
            if let Some(slot) = self.wait_for_slot(waiter, deadline).await? {
                return Ok(slot);
            }
        }
    }

    /// The slot that was waited for; `None` when its server went away meanwhile.
    async fn wait_for_slot(&mut self, mut waiter: Waiter, deadline: Ticks) -> Result<Option<Slot>, Ending> {
        let watch = self.proxy.options.abortonclose;
        let client = &mut *self.client;
        let connection = &mut client.connection;
        let granted = client
            .timer
            .until(deadline, |cx| match std::pin::Pin::new(&mut waiter.grant).poll(cx) {
                Poll::Ready(slot) => Poll::Ready(Ok(slot)),
                Poll::Pending if watch && client_left(connection, cx) => Poll::Ready(Err(())),
                Poll::Pending => Poll::Pending,
            });
        let granted = granted.await;
        if let Some(Ok(slot)) = granted {
            return Ok(slot.ok());
        }
        // The wait ends here; after a grant it is timed when it led to a slot.
        self.facts.times.queue = self.lap();
        Err(match granted {
            Some(_) => self.client_aborted(phase::QUEUE, 503),
            None => Ending::status(cause::SERVER_TIMEOUT, phase::QUEUE, 503),
        })
    }

    fn balance_ask(&self) -> Ask {
        let avoid = self
            .facts
            .redispatched
            .then(|| self.facts.server.map(ServerId::index))
            .flatten();
        Ask {
            key: self.balance_key(),
            draw: self.engine.draw(),
            avoid,
        }
    }

    /// The hash that the algorithm goes by.
    fn balance_key(&self) -> Option<u32> {
        let hash = self.proxy.balance.hash;
        match &self.proxy.balance.algorithm {
            Algorithm::RoundRobin
            | Algorithm::StaticRoundRobin
            | Algorithm::LeastConnections
            | Algorithm::First
            | Algorithm::Random { .. } => None,
            Algorithm::Source => {
                let session = &self.client.session;
                (!session.is_unix).then(|| key::of_address(hash, session.source.ip()))
            }
            Algorithm::Uri(uri) => Some(key::of_bytes(hash, key::uri_part(uri, self.request.uri())?)),
            Algorithm::UrlParam { name, check_post } => {
                let in_query = uri::query(self.request.uri());
                let in_body = (*check_post && self.request.method() == b"POST")
                    .then(|| self.facts(Side::Request).request_body.bytes);
                let value = |form| key::parameter(name.as_bytes(), form);
                Some(key::of_bytes(
                    hash,
                    in_query.and_then(value).or_else(|| value(in_body?))?,
                ))
            }
            Algorithm::Header { name, use_domain_only } => {
                let value = key::first_element(self.request.header(name.as_bytes())?)?;
                let value = if *use_domain_only { key::domain(value) } else { value };
                Some(key::of_bytes(hash, value))
            }
            Algorithm::RdpCookie { name } => {
                let received = self.facts(Side::Request).request_body.bytes;
                Some(key::of_bytes(hash, key::rdp_cookie(name.as_bytes(), received)?))
            }
            Algorithm::Hash(expression) => {
                let facts = self.facts(Side::Request);
                Some(key::of_bytes(hash, &expression.text(&facts)?))
            }
        }
    }

    /// Decides what a failed connection leads to: another try, perhaps elsewhere, or the end.
    async fn retry_connect(&mut self, failure: ConnectFailure) -> Result<(), Ending> {
        if failure == ConnectFailure::ClientLeft {
            return Err(self.client_aborted(phase::CONNECT, 503));
        }
        if self.facts.retries >= self.proxy.retries || !self.proxy.retry_on.conn_failure {
            self.engine.count_connection_error(self.backend, self.facts.server);
            let cause = if failure == ConnectFailure::TimedOut {
                cause::SERVER_TIMEOUT
            } else {
                cause::SERVER
            };
            return Err(Ending::status(cause, phase::CONNECT, 503));
        }
        self.facts.retries += 1;
        if self.redispatches() {
            self.facts.redispatched = true;
            self.slot = None;
            self.engine.count_redispatch(self.backend, self.facts.server);
            return Ok(());
        }
        self.engine.count_retry(self.backend, self.facts.server);
        if failure == ConnectFailure::TimedOut {
            return Ok(());
        }
        let pause = clock::after(0, self.proxy.timeouts.connect).min(TURNAROUND);
        self.pause(clock::ticks() + pause).await
    }

    /// Sleeps, but notices a client that leaves under `option abortonclose`.
    async fn pause(&mut self, until: Ticks) -> Result<(), Ending> {
        let watch = self.proxy.options.abortonclose;
        let client = &mut *self.client;
        let connection = &mut client.connection;
        let left = client
            .timer
            .until(until, |cx| match watch && client_left(connection, cx) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            });
        match left.await {
            None => Ok(()),
            Some(()) => Err(self.client_aborted(phase::CONNECT, 503)),
        }
    }

    pub(crate) fn client_aborted(&mut self, phase: u8, status: u16) -> Ending {
        self.keep_client = false;
        self.engine.count_client_abort(self.backend, self.facts.server);
        Ending::status(cause::CLIENT, phase, status)
    }
}

/// Has the client closed its side? Bytes it sends meanwhile are kept.
pub(crate) fn client_left(client: &mut Connection, cx: &mut std::task::Context<'_>) -> bool {
    use crate::runtime::connection::Received;
    loop {
        match client.poll_receive(cx) {
            Poll::Pending | Poll::Ready(Ok(Received::Full)) => return false,
            Poll::Ready(Ok(Received::Bytes(_))) => {}
            Poll::Ready(Ok(Received::End) | Err(_)) => return true,
        }
    }
}

fn milliseconds(timeout: Option<std::time::Duration>) -> u32 {
    timeout.map_or(0, |timeout| u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX))
}
