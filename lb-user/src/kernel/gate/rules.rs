//! What the configuration asks of the gate, as plain values.
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use lb_common::gate::Action;
use lb_common::stick::{CHECKS, Check, Field, TRACKS, Track, Watch};

/// Every listener of the balancer, with the rules that the gate decides.
///
/// A listener without rules belongs here too: on its own address it shadows another one on any address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateRules {
    pub listeners: Vec<GateListener>,
    /// How many entries the stick tables that rules name have room for, by the tables' numbers.
    pub tables: BTreeMap<u32, u32>,
}

/// Where connections are accepted, and which sources may open them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateListener {
    /// `None` stands for every local address; `0.0.0.0` and `::` for every local one of their own family.
    pub address: Option<IpAddr>,
    pub ports: RangeInclusive<u16>,
    /// The first rule that matches decides. Where none does, the host's stack has the connection.
    pub rules: Vec<GateRule>,
    /// Rules on stick tables. Their ids tell where they stand among the others.
    pub watch: GateWatch,
}

/// Rules on what stick tables know of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct GateWatch {
    /// In the order of their ids: at most [`CHECKS`].
    pub checks: Vec<Check>,
    /// In the order of their ids: at most [`TRACKS`].
    pub tracks: Vec<Track>,
}

impl GateWatch {
    /// The same as the kernel has it; `None` where nothing is asked.
    pub fn compile(&self) -> Option<Watch> {
        let no_check = Check {
            rule: 0,
            action: Action::Unmatched,
            field: Field::default(),
            low: 0,
            high: 0,
            table: 0,
            negate: 0,
            tracked: 0,
            unused: 0,
            expire: 0,
        };
        let no_track = Track {
            rule: 0,
            table: 0,
            period: 0,
        };
        let mut watch = Watch {
            checks: [no_check; CHECKS],
            tracks: [no_track; TRACKS],
            checked: self.checks.len().min(CHECKS) as u32,
            tracked: self.tracks.len().min(TRACKS) as u32,
        };
        watch
            .checks
            .iter_mut()
            .zip(&self.checks)
            .for_each(|(to, from)| *to = *from);
        watch
            .tracks
            .iter_mut()
            .zip(&self.tracks)
            .for_each(|(to, from)| *to = *from);
        (!self.checks.is_empty() || !self.tracks.is_empty()).then_some(watch)
    }
}

impl GateListener {
    /// Whether any connection to it can be decided here.
    pub fn has_rules(&self) -> bool {
        !self.rules.is_empty() || !self.watch.checks.is_empty()
    }

    /// Whether it accepts connections to that address, where the address is local.
    pub fn accepts_on(&self, address: IpAddr) -> bool {
        match self.address {
            None => true,
            Some(any) if any.is_unspecified() => any.is_ipv4() == address.is_ipv4(),
            Some(own) => own == address,
        }
    }
}

/// One `tcp-request connection` rule on the source address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GateRule {
    /// The number of the rule's counter, as small as the caller can make it: counters are an array. Rules may share one.
    pub id: u32,
    /// Addresses with the length of their prefix. An IPv4 network also matches the IPv6 addresses that hold one of its addresses
    /// (configuration manual section 7.1.6).
    pub networks: Vec<(IpAddr, u8)>,
    /// Matches the sources outside of the networks: `unless { src … }`. Without networks: every source.
    pub negate: bool,
    pub action: GateAction,
}

/// What becomes of a connection that a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GateAction {
    Accept,
    Reject,
    SilentDrop,
}

impl From<GateAction> for Action {
    fn from(action: GateAction) -> Self {
        match action {
            GateAction::Accept => Self::Accept,
            GateAction::Reject => Self::Reject,
            GateAction::SilentDrop => Self::SilentDrop,
        }
    }
}
