//! The head of one HTTP message: start line and header fields, in the sender's order and spelling.
use std::ops::Range;

use super::h1::Bad;
use super::h1::head::Scan;
use super::uri;

/// A range of bytes in a [`Head`]'s buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// The span of `start..end`. Heads are limited to `tune.bufsize`, far below what 32 bits can count.
    pub(super) fn new(start: usize, end: usize) -> Span {
        Span {
            start: clamp(start),
            end: clamp(end),
        }
    }

    /// The number of bytes.
    pub fn len(self) -> usize {
        (self.end - self.start.min(self.end)) as usize
    }

    /// Whether there are no bytes.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

fn clamp(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// One header field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Field {
    pub name: Span,
    pub value: Span,
}

/// Which half of an exchange a head opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Request,
    Response,
    /// The fields after a chunked body; no start line.
    Trailers,
}

/// How a message's version makes its sender behave. The digits as sent are [`Head::version_digits`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0 and anything older.
    Http10,
    /// HTTP/1.1 and any later version of HTTP/1.
    #[default]
    Http11,
    Http2,
}

/// What the parser noticed about the body and the connection. Rules that edit the head later do not change it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// The one length that all `Content-Length` fields agree on; none when a transfer coding overrides it.
    pub content_length: Option<u64>,
    /// `Transfer-Encoding: chunked`.
    pub chunked: bool,
    /// `Transfer-Encoding` and `Content-Length` came together: the connection must not be reused (RFC 9112 section 6.1).
    pub ambiguous_length: bool,
    /// `Connection: close`.
    pub close: bool,
    /// `Connection: keep-alive`.
    pub keep_alive: bool,
    /// `Connection: upgrade`; in a request that has a body the offer is not taken.
    pub upgrade: bool,
    /// A request's upgrade is to WebSocket.
    pub websocket: bool,
    /// `Expect: 100-continue`.
    pub expects_continue: bool,
}

/// A request's or a response's head. It owns its bytes and is meant to be reused: [`Head::clear`] keeps the memory.
///
/// Edits append their text to the buffer and move spans, so borrowed names and values never shift. Header names
/// compare without case everywhere.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub(super) buf: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) version: Version,
    pub(super) status: u16,
    /// A request's method or, in a response, nothing.
    pub(super) method: Span,
    /// A request's target or a response's reason.
    pub(super) text: Span,
    pub(super) digits: Span,
    pub(super) fields: Vec<Field>,
    pub(super) noted: Noted,
    pub(super) scan: Scan,
}

impl Head {
    /// An empty request head, to be parsed into or filled.
    pub fn new() -> Head {
        Head::default()
    }

    /// A request without header fields.
    pub fn request(method: &[u8], uri: &[u8], version: Version) -> Head {
        let mut head = Head::new();
        head.set_method(method);
        head.set_uri(uri);
        head.set_version(version);
        head
    }

    /// A response without header fields.
    pub fn response(status: u16, reason: &[u8], version: Version) -> Head {
        let mut head = Head::new();
        head.fill_response(version, status, reason);
        head
    }

    /// Makes this, which must be clear, a response without header fields.
    pub(super) fn fill_response(&mut self, version: Version, status: u16, reason: &[u8]) {
        self.kind = Kind::Response;
        self.set_status(status, reason);
        self.set_version(version);
    }

