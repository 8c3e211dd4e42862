//! Connections to servers, and those of them that idle between requests.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::task::{Context, Waker};

use crate::runtime::Connection;
use crate::runtime::clock::Ticks;
use crate::state::ServerId;

/// A connection to a server.
pub struct ServerConnection {
    pub connection: Connection,
    pub server: ServerId,
    pub local: Option<SocketAddr>,
    pub remote: Option<SocketAddr>,
    /// Requests it has carried.
    pub uses: u32,
    pub idle_since: Ticks,
}

impl ServerConnection {
    /// Is it still open with nothing unexpected to read?
    pub fn is_fresh(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        !self.connection.ended
            && !self.connection.broken
            && self.connection.input.is_empty()
            && self.connection.socket.poll_readable(&mut cx).is_pending()
    }
}

thread_local! {
    /// This worker's idle connections: by backend, then server.
    static IDLE: RefCell<Vec<Vec<Vec<ServerConnection>>>> = const { RefCell::new(Vec::new()) };
}

fn with_idle<T>(server: ServerId, work: impl FnOnce(&mut Vec<ServerConnection>) -> T) -> T {
    IDLE.with_borrow_mut(|backends| {
        let backend = server.backend.index();
        if backends.len() <= backend {
            backends.resize_with(backend + 1, Vec::new);
        }
        let servers = &mut backends[backend];
        if servers.len() <= server.index() {
            servers.resize_with(server.index() + 1, Vec::new);
        }
        work(&mut servers[server.index()])
    })
}

/// Takes the connection that idled last. `reused_only` leaves those that have carried one request only
/// (`http-reuse aggressive`, for a client's first request).
pub fn take(server: ServerId, reused_only: bool) -> Option<ServerConnection> {
    with_idle(server, |idle| {
        while let Some(at) = idle.iter().rposition(|connection| !reused_only || connection.uses > 1) {
            let connection = idle.remove(at);
            if connection.is_fresh() {
                return Some(connection);
            }
        }
        None
    })
}

/// Keeps a connection for later, unless `limit` are kept already.
pub fn give(connection: ServerConnection, limit: Option<u32>) -> bool {
    with_idle(connection.server, |idle| {
        let room = limit.is_none_or(|limit| idle.len() < limit as usize);
        if room {
            idle.push(connection);
        }
        room
    })
}

/// Closes connections of this worker that idle since before `oldest` or that their server has closed. Returns how many
/// of each server were closed.
pub fn purge(oldest: impl Fn(ServerId) -> Ticks) -> Vec<(ServerId, usize)> {
    let mut closed = Vec::new();
    IDLE.with_borrow_mut(|backends| {
        for idle in backends.iter_mut().flatten() {
            let Some(server) = idle.first().map(|connection| connection.server) else {
                continue;
            };
            let before = idle.len();
            let limit = oldest(server);
            idle.retain(|connection| connection.idle_since >= limit && connection.is_fresh());
            if idle.len() < before {
                closed.push((server, before - idle.len()));
            }
        }
    });
    closed
}

/// Closes everything idle, with a RST where the protocol allows, so that no TIME_WAIT pile stays behind at exit.
pub fn close_all() {
    IDLE.with_borrow_mut(|backends| {
        for connection in backends.iter().flatten().flatten() {
            connection.connection.socket.reset_on_close();
        }
        backends.clear();
    });
}
