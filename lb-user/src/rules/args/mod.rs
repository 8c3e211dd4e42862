//! Arguments of fetches and converters: what a row declares, and what the compiler resolved.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::pattern::{Matcher, Method};
use super::regex::Regex;
use super::value::Kind;
use super::variable::Variable;
use crate::state::{ProxyId, ServerId};
use crate::stick::TableId;

mod parse;

pub(super) use parse::{Owner, parse_list, refused};

/// What an argument must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    Int,
    Str,
    Time,
    Size,
    Ipv4,
    Ipv6,
    Mask4,
    Mask6,
    /// A frontend; the section's own if left out.
    Frontend,
    /// A backend; the section's own if left out.
    Backend,
    Server,
    /// A stick table; the section's own if left out.
    Table,
    /// A stick table, if any.
    OtherTable,
    /// The name of a variable; it may stay empty where the argument is optional.
    Variable,
    /// An integer, or the name of a variable that holds one.
    Operand,
    Userlist,
    /// A regular expression; the argument at position `flags` may hold an `i`.
    Regex {
        flags: usize,
    },
    /// A map file: how keys are matched, and the type of the values.
    Map(Method, Kind),
}

/// One argument of a row: its kind, its name in messages, and whether it may be left out.
#[derive(Clone, Copy, Debug)]
pub struct ArgSpec {
    pub kind: ArgKind,
    pub name: &'static str,
    pub optional: bool,
}

impl ArgSpec {
    /// An argument that must be there.
    pub const fn required(kind: ArgKind, name: &'static str) -> ArgSpec {
        ArgSpec {
            kind,
            name,
            optional: false,
        }
    }

    /// An argument that may be left out.
    pub const fn optional(kind: ArgKind, name: &'static str) -> ArgSpec {
        ArgSpec {
            kind,
            name,
            optional: true,
        }
    }
}

/// One resolved argument.
#[derive(Clone, Debug)]
pub enum Arg {
    /// Left out.
    None,
    Int(i64),
    Str(Box<str>),
    /// Bytes that a row's `check` read from a string.
    Bytes(Box<[u8]>),
    Time(Duration),
    Size(u64),
    Ip(IpAddr),
    Mask4(u32),
    Mask6(u128),
    Proxy(ProxyId),
    Server(ServerId),
    Table(TableId),
    Variable(Variable),
    Userlist(u32),
    Regex(Regex),
    Patterns(Arc<Matcher>),
    /// What a row's `check` made of its arguments (a key, a parsed format).
    Prepared(Prepared),
}

/// A value that a row computed from its arguments at load time.
#[derive(Clone)]
pub struct Prepared(pub Arc<dyn std::any::Any + Send + Sync>);

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prepared")
    }
}

/// Resolved arguments, by position. Asking for one that is absent gives `None` or the type's default.
#[derive(Clone, Debug, Default)]
pub struct Args(pub Vec<Arg>);

impl Args {
    /// The argument at position `i`.
    pub fn get(&self, i: usize) -> &Arg {
        self.0.get(i).unwrap_or(&Arg::None)
    }

    /// Was it given?
    pub fn is_given(&self, i: usize) -> bool {
        !matches!(self.get(i), Arg::None)
    }

    /// It as an integer.
    pub fn int(&self, i: usize) -> Option<i64> {
        match self.get(i) {
            Arg::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// It as a string.
    pub fn str(&self, i: usize) -> Option<&str> {
        match self.get(i) {
            Arg::Str(s) => Some(s),
            _ => None,
        }
    }

    /// The bytes of a string argument, or those that a check read from it.
    pub fn bytes(&self, i: usize) -> Option<&[u8]> {
        match self.get(i) {
            Arg::Str(s) => Some(s.as_bytes()),
            Arg::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The proxy it names.
    pub fn proxy(&self, i: usize) -> Option<ProxyId> {
        match self.get(i) {
            Arg::Proxy(id) => Some(*id),
            _ => None,
        }
    }

    /// The server it names.
    pub fn server(&self, i: usize) -> Option<ServerId> {
        match self.get(i) {
            Arg::Server(id) => Some(*id),
            _ => None,
        }
    }

    /// The table it names.
    pub fn table(&self, i: usize) -> Option<TableId> {
        match self.get(i) {
            Arg::Table(id) => Some(*id),
            _ => None,
        }
    }

    /// The variable it names.
    pub fn variable(&self, i: usize) -> Option<&Variable> {
        match self.get(i) {
            Arg::Variable(variable) => Some(variable),
            _ => None,
        }
    }

    /// The pattern file it names.
    pub fn patterns(&self, i: usize) -> Option<&Arc<Matcher>> {
        match self.get(i) {
            Arg::Patterns(patterns) => Some(patterns),
            _ => None,
        }
    }

    /// It as a regular expression.
    pub fn regex(&self, i: usize) -> Option<&Regex> {
        match self.get(i) {
            Arg::Regex(regex) => Some(regex),
            _ => None,
        }
    }

    /// Puts what a row's `check` made of its arguments at position `i`.
    pub fn set(&mut self, i: usize, arg: Arg) {
        if self.0.len() <= i {
            self.0.resize(i + 1, Arg::None);
        }
        self.0[i] = arg;
    }

    /// Keeps a value that a row computed at load time, at position `i`.
    pub fn prepare<T: Send + Sync + 'static>(&mut self, i: usize, value: T) {
        self.set(i, Arg::Prepared(Prepared(Arc::new(value))));
    }

    /// What the row's `check` prepared at position `i`.
    pub fn prepared<T: 'static>(&self, i: usize) -> Option<&T> {
        match self.get(i) {
            Arg::Prepared(Prepared(value)) => value.downcast_ref(),
            _ => None,
        }
    }
}
