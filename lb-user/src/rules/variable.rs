//! Variables (manual 2.8): names become slots at load time, values live in small per-scope stores.

use super::value::Value;

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
    pub fn get(&self, slot: u32) -> Option<&Value<'static>> {
        self.0.iter().find(|(held, _)| *held == slot).map(|(_, value)| value)
    }

    pub fn set(&mut self, slot: u32, value: Value<'static>) {
        match self.0.iter_mut().find(|(held, _)| *held == slot) {
            Some((_, old)) => *old = value,
            None => self.0.push((slot, value)),
        }
    }

    pub fn unset(&mut self, slot: u32) {
        self.0.retain(|(held, _)| *held != slot);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}
