//! `timeout …` lines.

use std::time::Duration;

use super::{ANY, BACK, Draft, FRONT, ProxyRow, works};
use crate::keywords::{Reading, number};
use crate::language::{Error, Words};
use crate::plan::Timeouts;

/// One row: the keyword sets one field.
macro_rules! timeout {
    ($name:literal, $field:ident, $scope:expr, $doc:literal) => {
        works(
            &[concat!("timeout ", $name)],
            "<timeout>",
            $scope,
            $doc,
            concat!("timeout ", $name, " 30s"),
            |keyword, words, draft, reading| {
                let field: fn(&mut Timeouts) -> &mut Option<Duration> = |timeouts| &mut timeouts.$field;
                set(keyword, words, draft, reading, field)
            },
        )
    };
}

pub(super) const ROWS: &[ProxyRow] = &[
    timeout!("client", client, FRONT, "How long a client may stay silent."),
    timeout!(
        "client-fin",
        client_fin,
        FRONT,
        "The same once one direction is closed."
    ),
    timeout!("connect", connect, BACK, "How long a connection to a server may take."),
    timeout!("server", server, BACK, "How long a server may stay silent."),
    timeout!("server-fin", server_fin, BACK, "The same once one direction is closed."),
    timeout!(
        "tunnel",
        tunnel,
        BACK,
        "How long both sides of a tunnel may stay silent."
    ),
    timeout!(
        "queue",
        queue,
        BACK,
        "How long a request may wait for a server; `timeout connect` where it is not set."
    ),
    timeout!("check", check, BACK, "How long a health check may take once connected."),
    timeout!(
        "http-request",
        http_request,
        ANY,
        "How long the head of a request may take."
    ),
    timeout!(
        "http-keep-alive",
        http_keep_alive,
        ANY,
        "How long the next request may be awaited."
    ),
    timeout!("tarpit", tarpit, ANY, "How long a tarpitted client is held."),
];

fn set(
    keyword: &str,
    words: &mut Words<'_>,
    draft: &mut Draft,
    reading: &mut Reading<'_>,
    field: fn(&mut Timeouts) -> &mut Option<Duration>,
) -> Result<(), Error> {
    let time = number::timer(keyword, words)?;
    if let Some(extra) = words.peek() {
        return Err(Error::new(format!(
            "'{keyword}' : unexpected extra argument '{extra}' after value '{}'.",
            words.taken().last().map_or("", String::as_str)
        )));
    }
    if field(&mut draft.proxy.timeouts) != field(&mut draft.inherited_timeouts) {
        reading.warn(format_args!("overwriting '{keyword}' which was already specified"));
    }
    *field(&mut draft.proxy.timeouts) = (!time.is_zero()).then_some(time);
    Ok(())
}
