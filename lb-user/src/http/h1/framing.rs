//! Where a message's body ends (RFC 9112 section 6.3).
use super::fault::Fault;
use crate::http::message::Head;
use crate::http::method::Method;

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// So many bytes, at least one.
    Length(u64),
    Chunked,
    /// The body ends with the connection.
    UntilClose,
    /// What follows is no longer HTTP.
    Tunnel,
}

impl Framing {
    fn length(bytes: u64) -> Framing {
        if bytes == 0 {
            Framing::None
        } else {
            Framing::Length(bytes)
        }
    }
}

/// What a response has to be read against: facts about its request as the server received it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub method: Method,
    /// The request offered to switch protocols.
    pub upgrade: bool,
    /// The protocol offered is WebSocket.
    pub websocket: bool,
}

impl Asked {
    /// The facts about `request`, which has been parsed.
    pub fn of(request: &Head) -> Asked {
        Asked {
            method: Method::from_bytes(request.method()),
            upgrade: request.noted().upgrade,
            websocket: request.noted().websocket,
        }
    }
}

/// How a request's body ends. CONNECT opens a tunnel once a 2xx response agrees to it.
pub fn of_request(head: &Head) -> Framing {
    let noted = head.noted();
    match noted.content_length {
        _ if head.method() == b"CONNECT" => Framing::Tunnel,
        _ if noted.chunked => Framing::Chunked,
        Some(length) => Framing::length(length),
        None => Framing::None,
    }
}

/// How a response's body ends, or why it cannot be the answer to what was `asked`.
pub fn of_response(head: &Head, asked: Asked) -> Result<Framing, Fault> {
    let noted = head.noted();
    Ok(match (head.status(), asked.method) {
        (101, _) => {
            let accepted = !asked.websocket || head.has(b"sec-websocket-accept");
            return if asked.upgrade && noted.upgrade && accepted {
                Ok(Framing::Tunnel)
            } else {
                Err(Fault::Switch)
            };
        }
        (200..=299, Method::Connect) => Framing::Tunnel,
        (100..=199 | 204 | 304, _) | (_, Method::Head) => Framing::None,
        _ if noted.chunked => Framing::Chunked,
        _ => noted.content_length.map_or(Framing::UntilClose, Framing::length),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::h1::{Limits, parse_request, parse_response};

    fn parsed(text: &str) -> Head {
        let mut head = Head::new();
        let text = format!("{text}\r\n\r\n");
        let parse = if text.starts_with("HTTP") {
            parse_response
        } else {
            parse_request
        };
        parse(text.as_bytes(), &mut head, &Limits::default()).unwrap();
        head
    }

    #[test]
    fn requests_end_as_their_head_says() {
        for (text, expected) in [
            ("GET / HTTP/1.1", Framing::None),
            ("POST / HTTP/1.1", Framing::None),
            ("POST / HTTP/1.1\r\nContent-Length: 0", Framing::None),
            ("GET / HTTP/1.1\r\nContent-Length: 7", Framing::Length(7)),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked", Framing::Chunked),
            (
                "POST / HTTP/1.1\r\nContent-Length: 7\r\nTransfer-Encoding: chunked",
                Framing::Chunked,
            ),
            ("CONNECT a:1 HTTP/1.1\r\nContent-Length: 7", Framing::Tunnel),
        ] {
            assert_eq!(of_request(&parsed(text)), expected, "{text}");
        }
    }

    #[test]
    fn responses_end_as_head_and_request_say() {
        let get = "GET / HTTP/1.1";
        let upgrade = "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x";
        let websocket = "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
        let switch = "HTTP/1.1 101 S\r\nConnection: upgrade";
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked";
        for (request, response, expected) in [
            (get, "HTTP/1.1 200 OK", Ok(Framing::UntilClose)),
            (get, "HTTP/1.1 200 OK\r\nContent-Length: 7", Ok(Framing::Length(7))),
            (get, "HTTP/1.1 200 OK\r\nContent-Length: 0", Ok(Framing::None)),
            (get, chunked, Ok(Framing::Chunked)),
            ("HEAD / HTTP/1.1", chunked, Ok(Framing::None)),
            ("HEAD / HTTP/1.1", "HTTP/1.1 200 OK", Ok(Framing::None)),
            (get, "HTTP/1.1 100 C\r\nContent-Length: 7", Ok(Framing::None)),
            (get, "HTTP/1.1 204 N\r\nTransfer-Encoding: chunked", Ok(Framing::None)),
            (get, "HTTP/1.1 304 N\r\nContent-Length: 7", Ok(Framing::None)),
            (get, "HTTP/1.1 205 R", Ok(Framing::UntilClose)),
            ("CONNECT a:1 HTTP/1.1", chunked, Ok(Framing::Tunnel)),
            (
                "CONNECT a:1 HTTP/1.1",
                "HTTP/1.1 403 F\r\nContent-Length: 7",
                Ok(Framing::Length(7)),
            ),
            (upgrade, switch, Ok(Framing::Tunnel)),
            (upgrade, "HTTP/1.1 101 S", Err(Fault::Switch)),
            (get, switch, Err(Fault::Switch)),
            (websocket, switch, Err(Fault::Switch)),
            (
                websocket,
                "HTTP/1.1 101 S\r\nConnection: upgrade\r\nSec-WebSocket-Accept: x",
                Ok(Framing::Tunnel),
            ),
        ] {
            assert_eq!(
                of_response(&parsed(response), Asked::of(&parsed(request))),
                expected,
                "{request} {response}"
            );
        }
    }
}
