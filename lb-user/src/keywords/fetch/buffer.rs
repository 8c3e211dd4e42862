//! Raw bytes of a TCP stream (manual 7.3.5). HTTP proxies have none: their messages are parsed.

use super::works;
use crate::http::h1::{Limits, Parsed, parse_request};
use crate::http::message::Head;
use crate::language::{Error, Scope};
use crate::rules::pattern::parse_number;
use crate::rules::{Arg, ArgKind, ArgSpec, Args, Body, Context, Facts, Fetch, FetchRow, Fetched, Kind, Value};

const REQUEST: Scope = Scope::L6_REQUEST;
const RESPONSE: Scope = Scope::L6_RESPONSE;
const PAYLOAD: &[ArgSpec] = &[
    ArgSpec::required(ArgKind::Int, "offset"),
    ArgSpec::required(ArgKind::Int, "length"),
];
const PREFIXED: &[ArgSpec] = &[
    ArgSpec::required(ArgKind::Int, "offset1"),
    ArgSpec::required(ArgKind::Int, "length"),
    ArgSpec::optional(ArgKind::Str, "offset2"),
];

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["req.len", "req_len"],
        "",
        REQUEST,
        "How many bytes of the request are buffered. A test that fails waits for more of them.",
        "req.len # 22",
        Fetch::one(Kind::Int, |_, f| length(f.request, f.request_body)),
    ),
    works(
        &["req.payload"],
        "(<offset>,<length>)",
        REQUEST,
        "A part of the request's bytes; a length of zero means all from the offset on.",
        "req.payload(0,5) # hello",
        Fetch::one(Kind::Bin, |args, f| payload(args, request(f))).with(PAYLOAD),
    ),
    works(
        &["req.payload_lv"],
        "(<offset1>,<length>[,<offset2>])",
        REQUEST,
        "Bytes of the request whose number is written at the first offset.",
        "req.payload_lv(10,2) # four",
        Fetch::one(Kind::Bin, |args, f| prefixed(args, request(f)))
            .with(PREFIXED)
            .checked(check_prefixed),
    ),
    works(
        &["res.len"],
        "",
        RESPONSE,
        "How many bytes of the response are buffered. A test that fails waits for more of them.",
        "res.len # 22",
        Fetch::one(Kind::Int, |_, f| length(f.response, f.response_body)),
    ),
    works(
        &["res.payload"],
        "(<offset>,<length>)",
        RESPONSE,
        "A part of the response's bytes; a length of zero means all from the offset on.",
        "res.payload(0,5) # hello",
        Fetch::one(Kind::Bin, |args, f| payload(args, response(f))).with(PAYLOAD),
    ),
    works(
        &["res.payload_lv"],
        "(<offset1>,<length>[,<offset2>])",
        RESPONSE,
        "Bytes of the response whose number is written at the first offset.",
        "res.payload_lv(10,2,+0) # four",
        Fetch::one(Kind::Bin, |args, f| prefixed(args, response(f)))
            .with(PREFIXED)
            .checked(check_prefixed),
    ),
    works(
        &["payload"],
        "(<offset>,<length>)",
        REQUEST.or(RESPONSE),
        "The same as `req.payload` or `res.payload`, whichever direction is being judged.",
        "payload(6,3) # you",
        Fetch::one(Kind::Bin, |args, f| payload(args, either(f))).with(PAYLOAD),
    ),
    works(
        &["payload_lv"],
        "(<offset1>,<length>[,<offset2>])",
        REQUEST.or(RESPONSE),
        "The same as `req.payload_lv` or `res.payload_lv`, whichever direction is being judged.",
        "payload_lv(10,2) # four",
        Fetch::one(Kind::Bin, |args, f| prefixed(args, either(f)))
            .with(PREFIXED)
            .checked(check_prefixed),
    ),
    works(
        &["req.proto_http", "req_proto_http"],
        "",
        Scope::HTTP_REQUEST_KEPT,
        "Do the request's bytes parse as HTTP?",
        "req.proto_http # 1",
        Fetch::one(Kind::Bool, |_, f| is_http(f)),
    ),
    works(
        &["wait_end"],
        "",
        Scope::INTERNAL,
        "True once nothing more will be waited for; undecided until then.",
        "wait_end # 1",
        Fetch::one(Kind::Bool, |_, f| match f.head() {
            None if !f.body().complete => Fetched::Wait,
            _ => Value::Bool(true).into(),
        }),
    ),
];

