//! Reading the head of an HTTP/1 message, resuming where the last call ran out of bytes.
//!
//! The parser takes one line at a time, from the left, and raises a fault where it meets one, so every split of the
//! input gives the same result. A line that runs out of input is begun anew on the next call, but its longest part
//! goes on where it stopped. Names and values are recorded as spans of the input, which is copied into the [`Head`] in
//! one piece when the empty line has been seen.
use std::ops::Range;

use super::fault::{Bad, Fault};
use super::octets;
use crate::http::header;
use crate::http::message::{Field, Head, Kind, Span, Version};

mod note;

/// What bounds and relaxes parsing.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes a head may take: `tune.bufsize` less `tune.maxrewrite`.
    pub bytes: usize,
    /// The most lines a head may have, its first included (`tune.http.maxhdr`).
    pub lines: usize,
    /// `option accept-invalid-http-request` or `-response`.
    pub accept_invalid: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            bytes: 16384 - 1024,
            lines: 101,
            accept_invalid: false,
        }
    }
}

/// How far parsing came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The head goes on: call again with the same bytes and more after them.
    Partial,
    /// The head is whole and took the first `consumed` bytes.
    Complete { consumed: usize },
    /// The peer speaks HTTP/2: the input starts with its connection preface (RFC 9113 section 3.4).
    Http2Preface,
}

/// Where the parser stopped.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scan {
    /// The start line has been read.
    in_fields: bool,
    /// Some value spans several lines, so ends of line have to be made spaces.
    folded: bool,
    /// Where the line being read begins.
    at: usize,
    /// The beginning of the run of bytes that the input ended in, and its end so far.
    pending: (usize, usize),
    /// How many `Host` fields there are.
    hosts: usize,
    /// How many numbers the `Content-Length` fields hold.
    lengths: usize,
    /// The first fault that `accept_invalid` let pass.
    pub(crate) tolerated: Option<Bad>,
}

/// The client's half of the HTTP/2 connection preface.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Reads a request's head from the beginning of `input` into `head`, which must be clear on the first call.
pub fn parse_request(input: &[u8], head: &mut Head, limits: &Limits) -> Result<Parsed, Bad> {
    if input.starts_with(b"PR") {
        let common = input.iter().zip(PREFACE).take_while(|(a, b)| a == b).count();
        if common == PREFACE.len() {
            return Ok(Parsed::Http2Preface);
        }
        if common == input.len() {
            return Ok(Parsed::Partial);
        }
    }
    parse(Kind::Request, input, head, limits)
}

/// Reads a response's head from the beginning of `input` into `head`, which must be clear on the first call.
pub fn parse_response(input: &[u8], head: &mut Head, limits: &Limits) -> Result<Parsed, Bad> {
    parse(Kind::Response, input, head, limits)
}

/// Reads a chunked body's trailer section (RFC 9112 section 7.1.2), its empty line included.
pub(super) fn parse_trailers(input: &[u8], head: &mut Head, limits: &Limits) -> Result<Parsed, Bad> {
    head.scan.in_fields = true;
    parse(Kind::Trailers, input, head, limits)
}

fn parse(kind: Kind, input: &[u8], head: &mut Head, limits: &Limits) -> Result<Parsed, Bad> {
    head.kind = kind;
    let within = input.get(..limits.bytes).unwrap_or(input);
    match (Reader {
        input: within,
        head,
        limits,
    })
    .read()
    {
        Err(Stop::Bad(bad)) => return Err(bad),
        Err(Stop::More) if within.len() < limits.bytes => return Ok(Parsed::Partial),
        Err(Stop::More) => {
            return Err(Bad {
                fault: Fault::TooLarge,
                at: limits.bytes,
            });
        }
        Ok(()) => {}
    }
    let consumed = head.scan.at;
    head.buf.extend_from_slice(within.get(..consumed).unwrap_or_default());
    if head.scan.folded {
        unfold(head);
    }
    if kind == Kind::Request && head.digits.is_empty() {
        head.set_version(Version::Http10);
    }
    note::settle(head, limits)?;
    Ok(Parsed::Complete { consumed })
}

/// Makes the ends of line inside values spaces (RFC 9112 section 5.2).
fn unfold(head: &mut Head) {
    for field in &head.fields {
        let value = head
            .buf
            .get_mut(field.value.start as usize..field.value.end as usize)
            .unwrap_or_default();
        value
            .iter_mut()
            .filter(|octet| matches!(octet, b'\r' | b'\n'))
            .for_each(|octet| *octet = b' ');
    }
}

