//! Where a body stands while it is forwarded: which buffered bytes go on as they are, which are left out.

use crate::http::h1::write::write_trailers;
use crate::http::h1::{Bad, ChunkDecoder, Framing, Limits};

/// The progress through one body. Pure: it is shown buffered bytes and says what to do with them.
pub struct Body {
    kind: Kind,
    /// Bytes at the front of the buffer to leave out, then bytes to forward, then bytes to leave out.
    pub drop_first: usize,
    pub ready: usize,
    drop_last: usize,
    ended: bool,
    taken: bool,
    /// What to write after the last forwarded byte (rewritten trailers).
    pub tail: Vec<u8>,
}

enum Kind {
    Sized(u64),
    /// Forwarded chunk by chunk as it came; `plain` takes the chunking off.
    Chunked {
        decoder: Box<ChunkDecoder>,
        plain: bool,
    },
    UntilClose,
}

impl Body {
    /// The body of a message framed so. `plain` is for receivers that do not know chunks.
    pub fn new(framing: Framing, limits: Limits, plain: bool) -> Body {
        let (kind, ended) = match framing {
            Framing::None => (Kind::Sized(0), true),
            Framing::Length(length) => (Kind::Sized(length), length == 0),
            Framing::Chunked => (
                Kind::Chunked {
                    decoder: Box::new(ChunkDecoder::new(limits)),
                    plain,
                },
                false,
            ),
            Framing::UntilClose | Framing::Tunnel => (Kind::UntilClose, false),
        };
        Body {
            kind,
            drop_first: 0,
            ready: 0,
            drop_last: 0,
            ended,
            taken: false,
            tail: Vec::new(),
        }
    }

    /// No body at all.
    pub fn none() -> Body {
        Body {
            kind: Kind::Sized(0),
            drop_first: 0,
            ready: 0,
            drop_last: 0,
            ended: true,
            taken: false,
            tail: Vec::new(),
        }
    }

    /// Everything was forwarded.
    pub fn is_done(&self) -> bool {
        self.ended && self.ready == 0 && self.drop_first == 0 && self.drop_last == 0 && self.tail.is_empty()
    }

    /// The end of the body was seen, though perhaps not forwarded.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Was no byte of it taken from the buffer yet, so that the message could be sent again?
    pub fn is_untouched(&self) -> bool {
        !self.taken
    }

    /// Does the body end where its sender closes?
    pub fn is_until_close(&self) -> bool {
        matches!(self.kind, Kind::UntilClose)
    }

    /// Is the whole body, of which nothing was looked at yet, in `bytes`? A malformed one is not waited for either.
    pub fn is_within(&self, bytes: &[u8]) -> bool {
        match &self.kind {
            Kind::Sized(left) => bytes.len() as u64 >= *left,
            Kind::UntilClose => false,
            Kind::Chunked { decoder, .. } => {
                let (mut decoder, mut rest) = (decoder.clone(), bytes);
                loop {
                    let Ok(step) = decoder.decode(rest) else { return true };
                    if step.done || step.consumed == 0 {
                        return step.done;
                    }
                    rest = rest.get(step.consumed..).unwrap_or_default();
                }
            }
        }
    }

    /// The sender closed. An error unless the body ends that way.
    pub fn close(&mut self) -> Result<(), Truncated> {
        match self.kind {
            Kind::UntilClose => self.ended = true,
            _ if self.ended => {}
            _ => return Err(Truncated),
        }
        Ok(())
    }

    /// Looks at all buffered bytes, once everything seen before was taken.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<(), Bad> {
        if self.ended || self.ready > 0 || self.drop_first > 0 || self.drop_last > 0 {
            return Ok(());
        }
        match &mut self.kind {
            Kind::Sized(left) => {
                self.ready = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= self.ready as u64;
                self.ended = *left == 0;
            }
            Kind::UntilClose => self.ready = bytes.len(),
            Kind::Chunked { decoder, plain: false } => {
                let pass = decoder.pass(bytes)?;
                (self.ready, self.drop_last, self.ended) = (pass.forward, pass.skip, pass.done);
                if let Some(trailers) = decoder.trailers().filter(|_| pass.done) {
                    write_trailers(trailers, &mut self.tail);
                }
            }
            Kind::Chunked { decoder, plain: true } => {
                let step = decoder.decode(bytes)?;
                self.drop_first = step.data.start.min(step.consumed);
                self.ready = step.data.len();
                if self.ready == 0 {
                    self.drop_first = step.consumed;
                }
                self.drop_last = step.consumed - self.drop_first - self.ready;
                self.ended = step.done;
            }
        }
        Ok(())
    }

    /// Are there bytes to leave out before anything can be forwarded?
    pub fn drops_now(&self) -> bool {
        self.drop_first > 0 || (self.ready == 0 && self.drop_last > 0)
    }

    /// Says that `n` of the ready bytes were forwarded.
    pub fn forwarded(&mut self, n: usize) {
        self.ready -= n.min(self.ready);
        self.taken |= n > 0;
    }

    /// Takes the bytes that are to be left out now, if any: they are to be consumed unforwarded.
    pub fn take_drop(&mut self) -> usize {
        if self.drop_first > 0 {
            return std::mem::take(&mut self.drop_first);
        }
        if self.ready == 0 {
            std::mem::take(&mut self.drop_last)
        } else {
            0
        }
    }
}

/// The sender closed in the middle of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated;

#[cfg(test)]
mod tests {
    use super::*;

    /// Forwards `input`, cut at `cut`, and returns what went on.
    fn forward(framing: Framing, plain: bool, input: &[u8], cut: usize) -> Vec<u8> {
        let mut body = Body::new(framing, Limits::default(), plain);
        let (mut out, mut held) = (Vec::new(), Vec::new());
        for part in [&input[..cut], &input[cut..]] {
            held.extend_from_slice(part);
            loop {
                let before = held.len();
                body.scan(&held).expect("a sound body");
                let dropped = body.take_drop();
                held.drain(..dropped);
                if body.drop_first == 0 {
                    let ready = body.ready;
                    out.extend(held.drain(..ready));
                    body.forwarded(ready);
                }
                if held.len() == before {
                    break;
                }
            }
        }
        out.append(&mut body.tail);
        assert!(body.has_ended(), "cut at {cut}");
        out
    }

    #[test]
    fn a_body_goes_on_alike_however_it_is_cut() {
        let chunked = b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        for cut in 0..=chunked.len() {
            assert_eq!(forward(Framing::Chunked, true, chunked, cut), b"abcde", "cut at {cut}");
        }
        for cut in 0..=4 {
            assert_eq!(forward(Framing::Length(4), false, b"abcd", cut), b"abcd");
        }
    }

    #[test]
    fn only_an_unbounded_body_ends_by_closing() {
        assert_eq!(
            Body::new(Framing::Length(3), Limits::default(), false).close(),
            Err(Truncated)
        );
        assert_eq!(Body::new(Framing::UntilClose, Limits::default(), false).close(), Ok(()));
    }
}
