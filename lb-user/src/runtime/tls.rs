//! A TLS session over a socket.

use std::io::{self, IoSlice, Read, Write};
use std::task::{Context, Poll, ready};

use rustls::{CommonState, Connection};

use super::socket::Socket;

/// How many bytes may wait in a session to be encrypted or sent.
const LIMIT: usize = 65_536;

/// A session and the socket below it.
pub struct TlsStream {
    wire: Socket,
    session: Connection,
    /// The name that a server was asked for.
    server_name: Option<Box<[u8]>>,
}

impl TlsStream {
    /// A session that is to begin, or was begun with what `received` holds.
    ///
    /// # Errors
    /// The bytes break the protocol; the socket is given back.
    pub fn new(
        wire: Socket,
        session: impl Into<Connection>,
        mut received: &[u8],
    ) -> Result<TlsStream, (Socket, io::Error)> {
        let mut session = session.into();
        session.set_buffer_limit(Some(LIMIT));
        while !received.is_empty() {
            let taken = session.read_tls(&mut received);
            let taken = taken.and_then(|_| session.process_new_packets().map_err(io::Error::other));
            if let Err(error) = taken {
                return Err((wire, error));
            }
        }
        Ok(TlsStream {
            wire,
            session,
            server_name: None,
        })
    }

    /// The socket below.
    pub fn wire(&self) -> &Socket {
        &self.wire
    }

    /// What the session says of itself.
    pub fn session(&self) -> &CommonState {
        &self.session
    }

    /// The name that the server was asked for: what came of it is no use to anyone who would ask for another.
    pub fn server_name(&self) -> Option<&[u8]> {
        self.server_name.as_deref()
    }

    /// Remembers the name that the server is asked for.
    pub fn set_server_name(&mut self, name: Option<&[u8]>) {
        self.server_name = name.map(Into::into);
    }

    /// Drives the handshake to its end.
    pub fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_flush(cx))?;
            if !self.session.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if !ready!(self.poll_fill(cx))? {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// Reads into `room`; zero bytes are the end of the stream.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.session.reader().read(room) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Ended without a word: as good as an end, message framing tells what was cut.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Poll::Ready(Ok(0)),
                read => return Poll::Ready(read),
            }
            ready!(self.poll_fill(cx))?;
        }
    }

    /// Is there something to read, the end of the stream included?
    pub fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            // What is no data, such as a ticket, is taken in passing.
            let state = self.session.process_new_packets().map_err(io::Error::other)?;
            if state.plaintext_bytes_to_read() > 0 || state.peer_has_closed() {
                return Poll::Ready(Ok(()));
            }
            if !ready!(self.poll_fill(cx))? {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Takes some of `bytes` and sends what the socket takes of it; [`Self::poll_flush`] sends the rest.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(cx))?;
        let taken = self.session.writer().write_vectored(parts)?;
        match self.poll_flush(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(taken)),
        }
    }

    /// Sends what was taken and not sent yet.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut Wire(&mut self.wire, cx)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Says that nothing more will be sent, and ends the writing half.
    pub fn shutdown_write(&mut self) {
        self.session.send_close_notify();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        // What the socket does not take now is lost: whoever has data to send flushes before.
        let _ = self.poll_flush(&mut cx);
        self.wire.shutdown_write();
    }

    /// Takes what the socket has. `false`: nothing more will come.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let read = match self.session.read_tls(&mut Wire(&mut self.wire, cx)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            read => read?,
        };
        if let Err(error) = self.session.process_new_packets() {
            // The alert that tells the other end why; it goes as far as the socket takes it now.
            let _ = self.poll_flush(cx);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
        }
        // Answers to what has come, such as key updates.
        if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(read > 0))
    }
}

/// A socket as the session sees it: calls that would have to wait fail, and wake the task later.
struct Wire<'a, 'b>(&'a mut Socket, &'a mut Context<'b>);

fn now<T>(done: Poll<io::Result<T>>) -> io::Result<T> {
    match done {
        Poll::Ready(done) => done,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Read for Wire<'_, '_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        now(self.0.poll_read(self.1, room))
    }
}

impl Write for Wire<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        now(self.0.poll_write(self.1, bytes))
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        now(self.0.poll_write_vectored(self.1, parts))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
