//! Listening sockets as workers get them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use socket2::{Domain, SockRef};

use crate::state::ListenerId;

/// One worker's handle on a listening socket of a frontend. It is non-blocking.
#[derive(Debug)]
pub struct Listener {
    pub id: ListenerId,
    pub socket: ListenerSocket,
}

/// A listening socket by what its connections are.
#[derive(Debug)]
pub enum ListenerSocket {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

impl ListenerSocket {
    /// Looks at what the descriptor is; an inherited one may be either.
    pub fn of(fd: OwnedFd) -> io::Result<ListenerSocket> {
        let domain = SockRef::from(&fd).domain()?;
        Ok(match domain {
            Domain::UNIX => ListenerSocket::Unix(fd.into()),
            _ => ListenerSocket::Tcp(fd.into()),
        })
    }
}

impl AsFd for ListenerSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            ListenerSocket::Tcp(socket) => socket.as_fd(),
            ListenerSocket::Unix(socket) => socket.as_fd(),
        }
    }
}
