//! Sample fetches (manual 7.3), one file for each kind of thing they look at.

mod auth;
mod body;
mod buffer;
mod capture;
mod connection;
mod constant;
mod cookie;
mod farm;
mod header;
mod hello;
mod identity;
mod process;
mod rdp;
mod refused;
mod request;
mod response;
mod session;
mod table;
mod tls;
mod url;

use crate::http::message::Head;
use crate::language::{Does, Scope};
use crate::rules::facts::Side;
use crate::rules::{Facts, Fetch, FetchRow, Fetched};

pub(super) use farm::usable;

/// All fetches, by file.
pub const ROWS: &[&[FetchRow]] = &[
    auth::ROWS,
    body::ROWS,
    buffer::ROWS,
    capture::ROWS,
    connection::ROWS,
    constant::ROWS,
    cookie::ROWS,
    farm::ROWS,
    header::ROWS,
    hello::ROWS,
    identity::ROWS,
    process::ROWS,
    rdp::ROWS,
    refused::ROWS,
    refused::TLS,
    request::ROWS,
    response::ROWS,
    session::ROWS,
    table::ROWS,
    tls::CERTIFICATES[0],
    tls::CERTIFICATES[1],
    tls::CERTIFICATES[2],
    tls::CERTIFICATES[3],
    tls::CERTIFICATES[4],
    tls::SESSIONS[0],
    tls::SESSIONS[1],
    tls::SESSIONS[2],
    tls::SESSIONS[3],
    tls::SESSIONS[4],
    tls::SESSIONS[5],
    tls::SESSIONS[6],
    url::ROWS,
];

/// A row that works. The example is an expression and, after a `#`, its value in the tests' exchange.
const fn works(
    names: &'static [&'static str],
    args: &'static str,
    scope: Scope,
    doc: &'static str,
    example: &'static str,
    fetch: Fetch,
) -> FetchRow {
    FetchRow {
        names,
        args,
        scope,
        doc,
        example,
        does: Does::Works(fetch),
    }
}

/// The request's head, or what to answer without one.
fn request<'a>(facts: &Facts<'a>) -> Result<&'a Head, Fetched<'a>> {
    match (facts.request, facts.side) {
        (Some(head), _) => Ok(head),
        (None, Side::Request) => facts.glimpse.head(facts.request_body),
        (None, Side::Response) => Err(facts.request_body.unsatisfied()),
    }
}

/// The response's head, or what to answer without one.
fn response<'a>(facts: &Facts<'a>) -> Result<&'a Head, Fetched<'a>> {
    facts.response.ok_or_else(|| facts.response_body.unsatisfied())
}

/// The head of the message being judged, or what to answer without one.
fn judged<'a>(facts: &Facts<'a>) -> Result<&'a Head, Fetched<'a>> {
    match facts.side {
        Side::Request => request(facts),
        Side::Response => response(facts),
    }
}

/// The answer that a fetch found, or the one that it gave up with.
fn answer<'a>(found: Result<Fetched<'a>, Fetched<'a>>) -> Fetched<'a> {
    found.unwrap_or_else(|given_up| given_up)
}
