//! Connections to servers, and those of them that idle between requests.
//!
//! A worker keeps no more connections to a server than it lately used at the same time: more would only occupy source
//! ports and the server.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Waker};

use crate::runtime::clock::Ticks;
use crate::runtime::{Connection, TlsStream};
use crate::state::ServerId;
use crate::tls;

/// A connection to a server.
pub struct ServerConnection {
    pub connection: Connection,
    /// `None` for what `dispatch` leads to.
    pub server: Option<ServerId>,
    pub local: Option<SocketAddr>,
    /// Its TLS session, where there is one.
    pub tls: Option<Arc<tls::Facts>>,
    /// Requests it has carried.
    pub uses: u32,
    pub idle_since: Ticks,
    /// Does it count among those in use?
    counted: bool,
}

impl ServerConnection {
    /// A new connection, in use from now on.
    pub fn new(connection: Connection, server: Option<ServerId>) -> ServerConnection {
        let local = connection.socket.local_address();
        let session = connection.socket.tls();
        let tls = session.map(|stream| Arc::new(tls::Facts::of(stream.session())));
        let mut new = ServerConnection {
            connection,
            server,
            local,
            tls,
            uses: 0,
            idle_since: 0,
            counted: false,
        };
        new.count(true);
        new
    }

    /// Is it still open with nothing unexpected to read?
    pub fn is_fresh(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        !self.connection.ended
            && !self.connection.broken
            && self.connection.input.is_empty()
            && self.connection.socket.poll_readable(&mut cx).is_pending()
    }

    /// The server name that its TLS session asked for.
    pub fn server_name(&self) -> Option<&[u8]> {
        self.connection.socket.tls().and_then(TlsStream::server_name)
    }

    /// Notes that it is used now, or no longer.
    fn count(&mut self, used: bool) {
        let Some(server) = self.server.filter(|_| used != self.counted) else {
            return;
        };
        self.counted = used;
        with_pool(server, |pool| {
            if used {
                pool.used += 1;
                pool.peak = pool.peak.max(pool.used);
            } else {
                pool.used = pool.used.saturating_sub(1);
            }
        });
    }
}

impl Drop for ServerConnection {
    fn drop(&mut self) {
        self.count(false);
    }
}

/// One worker's connections to one server.
#[derive(Default)]
struct Pool {
    idle: Vec<ServerConnection>,
    used: u32,
    /// The most that were used at once, lately.
    peak: u32,
}

impl Pool {
    /// Is one more idle connection needed and allowed?
    fn has_room(&self, bounds: Bounds) -> bool {
        let idle = self.idle.len() as u32;
        let needed = idle == 0 || self.used + idle < self.peak.max(bounds.low);
        needed && bounds.max.is_none_or(|max| idle < max)
    }
}

/// What bounds a server's idle connections.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// `pool-max-conn`; `None`: no limit.
    pub max: Option<u32>,
    /// `pool-low-conn`: so many are kept whatever the need.
    pub low: u32,
}

thread_local! {
    /// By backend, then server.
    static POOLS: RefCell<Vec<Vec<Pool>>> = const { RefCell::new(Vec::new()) };
}

/// `None` only while the thread ends.
fn with_pool<T>(server: ServerId, work: impl FnOnce(&mut Pool) -> T) -> Option<T> {
    let with = |pools: &RefCell<Vec<Vec<Pool>>>| {
        // A connection dropped while the pools are being changed counts itself out another time.
        let mut backends = pools.try_borrow_mut().ok()?;
        let backend = server.backend.index();
        if backends.len() <= backend {
            backends.resize_with(backend + 1, Vec::new);
        }
        let servers = &mut backends[backend];
        if servers.len() <= server.index() {
            servers.resize_with(server.index() + 1, Pool::default);
        }
        Some(work(&mut servers[server.index()]))
    };
    POOLS.try_with(with).ok().flatten()
}

/// Takes the connection that idled last. `reused_only` leaves those that have carried one request only
/// (`http-reuse aggressive`, for a client's first request).
pub fn take(server: ServerId, name: Option<&[u8]>, reused_only: bool) -> Option<ServerConnection> {
    loop {
        let mut connection = with_pool(server, |pool| {
            let at = pool
                .idle
                .iter()
                .rposition(|connection| connection.server_name() == name && (!reused_only || connection.uses > 1))?;
            Some(pool.idle.remove(at))
        })
        .flatten()?;
        if connection.is_fresh() {
            connection.count(true);
            return Some(connection);
        }
    }
}

/// Keeps a connection for later if it is needed, and closes it otherwise.
pub fn give(mut connection: ServerConnection, bounds: Bounds) {
    let Some(server) = connection.server else { return };
    connection.count(false);
    let refused = with_pool(server, |pool| {
        if !pool.has_room(bounds) {
            // Those that their server has closed only take room away.
            pool.idle.retain_mut(ServerConnection::is_fresh);
            if !pool.has_room(bounds) {
                return Some(connection);
            }
        }
        pool.idle.push(connection);
        None
    });
    if let Some(Some(connection)) = refused {
        close(connection);
    }
}

/// Closes a connection whose last exchange is complete. Nothing is in flight, so a reset loses nothing and leaves no
/// TIME_WAIT to hold its source port.
pub fn close(connection: ServerConnection) {
    connection.connection.socket.reset_on_close();
}

/// Closes connections of this worker that idle since before `oldest` or that their server has closed, and lets the
/// peaks of use sink towards the present.
pub fn purge(oldest: impl Fn(ServerId) -> Ticks) {
    let mut closed = Vec::new();
    POOLS.with_borrow_mut(|backends| {
        for pool in backends.iter_mut().flatten() {
            pool.peak = pool.used + (pool.peak - pool.used.min(pool.peak)) / 2;
            let Some(limit) = pool.idle.first().and_then(|connection| connection.server).map(&oldest) else {
                continue;
            };
            closed.extend(
                pool.idle
                    .extract_if(.., |connection| connection.idle_since < limit || !connection.is_fresh()),
            );
        }
    });
    closed.into_iter().for_each(close);
}

/// Closes everything idle at exit.
pub fn close_all() {
    let backends = POOLS.with_borrow_mut(std::mem::take);
    backends
        .into_iter()
        .flatten()
        .flat_map(|pool| pool.idle)
        .for_each(close);
}
