//! The request's target and its parts (manual 7.3.6).

use std::net::IpAddr;

use lb_common::hash;

use super::{answer, request, works};
use crate::http::message::Head;
use crate::http::uri;
use crate::language::{Error, Scope};
use crate::rules::value::leading_int;
use crate::rules::{Arg, ArgKind, ArgSpec, Args, Context, Cursor, Facts, Fetch, FetchRow, Fetched, Kind, Value};

const PARAMETER: &[ArgSpec] = &[
    ArgSpec::optional(ArgKind::Str, "name"),
    ArgSpec::optional(ArgKind::Str, "delim"),
];
const REQUEST: Scope = Scope::HTTP_REQUEST_HEAD;

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["url"],
        "",
        REQUEST,
        "The request's target as it was sent.",
        "url # /shop/cart.html?item=7&size=XL",
        Fetch::one(Kind::Str, |_, f| of(f, |head| Some(Value::str(head.uri())))),
    ),
    works(
        &["path"],
        "",
        REQUEST,
        "The path, without host and query string.",
        "path # /shop/cart.html",
        Fetch::one(Kind::Str, |_, f| of(f, |head| uri::path(head.uri()).map(Value::str))),
    ),
    works(
        &["pathq"],
        "",
        REQUEST,
        "The path with the query string, without host.",
        "pathq # /shop/cart.html?item=7&size=XL",
        Fetch::one(Kind::Str, |_, f| of(f, |head| uri::pathq(head.uri()).map(Value::str))),
    ),
    works(
        &["query"],
        "",
        REQUEST,
        "The query string, without its question mark.",
        "query # item=7&size=XL",
        Fetch::one(Kind::Str, |_, f| of(f, |head| uri::query(head.uri()).map(Value::str))),
    ),
    works(
        &["base"],
        "",
        REQUEST,
        "The Host header and the path, one behind the other.",
        "base # www.example.com/shop/cart.html",
        Fetch::one(Kind::Str, |_, f| {
            of(f, |head| Some(Value::string(base(head, uri::path))))
        }),
    ),
    works(
        &["baseq"],
        "",
        REQUEST,
        "The Host header and the path with the query string.",
        "baseq # www.example.com/shop/cart.html?item=7&size=XL",
        Fetch::one(Kind::Str, |_, f| {
            of(f, |head| Some(Value::string(base(head, uri::pathq))))
        }),
    ),
    works(
        &["base32"],
        "",
        REQUEST,
        "A hash of `base`: `base,sdbm(1)`.",
        "base32 # 1994278708",
        Fetch::one(Kind::Int, |_, f| {
            of(f, |head| Some(Value::Int(hashed(&base(head, uri::path)).into())))
        }),
    ),
    works(
        &["base32+src"],
        "",
        REQUEST,
        "The four bytes of `base32` and the bytes of the client's address.",
        "base32+src,bytes(4),hex # C6336407",
        Fetch::one(Kind::Bin, |_, f| {
            of(f, |head| Some(with_source(hashed(&base(head, uri::path)), f)))
        }),
    ),
    works(
        &["url32"],
        "",
        REQUEST,
        "A hash of the Host header and the path with the query string: `baseq,sdbm(1)`.",
        "url32 # 1543613093",
        Fetch::one(Kind::Int, |_, f| {
            of(f, |head| Some(Value::Int(hashed(&base(head, uri::pathq)).into())))
        }),
    ),
    works(
        &["url32+src"],
        "",
        REQUEST,
        "The four bytes of `url32` and the bytes of the client's address.",
        "url32+src,bytes(4),hex # C6336407",
        Fetch::one(Kind::Bin, |_, f| {
            of(f, |head| Some(with_source(hashed(&base(head, uri::pathq)), f)))
        }),
    ),
    works(
        &["url_ip"],
        "",
        REQUEST,
        "The address in an absolute target whose host is one.",
        "url_ip",
        Fetch::one(Kind::Address, |_, f| of(f, |head| url_ip(head).map(Value::address))),
    ),
    works(
        &["url_port"],
        "",
        REQUEST,
        "The port in an absolute target whose host is an address; 80 where there is none.",
        "url_port",
        Fetch::one(Kind::Int, |_, f| of(f, |head| url_port(head).map(Value::Int))),
    ),
    works(
        &["urlp", "url_param"],
        "([<name>[,<delim>]])",
        REQUEST,
        "The value of a parameter of the target: of the first one with that name.",
        "urlp(size) # XL",
        Fetch::each(Kind::Str, |args, f, cursor| parameter(args, f, cursor, Value::str))
            .with(PARAMETER)
            .checked(check_delimiter),
    ),
    works(
        &["urlp_val"],
        "([<name>[,<delim>]])",
        REQUEST,
        "The value of a parameter of the target as an integer.",
        "urlp_val(item) # 7",
        Fetch::each(Kind::Int, |args, f, cursor| {
            parameter(args, f, cursor, |value| Value::Int(leading_int(value).unwrap_or(0)))
        })
        .with(PARAMETER)
        .checked(check_delimiter),
    ),
];

fn of<'a>(facts: &Facts<'a>, find: impl FnOnce(&'a Head) -> Option<Value<'a>>) -> Fetched<'a> {
    answer(request(facts).map(|head| find(head).into()))
}

/// The first Host header and what `part` finds in the target.
fn base(head: &Head, part: fn(&[u8]) -> Option<&[u8]>) -> Vec<u8> {
    let host = head.header(b"host").unwrap_or_default();
    [host, part(head.uri()).unwrap_or_default()].concat()
}

fn hashed(text: &[u8]) -> u32 {
    hash::avalanche(hash::sdbm(text))
}

fn with_source<'a>(number: u32, facts: &Facts<'_>) -> Value<'a> {
    let mut bytes = number.to_be_bytes().to_vec();
    match facts.session.source.ip() {
        IpAddr::V4(ip) => bytes.extend(ip.octets()),
        IpAddr::V6(ip) => bytes.extend(ip.octets()),
    }
    Value::binary(bytes)
}

fn url_ip(head: &Head) -> Option<IpAddr> {
    let (host, _) = uri::host_port(uri::authority(head.uri())?);
    let host = host
        .strip_prefix(b"[")
        .and_then(|host| host.strip_suffix(b"]"))
        .unwrap_or(host);
    std::str::from_utf8(host).ok()?.parse().ok()
}

fn url_port(head: &Head) -> Option<i64> {
    url_ip(head)?;
    let (_, port) = uri::host_port(uri::authority(head.uri())?);
    port.map_or(Some(80), leading_int)
}

fn check_delimiter(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    if let Some(delimiter) = args.bytes(1) {
        let [delimiter] = *delimiter else {
            return Err(Error::new("delimiter must be a single character"));
        };
        args.set(1, Arg::Int(delimiter.into()));
    }
    Ok(())
}

/// A parameter of the wanted name, or any where none is wanted.
fn parameter<'a>(
    args: &'a Args,
    facts: &Facts<'a>,
    cursor: &mut Cursor,
    read: impl Fn(&'a [u8]) -> Value<'a>,
) -> Fetched<'a> {
    let delimiter = args.int(1).map_or(b'?', |delimiter| delimiter as u8);
    let name = args.bytes(0).filter(|name| !name.is_empty());
    of(facts, |head| {
        let mut values = uri::params(head.uri(), delimiter)
            .filter(|(known, _)| name.is_none_or(|name| *known == name))
            .map(|(_, value)| value);
        let value = values.nth(cursor.offset)?;
        if cursor.all {
            cursor.offset += 1;
            cursor.more = true;
        }
        Some(read(value))
    })
}
