//! The process, the machine and the time (manual 7.3.2).

use std::sync::atomic::Ordering::Relaxed;

use super::works;
use crate::language::{Error, Scope};
use crate::rules::{Arg, ArgKind, ArgSpec, Args, Context, Facts, Fetch, FetchRow, Fetched, Kind, Value};
use crate::state::counter;

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["date"],
        "([<offset>],[<unit>])",
        Scope::INTERNAL,
        "Seconds since the epoch plus an offset; milliseconds or microseconds with the unit `ms` or `us`.",
        "date(-3600) # 1234564290",
        Fetch::one(Kind::Int, date)
            .with(&[
                ArgSpec::optional(ArgKind::Int, "offset"),
                ArgSpec::optional(ArgKind::Str, "unit"),
            ])
            .checked(check_date),
    ),
    works(
        &["date_us"],
        "",
        Scope::INTERNAL,
        "The microseconds within the second that `date` gives.",
        "date_us # 123456",
        Fetch::one(Kind::Int, |_, f| Value::Int((f.now % 1_000_000) as i64).into()),
    ),
    works(
        &["env"],
        "(<name>)",
        Scope::INTERNAL,
        "An environment variable, as it was when the process started.",
        "env(COLOUR) # green",
        Fetch::one(Kind::Str, |args, _| args.bytes(1).map(Value::str).into())
            .with(&[ArgSpec::required(ArgKind::Str, "name")])
            .checked(read_environment),
    ),
    works(
        &["hostname"],
        "",
        Scope::INTERNAL,
        "The machine's name.",
        "hostname # edge",
        Fetch::one(Kind::Str, |_, f| Value::str(f.process.hostname.as_bytes()).into()),
    ),
    works(
        &["nbproc"],
        "",
        Scope::INTERNAL,
        "The number of processes: one.",
        "nbproc # 1",
        Fetch::one(Kind::Int, |_, _| Value::Int(1).into()),
    ),
    works(
        &["proc"],
        "",
        Scope::INTERNAL,
        "The position of the process: the first.",
        "proc # 1",
        Fetch::one(Kind::Int, |_, _| Value::Int(1).into()),
    ),
    works(
        &["thread"],
        "",
        Scope::INTERNAL,
        "The number of the thread, from zero.",
        "thread # 0",
        Fetch::one(Kind::Int, |_, _| Value::Int(counter::worker() as i64).into()),
    ),
    works(
        &["rand"],
        "([<range>])",
        Scope::INTERNAL,
        "A random number from zero to below the range, which is 2^32 by default. It must not be used for secrets.",
        "rand(1) # 0",
        Fetch::one(Kind::Int, random).with(&[ArgSpec::optional(ArgKind::Int, "range")]),
    ),
    works(
        &["uuid"],
        "([<version>])",
        Scope::INTERNAL,
        "A random UUID of version 4 (RFC 4122).",
        "uuid(4),length # 36",
        Fetch::one(Kind::Str, uuid)
            .with(&[ArgSpec::optional(ArgKind::Int, "version")])
            .checked(check_uuid),
    ),
    works(
        &["stopping"],
        "",
        Scope::INTERNAL,
        "Is the process about to stop?",
        "stopping # 0",
        Fetch::one(Kind::Bool, |_, f| Value::Bool(f.process.stopping.load(Relaxed)).into()),
    ),
    works(
        &["var"],
        "(<var-name>)",
        Scope::INTERNAL,
        "The value of a variable, of the type it was stored with.",
        "var(txn.colour) # blue",
        // Where a test does not say how it compares, a variable counts as a string.
        Fetch::one(Kind::Str, |args, f| {
            args.variable(0).and_then(|variable| f.variable(variable)).into()
        })
        .with(&[ArgSpec::required(ArgKind::Variable, "var-name")]),
    ),
];

fn date<'a>(args: &'a Args, facts: &Facts<'a>) -> Fetched<'a> {
    let now = (facts.now / args.int(1).unwrap_or(1_000_000) as u64) as i64;
    Value::Int(now.saturating_add(args.int(0).unwrap_or(0))).into()
}

/// Turns the unit into microseconds.
fn check_date(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    let micros = match args.str(1).unwrap_or("s") {
        "s" => 1_000_000,
        "ms" => 1_000,
        "us" => 1,
        other => return Err(Error::new(format!("expects 's', 'ms' or 'us', got '{other}'"))),
    };
    args.set(1, Arg::Int(micros));
    Ok(())
}

fn read_environment(args: &mut Args, context: &mut Context<'_>) -> Result<(), Error> {
    if let Some(value) = (context.variable)(args.str(0).unwrap_or_default()) {
        args.set(1, Arg::Str(value.into()));
    }
    Ok(())
}

fn random<'a>(args: &'a Args, facts: &Facts<'a>) -> Fetched<'a> {
    let drawn = facts.process.random() >> 32;
    match args.int(0) {
        None => Value::Int(drawn as i64).into(),
        Some(range) => Value::Int(((drawn as i128 * i128::from(range)) >> 32) as i64).into(),
    }
}

fn uuid<'a>(_: &'a Args, facts: &Facts<'a>) -> Fetched<'a> {
    let drawn = u128::from(facts.process.random()) << 64 | u128::from(facts.process.random());
    // Version 4 and the variant of RFC 4122.
    let bits = drawn & !(0xf << 76 | 0x3 << 62) | 4 << 76 | 2 << 62;
    let text = format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        bits >> 96,
        bits >> 80 & 0xffff,
        bits >> 64 & 0xffff,
        bits >> 48 & 0xffff,
        bits & 0xffff_ffff_ffff
    );
    Value::string(text.into_bytes()).into()
}

fn check_uuid(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    match args.int(0) {
        None | Some(4) => Ok(()),
        Some(other) => Err(Error::new(format!("Unsupported UUID version: '{other}'"))),
    }
}
