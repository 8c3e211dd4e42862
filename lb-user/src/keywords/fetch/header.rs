//! Header fields of the request and the response (manual 7.3.6).

use super::{answer, judged, request, response, works};
use crate::http::header;
use crate::http::message::Head;
use crate::language::{Error, Scope};
use crate::rules::value::leading_int;
use crate::rules::{ArgKind, ArgSpec, Args, Context, Cursor, Facts, Fetch, FetchRow, Fetched, Kind, Value};

const NAME: ArgSpec = ArgSpec::optional(ArgKind::Str, "name");
const OCCURRENCE: ArgSpec = ArgSpec::optional(ArgKind::Int, "occ");
const DELIMITER: ArgSpec = ArgSpec::optional(ArgKind::Str, "delim");
const REQUEST: Scope = Scope::HTTP_REQUEST_HEAD;
const RESPONSE: Scope = Scope::HTTP_RESPONSE_HEAD;

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["req.hdr"],
        "([<name>[,<occ>]])",
        REQUEST,
        "A value of a list that a header of the request is: the last one, or the one of that number.",
        "req.hdr(accept) # text/plain",
        Fetch::each(Kind::Str, |args, f, cursor| {
            in_request(f, |head| list_value(args, head, cursor))
        })
        .with(&[NAME, OCCURRENCE])
        .checked(check_occurrence),
    ),
    works(
        &["req.fhdr"],
        "([<name>[,<occ>]])",
        REQUEST,
        "The whole value of a header of the request: of the last one, or of the one of that number.",
        "req.fhdr(accept) # text/html;q=0.9, text/plain",
        Fetch::each(Kind::Str, |args, f, cursor| {
            in_request(f, |head| whole_value(args, head, cursor))
        })
        .with(&[NAME, OCCURRENCE])
        .checked(check_occurrence),
    ),
    works(
        &["req.hdr_cnt", "hdr_cnt"],
        "([<name>])",
        REQUEST,
        "How many values the headers of that name hold, in the request.",
        "req.hdr_cnt(accept) # 2",
        Fetch::one(Kind::Int, |args, f| {
            in_request(f, |head| count(header::list(head, name(args))))
        })
        .with(&[NAME]),
    ),
    works(
        &["req.fhdr_cnt"],
        "([<name>])",
        REQUEST,
        "How many headers of that name the request has.",
        "req.fhdr_cnt(accept) # 1",
        Fetch::one(Kind::Int, |args, f| {
            in_request(f, |head| count(header::lines(head, name(args))))
        })
        .with(&[NAME]),
    ),
    works(
        &["req.hdr_ip", "hdr_ip"],
        "([<name>[,<occ>]])",
        REQUEST,
        "A value of a header of the request as an address; a port behind an IPv4 one is dropped.",
        "req.hdr_ip(x-forwarded-for,1) # 10.0.0.9",
        Fetch::each(Kind::Address, |args, f, cursor| {
            in_request(f, |head| address(args, head, cursor))
        })
        .with(&[NAME, OCCURRENCE])
        .checked(check_occurrence),
    ),
    works(
        &["req.hdr_val", "hdr_val"],
        "([<name>[,<occ>]])",
        REQUEST,
        "A value of a header of the request as an integer.",
        "req.hdr_val(x-level) # 7",
        Fetch::each(Kind::Int, |args, f, cursor| {
            in_request(f, |head| integer(args, head, cursor))
        })
        .with(&[NAME, OCCURRENCE])
        .checked(check_occurrence),
    ),
    works(
        &["req.hdr_names"],
        "([<delim>])",
        REQUEST,
        "The names of all headers of the request, with a delimiter between them.",
        "req.hdr_names(;),word(1,;) # host",
        Fetch::one(Kind::Str, |args, f| in_request(f, |head| Some(names(args, head)))).with(&[DELIMITER]),
    ),
    works(
        &["req.hdrs"],
        "",
        REQUEST,
        "All headers of the request as lines, with the empty line behind them.",
        "req.hdrs,field(1,:) # host",
        Fetch::one(Kind::Str, |_, f| in_request(f, |head| Some(lines(head)))),
    ),
    works(
        &["req.hdrs_bin"],
        "",
        REQUEST,
        "All headers of the request in the encoding of SPOE: lengths before names and values.",
        "req.hdrs_bin,bytes(0,5),hex # 04686F7374",
        Fetch::one(Kind::Bin, |_, f| in_request(f, |head| Some(encoded(head)))),
    ),
    works(
        &["hdr"],
        "([<name>[,<occ>]])",
        REQUEST.or(RESPONSE),
        "The same as `req.hdr` or `res.hdr`, whichever message is being judged.",
        "hdr(host) # www.example.com",
        Fetch::each(Kind::Str, |args, f, cursor| {
            answer(judged(f).map(|head| list_value(args, head, cursor).into()))
        })
        .with(&[NAME, OCCURRENCE])
        .checked(check_occurrence),
    ),
    works(
        &["res.hdr", "shdr"],
        "([<name>[,<occ>]])",
        RESPONSE,
        "A value of a list that a header of the response is: the last one, or the one of that number.",
        "res.hdr(server) # origin",
        Fetch::each(Kind::Str, |args, f, cursor| {
            in_response(f, |head| list_value(args, head, cursor))
        })
        .with(&[NAME, OCCURRENCE])
        .checked(check_occurrence),
    ),
    works(
        &["res.fhdr"],
        "([<name>[,<occ>]])",
        RESPONSE,
        "The whole value of a header of the response: of the last one, or of the one of that number.",
        "res.fhdr(content-type) # text/html",
        Fetch::each(Kind::Str, |args, f, cursor| {
            in_response(f, |head| whole_value(args, head, cursor))
        })
        .with(&[NAME, OCCURRENCE])
        .checked(check_occurrence),
    ),
    works(
        &["res.hdr_cnt", "shdr_cnt"],
        "([<name>])",
        RESPONSE,
        "How many values the headers of that name hold, in the response.",
        "res.hdr_cnt(vary) # 2",
        Fetch::one(Kind::Int, |args, f| {
            in_response(f, |head| count(header::list(head, name(args))))
        })
        .with(&[NAME]),
    ),
    works(
        &["res.fhdr_cnt"],
        "([<name>])",
        RESPONSE,
        "How many headers of that name the response has.",
        "res.fhdr_cnt(set-cookie) # 2",
        Fetch::one(Kind::Int, |args, f| {
            in_response(f, |head| count(header::lines(head, name(args))))
        })
        .with(&[NAME]),
    ),
    works(
        &["res.hdr_ip", "shdr_ip"],
        "([<name>[,<occ>]])",
        RESPONSE,
        "A value of a header of the response as an address; a port behind an IPv4 one is dropped.",
        "res.hdr_ip(x-node) # 10.1.2.3",
        Fetch::each(Kind::Address, |args, f, cursor| {
            in_response(f, |head| address(args, head, cursor))
        })
        .with(&[NAME, OCCURRENCE])
        .checked(check_occurrence),
    ),
    works(
        &["res.hdr_val", "shdr_val"],
        "([<name>[,<occ>]])",
        RESPONSE,
        "A value of a header of the response as an integer.",
        "res.hdr_val(content-length) # 12",
        Fetch::each(Kind::Int, |args, f, cursor| {
            in_response(f, |head| integer(args, head, cursor))
        })
        .with(&[NAME, OCCURRENCE])
        .checked(check_occurrence),
    ),
    works(
        &["res.hdr_names"],
        "([<delim>])",
        RESPONSE,
        "The names of all headers of the response, with a delimiter between them.",
        "res.hdr_names,field(1,\",\") # server",
        Fetch::one(Kind::Str, |args, f| in_response(f, |head| Some(names(args, head)))).with(&[DELIMITER]),
    ),
    works(
        &["res.hdrs"],
        "",
        RESPONSE,
        "All headers of the response as lines, with the empty line behind them.",
        "res.hdrs,field(1,:) # server",
        Fetch::one(Kind::Str, |_, f| in_response(f, |head| Some(lines(head)))),
    ),
    works(
        &["res.hdrs_bin"],
        "",
        RESPONSE,
        "All headers of the response in the encoding of SPOE: lengths before names and values.",
        "res.hdrs_bin,bytes(0,1),hex # 06",
        Fetch::one(Kind::Bin, |_, f| in_response(f, |head| Some(encoded(head)))),
    ),
];

