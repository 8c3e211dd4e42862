//! Cookies of the request and the response (manual 7.3.6).

use super::{answer, request, response, works};
use crate::http::cookie;
use crate::language::Scope;
use crate::rules::value::leading_int;
use crate::rules::{ArgKind, ArgSpec, Args, Cursor, Facts, Fetch, FetchRow, Fetched, Kind, Side, Value};

const NAME: &[ArgSpec] = &[ArgSpec::optional(ArgKind::Str, "name")];
const REQUEST: Scope = Scope::HTTP_REQUEST_HEAD;
const RESPONSE: Scope = Scope::HTTP_RESPONSE_HEAD;

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["req.cook", "cook"],
        "([<name>])",
        REQUEST,
        "The last cookie of that name in the request; without a name the first cookie.",
        "req.cook(theme) # dark",
        Fetch::each(Kind::Str, |args, f, cursor| of_request(args, f, cursor, Value::str)).with(NAME),
    ),
    works(
        &["req.cook_cnt", "cook_cnt"],
        "([<name>])",
        REQUEST,
        "How many cookies of that name the request has.",
        "req.cook_cnt # 2",
        Fetch::one(Kind::Int, |args, f| {
            answer(request(f).map(|head| count(args, cookie::of_request(head))))
        })
        .with(NAME),
    ),
    works(
        &["req.cook_val", "cook_val"],
        "([<name>])",
        REQUEST,
        "A cookie of the request as an integer.",
        "req.cook_val(visits) # 12",
        Fetch::each(Kind::Int, |args, f, cursor| of_request(args, f, cursor, integer)).with(NAME),
    ),
    works(
        &["res.cook", "scook", "set-cookie"],
        "([<name>])",
        RESPONSE,
        "The last cookie of that name that the response sets; without a name the first one.",
        "res.cook(id) # abc",
        Fetch::each(Kind::Str, |args, f, cursor| of_response(args, f, cursor, Value::str)).with(NAME),
    ),
    works(
        &["res.cook_cnt", "scook_cnt"],
        "([<name>])",
        RESPONSE,
        "How many cookies of that name the response sets.",
        "res.cook_cnt # 2",
        Fetch::one(Kind::Int, |args, f| {
            answer(response(f).map(|head| count(args, cookie::of_response(head))))
        })
        .with(NAME),
    ),
    works(
        &["res.cook_val", "scook_val"],
        "([<name>])",
        RESPONSE,
        "A cookie that the response sets as an integer.",
        "res.cook_val(visits) # 13",
        Fetch::each(Kind::Int, |args, f, cursor| of_response(args, f, cursor, integer)).with(NAME),
    ),
    works(
        &["cookie"],
        "([<name>])",
        REQUEST.or(RESPONSE),
        "The same as `req.cook` or `res.cook`, whichever message is being judged.",
        "cookie(theme) # dark",
        Fetch::each(Kind::Str, |args, f, cursor| match f.side {
            Side::Request => of_request(args, f, cursor, Value::str),
            Side::Response => of_response(args, f, cursor, Value::str),
        })
        .with(NAME),
    ),
];

fn of_request<'a>(
    args: &'a Args,
    facts: &Facts<'a>,
    cursor: &mut Cursor,
    read: impl Fn(&'a [u8]) -> Value<'a>,
) -> Fetched<'a> {
    answer(request(facts).map(|head| choose(args, cookie::of_request(head), cursor).map(read).into()))
}

fn of_response<'a>(
    args: &'a Args,
    facts: &Facts<'a>,
    cursor: &mut Cursor,
    read: impl Fn(&'a [u8]) -> Value<'a>,
) -> Fetched<'a> {
    answer(response(facts).map(|head| choose(args, cookie::of_response(head), cursor).map(read).into()))
}

fn integer<'a>(value: &[u8]) -> Value<'a> {
    Value::Int(leading_int(value).unwrap_or(0))
}

fn wanted(args: &Args) -> Option<&[u8]> {
    args.bytes(0).filter(|name| !name.is_empty())
}

/// All cookies of the name one after the other, else the last of it, else the first of all.
fn choose<'a>(
    args: &Args,
    cookies: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    cursor: &mut Cursor,
) -> Option<&'a [u8]> {
    let name = wanted(args);
    let mut values = cookies
        .filter(|(known, _)| name.is_none_or(|name| *known == name))
        .map(|(_, value)| value);
    if cursor.all {
        let value = values.nth(cursor.offset)?;
        cursor.offset += 1;
        cursor.more = true;
        return Some(value);
    }
    if name.is_none() { values.next() } else { values.last() }
}

fn count<'a, 'v>(args: &Args, cookies: impl Iterator<Item = (&'v [u8], &'v [u8])>) -> Fetched<'a> {
    let name = wanted(args);
    let counted = cookies
        .filter(|(known, _)| name.is_none_or(|name| *known == name))
        .count();
    Value::Int(counted as i64).into()
}
