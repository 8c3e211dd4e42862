//! The HTTP request and response as they were at the client.

use super::{number, variable};
use crate::http::uri;
use crate::rules::Facts;
use crate::rules::context::LogVariableRow;
use crate::rules::log_format::{Flags, push_hex};

pub const ROWS: &[LogVariableRow] = &[
    variable(&["r"], "The request line.", "log-format %r", |f, flags, out| {
        let line = &f.exchange.request_line;
        encoded(Some(if line.is_empty() { BAD } else { line }), flags, out);
    }),
    variable(&["HM"], "The method.", "log-format %HM", |f, flags, out| {
        encoded(part(f, 0), flags, out)
    }),
    variable(&["HU"], "The request target.", "log-format %HU", |f, flags, out| {
        encoded(part(f, 1), flags, out)
    }),
    variable(
        &["HP"],
        "The request target without its query string.",
        "log-format %HP",
        |f, flags, out| {
            let target = part(f, 1);
            encoded(
                target.map(|target| target.split(|&b| b == b'?').next().unwrap_or(target)),
                flags,
                out,
            );
        },
    ),
    variable(&["HPO"], "The path alone.", "log-format %HPO", |f, flags, out| {
        encoded(
            part(f, 1).and_then(|target| if target == BAD { Some(target) } else { uri::path(target) }),
            flags,
            out,
        );
    }),
    variable(
        &["HQ"],
        "The query string with its question mark.",
        "log-format %HQ",
        |f, flags, out| {
            let target = part(f, 1).unwrap_or_default();
            let query = target.iter().position(|&b| b == b'?').and_then(|at| target.get(at..));
            let query = if target == BAD { Some(BAD) } else { query };
            write_encoded(query.unwrap_or_default(), flags, out);
        },
    ),
    variable(&["HV"], "The protocol's version.", "log-format %HV", |f, flags, out| {
        encoded(part(f, 2), flags, out)
    }),
    variable(
        &["ST"],
        "The status of the response.",
        "log-format %ST",
        |f, _, out| match f.exchange.status {
            0 => out.extend_from_slice(b"-1"),
            status => number(status, out),
        },
    ),
    variable(&["ID"], "The unique id.", "log-format %ID", |f, flags, out| {
        flags.write_or_dash(f.exchange.unique_id.as_deref(), out);
    }),
    variable(
        &["CC"],
        "The captured cookie of the request.",
        "log-format %CC",
        |f, flags, out| {
            flags.write_or_dash(f.exchange.request_cookie.as_deref(), out);
        },
    ),
    variable(
        &["CS"],
        "The captured cookie of the response.",
        "log-format %CS",
        |f, flags, out| {
            flags.write_or_dash(f.exchange.response_cookie.as_deref(), out);
        },
    ),
    variable(
        &["hr"],
        "Captured headers of the request, in braces.",
        "log-format %hr",
        |f, flags, out| {
            braces(&f.exchange.request_captures, flags, out);
        },
    ),
    variable(
        &["hs"],
        "Captured headers of the response, in braces.",
        "log-format %hs",
        |f, flags, out| {
            braces(&f.exchange.response_captures, flags, out);
        },
    ),
    variable(
        &["hrl"],
        "Captured headers of the request, one by one.",
        "log-format %hrl",
        |f, flags, out| {
            list(&f.exchange.request_captures, flags, out);
        },
    ),
    variable(
        &["hsl"],
        "Captured headers of the response, one by one.",
        "log-format %hsl",
        |f, flags, out| {
            list(&f.exchange.response_captures, flags, out);
        },
    ),
];

/// What stands for a request that could not be read.
const BAD: &[u8] = b"<BADREQ>";

/// Method, target or version of the request line as it came.
fn part<'a>(facts: &Facts<'a>, index: usize) -> Option<&'a [u8]> {
    let line = facts.exchange.request_line.as_slice();
    if line.is_empty() {
        return Some(BAD);
    }
    line.split(|&b| b == b' ').nth(index)
}

fn encoded(text: Option<&[u8]>, flags: Flags, out: &mut Vec<u8>) {
    match text {
        Some(text) if !text.is_empty() => write_encoded(text, flags, out),
        _ => flags.write_or_dash(None, out),
    }
}

/// Bytes that would break a log line apart show as `#` and two digits.
fn write_encoded(text: &[u8], flags: Flags, out: &mut Vec<u8>) {
    let plain = |byte: &u8| (0x20..0x7f).contains(byte) && !matches!(byte, b'"' | b'#');
    if text.iter().all(plain) {
        return flags.write(text, out);
    }
    let mut safe = Vec::with_capacity(text.len() + 8);
    for &byte in text {
        if plain(&byte) {
            safe.push(byte)
        } else {
            push_hex(b'#', byte, &mut safe)
        }
    }
    flags.write(&safe, out);
}

/// `{first|second}`, in which braces and bars of the values are encoded.
fn braces(captures: &[Option<Vec<u8>>], flags: Flags, out: &mut Vec<u8>) {
    if captures.is_empty() {
        return;
    }
    let mut text = vec![b'{'];
    for (index, capture) in captures.iter().enumerate() {
        if index > 0 {
            text.push(b'|');
        }
        for &byte in capture.as_deref().unwrap_or_default() {
            match byte {
                b'"' | b'#' | b'{' | b'|' | b'}' => push_hex(b'#', byte, &mut text),
                0x20..0x7f => text.push(byte),
                _ => push_hex(b'#', byte, &mut text),
            }
        }
    }
    text.push(b'}');
    flags.write(&text, out);
}

fn list(captures: &[Option<Vec<u8>>], flags: Flags, out: &mut Vec<u8>) {
    for (index, capture) in captures.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        encoded(capture.as_deref(), flags, out);
    }
}
