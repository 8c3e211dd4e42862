//! Stick tables and the counters that a stream tracks in them (manual 7.3.3).

use super::works;
use crate::language::Scope;
use crate::rules::{ArgKind, ArgSpec, Args, Facts, Fetch, FetchRow, Fetched, Kind, Value, key};
use crate::stick::{DataType, Entry, Key, Table, Tracked};

const TABLE: &[ArgSpec] = &[ArgSpec::optional(ArgKind::Table, "table")];

/// A fetch of the entry that a set of counters follows or, with `src_`, of the client's address. `example` is what it
/// gives for the latter.
macro_rules! family {
    ($name:literal, $out:expr, $run:expr, $doc:literal, $example:literal) => {
        works(
            &[
                concat!("sc_", $name),
                concat!("sc0_", $name),
                concat!("sc1_", $name),
                concat!("sc2_", $name),
                concat!("src_", $name),
            ],
            "([<ctr>][,<table>])",
            Scope::L4_CLIENT,
            $doc,
            $example,
            Fetch::family($out, $run),
        )
    };
}

/// What an entry stores.
macro_rules! stored {
    ($name:literal, $kind:expr, $doc:literal, $example:literal) => {
        family!(
            $name,
            Kind::Int,
            |name, args, facts| read(name, args, facts, |entry| entry.get($kind)),
            $doc,
            $example
        )
    };
}

