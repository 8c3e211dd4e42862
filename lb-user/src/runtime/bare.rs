//! A stream socket of either family, watched by its thread's reactor.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, getsockname, recv, send};

use super::reactor::{Direction, Registration};

/// A connected stream socket, or one that is connecting.
pub struct BareSocket {
    // Goes before the descriptor does.
    registration: Registration,
    descriptor: OwnedFd,
}

impl BareSocket {
    /// Takes over a socket that does not block.
    pub fn new(descriptor: OwnedFd) -> io::Result<BareSocket> {
        Ok(BareSocket {
            registration: Registration::new(&descriptor)?,
            descriptor,
        })
    }

    /// Has the connection been made?
    pub fn poll_connected(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.registration.poll_ready(Direction::Write, cx));
        if self.registration.has_failed() {
            rustix::net::sockopt::socket_error(&self.descriptor)??;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads into `room`; zero bytes are the end of the stream.
    pub fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let wanted = room.len();
        self.poll_move(Direction::Read, cx, wanted, || {
            recv(&self.descriptor, &mut *room, RecvFlags::empty()).map(|(read, _)| read)
        })
    }

    /// Writes some of `bytes`.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_move(Direction::Write, cx, bytes.len(), || {
            send(&self.descriptor, bytes, SendFlags::NOSIGNAL)
        })
    }

    /// Writes some of `parts`, in order.
    pub fn poll_write_vectored(&self, cx: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let wanted = parts.iter().map(|part| part.len()).sum();
        self.poll_move(Direction::Write, cx, wanted, || {
            rustix::io::writev(&self.descriptor, parts)
        })
    }

    /// Tries `transfer`, which moves at most `wanted` bytes, once the socket is ready for it.
    fn poll_move(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        wanted: usize,
        mut transfer: impl FnMut() -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.registration.poll_ready(direction, cx));
            match transfer() {
                Err(Errno::AGAIN) => self.registration.blocks(direction),
                Err(Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
                Ok(moved) => {
                    if moved < wanted {
                        self.registration.is_drained(direction);
                    }
                    return Poll::Ready(Ok(moved));
                }
            }
        }
    }

    /// Is there something to read, the end of the stream included? Wakes the task when there is.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.registration.poll_ready(Direction::Read, cx)
    }

    /// Local address, for TCP.
    pub fn local_address(&self) -> Option<SocketAddr> {
        getsockname(&self.descriptor).ok()?.try_into().ok()
    }

    /// The socket itself, unwatched.
    pub fn into_descriptor(self) -> OwnedFd {
        self.registration.forget(&self.descriptor);
        self.descriptor
    }
}

impl AsRawFd for BareSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }
}

impl AsFd for BareSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
