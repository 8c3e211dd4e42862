//! ACLs and conditions: `if`/`unless` over named and anonymous ACLs (manual 7.2).

use std::sync::Arc;

use super::expression::{Cursor, Expression, Fetched};
use super::facts::Facts;
use super::pattern::{Method, Pattern, PatternSet};
use super::value::{Kind, Value};

/// One test: an expression, a matching method and patterns.
#[derive(Clone)]
pub struct Test {
    pub expression: Expression,
    pub method: Method,
    pub ignore_case: bool,
    /// Patterns given on the line first, then one set for each `-f` file.
    pub patterns: Vec<Arc<PatternSet>>,
}

/// An ACL: all tests declared under one name; any of them suffices.
#[derive(Clone)]
pub struct Acl {
    /// Empty for an anonymous ACL.
    pub name: Box<str>,
    pub tests: Vec<Test>,
}

/// One term of a condition.
#[derive(Clone)]
pub struct Term {
    pub negate: bool,
    pub acl: Arc<Acl>,
}

/// A condition: alternatives of terms that must all hold.
#[derive(Clone)]
pub struct Condition {
    /// `unless` instead of `if`.
    pub unless: bool,
    pub alternatives: Vec<Vec<Term>>,
}

/// What a condition says of some facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Yes,
    No,
    /// Undecided until more bytes have come.
    Wait,
}

impl Condition {
    /// Do the facts meet the condition?
    pub fn evaluate(&self, facts: &Facts<'_>) -> Verdict {
        let mut undecided = false;
        for alternative in &self.alternatives {
            match all(alternative, facts) {
                Verdict::Yes => return self.oriented(Verdict::Yes),
                Verdict::Wait => undecided = true,
                Verdict::No => {}
            }
        }
        self.oriented(if undecided { Verdict::Wait } else { Verdict::No })
    }

    fn oriented(&self, verdict: Verdict) -> Verdict {
        if self.unless { verdict.negated() } else { verdict }
    }
}

fn all(terms: &[Term], facts: &Facts<'_>) -> Verdict {
    for term in terms {
        let verdict = term.acl.evaluate(facts);
        match if term.negate { verdict.negated() } else { verdict } {
            Verdict::Yes => {}
            other => return other,
        }
    }
    Verdict::Yes
}

impl Acl {
    /// Does any of the ACL's tests hold?
    pub fn evaluate(&self, facts: &Facts<'_>) -> Verdict {
        let mut undecided = false;
        for test in &self.tests {
            match test.evaluate(facts) {
                Verdict::Yes => return Verdict::Yes,
                Verdict::Wait => undecided = true,
                Verdict::No => {}
            }
        }
        if undecided { Verdict::Wait } else { Verdict::No }
    }
}

impl Test {
    /// Does any answer of the expression match any pattern?
    pub fn evaluate(&self, facts: &Facts<'_>) -> Verdict {
        let mut cursor = Cursor::default();
        loop {
            match self.expression.next(facts, &mut cursor) {
                Fetched::Value(value) if self.matches(&value) => return Verdict::Yes,
                Fetched::Value(_) | Fetched::Missing => {}
                Fetched::Wait => return Verdict::Wait,
            }
            if !cursor.more {
                return Verdict::No;
            }
            cursor.index += 1;
        }
    }
}

impl Verdict {
    fn negated(self) -> Verdict {
        match self {
            Verdict::Yes => Verdict::No,
            Verdict::No => Verdict::Yes,
            Verdict::Wait => Verdict::Wait,
        }
    }
}

impl Test {
    /// Does any pattern match the sample?
    fn matches(&self, value: &Value<'_>) -> bool {
        match self.method {
            Method::Found => return true,
            Method::Bool => return matches!(value.clone().cast(Kind::Bool), Some(Value::Bool(true))),
            _ => {}
        }
        let Some(sample) = Sample::of(value, self.method, self.ignore_case) else {
            return false;
        };
        self.patterns.iter().any(|set| {
            let Ok(entries) = set.entries.read() else { return false };
            entries
                .iter()
                .any(|entry| sample.meets(&entry.pattern, self.method, self.ignore_case))
        })
    }
}

/// A sample turned into what its method compares.
enum Sample<'a> {
    Number(i64),
    Address(std::net::IpAddr),
    Text(std::borrow::Cow<'a, [u8]>),
}

impl<'a> Sample<'a> {
    fn of(value: &Value<'a>, method: Method, ignore_case: bool) -> Option<Sample<'a>> {
        Some(match method {
            Method::Int => match value.clone().cast(Kind::Int)? {
                Value::Int(number) => Sample::Number(number),
                _ => return None,
            },
            Method::Len => Sample::Number(value.clone().into_text()?.len() as i64),
            Method::Ip => match value.clone().cast(Kind::Address)? {
                Value::Ipv4(ip) => Sample::Address(ip.into()),
                Value::Ipv6(ip) => Sample::Address(ip.into()),
                _ => return None,
            },
            _ => {
                let mut text = value.clone().into_text()?;
                if ignore_case && method != Method::Reg {
                    text.to_mut().make_ascii_lowercase();
                }
                Sample::Text(text)
            }
        })
    }

    fn meets(&self, pattern: &Pattern, method: Method, ignore_case: bool) -> bool {
        match (self, pattern) {
            (Sample::Number(number), Pattern::Range(low, high)) => {
                low.is_none_or(|low| low <= *number) && high.is_none_or(|high| *number <= high)
            }
            (Sample::Address(ip), Pattern::Network(network, bits)) => {
                crate::language::address::contains(*network, *bits, *ip)
            }
            (Sample::Text(text), Pattern::Regex(regex)) => regex.is_match(text),
            (Sample::Text(text), Pattern::Str(wanted)) if ignore_case => {
                meets_text(text, &wanted.to_ascii_lowercase(), method)
            }
            (Sample::Text(text), Pattern::Str(wanted)) => meets_text(text, wanted, method),
            _ => false,
        }
    }
}

fn meets_text(text: &[u8], wanted: &[u8], method: Method) -> bool {
    let part = |delimiters: &[u8]| text.split(|byte| delimiters.contains(byte)).any(|part| part == wanted);
    match method {
        Method::Beg => text.starts_with(wanted),
        Method::End => text.ends_with(wanted),
        Method::Sub => memchr::memmem::find(text, wanted).is_some(),
        Method::Dir => part(b"/?"),
        Method::Dom => part(b"/?.:"),
        _ => text == wanted,
    }
}
