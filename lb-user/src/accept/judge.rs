//! `tcp-request connection` and `tcp-request session` rules.

use crate::rules::condition::Verdict;
use crate::rules::effect::Effect;
use crate::rules::facts::Facts;
use crate::rules::{self, Rule};
use crate::runtime::clock;
use crate::stick::{DataType, Key, TableId};
use crate::stream::Client;

/// Whether a connection becomes a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Admitted,
    Refused,
}

impl Client {
    /// Judges a fresh connection.
    pub(super) fn judge_connection(&mut self) -> Admission {
        if self.judge(&self.frontend.rules.tcp_connection) == Admission::Refused {
            self.counters(|frontend, listener| {
                frontend.denied_connections.increment();
                listener.denied_connections.increment();
            });
            return Admission::Refused;
        }
        Admission::Admitted
    }

    /// Judges a connection whose client is known, and counts it as a session if it may pass.
    pub(super) fn judge_session(&mut self) -> Admission {
        if self.judge(&self.frontend.rules.tcp_session) == Admission::Refused {
            self.counters(|frontend, listener| {
                frontend.denied_sessions.increment();
                listener.denied_sessions.increment();
            });
            return Admission::Refused;
        }
        self.session.count(clock::ticks(), |entry| {
            entry.count(DataType::SessCnt, DataType::SessRate, 1);
        });
        let now = clock::ticks() / 1_000;
        self.engine.process.session_rate.add(1, now);
        self.counters(|frontend, listener| {
            frontend.sessions.increment();
            frontend.session_rate.add(1, now);
            listener.sessions.increment();
        });
        Admission::Admitted
    }

    fn judge(&mut self, rules: &'static [Rule]) -> Admission {
        if rules.is_empty() {
            return Admission::Admitted;
        }
        let exchange = rules::Exchange::default();
        for rule in rules {
            match self.ask(rule, &exchange) {
                Effect::Allow => break,
                Effect::Reject => return Admission::Refused,
                Effect::SilentDrop => {
                    self.vanish();
                    return Admission::Refused;
                }
                Effect::SetSource(address) => self.session.source = address,
                Effect::SetDestination(address) => self.session.destination = Some(address),
                Effect::SetTos(tos) => self.set_tos(tos),
                Effect::SetMark(mark) => self.set_mark(mark),
                Effect::SetVariable { variable, value } => match variable.scope {
                    rules::VariableScope::Process => {
                        self.engine.process.set_variable(variable.slot, Some(value.into()));
                    }
                    _ => self.session.variables.set(variable.slot, value),
                },
                Effect::UnsetVariable(variable) => self.session.variables.unset(variable.slot),
                Effect::Track { set, table, key } => self.track(set, table, &key),
                _ => {}
            }
        }
        Admission::Admitted
    }

    fn track(&mut self, set: usize, table: TableId, key: &Key) {
        if let Some(table) = self.engine.process.tables.get(table) {
            let counters = self.session.counters.get_or_insert_default();
            counters.track(set, table, key, clock::ticks(), |_| {});
        }
    }

    fn ask(&self, rule: &'static Rule, exchange: &rules::Exchange) -> Effect<'static, 'static> {
        let (now, ticks) = (clock::date(), clock::ticks());
        let facts = Facts::bare(self.engine.process, &self.session, exchange, now, ticks);
        if rule
            .condition
            .as_ref()
            .is_some_and(|condition| condition.evaluate(&facts) != Verdict::Yes)
        {
            return Effect::Continue;
        }
        rule.action.run(&facts).detach()
    }
}
