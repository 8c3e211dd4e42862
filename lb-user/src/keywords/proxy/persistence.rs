//! Stick tables, and rules that bind clients to servers by them.

use super::{Draft, NOT_DEFAULTS, ONLY_BACK, ProxyRow, Stick, works};
use crate::keywords::Reading;
use crate::keywords::number::{self, BadTime};
use crate::language::{Error, Scope, Words, units};
use crate::rules::{Condition, Expression};
use crate::stick::{DataKind, DataType, KeyType, StickTable};
use std::time::Duration;

pub(super) const ROWS: &[ProxyRow] = &[
    works(
        &["stick-table"],
        "type {ip | ipv6 | integer | string [len <length>] | binary [len <length>]} size <size> [expire <expire>] [nopurge] [peers <peersect>] [srvkey <srvkey>] [store <data_type>]*",
        NOT_DEFAULTS,
        "The table of this section: what its keys are and what is stored with them.",
        "stick-table type ip size 100k expire 30m store conn_cnt,http_req_rate(10s)",
        table,
    ),
    works(
        &["stick on"],
        "<pattern> [table <table>] [{if | unless} <condition>]",
        ONLY_BACK,
        "Follow what the table says of this key, and learn the server chosen.",
        "stick-table type ip size 100k\nstick on src",
        |_, words, draft, reading| stick(words, draft, reading, true, true, false),
    ),
    works(
        &["stick match"],
        "<pattern> [table <table>] [{if | unless} <condition>]",
        ONLY_BACK,
        "Follow what the table says of this key.",
        "stick-table type ip size 100k\nstick match src",
        |_, words, draft, reading| stick(words, draft, reading, true, false, false),
    ),
    works(
        &["stick store-request"],
        "<pattern> [table <table>] [{if | unless} <condition>]",
        ONLY_BACK,
        "Learn the server chosen under this key of the request.",
        "stick-table type ip size 100k\nstick store-request src",
        |_, words, draft, reading| stick(words, draft, reading, false, true, false),
    ),
    works(
        &["stick store-response"],
        "<pattern> [table <table>] [{if | unless} <condition>]",
        ONLY_BACK,
        "Learn the server chosen under this key of the response.",
        "stick-table type string len 32 size 100k\nstick store-response res.hdr(X-Session)",
        |_, words, draft, reading| stick(words, draft, reading, false, true, true),
    ),
];

fn stick(
    words: &mut Words<'_>,
    draft: &mut Draft,
    reading: &mut Reading<'_>,
    matches: bool,
    stores: bool,
    on_response: bool,
) -> Result<(), Error> {
    let within = |error: Error| Error::new(format!("'stick': {error}"));
    if words.is_empty() {
        return Err(Error::expects("stick", "a fetch method"));
    }
    let place = match on_response {
        true => Scope::STICK_RESPONSE,
        false => Scope::BALANCE,
    };
    let key = Expression::parse(words, &mut reading.compiler(draft, place)).map_err(within)?;
    let table = match words.take("table") {
        true => {
            let name = words
                .next()
                .ok_or_else(|| within(Error::new("missing table name after 'table'.")))?;
            Some(name.to_owned())
        }
        false => None,
    };
    let condition = match words.peek() {
        None => None,
        Some("if" | "unless") => {
            let condition = Condition::parse(words, &mut reading.compiler(draft, place)).map_err(|error| {
                Error::new(format!(
                    "'stick': error detected while parsing sticking condition : {error}."
                ))
            })?;
            Some(condition)
        }
        Some(other) => return Err(within(Error::new(format!("unknown keyword '{other}'.")))),
    };
    draft.stick.push(Stick {
        table,
        key,
        matches,
        stores,
        on_response,
        condition,
    });
    Ok(())
}