pub(super) const ROWS: &[FetchRow] = &[
    stored!(
        "bytes_in_rate",
        DataType::BytesInRate,
        "Bytes from the client over the table's period.",
        "sc_bytes_in_rate(0) # 15"
    ),
    stored!(
        "bytes_out_rate",
        DataType::BytesOutRate,
        "Bytes to the client over the table's period.",
        "src_bytes_out_rate # 17"
    ),
    stored!("conn_cnt", DataType::ConnCnt, "Connections so far.", "sc0_conn_cnt # 5"),
    stored!(
        "conn_cur",
        DataType::ConnCur,
        "Connections now.",
        "src_conn_cur(www) # 7"
    ),
    stored!(
        "conn_rate",
        DataType::ConnRate,
        "Connections over the table's period.",
        "sc_conn_rate(0,www) # 6"
    ),
    stored!(
        "get_gpc0",
        DataType::Gpc0,
        "The first general purpose counter.",
        "sc0_get_gpc0(www) # 3"
    ),
    stored!(
        "get_gpc1",
        DataType::Gpc1,
        "The second general purpose counter.",
        "src_get_gpc1 # 18"
    ),
    stored!(
        "get_gpt0",
        DataType::Gpt0,
        "The general purpose tag.",
        "src_get_gpt0 # 2"
    ),
    stored!(
        "gpc0_rate",
        DataType::Gpc0Rate,
        "Increments of the first general purpose counter over the table's period.",
        "sc0_gpc0_rate # 4"
    ),
    stored!(
        "gpc1_rate",
        DataType::Gpc1Rate,
        "Increments of the second general purpose counter over the table's period.",
        "sc0_gpc1_rate # 19"
    ),
    stored!(
        "http_err_cnt",
        DataType::HttpErrCnt,
        "HTTP errors of the client so far.",
        "src_http_err_cnt # 12"
    ),
    stored!(
        "http_err_rate",
        DataType::HttpErrRate,
        "HTTP errors of the client over the table's period.",
        "src_http_err_rate # 13"
    ),
    stored!(
        "http_fail_cnt",
        DataType::HttpFailCnt,
        "HTTP failures of servers so far.",
        "sc0_http_fail_cnt # 21"
    ),
    stored!(
        "http_fail_rate",
        DataType::HttpFailRate,
        "HTTP failures of servers over the table's period.",
        "sc0_http_fail_rate # 22"
    ),
    stored!(
        "http_req_cnt",
        DataType::HttpReqCnt,
        "HTTP requests so far.",
        "src_http_req_cnt # 10"
    ),
    stored!(
        "http_req_rate",
        DataType::HttpReqRate,
        "HTTP requests over the table's period.",
        "src_http_req_rate # 11"
    ),
    stored!("sess_cnt", DataType::SessCnt, "Sessions so far.", "src_sess_cnt # 8"),
    stored!(
        "sess_rate",
        DataType::SessRate,
        "Sessions over the table's period.",
        "src_sess_rate # 9"
    ),
    family!(
        "kbytes_in",
        Kind::Int,
        |name, args, facts| read(name, args, facts, |entry| Some(entry.get(DataType::BytesInCnt)? >> 10)),
        "Kilobytes from the client so far.",
        "src_kbytes_in # 14"
    ),
    family!(
        "kbytes_out",
        Kind::Int,
        |name, args, facts| read(name, args, facts, |entry| Some(entry.get(DataType::BytesOutCnt)? >> 10)),
        "Kilobytes to the client so far.",
        "sc0_kbytes_out # 16"
    ),
    family!(
        "clr_gpc0",
        Kind::Int,
        |name, args, facts| clear(name, args, facts, DataType::Gpc0),
        "Clears the first general purpose counter and gives what it was.",
        "src_clr_gpc0 # 3"
    ),
    family!(
        "inc_gpc0",
        Kind::Int,
        |name, args, facts| increment(name, args, facts, DataType::Gpc0, DataType::Gpc0Rate),
        "Increments the first general purpose counter and gives what it is.",
        "sc0_inc_gpc0 # 4"
    ),
    family!(
        "clr_gpc1",
        Kind::Int,
        |name, args, facts| clear(name, args, facts, DataType::Gpc1),
        "Clears the second general purpose counter and gives what it was.",
        "sc0_clr_gpc1 # 18"
    ),
    family!(
        "inc_gpc1",
        Kind::Int,
        |name, args, facts| increment(name, args, facts, DataType::Gpc1, DataType::Gpc1Rate),
        "Increments the second general purpose counter and gives what it is.",
        "src_inc_gpc1 # 19"
    ),
    works(
        &["sc_tracked", "sc0_tracked", "sc1_tracked", "sc2_tracked"],
        "([<ctr>][,<table>])",
        Scope::L4_CLIENT,
        "Is the set of counters following an entry?",
        "sc1_tracked # 0",
        Fetch::family(Kind::Bool, |name, args, facts| {
            let followed = set(name, args).and_then(|(set, _)| facts.tracked(set));
            Value::Bool(followed.is_some()).into()
        }),
    ),
    works(
        &["sc_trackers", "sc0_trackers", "sc1_trackers", "sc2_trackers"],
        "([<ctr>][,<table>])",
        Scope::L4_CLIENT,
        "How many streams and sessions follow the entry.",
        "sc_trackers(0) # 1",
        Fetch::family(Kind::Int, |name, args, facts| {
            read(name, args, facts, |entry| Some(entry.uses().into()))
        }),
    ),
    works(
        &["src_updt_conn_cnt"],
        "([<table>])",
        Scope::L4_CLIENT,
        "Counts one more connection of the client's address, and gives the count.",
        "src_updt_conn_cnt # 6",
        Fetch::family(Kind::Int, |name, args, facts| {
            let counted = subject(name, args, facts).and_then(|subject| {
                subject.change(facts.ticks, |entry| {
                    entry.add(DataType::ConnCnt, 1);
                    entry.get(DataType::ConnCnt)
                })
            });
            number(counted.flatten())
        }),
    ),
    works(
        &["table_avl"],
        "([<table>])",
        Scope::INTERNAL,
        "Entries that a table still has room for.",
        "table_avl(www) # 99",
        Fetch::one(Kind::Int, |args, facts| {
            table(args, facts, |table| table.spec().size.saturating_sub(table.used()))
        })
        .with(TABLE),
    ),
    works(
        &["table_cnt"],
        "([<table>])",
        Scope::INTERNAL,
        "Entries in a table.",
        "table_cnt # 1",
        Fetch::one(Kind::Int, |args, facts| table(args, facts, Table::used)).with(TABLE),
    ),
];

