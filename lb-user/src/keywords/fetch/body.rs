//! The bodies of HTTP messages, as far as they are buffered (manual 7.3.6).

use super::works;
use crate::http::message::Head;
use crate::http::uri;
use crate::language::Scope;
use crate::rules::{ArgKind, ArgSpec, Args, Body, Cursor, Facts, Fetch, FetchRow, Fetched, Kind, Value};

const REQUEST: Scope = Scope::HTTP_REQUEST_HEAD;
const RESPONSE: Scope = Scope::HTTP_RESPONSE_HEAD;

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["req.body"],
        "",
        REQUEST,
        "What is buffered of the request's body.",
        "req.body,bytes(0,4) # name",
        Fetch::one(Kind::Bin, |_, f| whole(f.request, f.request_body)),
    ),
    works(
        &["req.body_len"],
        "",
        REQUEST,
        "How many bytes of the request's body are buffered.",
        "req.body_len # 20",
        Fetch::one(Kind::Int, |_, f| length(f.request, f.request_body)),
    ),
    works(
        &["req.body_size"],
        "",
        REQUEST,
        "How long the request's body is said to be, or what is buffered where nothing is said.",
        "req.body_size # 20",
        Fetch::one(Kind::Int, |_, f| announced(f.request, f.request_body)),
    ),
    works(
        &["req.body_param"],
        "([<name>])",
        REQUEST,
        "The value of a parameter of the form that the request's body is.",
        "req.body_param(city) # Lima",
        Fetch::each(Kind::Str, parameter).with(&[ArgSpec::optional(ArgKind::Str, "name")]),
    ),
    works(
        &["res.body"],
        "",
        RESPONSE,
        "What is buffered of the response's body.",
        "res.body,bytes(0,5) # hello",
        Fetch::one(Kind::Bin, |_, f| whole(f.response, f.response_body)),
    ),
    works(
        &["res.body_len"],
        "",
        RESPONSE,
        "How many bytes of the response's body are buffered.",
        "res.body_len # 12",
        Fetch::one(Kind::Int, |_, f| length(f.response, f.response_body)),
    ),
    works(
        &["res.body_size"],
        "",
        RESPONSE,
        "How long the response's body is said to be, or what is buffered where nothing is said.",
        "res.body_size # 12",
        Fetch::one(Kind::Int, |_, f| announced(f.response, f.response_body)),
    ),
];

fn whole<'a>(head: Option<&Head>, body: Body<'a>) -> Fetched<'a> {
    head.map(|_| Value::bin(body.bytes)).into()
}

fn length<'a>(head: Option<&Head>, body: Body<'_>) -> Fetched<'a> {
    head.map(|_| Value::Int(body.bytes.len() as i64)).into()
}

fn announced<'a>(head: Option<&Head>, body: Body<'_>) -> Fetched<'a> {
    head.map(|head| {
        let announced = head.noted().content_length;
        Value::Int(announced.unwrap_or(body.bytes.len() as u64) as i64)
    })
    .into()
}

fn parameter<'a>(args: &'a Args, facts: &Facts<'a>, cursor: &mut Cursor) -> Fetched<'a> {
    if facts.request.is_none() {
        return Fetched::Missing;
    }
    let name = args.bytes(0).filter(|name| !name.is_empty());
    let value = uri::params_of(facts.request_body.bytes, b'&')
        .filter(|(known, _)| name.is_none_or(|name| *known == name))
        .map(|(_, value)| Value::str(value))
        .nth(cursor.offset);
    if cursor.all && value.is_some() {
        cursor.offset += 1;
        cursor.more = true;
    }
    value.into()
}
