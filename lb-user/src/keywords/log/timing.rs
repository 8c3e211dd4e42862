//! How long phases took (manual 8.4), how much was moved, how it ended.

use super::{number, variable};
use crate::rules::context::LogVariableRow;
use crate::rules::facts::Times;

pub const ROWS: &[LogVariableRow] = &[
    variable(
        &["Th"],
        "Milliseconds of the connection's handshakes.",
        "log-format %Th",
        |f, _, out| {
            number(f.exchange.times.handshake, out);
        },
    ),
    variable(
        &["Ti"],
        "Milliseconds idle before the request.",
        "log-format %Ti",
        |f, _, out| {
            number(f.exchange.times.idle, out);
        },
    ),
    variable(
        &["TR"],
        "Milliseconds to receive the request's head.",
        "log-format %TR",
        |f, _, out| {
            number(f.exchange.times.request, out);
        },
    ),
    variable(&["Tq"], "`%Th` + `%Ti` + `%TR`.", "log-format %Tq", |f, _, out| {
        number(query(&f.exchange.times), out)
    }),
    variable(
        &["Tw"],
        "Milliseconds waited for a server.",
        "log-format %Tw",
        |f, _, out| {
            number(f.exchange.times.queue, out);
        },
    ),
    variable(
        &["Tc"],
        "Milliseconds to connect to the server.",
        "log-format %Tc",
        |f, _, out| {
            number(f.exchange.times.connect, out);
        },
    ),
    variable(
        &["Tr"],
        "Milliseconds until the response's head.",
        "log-format %Tr",
        |f, _, out| {
            number(f.exchange.times.response, out);
        },
    ),
    variable(
        &["Td"],
        "Milliseconds of moving the response's data.",
        "log-format %Td",
        |f, _, out| {
            number(f.exchange.times.data, out);
        },
    ),
    variable(
        &["Ta"],
        "Milliseconds the request was active.",
        "log-format %Ta",
        |f, _, out| {
            number(f.exchange.times.total, out);
        },
    ),
    variable(
        &["Tt"],
        "Milliseconds from accept or the last response to the end.",
        "log-format %Tt",
        |f, _, out| {
            let times = &f.exchange.times;
            number(times.handshake + times.idle.max(0) + times.total, out);
        },
    ),
    variable(&["Tu"], "`%Tt` without idling.", "log-format %Tu", |f, _, out| {
        number(f.exchange.times.handshake + f.exchange.times.total, out);
    }),
    variable(&["B"], "Bytes sent to the client.", "log-format %B", |f, _, out| {
        number(f.exchange.bytes_out, out)
    }),
    variable(&["U"], "Bytes sent to the server.", "log-format %U", |f, _, out| {
        number(f.exchange.bytes_in, out)
    }),
    variable(
        &["ts"],
        "How the stream ended, in two letters.",
        "log-format %ts",
        |f, _, out| {
            letters(f.exchange.ending, out);
        },
    ),
    variable(
        &["tsc"],
        "How the exchange ended, with the persistence cookie's part.",
        "log-format %tsc",
        |f, _, out| {
            letters(f.exchange.ending, out);
            letters(f.exchange.cookie_flags, out);
        },
    ),
];

fn query(times: &Times) -> i64 {
    if times.request < 0 {
        -1
    } else {
        times.handshake + times.idle.max(0) + times.request
    }
}

/// Unset letters show as dashes.
fn letters(letters: [u8; 2], out: &mut Vec<u8>) {
    out.extend(letters.map(|letter| if letter == 0 { b'-' } else { letter }));
}
