//! A listening stream socket of either family.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::SockRef;

use super::Socket;
use super::reactor::{Direction, Registration};

/// A socket that connections come from.
pub struct Incoming {
    registration: Registration,
    descriptor: OwnedFd,
}

impl Incoming {
    /// Takes over a socket that is bound and listening.
    pub fn new(descriptor: OwnedFd) -> io::Result<Incoming> {
        SockRef::from(&descriptor).set_nonblocking(true)?;
        Ok(Incoming {
            registration: Registration::new(&descriptor)?,
            descriptor,
        })
    }

    /// The next connection and, over TCP, where it comes from.
    pub async fn accept(&self) -> io::Result<(Socket, Option<SocketAddr>)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, Option<SocketAddr>)>> {
        let registration = &self.registration;
        loop {
            ready!(registration.poll_ready(Direction::Read, cx));
            match acceptfrom_with(&self.descriptor, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Err(Errno::AGAIN) => registration.blocks(Direction::Read),
                Err(Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
                Ok((accepted, source)) => {
                    let source = source.and_then(|source| SocketAddr::try_from(source).ok());
                    return Poll::Ready(Ok((Socket::new(accepted)?, source.map(unmapped))));
                }
            }
        }
    }
}

impl Drop for Incoming {
    /// Others have descriptors of the same socket, so closing ours does not end the kernel's watching.
    fn drop(&mut self) {
        self.registration.forget(&self.descriptor);
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
