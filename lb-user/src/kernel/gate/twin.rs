//! The gate's maps in userspace: [`lb_common::gate::run`] over them decides and counts as the kernel program does.
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use lb_common::gate::{self, Fate, ListenerKey, Maps, RECENT, Reason, Reasons, RuleCounter, SourceKey, Verdict};
use lb_common::packet::{Address, Bytes};
use lb_common::stick::{EntryKey, Seen, Watch};

use super::rules::GateRules;
use super::tables::Tables;
use crate::kernel::KernelError;
use crate::kernel::shared::Shared;
use crate::runtime::clock;
use crate::stick::Table;

/// A gate without a kernel.
pub struct Twin {
    tables: Tables,
    local: BTreeSet<Address>,
    recent: RefCell<Vec<u64>>,
    reasons: RefCell<Reasons>,
    rules: RefCell<BTreeMap<u32, RuleCounter>>,
    shared: Arc<Shared>,
}

impl Twin {
    /// A twin of a gate with these rules on a host with these addresses.
    ///
    /// # Errors
    /// Those of [`Tables::compile`].
    pub fn new(rules: &GateRules, local: impl IntoIterator<Item = IpAddr>) -> Result<Self, KernelError> {
        Ok(Self {
            shared: Arc::new(Shared::twin(rules.tables.values().sum())?),
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

    /// Lets the twin read a stick table, as [`super::Gate::share`] does.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn share(&self, number: u32, table: &Table) -> Result<(), KernelError> {
        self.shared.share(number, table)
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

    fn watch(&self, list: u32) -> Option<&Watch> {
        self.tables.lists.get(list as usize)?.watch.as_ref()
    }

    fn place(&self, key: &EntryKey) -> Option<u32> {
        self.shared.place(key)
    }

    fn entry(&self, place: u32) -> Option<Seen<'_>> {
        Some(self.shared.seen(place))
    }

    fn count_denied(&self, place: u32, generation: u64, period: u64, now: u64) {
        self.shared.count_denied(place, generation, period, now);
    }

    fn now(&self) -> u64 {
        clock::ticks() / 1_000
    }
}
