//! Listening sockets, as the gate sees them.
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::ListenerReason;
use crate::plan::{Bind, BindAddress, Plan};
use crate::state::{ListenerId, ProxyId};

/// Where connections are accepted over TCP and IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// `None` stands for every local address; `0.0.0.0` and `::` for every local one of their own family.
    pub address: Option<IpAddr>,
    pub port: u16,
}

/// A listening socket of the process.
#[derive(Clone, Copy, Debug)]
pub struct Listening {
    /// The frontend's listener; `None` for one that serves no traffic.
    pub listener: Option<ListenerId>,
    /// `None` where it is not reached over TCP and IP, rests, or is not known yet.
    pub endpoint: Option<Endpoint>,
}

impl Endpoint {
    /// The endpoint of a socket that is bound to that address, and takes IPv6 connections only.
    pub fn new(address: SocketAddr, v6only: bool) -> Self {
        let port = address.port();
        let address = match address.ip() {
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) if !v6only => None,
            ip => Some(ip.to_canonical()),
        };
        Self { address, port }
    }

    /// The addresses and ports of which two sockets would share connections.
    pub fn keys(self) -> impl Iterator<Item = (IpAddr, u16)> {
        let both = [IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from(Ipv6Addr::UNSPECIFIED)];
        let any = both.into_iter().filter(move |_| self.address.is_none());
        self.address
            .into_iter()
            .chain(any)
            .map(move |address| (address, self.port))
    }
}

impl Listening {
    /// What the configuration says of its listeners, before they are bound.
    pub fn configured(plan: &Plan) -> Vec<Self> {
        let frontends = plan.proxies.iter().filter(|proxy| proxy.is_frontend && !proxy.disabled);
        let binds = frontends.flat_map(|proxy| {
            let id = |index| ListenerId {
                frontend: proxy.id,
                index,
            };
            (0..)
                .zip(&proxy.binds)
                .map(move |(index, bind)| (Some(id(index)), bind))
        });
        let cli = plan.global.cli.iter().map(|socket| (None, &socket.bind));
        let listening = binds.chain(cli).map(|(listener, bind)| Self {
            listener,
            endpoint: match bind.address {
                BindAddress::Inet(address) => Some(Endpoint::new(address, bind.options.v6only)),
                _ => None,
            },
        });
        listening.collect()
    }

    /// The position of the `bind` address, if this is one of that frontend's.
    pub(super) fn of(&self, frontend: ProxyId) -> Option<u32> {
        self.listener
            .filter(|listener| listener.frontend == frontend)
            .map(|listener| listener.index)
    }
}

/// Addresses and ports that the kernel shares between sockets whose connections are not judged or counted alike.
pub type Contested = BTreeSet<(IpAddr, u16)>;

/// The addresses and ports that several owners share.
pub fn contested(plan: &Plan, listening: &[Listening]) -> Contested {
    let mut owners = BTreeMap::new();
    let mut contested = Contested::new();
    for Listening { listener, endpoint } in listening {
        let owner = listener.map(|listener| {
            let proxy = plan.proxies.get(listener.frontend.index());
            let one_by_one = proxy.is_some_and(|proxy| proxy.options.socket_stats);
            (listener.frontend, one_by_one.then_some(listener.index))
        });
        for key in endpoint.iter().flat_map(|endpoint| endpoint.keys()) {
            if *owners.entry(key).or_insert(owner) != owner {
                contested.insert(key);
            }
        }
    }
    contested
}

/// Why the gate leaves a listener alone, if it does.
pub fn reason(bind: &Bind, endpoint: Option<Endpoint>, contested: &Contested) -> Option<ListenerReason> {
    let options = &bind.options;
    match (&bind.address, endpoint) {
        (BindAddress::Unix(_) | BindAddress::Abstract(_), _) => Some(ListenerReason::Unix),
        (BindAddress::Descriptor(_), None) => Some(ListenerReason::Inherited),
        (BindAddress::Inet(_), None) => Some(ListenerReason::Resting),
        _ if options.accept_proxy => Some(ListenerReason::AcceptProxy),
        _ if options.interface.is_some() => Some(ListenerReason::Interface),
        _ if options.namespace.is_some() => Some(ListenerReason::Namespace),
        (_, Some(endpoint)) if endpoint.keys().any(|key| contested.contains(&key)) => Some(ListenerReason::Shared),
        _ => None,
    }
}
