//! Which `bind` addresses share a listener.
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

use crate::kernel::placement::Endpoint;
use crate::plan::bind::BindOptions;
use crate::plan::global::EbpfMode;
use crate::plan::{Bind, BindAddress, Plan, Proxy};
use crate::state::{ListenerId, ProxyId};

/// So many addresses have sockets of their own: up to here the ordinary way costs nothing worth saving.
pub const FEW: usize = 8;

/// Addresses of a frontend that are bound alike but for where: one is, and the kernel steers the others' connections to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub frontend: ProxyId,
    /// The positions of the frontend's `bind` addresses; the first one is bound.
    pub members: Vec<u32>,
}

/// The part of a `bind` address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It has sockets of its own.
    Ordinary,
    /// Its sockets take the connections of a whole group, by the group's position.
    Anchor(usize),
    /// It has none: its connections go to its group's.
    Member,
}

/// The groups of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    pub groups: Vec<Group>,
    roles: HashMap<ListenerId, Role>,
}

impl Groups {
    /// Finds the groups. Where the kernel may not help there are none.
    ///
    /// An address that another listener claims too is left out: the kernel shares its connections between their sockets. So is a port
    /// that is also bound on one interface only, since the interface decides there.
    pub fn new(plan: &Plan) -> Self {
        let mut found = Self::default();
        if plan.global.ebpf.mode == EbpfMode::Off {
            return found;
        }
        let taken = Taken::new(plan);
        for proxy in frontends(plan) {
            let many = classes(proxy, &taken).into_iter().filter(|members| members.len() > FEW);
            for members in many {
                found.add(Group {
                    frontend: proxy.id,
                    members,
                });
            }
        }
        found
    }

    fn add(&mut self, group: Group) {
        let anchor = Role::Anchor(self.groups.len());
        let roles = std::iter::once(anchor).chain(std::iter::repeat(Role::Member));
        let frontend = group.frontend;
        let ids = group.members.iter().map(|&index| ListenerId { frontend, index });
        self.roles.extend(ids.zip(roles));
        self.groups.push(group);
    }

    /// The addresses of the group at a position, the bound one first.
    pub fn addresses(&self, plan: &Plan, group: usize) -> Vec<(ListenerId, SocketAddr)> {
        let Some((group, proxy)) = self
            .groups
            .get(group)
            .and_then(|group| Some((group, plan.proxies.get(group.frontend.index())?)))
        else {
            return Vec::new();
        };
        let address = |&index: &u32| {
            let frontend = group.frontend;
            match proxy.binds.get(index as usize)?.address {
                BindAddress::Inet(address) => Some((ListenerId { frontend, index }, address)),
                _ => None,
            }
        };
        group.members.iter().filter_map(address).collect()
    }

    /// The part of a `bind` address.
    pub fn role(&self, listener: ListenerId) -> Role {
        self.roles.get(&listener).copied().unwrap_or(Role::Ordinary)
    }
}

fn frontends(plan: &Plan) -> impl Iterator<Item = &Proxy> {
    plan.proxies.iter().filter(|proxy| proxy.is_frontend && !proxy.disabled)
}

/// The frontend's addresses, sorted by how they are bound.
fn classes(proxy: &Proxy, taken: &Taken) -> Vec<Vec<u32>> {
    let mut classes: Vec<(&Bind, Vec<u32>)> = Vec::new();
    for (index, bind) in (0..).zip(&proxy.binds).filter(|(_, bind)| taken.leaves(bind)) {
        match classes.iter_mut().find(|(first, _)| are_alike(first, bind)) {
            Some((_, members)) => members.push(index),
            None => classes.push((bind, vec![index])),
        }
    }
    classes.into_iter().map(|(_, members)| members).collect()
}

/// Are they bound alike, but for where and under which name?
fn are_alike(one: &Bind, other: &Bind) -> bool {
    let family = |bind: &Bind| bind.address.ip().map(|ip| ip.is_ipv4());
    let nameless = |bind: &Bind| BindOptions {
        name: None,
        id: None,
        ..bind.options.clone()
    };
    family(one) == family(other) && (one.location == other.location || nameless(one) == nameless(other))
}

/// What several listeners claim.
struct Taken {
    endpoints: BTreeSet<(IpAddr, u16)>,
    /// Ports that are bound on one interface only.
    ports: BTreeSet<u16>,
}

impl Taken {
    fn new(plan: &Plan) -> Self {
        let mut seen = BTreeSet::new();
        let mut taken = Self {
            endpoints: BTreeSet::new(),
            ports: BTreeSet::new(),
        };
        let cli = plan.global.cli.iter().map(|socket| &socket.bind);
        for bind in frontends(plan).flat_map(|proxy| &proxy.binds).chain(cli) {
            let BindAddress::Inet(address) = bind.address else {
                continue;
            };
            if bind.options.interface.is_some() {
                taken.ports.insert(address.port());
            }
            for key in Endpoint::new(address, bind.options.v6only).keys() {
                if !seen.insert(key) {
                    taken.endpoints.insert(key);
                }
            }
        }
        taken
    }

    /// Can the address be steered?
    fn leaves(&self, bind: &Bind) -> bool {
        let BindAddress::Inet(address) = bind.address else {
            return false;
        };
        let mut keys = Endpoint::new(address, bind.options.v6only).keys();
        let elsewhere = bind.options.interface.is_some() || bind.options.namespace.is_some();
        !elsewhere && !self.ports.contains(&address.port()) && keys.all(|key| !self.endpoints.contains(&key))
    }
}
