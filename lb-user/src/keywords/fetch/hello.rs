//! The first message of a TLS handshake, as it passes by (manual 7.3.5; RFC 8446 section 4.1.2).

use super::works;
use crate::language::Scope;
use crate::rules::{Body, Facts, Fetch, FetchRow, Fetched, Kind, Value};

const REQUEST: Scope = Scope::L6_REQUEST;

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["req.ssl_hello_type", "req_ssl_hello_type"],
        "",
        REQUEST,
        "The type of the TLS hello that the request opens with: 1 is a client's.",
        "req.ssl_hello_type",
        Fetch::one(Kind::Int, |_, f| {
            hello(request(f), |hello| Some(Value::Int(hello.kind.into())))
        }),
    ),
    works(
        &["res.ssl_hello_type", "rep_ssl_hello_type"],
        "",
        Scope::L6_RESPONSE,
        "The type of the TLS hello that the response opens with: 2 is a server's.",
        "res.ssl_hello_type",
        Fetch::one(Kind::Int, |_, f| {
            let body = f.response.is_none().then_some(f.response_body);
            hello(body, |hello| Some(Value::Int(hello.kind.into())))
        }),
    ),
    works(
        &["req.ssl_sni", "req_ssl_sni"],
        "",
        REQUEST,
        "The server name that a TLS client asks for.",
        "req.ssl_sni",
        Fetch::one(Kind::Str, |_, f| {
            client_hello(f, |hello| hello.server_name().map(Value::str))
        }),
    ),
    works(
        &["req.ssl_alpn"],
        "",
        REQUEST,
        "The protocol that a TLS client offers first (ALPN).",
        "req.ssl_alpn",
        Fetch::one(Kind::Str, |_, f| {
            client_hello(f, |hello| hello.protocol().map(Value::str))
        }),
    ),
    works(
        &["req.ssl_ec_ext"],
        "",
        REQUEST,
        "Does a TLS client name the elliptic curves that it supports?",
        "req.ssl_ec_ext",
        Fetch::one(Kind::Bool, |_, f| {
            client_hello(f, |hello| hello.extension(CURVES).map(|_| Value::Bool(true)))
        }),
    ),
    works(
        &["req.ssl_st_ext"],
        "",
        REQUEST,
        "Does a TLS client support session tickets (1), or even bring one (2)?",
        "req.ssl_st_ext",
        Fetch::one(Kind::Int, |_, f| {
            client_hello(f, |hello| {
                let ticket = match hello.extension(TICKET) {
                    None => 0,
                    Some([]) => 1,
                    Some(_) => 2,
                };
                (!hello.extensions.is_empty()).then_some(Value::Int(ticket))
            })
        }),
    ),
    works(
        &["req.ssl_ver", "req_ssl_ver"],
        "",
        REQUEST,
        "The version of the TLS hello that the request opens with: the major one times 65536 plus the minor one.",
        "req.ssl_ver",
        Fetch::one(Kind::Int, |_, f| {
            match request(f).and_then(|body| ssl2_version(body.bytes)) {
                Some(version) => Value::Int(version).into(),
                None => hello(request(f), |hello| Some(Value::Int(hello.version()))),
            }
        }),
    ),
];

/// Extensions by their number in the IANA registry.
const SERVER_NAME: u16 = 0;
const CURVES: u16 = 10;
const ALPN: u16 = 16;
const TICKET: u16 = 35;
/// The handshake messages that are hellos.
const CLIENT: u8 = 1;
const SERVER: u8 = 2;

fn request<'a>(facts: &Facts<'a>) -> Option<Body<'a>> {
    facts.request.is_none().then_some(facts.request_body)
}

fn hello<'a>(body: Option<Body<'a>>, find: impl FnOnce(&Hello<'a>) -> Option<Value<'a>>) -> Fetched<'a> {
    let Some(body) = body else {
        return Fetched::Missing;
    };
    match Hello::parse(body.bytes) {
        Ok(hello) => find(&hello).into(),
        Err(Unread::Cut) => body.unsatisfied(),
        Err(Unread::Foreign) => Fetched::Missing,
    }
}

fn client_hello<'a>(facts: &Facts<'a>, find: impl FnOnce(&Hello<'a>) -> Option<Value<'a>>) -> Fetched<'a> {
    hello(request(facts), |hello| find(hello).filter(|_| hello.kind == CLIENT))
}

/// Why no hello was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unread {
    /// What is there may become one.
    Cut,
    /// It is something else.
    Foreign,
}

/// A client's or server's hello.
#[derive(Debug)]
struct Hello<'a> {
    kind: u8,
    major: u8,
    minor: u8,
    extensions: &'a [u8],
}

impl<'a> Hello<'a> {
    /// Reads the hello that opens a stream of TLS records. It must lie in one record.
    fn parse(bytes: &'a [u8]) -> Result<Hello<'a>, Unread> {
        let mut stream = Reader(bytes);
        if stream.byte()? != 22 {
            return Err(Unread::Foreign);
        }
        let version = stream.take(2)?;
        let length = stream.number(2)?;
        if version < &[3, 0][..] || !(4..=(1 << 14) + 256).contains(&length) {
            return Err(Unread::Foreign);
        }
        let kind = *stream.0.first().ok_or(Unread::Cut)?;
        if kind != CLIENT && kind != SERVER {
            return Err(Unread::Foreign);
        }
        let mut record = Reader(stream.take(length)?);
        let foreign = |_| Unread::Foreign;
        record.take(1).map_err(foreign)?;
        let message_length = record.number(3).map_err(foreign)?;
        let mut message = Reader(record.take(message_length).map_err(foreign)?);
        let (major, minor) = (message.byte().map_err(foreign)?, message.byte().map_err(foreign)?);
        let extensions = read_extensions(kind, &mut message).map_err(foreign)?;
        Ok(Hello {
            kind,
            major,
            minor,
            extensions,
        })
    }

    /// The contents of an extension.
    fn extension(&self, wanted: u16) -> Option<&'a [u8]> {
        let mut rest = Reader(self.extensions);
        loop {
            let number = rest.number(2).ok()?;
            let contents = rest.vector(2).ok()?;
            if number == usize::from(wanted) {
                return Some(contents);
            }
        }
    }

