//! Which rules the kernel's gate can decide: the leading `tcp-request connection` rules over the source address.
//!
//! First match wins among rules, so the gate takes rules from the top and stops at the first one that it cannot decide
//! exactly. Userspace asks all rules again of what the gate lets pass.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use crate::kernel::{GateAction, GateListener, GateRule, GateRules};
use crate::plan::{Bind, BindAddress, Plan, Proxy};
use crate::rules::Rule;
use crate::rules::condition::{Condition, Term, Test};
use crate::rules::pattern::Method;
use crate::state::ProxyId;

/// The gate's rules with what their counters mean.
#[derive(Clone, Debug, Default)]
pub struct GatePlan {
    pub rules: GateRules,
    /// By counter.
    pub counters: Vec<GateCounter>,
}

/// The rule that a counter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateCounter {
    pub frontend: ProxyId,
    /// The rule's place among the frontend's `tcp-request connection` rules.
    pub rule: usize,
    pub action: GateAction,
}

/// Translates a plan. `descriptor` gives the address of an inherited socket.
pub fn translate(plan: &Plan, descriptor: &dyn Fn(i32) -> Option<SocketAddr>) -> GatePlan {
    let mut gate = GatePlan::default();
    let frontends = plan.proxies.iter().filter(|proxy| proxy.is_frontend && !proxy.disabled);
    for frontend in frontends {
        let mut rules = Vec::new();
        for (index, rule) in frontend.rules.tcp_connection.iter().enumerate() {
            let Ok((action, sources)) = judge(rule) else {
                break;
            };
            rules.push(GateRule {
                id: gate.counters.len() as u32,
                networks: sources.networks,
                negate: sources.negate,
                action,
            });
            gate.counters.push(GateCounter {
                frontend: frontend.id,
                rule: index,
                action,
            });
        }
        listeners(frontend, &rules, descriptor, &mut gate.rules.listeners);
    }
    gate
}

/// A frontend's listeners; ports in a row become one.
fn listeners(
    frontend: &Proxy,
    rules: &[GateRule],
    descriptor: &dyn Fn(i32) -> Option<SocketAddr>,
    listeners: &mut Vec<GateListener>,
) {
    let first = listeners.len();
    for bind in &frontend.binds {
        let Some(address) = address_of(bind, descriptor) else {
            continue;
        };
        let listener = GateListener {
            address: (!takes_both(bind, address)).then(|| address.ip()),
            ports: address.port()..=address.port(),
            rules: match shadowing(bind) {
                None => rules.to_vec(),
                Some(_) => Vec::new(),
            },
        };
        let last = listeners.get_mut(first..).and_then(|own| own.last_mut());
        match last.filter(|last| extends(last, &listener)) {
            Some(last) => last.ports = *last.ports.start()..=*listener.ports.end(),
            None => listeners.push(listener),
        }
    }
}

fn extends(last: &GateListener, next: &GateListener) -> bool {
    let following: Option<u16> = last.ports.end().checked_add(1);
    last.address == next.address && last.rules == next.rules && following == Some(*next.ports.start())
}

fn address_of(bind: &Bind, descriptor: &dyn Fn(i32) -> Option<SocketAddr>) -> Option<SocketAddr> {
    if bind.options.namespace.is_some() {
        return None;
    }
    match bind.address {
        BindAddress::Inet(address) => Some(address),
        BindAddress::Descriptor(fd) => descriptor(fd),
        BindAddress::Unix(_) | BindAddress::Abstract(_) => None,
    }
}

/// Does an IPv6 socket take IPv4 connections for certain?
fn takes_both(bind: &Bind, address: SocketAddr) -> bool {
    let options = &bind.options;
    address.is_ipv6() && address.ip().is_unspecified() && options.v4v6 && !options.v6only
}

/// Why the gate leaves a listener's connections to userspace although it knows their address.
pub fn shadowing(bind: &Bind) -> Option<&'static str> {
    bind.options
        .interface
        .is_some()
        .then_some("the socket is bound to one interface, and another one may have the same address")
}

/// The sources that a rule means.
pub struct Sources {
    pub networks: Vec<(std::net::IpAddr, u8)>,
    pub negate: bool,
}

/// What the gate would do with this rule, or why it cannot.
pub fn judge(rule: &Rule) -> Result<(GateAction, Sources), String> {
    let action = match rule.row.name() {
        "accept" => GateAction::Accept,
        "reject" => GateAction::Reject,
        "silent-drop" => GateAction::SilentDrop,
        other => return Err(format!("'{other}' acts in userspace")),
    };
    let sources = match &rule.condition {
        None => Sources {
            networks: Vec::new(),
            negate: true,
        },
        Some(condition) => sources(condition)?,
    };
    Ok((action, sources))
}

fn sources(condition: &Condition) -> Result<Sources, String> {
    let [terms] = &condition.alternatives[..] else {
        return Err("the condition has alternatives".to_owned());
    };
    let [Term { negate, acl }] = &terms[..] else {
        return Err("the condition has several terms".to_owned());
    };
    let mut networks = Vec::new();
    for test in &acl.tests {
        networks.extend(networks_of(test)?);
    }
    Ok(Sources {
        networks,
        negate: *negate != condition.unless,
    })
}

fn networks_of(test: &Test) -> Result<Vec<(std::net::IpAddr, u8)>, String> {
    if !test.expression.is_bare("src") {
        let text = &test.expression.text;
        return Err(format!("the condition asks for '{text}', the gate only knows 'src'"));
    }
    if test.method != Method::Ip {
        return Err("the condition does not compare addresses".to_owned());
    }
    let networks = test.patterns.iter().flat_map(|matcher| matcher.networks());
    networks
        .map(|network| network.prefix())
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| "a mask of the condition is not the length of a prefix".to_owned())
}

/// The ports of a listener, as `explain` writes them.
pub fn ports(ports: &RangeInclusive<u16>) -> String {
    match ports.start() == ports.end() {
        true => ports.start().to_string(),
        false => format!("{}-{}", ports.start(), ports.end()),
    }
}
