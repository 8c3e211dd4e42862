//! The frontends whose connections are carried, and the numbers that the kernel knows them and their servers by.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::kernel::KernelError;
use crate::kernel::forward::Forwarder;
use crate::kernel::placement::{Endpoint, Listening, carried, contested, listener_reason};
use crate::plan::Plan;
use crate::plan::server::ServerAddress;
use crate::state::{ListenerId, ProxyId, ServerId};
use lb_common::flow::{HALF_OPEN, ServiceKey};
use lb_common::packet::Address;

/// A frontend and the one backend behind it.
pub struct Line {
    pub frontend: ProxyId,
    pub backend: ProxyId,
    pub number: u32,
    /// The backend's number.
    pub turns: u32,
    listeners: Vec<(Endpoint, ListenerId)>,
}

/// All of them.
pub struct Lines {
    pub lines: Vec<Line>,
    /// The servers, from number `first` on.
    servers: Vec<ServerId>,
    first: u32,
}

impl Lines {
    /// Numbers what the plan lets the kernel carry, of the sockets that listen.
    pub fn new(plan: &Plan, listening: &[Listening]) -> Self {
        let mut lines = Vec::new();
        let mut backends = BTreeMap::new();
        let contested = contested(plan, listening);
        for frontend in plan.proxies.iter().filter(|proxy| proxy.is_frontend && !proxy.disabled) {
            let Ok(backend) = carried(plan, frontend) else { continue };
            let listeners = listening.iter().filter_map(|listening| {
                let id = listening.listener.filter(|id| id.frontend == frontend.id)?;
                let endpoint = listening.endpoint?;
                let bind = frontend.binds.get(id.index as usize)?;
                let alone = listener_reason(bind).is_none() && !endpoint.keys().any(|key| contested.contains(&key));
                alone.then_some((endpoint, id))
            });
            lines.push(Line {
                frontend: frontend.id,
                backend,
                number: HALF_OPEN + 1 + lines.len() as u32,
                turns: 0,
                listeners: listeners.collect(),
            });
            backends.insert(backend, 0);
        }
        let mut next = HALF_OPEN + 1 + lines.len() as u32;
        for number in backends.values_mut() {
            *number = next;
            next += 1;
        }
        for line in &mut lines {
            line.turns = backends.get(&line.backend).copied().unwrap_or_default();
        }
        let servers = backends.keys().flat_map(|&backend| {
            let count = plan.proxies.get(backend.index()).map_or(0, |proxy| proxy.servers.len());
            (0..count as u32).map(move |index| ServerId { backend, index })
        });
        Self {
            lines,
            servers: servers.collect(),
            first: next,
        }
    }

    /// Whether there is nothing to carry, or more than the kernel has numbers for.
    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.listeners.is_empty()) || self.numbers() > u32::from(u16::MAX)
    }

    /// Whether any of the servers is another host.
    pub fn lead_out(&self, plan: &Plan) -> bool {
        self.servers.iter().any(|id| {
            let proxy = plan.proxies.get(id.backend.index());
            let server = proxy.and_then(|proxy| proxy.servers.get(id.index()));
            server.is_some_and(|server| match server.address {
                ServerAddress::Inet(address) => Forwarder::leads_out(address.ip()),
                _ => false,
            })
        })
    }

    /// One more than the greatest number.
    pub fn numbers(&self) -> u32 {
        self.first + self.servers.len() as u32
    }

    /// The number of a server.
    pub fn number_of(&self, server: ServerId) -> Option<u32> {
        let position = self.servers.iter().position(|known| *known == server)?;
        Some(self.first + position as u32)
    }

    /// The server of that number.
    pub fn server(&self, number: u32) -> Option<ServerId> {
        self.servers.get(number.checked_sub(self.first)? as usize).copied()
    }

    /// The line of that number.
    pub fn line(&self, number: u32) -> Option<&Line> {
        self.lines.iter().find(|line| line.number == number)
    }

    /// All servers with their numbers.
    pub fn servers(&self) -> impl Iterator<Item = (u32, ServerId)> {
        (self.first..).zip(self.servers.iter().copied())
    }
}

impl Line {
    /// The addresses and ports that are listened on, of a host with these addresses.
    pub fn keys(&self, local: &BTreeSet<IpAddr>) -> Vec<(ServiceKey, ListenerId)> {
        let key = |address: IpAddr, port: u16| ServiceKey::new(Address::from(address), port.to_be_bytes());
        let mut keys = Vec::new();
        for (Endpoint { address, port }, id) in &self.listeners {
            let meant = local.iter().filter(|local| match address {
                None => true,
                Some(any) if any.is_unspecified() => any.is_ipv4() == local.is_ipv4(),
                Some(address) => address == *local,
            });
            keys.extend(meant.map(|address| (key(*address, *port), *id)));
        }
        keys
    }
}

/// The interfaces that the configuration names, else all but the loopback.
pub fn interfaces(plan: &Plan) -> Result<BTreeSet<String>, KernelError> {
    let named = &plan.global.ebpf.interfaces;
    if named.is_empty() {
        return Forwarder::interfaces();
    }
    let wanted = named.iter().filter(|interface| interface.tc);
    Ok(wanted.map(|interface| interface.name.clone()).collect())
}
