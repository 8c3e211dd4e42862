//! Conditions: `if` and `unless` over named and anonymous ACLs (manual 7.2).

use std::collections::HashMap;
use std::sync::Arc;

pub use super::acl::{Acl, Test};
use super::context::{Context, Promise};
use super::facts::Facts;
use super::place;
use crate::language::{Error, Scope, Word, Words};

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

impl std::ops::Not for Verdict {
    type Output = Verdict;

    fn not(self) -> Verdict {
        match self {
            Verdict::Yes => Verdict::No,
            Verdict::No => Verdict::Yes,
            Verdict::Wait => Verdict::Wait,
        }
    }
}

impl Condition {
    /// Reads `if …` or `unless …` to the end of the line.
    pub fn parse(words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Condition, Error> {
        let unless = match words.next() {
            Some("if") => false,
            Some("unless") => true,
            _ => return Err(Error::new("expects either 'if' or 'unless' followed by a condition")),
        };
        let alternatives = alternatives(words.take_rest(), context)?;
        let condition = Condition { unless, alternatives };
        condition.warn_of_places(context);
        if condition.reads_raw_bytes() {
            let at = context.location.clone();
            context.promises.push(Promise::RawBytes { at });
        }
        Ok(condition)
    }

    /// Takes the ACLs as they are at the end of their section: a line below a rule may add tests to an ACL that the
    /// rule names.
    pub fn complete(&mut self, acls: &HashMap<String, Arc<Acl>>) {
        for term in self.alternatives.iter_mut().flatten() {
            if let Some(acl) = acls.get(&*term.acl.name) {
                term.acl = Arc::clone(acl);
            }
        }
    }

    /// What the condition says of these facts.
    pub fn evaluate(&self, facts: &Facts<'_>) -> Verdict {
        let mut verdict = Verdict::No;
        for terms in &self.alternatives {
            match all(terms, facts) {
                Verdict::Yes => {
                    verdict = Verdict::Yes;
                    break;
                }
                Verdict::Wait => verdict = Verdict::Wait,
                Verdict::No => {}
            }
        }
        if self.unless { !verdict } else { verdict }
    }

    fn reads_raw_bytes(&self) -> bool {
        let raw = Scope::L6_REQUEST.or(Scope::L6_RESPONSE);
        let terms = self.alternatives.iter().flatten();
        terms
            .flat_map(|term| &term.acl.tests)
            .any(|test| raw.contains(test.expression.needs()))
    }

    /// Tells of ACLs that cannot match where the condition stands.
    fn warn_of_places(&self, context: &mut Context<'_>) {
        let place = context.place | context.capabilities();
        let sources = place::sources(place);
        for term in self.alternatives.iter().flatten() {
            let acl = &term.acl;
            let never = |test: &Test| !test.expression.needs().meets(sources);
            let Some(test) = acl.tests.first().filter(|_| acl.tests.iter().all(never)) else {
                continue;
            };
            let rule = if place.meets(Scope::TCP_RULES) {
                format!(" in '{}'", place::describe_rule(place))
            } else {
                String::new()
            };
            let place = place::describe(place);
            let text = if acl.name.is_empty() {
                let keyword = &test.keyword;
                format!(
                    "anonymous acl will never match{rule} because it uses keyword '{keyword}' which is incompatible with '{place}'"
                )
            } else {
                let name = &acl.name;
                format!(
                    "acl '{name}' will never match{rule} because it only involves keywords that are incompatible with '{place}'"
                )
            };
            context.diagnostics.warn(context.location, text);
        }
    }
}

/// Do all terms hold? One that does not decides; else one that is undecided leaves it open.
fn all(terms: &[Term], facts: &Facts<'_>) -> Verdict {
    let mut verdict = Verdict::Yes;
    for term in terms {
        let holds = term.acl.evaluate(facts);
        match if term.negate { !holds } else { holds } {
            Verdict::No => return Verdict::No,
            Verdict::Wait => verdict = Verdict::Wait,
            Verdict::Yes => {}
        }
    }
    verdict
}

/// Reads terms, with `or` or `||` between alternatives.
fn alternatives(words: &[Word], context: &mut Context<'_>) -> Result<Vec<Vec<Term>>, Error> {
    let mut alternatives: Vec<Vec<Term>> = Vec::new();
    let mut open = false;
    let mut negate = false;
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        if word == "or" || word == "||" {
            open = false;
            negate = false;
            continue;
        }
        let name = word.trim_start_matches('!');
        negate ^= (word.len() - name.len()) % 2 == 1;
        let acl = match name {
            "" => continue,
            "{" => {
                let end = after.iter().position(|word| word == "}");
                let end = end.ok_or_else(|| Error::new("missing closing '}' in condition"))?;
                let (inside, beyond) = after.split_at(end);
                rest = beyond.get(1..).unwrap_or_default();
                Arc::new(Acl {
                    name: "".into(),
                    tests: vec![Test::parse(inside, context)?],
                })
            }
            _ => named(name, context)?,
        };
        let term = Term { negate, acl };
        negate = false;
        match alternatives.last_mut().filter(|_| open) {
            Some(terms) => terms.push(term),
            None => alternatives.push(vec![term]),
        }
        open = true;
    }
    Ok(alternatives)
}

fn named(name: &str, context: &mut Context<'_>) -> Result<Arc<Acl>, Error> {
    if let Some(acl) = context.acls.get(name) {
        return Ok(Arc::clone(acl));
    }
    match Acl::predefined(name, context) {
        Some(acl) => acl.map(Arc::new),
        None => Err(Error::new(format!("no such ACL : '{name}'"))),
    }
}