/// What a fetch of the family is about.
enum Subject<'a> {
    Tracked(&'a Tracked),
    Key(&'a Table, Key),
}

impl Subject<'_> {
    /// Looks at the entry; `None` where there is none.
    fn read<T>(&self, now: u64, look: impl FnOnce(&Entry<'_>) -> T) -> Option<T> {
        match self {
            Subject::Tracked(tracked) => tracked.read(now, look),
            Subject::Key(table, key) => table.read(key, now, look),
        }
    }

    /// Changes the entry, made if need be; `None` where the table is full.
    fn change<T>(&self, now: u64, change: impl FnOnce(&mut Entry<'_>) -> T) -> Option<T> {
        match self {
            Subject::Tracked(tracked) => tracked.update(now, change),
            Subject::Key(table, key) => table.update_or_insert(key, now, change),
        }
    }
}

/// The set that `sc_x(<ctr>,<table>)` or `sc0_x(<table>)` names, and the table where its key is looked up instead.
fn set<'a>(name: &str, args: &'a Args) -> Option<(usize, &'a crate::rules::Arg)> {
    match name.as_bytes().get(2)? {
        b'_' => Some((usize::try_from(args.int(0)?).ok()?, args.get(1))),
        digit => Some((usize::from(digit.checked_sub(b'0')?), args.get(0))),
    }
}

fn subject<'a>(name: &str, args: &Args, facts: &Facts<'a>) -> Option<Subject<'a>> {
    let tables = &facts.process.tables;
    if name.starts_with("src_") {
        let table = tables.get(args.table(0)?)?;
        let source = (!facts.session.is_unix).then_some(facts.session.source.ip())?;
        return Some(Subject::Key(table, key::of(table.spec(), Value::address(source))?));
    }
    let (set, table) = set(name, args)?;
    let tracked = facts.tracked(set)?;
    let crate::rules::Arg::Table(table) = table else {
        return Some(Subject::Tracked(tracked));
    };
    let table = tables.get(*table)?;
    let key = tracked.read(facts.ticks, |entry| entry.key().clone())?;
    (table.spec().key == tracked.table().spec().key).then_some(Subject::Key(table, key))
}

/// Looks at the entry. One that is not there reads as zero, a type that is not stored as nothing.
fn read<'a>(name: &str, args: &Args, facts: &Facts<'a>, look: fn(&Entry<'_>) -> Option<u64>) -> Fetched<'a> {
    match subject(name, args, facts) {
        Some(subject) => number(subject.read(facts.ticks, look).unwrap_or(Some(0))),
        None => Fetched::Missing,
    }
}

fn clear<'a>(name: &str, args: &Args, facts: &Facts<'a>, counter: DataType) -> Fetched<'a> {
    let cleared = subject(name, args, facts).and_then(|subject| {
        subject.change(facts.ticks, |entry| {
            let before = entry.get(counter);
            entry.set(counter, 0);
            before
        })
    });
    number(cleared.flatten())
}

fn increment<'a>(name: &str, args: &Args, facts: &Facts<'a>, counter: DataType, rate: DataType) -> Fetched<'a> {
    let counted = subject(name, args, facts).and_then(|subject| {
        subject.change(facts.ticks, |entry| {
            entry.count(counter, rate, 1);
            entry.get(counter).unwrap_or(0)
        })
    });
    number(counted)
}

fn table<'a>(args: &Args, facts: &Facts<'a>, count: impl FnOnce(&Table) -> u64) -> Fetched<'a> {
    let table = args.table(0).and_then(|id| facts.process.tables.get(id));
    number(table.map(|table| count(table)))
}

fn number<'a>(number: Option<u64>) -> Fetched<'a> {
    number.map(|number| Value::Int(number as i64)).into()
}
