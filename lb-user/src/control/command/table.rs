//! Commands about stick tables.

use std::fmt::Write;
use std::sync::Arc;

use super::{Answer, Request};
use crate::control::CommandRow;
use crate::language::{Does, Scope};
use crate::stick::{DataKind, DataType, Entry, Key, KeyType, Table};

/// Comparisons that a filter may make of an entry's data.
const MOST_FILTERS: usize = 4;

/// Commands about stick tables.
pub const ROWS: &[CommandRow] = &[
    CommandRow {
        names: &["show table"],
        args: "<table> [<filter>]*",
        scope: Scope::CLI_USER,
        doc: "report table usage stats or dump this table's contents (filter: data/key)",
        example: "show table web data.gpc0 gt 1",
        does: Does::Works(show),
    },
    CommandRow {
        names: &["set table"],
        args: "<table> key <k> [data.* <v>]*",
        scope: Scope::CLI_USER,
        doc: "update or create a table entry's data",
        example: "set table web key 10.0.0.1 data.gpc0 1",
        does: Does::Works(set),
    },
    CommandRow {
        names: &["clear table"],
        args: "<table> [<filter>]*",
        scope: Scope::CLI_USER,
        doc: "remove an entry from a table (filter: data/key)",
        example: "clear table web key 10.0.0.1",
        does: Does::Works(clear),
    },
];

/// Which entries a command is about.
enum Wanted {
    All,
    Key(Key),
    /// Those for which every comparison holds.
    Data(Vec<Comparison>),
}

struct Comparison {
    kind: DataType,
    operator: Operator,
    value: i64,
}

#[derive(Clone, Copy)]
enum Operator {
    Eq,
    Ne,
    Le,
    Ge,
    Lt,
    Gt,
}

impl Operator {
    fn parse(word: &str) -> Option<Operator> {
        Some(match word {
            "eq" => Operator::Eq,
            "ne" => Operator::Ne,
            "le" => Operator::Le,
            "ge" => Operator::Ge,
            "lt" => Operator::Lt,
            "gt" => Operator::Gt,
            _ => return None,
        })
    }

    fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Operator::Eq => left == right,
            Operator::Ne => left != right,
            Operator::Le => left <= right,
            Operator::Ge => left >= right,
            Operator::Lt => left < right,
            Operator::Gt => left > right,
        }
    }
}

impl Wanted {
    /// Reads what stands after the table's name. `usage` is said where it is neither of the known forms.
    fn read(table: &Table, words: &[String], usage: &str) -> Result<Wanted, Answer> {
        match words {
            [] => Ok(Wanted::All),
            [word, rest @ ..] if word == "key" => read_key(table, rest.first()).map(Wanted::Key),
            [word, ..] if word.starts_with("data.") => read_filters(table, words).map(Wanted::Data),
            _ => Err(Answer::error(usage)),
        }
    }

    fn takes(&self, entry: &Entry<'_>) -> bool {
        match self {
            Wanted::Data(comparisons) => comparisons.iter().all(|comparison| {
                let value = entry.get(comparison.kind).and_then(|value| i64::try_from(value).ok());
                value.is_some_and(|value| comparison.operator.holds(value, comparison.value))
            }),
            _ => true,
        }
    }
}

fn read_key(table: &Table, word: Option<&String>) -> Result<Key, Answer> {
    let Some(word) = word else {
        return Err(Answer::error("Key value expected"));
    };
    if table.spec().key == KeyType::Binary {
        let text = "Inserting keys into tables of type other than ip, ipv6, string and integer is not supported";
        return Err(Answer::error(text));
    }
    Key::parse(table.spec(), word).ok_or_else(|| Answer::error("Invalid key"))
}

fn read_filters(table: &Table, words: &[String]) -> Result<Vec<Comparison>, Answer> {
    let mut comparisons = Vec::new();
    for (number, words) in (1..).zip(words.chunks(3)) {
        let refuse = |text: &str| Err(Answer::error(format!("Filter entry #{number}: {text}")));
        if number > MOST_FILTERS {
            return refuse("Too many filters");
        }
        let Some(name) = words.first().and_then(|word| word.strip_prefix("data.")) else {
            return refuse("Data type not found");
        };
        let Some(kind) = DataType::parse(name) else {
            return refuse("Unknown data type");
        };
        if table.layout().field(kind).is_none() {
            return refuse("Data type not stored in this table");
        }
        let Some(operator) = words.get(1).and_then(|word| Operator::parse(word)) else {
            return refuse("Require and operator among \"eq\", \"ne\", \"le\", \"ge\", \"lt\", \"gt\"");
        };
        let value = words.get(2).and_then(|word| word.parse().ok());
        let Some(value) = value.filter(|_| kind.kind() != DataKind::Text) else {
            return refuse("Require a valid integer value to compare against");
        };
        comparisons.push(Comparison { kind, operator, value });
    }
    Ok(comparisons)
}

