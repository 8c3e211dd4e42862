//! What a keyword's row sees beside the words of its line.

use std::fmt;

use super::proxy::Draft;
use crate::language::{Diagnostics, Host, Location, Scope, Severity};
use crate::rules::{Context, Names, Registry};

/// The surroundings of the line that is being read.
pub struct Reading<'a> {
    /// The rows that rules are compiled from.
    pub registry: &'a Registry,
    /// What the sections declare, of the whole configuration.
    pub names: &'a mut Names,
    pub diagnostics: &'a mut Diagnostics,
    pub location: &'a Location,
    /// The kind of section the line stands in.
    pub section: Scope,
    pub host: &'a dyn Host,
    /// The value of an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Reads a file named by the configuration, after `default-path`.
    pub read_file: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
    /// The names in a directory named by the configuration; nothing where it is none.
    pub list_directory: &'a dyn Fn(&str) -> Option<Vec<String>>,
}

impl Reading<'_> {
    /// A warning about the line.
    pub fn warn(&mut self, text: impl fmt::Display) {
        self.diagnostics.warn(self.location, text);
    }

    /// A remark about the line that only `-dD` shows.
    pub fn diag(&mut self, text: impl fmt::Display) {
        self.diagnostics.at(Severity::Diag, self.location, text);
    }

    /// Does the line stand in a `defaults` section?
    pub fn in_defaults(&self) -> bool {
        self.section == Scope::DEFAULTS
    }

    /// The compiler's surroundings for a rule of `draft` that stands in `place`.
    pub fn compiler<'b>(&'b mut self, draft: &'b Draft, place: Scope) -> Context<'b> {
        let proxy = (!self.in_defaults()).then_some(draft.proxy.id);
        Context {
            registry: self.registry,
            names: self.names,
            acls: &draft.proxy.rules.acls,
            diagnostics: self.diagnostics,
            location: self.location,
            proxy,
            proxy_name: &draft.proxy.name,
            place,
            host: self.host,
            variable: self.variable,
            read_file: self.read_file,
            request_captures: draft.proxy.request_captures.len(),
            new_capture: None,
            promises: Vec::new(),
        }
    }
}