    fn version(&self) -> i64 {
        i64::from(self.major) << 16 | i64::from(self.minor)
    }

    /// The name in the server name extension, if its first entry is a host (RFC 6066 section 3).
    fn server_name(&self) -> Option<&'a [u8]> {
        let mut names = Reader(Reader(self.extension(SERVER_NAME)?).vector(2).ok()?);
        let is_host = names.byte().ok()? == 0;
        let name = names.vector(2).ok()?;
        Some(name).filter(|name| is_host && !name.is_empty())
    }

    /// The first protocol of the ALPN extension (RFC 7301 section 3.1).
    fn protocol(&self) -> Option<&'a [u8]> {
        Reader(Reader(self.extension(ALPN)?).vector(2).ok()?).vector(1).ok()
    }
}

/// The version in a hello of SSL 2, whose record has a length of two bytes with the highest bit set, then the type.
fn ssl2_version(bytes: &[u8]) -> Option<i64> {
    let [high, low, CLIENT, major, minor, ..] = *bytes else {
        return None;
    };
    let length = usize::from(high & 0x7f) << 8 | usize::from(low);
    let is_whole = high & 0x80 != 0 && length >= 9 && bytes.len() >= length + 2;
    is_whole.then_some(i64::from(major) << 16 | i64::from(minor))
}

/// Skips what stands between the version and the extensions, which may be missing.
fn read_extensions<'a>(kind: u8, message: &mut Reader<'a>) -> Result<&'a [u8], Unread> {
    message.take(32)?;
    message.vector(1)?;
    if kind == CLIENT {
        message.vector(2)?;
        message.vector(1)?;
    } else {
        message.take(2 + 1)?;
    }
    if message.0.is_empty() {
        return Ok(&[]);
    }
    message.vector(2)
}

/// Takes numbers and vectors from the front of some bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Unread> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Unread::Cut)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Unread> {
        Ok(self.number(1)? as u8)
    }

    fn number(&mut self, width: usize) -> Result<usize, Unread> {
        let bytes = self.take(width)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// Bytes whose number stands before them.
    fn vector(&mut self, width: usize) -> Result<&'a [u8], Unread> {
        let length = self.number(width)?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client hello with a server name, protocols, curves and a ticket.
    fn sample() -> Vec<u8> {
        let vector = |width: usize, contents: &[u8]| {
            let length = (contents.len() as u32).to_be_bytes();
            [&length[4 - width..], contents].concat()
        };
        let extension = |number: u16, contents: &[u8]| [&number.to_be_bytes()[..], &vector(2, contents)].concat();
        let name = vector(2, &[&[0][..], &vector(2, b"www.example.com")].concat());
        let protocols = vector(2, &[vector(1, b"h2"), vector(1, b"http/1.1")].concat());
        let extensions = [
            extension(SERVER_NAME, &name),
            extension(ALPN, &protocols),
            extension(CURVES, &[0, 2, 0, 29]),
            extension(TICKET, b"ticket"),
        ]
        .concat();
        let body = [
            &[3, 3][..],
            &[7; 32],
            &vector(1, b""),
            &vector(2, &[0x13, 1]),
            &vector(1, &[0]),
            &vector(2, &extensions),
        ]
        .concat();
        let message = [&[CLIENT][..], &vector(3, &body)].concat();
        [&[22, 3, 1][..], &vector(2, &message)].concat()
    }

    #[test]
    fn a_client_hello_is_taken_apart() {
        let bytes = sample();
        let hello = Hello::parse(&bytes).unwrap();
        assert_eq!((hello.kind, hello.version()), (CLIENT, 0x30003));
        assert_eq!(hello.server_name(), Some(&b"www.example.com"[..]));
        assert_eq!(hello.protocol(), Some(&b"h2"[..]));
        assert_eq!(hello.extension(TICKET), Some(&b"ticket"[..]));
        assert!(hello.extension(CURVES).is_some());
        assert_eq!(hello.extension(99), None);
    }

    #[test]
    fn a_part_of_a_hello_waits_for_the_rest() {
        let bytes = sample();
        for cut in 0..bytes.len() {
            let part = bytes.get(..cut).unwrap();
            assert_eq!(Hello::parse(part).err(), Some(Unread::Cut), "after {cut} bytes");
        }
    }

    #[test]
    fn other_bytes_are_no_hello() {
        for bytes in [
            &b"GET / HTTP/1.1\r\n"[..],
            &[22, 2, 0, 0, 9, 1],
            &[22, 3, 1, 0, 2, 1],
            &[22, 3, 1, 0, 9, 4],
        ] {
            assert_eq!(Hello::parse(bytes).err(), Some(Unread::Foreign), "{bytes:?}");
        }
        // A length that reaches beyond its record.
        let mut bytes = sample();
        bytes[8] += 1;
        assert_eq!(Hello::parse(&bytes).err(), Some(Unread::Foreign));
    }
}