fn table(_: &str, words: &mut Words<'_>, draft: &mut Draft, reading: &mut Reading<'_>) -> Result<(), Error> {
    if let Some((table, location)) = draft.table.as_ref().zip(draft.table_location.as_ref()) {
        let (name, title) = (&table.name, draft.title());
        return Err(Error::new(format!(
            "stick-table name '{name}' conflicts with table declared in {title} at {location}."
        )));
    }
    let parsed =
        arguments(words, &draft.proxy.name, reading).map_err(|error| Error::new(format!("stick-table: {error}")))?;
    draft.table = Some(parsed);
    draft.table_location = Some(reading.location.clone());
    Ok(())
}

fn arguments(words: &mut Words<'_>, name: &str, reading: &mut Reading<'_>) -> Result<StickTable, Error> {
    let mut table = StickTable::new(name, KeyType::Ip, 0);
    let mut typed = false;
    while let Some(word) = words.next() {
        let mut value = || {
            let missing = || Error::new(format!("missing argument after '{word}'."));
            words.next().ok_or_else(missing)
        };
        match word {
            "type" => {
                let kind = value()?;
                table.key = KeyType::parse(kind).ok_or_else(|| Error::new(format!("unknown type '{kind}'.")))?;
                table.key_length = table.key.default_length();
                typed = true;
            }
            "len" if table.key.has_length() => {
                let text = value()?;
                let length = text.parse().ok().filter(|length| *length > 0);
                table.key_length = length.ok_or_else(|| Error::new(format!("invalid value '{text}' for len.")))?;
            }
            "size" => {
                let text = value()?;
                table.size = units::size(text).map_err(|_| unexpected(text, word))?;
            }
            "expire" => {
                let text = value()?;
                let time = number::duration(text, Duration::from_millis(1)).map_err(|mistake| match mistake {
                    BadTime::Character(bad) => {
                        Error::new(format!("unexpected character '{bad}' in argument of '{word}'."))
                    }
                    other => number::in_argument(other, text, word),
                })?;
                table.expire = Some(time);
            }
            "nopurge" => table.nopurge = true,
            "peers" => return Err(Error::not_implemented("stick-table … peers")),
            "srvkey" => {
                table.server_key_is_address = match value()? {
                    "name" => false,
                    "addr" => true,
                    _ => return Err(Error::new("srvkey expects either 'name' or 'addr'.")),
                };
            }
            "store" => store(value()?, &mut table.store, reading)?,
            other => return Err(Error::new(format!("unknown argument '{other}'."))),
        }
    }
    match (table.size, typed) {
        (0, _) => Err(Error::new("missing size.")),
        (_, false) => Err(Error::new("missing type.")),
        _ => Ok(table),
    }
}

fn unexpected(text: &str, word: &str) -> Error {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let bad = rest.chars().next().unwrap_or_default();
    Error::new(format!("unexpected character '{bad}' in argument of '{word}'."))
}

/// Reads `gpc0,http_req_rate(10s)`.
fn store(list: &str, types: &mut Vec<(DataType, Option<Duration>)>, reading: &mut Reading<'_>) -> Result<(), Error> {
    for item in list.split(',').filter(|item| !item.is_empty()) {
        let (name, argument) = match item.split_once('(') {
            Some((name, rest)) => (name, Some(rest.strip_suffix(')').unwrap_or(rest))),
            None => (item, None),
        };
        let kind = DataType::parse(name).ok_or_else(|| Error::new(format!("unknown store option '{name}'.")))?;
        if types.iter().any(|(known, _)| *known == kind) {
            reading.warn(format_args!(
                "stick-table: store option '{name}' already enabled, ignored."
            ));
            continue;
        }
        let period = match (kind.kind(), argument.filter(|argument| !argument.is_empty())) {
            (DataKind::Rate, None) => {
                return Err(Error::new(format!("missing argument to store option '{name}'.")));
            }
            (DataKind::Rate, Some(text)) => {
                let time = number::duration(text, Duration::from_millis(1)).ok();
                let time = time.filter(|time| !time.is_zero());
                Some(time.ok_or_else(|| Error::new(format!("error when processing store option '{name}'.")))?)
            }
            (_, Some(_)) => {
                return Err(Error::new(format!("unexpected argument to store option '{name}'.")));
            }
            (_, None) => None,
        };
        types.push((kind, period));
    }
    Ok(())
}
