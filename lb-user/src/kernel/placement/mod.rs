//! Where each rule of the configuration runs: in the gate, or in userspace and why.
//!
//! The gate takes the `tcp-request connection` rules that open a frontend's list, up to the first that it cannot judge exactly: what
//! stands below might only have been reached because of that one.
mod flow;
mod listening;
mod reason;
mod source;
mod table;

use std::collections::BTreeMap;

pub use self::flow::{FlowReason, carried, listener_reason};
pub use self::listening::{Contested, Endpoint, Listening, contested};
pub use self::reason::{ListenerReason, RuleReason};
use self::source::{List, Step};
use lb_common::stick::{Check, Track};

use super::{GateAction, GateListener, GateRule, GateRules, GateWatch};
use crate::plan::{Plan, Proxy};
use crate::rules::Rule;
use crate::state::{ListenerId, ProxyId};

/// What the gate is to do for a configuration.
#[derive(Clone, Debug, Default)]
pub struct Placement {
    /// The gate's part.
    pub rules: GateRules,
    /// What the gate's rules count, by their ids. These follow from the configuration alone, so that they keep their meaning
    /// when lists of addresses change.
    pub counted: Vec<Counted>,
    /// The frontends with `tcp-request connection` rules, in the file's order.
    pub frontends: Vec<Placed>,
    lists: Vec<List>,
}

/// A counter of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    pub frontend: ProxyId,
    /// The position in the frontend's `tcp-request connection` rules.
    pub rule: usize,
    /// The listener, where the frontend's listeners are counted one by one (`option socket-stats`) or there is one.
    pub listener: Option<ListenerId>,
}

/// A frontend's part of a placement.
#[derive(Clone, Debug)]
pub struct Placed {
    pub frontend: ProxyId,
    /// For each `bind` address why the gate leaves it alone, if it does.
    pub listeners: Vec<Option<ListenerReason>>,
    /// For each `tcp-request connection` rule why it runs in userspace alone, if it does.
    pub rules: Vec<Option<RuleReason>>,
}

impl Placement {
    /// Places the rules of a configuration whose listening sockets are known.
    pub fn new(plan: &Plan, listening: &[Listening]) -> Self {
        let mut placement = Self::default();
        let contested = listening::contested(plan, listening);
        for proxy in plan.proxies.iter().filter(|proxy| proxy.is_frontend && !proxy.disabled) {
            placement.place(plan, proxy, listening, &contested);
        }
        let others = listening.iter().filter(|listening| listening.listener.is_none());
        for endpoint in others.filter_map(|listening| listening.endpoint) {
            placement.listen(endpoint, Vec::new(), GateWatch::default());
        }
        placement
    }

    /// Whether the gate has anything to decide.
    pub fn is_idle(&self) -> bool {
        !self.rules.listeners.iter().any(GateListener::has_rules)
    }

    /// Whether the lists of addresses are still those that the rules were made of.
    pub fn is_current(&self) -> bool {
        self.lists.iter().all(List::is_current)
    }