    /// Forgets the message and keeps the memory for the next one.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.fields.clear();
        *self = Head {
            buf: std::mem::take(&mut self.buf),
            fields: std::mem::take(&mut self.fields),
            ..Head::default()
        };
    }

    /// What this is the head of.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How the sender behaves by its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The version as the sender wrote it, without `HTTP/`: `1.1`.
    pub fn version_digits(&self) -> &[u8] {
        self.slice(self.digits)
    }

    /// The request's method, as sent; empty in a response.
    pub fn method(&self) -> &[u8] {
        self.slice(self.method)
    }

    /// The request target, as sent; empty in a response.
    pub fn uri(&self) -> &[u8] {
        match self.kind {
            Kind::Request => self.slice(self.text),
            _ => b"",
        }
    }

    /// The status of a response, 0 in a request.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase of a response, empty in a request.
    pub fn reason(&self) -> &[u8] {
        match self.kind {
            Kind::Response => self.slice(self.text),
            _ => b"",
        }
    }

    /// What the parser noticed about the body and the connection.
    pub fn noted(&self) -> &Noted {
        &self.noted
    }

    /// The first fault that was let pass because invalid messages are accepted.
    pub fn tolerated(&self) -> Option<Bad> {
        self.scan.tolerated
    }

    /// The number of header fields.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are no header fields.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Every field, in order, as name and value.
    pub fn headers(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> + ExactSizeIterator + Clone {
        self.fields
            .iter()
            .map(|field| (self.slice(field.name), self.slice(field.value)))
    }

    /// The field at `index`, as name and value.
    pub fn field(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let field = self.fields.get(index)?;
        Some((self.slice(field.name), self.slice(field.value)))
    }

    /// Where the next field called `name` is, from the one at `start` on.
    pub fn position(&self, name: &[u8], start: usize) -> Option<usize> {
        let rest = self.fields.get(start..)?;
        let is_called =
            |field: &Field| field.name.len() == name.len() && self.slice(field.name).eq_ignore_ascii_case(name);
        rest.iter().position(is_called).map(|at| start + at)
    }

    /// The value of the first field called `name`.
    pub fn header(&self, name: &[u8]) -> Option<&[u8]> {
        self.headers()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The whole value of every field called `name`, in order.
    pub fn values<'a, 'n>(&'a self, name: &'n [u8]) -> impl DoubleEndedIterator<Item = &'a [u8]> + Clone + use<'a, 'n> {
        self.headers()
            .filter(move |(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Whether there is a field called `name`.
    pub fn has(&self, name: &[u8]) -> bool {
        self.header(name).is_some()
    }

    /// The bytes this head takes on the wire in HTTP/1 form, its empty line included.
    pub fn head_len(&self) -> usize {
        let line = match self.kind {
            Kind::Request => self.method.len() + self.text.len() + self.digits.len() + "  HTTP/\r\n".len(),
            Kind::Trailers => 0,
            Kind::Response => self.text.len() + self.digits.len() + "HTTP/ 200 \r\n".len(),
        };
        let fields: usize = self
            .fields
            .iter()
            .map(|field| field.name.len() + field.value.len() + ": \r\n".len())
            .sum();
        line + fields + "\r\n".len()
    }

    /// Replaces the method.
    pub fn set_method(&mut self, method: &[u8]) {
        self.method = self.append(method);
    }

    /// Replaces the whole request target.
    pub fn set_uri(&mut self, uri: &[u8]) {
        self.text = self.append(uri);
    }

    /// Replaces the path, keeping scheme, authority and query. False when the target has none (`*`, `host:port`).
    pub fn set_path(&mut self, path: &[u8]) -> bool {
        let parts = uri::split(self.uri());
        parts.path.is_some_and(|old| self.splice_uri(old, &[path]))
    }

    /// Replaces path and query, keeping scheme and authority. False when the target has no path.
    pub fn set_pathq(&mut self, pathq: &[u8]) -> bool {
        let end = self.uri().len();
        let parts = uri::split(self.uri());
        parts.path.is_some_and(|old| self.splice_uri(old.start..end, &[pathq]))
    }

    /// Replaces the query, given without its `?`; an empty one leaves no question mark. False when the target has no
    /// path that a query could follow.
    pub fn set_query(&mut self, query: &[u8]) -> bool {
        let end = self.uri().len();
        let parts = uri::split(self.uri());
        let mark: &[u8] = if query.is_empty() { b"" } else { b"?" };
        parts
            .path
            .is_some_and(|path| self.splice_uri(path.end..end, &[mark, query]))
    }

    /// Replaces the version and its digits.
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
        self.digits = self.append(match version {
            Version::Http10 => b"1.0",
            Version::Http11 => b"1.1",
            Version::Http2 => b"2.0",
        });
    }

    /// Sets the status (three digits) and its reason phrase.
    pub fn set_status(&mut self, status: u16, reason: &[u8]) {
        self.status = status;
        self.text = self.append(reason);
    }

    /// Adds a field after the others.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        let field = Field {
            name: self.append(name),
            value: self.append(value),
        };
        self.fields.push(field);
    }

    /// Adds a field before the others.
    pub fn prepend(&mut self, name: &[u8], value: &[u8]) {
        let field = Field {
            name: self.append(name),
            value: self.append(value),
        };
        self.fields.insert(0, field);
    }

    /// Replaces every field called `name` by one at the end.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    /// Removes every field called `name` and returns how many there were.
    pub fn remove(&mut self, name: &[u8]) -> usize {
        let before = self.fields.len();
        let buf = &self.buf;
        self.fields
            .retain(|field| !slice(buf, field.name).eq_ignore_ascii_case(name));
        before - self.fields.len()
    }

    /// Removes every field called `name` but the first, and returns where that is.
    pub fn keep_first(&mut self, name: &[u8]) -> Option<usize> {
        let mut first = None;
        let mut index = 0;
        self.retain(|candidate, _| {
            let called = candidate.eq_ignore_ascii_case(name);
            let again = called && first.is_some();
            if called && !again {
                first = Some(index);
            }
            index += usize::from(!again);
            !again
        });
        first
    }

    /// Removes the field at `index`, if there is one.
    pub fn remove_at(&mut self, index: usize) {
        if index < self.fields.len() {
            self.fields.remove(index);
        }
    }

    /// Keeps the fields for which `keep(name, value)` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&[u8], &[u8]) -> bool) {
        let buf = &self.buf;
        self.fields
            .retain(|field| keep(slice(buf, field.name), slice(buf, field.value)));
    }

    /// Replaces the value of the field at `index`, if there is one.
    pub fn replace_value(&mut self, index: usize, value: &[u8]) {
        let value = self.append(value);
        if let Some(field) = self.fields.get_mut(index) {
            field.value = value;
        }
    }

    /// Puts the names of all fields in lower case, as HAProxy sends them (2.4 manual, `h1-case-adjust`).
    pub fn lowercase_names(&mut self) {
        for field in &self.fields {
            if let Some(name) = self.buf.get_mut(field.name.start as usize..field.name.end as usize) {
                name.make_ascii_lowercase();
            }
        }
    }

    /// Respells the names for which `respell(name)` knows another spelling (`h1-case-adjust`).
    pub fn respell_names<'a>(&mut self, respell: impl Fn(&[u8]) -> Option<&'a [u8]>) {
        for index in 0..self.fields.len() {
            let Some(spelling) = self.field(index).and_then(|(name, _)| respell(name)) else {
                continue;
            };
            let name = self.append(spelling);
            if let Some(field) = self.fields.get_mut(index) {
                field.name = name;
            }
        }
    }

    /// Writes the target anew with `range` of it replaced by `parts`.
    fn splice_uri(&mut self, range: Range<usize>, parts: &[&[u8]]) -> bool {
        let (old_start, old_end) = (self.text.start as usize, self.text.end as usize);
        let (cut, resume) = (old_start + range.start, old_start + range.end);
        if old_end > self.buf.len() || cut > resume || resume > old_end {
            return false;
        }
        let start = self.buf.len();
        self.buf.extend_from_within(old_start..cut);
        for part in parts {
            self.buf.extend_from_slice(part);
        }
        self.buf.extend_from_within(resume..old_end);
        self.text = Span::new(start, self.buf.len());
        true
    }

    pub(super) fn slice(&self, span: Span) -> &[u8] {
        slice(&self.buf, span)
    }

    fn append(&mut self, text: &[u8]) -> Span {
        let start = self.buf.len();
        self.buf.extend_from_slice(text);
        Span::new(start, self.buf.len())
    }
}

