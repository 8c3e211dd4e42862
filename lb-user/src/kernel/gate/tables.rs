//! The gate's rules compiled to what its maps hold.
//!
//! Prefixes either nest or are disjoint. So the narrowest prefix that holds a source says which networks hold it, hence which rules
//! match it and which of them is the first: one lookup decides over any number of rules.
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lb_common::gate::{ANY_V4, ANY_V6, Action, ListenerKey, Verdict};
use lb_common::packet::Address;

use super::rules::{GateListener, GateRule, GateRules};
use crate::kernel::KernelError;

/// Listeners, and the rule lists they point to by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    pub listeners: BTreeMap<ListenerKey, usize>,
    pub lists: Vec<List>,
    /// How many counters the rules need: one more than their greatest id.
    pub counters: u32,
}

/// A rule list: a verdict for each network within which another rule is first than around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    pub networks: BTreeMap<Network, Verdict>,
}

/// A prefix of the addresses' IPv6 form. A wider one sorts before those it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    /// The bits below the prefix are zero.
    pub address: Address,
    pub length: u8,
}

impl Tables {
    /// Compiles the rules.
    ///
    /// # Errors
    /// [`KernelError::Prefix`] for a length beyond the address's, [`KernelError::Conflict`] for two listeners with different rules
    /// on one address and port.
    pub fn compile(rules: &GateRules) -> Result<Self, KernelError> {
        let mut tables = Self::default();
        let mut known = HashMap::new();
        for listener in &rules.listeners {
            let list = *known.entry(listener.rules.as_slice()).or_insert(tables.lists.len());
            if list == tables.lists.len() {
                tables.lists.push(List::compile(&listener.rules)?);
            }
            tables.listen(listener, list)?;
            let ids = listener.rules.iter().map(|rule| rule.id.saturating_add(1));
            tables.counters = ids.fold(tables.counters, u32::max);
        }
        Ok(tables)
    }

    fn listen(&mut self, listener: &GateListener, list: usize) -> Result<(), KernelError> {
        for port in listener.ports.clone() {
            for address in listened(listener.address) {
                let key = ListenerKey {
                    address,
                    port: port.into(),
                };
                if *self.listeners.entry(key).or_insert(list) != list {
                    return Err(KernelError::Conflict {
                        address: listener.address,
                        port,
                    });
                }
            }
        }
        Ok(())
    }

    /// How many verdicts on single hosts the lists hold, and how many on networks.
    pub fn sizes(&self) -> (usize, usize) {
        let networks = || self.lists.iter().flat_map(|list| list.networks.keys());
        let hosts = networks().filter(|network| network.is_host()).count();
        (hosts, networks().count() - hosts)
    }
}

/// The keys' addresses for the address of a listener.
fn listened(address: Option<IpAddr>) -> Vec<Address> {
    match address {
        None => vec![ANY_V4, ANY_V6],
        Some(address) => vec![address.into()],
    }
}

impl List {
    fn compile(rules: &[GateRule]) -> Result<Self, KernelError> {
        let mut walk = Walk::new(rules);
        for (network, named_by) in prefixes(rules)? {
            walk.enter(network, named_by);
        }
        Ok(Self {
            networks: walk.verdicts,
        })
    }

    /// The verdict on a source, `None` where no rule matches.
    pub fn verdict(&self, source: Address) -> Option<Verdict> {
        (0..=128)
            .rev()
            .find_map(|length| self.networks.get(&Network::new(source, length)))
            .copied()
    }
}

/// Every prefix that a rule names, with the rules that name it; the whole of the address space is always there.
fn prefixes(rules: &[GateRule]) -> Result<BTreeMap<Network, Vec<usize>>, KernelError> {
    let mut prefixes = BTreeMap::from([(Network::new(ANY_V6, 0), Vec::new())]);
    for (index, rule) in rules.iter().enumerate() {
        for &(address, length) in &rule.networks {
            for network in forms(address, length)? {
                prefixes.entry(network).or_insert_with(Vec::new).push(index);
            }
        }
    }
    Ok(prefixes)
}

/// The prefixes under which a configured network's addresses appear (configuration manual section 7.1.6): an IPv4 one also as
/// `::a.b.c.d` and `2002:a.b.c.d::`.
fn forms(address: IpAddr, length: u8) -> Result<Vec<Network>, KernelError> {
    let limit = if address.is_ipv4() { 32 } else { 128 };
    if length > limit {
        return Err(KernelError::Prefix { address, length });
    }
    Ok(match address {
        IpAddr::V6(_) => vec![Network::new(address.into(), length)],
        IpAddr::V4(v4) => vec![
            Network::new(address.into(), 96 + length),
            Network::new(compatible(v4), 96 + length),
            Network::new(six_to_four(v4), 16 + length),
        ],
    })
}

fn compatible(address: Ipv4Addr) -> Address {
    IpAddr::V6(Ipv6Addr::from_bits(address.to_bits().into())).into()
}

fn six_to_four(address: Ipv4Addr) -> Address {
    IpAddr::V6(Ipv6Addr::from_bits(0x2002 << 112 | u128::from(address.to_bits()) << 80)).into()
}

impl Network {
    /// The network of that length which holds the address.
    pub fn new(address: Address, length: u8) -> Self {
        let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
        let bits = u128::from_be_bytes(address.bytes) & mask;
        Self {
            address: Address {
                bytes: bits.to_be_bytes(),
            },
            length,
        }
    }

    fn holds(&self, other: &Self) -> bool {
        self.length <= other.length && Self::new(other.address, self.length) == *self
    }

    /// Whether it is a single address.
    pub fn is_host(&self) -> bool {
        self.length == 128
    }
}

/// A walk through the prefixes in their order, from each one into those it holds.
struct Walk<'a> {
    rules: &'a [GateRule],
    /// The prefixes around the current one, widest first.
    around: Vec<Around>,
    /// How many of those each rule names.
    named: Vec<u32>,
    verdicts: BTreeMap<Network, Verdict>,
}

struct Around {
    network: Network,
    named_by: Vec<usize>,
    verdict: Option<Verdict>,
}

impl<'a> Walk<'a> {
    fn new(rules: &'a [GateRule]) -> Self {
        Self {
            rules,
            around: Vec::new(),
            named: vec![0; rules.len()],
            verdicts: BTreeMap::new(),
        }
    }

    fn enter(&mut self, network: Network, named_by: Vec<usize>) {
        while let Some(left) = self.around.pop_if(|around| !around.network.holds(&network)) {
            left.named_by.iter().for_each(|&rule| self.named[rule] -= 1);
        }
        named_by.iter().for_each(|&rule| self.named[rule] += 1);
        let verdict = self.first_match();
        let outside = self.around.last().and_then(|around| around.verdict);
        if verdict != outside {
            let unmatched = Verdict {
                rule: 0,
                action: Action::Unmatched,
            };
            self.verdicts.insert(network, verdict.unwrap_or(unmatched));
        }
        self.around.push(Around {
            network,
            named_by,
            verdict,
        });
    }

    /// The first rule that matches the sources of the current prefix that no narrower one holds.
    fn first_match(&self) -> Option<Verdict> {
        let mut rules = self.rules.iter().zip(&self.named);
        let (rule, _) = rules.find(|(rule, named)| (**named > 0) != rule.negate)?;
        Some(Verdict {
            rule: rule.id,
            action: rule.action.into(),
        })
    }
}
