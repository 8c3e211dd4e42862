//! The kernel's program against its twin: the same rules and frames, the same verdicts, answers and counters.
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use lab::Netns;
use lb_common::gate::Fate;
use lb_user::kernel::{Gate, GateAction, GateListener, GateRule, GateRules, GateWatch, Twin};

use crate::frames::{CUSTOMER_TAG, SERVICE_TAG, Segment};

const LOCAL: [&str; 4] = ["127.0.0.1", "198.51.100.1", "::1", "2001:db8::1"];
const ROUNDS: usize = 40;
const FRAMES: usize = 500;
const RULES: u32 = 12;

#[test]
fn kernel_and_twin_agree() -> Result<()> {
    let host = Netns::new()?;
    host.ip("addr add 198.51.100.1/24 dev lo\naddr add 2001:db8::1/64 dev lo nodad")?;
    host.run(|| {
        // Nothing is pinned in a folder that lies in no BPF file system; the gate works without.
        let mut gate = Gate::attach(&[], &GateRules::default(), Path::new("/nonexistent"))?;
        let mut twin = Twin::new(&GateRules::default(), LOCAL.map(address))?;
        let mut dice = Dice(0x1b0f_5eed);
        for _ in 0..ROUNDS {
            let rules = rules(&mut dice);
            gate.swap(&rules).with_context(|| format!("{rules:?}"))?;
            twin.swap(&rules)?;
            for _ in 0..FRAMES {
                compare(&mut gate, &twin, frame(&mut dice)).with_context(|| format!("{rules:#?}"))?;
            }
        }
        let reasons = gate.status()?.reasons;
        ensure!(
            reasons.iter().map(|(_, count)| *count).eq(twin.reasons().values()),
            "{reasons:?} {:?}",
            twin.reasons()
        );
        for (name, count) in reasons {
            ensure!(count > 0, "no frame was '{name}': the dice are loaded");
        }
        // Every rule is in force by turns; here all of them at once, to read what they counted.
        gate.swap(&every_rule())?;
        for count in gate.counters()? {
            let twins = twin.rule(count.id);
            ensure!(
                (count.connections, count.packets) == (twins.connections, twins.packets),
                "{count:?} {twins:?}"
            );
        }
        Ok(())
    })
}

pub fn compare(gate: &mut Gate, twin: &Twin, frame: Vec<u8>) -> Result<()> {
    let (action, answer) = gate.judge(&frame)?;
    let mut expected = frame.clone();
    let fate = match twin.judge(&mut expected) {
        Fate::Drop => XDP_DROP,
        Fate::Pass | Fate::Admit => XDP_PASS,
        Fate::Transmit => XDP_TX,
    };
    ensure!(
        (action, &answer) == (fate, &expected),
        "{action} {answer:x?}\ninstead of {fate} {expected:x?}\nfor {frame:x?}"
    );
    Ok(())
}

// enum xdp_action
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
const XDP_TX: u32 = 3;

pub fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// A source of numbers that is the same in every run (xorshift64*).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below
    }

    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.roll(choices.len())]
    }

    /// Half of the addresses come from a few neighbours, so that rules meet them.
    fn source(&mut self, v4: bool) -> IpAddr {
        let low = self.roll(4) as u8;
        match (v4, self.roll(4)) {
            (true, 0) => IpAddr::from([self.roll(256) as u8, 0, 2, low]),
            (true, _) => IpAddr::from([192, 0, 2, low]),
            (false, 0) => IpAddr::from([0x2002, 0xc000, 0x0200 | u16::from(low), 0, 0, 0, 0, 1]),
            (false, 1) => IpAddr::from([0, 0, 0, 0, 0, 0, 0xc000, 0x0200 | u16::from(low)]),
            (false, _) => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(low)]),
        }
    }
}

fn rules(dice: &mut Dice) -> GateRules {
    // Distinct ports, so that no two listeners conflict.
    let listeners = (80..80 + dice.roll(6) as u16).map(|port| GateListener {
        address: match dice.roll(4) {
            0 => Some(address(LOCAL[1])),
            1 => Some(address(LOCAL[3])),
            2 => Some(address(["0.0.0.0", "::"][dice.roll(2)])),
            _ => None,
        },
        ports: port..=port,
        rules: (0..dice.roll(5)).map(|_| rule(dice)).collect(),
        watch: GateWatch::default(),
    });
    GateRules {
        listeners: listeners.collect(),
        ..GateRules::default()
    }
}

fn rule(dice: &mut Dice) -> GateRule {
    let networks = (0..dice.roll(4)).map(|_| {
        let v4 = dice.roll(2) == 0;
        let lengths: &[u8] = if v4 {
            &[0, 8, 24, 30, 31, 32, 32]
        } else {
            &[0, 16, 64, 126, 127, 128, 128]
        };
        (dice.source(v4), *dice.pick(lengths))
    });
    GateRule {
        networks: networks.collect(),
        id: dice.roll(RULES as usize) as u32,
        negate: dice.roll(4) == 0,
        action: *dice.pick(&[GateAction::Accept, GateAction::Reject, GateAction::SilentDrop]),
    }
}

fn every_rule() -> GateRules {
    let rule = |id| GateRule {
        id,
        networks: Vec::new(),
        negate: false,
        action: GateAction::Accept,
    };
    GateRules {
        listeners: vec![GateListener {
            address: None,
            ports: 1..=1,
            rules: (0..RULES).map(rule).collect(),
            watch: GateWatch::default(),
        }],
        ..GateRules::default()
    }
}

/// Mostly attempts; some are spoilt in a byte of their headers or cut.
fn frame(dice: &mut Dice) -> Vec<u8> {
    let v4 = dice.roll(2) == 0;
    let to = match dice.roll(8) {
        0 if v4 => "203.0.113.1",
        0 => "2001:db8::bad",
        1 if v4 => LOCAL[0],
        1 => LOCAL[2],
        _ if v4 => LOCAL[1],
        _ => LOCAL[3],
    };
    let mut segment = Segment::syn(dice.source(v4), address(to), 80 + dice.roll(6) as u16);
    segment.tags = dice
        .pick(&[
            vec![],
            vec![],
            vec![CUSTOMER_TAG],
            vec![SERVICE_TAG, CUSTOMER_TAG],
            vec![SERVICE_TAG; 3],
        ])
        .clone();
    segment.tcp.sequence_number = dice.roll(64) as u32;
    segment.payload = vec![0x5a; *dice.pick(&[0, 0, 0, 1, 33])];
    let mut frame = segment.bytes();
    match dice.roll(6) {
        0 => {
            let at = 12 + dice.roll(frame.len() - 12);
            frame[at] = dice.roll(256) as u8;
        }
        1 => {
            let at = segment.network() + *dice.pick(&[0, 2, 3, 6, 7, 9]);
            frame[at] = *dice.pick(&[0, 6, 17, 20, 43, 44, 60, 0x45, 0x46, 0x60]);
        }
        2 => {
            let at = segment.transport() + 13;
            frame[at] = dice.roll(256) as u8;
        }
        // The kernel runs no program on less than an Ethernet header.
        3 => frame.truncate(14 + dice.roll(frame.len() - 14)),
        _ => {}
    }
    frame
}
