//! What the compiler of rules knows: the registry of rows, the names of the configuration, files.

use std::collections::HashMap;
use std::sync::Arc;

use super::action::ActionRow;
use super::args::Args;
use super::condition::Acl;
use super::expression::{ConvertRow, FetchRow};
use super::pattern::PatternSet;
use super::variable::{Variable, VariableScope};
use crate::language::{Diagnostics, Error, Location, Scope};
use crate::state::{ProxyId, ServerId, TableId};

/// All rows that rules are compiled from: one slice a file.
#[derive(Clone, Copy)]
pub struct Registry {
    pub fetches: &'static [&'static [FetchRow]],
    pub converters: &'static [&'static [ConvertRow]],
    pub actions: &'static [&'static [ActionRow]],
    pub log_variables: &'static [&'static [LogVariableRow]],
}

/// A log-format variable's row.
pub type LogVariableRow = crate::language::Row<LogVariable>;

/// Writes a log-format variable.
pub type LogVariable = fn(&super::Facts<'_>, super::log_format::Flags, &mut Vec<u8>);

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
    /// `http-errors` sections by name, for `errorfiles`.
    pub http_errors: HashMap<String, u32>,
}

impl Names {
    /// The variable of that name (`txn.x`), given a slot at its first use.
    pub fn variable(&mut self, name: &str) -> Result<Variable, Error> {
        if let Some(variable) = self.variables.get(name) {
            return Ok(variable.clone());
        }
        let (prefix, rest) = name.split_once('.').unwrap_or((name, ""));
        let scope = VariableScope::parse(prefix).ok_or_else(|| {
            Error::new(format!(
                "invalid variable name '{name}'. A variable name must be start by its scope. The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'"
            ))
        })?;
        if rest.is_empty()
            || !rest
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
        {
            return Err(Error::new(format!("invalid variable name '{name}'")));
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
    /// The rule set or keyword being read, for what may be fetched there.
    pub place: Scope,
    /// Reads a file named by the configuration, after `default-path`.
    pub read_file: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
}

impl Args {
    pub fn push(&mut self, arg: super::args::Arg) {
        self.0.push(arg);
    }
}