    fn place(&mut self, plan: &Plan, proxy: &Proxy, listening: &[Listening], contested: &listening::Contested) {
        let rules = &proxy.rules.tcp_connection;
        let (steps, lists, mut reasons) = source::leading(rules, &plan.tables);
        let endpoints: BTreeMap<u32, Option<Endpoint>> = listening
            .iter()
            .filter_map(|listening| listening.of(proxy.id).map(|index| (index, listening.endpoint)))
            .collect();
        let first = self.counted.len();
        let slots = self.number(proxy);
        let mut listeners = Vec::new();
        for (index, bind) in (0..).zip(&proxy.binds) {
            let endpoint = endpoints.get(&index).copied().flatten();
            let reason = listening::reason(bind, endpoint, contested);
            if let Some(endpoint) = endpoint.filter(|_| bind.options.namespace.is_none()) {
                let slot = if slots > 1 { index as usize } else { 0 };
                let id = |rule: usize| (first + rule * slots + slot) as u32;
                let (rules, watch) = match reason {
                    None => numbered(&steps, id),
                    Some(_) => (Vec::new(), GateWatch::default()),
                };
                self.listen(endpoint, rules, watch);
            }
            listeners.push(reason);
        }
        // What an inherited socket is, only the running process knows.
        let left_alone =
            |reason: &Option<ListenerReason>| reason.is_some_and(|reason| reason != ListenerReason::Inherited);
        if listeners.iter().all(left_alone) {
            let idle = reasons.iter_mut().filter(|reason| reason.is_none());
            idle.for_each(|reason| *reason = Some(RuleReason::NoListener));
        }
        self.lists.extend(lists);
        self.name_tables(plan, &steps);
        if !rules.is_empty() {
            self.frontends.push(Placed {
                frontend: proxy.id,
                listeners,
                rules: reasons,
            });
        }
    }

    /// Gives each rule of a frontend a counter, or one for each listener where those are counted one by one. Answers with how many
    /// counters a rule has.
    fn number(&mut self, proxy: &Proxy) -> usize {
        let listener = |index| ListenerId {
            frontend: proxy.id,
            index,
        };
        let listeners: Vec<Option<ListenerId>> = match proxy.binds.len() {
            1 => vec![Some(listener(0))],
            count if proxy.options.socket_stats => (0..count as u32).map(|index| Some(listener(index))).collect(),
            _ => vec![None],
        };
        for rule in 0..proxy.rules.tcp_connection.len() {
            let counted = listeners.iter().map(|listener| Counted {
                frontend: proxy.id,
                rule,
                listener: *listener,
            });
            self.counted.extend(counted);
        }
        listeners.len()
    }

    /// Notes the stick tables that rules ask.
    fn name_tables(&mut self, plan: &Plan, steps: &[Step]) {
        let named = steps.iter().flat_map(|step| match step {
            Step::Source(_) => Vec::new(),
            Step::Track(track) => vec![track.table],
            Step::Checks(checks) => checks.iter().map(|check| check.table).collect(),
        });
        for number in named {
            if let Some(table) = plan.tables.get(number as usize) {
                self.rules.tables.insert(number, u32::try_from(table.size).unwrap_or(0));
            }
        }
    }

    /// Adds a listener, as part of the one before where it continues its range of ports.
    fn listen(&mut self, endpoint: Endpoint, rules: Vec<GateRule>, watch: GateWatch) {
        let Endpoint { address, port } = endpoint;
        if let Some(last) = self.rules.listeners.last_mut() {
            let continues = last.ports.end().checked_add(1) == Some(port);
            if continues && last.address == address && last.rules == rules && last.watch == watch {
                last.ports = *last.ports.start()..=port;
                return;
            }
        }
        self.rules.listeners.push(GateListener {
            address,
            ports: port..=port,
            rules,
            watch,
        });
    }
}

/// The rules with their numbers: those on the source, and those on stick tables.
fn numbered(steps: &[Step], id: impl Fn(usize) -> u32) -> (Vec<GateRule>, GateWatch) {
    let mut rules = Vec::new();
    let mut watch = GateWatch::default();
    for (position, step) in steps.iter().enumerate() {
        let rule = id(position);
        match step {
            Step::Source(judged) => rules.push(judged.with_id(rule)),
            Step::Track(track) => watch.tracks.push(Track { rule, ..*track }),
            Step::Checks(checks) => watch.checks.extend(checks.iter().map(|check| Check { rule, ..*check })),
        }
    }
    (rules, watch)
}

/// What the gate would do with a connection that this rule matches.
pub fn action(rule: &Rule) -> Option<GateAction> {
    match rule.row.name() {
        "accept" => Some(GateAction::Accept),
        "reject" => Some(GateAction::Reject),
        "silent-drop" => Some(GateAction::SilentDrop),
        _ => None,
    }
}
