//! Opening a connection to a server.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpSocket, UnixStream};

use crate::plan::server::ServerAddress;
use crate::plan::{self};
use crate::runtime::Socket;
use crate::state;

/// Where a connection to `server` goes; `client_port` is the port that the client asked for, which mapped ports follow.
pub fn destination(plan: &plan::Server, server: &state::Server, client_port: Option<u16>) -> Option<Destination> {
    match &plan.address {
        ServerAddress::Unix(path) => Some(Destination::Unix(path.clone())),
        ServerAddress::Abstract(name) => Some(Destination::Unix(format!("\0{name}"))),
        ServerAddress::MappedPort { offset, .. } => {
            let ip = server.address()?.ip();
            let port = i32::from(client_port?).checked_add(*offset)?;
            Some(Destination::Inet(SocketAddr::new(ip, u16::try_from(port).ok()?)))
        }
        ServerAddress::Inet(_) | ServerAddress::Name { .. } => server.address().map(Destination::Inet),
    }
}

/// Where to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Inet(SocketAddr),
    /// A path, or a name in the abstract namespace after a NUL.
    Unix(String),
}

/// How to connect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// The address to connect from.
    pub source: Option<SocketAddr>,
    /// Leave the handshake's last packet to the first data. A connection that is reset instead of used then never
    /// reaches the server's accept queue, as befits a check that only asks whether one could connect.
    pub delay_ack: bool,
}

/// Connects.
pub async fn connect(to: &Destination, manner: Manner) -> io::Result<Socket> {
    match to {
        Destination::Inet(address) => {
            let socket = if address.is_ipv4() {
                TcpSocket::new_v4()?
            } else {
                TcpSocket::new_v6()?
            };
            if manner.delay_ack {
                socket2::SockRef::from(&socket).set_tcp_quickack(false)?;
            }
            if let Some(source) = manner.source {
                bind_source(&socket, source)?;
            }
            let stream = socket.connect(*address).await?;
            stream.set_nodelay(true)?;
            Ok(Socket::Tcp(stream))
        }
        Destination::Unix(path) => Ok(Socket::Unix(UnixStream::connect(path).await?)),
    }
}

fn bind_source(socket: &TcpSocket, source: SocketAddr) -> io::Result<()> {
    if source.port() == 0 {
        // Leave the port to the time of connecting, when the destination is known: many more fit then.
        bind_address_no_port(socket)?;
    }
    socket.set_reuseaddr(true)?;
    socket.bind(source)
}

fn bind_address_no_port(socket: &TcpSocket) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let on: libc::c_int = 1;
    // SAFETY: the option's value is a c_int that lives across the call, and its size is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
