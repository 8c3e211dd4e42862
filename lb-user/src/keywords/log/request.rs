//! The HTTP request and response as they were at the client.

use super::{http, variable};
use crate::http::uri;
use crate::rules::Facts;
use crate::rules::log_format::write::{self, Encoded};
use crate::rules::log_format::{Flags, LogVariableRow};

/// The rows of this file.
pub const ROWS: &[LogVariableRow] = &[
    http(&["r"], "The request line.", "log-format %r", |f, flags, out| {
        let line = &f.exchange.request_line;
        encoded(Some(if line.is_empty() { BAD } else { line }), flags, out);
    }),
    http(&["HM"], "The method.", "log-format %HM", |f, flags, out| {
        encoded(part(f, 0), flags, out)
    }),
    http(&["HU"], "The request target.", "log-format %HU", |f, flags, out| {
        encoded(part(f, 1), flags, out)
    }),
    http(
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
    http(&["HPO"], "The path alone.", "log-format %HPO", |f, flags, out| {
        let target = part(f, 1).unwrap_or_default();
        let path = if target == BAD { Some(BAD) } else { uri::path(target) };
        encoded(path, Flags { dash: false, ..flags }, out);
    }),
    http(
        &["HQ"],
        "The query string with its question mark.",
        "log-format %HQ",
        |f, flags, out| {
            let target = part(f, 1).unwrap_or_default();
            let query = target.iter().position(|&b| b == b'?').and_then(|at| target.get(at..));
            let query = if target == BAD { Some(BAD) } else { query };
            encoded(query, Flags { dash: false, ..flags }, out);
        },
    ),
    http(&["HV"], "The protocol's version.", "log-format %HV", |f, flags, out| {
        encoded(part(f, 2), flags, out)
    }),
    variable(
        &["ST"],
        "The status of the response.",
        "log-format %ST",
        |f, _, out| match f.exchange.status {
            0 if f.frontend().is_some_and(|frontend| frontend.is_http) => write::number(out, -1),
            status => write::number(out, status),
        },
    ),
    variable(&["ID"], "The unique id.", "log-format %ID", |f, flags, out| {
        write::text(out, flags, f.exchange.unique_id.as_deref().unwrap_or_default());
    }),
    http(
        &["CC"],
        "The captured cookie of the request.",
        "log-format %CC",
        |f, flags, out| {
            write::text(out, flags, f.exchange.request_cookie.as_deref().unwrap_or_default());
        },
    ),
    http(
        &["CS"],
        "The captured cookie of the response.",
        "log-format %CS",
        |f, flags, out| {
            write::text(out, flags, f.exchange.response_cookie.as_deref().unwrap_or_default());
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
    write::encoded(out, flags, text.unwrap_or_default(), Encoded::Unprintable);
}

/// `{first|second}`, or nothing where nothing is to be captured.
fn braces(captures: &[Option<Vec<u8>>], flags: Flags, out: &mut Vec<u8>) {
    if captures.is_empty() {
        return;
    }
    let quote: &[u8] = if flags.quote { b"\"" } else { b"" };
    out.extend_from_slice(quote);
    for (index, capture) in captures.iter().enumerate() {
        out.push(if index == 0 { b'{' } else { b'|' });
        write::captured(out, flags, capture.as_deref().unwrap_or_default());
    }
    out.push(b'}');
    out.extend_from_slice(quote);
}

fn list(captures: &[Option<Vec<u8>>], flags: Flags, out: &mut Vec<u8>) {
    for (index, capture) in captures.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        write::encoded(out, flags, capture.as_deref().unwrap_or_default(), Encoded::Header);
    }
}
