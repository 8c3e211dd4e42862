//! One direction of a stream: a head to write, then a body to forward from one connection to the other.

use std::io::IoSlice;
use std::task::{Context, Poll};

use super::body::Body;
use super::client::Client;
use crate::http::h1::Bad;
use crate::runtime::buffer;
use crate::runtime::clock::{self, Ticks};
use crate::runtime::connection::{Connection, Received};

/// One direction. `head` and `body` are filled by the phases; `poll` moves them.
pub struct Channel {
    /// Bytes to write before the body.
    pub head: Vec<u8>,
    head_sent: usize,
    pub body: Body,
    /// Body bytes written so far, where the message may have to be sent again; gone when they outgrow a buffer.
    copy: Option<Vec<u8>>,
    /// The last read filled the buffer: more is coming than it holds.
    in_bulk: bool,
    /// Which side is being waited for.
    pub waiting: Waiting,
    /// Bytes of head and body written so far.
    pub moved: u64,
    /// When a byte last moved on either end.
    pub active: Ticks,
}

/// The side that makes a direction wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    Source,
    Destination,
}

/// Why a direction came to a stop before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The source closed or failed in the middle.
    Source,
    Destination,
    /// The source sent bytes that are no body.
    Bad(Bad),
}

impl Broken {
    /// The same as the other direction sees it.
    pub fn seen_back(self) -> Broken {
        match self {
            Broken::Source => Broken::Destination,
            Broken::Destination => Broken::Source,
            bad => bad,
        }
    }
}

impl Channel {
    /// A channel with nothing to move, which will write heads into `head`.
    pub fn new(head: Vec<u8>) -> Channel {
        Channel {
            head,
            head_sent: 0,
            body: Body::none(),
            copy: None,
            in_bulk: false,
            waiting: Waiting::Source,
            moved: 0,
            active: 0,
        }
    }

    /// Nothing is left to write.
    pub fn is_done(&self) -> bool {
        self.head_sent == self.head.len() && self.body.is_done()
    }

    /// Is nothing under way, though more may come?
    pub fn rests(&self) -> bool {
        self.waiting == Waiting::Source && !self.body.has_ended()
    }

    /// Was any byte of the head written?
    pub fn has_begun(&self) -> bool {
        self.head_sent > 0
    }

    /// Begins anew with `body` after whatever head will be written; keeps the head's storage.
    pub fn restart(&mut self, body: Body, now: Ticks) {
        self.head.clear();
        self.head_sent = 0;
        self.body = body;
        self.copy = None;
        self.in_bulk = false;
        self.moved = 0;
        self.active = now;
    }

    /// Keeps what is written of the body, so that the message can be sent again.
    pub fn keep_copy(&mut self) {
        self.copy = Some(Vec::new());
    }

    /// Can the message be sent again from its beginning?
    pub fn is_replayable(&self) -> bool {
        self.copy.is_some() || self.body.is_untouched()
    }

    /// Begins with this head and writes what was written of the body again, to another connection.
    pub fn rewind(&mut self, write_head: impl FnOnce(&mut Vec<u8>)) {
        self.head.clear();
        write_head(&mut self.head);
        if let Some(copy) = &mut self.copy {
            self.head.append(copy);
        }
        self.head_sent = 0;
    }

    /// Writes what is left of the head alone. `false`: it could not be written in time.
    pub async fn write_out(&mut self, client: &mut Client, deadline: Ticks) -> bool {
        let Client { connection, timer, .. } = client;
        let written = timer.until(deadline, |cx| {
            while self.head_sent < self.head.len() {
                match std::task::ready!(connection.poll_send(cx, &self.head[self.head_sent..])) {
                    Ok(n) => {
                        self.head_sent += n;
                        self.moved += n as u64;
                    }
                    Err(_) => return Poll::Ready(false),
                }
            }
            connection.poll_flush(cx).map(|flushed| flushed.is_ok())
        });
        written.await == Some(true)
    }

    /// Moves bytes until the direction is done, broken, or one side makes it wait.
    pub fn poll(
        &mut self,
        from: &mut Connection,
        to: &mut Connection,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Broken>> {
        loop {
            from.input.consume(self.body.take_drop());
            if self.body.ready == 0 && !from.input.is_empty() {
                self.body.scan(from.input.bytes()).map_err(Broken::Bad)?;
                if self.body.drops_now() {
                    continue;
                }
            }
            if self.head_sent < self.head.len() || self.body.ready > 0 {
                self.waiting = Waiting::Destination;
                std::task::ready!(self.poll_write(from, to, cx))?;
                continue;
            }
            if self.body.has_ended() && !self.body.tail.is_empty() {
                self.head = std::mem::take(&mut self.body.tail);
                self.head_sent = 0;
                continue;
            }
            if self.is_done() {
                self.waiting = Waiting::Destination;
                std::task::ready!(to.poll_flush(cx)).map_err(|_| Broken::Destination)?;
                from.input.release();
                return Poll::Ready(Ok(()));
            }
            self.waiting = Waiting::Source;
            if self.in_bulk {
                from.input.enlarge();
            }
            match std::task::ready!(from.poll_receive(cx)) {
                Ok(Received::Bytes(_)) => {
                    self.active = clock::ticks();
                    self.in_bulk = from.input.is_full();
                }
                Ok(Received::End) => self.body.close().map_err(|_| Broken::Source)?,
                // A full buffer of which no byte can be forwarded: a chunk line or trailer beyond all limits.
                Ok(Received::Full) | Err(_) => return Poll::Ready(Err(Broken::Source)),
            }
        }
    }

    fn poll_write(
        &mut self,
        from: &mut Connection,
        to: &mut Connection,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Broken>> {
        let head = self.head.get(self.head_sent..).unwrap_or_default();
        let ready = if self.body.drop_first > 0 { 0 } else { self.body.ready };
        let body = from.input.bytes().get(..ready).unwrap_or_default();
        let written = match (head.is_empty(), body.is_empty()) {
            (true, _) => to.socket.poll_write(cx, body),
            (_, true) => to.socket.poll_write(cx, head),
            _ => to
                .socket
                .poll_write_vectored(cx, &[IoSlice::new(head), IoSlice::new(body)]),
        };
        match std::task::ready!(written) {
            Ok(written) => {
                let of_head = written.min(head.len());
                self.head_sent += of_head;
                self.body.forwarded(written - of_head);
                if let Some(copy) = &mut self.copy {
                    copy.extend_from_slice(body.get(..written - of_head).unwrap_or_default());
                    if copy.len() > buffer::size() {
                        self.copy = None;
                    }
                }
                from.input.consume(written - of_head);
                self.moved += written as u64;
                self.active = clock::ticks();
                Poll::Ready(Ok(()))
            }
            Err(_) => {
                to.broken = true;
                Poll::Ready(Err(Broken::Destination))
            }
        }
    }
}
