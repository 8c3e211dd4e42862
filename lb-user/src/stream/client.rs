//! A client's connection, from request to request.

use super::engine::Engine;
use super::exchange::{Exchange, Next};
use crate::backend::pool::ServerConnection;
use crate::plan::Proxy;
use crate::rules::Session;
use crate::runtime::clock::{self, Ticks};
use crate::runtime::connection::Received;
use crate::runtime::{Connection, Timer};

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
}

/// How waiting for a request's first byte ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    Bytes,
    Closed,
    Failed,
    TimedOut,
}

/// Serves requests until the connection ends.
pub async fn serve(mut client: Client) {
    loop {
        let arrival = client.next_request().await;
        if arrival != Arrival::Bytes && client.requests > 0 {
            break;
        }
        // Boxed, so that an idle connection does not hold an exchange's state.
        if Box::pin(Exchange::new(&mut client).run()).await == Next::Close {
            break;
        }
        client.requests += 1;
        client.idle_since = clock::ticks();
    }
    client.close().await;
}

impl Client {
    /// Waits for the first byte of the next request.
    async fn next_request(&mut self) -> Arrival {
        if !self.connection.input.is_empty() {
            clock::refresh();
            return Arrival::Bytes;
        }
        let deadline = clock::after(self.idle_since, self.idle_timeout());
        let Client { connection, timer, .. } = self;
        match timer.until(deadline, |cx| connection.poll_receive(cx)).await {
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

    /// Forgets the connection without a word to the client (`silent-drop`): a packet that expires on the way cannot
    /// reset the other end.
    pub fn vanish(&mut self) {
        let socket = socket2::SockRef::from(&self.connection.socket);
        // Best effort: on failure the connection is merely closed.
        let _ = socket
            .set_ttl_v4(1)
            .and_then(|()| socket.set_linger(Some(std::time::Duration::ZERO)));
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

    /// Ends the connection so that what was written arrives.
    pub async fn close(mut self) {
        if self.connection.ended || self.connection.broken {
            return;
        }
        self.connection.socket.shutdown_write();
        if self.connection.input.is_empty() && self.requests > 0 {
            return;
        }
        let deadline = clock::ticks() + LINGER;
        loop {
            let pending = self.connection.input.len();
            self.connection.input.consume(pending);
            let Client { connection, timer, .. } = &mut self;
            match timer.until(deadline, |cx| connection.poll_receive(cx)).await {
                Some(Ok(Received::Bytes(_))) => {}
                _ => return,
            }
        }
    }
}
