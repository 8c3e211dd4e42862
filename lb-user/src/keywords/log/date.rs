//! Dates, in local time and GMT.

use super::{http, variable};
use crate::rules::log_format::{Flags, LogVariableRow, write};
use crate::runtime::calendar::{Calendar, LogDate};

/// The rows of this file.
pub const ROWS: &[LogVariableRow] = &[
    variable(
        &["t"],
        "Date of the accept, with milliseconds.",
        "log-format %t",
        |f, _, out| {
            with_milliseconds(f.session.accepted, out);
        },
    ),
    variable(&["T"], "Date of the accept in GMT.", "log-format %T", |f, _, out| {
        with_zone(Calendar::utc(f.session.accepted / 1_000_000), out);
    }),
    variable(
        &["Tl"],
        "Date of the accept in local time.",
        "log-format %Tl",
        |f, _, out| {
            with_zone(Calendar::local(f.session.accepted / 1_000_000), out);
        },
    ),
    http(
        &["tr"],
        "Date of the request's first byte, with milliseconds.",
        "log-format %tr",
        |f, _, out| {
            with_milliseconds(f.exchange.times.start_date, out);
        },
    ),
    http(
        &["trg"],
        "Date of the request's first byte in GMT.",
        "log-format %trg",
        |f, _, out| {
            with_zone(Calendar::utc(f.exchange.times.start_date / 1_000_000), out);
        },
    ),
    http(
        &["trl"],
        "Date of the request's first byte in local time.",
        "log-format %trl",
        |f, _, out| {
            with_zone(Calendar::local(f.exchange.times.start_date / 1_000_000), out);
        },
    ),
    variable(
        &["Ts"],
        "Seconds since the epoch at the accept.",
        "log-format %Ts",
        |f, flags, out| {
            seconds(f.session.accepted / 1_000_000, flags, out);
        },
    ),
    variable(
        &["ms"],
        "Milliseconds within the accept's second.",
        "log-format %ms",
        |f, _, out| {
            append(format_args!("{:03}", f.session.accepted / 1_000 % 1_000), out);
        },
    ),
];

/// `06/Feb/2009:12:14:14.655`
fn with_milliseconds(date: u64, out: &mut Vec<u8>) {
    append(LogDate(date), out);
}

/// `06/Feb/2009:12:14:14 +0100`
fn with_zone(date: Calendar, out: &mut Vec<u8>) {
    append(date, out);
    let (sign, hours, minutes) = date.zone();
    append(format_args!(" {sign}{hours:02}{minutes:02}"), out);
}

/// `%Ts`, of as many hexadecimal digits as it takes.
fn seconds(seconds: u64, flags: Flags, out: &mut Vec<u8>) {
    if flags.hex {
        append(format_args!("{seconds:04X}"), out)
    } else {
        append(seconds, out)
    }
}

fn append(shown: impl std::fmt::Display, out: &mut Vec<u8>) {
    write::number(out, shown);
}