fn in_request<'a>(facts: &Facts<'a>, find: impl FnOnce(&'a Head) -> Option<Value<'a>>) -> Fetched<'a> {
    answer(request(facts).map(|head| find(head).into()))
}

fn in_response<'a>(facts: &Facts<'a>, find: impl FnOnce(&'a Head) -> Option<Value<'a>>) -> Fetched<'a> {
    answer(response(facts).map(|head| find(head).into()))
}

/// The header's name, if one is given.
fn name(args: &Args) -> Option<&[u8]> {
    args.bytes(0).filter(|name| !name.is_empty())
}

fn check_occurrence(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    match args.int(1) {
        Some(number) if number < -10 => Err(Error::new("header occurrence must be >= -10")),
        Some(_) if name(args).is_none() => Err(Error::new("a header name is expected as first argument")),
        _ => Ok(()),
    }
}

/// The value that the arguments or, where all are wanted, the cursor means.
fn choose<'a>(
    args: &Args,
    mut values: impl Iterator<Item = &'a [u8]> + Clone,
    cursor: &mut Cursor,
) -> Option<&'a [u8]> {
    match args.int(1).filter(|number| *number != 0) {
        Some(number) => header::occurrence(values, number),
        None if cursor.all => {
            let value = values.nth(cursor.offset)?;
            cursor.offset += 1;
            cursor.more = true;
            Some(value)
        }
        None => header::occurrence(values, -1),
    }
}

