//! Stick tables that the gate reads: the kernel's program against its twin, each with tables of its own that are told the same.
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::Netns;
use lb_common::gate::Action;
use lb_common::stick::{Check, Field, Track};
use lb_user::kernel::{Gate, GateAction, GateListener, GateRule, GateRules, GateWatch, Twin};
use lb_user::runtime::clock;
use lb_user::stick::{DataType, Key, KeyType, StickTable, Table, Tracked, layout};

use crate::frames::Segment;
use crate::twin::{Dice, address, compare};

const LOCAL: [&str; 2] = ["198.51.100.1", "2001:db8::1"];
const ROUNDS: usize = 40;
const STEPS: usize = 200;
const SIZE: u64 = 6;
/// No period ends within the test.
const PERIOD: Duration = Duration::from_secs(3600);

/// What entries store, and what rules ask of them.
const KINDS: [DataType; 6] = [
    DataType::Gpt0,
    DataType::Gpc0,
    DataType::ConnCnt,
    DataType::ConnRate,
    DataType::ConnCur,
    DataType::HttpReqRate,
];

fn table(name: &str, key: KeyType) -> Arc<Table> {
    let store = KINDS.map(|kind| (kind, kind.name().ends_with("_rate").then_some(PERIOD)));
    Arc::new(Table::new(StickTable {
        expire: Some(PERIOD),
        store: store.to_vec(),
        ..StickTable::new(name, key, SIZE)
    }))
}

/// The same tables twice: the kernel reads the first, its twin the second.
struct Tables {
    pairs: [[Arc<Table>; 2]; 2],
    tracked: Vec<[Tracked; 2]>,
}

impl Tables {
    fn new() -> Tables {
        let pair = |name, key| [table(name, key), table(name, key)];
        Tables {
            pairs: [pair("four", KeyType::Ip), pair("six", KeyType::Ipv6)],
            tracked: Vec::new(),
        }
    }

    /// Something that sessions, rules or operators do to an entry.
    fn change(&mut self, dice: &mut Dice) {
        let pair = &self.pairs[dice.roll(2)];
        let source = source(dice);
        let (what, kind, number) = (dice.roll(8), *dice.pick(&KINDS), dice.roll(5) as u64);
        if what == 0 && !self.tracked.is_empty() {
            self.tracked.swap_remove(dice.roll(self.tracked.len()));
            return;
        }
        let now = clock::ticks();
        let mut tracked = Vec::new();
        for table in pair {
            let Some(key) = key(table, source) else { return };
            match what {
                1 => {
                    table.remove(&key);
                }
                2 if self.tracked.len() < 3 => tracked.extend(table.track(&key, now, |entry| {
                    entry.add(DataType::ConnCur, 1);
                    entry.count(DataType::ConnCnt, DataType::ConnRate, 1);
                })),
                3 => {
                    table.update_or_insert(&key, now, |entry| entry.set(kind, number));
                }
                _ => {
                    table.update_or_insert(&key, now, |entry| entry.add(kind, number));
                }
            }
        }
        self.tracked.extend(<[Tracked; 2]>::try_from(tracked));
    }

    /// Everything in the tables, as rules and operators read it.
    fn contents(&self, which: usize) -> Vec<String> {
        let mut contents = Vec::new();
        for pair in &self.pairs {
            let table = &pair[which];
            table.for_each(clock::ticks(), |entry| {
                let data = KINDS.map(|kind| entry.get(kind).unwrap_or_default());
                contents.push(format!(
                    "{} {} {data:?}",
                    entry.key().display(table.spec().key),
                    entry.uses()
                ));
            });
        }
        contents.sort();
        contents
    }
}

fn key(table: &Table, source: IpAddr) -> Option<Key> {
    match (table.spec().key, source) {
        (KeyType::Ip, IpAddr::V4(v4)) => Some(Key::new(table.spec(), &v4.octets())),
        (KeyType::Ipv6, IpAddr::V4(v4)) => Some(Key::new(table.spec(), &v4.to_ipv6_mapped().octets())),
        (KeyType::Ipv6, IpAddr::V6(v6)) => Some(Key::new(table.spec(), &v6.octets())),
        _ => None,
    }
}

