//! A listening stream socket of either family.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use socket2::{Domain, SockRef};
use tokio::net::{TcpListener, UnixListener};

use super::Socket;

/// A socket that connections come from.
pub enum Incoming {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Incoming {
    /// Takes over a socket that is bound and listening. Must be called within a runtime.
    pub fn new(socket: OwnedFd) -> io::Result<Incoming> {
        let is_unix = SockRef::from(&socket).domain()? == Domain::UNIX;
        SockRef::from(&socket).set_nonblocking(true)?;
        Ok(match is_unix {
            true => Incoming::Unix(UnixListener::from_std(socket.into())?),
            false => Incoming::Tcp(TcpListener::from_std(socket.into())?),
        })
    }

    /// The next connection and, over TCP, where it comes from.
    pub async fn accept(&self) -> io::Result<(Socket, Option<SocketAddr>)> {
        match self {
            Incoming::Tcp(listener) => {
                let (stream, source) = listener.accept().await?;
                Ok((Socket::Tcp(stream), Some(unmapped(source))))
            }
            Incoming::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Socket::Unix(stream), None))
            }
        }
    }
}

/// An IPv4 client of a dual-stack socket is an IPv4 client.
pub fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Did accepting fail because the process is out of descriptors or memory, rather than because the client left?
pub fn is_exhaustion(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}
