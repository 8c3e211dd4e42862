//! Credentials of the request (manual 7.3.6; RFC 7617).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{answer, request, works};
use crate::http::message::Head;
use crate::language::Scope;
use crate::rules::{Facts, Fetch, FetchRow, Fetched, Kind, Value};

const REQUEST: Scope = Scope::HTTP_REQUEST_HEAD;

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["http_auth_type"],
        "",
        REQUEST,
        "How the request authenticates: `Basic`, if it does.",
        "http_auth_type # Basic",
        Fetch::one(Kind::Str, |_, f| {
            of(f, |head| credentials(head).map(|_| Value::str(b"Basic")))
        }),
    ),
    works(
        &["http_auth_user"],
        "",
        REQUEST,
        "The user's name in the Authorization header.",
        "http_auth_user # ann",
        Fetch::one(Kind::Str, |_, f| {
            of(f, |head| credentials(head).map(|(user, _)| Value::string(user)))
        }),
    ),
    works(
        &["http_auth_pass"],
        "",
        REQUEST,
        "The user's password in the Authorization header.",
        "http_auth_pass # secret",
        Fetch::one(Kind::Str, |_, f| {
            of(f, |head| credentials(head).map(|(_, password)| Value::string(password)))
        }),
    ),
];

fn of<'a>(facts: &Facts<'a>, find: impl FnOnce(&'a Head) -> Option<Value<'a>>) -> Fetched<'a> {
    answer(request(facts).map(|head| find(head).into()))
}

/// User and password of basic authentication.
fn credentials(head: &Head) -> Option<(Vec<u8>, Vec<u8>)> {
    let value = head.header(b"authorization")?;
    let (scheme, token) = value.split_at_checked(memchr::memchr(b' ', value)?)?;
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let decoded = STANDARD.decode(token.trim_ascii()).ok()?;
    let colon = memchr::memchr(b':', &decoded)?;
    Some((decoded.get(..colon)?.to_vec(), decoded.get(colon + 1..)?.to_vec()))
}
