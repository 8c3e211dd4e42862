//! `tune.…` values that are in use.

use super::{GlobalRow, works};
use crate::keywords::number;
use crate::language::Error;

/// A value that is kept as a whole number.
macro_rules! number {
    ($name:literal, $field:ident, $doc:literal, $example:literal) => {
        works(
            &[$name],
            "<number>",
            $doc,
            concat!($name, " ", $example),
            |keyword, words, draft, _| {
                draft.global.tune.$field = number::only_integer(keyword, words)?;
                Ok(())
            },
        )
    };
}

/// A socket buffer's size.
macro_rules! buffer {
    ($name:literal, $field:ident, $doc:literal) => {
        works(
            &[$name],
            "<number>",
            $doc,
            concat!($name, " 65536"),
            |keyword, words, draft, _| {
                draft.global.tune.$field = Some(number::only_integer(keyword, words)?);
                Ok(())
            },
        )
    };
}

pub(super) const ROWS: &[GlobalRow] = &[
    works(
        &["tune.bufsize"],
        "<number>",
        "Bytes of a message that are held at once; its head must fit. 16384 by default.",
        "tune.bufsize 16384",
        |keyword, words, draft, _| {
            let size = number::only_integer(keyword, words)?;
            draft.global.tune.bufsize = at_least(keyword, size, 1_024)?;
            Ok(())
        },
    ),
    number!(
        "tune.maxrewrite",
        maxrewrite,
        "Bytes of that which are kept free for rules that lengthen a head.",
        "1024"
    ),
    works(
        &["tune.http.maxhdr"],
        "<number>",
        "How many headers a message may have, 101 by default.",
        "tune.http.maxhdr 101",
        |keyword, words, draft, _| {
            let number: usize = number::only_integer(keyword, words)?;
            if !(1..=32_767).contains(&number) {
                return Err(Error::new(format!(
                    "'{keyword}' expects a numeric value between 1 and 32767"
                )));
            }
            draft.global.tune.max_headers = number;
            Ok(())
        },
    ),
    number!(
        "tune.http.cookielen",
        cookie_length,
        "Longest captured cookie, 63 by default.",
        "63"
    ),
    number!(
        "tune.http.logurilen",
        log_uri_length,
        "Longest request line in logs, 1024 by default.",
        "1024"
    ),
    number!(
        "tune.maxaccept",
        max_accept,
        "How many connections a worker accepts in a row. -1: without limit.",
        "64"
    ),
    buffer!(
        "tune.rcvbuf.client",
        receive_buffer_client,
        "The kernel's receive buffer of client connections."
    ),
    buffer!(
        "tune.rcvbuf.server",
        receive_buffer_server,
        "The kernel's receive buffer of server connections."
    ),
    buffer!(
        "tune.sndbuf.client",
        send_buffer_client,
        "The kernel's send buffer of client connections."
    ),
    buffer!(
        "tune.sndbuf.server",
        send_buffer_server,
        "The kernel's send buffer of server connections."
    ),
];

fn at_least(keyword: &str, number: usize, least: usize) -> Result<usize, Error> {
    match number >= least {
        true => Ok(number),
        false => Err(Error::new(format!(
            "'{keyword}' expects a value of at least {least} (got {number})."
        ))),
    }
}
