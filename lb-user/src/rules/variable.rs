//! Variables (manual 2.8): names become slots at load time, values live in small per-scope stores.

use std::cell::RefCell;

use super::value::Value;
use crate::state::process::ProcessValue;

/// How long a variable lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VariableScope {
    Process,
    Session,
    Transaction,
    Request,
    Response,
    Check,
}

impl VariableScope {
    /// The prefix in a variable's name.
    pub fn parse(prefix: &str) -> Option<VariableScope> {
        Some(match prefix {
            "proc" => VariableScope::Process,
            "sess" => VariableScope::Session,
            "txn" => VariableScope::Transaction,
            "req" => VariableScope::Request,
            "res" => VariableScope::Response,
            "check" => VariableScope::Check,
            _ => return None,
        })
    }
}

/// A variable that rules name: its scope and its slot there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub scope: VariableScope,
    pub slot: u32,
    /// The whole name, `txn.host`.
    pub name: Box<str>,
}

/// The values of one scope, by slot. Few are ever set, so a list searched in order is quickest.
#[derive(Clone, Debug, Default)]
pub struct Variables(Vec<(u32, Value<'static>)>);

impl Variables {
    /// The value in a slot.
    pub fn get(&self, slot: u32) -> Option<&Value<'static>> {
        self.0.iter().find(|(held, _)| *held == slot).map(|(_, value)| value)
    }

    /// Fills a slot.
    pub fn set(&mut self, slot: u32, value: Value<'static>) {
        match self.0.iter_mut().find(|(held, _)| *held == slot) {
            Some((_, old)) => *old = value,
            None => self.0.push((slot, value)),
        }
    }

    /// Empties a slot.
    pub fn unset(&mut self, slot: u32) {
        self.0.retain(|(held, _)| *held != slot);
    }

    /// Empties all slots.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// What evaluating an expression wants written: the converters `set-var`, `unset-var`, `capture-req`, `capture-res`.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    Set(Variable, Value<'static>),
    Unset(Variable),
    CaptureRequest(usize, Vec<u8>),
    CaptureResponse(usize, Vec<u8>),
}

/// Writes that wait until the facts are no longer borrowed. Fetches see them at once.
#[derive(Debug, Default)]
pub struct Writes(RefCell<Vec<Write>>);

impl Writes {
    /// Appends one.
    pub fn push(&self, write: Write) {
        self.0.borrow_mut().push(write);
    }

    /// Is there nothing in it?
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// What was last written to `variable`: a value, or that it is unset; `None` if nothing was.
    pub fn last(&self, variable: &Variable) -> Option<Option<Value<'static>>> {
        self.0.borrow().iter().rev().find_map(|write| match write {
            Write::Set(written, value) if written.slot == variable.slot => Some(Some(value.clone())),
            Write::Unset(written) if written.slot == variable.slot => Some(None),
            _ => None,
        })
    }

    /// Takes all writes, oldest first.
    pub fn take(&self) -> Vec<Write> {
        self.0.take()
    }
}

impl From<Value<'static>> for ProcessValue {
    fn from(value: Value<'static>) -> ProcessValue {
        match value {
            Value::Bool(b) => ProcessValue::Bool(b),
            Value::Int(i) => ProcessValue::Int(i),
            Value::Ipv4(ip) => ProcessValue::Address(ip.into()),
            Value::Ipv6(ip) => ProcessValue::Address(ip.into()),
            Value::Str(s) | Value::Method(s) => ProcessValue::Str(s.into_owned()),
            Value::Bin(s) => ProcessValue::Bin(s.into_owned()),
        }
    }
}

impl From<&ProcessValue> for Value<'static> {
    fn from(value: &ProcessValue) -> Value<'static> {
        match value {
            ProcessValue::Bool(b) => Value::Bool(*b),
            ProcessValue::Int(i) => Value::Int(*i),
            ProcessValue::Address(ip) => Value::address(*ip),
            ProcessValue::Str(s) => Value::string(s.clone()),
            ProcessValue::Bin(s) => Value::binary(s.clone()),
        }
    }
}
