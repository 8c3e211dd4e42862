//! The chunked transfer coding (RFC 9112 section 7.1), decoded without copying.
//!
//! Lines of chunks end in CRLF here, although the peer also takes a bare line feed: the bytes may be forwarded as
//! they are, and the next hop must not read them in another way. For the same reason extensions are left out.
use super::fault::{Bad, Fault};
use super::head::{self, Limits, Parsed};
use crate::http::message::Head;

/// Chunks of 2^52 bytes and more are refused.
const MAX_SIZE: u64 = 1 << 52;

/// What one call of [`ChunkDecoder::decode`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How many bytes of the input are dealt with, the data included.
    pub consumed: usize,
    /// Where the body's next bytes lie in the input; empty when the input holds no more.
    pub data: std::ops::Range<usize>,
    /// The body has ended; [`ChunkDecoder::trailers`] is complete.
    pub done: bool,
}

/// What one call of [`ChunkDecoder::pass`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// How many bytes to forward as they are.
    pub forward: usize,
    /// How many bytes after those to leave out: chunk extensions and trailers.
    pub skip: usize,
    /// The body has ended. When there are [`ChunkDecoder::trailers`], they have been left out together with the
    /// empty line after them, for [`write_trailers`](super::write::write_trailers) to write.
    pub done: bool,
}

/// The progress through one chunked body.
#[derive(Clone, Debug)]
pub struct ChunkDecoder {
    state: State,
    limits: Limits,
    /// Bytes of extensions seen in this chunk's line.
    extension: usize,
    /// How many bytes to come have been found well-formed by [`ChunkDecoder::pass`].
    checked: usize,
    trailer: Option<Box<Trailer>>,
}

#[derive(Debug, Default, Clone)]
struct Trailer {
    raw: Vec<u8>,
    head: Head,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size.
    Start,
    Size(u64),
    /// Blanks or an extension after the size.
    Extension {
        size: u64,
        blank: bool,
    },
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    /// After the last chunk's line.
    TrailerStart,
    EmptyLineLf,
    Trailer,
    Done,
}

/// What a run of bytes at the beginning of the input is.
enum Piece {
    /// Sizes and ends of line.
    Frame(usize),
    /// Extensions and trailers.
    Noise(usize),
    Data(usize),
}

impl ChunkDecoder {
    /// A decoder before the first chunk. Of `limits`, `bytes` bounds each line's extensions and the trailers.
    pub fn new(limits: Limits) -> ChunkDecoder {
        ChunkDecoder {
            state: State::Start,
            limits,
            extension: 0,
            checked: 0,
            trailer: None,
        }
    }

    /// Whether the whole body has been seen.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// How many bytes of the current chunk's data are still to come.
    pub fn remaining(&self) -> u64 {
        match self.state {
            State::Data(left) => left,
            _ => 0,
        }
    }

    /// The trailer fields, if the body had any and has ended.
    pub fn trailers(&self) -> Option<&Head> {
        self.trailer
            .as_deref()
            .filter(|_| self.is_done())
            .map(|trailer| &trailer.head)
    }

