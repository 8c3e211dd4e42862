//! The gate's rules compiled to what its maps hold.
//!
//! Prefixes either nest or are disjoint. So the narrowest prefix that holds a source says which networks hold it, hence which rules
//! match it and which of them is the first: one lookup decides over any number of rules.
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lb_common::gate::{ANY_V4, ANY_V6, Action, ListenerKey, Verdict};
use lb_common::packet::Address;
use lb_common::stick::Watch;

use super::rules::{GateListener, GateRule, GateRules, GateWatch};
use crate::kernel::KernelError;

/// Listeners, and the rule lists they point to by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    pub listeners: BTreeMap<ListenerKey, usize>,
    pub lists: Vec<List>,
    /// How many counters the rules need: one more than their greatest id.
    pub counters: u32,
    /// How many entries of how many stick tables rules may ask for.
    pub entries: u32,
    pub stick_tables: u32,
}

/// A rule list: a verdict for each network within which another rule is first than around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    pub networks: BTreeMap<Network, Verdict>,
    pub watch: Option<Watch>,
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
        let mut tables = Self {
            entries: rules.tables.values().sum(),
            stick_tables: rules.tables.keys().last().map_or(0, |last| last + 1),
            ..Self::default()
        };
        let mut known = HashMap::new();
        for listener in &rules.listeners {
            let own = (listener.rules.as_slice(), &listener.watch);
            let list = *known.entry(own).or_insert(tables.lists.len());
            if list == tables.lists.len() {
                tables.lists.push(List::compile(&listener.rules, &listener.watch)?);
            }
            tables.listen(listener, list)?;
            let checks = listener.watch.checks.iter().map(|check| check.rule);
            let ids = listener.rules.iter().map(|rule| rule.id).chain(checks);
            tables.counters = ids.map(|id| id.saturating_add(1)).fold(tables.counters, u32::max);
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
    fn compile(rules: &[GateRule], watch: &GateWatch) -> Result<Self, KernelError> {
        let mut walk = Walk::new(rules);
        for (network, named_by) in prefixes(rules)? {
            walk.enter(network, named_by);
        }
        Ok(Self {
            networks: walk.verdicts,
            watch: watch.compile(),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::gate::rules::GateAction;

    fn rule(id: u32, networks: &[&str], negate: bool) -> GateRule {
        GateRule {
            id,
            networks: networks.iter().map(|network| parse(network)).collect(),
            negate,
            action: GateAction::Reject,
        }
    }

    fn parse(network: &str) -> (IpAddr, u8) {
        let (address, length) = network.split_once('/').expect("a network");
        (address.parse().expect("an address"), length.parse().expect("a length"))
    }

    fn list(rules: Vec<GateRule>) -> List {
        List::compile(&rules, &GateWatch::default()).expect("valid rules")
    }

    fn decides(list: &List, source: &str) -> Option<u32> {
        let source: IpAddr = source.parse().expect("an address");
        let verdict = list.verdict(source.into())?;
        (verdict.action != Action::Unmatched).then_some(verdict.rule)
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let list = list(vec![
            rule(1, &["10.1.0.0/16"], false),
            rule(2, &["10.0.0.0/8", "2001:db8::/32"], false),
            rule(3, &["10.1.2.3/32", "0.0.0.0/0"], false),
        ]);
        let cases = [
            ("10.1.2.3", Some(1)),
            ("10.2.2.3", Some(2)),
            ("11.0.0.1", Some(3)),
            ("2001:db8::1", Some(2)),
            ("2001:db9::1", None),
        ];
        for (source, rule) in cases {
            assert_eq!(decides(&list, source), rule, "{source}");
        }
    }

    #[test]
    fn a_negated_rule_matches_outside_of_its_networks() {
        let list = list(vec![rule(1, &["10.0.0.0/8"], true), rule(2, &["10.9.0.0/16"], false)]);
        let cases = [
            ("10.0.0.1", None),
            ("10.9.0.1", Some(2)),
            ("192.0.2.1", Some(1)),
            ("2001:db8::1", Some(1)),
        ];
        for (source, rule) in cases {
            assert_eq!(decides(&list, source), rule, "{source}");
        }
        let always = super::tests::list(vec![rule(7, &[], true)]);
        assert_eq!((decides(&always, "192.0.2.1"), always.networks.len()), (Some(7), 1));
    }

    /// Configuration manual section 7.1.6.
    #[test]
    fn families_meet_as_the_manual_says() {
        let cases = [
            ("192.0.2.0/24", "2002:c000:0207::1", true),
            ("192.0.2.0/24", "::192.0.2.7", true),
            ("192.0.2.0/24", "::ffff:192.0.2.7", true),
            ("192.0.2.0/24", "2002:c000:0307::1", false),
            ("192.0.2.0/24", "64:ff9b::192.0.2.7", false),
            ("::ffff:192.0.2.0/120", "192.0.2.7", true),
            ("::192.0.2.0/120", "192.0.2.7", false),
            ("2002::/16", "192.0.2.7", false),
            ("::/0", "192.0.2.7", true),
            ("0.0.0.0/0", "2001:db8::1", false),
        ];
        for (network, source, matches) in cases {
            let list = list(vec![rule(1, &[network], false)]);
            assert_eq!(decides(&list, source).is_some(), matches, "{source} in {network}");
        }
    }

    #[test]
    fn a_verdict_that_the_network_around_has_is_left_out() {
        let alike = list(vec![rule(1, &["::/0", "2001:db8::/32", "2001:db8::1/128"], false)]);
        assert_eq!(alike.networks.len(), 1);
    }

    #[test]
    fn listeners_with_equal_rules_share_a_list() {
        let listener = |port, id| GateListener {
            address: None,
            ports: port..=port,
            rules: vec![rule(id, &["10.0.0.0/8"], false)],
            watch: GateWatch::default(),
        };
        let rules = GateRules {
            listeners: vec![listener(80, 1), listener(81, 1), listener(82, 2)],
            ..GateRules::default()
        };
        let tables = Tables::compile(&rules).expect("valid rules");
        // Each listener has a key for each family.
        assert_eq!((tables.listeners.len(), tables.lists.len(), tables.counters), (6, 2, 3));
    }

    #[test]
    fn a_prefix_longer_than_its_address_is_refused() {
        for network in ["10.0.0.0/33", "::/129"] {
            let refused = List::compile(&[rule(1, &[network], false)], &GateWatch::default());
            assert!(matches!(refused, Err(KernelError::Prefix { .. })), "{network}");
        }
    }

    /// Few addresses and all lengths, so that prefixes nest.
    fn network() -> impl Strategy<Value = (IpAddr, u8)> {
        let v4 = (0..4u8, 0..=32u8).prop_map(|(last, length)| (IpAddr::from([192, 0, 2, last]), length));
        let v6 = (0..4u16, 0..=128u8)
            .prop_map(|(last, length)| (IpAddr::from([0x2002, 0xc000, 0x200, 0, 0, 0, 0, last]), length));
        prop_oneof![v4, v6]
    }

    /// The rules one after the other, as userspace evaluates them.
    fn one_by_one(rules: &[GateRule], source: IpAddr) -> Option<u32> {
        let source = Address::from(source);
        let holds = |&(address, length): &(IpAddr, u8)| {
            let forms = forms(address, length).expect("a valid length");
            forms.iter().any(|form| form.holds(&Network::new(source, 128)))
        };
        let matches = |rule: &&GateRule| rule.networks.iter().any(holds) != rule.negate;
        rules.iter().find(matches).map(|rule| rule.id)
    }

    proptest! {
        #[test]
        fn one_lookup_decides_as_the_rules_one_by_one(
            rules in proptest::collection::vec((proptest::collection::vec(network(), 0..5), any::<bool>()), 0..6),
            sources in proptest::collection::vec(network(), 1..20),
        ) {
            let rules: Vec<_> = (0..).zip(rules).map(|(id, (networks, negate))| GateRule {
                id,
                networks,
                negate,
                action: GateAction::SilentDrop,
            }).collect();
            let list = list(rules.clone());
            for (source, _) in sources {
                prop_assert_eq!(decides(&list, &source.to_string()), one_by_one(&rules, source), "{}", source);
            }
        }
    }
}
