//! Reading the head of an HTTP/1 message, resuming where the last call ran out of bytes.
//!
//! The parser is a state machine over the caller's buffer, so every split of the input gives the same result and
//! every byte is looked at once. Names and values are recorded as spans of the input, which is copied into the
//! [`Head`] in one piece when the empty line has been seen.
use super::fault::{Bad, Fault};
use super::octets::{self, TOKEN, URI, VERSION};
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
    step: Step,
    /// The next byte to look at.
    at: usize,
    /// Where the current element began.
    mark: usize,
    /// Where the last element ended.
    end: usize,
    /// The current field's name.
    name: Span,
    /// Some value spans several lines, so ends of line have to be made spaces.
    folded: bool,
    /// The first fault that `accept_invalid` let pass.
    tolerated: Option<Bad>,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    EmptyLines,
    EmptyLineLf,
    Method,
    BeforeUri,
    Uri,
    BeforeVersion,
    RequestVersion,
    ResponseVersion,
    BeforeStatus,
    Status,
    BeforeReason,
    Reason,
    LineEnd,
    LineLf,
    FirstName,
    Name,
    BeforeValue,
    Value,
    ValueLf,
    AfterValue,
    FinalLf,
    Done,
}

/// The client's half of the HTTP/2 connection preface.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Reads a request's head from the beginning of `input` into `head`, which must be clear on the first call.
pub fn parse_request(input: &[u8], head: &mut Head, limits: &Limits) -> Result<Parsed, Bad> {
    if input.first() == Some(&b'P') && input.get(1) == Some(&b'R') {
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
    if head.scan.at == 0 {
        head.scan.step = Step::FirstName;
    }
    parse(Kind::Trailers, input, head, limits)
}

fn parse(kind: Kind, input: &[u8], head: &mut Head, limits: &Limits) -> Result<Parsed, Bad> {
    head.kind = kind;
    let mut reader = Reader {
        scan: head.scan,
        input,
        head,
        limits,
    };
    let outcome = reader.run();
    let scan = reader.scan;
    head.scan = scan;
    if !outcome? {
        return match input.len() < limits.bytes {
            true => Ok(Parsed::Partial),
            false => Err(Bad {
                fault: Fault::TooLarge,
                at: scan.at,
            }),
        };
    }
    if scan.at > limits.bytes {
        return Err(Bad {
            fault: Fault::TooLarge,
            at: limits.bytes,
        });
    }
    finish(input, head, limits)?;
    Ok(Parsed::Complete { consumed: scan.at })
}

/// Takes the text over from the input and settles what several fields say together.
fn finish(input: &[u8], head: &mut Head, limits: &Limits) -> Result<(), Bad> {
    let scan = head.scan;
    head.buf.extend_from_slice(input.get(..scan.at).unwrap_or_default());
    if scan.folded {
        unfold(head);
    }
    note::settle(head, limits)
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
    scan: Scan,
    input: &'a [u8],
    head: &'a mut Head,
    limits: &'a Limits,
}

/// A step's result: what comes next, or nothing when the input ran out.
type Next = Result<Option<Step>, Bad>;

impl Reader<'_> {
    /// Reads to the end of the head or of the input; true at the end of the head.
    fn run(&mut self) -> Result<bool, Bad> {
        while let Some(next) = self.step()? {
            self.scan.step = next;
            if next == Step::Done {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn step(&mut self) -> Next {
        match self.scan.step {
            Step::EmptyLines => self.empty_lines(),
            Step::EmptyLineLf => self.line_feed(Step::EmptyLines),
            Step::Method => self.method(),
            Step::BeforeUri => self.spaces(Step::Uri),
            Step::Uri => self.uri(),
            Step::BeforeVersion => self.spaces(Step::RequestVersion),
            Step::RequestVersion => self.request_version(),
            Step::ResponseVersion => self.response_version(),
            Step::BeforeStatus => self.spaces(Step::Status),
            Step::Status => self.status(),
            Step::BeforeReason => self.spaces(Step::Reason),
            Step::Reason => self.reason(),
            Step::LineEnd => self.line_end(),
            Step::LineLf => self.line_feed(Step::FirstName),
            Step::FirstName => self.first_name(),
            Step::Name => self.name(),
            Step::BeforeValue => self.spaces(Step::Value),
            Step::Value => self.value(),
            Step::ValueLf => self.line_feed(Step::AfterValue),
            Step::AfterValue => self.after_value(),
            Step::FinalLf => self.line_feed(Step::Done),
            Step::Done => Ok(Some(Step::Done)),
        }
    }

    fn empty_lines(&mut self) -> Next {
        let Some(octet) = self.peek() else { return Ok(None) };
        match octet {
            b'\r' => self.advance(Step::EmptyLineLf),
            b'\n' => self.advance(Step::EmptyLines),
            _ => {
                self.scan.mark = self.scan.at;
                match self.head.kind {
                    Kind::Request => Ok(Some(Step::Method)),
                    Kind::Response => Ok(Some(Step::ResponseVersion)),
                    Kind::Trailers => Ok(Some(Step::FirstName)),
                }
            }
        }
    }

    fn method(&mut self) -> Next {
        let Some(octet) = self.skip(TOKEN) else { return Ok(None) };
        let method = self.element();
        // Only the HTTP/2 preface, which is recognised elsewhere, may use this name.
        let reserved = self.input.get(self.scan.mark..self.scan.at) == Some(b"PRI");
        if !is_blank(octet) || method.is_empty() || reserved {
            return self.refuse(Fault::Method);
        }
        self.head.method = method;
        Ok(Some(Step::BeforeUri))
    }

    fn uri(&mut self) -> Next {
        while let Some(octet) = self.skip(URI) {
            self.head.text = self.element();
            match octet {
                b' ' | b'\t' if !self.head.text.is_empty() => return Ok(Some(Step::BeforeVersion)),
                b'\r' | b'\n' if !self.head.text.is_empty() => {
                    self.tolerate(Fault::NoVersion)?;
                    return Ok(Some(Step::LineEnd));
                }
                0x80.. => self.tolerate(Fault::Uri)?,
                _ => return self.refuse(Fault::Uri),
            }
            self.scan.at += 1;
        }
        Ok(None)
    }

    fn request_version(&mut self) -> Next {
        let Some(octet) = self.skip(VERSION) else {
            return Ok(None);
        };
        if !matches!(octet, b'\r' | b'\n') {
            return self.refuse(Fault::Version);
        }
        match self.scan.at == self.scan.mark {
            true => self.tolerate(Fault::NoVersion)?,
            false => self.version()?,
        }
        Ok(Some(Step::LineEnd))
    }

    fn response_version(&mut self) -> Next {
        let Some(octet) = self.skip(VERSION) else {
            return Ok(None);
        };
        if !is_blank(octet) {
            return self.refuse(Fault::Version);
        }
        self.version()?;
        Ok(Some(Step::BeforeStatus))
    }

    /// Takes the element as the message's version.
    fn version(&mut self) -> Result<(), Bad> {
        let element = self.input.get(self.scan.mark..self.scan.at).unwrap_or_default();
        let Some(digits) = element.strip_prefix(b"HTTP/") else {
            return self.refuse(Fault::Version);
        };
        match digits {
            [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
                let modern = (*major, *minor) >= (b'1', b'1');
                self.head.version = if modern { Version::Http11 } else { Version::Http10 };
            }
            _ if digits.iter().all(|octet| octet.is_ascii_digit() || *octet == b'.') => {
                self.tolerate(Fault::Version)?;
                self.head.version = Version::Http10;
            }
            _ => return self.refuse(Fault::Version),
        }
        self.head.digits = Span::new(self.scan.at - digits.len(), self.scan.at);
        Ok(())
    }

    fn status(&mut self) -> Next {
        let rest = self.input.get(self.scan.mark..).unwrap_or_default();
        let len = rest
            .iter()
            .position(|octet| !octet.is_ascii_digit())
            .unwrap_or(rest.len());
        self.scan.at = self.scan.mark + len.min(3);
        let Some(octet) = self.peek() else { return Ok(None) };
        match rest {
            [a @ b'1'..=b'9', b, c, ..] if len == 3 => {
                let digit = |octet: u8| u16::from(octet - b'0');
                self.head.status = digit(*a) * 100 + digit(*b) * 10 + digit(*c);
            }
            _ => return self.refuse(Fault::Status),
        }
        match octet {
            b' ' | b'\t' => Ok(Some(Step::BeforeReason)),
            b'\r' | b'\n' => Ok(Some(Step::LineEnd)),
            _ => self.refuse(Fault::Status),
        }
    }

    fn reason(&mut self) -> Next {
        let Some(()) = self.skip_text(Fault::Reason)? else {
            return Ok(None);
        };
        self.head.text = self.element();
        Ok(Some(Step::LineEnd))
    }

    fn line_end(&mut self) -> Next {
        match self.peek() {
            None => Ok(None),
            Some(b'\n') => self.advance(Step::FirstName),
            Some(_) => self.advance(Step::LineLf),
        }
    }

    fn first_name(&mut self) -> Next {
        let Some(octet) = self.peek() else { return Ok(None) };
        if is_blank(octet) {
            self.tolerate(Fault::LeadingSpace)?;
        }
        self.name_or_end(octet)
    }

    fn after_value(&mut self) -> Next {
        let Some(octet) = self.peek() else { return Ok(None) };
        if is_blank(octet) {
            self.scan.folded = true;
            return Ok(Some(Step::Value));
        }
        self.take_field()?;
        self.name_or_end(octet)
    }

    fn name_or_end(&mut self, octet: u8) -> Next {
        match octet {
            b'\r' => self.advance(Step::FinalLf),
            b'\n' => self.advance(Step::Done),
            _ => {
                self.scan.mark = self.scan.at;
                Ok(Some(Step::Name))
            }
        }
    }

    fn name(&mut self) -> Next {
        while let Some(octet) = self.skip(TOKEN) {
            match octet {
                b':' if self.scan.at == self.scan.mark => return self.refuse(Fault::EmptyName),
                b':' => {
                    self.scan.name = self.element();
                    return self.advance(Step::BeforeValue);
                }
                b'\r' | b'\n' => return self.refuse(Fault::Name),
                b' ' | b'\t' => self.tolerate(Fault::SpaceBeforeColon)?,
                _ => self.tolerate(Fault::Name)?,
            }
            self.scan.at += 1;
        }
        Ok(None)
    }

    fn value(&mut self) -> Next {
        let Some(()) = self.skip_text(Fault::Value)? else {
            return Ok(None);
        };
        self.scan.end = self.scan.at;
        match self.peek() {
            Some(b'\r') => self.advance(Step::ValueLf),
            _ => self.advance(Step::AfterValue),
        }
    }

    /// Records the field whose name and value have been read.
    fn take_field(&mut self) -> Result<(), Bad> {
        let raw = self.input.get(self.scan.mark..self.scan.end).unwrap_or_default();
        let value = raw.trim_ascii_start();
        let start = self.scan.end - value.len();
        let value = value.trim_ascii_end();
        let name = self.scan.name;
        if self.head.fields.len() + 1 >= self.limits.lines {
            return Err(Bad {
                fault: Fault::TooManyFields,
                at: name.start as usize,
            });
        }
        self.head.fields.push(Field {
            name,
            value: Span::new(start, start + value.len()),
        });
        let name = self
            .input
            .get(name.start as usize..name.end as usize)
            .unwrap_or_default();
        note::field(&mut self.head.noted, name, value).map_err(|fault| Bad { fault, at: start })
    }

    fn line_feed(&mut self, next: Step) -> Next {
        match self.peek() {
            None => Ok(None),
            Some(b'\n') => self.advance(next),
            Some(_) => self.refuse(Fault::BareCr),
        }
    }

    /// Skips blanks and starts an element after them.
    fn spaces(&mut self, next: Step) -> Next {
        while let Some(octet) = self.peek() {
            if !is_blank(octet) {
                self.scan.mark = self.scan.at;
                return Ok(Some(next));
            }
            self.scan.at += 1;
        }
        Ok(None)
    }

    /// Skips bytes of `class` and returns the first other one, or nothing when the input ran out.
    fn skip(&mut self, class: u8) -> Option<u8> {
        self.scan.at = octets::skip(class, self.input, self.scan.at);
        self.peek()
    }

    /// Skips text up to an end of line; nothing when the input ran out.
    fn skip_text(&mut self, fault: Fault) -> Result<Option<()>, Bad> {
        loop {
            self.scan.at = octets::skip_text(self.input, self.scan.at);
            match self.peek() {
                None => return Ok(None),
                Some(b'\r' | b'\n') => return Ok(Some(())),
                Some(0) => self.tolerate(fault)?,
                // Other control characters are the recipient's to judge (RFC 9110 section 5.5).
                Some(_) => {}
            }
            self.scan.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.scan.at).copied()
    }

    fn advance(&mut self, next: Step) -> Next {
        self.scan.at += 1;
        Ok(Some(next))
    }

    fn element(&self) -> Span {
        Span::new(self.scan.mark, self.scan.at)
    }

    fn refuse<T>(&self, fault: Fault) -> Result<T, Bad> {
        Err(Bad {
            fault,
            at: self.scan.at,
        })
    }

    /// Lets a fault pass when invalid messages are accepted, and remembers the first one.
    fn tolerate(&mut self, fault: Fault) -> Result<(), Bad> {
        if !self.limits.accept_invalid {
            return self.refuse(fault);
        }
        self.scan.tolerated.get_or_insert(Bad {
            fault,
            at: self.scan.at,
        });
        Ok(())
    }
}

fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

#[cfg(test)]
mod tests;
