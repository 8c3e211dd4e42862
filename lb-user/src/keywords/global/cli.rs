//! Sockets of the runtime API.

use super::{GlobalDraft, GlobalRow, only_word, works};
use crate::keywords::{Reading, bind, number};
use crate::language::{Error, Words};
use crate::plan::bind::BindOptions;
use crate::plan::global::{CliLevel, CliSocket};
use std::time::Duration;

pub(super) const ROWS: &[GlobalRow] = &[
    works(
        &["stats socket"],
        "[<address:port>|<path>] [param*]",
        "A socket of the runtime API.",
        "stats socket /run/lb.sock mode 600 level admin",
        socket,
    ),
    works(
        &["stats timeout"],
        "<timeout>",
        "How long a session of the runtime API may be idle, 10 s by default.",
        "stats timeout 30s",
        |keyword, words, draft, _| {
            let text = words.next().unwrap_or_default();
            words.end(keyword)?;
            let time = number::duration(text, Duration::from_millis(1)).map_err(|mistake| match mistake {
                number::BadTime::Character(bad) => Error::new(format!("'{keyword}' : unexpected character '{bad}'")),
                other => number::in_argument(other, text, keyword),
            })?;
            if time.is_zero() {
                return Err(Error::new(format!("'{keyword}' expects a positive value")));
            }
            draft.global.stats_timeout = time;
            Ok(())
        },
    ),
    works(
        &["stats maxconn"],
        "<connections>",
        "How many sessions of the runtime API there may be at once, 10 by default.",
        "stats maxconn 10",
        |keyword, words, draft, _| {
            let limit = words
                .next()
                .and_then(|word| word.parse().ok())
                .filter(|limit| *limit > 0);
            words.end(keyword)?;
            draft.global.stats_max_connections =
                limit.ok_or_else(|| Error::new(format!("'{keyword}' expects a positive value")))?;
            Ok(())
        },
    ),
    works(
        &["stats bind-process"],
        "[ all | odd | even | <process_num>[-[process_num>]] ] ...",
        "Accepted, with no effect: there is one process.",
        "stats bind-process all",
        |_, words, _, _| {
            words.take_rest();
            Ok(())
        },
    ),
    works(
        &["unix-bind"],
        "[ prefix <prefix> ] [ mode <mode> ] [ user <user> ] [ uid <uid> ] [ group <group> ] [ gid <gid> ]",
        "What all unix sockets start from; the prefix is put before their paths.",
        "unix-bind mode 600",
        unix_bind,
    ),
    works(
        &["localpeer"],
        "<name>",
        "This machine's name among its peers.",
        "localpeer edge-1",
        |keyword, words, draft, _| {
            draft.global.local_peer = Some(only_word(keyword, words, "a name as an argument")?);
            Ok(())
        },
    ),
];

fn socket(
    keyword: &str,
    words: &mut Words<'_>,
    draft: &mut GlobalDraft,
    reading: &mut Reading<'_>,
) -> Result<(), Error> {
    if words.is_empty() {
        return Err(Error::new(
            "'stats socket' in global section expects an address or a path to a UNIX socket",
        ));
    }
    for bind in bind::parse(keyword, "global", words, BindOptions::default(), reading)? {
        draft.global.cli.push(CliSocket {
            level: bind.options.level.unwrap_or(CliLevel::Operator),
            expose_listeners: bind.options.expose_listeners,
            bind,
        });
    }
    Ok(())
}

fn unix_bind(
    keyword: &str,
    words: &mut Words<'_>,
    draft: &mut GlobalDraft,
    reading: &mut Reading<'_>,
) -> Result<(), Error> {
    while let Some(word) = words.next() {
        match word {
            "prefix" => {
                let prefix = words
                    .next()
                    .ok_or_else(|| Error::new("unix_bind 'prefix' expects a path as an argument."))?;
                draft.unix_bind.prefix = prefix.to_owned();
            }
            "mode" | "uid" | "gid" | "user" | "group" => {
                bind::option(
                    word,
                    words,
                    &mut draft.unix_bind.options,
                    reading,
                    &format!("'{keyword}'"),
                )?;
            }
            _ => {
                return Err(Error::new(format!(
                    "'{keyword}' only supports the 'prefix', 'mode', 'uid', 'gid', 'user' and 'group' options."
                )));
            }
        }
    }
    Ok(())
}
