//! How long phases took (manual 8.4), how much was moved, how it ended.

use super::{http, variable};
use crate::rules::Facts;
use crate::rules::facts::Times;
use crate::rules::log_format::{LogVariableRow, write};

/// The rows of this file.
pub const ROWS: &[LogVariableRow] = &[
    variable(
        &["Th"],
        "Milliseconds of the connection's handshakes.",
        "log-format %Th",
        |f, _, out| {
            write::number(out, f.exchange.times.handshake);
        },
    ),
    http(
        &["Ti"],
        "Milliseconds idle before the request.",
        "log-format %Ti",
        |f, _, out| {
            write::number(out, f.exchange.times.idle);
        },
    ),
    http(
        &["TR"],
        "Milliseconds to receive the request's head.",
        "log-format %TR",
        |f, _, out| {
            write::number(out, f.exchange.times.request);
        },
    ),
    http(&["Tq"], "`%Th` + `%Ti` + `%TR`.", "log-format %Tq", |f, _, out| {
        write::number(out, query(&f.exchange.times))
    }),
    variable(
        &["Tw"],
        "Milliseconds waited for a server.",
        "log-format %Tw",
        |f, _, out| {
            write::number(out, f.exchange.times.queue);
        },
    ),
    variable(
        &["Tc"],
        "Milliseconds to connect to the server.",
        "log-format %Tc",
        |f, _, out| {
            write::number(out, f.exchange.times.connect);
        },
    ),
    http(
        &["Tr"],
        "Milliseconds until the response's head.",
        "log-format %Tr",
        |f, _, out| {
            write::number(out, f.exchange.times.response);
        },
    ),
    variable(
        &["Td"],
        "Milliseconds of moving the response's data.",
        "log-format %Td",
        |f, _, out| {
            write::number(out, f.exchange.times.data);
        },
    ),
    variable(
        &["Ta"],
        "Milliseconds the request was active.",
        "log-format %Ta",
        |f, _, out| {
            growing(f, out);
            write::number(out, f.exchange.times.total);
        },
    ),
    variable(
        &["Tt"],
        "Milliseconds from accept or the last response to the end.",
        "log-format %Tt",
        |f, _, out| {
            growing(f, out);
            let times = &f.exchange.times;
            write::number(out, times.handshake + times.idle.max(0) + times.total);
        },
    ),
    variable(&["Tu"], "`%Tt` without idling.", "log-format %Tu", |f, _, out| {
        growing(f, out);
        write::number(out, f.exchange.times.handshake + f.exchange.times.total);
    }),
    variable(&["B"], "Bytes sent to the client.", "log-format %B", |f, _, out| {
        growing(f, out);
        write::number(out, f.exchange.bytes_out)
    }),
    variable(&["U"], "Bytes sent to the server.", "log-format %U", |f, _, out| {
        write::number(out, f.exchange.bytes_in)
    }),
    variable(
        &["ts"],
        "How the stream ended, in two letters.",
        "log-format %ts",
        |f, _, out| {
            letters(f.exchange.ending, out);
        },
    ),
    http(
        &["tsc"],
        "How the exchange ended, with the persistence cookie's part.",
        "log-format %tsc",
        |f, _, out| {
            letters(f.exchange.ending, out);
            letters(f.exchange.cookie_flags, out);
        },
    ),
];

/// Marks a number that had not reached its end when it was logged.
fn growing(facts: &Facts<'_>, out: &mut Vec<u8>) {
    if facts.exchange.logged_early {
        out.push(b'+');
    }
}

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
