//! A socket with what was read from it and not used yet.

use std::io;
use std::task::{Context, Poll};

use super::buffer::Buffer;
use super::socket::Socket;

/// One side of a stream.
pub struct Connection {
    pub socket: Socket,
    /// Bytes received and not yet taken.
    pub input: Buffer,
    /// The peer will send nothing more.
    pub ended: bool,
    /// Reading or writing failed; nothing more will succeed.
    pub broken: bool,
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    Bytes(usize),
    End,
    /// The buffer is full: nothing was read.
    Full,
}

impl Connection {
    /// A connection of which nothing was read yet.
    pub fn new(socket: Socket) -> Connection {
        Connection {
            socket,
            input: Buffer::default(),
            ended: false,
            broken: false,
        }
    }

    /// Reads what is there into the buffer.
    pub fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Received>> {
        if self.ended {
            return Poll::Ready(Ok(Received::End));
        }
        if self.input.is_full() {
            return Poll::Ready(Ok(Received::Full));
        }
        match self.socket.poll_read(cx, self.input.room()) {
            Poll::Pending => {
                self.input.release();
                Poll::Pending
            }
            Poll::Ready(Ok(0)) => {
                self.ended = true;
                self.input.release();
                Poll::Ready(Ok(Received::End))
            }
            Poll::Ready(Ok(n)) => {
                self.input.filled(n);
                Poll::Ready(Ok(Received::Bytes(n)))
            }
            Poll::Ready(Err(error)) => {
                self.broken = true;
                self.ended = true;
                self.input.release();
                Poll::Ready(Err(error))
            }
        }
    }

    /// Writes some of `bytes`.
    pub fn poll_send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let sent = self.socket.poll_write(cx, bytes);
        if let Poll::Ready(Err(_)) = sent {
            self.broken = true;
        }
        sent
    }

    /// Sends what was written and is still held back.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.socket.poll_flush(cx);
        if let Poll::Ready(Err(_)) = flushed {
            self.broken = true;
        }
        flushed
    }
}
