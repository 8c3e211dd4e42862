//! A connection to the chosen server: an idle one that fits, or a new one with all that comes before its first request.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use super::exchange::Exchange;
use super::route::client_left;
use crate::backend::connect::{self, Destination, Manner};
use crate::backend::pool::{self, ServerConnection};
use crate::backend::proxy_protocol;
use crate::backend::secure::Handshake;
use crate::plan;
use crate::plan::proxy::HttpReuse;
use crate::plan::server::ProxyVersion;
use crate::rules::facts::Side;
use crate::runtime::clock::{self, Ticks};
use crate::runtime::{Connection, Socket};

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectFailure {
    Refused,
    TimedOut,
    ClientLeft,
    /// The server's certificate, or its TLS, is not to our liking.
    Handshake,
}

impl Exchange<'_> {
    /// An idle connection, or a new one.
    pub(super) async fn connect(&mut self) -> Result<ServerConnection, ConnectFailure> {
        let name = self.server_name();
        if let Some(reused) = self.idle_connection(name.as_deref()) {
            return Ok(reused);
        }
        let failed = ConnectFailure::Refused;
        let destination = self.destination().ok_or(failed)?;
        let manner = self.manner();
        let deadline = clock::after(clock::ticks(), self.proxy.timeouts.connect);
        let watch = self.proxy.options.abortonclose;
        self.engine.count_connect(self.backend, self.facts.server);
        let client = &mut *self.client;
        let mut connecting = pin!(connect::connect(&destination, manner));
        let connection = &mut client.connection;
        let connected = client.timer.until(deadline, |cx| match connecting.as_mut().poll(cx) {
            Poll::Ready(socket) => Poll::Ready(socket.map_err(|_| ConnectFailure::Refused)),
            Poll::Pending if watch && client_left(connection, cx) => Poll::Ready(Err(ConnectFailure::ClientLeft)),
            Poll::Pending => Poll::Pending,
        });
        let socket = connected.await.ok_or(ConnectFailure::TimedOut)??;
        if self.proxy.options.nolinger {
            socket.reset_on_close();
        }
        let socket = self.announce_client(socket, deadline).await?;
        let socket = self.shake_hands(socket, name.as_deref(), deadline).await?;
        Ok(ServerConnection::new(Connection::new(socket), self.facts.server))
    }

    /// The server name to ask for (`sni`).
    fn server_name(&self) -> Option<Box<[u8]>> {
        let sni = self.server_plan()?.tls.sni.as_ref()?;
        let text = sni.text(&self.facts(Side::Request))?;
        // A port is not part of a name.
        let name = text.split(|byte| *byte == b':').next()?;
        (!name.is_empty()).then(|| name.into())
    }

    /// Opens a TLS session, where the server speaks TLS.
    async fn shake_hands(
        &mut self,
        socket: Socket,
        name: Option<&[u8]>,
        deadline: Ticks,
    ) -> Result<Socket, ConnectFailure> {
        let tls = self.server_plan().map(|plan| &plan.tls).filter(|tls| tls.enabled);
        let Some(connector) = tls.and_then(|tls| tls.connector.as_ref()) else {
            return Ok(socket);
        };
        let mut handshake = Handshake::new(socket, connector, name).map_err(|_| ConnectFailure::Handshake)?;
        let shaken = self.client.timer.until(deadline, |cx| handshake.poll(cx));
        let socket = shaken.await.ok_or(ConnectFailure::TimedOut)?;
        socket.map_err(|_| ConnectFailure::Handshake)
    }

    /// Sends the PROXY header that the server expects, if it does (`send-proxy`).
    async fn announce_client(&mut self, mut socket: Socket, deadline: Ticks) -> Result<Socket, ConnectFailure> {
        let Some(version) = self.server_plan().and_then(|plan| plan.send_proxy) else {
            return Ok(socket);
        };
        let session = &self.client.session;
        let addresses = session
            .destination
            .filter(|_| !session.is_unix)
            .map(|to| (session.source, to));
        let header = match version {
            ProxyVersion::V1 => proxy_protocol::write_v1(addresses),
            ProxyVersion::V2 => proxy_protocol::write_v2(addresses),
        };
        let mut sent = 0;
        let written = self.client.timer.until(deadline, |cx| {
            while let Some(rest) = header.get(sent..).filter(|rest| !rest.is_empty()) {
                match std::task::ready!(socket.poll_write(cx, rest)) {
                    Ok(n) => sent += n,
                    Err(_) => return Poll::Ready(Err(ConnectFailure::Refused)),
                }
            }
            Poll::Ready(Ok(()))
        });
        written.await.ok_or(ConnectFailure::TimedOut)??;
        Ok(socket)
    }

    pub(super) fn remote_address(&self) -> Option<std::net::SocketAddr> {
        match self.destination()? {
            Destination::Inet(address) => Some(address),
            Destination::Unix(_) => None,
        }
    }

    fn destination(&self) -> Option<Destination> {
        if let Some(address) = self.proxy.dispatch {
            return Some(Destination::Inet(address));
        }
        let state = self.engine.process.server(self.facts.server?)?;
        let client_port = self.client.session.destination.map(|address| address.port());
        connect::destination(self.server_plan()?, state, client_port)
    }

    pub(super) fn server_plan(&self) -> Option<&'static plan::Server> {
        self.proxy.servers.get(self.facts.server?.index())
    }

    fn manner(&self) -> Manner<'static> {
        // A stream of bytes may well begin with the server's: only with data to send is there something to wait for.
        let sends = self.http || !self.client.connection.input.is_empty();
        Manner {
            delay_ack: self.proxy.options.tcp_smart_connect && sends,
            ..Manner::of(self.proxy, self.server_plan(), &self.engine.plan.global.tune)
        }
    }

    /// A connection that may carry this request: the client's own first, then the worker's idle ones (`http-reuse`).
    fn idle_connection(&mut self, name: Option<&[u8]>) -> Option<ServerConnection> {
        let server = self.facts.server?;
        let own = &mut self.client.own_servers;
        let is_fit = |own: &ServerConnection| own.server == Some(server) && own.server_name() == name;
        while let Some(at) = own.iter().position(is_fit) {
            let mut connection = own.swap_remove(at);
            if connection.is_fresh() {
                return Some(connection);
            }
        }
        let first = self.facts.is_first;
        let reused = match self.proxy.http_reuse {
            HttpReuse::Never => None,
            HttpReuse::Safe if first => None,
            HttpReuse::Aggressive if first => pool::take(server, name, true),
            HttpReuse::Safe | HttpReuse::Aggressive | HttpReuse::Always => pool::take(server, name, false),
        };
        if reused.is_some() {
            self.engine.count_reuse(self.backend, self.facts.server);
        }
        reused
    }
}
