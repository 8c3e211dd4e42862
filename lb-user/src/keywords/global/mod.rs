//! Keywords of the `global` section (manual 3).

mod cli;
mod cpu;
mod ebpf;
mod environment;
mod limits;
mod logs;
mod otherwise;
mod process;
mod refused;
mod tls;
mod tune;

use super::Reading;
use crate::language::paths::DefaultPath;
use crate::language::row::{self, Does};
use crate::language::{Error, Row, Scope, Word, Words, suggest};
use crate::plan::Global;
use crate::plan::bind::BindOptions;
use crate::rules::{Expression, Variable};

/// Reads a line's arguments. The first argument is the spelling used.
pub type ParseGlobal = fn(&str, &mut Words<'_>, &mut GlobalDraft, &mut Reading<'_>) -> Result<(), Error>;
/// A keyword of the global section.
pub type GlobalRow = Row<ParseGlobal>;

/// All keywords of the global section.
pub const REGISTRY: &[&[GlobalRow]] = &[
    process::ROWS,
    limits::ROWS,
    cpu::ROWS,
    environment::ROWS,
    logs::ROWS,
    cli::ROWS,
    tls::ROWS,
    tune::ROWS,
    ebpf::ROWS,
    otherwise::ROWS,
    refused::ROWS,
];

/// The global settings while their sections are read. Several `global` sections add up.
#[derive(Default)]
pub struct GlobalDraft {
    pub global: Global,
    pub default_path: DefaultPath,
    /// `unix-bind`: what unix sockets start from.
    pub unix_bind: UnixBind,
    pub initial_variables: Vec<(Variable, Expression)>,
}

/// `unix-bind`.
#[derive(Default)]
pub struct UnixBind {
    /// Put before the path of each unix socket.
    pub prefix: String,
    pub options: BindOptions,
}

/// Says what is wrong with a line that no row reads.
pub fn unknown(words: &[Word]) -> Error {
    let first = words.first().map_or("", String::as_str);
    let second = words.get(1).map_or("", String::as_str);
    match first {
        "no" => Error::new(
            "negation/default currently supported only for options, log, busy-polling, set-dumpable, strict-limits, insecure-fork-wanted and numa-cpu-mapping.",
        ),
        "stats" => Error::new(format!(
            "'stats' only supports 'socket', 'maxconn', 'bind-process' and 'timeout' (got '{second}')"
        )),
        _ => {
            let openings = row::names(REGISTRY).filter_map(|name| name.split(' ').next());
            let near = suggest::nearest(first, openings.filter(|opening| *opening != "no"));
            let hint = near.map_or(String::new(), |near| format!("; did you mean '{near}' maybe ?"));
            Error::new(format!("unknown keyword '{first}' in 'global' section{hint}"))
        }
    }
}

/// A row that works.
const fn works(
    names: &'static [&'static str],
    args: &'static str,
    doc: &'static str,
    example: &'static str,
    parse: ParseGlobal,
) -> GlobalRow {
    Row {
        names,
        args,
        scope: Scope::GLOBAL,
        doc,
        example,
        does: Does::Works(parse),
    }
}

/// A row that is known by name only.
const fn refused(names: &'static [&'static str], args: &'static str, doc: &'static str) -> GlobalRow {
    Row::refused(names, args, Scope::GLOBAL, doc, "")
}

/// The next word, and nothing after it.
fn only_word(keyword: &str, words: &mut Words<'_>, what: &str) -> Result<String, Error> {
    let word = words
        .next()
        .filter(|word| !word.is_empty())
        .ok_or_else(|| Error::expects(keyword, what))?;
    words.end(keyword)?;
    Ok(word.to_owned())
}

/// `on` or `off`, and nothing after it.
fn on_off(keyword: &str, words: &mut Words<'_>) -> Result<bool, Error> {
    let on = match words.next().unwrap_or_default() {
        "on" => true,
        "off" => false,
        other => {
            return Err(Error::new(format!(
                "'{keyword}' expects either 'on' or 'off' but got '{other}'."
            )));
        }
    };
    words.end(keyword)?;
    Ok(on)
}
