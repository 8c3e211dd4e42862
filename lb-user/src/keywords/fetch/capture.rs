//! What was captured from the messages, for as long as the transaction lives (manual 7.3.6).

use super::works;
use crate::http::uri;
use crate::language::Scope;
use crate::rules::{ArgKind, ArgSpec, Args, Facts, Fetch, FetchRow, Fetched, Kind, Value};

const INDEX: &[ArgSpec] = &[ArgSpec::required(ArgKind::Int, "idx")];
const KEPT: Scope = Scope::HTTP_REQUEST_KEPT;

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["capture.req.hdr"],
        "(<idx>)",
        KEPT,
        "The header of the request in a capture slot, counted from zero.",
        "capture.req.hdr(0) # captured",
        Fetch::one(Kind::Str, |args, f| slot(args, &f.exchange.request_captures)).with(INDEX),
    ),
    works(
        &["capture.res.hdr"],
        "(<idx>)",
        Scope::HTTP_RESPONSE_KEPT,
        "The header of the response in a capture slot, counted from zero.",
        "capture.res.hdr(0) # kept",
        Fetch::one(Kind::Str, |args, f| slot(args, &f.exchange.response_captures)).with(INDEX),
    ),
    works(
        &["capture.req.method"],
        "",
        KEPT,
        "The method of the request as it came.",
        "capture.req.method # GET",
        Fetch::one(Kind::Str, |_, f| word(f, 0).map(Value::str).into()),
    ),
    works(
        &["capture.req.uri"],
        "",
        KEPT,
        "The target of the request as it came, without scheme and host.",
        "capture.req.uri # /shop/cart.html?item=7&size=XL",
        Fetch::one(Kind::Str, |_, f| {
            let target = word(f, 1);
            target
                .map(|target| Value::str(uri::pathq(target).unwrap_or(target)))
                .into()
        }),
    ),
    works(
        &["capture.req.ver"],
        "",
        KEPT,
        "The version of the request: `HTTP/1.0` or `HTTP/1.1`.",
        "capture.req.ver # HTTP/1.1",
        Fetch::one(Kind::Str, |_, f| version(f.request.map(|head| head.version_digits()))),
    ),
    works(
        &["capture.res.ver"],
        "",
        KEPT,
        "The version of the response: `HTTP/1.0` or `HTTP/1.1`.",
        "capture.res.ver # HTTP/1.1",
        Fetch::one(Kind::Str, |_, f| version(f.response.map(|head| head.version_digits()))),
    ),
];

fn slot<'a>(args: &Args, captures: &'a [Option<Vec<u8>>]) -> Fetched<'a> {
    let index = args.int(0).and_then(|index| usize::try_from(index).ok());
    let held = index.and_then(|index| captures.get(index)?.as_deref());
    held.map(Value::str).into()
}

/// A word of the request line.
fn word<'a>(facts: &Facts<'a>, index: usize) -> Option<&'a [u8]> {
    let line = facts.exchange.request_line.as_slice();
    let word = line.split(|byte| *byte == b' ').nth(index);
    word.filter(|word| !word.is_empty())
}

fn version(digits: Option<&[u8]>) -> Fetched<'_> {
    let name: Option<&[u8]> = digits.map(|digits| match digits {
        b"1.0" => &b"HTTP/1.0"[..],
        _ => b"HTTP/1.1",
    });
    name.map(Value::str).into()
}