fn show(request: &mut Request<'_>) -> Answer {
    const USAGE: &str = "Optional argument only supports \"data.<store_data_type>\" <operator> <value> and key <key>";
    let tables = &request.world.engine.process.tables;
    let now = request.ticks;
    let Some((name, filter)) = request.words.split_first() else {
        tables.sweep(now);
        return Answer::Text(tables.iter().rev().map(title).collect());
    };
    let Some(table) = tables.named(name) else {
        return Answer::error("No such table");
    };
    let wanted = match Wanted::read(table, filter, USAGE) {
        Ok(wanted) => wanted,
        Err(answer) => return answer,
    };
    table.sweep(now);
    if let Wanted::Key(key) = &wanted {
        let line = table.read(key, now, |entry| line(table, entry));
        return Answer::Text(line.map_or(String::new(), |line| title(table) + &line));
    }
    let mut lines: Vec<(Key, String)> = Vec::new();
    table.for_each(now, |entry| {
        if wanted.takes(entry) {
            lines.push((entry.key().clone(), line(table, entry)));
        }
    });
    lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    Answer::Text(title(table) + &lines.into_iter().map(|(_, line)| line).collect::<String>())
}

fn title(table: &Arc<Table>) -> String {
    let spec = table.spec();
    format!(
        "# table: {}, type: {}, size:{}, used:{}\n",
        spec.name,
        spec.key.name(),
        spec.size,
        table.used()
    )
}

/// One entry.
fn line(table: &Table, entry: &Entry<'_>) -> String {
    let mut text = format!(
        "{:#x}: key={} use={} exp={}",
        entry.id(),
        entry.key().display(table.spec().key),
        entry.uses(),
        entry.expires_in()
    );
    for field in entry.fields() {
        let name = field.kind.name();
        let _ = match field.kind.kind() {
            DataKind::Text => write!(text, " {name}={}", entry.server_key().as_deref().unwrap_or("-")),
            DataKind::Rate => {
                let rate = entry.get(field.kind).unwrap_or(0);
                write!(text, " {name}({})={rate}", field.period)
            }
            _ => write!(text, " {name}={}", entry.get(field.kind).unwrap_or(0)),
        };
    }
    text.push('\n');
    text
}

fn set(request: &mut Request<'_>) -> Answer {
    const USAGE: &str = "Required arguments: <table> key <key> [data.<store_data_type> <value>]*";
    let Some((name, words)) = request.words.split_first() else {
        return Answer::error(USAGE);
    };
    let Some(table) = request.world.engine.process.tables.named(name) else {
        return Answer::error("No such table");
    };
    let [word, words @ ..] = words else {
        return Answer::Done;
    };
    if word != "key" {
        return Answer::error(USAGE);
    }
    let key = match read_key(table, words.first()) {
        Ok(key) => key,
        Err(answer) => return answer,
    };
    let mut values = Vec::new();
    for pair in words.get(1..).unwrap_or_default().chunks(2) {
        let Some(name) = pair.first().and_then(|word| word.strip_prefix("data.")) else {
            return Answer::error("\"data.<type>\" followed by a value expected");
        };
        let Some(kind) = DataType::parse(name) else {
            return Answer::error("Unknown data type");
        };
        if table.layout().field(kind).is_none() {
            return Answer::error("Data type not stored in this table");
        }
        let value = pair.get(1).and_then(|word| word.parse::<i64>().ok());
        let Some(value) = value.filter(|_| kind.kind() != DataKind::Text) else {
            return Answer::error("Require a valid integer value to store");
        };
        values.push((kind, value as u64));
    }
    let done = table.update_or_insert(&key, request.ticks, |entry| {
        for (kind, value) in &values {
            entry.set(*kind, *value);
        }
    });
    match done {
        Some(()) => Answer::Done,
        None => Answer::error("Unable to allocate a new entry"),
    }
}

fn clear(request: &mut Request<'_>) -> Answer {
    const USAGE: &str =
        "Required arguments: <table> \"data.<store_data_type>\" <operator> <value> or <table> key <key>";
    let Some((name, filter)) = request.words.split_first() else {
        return Answer::error(USAGE);
    };
    let Some(table) = request.world.engine.process.tables.named(name) else {
        return Answer::error("No such table");
    };
    match Wanted::read(table, filter, USAGE) {
        Ok(Wanted::Key(key)) => match table.remove(&key) {
            true => Answer::Done,
            false => Answer::error("Entry currently in use, cannot remove"),
        },
        Ok(wanted) => {
            table.remove_if(request.ticks, |entry| wanted.takes(entry));
            Answer::Done
        }
        Err(answer) => answer,
    }
}
