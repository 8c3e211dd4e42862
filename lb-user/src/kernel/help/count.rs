//! The gate's counts as part of the statistics, so that a connection counts alike wherever it was denied.
use std::collections::HashMap;

use crate::kernel::placement::{Counted, Placement, action};
use crate::kernel::{GateAction, RuleCount};
use crate::plan::Plan;
use crate::runtime::clock;
use crate::state::Process;

/// What the statistics know of already, by the rules' ids.
#[derive(Debug, Default)]
pub struct Credit(HashMap<u32, u64>);

impl Credit {
    /// Adds what is new.
    pub fn give(&mut self, counts: &[RuleCount], plan: &Plan, process: &Process, placement: &Placement) {
        let now = clock::ticks() / 1_000;
        for count in counts {
            let known = self.0.entry(count.id).or_default();
            let new = count.connections.saturating_sub(*known);
            *known = count.connections;
            let counted = placement.counted.get(count.id as usize);
            if let Some(counted) = counted.filter(|counted| new > 0 && denies(plan, counted)) {
                process.deny_early(counted.frontend, counted.listener, new, now);
            }
        }
    }
}

/// Does the rule keep connections away? Those that it accepts reach userspace, which counts them.
fn denies(plan: &Plan, counted: &Counted) -> bool {
    let proxy = plan.proxies.get(counted.frontend.index());
    let rule = proxy.and_then(|proxy| proxy.rules.tcp_connection.get(counted.rule));
    rule.and_then(action).is_some_and(|action| action != GateAction::Accept)
}
