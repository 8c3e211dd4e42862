//! A stream socket of either family, bare or with a TLS session over it.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::bare::BareSocket;
use super::tls::TlsStream;

/// A connected stream socket.
pub enum Socket {
    Bare(BareSocket),
    Tls(Box<TlsStream>),
}

impl Socket {
    /// Takes over a connected socket that does not block.
    pub fn new(descriptor: OwnedFd) -> io::Result<Socket> {
        BareSocket::new(descriptor).map(Socket::Bare)
    }

    /// Reads into `room`; zero bytes are the end of the stream.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Socket::Bare(socket) => socket.poll_read(cx, room),
            Socket::Tls(stream) => stream.poll_read(cx, room),
        }
    }

    /// Writes some of `bytes`.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Socket::Bare(socket) => socket.poll_write(cx, bytes),
            Socket::Tls(stream) => stream.poll_write(cx, &[IoSlice::new(bytes)]),
        }
    }

    /// Writes some of `parts`, in order.
    pub fn poll_write_vectored(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Socket::Bare(socket) => socket.poll_write_vectored(cx, parts),
            Socket::Tls(stream) => stream.poll_write(cx, parts),
        }
    }

    /// Sends what was written and is still held back: a TLS session may hold a part of it.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Bare(_) => Poll::Ready(Ok(())),
            Socket::Tls(stream) => stream.poll_flush(cx),
        }
    }

    /// Is there something to read, the end of the stream included? Wakes the task when there is.
    pub fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Bare(socket) => socket.poll_readable(cx).map(Ok),
            Socket::Tls(stream) => stream.poll_readable(cx),
        }
    }

    /// The TLS session over it, where there is one.
    pub fn tls(&self) -> Option<&TlsStream> {
        match self {
            Socket::Tls(stream) => Some(stream),
            Socket::Bare(_) => None,
        }
    }

    /// Ends the writing half (FIN).
    pub fn shutdown_write(&mut self) {
        match self {
            Socket::Tls(stream) => stream.shutdown_write(),
            // Errors only say that the peer was quicker.
            bare => drop(socket2::SockRef::from(&*bare).shutdown(std::net::Shutdown::Write)),
        }
    }

    /// Makes closing send a RST and forget what was not delivered.
    pub fn reset_on_close(&self) {
        let _ = socket2::SockRef::from(self).set_linger(Some(std::time::Duration::ZERO));
    }

    /// Has the connection go without a word to the other end when it is closed. Without CAP_NET_ADMIN the word is sent, and expires at
    /// the first router.
    pub fn vanish_on_close(&self) {
        let on: libc::c_int = 1;
        // SAFETY: pointer and length describe a local integer, which the call only reads.
        let repaired = unsafe {
            libc::setsockopt(
                self.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_REPAIR,
                (&raw const on).cast(),
                size_of_val(&on) as libc::socklen_t,
            )
        };
        if repaired == 0 {
            return;
        }
        let socket = socket2::SockRef::from(self);
        // Best effort: on failure the connection is merely closed.
        let _ = socket.set_ttl_v4(1);
        let _ = socket.set_unicast_hops_v6(1);
        self.reset_on_close();
    }

    /// Local address, for TCP.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Socket::Bare(socket) => socket.local_address(),
            Socket::Tls(stream) => stream.wire().local_address(),
        }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Socket::Bare(socket) => socket.as_raw_fd(),
            Socket::Tls(stream) => stream.wire().as_raw_fd(),
        }
    }
}

impl std::os::fd::AsFd for Socket {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match self {
            Socket::Bare(socket) => socket.as_fd(),
            Socket::Tls(stream) => stream.wire().as_fd(),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = ready!(Socket::poll_read(&mut self, cx, room.initialize_unfilled()))?;
        room.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Socket::poll_write(&mut self, cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Socket::poll_flush(&mut self, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shutdown_write();
        Poll::Ready(Ok(()))
    }
}
