//! What single fields and all of them together say about length, connection and destination.
use super::Limits;
use crate::http::h1::fault::{Bad, Fault};
use crate::http::message::{Head, Kind, Noted, Version};
use crate::http::{Method, header, uri};

/// Notes what one field says.
pub fn field(head: &mut Head, name: &[u8], value: &[u8]) -> Result<(), Fault> {
    let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
    match (name.len(), name.first().map_or(0, u8::to_ascii_lowercase)) {
        (4, b'h') if is(b"host") => head.scan.hosts += 1,
        (6, b'e') if is(b"expect") => head.noted.expects_continue |= value.eq_ignore_ascii_case(b"100-continue"),
        (10, b'c') if is(b"connection") => connection(&mut head.noted, value),
        (14, b'c') if is(b"content-length") => return content_length(head, value),
        (17, b't') if is(b"transfer-encoding") => return transfer_encoding(&mut head.noted, value),
        _ => {}
    }
    Ok(())
}

fn connection(noted: &mut Noted, value: &[u8]) {
    for token in header::tokens(value) {
        match token.len() {
            5 => noted.close |= token.eq_ignore_ascii_case(b"close"),
            7 => noted.upgrade |= token.eq_ignore_ascii_case(b"upgrade"),
            10 => noted.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive"),
            _ => {}
        }
    }
}

/// One decimal number, or the same one several times (RFC 9110 section 8.6).
fn content_length(head: &mut Head, value: &[u8]) -> Result<(), Fault> {
    for element in value.split(|&octet| octet == b',') {
        let length = header::decimal(header::trim(element)).ok_or(Fault::ContentLength)?;
        head.scan.lengths += 1;
        if head
            .noted
            .content_length
            .replace(length)
            .is_some_and(|other| other != length)
        {
            return Err(Fault::ConflictingLength);
        }
    }
    Ok(())
}

/// `chunked` alone: it cannot be undone twice, and no other coding is understood.
fn transfer_encoding(noted: &mut Noted, value: &[u8]) -> Result<(), Fault> {
    if noted.chunked || !value.eq_ignore_ascii_case(b"chunked") {
        return Err(Fault::TransferEncoding);
    }
    noted.chunked = true;
    Ok(())
}

/// Settles what depends on several parts of the head, after the last field.
pub fn settle(head: &mut Head, limits: &Limits) -> Result<(), Bad> {
    match head.kind {
        Kind::Request => request(head, limits),
        Kind::Response => response(head),
        Kind::Trailers => {
            trailers(head);
            Ok(())
        }
    }
}

fn request(head: &mut Head, limits: &Limits) -> Result<(), Bad> {
    let method = Method::from_bytes(head.method());
    one_length(head);
    one_host(head)?;
    if let Some(fault) = target(head, method) {
        let bad = Bad {
            fault,
            at: head.text.start as usize,
        };
        if !limits.accept_invalid {
            return Err(bad);
        }
        head.scan.tolerated.get_or_insert(bad);
    }
    if method == Method::Connect && head.noted.chunked {
        return refuse(head, b"transfer-encoding", Fault::TransferEncoding);
    }
    if method == Method::Connect && head.noted.content_length.take().is_some() {
        head.remove(b"content-length");
    }
    let has_body = head.noted.chunked || head.noted.content_length.is_some_and(|length| length > 0);
    if head.version == Version::Http10 && has_body && matches!(method, Method::Get | Method::Head | Method::Delete) {
        let name: &[u8] = if head.noted.chunked {
            b"transfer-encoding"
        } else {
            b"content-length"
        };
        return refuse(head, name, Fault::OldBody);
    }
    if head.noted.upgrade {
        upgrade(head, has_body)?;
    }
    Ok(())
}

fn response(head: &mut Head) -> Result<(), Bad> {
    one_length(head);
    if (head.noted.content_length.is_some() || head.noted.chunked) && matches!(head.status, 100..=199 | 204) {
        head.remove(b"content-length");
        head.remove(b"transfer-encoding");
        head.noted.content_length = None;
        head.noted.chunked = false;
    }
    Ok(())
}

