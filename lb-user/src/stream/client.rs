//! A client's connection, from request to request.

use super::engine::Engine;
use super::exchange::{Exchange, Next};
use crate::backend::pool::ServerConnection;
use crate::plan::Proxy;
use crate::rules::Session;
use crate::runtime::clock::{self, Ticks};
use crate::runtime::connection::Received;
use crate::runtime::{Connection, Timer, idle};
use crate::state::Admitted;
use std::os::fd::AsRawFd;

/// How long a connection is drained after the last answer, so that the client can read it before the reset that
/// unread bytes provoke.
const LINGER: Ticks = 1_000_000;

/// An accepted connection with what is known of it.
pub struct Client {
    pub connection: Connection,
    pub session: Session,
    pub timer: Timer,
    pub engine: &'static Engine,
    pub frontend: &'static Proxy,
    /// Requests received so far.
    pub requests: u32,
    /// When the last exchange ended, or the connection was accepted.
    pub idle_since: Ticks,
    /// Connections to servers that only this client may use (`http-reuse never`).
    pub own_servers: Vec<ServerConnection>,
    pub _admitted: Admitted,
}

/// How waiting for a request's first byte ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    Bytes,
    Closed,
    Failed,
    TimedOut,
}

/// Serves requests until the connection ends. The client is boxed to keep the task small: idle connections are many.
pub async fn serve(mut client: Box<Client>) {
    loop {
        let arrival = client.next_request().await;
        if arrival != Arrival::Bytes && client.requests > 0 {
            break;
        }
        // Boxed, too, so that an idle connection does not hold an exchange's state.
        if Box::pin(Exchange::new(&mut client).run()).await == Next::Close {
            break;
        }
        client.requests += 1;
        client.idle_since = clock::ticks();
    }
    if client.lingers() {
        Box::pin(client.drain()).await;
    }
}

impl Client {
    /// Waits for the first byte of the next request.
    async fn next_request(&mut self) -> Arrival {
        if !self.connection.input.is_empty() {
            return Arrival::Bytes;
        }
        let deadline = clock::after(self.idle_since, self.idle_timeout());
        let Client { connection, timer, .. } = self;
        let fd = connection.socket.as_raw_fd();
        idle::mark(fd, true);
        let received = timer.until(deadline, |cx| connection.poll_receive(cx)).await;
        idle::mark(fd, false);
        match received {
            None => Arrival::TimedOut,
            Some(Ok(Received::End)) => Arrival::Closed,
            Some(Ok(_)) => Arrival::Bytes,
            Some(Err(_)) => Arrival::Failed,
        }
    }

    /// `timeout http-request` bounds the first request from the first moment on; later ones may idle for
    /// `timeout http-keep-alive` before they begin.
    fn idle_timeout(&self) -> Option<std::time::Duration> {
        let timeouts = &self.frontend.timeouts;
        let idle = if self.requests == 0 {
            None
        } else {
            timeouts.http_keep_alive
        };
        idle.or(timeouts.http_request).or(timeouts.client)
    }

    /// Forgets the connection without a word to the client (`silent-drop`).
    pub fn vanish(&mut self) {
        self.connection.socket.vanish_on_close();
        self.connection.broken = true;
    }

    /// `set-tos`: the DSCP byte of packets to the client.
    pub fn set_tos(&self, tos: u32) {
        let socket = socket2::SockRef::from(&self.connection.socket);
        let _ = socket.set_tos_v4(tos).or_else(|_| socket.set_tclass_v6(tos));
    }

    /// `set-mark`: the netfilter mark of packets to the client.
    pub fn set_mark(&self, mark: u32) {
        let _ = socket2::SockRef::from(&self.connection.socket).set_mark(mark);
    }

    /// Closes the writing half. Is there reason to read on for a while, so that what was written arrives?
    pub fn lingers(&mut self) -> bool {
        if self.connection.ended || self.connection.broken {
            return false;
        }
        self.connection.socket.shutdown_write();
        !self.connection.input.is_empty() || self.requests == 0
    }

    /// Reads on and forgets what comes, until the client closes or has had time to.
    pub async fn drain(&mut self) {
        let deadline = clock::ticks() + LINGER;
        loop {
            let pending = self.connection.input.len();
            self.connection.input.consume(pending);
            let Client { connection, timer, .. } = self;
            match timer.until(deadline, |cx| connection.poll_receive(cx)).await {
                Some(Ok(Received::Bytes(_))) => {}
                _ => return,
            }
        }
    }
}