fn request<'a>(facts: &Facts<'a>) -> Option<Body<'a>> {
    facts.request.is_none().then_some(facts.request_body)
}

fn response<'a>(facts: &Facts<'a>) -> Option<Body<'a>> {
    facts.response.is_none().then_some(facts.response_body)
}

fn either<'a>(facts: &Facts<'a>) -> Option<Body<'a>> {
    facts.head().is_none().then_some(facts.body())
}

/// A value that more bytes may change.
fn so_far<'a>(body: Body<'a>, value: Value<'a>) -> Fetched<'a> {
    if body.complete {
        Fetched::Value(value)
    } else {
        Fetched::SoFar(value)
    }
}

/// How much is buffered: of a parsed message, its head and its body.
fn length<'a>(head: Option<&Head>, body: Body<'_>) -> Fetched<'a> {
    let length = head.map_or(0, Head::head_len) + body.bytes.len();
    match head {
        None if !body.complete => Fetched::SoFar(Value::Int(length as i64)),
        _ => Value::Int(length as i64).into(),
    }
}

fn payload<'a>(args: &'a Args, body: Option<Body<'a>>) -> Fetched<'a> {
    let (Some(body), Some(offset)) = (body, position(args, 0)) else {
        return Fetched::Missing;
    };
    let length = position(args, 1).unwrap_or(0);
    if length == 0 {
        return match body.bytes.get(offset..).filter(|rest| !rest.is_empty()) {
            Some(rest) => so_far(body, Value::bin(rest)),
            None => body.unsatisfied(),
        };
    }
    match body.bytes.get(offset..).and_then(|rest| rest.get(..length)) {
        Some(part) => Value::bin(part).into(),
        None => body.unsatisfied(),
    }
}

fn position(args: &Args, at: usize) -> Option<usize> {
    usize::try_from(args.int(at)?).ok()
}

/// Reads the second offset: from the start or, with a sign, from behind the length.
fn check_prefixed(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    let (at, width) = (args.int(0).unwrap_or(0), args.int(1).unwrap_or(0));
    if width <= 0 {
        return Err(Error::new("payload length must be > 0"));
    }
    let behind = at.saturating_add(width);
    let offset = match args.str(2) {
        None => behind,
        Some(text) => {
            let number = parse_number(text).ok_or_else(|| Error::new("payload offset2 is not a number"))?;
            let relative = text.starts_with(['+', '-']);
            if relative {
                behind.saturating_add(number)
            } else {
                number
            }
        }
    };
    if offset < 0 {
        return Err(Error::new("payload offset2 too negative"));
    }
    args.set(2, Arg::Int(offset));
    Ok(())
}

fn prefixed<'a>(args: &'a Args, body: Option<Body<'a>>) -> Fetched<'a> {
    let Some(body) = body else {
        return Fetched::Missing;
    };
    let (Some(at), Some(width), Some(offset)) = (position(args, 0), position(args, 1), position(args, 2)) else {
        return Fetched::Missing;
    };
    let Some(digits) = body.bytes.get(at..).and_then(|rest| rest.get(..width)) else {
        return body.unsatisfied();
    };
    let length = digits
        .iter()
        .fold(0usize, |length, byte| length.wrapping_shl(8) | usize::from(*byte));
    if length == 0 {
        return Fetched::Missing;
    }
    match body.bytes.get(offset..).and_then(|rest| rest.get(..length)) {
        Some(part) => Value::bin(part).into(),
        None => body.unsatisfied(),
    }
}

fn is_http<'a>(facts: &Facts<'a>) -> Fetched<'a> {
    if facts.request.is_some() {
        return Value::Bool(true).into();
    }
    let body = facts.request_body;
    match parse_request(body.bytes, &mut Head::new(), &Limits::default()) {
        Ok(Parsed::Complete { .. } | Parsed::Http2Preface) => Value::Bool(true).into(),
        Ok(Parsed::Partial) => body.unsatisfied(),
        Err(_) => Fetched::Missing,
    }
}
