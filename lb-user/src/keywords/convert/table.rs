//! Samples looked up in stick tables.

use super::works;
use crate::rules::{ArgKind, ArgSpec, Args, Convert, ConvertRow, Facts, Kind, Value, key};
use crate::stick::{DataType, Entry};

const TABLE: &[ArgSpec] = &[ArgSpec::optional(ArgKind::Table, "table")];

/// What the table stores of the sample.
macro_rules! stored {
    ($name:literal, $kind:expr, $doc:literal, $value:literal) => {
        lookup!($name, |entry| entry.get($kind), $doc, $value)
    };
}

/// What is made of the sample's entry.
macro_rules! lookup {
    ($name:literal, $look:expr, $doc:literal, $value:literal) => {
        works(
            &[concat!("table_", $name)],
            "([<table>])",
            $doc,
            concat!("src,table_", $name, "(www) # ", $value),
            Convert::new(Kind::Any, Kind::Int, |args, value, facts| {
                number(args, value, facts, $look)
            })
            .with(TABLE),
        )
    };
}

pub(super) const ROWS: &[ConvertRow] = &[
    works(
        &["in_table"],
        "([<table>])",
        "Is the sample in a stick table?",
        "src,in_table(www) # 1",
        Convert::new(Kind::Any, Kind::Bool, |args, value, facts| {
            Some(Value::Bool(look_up(args, value, facts, |_| ())?.is_some()))
        })
        .with(TABLE),
    ),
    stored!(
        "bytes_in_rate",
        DataType::BytesInRate,
        "Bytes from the client over the table's period.",
        "15"
    ),
    stored!(
        "bytes_out_rate",
        DataType::BytesOutRate,
        "Bytes to the client over the table's period.",
        "17"
    ),
    stored!("conn_cnt", DataType::ConnCnt, "Connections so far.", "5"),
    stored!("conn_cur", DataType::ConnCur, "Connections now.", "7"),
    stored!(
        "conn_rate",
        DataType::ConnRate,
        "Connections over the table's period.",
        "6"
    ),
    stored!("gpt0", DataType::Gpt0, "The general purpose tag.", "2"),
    stored!("gpc0", DataType::Gpc0, "The first general purpose counter.", "3"),
    stored!(
        "gpc0_rate",
        DataType::Gpc0Rate,
        "Increments of the first general purpose counter over the table's period.",
        "4"
    ),
    stored!("gpc1", DataType::Gpc1, "The second general purpose counter.", "18"),
    stored!(
        "gpc1_rate",
        DataType::Gpc1Rate,
        "Increments of the second general purpose counter over the table's period.",
        "19"
    ),
    stored!(
        "http_err_cnt",
        DataType::HttpErrCnt,
        "HTTP errors of the client so far.",
        "12"
    ),
    stored!(
        "http_err_rate",
        DataType::HttpErrRate,
        "HTTP errors of the client over the table's period.",
        "13"
    ),
    stored!(
        "http_fail_cnt",
        DataType::HttpFailCnt,
        "HTTP failures of servers so far.",
        "21"
    ),
    stored!(
        "http_fail_rate",
        DataType::HttpFailRate,
        "HTTP failures of servers over the table's period.",
        "22"
    ),
    stored!("http_req_cnt", DataType::HttpReqCnt, "HTTP requests so far.", "10"),
    stored!(
        "http_req_rate",
        DataType::HttpReqRate,
        "HTTP requests over the table's period.",
        "11"
    ),
    stored!(
        "server_id",
        DataType::ServerId,
        "The server that the table holds for the sample.",
        "1"
    ),
    stored!("sess_cnt", DataType::SessCnt, "Sessions so far.", "8"),
    stored!(
        "sess_rate",
        DataType::SessRate,
        "Sessions over the table's period.",
        "9"
    ),
    lookup!(
        "kbytes_in",
        |entry| Some(entry.get(DataType::BytesInCnt)? >> 10),
        "Kilobytes from the client so far.",
        "14"
    ),
    lookup!(
        "kbytes_out",
        |entry| Some(entry.get(DataType::BytesOutCnt)? >> 10),
        "Kilobytes to the client so far.",
        "16"
    ),
    lookup!(
        "trackers",
        |entry| Some(entry.uses().into()),
        "How many streams track the entry.",
        "1"
    ),
];

/// Looks at the sample's entry: `None` where the sample is no key of the table, `Some(None)` where there is no entry.
fn look_up<T>(
    args: &Args,
    value: Value<'_>,
    facts: &Facts<'_>,
    look: impl FnOnce(&Entry<'_>) -> T,
) -> Option<Option<T>> {
    let table = facts.process.tables.get(args.table(0)?)?;
    let key = key::of(table.spec(), value)?;
    Some(table.read(&key, facts.ticks, look))
}

/// A number of the sample's entry. One that is not there reads as zero, a type that is not stored as nothing.
fn number<'a>(
    args: &Args,
    value: Value<'_>,
    facts: &Facts<'_>,
    look: fn(&Entry<'_>) -> Option<u64>,
) -> Option<Value<'a>> {
    let number = look_up(args, value, facts, look)?.unwrap_or(Some(0))?;
    Some(Value::Int(number as i64))
}