/// Leaves out what comes too late or concerns this hop only (RFC 9110 section 6.5.1): nobody after us shall heed it.
fn trailers(head: &mut Head) {
    const LATE: [&[u8]; 5] = [
        b"connection",
        b"content-length",
        b"host",
        b"transfer-encoding",
        b"upgrade",
    ];
    head.retain(|name, _| !LATE.iter().any(|late| name.eq_ignore_ascii_case(late)));
}

/// Leaves one `Content-Length` with one number, or none beside a transfer coding (RFC 9112 section 6.3).
fn one_length(head: &mut Head) {
    let Some(length) = head.noted.content_length else {
        return;
    };
    if head.noted.chunked {
        head.noted.ambiguous_length = true;
        head.noted.content_length = None;
        head.remove(b"content-length");
        return;
    }
    if head.scan.lengths > 1
        && let Some(index) = head.keep_first(b"content-length")
    {
        head.replace_value(index, length.to_string().as_bytes());
    }
}

/// Leaves one `Host` when all agree.
fn one_host(head: &mut Head) -> Result<(), Bad> {
    if head.scan.hosts < 2 {
        return Ok(());
    }
    let first = head.header(b"host").unwrap_or_default();
    if !head.values(b"host").all(|other| other.eq_ignore_ascii_case(first)) {
        return refuse(head, b"host", Fault::ConflictingHost);
    }
    head.keep_first(b"host");
    Ok(())
}

/// Finds fault with the target's form, or with its authority if that is not the one that `Host` names
/// (RFC 9112 sections 3.2 and 3.3).
fn target(head: &Head, method: Method) -> Option<Fault> {
    let parts = uri::split(head.uri());
    if parts.form == uri::Form::Origin && method != Method::Connect {
        return None;
    }
    let authority = head.uri().get(parts.authority.clone()).unwrap_or_default();
    let well_formed = match (parts.form, method) {
        (uri::Form::Authority, Method::Connect) => uri::host_port(authority).1.is_some_and(|port| !port.is_empty()),
        (uri::Form::Absolute, Method::Connect) | (uri::Form::Asterisk, Method::Connect) => false,
        (uri::Form::Absolute, _) => head.uri().get(parts.authority.end).is_none_or(|&octet| octet == b'/'),
        (uri::Form::Asterisk, _) => head.uri().len() == 1,
        (uri::Form::Origin | uri::Form::Authority, _) => false,
    };
    if !well_formed {
        return Some(Fault::Uri);
    }
    let scheme = head.uri().get(parts.scheme).unwrap_or_default();
    let host = head.header(b"host").filter(|_| !authority.is_empty())?;
    (!uri::same_authority(scheme, authority, host)).then_some(Fault::HostMismatch)
}

/// A protocol switch that a body precedes is not offered on; a WebSocket one needs its key (RFC 6455 section 4.1).
fn upgrade(head: &mut Head, has_body: bool) -> Result<(), Bad> {
    if has_body {
        head.remove(b"upgrade");
        head.noted.upgrade = false;
        return Ok(());
    }
    let is_websocket = |token: &[u8]| token.eq_ignore_ascii_case(b"websocket");
    let websocket = head
        .values(b"upgrade")
        .any(|value| header::tokens(value).any(is_websocket));
    head.noted.websocket = websocket;
    // The key is the base64 form of 16 bytes.
    if websocket && head.header(b"sec-websocket-key").is_none_or(|key| key.len() != 24) {
        return refuse(head, b"upgrade", Fault::WebSocketKey);
    }
    Ok(())
}

/// The fault, blamed on the last field called `name`.
fn refuse(head: &Head, name: &[u8], fault: Fault) -> Result<(), Bad> {
    let blamed = head
        .fields
        .iter()
        .rev()
        .find(|field| head.slice(field.name).eq_ignore_ascii_case(name));
    Err(Bad {
        fault,
        at: blamed.map_or(0, |field| field.name.start as usize),
    })
}
