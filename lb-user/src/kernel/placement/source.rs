//! Rules on the source address, as the gate has them.
use std::net::IpAddr;

use super::{GateAction, GateRule, RuleReason, action};
use crate::language::Location;
use crate::rules::acl::Test;
use crate::rules::pattern::Method;
use crate::rules::{Acl, Condition, Rule};

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

/// The rules that the gate can judge before any that it cannot; and for each of all the rules why it runs in userspace, if it does.
pub fn leading(rules: &[Rule]) -> (Vec<Judged>, Vec<Option<RuleReason>>) {
    let mut judged = Vec::new();
    let mut reasons = Vec::with_capacity(rules.len());
    let mut stopped_by: Option<Location> = None;
    for rule in rules {
        let reason = match (&stopped_by, judge(rule)) {
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
    (judged, reasons)
}

fn judge(rule: &Rule) -> Result<Judged, RuleReason> {
    let action = action(rule).ok_or(RuleReason::Action(rule.row.name()))?;
    let (networks, negate) = match &rule.condition {
        // Without networks, outside of them is everybody.
        None => (Vec::new(), true),
        Some(condition) => sources(condition)?,
    };
    Ok(Judged {
        networks,
        negate,
        action,
    })
}

/// The networks that a condition asks for, and whether it holds outside of them.
fn sources(condition: &Condition) -> Result<(Vec<(IpAddr, u8)>, bool), RuleReason> {
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
    let mut networks = Vec::new();
    for term in terms {
        add_networks(&term.acl, &mut networks)?;
    }
    Ok((networks, negate != condition.unless))
}

fn add_networks(acl: &Acl, networks: &mut Vec<(IpAddr, u8)>) -> Result<(), RuleReason> {
    for test in &acl.tests {
        if !is_source(test) {
            return Err(RuleReason::Test(test.expression.text.clone()));
        }
        for network in test.patterns.iter().flat_map(|matcher| matcher.networks()) {
            networks.push(network.prefix().ok_or(RuleReason::Mask)?);
        }
    }
    Ok(())
}

/// Does it compare the source with addresses?
fn is_source(test: &Test) -> bool {
    test.expression.is_bare("src") && test.method == Method::Ip
}