struct Reader<'a> {
    input: &'a [u8],
    head: &'a mut Head,
    limits: &'a Limits,
}

/// Why reading stops before the end of the head.
enum Stop {
    /// The input ran out.
    More,
    Bad(Bad),
}

impl Reader<'_> {
    /// Reads to the end of the head.
    fn read(&mut self) -> Result<(), Stop> {
        if !self.head.scan.in_fields {
            let start = self.empty_lines()?;
            self.head.scan.at = match self.head.kind {
                Kind::Request => self.request_line(start)?,
                _ => self.status_line(start)?,
            };
            self.head.scan.in_fields = true;
            // HTTP/0.9 has neither a version nor header fields.
            if self.head.digits.is_empty() {
                self.head.version = Version::Http10;
                return Ok(());
            }
        }
        loop {
            let start = self.head.scan.at;
            match self.octet(start)? {
                b'\r' | b'\n' => {
                    self.head.scan.at = self.end_of_line(start)?;
                    return Ok(());
                }
                // After a field this would go on with its value.
                b' ' | b'\t' => self.tolerate(Fault::LeadingSpace, start)?,
                _ => {}
            }
            self.head.scan.at = self.field(start)?;
        }
    }

    /// Skips empty lines before the message and returns where it begins.
    fn empty_lines(&mut self) -> Result<usize, Stop> {
        while let b'\r' | b'\n' = self.octet(self.head.scan.at)? {
            self.head.scan.at = self.end_of_line(self.head.scan.at)?;
        }
        Ok(self.head.scan.at)
    }

    /// Reads a request line and returns where the next line begins.
    fn request_line(&mut self, start: usize) -> Result<usize, Stop> {
        let (end, octet) = self.run(octets::skip_token, start)?;
        // Only the HTTP/2 preface, which is recognised elsewhere, may have the method PRI.
        if end == start || !is_blank(octet) || self.input.get(start..end) == Some(b"PRI") {
            return refuse(Fault::Method, end);
        }
        self.head.method = Span::new(start, end);

        let start = self.blanks(end)?;
        let (mut end, mut octet) = self.run(octets::skip_target, start)?;
        while octet >= 0x80 {
            self.tolerate(Fault::Uri, end)?;
            (end, octet) = self.run(octets::skip_target, end + 1)?;
        }
        if end == start || !matches!(octet, b' ' | b'\t' | b'\r' | b'\n') {
            return refuse(Fault::Uri, end);
        }
        self.head.text = Span::new(start, end);

        let start = self.blanks(end)?;
        let (end, octet) = self.run(octets::skip_version, start)?;
        match octet {
            b'\r' | b'\n' if end == start => self.tolerate(Fault::NoVersion, end)?,
            b'\r' | b'\n' => self.version(start, end)?,
            _ => return refuse(Fault::Version, end),
        }
        self.end_of_line(end)
    }

    /// Reads a status line and returns where the next line begins.
    fn status_line(&mut self, start: usize) -> Result<usize, Stop> {
        let (end, octet) = self.run(octets::skip_version, start)?;
        if !is_blank(octet) {
            return refuse(Fault::Version, end);
        }
        self.version(start, end)?;

        let start = self.blanks(end)?;
        let mut status = 0;
        for at in start..start + 3 {
            let octet = self.octet(at)?;
            if !octet.is_ascii_digit() || (at == start && octet == b'0') {
                return refuse(Fault::Status, at);
            }
            status = status * 10 + u16::from(octet - b'0');
        }
        self.head.status = status;
        let end = start + 3;
        if !matches!(self.octet(end)?, b' ' | b'\t' | b'\r' | b'\n') {
            return refuse(Fault::Status, end);
        }

        let start = self.blanks(end)?;
        let end = self.text(start, Fault::Reason)?;
        self.head.text = Span::new(start, end);
        self.end_of_line(end)
    }

    /// Takes `HTTP/1.1` between `start` and `end` as the message's version.
    fn version(&mut self, start: usize, end: usize) -> Result<(), Stop> {
        let element = self.input.get(start..end).unwrap_or_default();
        let Some(digits) = element.strip_prefix(b"HTTP/") else {
            return refuse(Fault::Version, start);
        };
        self.head.version = match digits {
            [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
                if (major, minor) >= (&b'1', &b'1') {
                    Version::Http11
                } else {
                    Version::Http10
                }
            }
            [_, ..] if digits.iter().all(|octet| octet.is_ascii_digit() || *octet == b'.') => {
                self.tolerate(Fault::Version, end)?;
                Version::Http10
            }
            _ => return refuse(Fault::Version, end),
        };
        self.head.digits = Span::new(end - digits.len(), end);
        Ok(())
    }

    /// Reads one field, which may span several lines, and returns where the line after it begins.
    fn field(&mut self, start: usize) -> Result<usize, Stop> {
        if self.head.fields.len() + 1 >= self.limits.lines {
            return refuse(Fault::TooManyFields, start);
        }
        let (mut colon, mut octet) = self.run(octets::skip_token, start)?;
        while octet != b':' {
            match octet {
                b'\r' | b'\n' => return refuse(Fault::Name, colon),
                b' ' | b'\t' => self.tolerate(Fault::SpaceBeforeColon, colon)?,
                _ => self.tolerate(Fault::Name, colon)?,
            }
            (colon, octet) = self.run(octets::skip_token, colon + 1)?;
        }
        if colon == start {
            return refuse(Fault::EmptyName, start);
        }
        let value = self.blanks(colon + 1)?;
        let mut end = self.text(value, Fault::Value)?;
        let mut next = self.end_of_line(end)?;
        while is_blank(self.octet(next)?) {
            self.head.scan.folded = true;
            end = self.text(next, Fault::Value)?;
            next = self.end_of_line(end)?;
        }
        self.take_field(start..colon, value..end)?;
        Ok(next)
    }

    /// Records a field.
    fn take_field(&mut self, name: Range<usize>, value: Range<usize>) -> Result<(), Stop> {
        let raw = header::trim_start(self.input.get(value.clone()).unwrap_or_default());
        let start = value.end - raw.len();
        let text = header::trim(raw);
        let span = Span::new(start, start + text.len());
        self.head.fields.push(Field {
            name: Span::new(name.start, name.end),
            value: span,
        });
        let name = self.input.get(name).unwrap_or_default();
        note::field(self.head, name, text).or_else(|fault| refuse(fault, start))
    }

    /// Steps over an end of line at `at`.
    fn end_of_line(&self, at: usize) -> Result<usize, Stop> {
        if self.octet(at)? == b'\n' {
            return Ok(at + 1);
        }
        match self.octet(at + 1)? {
            b'\n' => Ok(at + 2),
            _ => refuse(Fault::BareCr, at + 1),
        }
    }

    /// Steps over blanks at `at`.
    fn blanks(&self, mut at: usize) -> Result<usize, Stop> {
        while is_blank(self.octet(at)?) {
            at += 1;
        }
        Ok(at)
    }

    /// Steps over a run of bytes from `start` on; returns where another byte is, and which.
    fn run(&mut self, skip: impl Fn(&[u8], usize) -> usize, start: usize) -> Result<(usize, u8), Stop> {
        let end = skip(self.input, self.resume(start));
        self.note_pending(start, end)
    }

    /// Steps over text from `start` on and returns where its line ends.
    fn text(&mut self, start: usize, fault: Fault) -> Result<usize, Stop> {
        let mut at = self.resume(start);
        loop {
            let (end, octet) = self.note_pending(start, octets::skip_text(self.input, at))?;
            match octet {
                b'\r' | b'\n' => return Ok(end),
                0 => self.tolerate(fault, end)?,
                // Other control characters are the recipient's to judge (RFC 9110 section 5.5).
                _ => {}
            }
            at = end + 1;
        }
    }

    /// Where to go on with the run that begins at `start`.
    fn resume(&self, start: usize) -> usize {
        let (pending, seen) = self.head.scan.pending;
        if pending == start { start.max(seen) } else { start }
    }

    /// The byte at `end`, or the input ran out there in the run that begins at `start`.
    fn note_pending(&mut self, start: usize, end: usize) -> Result<(usize, u8), Stop> {
        match self.input.get(end) {
            Some(&octet) => Ok((end, octet)),
            None => {
                self.head.scan.pending = (start, end);
                Err(Stop::More)
            }
        }
    }

    fn octet(&self, at: usize) -> Result<u8, Stop> {
        self.input.get(at).copied().ok_or(Stop::More)
    }

    /// Lets a fault pass when invalid messages are accepted, and remembers the first one.
    fn tolerate(&mut self, fault: Fault, at: usize) -> Result<(), Stop> {
        if !self.limits.accept_invalid {
            return refuse(fault, at);
        }
        self.head.scan.tolerated.get_or_insert(Bad { fault, at });
        Ok(())
    }
}

fn refuse<T>(fault: Fault, at: usize) -> Result<T, Stop> {
    Err(Stop::Bad(Bad { fault, at }))
}

fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

#[cfg(test)]
mod tests;
