//! Actions on stick tables: entries to follow, and their general purpose counters and tag.

use std::sync::Arc;

use super::{HTTP_BOTH, TCP_REQUEST, expression, rule_set, works};
use crate::language::{Error, Scope, Words};
use crate::rules::action::Tracks;
use crate::rules::context::Promise;
use crate::rules::{Action, ActionRow, Context, Effect, Expression, Facts, Kind, Value, key};
use crate::stick::{DataType, SETS, TableId};

const TRACKED: Scope = TCP_REQUEST.or(HTTP_BOTH);
const COUNTED: Scope = Scope::TCP_RULES.or(HTTP_BOTH);

/// A row that counts in one of the general purpose counters.
macro_rules! increment {
    ($name:literal, $counter:expr, $rate:expr, $doc:literal) => {
        works(
            &[$name],
            "(<sc-id>)",
            COUNTED,
            $doc,
            concat!(
                "mode http\nstick-table type ip size 1k store gpc0,gpc1\nhttp-request track-sc0 src\nhttp-request ",
                $name,
                "(0)"
            ),
            |name, _, _| {
                let set = set(name)?;
                Ok(Arc::new(move |facts: &Facts<'_>| {
                    if let Some(tracked) = facts.tracked(set) {
                        tracked.update(facts.ticks, |entry| entry.count($counter, $rate, 1));
                    }
                    Effect::Continue
                }))
            },
        )
    };
}

pub(super) const ROWS: &[ActionRow] = &[
    works(
        &["track-sc0", "track-sc1", "track-sc2"],
        "<key> [ table <table> ]",
        TRACKED,
        "Follow a key in a stick table with one of the sets of counters.",
        "mode http\nstick-table type ip size 1k store conn_rate(10s)\nhttp-request track-sc0 src",
        track,
    ),
    increment!(
        "sc-inc-gpc0",
        DataType::Gpc0,
        DataType::Gpc0Rate,
        "Count in a tracked entry's first general purpose counter."
    ),
    increment!(
        "sc-inc-gpc1",
        DataType::Gpc1,
        DataType::Gpc1Rate,
        "Count in a tracked entry's second general purpose counter."
    ),
    works(
        &["sc-set-gpt0"],
        "(<sc-id>) { <int> | <expr> }",
        COUNTED,
        "Set a tracked entry's general purpose tag.",
        "mode http\nstick-table type ip size 1k store gpt0\nhttp-request track-sc0 src\nhttp-request sc-set-gpt0(0) 1",
        set_tag,
    ),
];

fn track(name: &str, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Arc<dyn Action>, Error> {
    let set = name
        .bytes()
        .last()
        .map_or(0, |digit| usize::from(digit.wrapping_sub(b'0')));
    let key = expression(words, context, None).map_err(|error| match context.place.meets(Scope::TCP_RULES) {
        true => Error::new(format!("'{} {name}' : {error}", rule_set(context))),
        false => error,
    })?;
    let named = match words.take("table") {
        true => {
            let missing = || Error::new("missing table name");
            Some(words.next().ok_or_else(missing)?.to_owned())
        }
        false => None,
    };
    let name = named.unwrap_or_else(|| context.proxy_name.to_owned());
    let table = context.names.tables.get(&name).copied();
    let kind = key.out();
    context.promises.push(Promise::Table { set, table: name, kind });
    Ok(Arc::new(Track { set, key, table }))
}

struct Track {
    set: usize,
    key: Expression,
    /// `None` where the configuration is refused for it.
    table: Option<TableId>,
}

impl Action for Track {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        let key = |table| {
            let spec = facts.process.tables.get(table)?.spec();
            key::of(spec, self.key.value(facts)?)
        };
        match self.table.and_then(|table| Some((table, key(table)?))) {
            Some((table, key)) => Effect::Track {
                set: self.set,
                table,
                key,
            },
            None => Effect::Continue,
        }
    }

    fn tracks(&self) -> Option<Tracks<'_>> {
        Some(Tracks {
            set: self.set,
            key: &self.key,
            table: self.table,
        })
    }
}

/// The number of the set that an action's name carries: `sc-inc-gpc0(1)`. Without one it is the first.
fn set(name: &str) -> Result<usize, Error> {
    let inside = name
        .split_once('(')
        .map_or("", |(_, rest)| rest.strip_suffix(')').unwrap_or(rest));
    if inside.is_empty() {
        return Ok(0);
    }
    let expects = || Error::new(format!("invalid stick table track ID. Expects {name}(<Track ID>)"));
    let number: usize = inside.parse().map_err(|_| expects())?;
    match number < SETS {
        true => Ok(number),
        false => Err(Error::new(format!(
            "invalid stick table track ID. The max allowed ID is {}",
            SETS - 1
        ))),
    }
}

fn set_tag(name: &str, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Arc<dyn Action>, Error> {
    let set = set(name)?;
    // Without a value the tag is cleared.
    let number = words.peek().map_or(Ok(0), str::parse::<u32>);
    if let Ok(number) = number {
        words.next();
        return Ok(Arc::new(move |facts: &Facts<'_>| tag(facts, set, Some(number))));
    }
    Ok(Arc::new(Tag {
        set,
        value: expression(words, context, None)?,
    }))
}

struct Tag {
    set: usize,
    value: Expression,
}

impl Action for Tag {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        let number = match self.value.value(facts).and_then(|value| value.cast(Kind::Int)) {
            Some(Value::Int(number)) => u32::try_from(number).ok(),
            _ => None,
        };
        tag(facts, self.set, number)
    }
}

fn tag(facts: &Facts<'_>, set: usize, number: Option<u32>) -> Effect<'static, 'static> {
    if let Some((tracked, number)) = facts.tracked(set).zip(number) {
        tracked.update(facts.ticks, |entry| entry.set(DataType::Gpt0, number.into()));
    }
    Effect::Continue
}