    /// Finds the next run of body bytes at the beginning of `input`. Call again with what was not consumed.
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, Bad> {
        let mut at = 0;
        while !self.is_done() {
            let rest = input.get(at..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            match self.piece(rest).map_err(|fault| Bad { fault, at })? {
                Piece::Frame(len) | Piece::Noise(len) => at += len,
                Piece::Data(len) => {
                    return Ok(Step {
                        consumed: at + len,
                        data: at..at + len,
                        done: false,
                    });
                }
            }
        }
        Ok(Step {
            consumed: at,
            data: at..at,
            done: self.is_done(),
        })
    }

    /// Finds how much of `input` may be forwarded without being rewritten. Call again with what comes after both parts.
    /// A fault anywhere in the input is found before any of it is forwarded.
    pub fn pass(&mut self, input: &[u8]) -> Result<Pass, Bad> {
        let mut pass = Pass::default();
        while pass.skip == 0 && !self.is_done() {
            let rest = input.get(pass.forward..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            match self.piece(rest).map_err(|fault| Bad {
                fault,
                at: pass.forward,
            })? {
                Piece::Noise(len) => pass.skip += len,
                Piece::Frame(len) | Piece::Data(len) => pass.forward += len,
            }
        }
        pass.done = self.is_done();
        self.check(input, pass.forward + pass.skip)?;
        Ok(pass)
    }

    /// Looks ahead for faults in the input from `at` on, once for each byte.
    fn check(&mut self, input: &[u8], at: usize) -> Result<(), Bad> {
        self.checked = self.checked.saturating_sub(at);
        let ahead = input.len().saturating_sub(at);
        if self.is_done() || ahead <= self.checked {
            return Ok(());
        }
        let mut scout = self.clone();
        let mut seen = at;
        while let Some(rest) = input.get(seen..).filter(|rest| !rest.is_empty() && !scout.is_done()) {
            let (Piece::Frame(len) | Piece::Noise(len) | Piece::Data(len)) =
                scout.piece(rest).map_err(|fault| Bad { fault, at: seen })?;
            seen += len;
        }
        self.checked = ahead;
        Ok(())
    }

    /// Classifies a run of bytes at the beginning of the non-empty `input`.
    fn piece(&mut self, input: &[u8]) -> Result<Piece, Fault> {
        let octet = input.first().copied().unwrap_or_default();
        match self.state {
            State::Start | State::Size(_) => self.size(octet),
            State::Extension { size, blank } => self.extension(input, size, blank),
            State::SizeLf(0) => self.expect(b'\n', octet, State::TrailerStart),
            State::SizeLf(size) => self.expect(b'\n', octet, State::Data(size)),
            State::Data(left) => {
                let len = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
                let left = left - len as u64;
                self.state = if left == 0 { State::DataCr } else { State::Data(left) };
                Ok(Piece::Data(len))
            }
            State::DataCr => self.expect(b'\r', octet, State::DataLf),
            State::DataLf => self.expect(b'\n', octet, State::Start),
            State::TrailerStart if octet == b'\r' => self.expect(b'\r', octet, State::EmptyLineLf),
            State::TrailerStart | State::Trailer => self.trailer(input),
            State::EmptyLineLf => self.expect(b'\n', octet, State::Done),
            State::Done => Ok(Piece::Frame(0)),
        }
    }

    fn expect(&mut self, wanted: u8, octet: u8, next: State) -> Result<Piece, Fault> {
        if octet != wanted {
            return Err(Fault::ChunkEnd);
        }
        self.state = next;
        Ok(Piece::Frame(1))
    }

    fn size(&mut self, octet: u8) -> Result<Piece, Fault> {
        self.state = match (self.state, octet) {
            (State::Size(size), b'\r') => State::SizeLf(size),
            (State::Size(size), b' ' | b'\t' | b';') => {
                self.extension = 0;
                State::Extension {
                    size,
                    blank: octet != b';',
                }
            }
            (State::Start, _) => State::Size(hex(octet)?),
            (State::Size(size), _) => State::Size(size << 4 | hex(octet)?),
            _ => return Err(Fault::ChunkSize),
        };
        match self.state {
            State::Size(MAX_SIZE..) => Err(Fault::ChunkSize),
            State::Extension { .. } => Ok(Piece::Noise(1)),
            _ => Ok(Piece::Frame(1)),
        }
    }

    /// Blanks and `;name=value` parts up to the end of the line; `blank` before the first semicolon.
    fn extension(&mut self, input: &[u8], size: u64, mut blank: bool) -> Result<Piece, Fault> {
        let mut len = 0;
        for &octet in input {
            match octet {
                b'\r' if len > 0 => break,
                b'\r' => return self.expect(b'\r', octet, State::SizeLf(size)),
                b' ' | b'\t' => {}
                b';' => blank = false,
                0..b' ' | 0x7f => return Err(Fault::ChunkExtension),
                _ if blank => return Err(Fault::ChunkExtension),
                _ => {}
            }
            len += 1;
        }
        self.extension += len;
        if self.extension > self.limits.bytes {
            return Err(Fault::ChunkExtension);
        }
        self.state = State::Extension { size, blank };
        Ok(Piece::Noise(len))
    }

    /// Collects the trailer section and parses it as it grows.
    fn trailer(&mut self, input: &[u8]) -> Result<Piece, Fault> {
        self.state = State::Trailer;
        let trailer = self.trailer.get_or_insert_default();
        let before = trailer.raw.len();
        trailer.raw.extend_from_slice(input);
        match head::parse_trailers(&trailer.raw, &mut trailer.head, &self.limits).map_err(|bad| bad.fault)? {
            Parsed::Complete { consumed } => {
                self.state = State::Done;
                Ok(Piece::Noise(consumed - before.min(consumed)))
            }
            _ => Ok(Piece::Noise(input.len())),
        }
    }
}

fn hex(octet: u8) -> Result<u64, Fault> {
    char::from(octet).to_digit(16).map(u64::from).ok_or(Fault::ChunkSize)
}

/// The line that opens a chunk: its size in hexadecimal and CRLF.
#[derive(Clone, Copy, Debug)]
pub struct ChunkLine {
    text: [u8; 18],
    start: u8,
}

impl ChunkLine {
    /// The line for a chunk of `size` bytes.
    pub fn new(size: u64) -> ChunkLine {
        let mut line = ChunkLine {
            text: [0; 18],
            start: 16,
        };
        line.text[16..].copy_from_slice(b"\r\n");
        let mut left = size;
        loop {
            line.start -= 1;
            line.text[usize::from(line.start)] = b"0123456789ABCDEF"[(left & 15) as usize];
            left >>= 4;
            if left == 0 {
                return line;
            }
        }
    }

    /// The line's text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text[usize::from(self.start)..]
    }
}

/// What ends a chunk's data.
pub const CHUNK_END: &[u8] = b"\r\n";

/// What ends a chunked body without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
mod tests;