fn slice(buf: &[u8], span: Span) -> &[u8] {
    buf.get(span.start as usize..span.end as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(head: &Head) -> String {
        let fields = head
            .headers()
            .map(|(name, value)| format!("{}={}", name.escape_ascii(), value.escape_ascii()));
        fields.collect::<Vec<_>>().join(" ")
    }

    fn sample() -> Head {
        let mut head = Head::request(b"GET", b"/a?b", Version::Http11);
        for (name, value) in [("A", "1"), ("b", "2"), ("a", "3"), ("C", "4")] {
            head.add(name.as_bytes(), value.as_bytes());
        }
        head
    }

    #[test]
    fn fields_are_edited_in_place() {
        type Edit = fn(&mut Head);
        let cases: &[(Edit, &str)] = &[
            (|_| {}, "A=1 b=2 a=3 C=4"),
            (|head| head.prepend(b"z", b"0"), "z=0 A=1 b=2 a=3 C=4"),
            (|head| head.set(b"a", b"5"), "b=2 C=4 a=5"),
            (|head| assert_eq!(head.remove(b"A"), 2), "b=2 C=4"),
            (|head| assert_eq!(head.remove(b"x"), 0), "A=1 b=2 a=3 C=4"),
            (|head| head.remove_at(1), "A=1 a=3 C=4"),
            (|head| head.remove_at(9), "A=1 b=2 a=3 C=4"),
            (|head| assert_eq!(head.keep_first(b"a"), Some(0)), "A=1 b=2 C=4"),
            (|head| assert_eq!(head.keep_first(b"c"), Some(3)), "A=1 b=2 a=3 C=4"),
            (|head| assert_eq!(head.keep_first(b"x"), None), "A=1 b=2 a=3 C=4"),
            (|head| head.retain(|_, value| value > &b"2"[..]), "a=3 C=4"),
            (|head| head.replace_value(3, b"longer"), "A=1 b=2 a=3 C=longer"),
            (|head| head.replace_value(9, b"x"), "A=1 b=2 a=3 C=4"),
            (Head::lowercase_names, "a=1 b=2 a=3 c=4"),
            (
                |head| head.respell_names(|name| (name == b"b").then_some(b"Bb")),
                "A=1 Bb=2 a=3 C=4",
            ),
        ];
        for (edit, expected) in cases {
            let mut head = sample();
            edit(&mut head);
            assert_eq!(text(&head), *expected);
        }
    }

    #[test]
    fn fields_are_found_without_case() {
        let head = sample();
        assert_eq!(head.header(b"c"), Some(&b"4"[..]));
        assert_eq!(head.values(b"A").collect::<Vec<_>>(), [b"1", b"3"]);
        assert_eq!(head.values(b"A").next_back(), Some(&b"3"[..]));
        assert!(head.has(b"B") && !head.has(b"x"));
        assert_eq!(head.field(1), Some((&b"b"[..], &b"2"[..])));
        assert_eq!(head.field(4), None);
    }

    #[test]
    fn targets_are_edited_part_by_part() {
        type Edit = fn(&mut Head) -> bool;
        let cases: &[(&str, Edit, Option<&str>)] = &[
            ("/a?b", |head| head.set_path(b"/long"), Some("/long?b")),
            ("http://h/a?b", |head| head.set_path(b"/c"), Some("http://h/c?b")),
            ("http://h", |head| head.set_path(b"/c"), Some("http://h/c")),
            ("*", |head| head.set_path(b"/c"), None),
            ("h:1", |head| head.set_pathq(b"/c"), None),
            ("/a?b", |head| head.set_pathq(b"/c?d"), Some("/c?d")),
            ("http://h/a?b", |head| head.set_pathq(b"/c"), Some("http://h/c")),
            ("/a?b", |head| head.set_query(b"c"), Some("/a?c")),
            ("/a", |head| head.set_query(b"c"), Some("/a?c")),
            ("/a?b", |head| head.set_query(b""), Some("/a")),
            ("*", |head| head.set_query(b"c"), None),
        ];
        for (uri, edit, expected) in cases {
            let mut head = Head::request(b"GET", uri.as_bytes(), Version::Http11);
            assert_eq!(edit(&mut head), expected.is_some(), "{uri}");
            assert_eq!(head.uri(), expected.unwrap_or(uri).as_bytes());
        }
    }

    #[test]
    fn a_cleared_head_is_as_new() {
        let mut head = sample();
        head.noted.close = true;
        head.clear();
        assert_eq!((head.uri(), head.method(), head.len()), (&b""[..], &b""[..], 0));
        assert_eq!(*head.noted(), Noted::default());
        assert_eq!(head.kind(), Kind::Request);
    }
}
