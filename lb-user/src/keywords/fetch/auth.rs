//! Credentials of the request (manual 7.3.6; RFC 7617).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{answer, request, works};
use crate::http::message::Head;
use crate::language::Scope;
use crate::rules::{Arg, ArgKind, ArgSpec, Args, Cursor, Facts, Fetch, FetchRow, Fetched, Kind, Value};
use crate::state::userlist::User;

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
    works(
        &["http_auth"],
        "(<userlist>)",
        REQUEST,
        "Do the request's credentials belong to a user of the list?",
        "http_auth(people) # 1",
        Fetch::one(Kind::Bool, |args, f| {
            answer(request(f).map(|head| Value::Bool(user(args, head, f).is_some()).into()))
        })
        .with(LIST),
    ),
    works(
        &["http_auth_group"],
        "(<userlist>)",
        REQUEST,
        "The name of the user whose credentials the request carries; in an ACL, each of the user's groups.",
        "http_auth_group(people) # ann",
        Fetch::each(Kind::Str, |args, f, cursor| {
            answer(request(f).map(|head| name_or_group(user(args, head, f), cursor).into()))
        })
        .with(LIST),
    ),
];

const LIST: &[ArgSpec] = &[ArgSpec::required(ArgKind::Userlist, "userlist")];

/// The user of the list whose credentials the request carries.
fn user<'a>(args: &Args, head: &Head, facts: &Facts<'a>) -> Option<&'a User> {
    let Arg::Userlist(list) = args.get(0) else { return None };
    let (name, password) = credentials(head)?;
    facts.process.userlists.get(*list as usize)?.user(&name, &password)
}

fn name_or_group<'a>(user: Option<&'a User>, cursor: &mut Cursor) -> Option<Value<'a>> {
    let user = user?;
    if !cursor.all {
        return Some(Value::str(user.name.as_bytes()));
    }
    let group = user.groups.get(cursor.offset)?;
    cursor.offset += 1;
    cursor.more = true;
    Some(Value::str(group.as_bytes()))
}

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
