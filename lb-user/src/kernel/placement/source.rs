//! Rules on the source address, as the gate has them.
use std::net::IpAddr;
use std::sync::Arc;

use lb_common::stick::{Check, Track};

use super::table::Watching;
use super::{GateAction, GateRule, RuleReason, action};
use crate::language::Location;
use crate::rules::acl::Test;
use crate::rules::pattern::{Entry, Method, PatternSet};
use crate::rules::{Condition, Rule};
use crate::stick::StickTable;

/// A rule that the gate can judge.
pub struct Judged {
    networks: Vec<(IpAddr, u8)>,
    negate: bool,
    action: GateAction,
}

impl Judged {
    /// The rule with the number of its counter.
    pub fn with_id(&self, id: u32) -> GateRule {
        GateRule {
            id,
            networks: self.networks.clone(),
            negate: self.negate,
            action: self.action,
        }
    }
}

/// A list of patterns as it was when the rules were placed.
#[derive(Clone, Debug)]
pub struct List {
    set: Arc<PatternSet>,
    entries: Arc<Vec<Entry>>,
}

impl List {
    /// The list as it is now.
    pub fn of(set: &Arc<PatternSet>) -> List {
        List {
            set: Arc::clone(set),
            entries: set.entries(),
        }
    }

    /// Was the list left as it was?
    pub fn is_current(&self) -> bool {
        Arc::ptr_eq(&self.entries, &self.set.entries())
    }
}

/// A rule as the gate has it, but for its number.
pub enum Step {
    Source(Judged),
    Track(Track),
    Checks(Vec<Check>),
}

/// The rules that the gate can judge before any that it cannot; and for each of all the rules why it runs in userspace, if it does.
pub fn leading(rules: &[Rule], tables: &[StickTable]) -> (Vec<Step>, Vec<List>, Vec<Option<RuleReason>>) {
    let mut watching = Watching::new(tables);
    let mut lists = Vec::new();
    let mut judged = Vec::new();
    let mut reasons = Vec::with_capacity(rules.len());
    let mut stopped_by: Option<Location> = None;
    for rule in rules {
        let reason = match (&stopped_by, judge(rule, &mut watching, &mut lists)) {
            (_, Err(reason)) => Some(reason),
            (Some(location), Ok(_)) => Some(RuleReason::Below(location.clone())),
            (None, Ok(rule)) => {
                judged.push(rule);
                None
            }
        };
        if reason.is_some() {
            stopped_by.get_or_insert_with(|| rule.location.clone());
        }
        reasons.push(reason);
    }
    (judged, lists, reasons)
}

fn judge(rule: &Rule, watching: &mut Watching<'_>, lists: &mut Vec<List>) -> Result<Step, RuleReason> {
    if let Some(track) = watching.track(rule)? {
        return Ok(Step::Track(track));
    }
    let action = action(rule).ok_or(RuleReason::Action(rule.row.name()))?;
    if let Some(condition) = &rule.condition
        && let Some(checks) = watching.checks(condition, action.into(), lists)?
    {
        return Ok(Step::Checks(checks));
    }
    let mut judged = Judged {
        networks: Vec::new(),
        // Without networks, outside of them is everybody.
        negate: true,
        action,
    };
    if let Some(condition) = &rule.condition {
        judged.read(condition, lists)?;
    }
    Ok(Step::Source(judged))
}

impl Judged {
    /// Takes over the networks that a condition asks for, and whether it holds outside of them.
    fn read(&mut self, condition: &Condition, lists: &mut Vec<List>) -> Result<(), RuleReason> {
        let terms = condition.alternatives.iter().map(|terms| match terms.as_slice() {
            [term] => Ok(term),
            _ => Err(RuleReason::Conjunction),
        });
        let terms = terms.collect::<Result<Vec<_>, _>>()?;
        let negate = match terms.as_slice() {
            [only] => only.negate,
            several if several.iter().any(|term| term.negate) => return Err(RuleReason::Conjunction),
            _ => false,
        };
        self.negate = negate != condition.unless;
        let tests = terms.into_iter().flat_map(|term| &term.acl.tests);
        tests.into_iter().try_for_each(|test| self.add(test, lists))
    }

    fn add(&mut self, test: &Test, lists: &mut Vec<List>) -> Result<(), RuleReason> {
        if !is_source(test) {
            return Err(RuleReason::Test(test.expression.text.clone()));
        }
        for matcher in &test.patterns {
            // Before the networks: a change in between makes the list look old, not new.
            lists.push(List::of(&matcher.set));
            for network in matcher.networks() {
                self.networks.push(network.prefix().ok_or(RuleReason::Mask)?);
            }
        }
        Ok(())
    }
}

/// Does it compare the source with addresses?
fn is_source(test: &Test) -> bool {
    test.expression.is_bare("src") && test.method == Method::Ip
}
