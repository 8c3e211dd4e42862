//! Limits of the process, and the spreading of checks.

use super::{GlobalRow, works};
use crate::keywords::number;
use crate::language::Error;
use std::time::Duration;

pub(super) const ROWS: &[GlobalRow] = &[
    works(
        &["maxconn"],
        "<number>",
        "How many connections the process may have at once.",
        "maxconn 4000",
        |keyword, words, draft, _| {
            draft.global.max_connections = Some(number::only_integer(keyword, words)?).filter(|limit| *limit > 0);
            Ok(())
        },
    ),
    works(
        &["maxconnrate"],
        "<number>",
        "How many connections a second the process accepts.",
        "maxconnrate 1000",
        |keyword, words, draft, _| {
            draft.global.max_connection_rate = number::only_integer(keyword, words)?;
            Ok(())
        },
    ),
    works(
        &["maxsessrate"],
        "<number>",
        "How many sessions a second the process accepts.",
        "maxsessrate 1000",
        |keyword, words, draft, _| {
            draft.global.max_session_rate = number::only_integer(keyword, words)?;
            Ok(())
        },
    ),
    works(
        &["ulimit-n"],
        "<number>",
        "How many descriptors the process asks for; computed from `maxconn` where it is not set.",
        "ulimit-n 65536",
        |keyword, words, draft, _| {
            draft.global.ulimit_n = Some(number::only_integer(keyword, words)?);
            Ok(())
        },
    ),
    works(
        &["spread-checks"],
        "<0..50, in percent>",
        "How far health checks may leave their interval, so that they do not all come at once.",
        "spread-checks 5",
        |keyword, words, draft, _| {
            let word = words.need(keyword, "an integer argument (0..50)")?;
            words.end(keyword)?;
            let percent = word.parse().ok().filter(|percent| *percent <= 50);
            draft.global.spread_checks =
                percent.ok_or_else(|| Error::new(format!("'{keyword}' needs a positive value in range 0..50.")))?;
            Ok(())
        },
    ),
    works(
        &["max-spread-checks"],
        "<delay in milliseconds>",
        "How far at most.",
        "max-spread-checks 2s",
        |keyword, words, draft, _| {
            let word = words.need(keyword, "an integer argument (0..50)")?;
            words.end(keyword)?;
            let time = number::duration(word, Duration::from_millis(1)).map_err(|mistake| match mistake {
                number::BadTime::Character(bad) => Error::new(format!(
                    "unsupported character '{bad}' in '{keyword}' (wants an integer delay)."
                )),
                other => number::in_argument(other, word, keyword),
            })?;
            draft.global.max_spread_checks = Some(time);
            Ok(())
        },
    ),
];
