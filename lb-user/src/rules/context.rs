//! What the compiler of rules knows: the registry of rows, the names of the configuration, files.

use std::collections::HashMap;
use std::sync::Arc;

use super::acl::Acl;
use super::action::ActionRow;
use super::args::Args;
use super::expression::{ConvertRow, FetchRow};
use super::facts::Side;
use super::log_format::LogVariableRow;
use super::pattern::{Entry, Origin, PatternSet};
use super::value::Kind;
use super::variable::{Variable, VariableScope};
use crate::language::{Diagnostics, Error, Host, Location, Scope, Severity, raw};
use crate::state::{ProxyId, ServerId};
use crate::stick::TableId;
use crate::tls::Store;

/// All rows that rules are compiled from: one slice a file.
#[derive(Clone, Copy)]
pub struct Registry {
    pub fetches: &'static [&'static [FetchRow]],
    pub converters: &'static [&'static [ConvertRow]],
    pub actions: &'static [&'static [ActionRow]],
    pub log_variables: &'static [&'static [LogVariableRow]],
}

/// Names of the configuration, known before the first rule is compiled.
#[derive(Default)]
pub struct Names {
    pub frontends: HashMap<String, ProxyId>,
    pub backends: HashMap<String, ProxyId>,
    /// By backend, then name.
    pub servers: HashMap<(ProxyId, String), ServerId>,
    /// Stick tables by the name of the section that declares them.
    pub tables: HashMap<String, TableId>,
    pub userlists: HashMap<String, u32>,
    /// Slots of variables, by whole name.
    pub variables: HashMap<String, Variable>,
    /// Pattern files read so far; everyone who names a file shares it.
    pub patterns: HashMap<String, Arc<PatternSet>>,
    /// How many pattern sets have been numbered.
    pub pattern_sets: u32,
    /// `http-errors` sections by name, for `errorfiles`.
    pub http_errors: HashMap<String, u32>,
    /// May experimental keywords be used (`expose-experimental-directives`)?
    pub experimental: bool,
    /// TLS as the global section sets it, and its files.
    pub tls: Store,
}

impl Names {
    /// The variable of that name (`txn.x`), given a slot at its first use.
    pub fn variable(&mut self, name: &str) -> Result<Variable, Error> {
        if let Some(variable) = self.variables.get(name) {
            return Ok(variable.clone());
        }
        if name.is_empty() {
            return Err(Error::new("Empty variable name cannot be accepted"));
        }
        let (prefix, rest) = name.split_once('.').unwrap_or((name, ""));
        let scope = VariableScope::parse(prefix).filter(|_| name.contains('.')).ok_or_else(|| {
            Error::new(format!(
                "invalid variable name '{name}'. A variable name must be start by its scope. The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'"
            ))
        })?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        if let Some(at) = rest.find(|c| !allowed(c)) {
            let found = rest.get(at..).unwrap_or_default();
            return Err(Error::new(format!("invalid syntax at char '{found}'")));
        }
        let slot = self.variables.len() as u32;
        let variable = Variable {
            scope,
            slot,
            name: name.into(),
        };
        self.variables.insert(name.to_owned(), variable.clone());
        Ok(variable)
    }
}

/// The compiler's surroundings while it reads one line.
pub struct Context<'a> {
    pub registry: &'a Registry,
    pub names: &'a mut Names,
    /// ACLs declared so far in this section.
    pub acls: &'a HashMap<String, Arc<Acl>>,
    pub diagnostics: &'a mut Diagnostics,
    pub location: &'a Location,
    /// The section being read, if it is a proxy.
    pub proxy: Option<ProxyId>,
    pub proxy_name: &'a str,
    /// The rule set or keyword being read, for what may be fetched there (see [`super::place`]).
    pub place: Scope,
    pub host: &'a dyn Host,
    /// The value of an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Reads a file named by the configuration, after `default-path`.
    pub read_file: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
    /// How many slots for captures of requests the section has declared so far.
    pub request_captures: usize,
    /// The length of the slot that this line declares.
    pub new_capture: Option<usize>,
    /// What this line takes for granted.
    pub promises: Vec<Promise>,
}

/// What a line names that may only be declared below it; checked when all sections are known.
#[derive(Clone, Debug)]
pub enum Promise {
    /// A slot for captures, named by a rule of this kind.
    Capture {
        side: Side,
        slot: usize,
        rule: &'static str,
    },
    /// A table with keys that samples of this type become, named by a `track-sc` rule.
    Table { set: usize, table: String, kind: Kind },
    /// Bytes that no HTTP message was made of yet, which an HTTP proxy never has.
    RawBytes { at: Location },
    /// The message of an `http-errors` section.
    ErrorMessage { section: u32, status: u16 },
}

impl Context<'_> {
    /// The patterns of a file, which everyone who names it shares. A map's lines have two columns.
    pub fn patterns(&mut self, file: &str, is_map: bool) -> Result<Arc<PatternSet>, Error> {
        if let Some(known) = self.names.patterns.get(file) {
            if known.is_map == is_map {
                return Ok(Arc::clone(known));
            }
            let (is, other) = if is_map { ("one", "two") } else { ("two", "one") };
            return Err(Error::new(format!(
                "The file \"{file}\" is already used as {is} column file and cannot be used by as {other} column file."
            )));
        }
        let unread = || Error::new(format!("failed to open pattern file <{file}>"));
        let bytes = (self.read_file)(file).map_err(|_| unread())?;
        let entries = PatternSet::read(&raw::text(bytes), is_map);
        let set = PatternSet::new(self.number(), Origin::File(file.into()), is_map, entries);
        self.names.patterns.insert(file.to_owned(), Arc::clone(&set));
        Ok(set)
    }

    /// The patterns that a line gives itself.
    pub fn line_patterns(&mut self, id: Option<u32>, entries: Vec<Entry>) -> Arc<PatternSet> {
        let id = id.unwrap_or_else(|| self.number());
        let file = &self.location.file;
        let origin = format!("acl '' file '{file}' line {}", self.location.line);
        PatternSet::new(id, Origin::Line(origin.into()), false, entries)
    }

    fn number(&mut self) -> u32 {
        self.names.pattern_sets += 1;
        self.names.pattern_sets - 1
    }

    /// Reports a mistake that only shows when all sections are known. The line's reading goes on.
    pub fn late(&mut self, text: &str) {
        let location = self.location;
        self.diagnostics
            .push(Severity::Alert, format!("parsing [{location}]: {text}."));
    }

    /// Is the section being read a backend, a frontend?
    pub fn capabilities(&self) -> Scope {
        let own = |known: &HashMap<String, ProxyId>| {
            self.proxy.is_some() && known.get(self.proxy_name).copied() == self.proxy
        };
        match (own(&self.names.frontends), own(&self.names.backends)) {
            (true, true) => Scope::LISTEN,
            (true, false) => Scope::FRONTEND,
            (false, true) => Scope::BACKEND,
            (false, false) => Scope(0),
        }
    }
}

impl Args {
    /// Adds an argument behind the others.
    pub fn push(&mut self, arg: super::args::Arg) {
        self.0.push(arg);
    }
}