fn source(dice: &mut Dice) -> IpAddr {
    let low = dice.roll(5) as u8;
    match dice.roll(2) {
        0 => IpAddr::from([192, 0, 2, low]),
        _ => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 7, u16::from(low)]),
    }
}

/// One listener with rules of all kinds, numbered from the first on.
fn rules(dice: &mut Dice) -> GateRules {
    let mut rules = Vec::new();
    let mut watch = GateWatch::default();
    for number in 0..dice.roll(8) as u32 {
        match dice.roll(4) {
            0 => rules.push(GateRule {
                id: number,
                networks: vec![(source(dice), 32)],
                negate: false,
                action: *dice.pick(&[GateAction::Accept, GateAction::Reject]),
            }),
            1 if watch.tracks.len() < 3 => watch.tracks.push(Track {
                rule: number,
                table: dice.roll(2) as u32,
                period: PERIOD.as_millis() as u64,
            }),
            _ => {
                let check = check(dice, number, &watch.tracks);
                watch.checks.push(check);
            }
        }
    }
    GateRules {
        listeners: vec![GateListener {
            address: None,
            ports: 80..=80,
            rules,
            watch,
        }],
        tables: [(0, SIZE as u32), (1, SIZE as u32)].into(),
    }
}

fn check(dice: &mut Dice, rule: u32, tracks: &[Track]) -> Check {
    let kind = *dice.pick(&KINDS);
    let table = dice.roll(2) as u32;
    let low = dice.roll(6) as u64;
    let is_rate = kind.name().ends_with("_rate");
    Check {
        rule,
        action: *dice.pick(&[Action::Accept, Action::Reject, Action::SilentDrop]),
        field: Field {
            word: layout::word(kind) as u32,
            connections: match kind {
                DataType::ConnCnt | DataType::ConnRate => Field::ALL,
                DataType::ConnCur => Field::OPEN,
                _ => 0,
            },
            period: if is_rate { PERIOD.as_millis() as u64 } else { 0 },
        },
        low,
        high: *dice.pick(&[low, low + 2, u64::MAX]),
        table,
        negate: u32::from(dice.roll(5) == 0),
        tracked: tracks.iter().filter(|track| track.table == table).count() as u32,
        unused: 0,
        expire: PERIOD.as_millis() as u64,
    }
}

#[test]
fn kernel_and_twin_agree_on_tables() -> Result<()> {
    let host = Netns::new()?;
    host.ip("addr add 198.51.100.1/24 dev lo\naddr add 2001:db8::1/64 dev lo nodad")?;
    host.run(|| {
        let mut dice = Dice(0x57ab_1e5d);
        let first = rules(&mut dice);
        let mut gate = Gate::attach(&[], &first, Path::new("/nonexistent"))?;
        let mut twin = Twin::new(&first, LOCAL.map(address))?;
        let mut tables = Tables::new();
        for (number, [ours, twins]) in (0..).zip(&tables.pairs) {
            gate.share(number, ours)?;
            twin.share(number, twins)?;
        }
        let mut denied = 0;
        for _ in 0..ROUNDS {
            let rules = rules(&mut dice);
            gate.swap(&rules)?;
            twin.swap(&rules)?;
            for _ in 0..STEPS {
                if dice.roll(3) == 0 {
                    tables.change(&mut dice);
                    continue;
                }
                let from = source(&mut dice);
                let to = address(LOCAL[usize::from(from.is_ipv6())]);
                let mut segment = Segment::syn(from, to, 80);
                segment.tcp.sequence_number = dice.roll(1 << 16) as u32;
                let before = tables.contents(0);
                compare(&mut gate, &twin, segment.bytes()).with_context(|| format!("{before:#?} {rules:#?}"))?;
                let (ours, twins) = (tables.contents(0), tables.contents(1));
                ensure!(ours == twins, "{ours:#?}\n{twins:#?}\n{rules:#?}");
                denied += usize::from(before != ours);
            }
        }
        ensure!(
            denied > 100,
            "only {denied} connections were counted: the dice are loaded"
        );
        Ok(())
    })
}
