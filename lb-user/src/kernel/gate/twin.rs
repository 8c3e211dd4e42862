//! The gate's maps in userspace: [`lb_common::gate::run`] over them decides and counts as the kernel program does.
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use lb_common::gate::{self, Fate, ListenerKey, Maps, RECENT, Reason, Reasons, RuleCounter, SourceKey, Verdict};
use lb_common::packet::{Address, Bytes};

use super::rules::GateRules;
use super::tables::Tables;
use crate::kernel::KernelError;

/// A gate without a kernel.
#[derive(Debug)]
pub struct Twin {
    tables: Tables,
    local: BTreeSet<Address>,
    recent: RefCell<Vec<u64>>,
    reasons: RefCell<Reasons>,
    rules: RefCell<BTreeMap<u32, RuleCounter>>,
}

impl Twin {
    /// A twin of a gate with these rules on a host with these addresses.
    ///
    /// # Errors
    /// Those of [`Tables::compile`].
    pub fn new(rules: &GateRules, local: impl IntoIterator<Item = IpAddr>) -> Result<Self, KernelError> {
        Ok(Self {
            tables: Tables::compile(rules)?,
            local: local.into_iter().map(Address::from).collect(),
            recent: RefCell::new(vec![0; RECENT as usize]),
            reasons: RefCell::default(),
            rules: RefCell::default(),
        })
    }

    /// Replaces the rules, as [`super::Gate::swap`] does.
    ///
    /// # Errors
    /// Those of [`Tables::compile`].
    pub fn swap(&mut self, rules: &GateRules) -> Result<(), KernelError> {
        self.tables = Tables::compile(rules)?;
        Ok(())
    }

    /// Judges a frame, and changes it into its answer where it gets one.
    pub fn judge(&self, frame: &mut Vec<u8>) -> Fate {
        let mut bytes = Bytes(frame);
        let fate = gate::run(&mut bytes, self);
        let length = bytes.0.len();
        frame.truncate(length);
        fate
    }

    /// What became of the frames so far.
    pub fn reasons(&self) -> Reasons {
        *self.reasons.borrow()
    }

    /// What the rule of that id matched so far.
    pub fn rule(&self, id: u32) -> RuleCounter {
        self.rules.borrow().get(&id).copied().unwrap_or_default()
    }
}

impl Maps for Twin {
    fn is_local(&self, address: &Address) -> bool {
        self.local.contains(address)
    }

    fn list(&self, listener: &ListenerKey) -> Option<u32> {
        self.tables.listeners.get(listener).map(|&list| list as u32)
    }

    /// Hosts are networks here: only the kernel has a quicker map for them.
    fn host(&self, _: &SourceKey) -> Option<Verdict> {
        None
    }

    fn network(&self, source: &SourceKey) -> Option<Verdict> {
        self.tables.lists.get(source.list as usize)?.verdict(source.address)
    }

    fn is_new(&self, fingerprint: u64) -> bool {
        let slot = fingerprint as u32 % RECENT;
        let before = self
            .recent
            .borrow_mut()
            .get_mut(slot as usize)
            .map(|slot| std::mem::replace(slot, fingerprint));
        before != Some(fingerprint)
    }

    fn count(&self, reason: Reason) {
        *self.reasons.borrow_mut().of(reason) += 1;
    }

    fn count_rule(&self, rule: u32, new: bool) {
        let mut rules = self.rules.borrow_mut();
        let counter = rules.entry(rule).or_default();
        counter.packets += 1;
        counter.connections += u64::from(new);
    }
}
