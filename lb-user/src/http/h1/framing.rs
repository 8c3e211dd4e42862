//! Where a message's body ends, and whether its connection can carry another one (RFC 9112 sections 6.3 and 9.3).
use super::fault::Fault;
use crate::http::message::{Head, Version};
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

/// Whether the message's sender is ready to keep the connection for another exchange.
pub fn persists(head: &Head) -> bool {
    let noted = head.noted();
    match head.version() {
        _ if noted.close || noted.ambiguous_length => false,
        // A chunked body says more than HTTP/1.0 knows: nobody can be sure where its sender sees the end.
        Version::Http10 => noted.keep_alive && !noted.chunked,
        Version::Http11 | Version::Http2 => true,
    }
}