fn list_value<'a>(args: &'a Args, head: &'a Head, cursor: &mut Cursor) -> Option<Value<'a>> {
    choose(args, header::list(head, name(args)), cursor).map(Value::str)
}

fn whole_value<'a>(args: &'a Args, head: &'a Head, cursor: &mut Cursor) -> Option<Value<'a>> {
    choose(args, header::lines(head, name(args)), cursor).map(Value::str)
}

fn address<'a>(args: &'a Args, head: &'a Head, cursor: &mut Cursor) -> Option<Value<'a>> {
    loop {
        cursor.more = false;
        let value = choose(args, header::list(head, name(args)), cursor)?;
        match header::address(value) {
            Some(ip) => return Some(Value::address(ip)),
            None if cursor.more => {}
            None => return None,
        }
    }
}

fn integer<'a>(args: &'a Args, head: &'a Head, cursor: &mut Cursor) -> Option<Value<'a>> {
    let value = choose(args, header::list(head, name(args)), cursor)?;
    Some(Value::Int(leading_int(value).unwrap_or(0)))
}

fn count<'a, 'v>(values: impl Iterator<Item = &'v [u8]>) -> Option<Value<'a>> {
    Some(Value::Int(values.count() as i64))
}

fn names<'a>(args: &Args, head: &Head) -> Value<'a> {
    let delimiter = args.bytes(0).and_then(|text| text.first()).copied().unwrap_or(b',');
    let mut out = Vec::new();
    for (at, (name, _)) in head.headers().enumerate() {
        if at > 0 {
            out.push(delimiter);
        }
        out.extend(name.to_ascii_lowercase());
    }
    Value::string(out)
}

fn lines<'a>(head: &Head) -> Value<'a> {
    let mut out = Vec::with_capacity(head.head_len());
    for (name, value) in head.headers() {
        out.extend(name.to_ascii_lowercase());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Value::string(out)
}

fn encoded<'a>(head: &Head) -> Value<'a> {
    let mut out = Vec::with_capacity(head.head_len());
    for (name, value) in head.headers() {
        for text in [name.to_ascii_lowercase().as_slice(), value] {
            push_length(text.len() as u64, &mut out);
            out.extend_from_slice(text);
        }
    }
    out.extend_from_slice(&[0, 0]);
    Value::binary(out)
}

/// Appends a number in SPOE's variable-length encoding: one byte below 240, else seven bits a byte after four.
fn push_length(length: u64, out: &mut Vec<u8>) {
    if length < 240 {
        out.push(length as u8);
        return;
    }
    out.push(length as u8 | 240);
    let mut rest = (length - 240) >> 4;
    while rest >= 128 {
        out.push(rest as u8 | 128);
        rest = (rest - 128) >> 7;
    }
    out.push(rest as u8);
}
