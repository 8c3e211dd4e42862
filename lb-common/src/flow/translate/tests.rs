//! Segments before and after, compared with ones that were made so.
use std::vec::Vec;

use super::*;
use crate::flow::packets::Made;
use crate::flow::testing::way;
use crate::flow::{Memory, Ports, Tuple};
use crate::packet::Address;

fn v4() -> (Tuple, Tuple) {
    let from = Tuple {
        source: Address::v4([192, 0, 2, 7]),
        destination: Address::v4([198, 51, 100, 1]),
        ports: Ports::new(40_000, 80),
    };
    (from, way().to)
}

fn v6() -> (Tuple, Tuple) {
    let address = |last| {
        let mut bytes = [0x20, 1, 0xd, 0xb8, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes[15] = last;
        Address { bytes }
    };
    let tuple = |source, destination, ports| Tuple {
        source: address(source),
        destination: address(destination),
        ports,
    };
    (
        tuple(7, 1, Ports::new(40_000, 80)),
        tuple(11, 12, Ports::new(65_535, 1)),
    )
}

fn apply(frame: &mut [u8], way: &Way) -> Result<(), Refused> {
    let mut packet = Memory(frame);
    let segment = Segment::read(&packet).expect("a segment");
    rewrite(&mut packet, &segment, way)
}

const BY: Translation = Translation {
    sequence: 0xffff_fff0,
    acknowledgment: 77,
    timestamp: 5,
    echo: 0x8000_0001,
    window_from: 7,
    window_to: 9,
    active: true,
    unused: 0,
};

#[test]
fn addresses_and_ports_change_and_checksums_follow() {
    for (from, to) in [v4(), v6()] {
        for payload in [&b""[..], b"x", b"some data"] {
            let before = Made {
                payload: payload.to_vec(),
                ..Made::new(from)
            };
            let mut frame = before.bytes();
            assert_eq!(apply(&mut frame, &Way { to, ..way() }), Ok(()));
            let after = Made {
                tuple: to,
                hops: 63,
                ..before
            };
            assert_eq!(frame, after.bytes());
        }
    }
}

#[test]
fn numbers_change_in_every_layout() {
    let number = |number: u32| number.to_be_bytes().to_vec();
    let timestamp = |value, echo| [vec_of(&[1, 1, 8, 10]), number(value), number(echo)].concat();
    let selective = |blocks: u32, by: u32| {
        let mut option = vec_of(&[1, 1, 5, 2 + 8 * blocks as u8]);
        for edge in 0..2 * blocks {
            option.extend(number((u32::MAX - 5).wrapping_add(edge * 3).wrapping_add(by)));
        }
        option
    };
    let mut layouts = std::vec![
        (Vec::new(), Vec::new()),
        (timestamp(9, 8), timestamp(14, 0x8000_0009)),
        (timestamp(u32::MAX, 0), timestamp(4, 0)),
    ];
    for blocks in 1..=4 {
        layouts.push((selective(blocks, 0), selective(blocks, 77)));
    }
    for blocks in 1..=3 {
        layouts.push((
            [timestamp(1, 1), selective(blocks, 0)].concat(),
            [timestamp(6, 0x8000_0002), selective(blocks, 77)].concat(),
        ));
    }
    for (from, to) in [v4(), v6()] {
        for (options, translated) in &layouts {
            let before = Made {
                options: options.clone(),
                ..Made::new(from)
            };
            let mut frame = before.bytes();
            let way = Way {
                to,
                translation: BY,
                ..way()
            };
            assert_eq!(apply(&mut frame, &way), Ok(()), "{options:?}");
            let after = Made {
                tuple: to,
                hops: 63,
                sequence: 984,
                acknowledgment: 2_077,
                window: 125,
                options: translated.clone(),
                ..before
            };
            assert_eq!(frame, after.bytes(), "{options:?}");
        }
    }
}

#[test]
fn windows_are_rounded_down_and_never_too_large() {
    // (window, sender's shift, receiver's shift, translated)
    for (window, window_from, window_to, translated) in [
        (0, 7, 7, 0),
        (501, 7, 7, 501),
        (501, 7, 8, 250),
        (1, 0, 7, 0),
        (65_535, 14, 14, 65_535),
        (65_535, 14, 0, 65_535),
        (512, 7, 0, 65_535),
        (511, 7, 0, 65_408),
    ] {
        let (from, to) = v4();
        let before = Made {
            window,
            acknowledgment: 0,
            flags: 0,
            ..Made::new(from)
        };
        let translation = Translation {
            window_from,
            window_to,
            active: true,
            ..Translation::NONE
        };
        let mut frame = before.bytes();
        assert_eq!(
            apply(
                &mut frame,
                &Way {
                    to,
                    translation,
                    ..way()
                }
            ),
            Ok(()),
            "{window} from {window_from} to {window_to}"
        );
        let after = Made {
            tuple: to,
            hops: 63,
            window: translated,
            ..before
        };
        assert_eq!(frame, after.bytes(), "{window} from {window_from} to {window_to}");
    }
}

#[test]
fn an_acknowledgment_number_that_means_nothing_stays() {
    let (from, to) = v4();
    let before = Made {
        flags: Segment::RST,
        acknowledgment: 0,
        ..Made::new(from)
    };
    let mut frame = before.bytes();
    let way = Way {
        to,
        translation: Translation { window_to: 7, ..BY },
        ..way()
    };
    assert_eq!(apply(&mut frame, &way), Ok(()));
    let after = Made {
        tuple: to,
        hops: 63,
        sequence: 984,
        ..before
    };
    assert_eq!(frame, after.bytes());
}

#[test]
fn what_cannot_go_on_is_left_alone() {
    let (from, to) = v4();
    let translated = Way {
        to,
        translation: BY,
        ..way()
    };
    let made = |hops, options: &[u8]| {
        Made {
            hops,
            options: options.to_vec(),
            ..Made::new(from)
        }
        .bytes()
    };
    for (name, before, expected) in [
        ("hops used up", made(1, &[]), Refused::Expired),
        (
            "timestamp first",
            made(64, &[8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1]),
            Refused::Options,
        ),
        ("unknown option", made(64, &[30, 4, 0, 0]), Refused::Options),
        (
            "blocks cut short",
            made(64, &[1, 1, 5, 18, 0, 0, 0, 0, 0, 0, 0, 0]),
            Refused::Options,
        ),
        ("no blocks", made(64, &[1, 1, 5, 2]), Refused::Options),
    ] {
        let mut frame = before.clone();
        assert_eq!(apply(&mut frame, &translated), Err(expected), "{name}");
        assert_eq!(frame, before, "{name}");
    }
    // Nothing of the options matters where nothing is translated.
    let mut frame = made(64, &[30, 4, 0, 0]);
    assert_eq!(apply(&mut frame, &Way { to, ..way() }), Ok(()));
}

#[test]
fn a_translation_and_its_inverse_change_nothing() {
    let inverse = Translation {
        sequence: BY.sequence.wrapping_neg(),
        acknowledgment: BY.acknowledgment.wrapping_neg(),
        timestamp: BY.timestamp.wrapping_neg(),
        echo: BY.echo.wrapping_neg(),
        window_from: BY.window_to,
        window_to: BY.window_from,
        ..BY
    };
    for (from, to) in [v4(), v6()] {
        for seed in 0..1_000_u32 {
            let random = |salt: u32| (seed ^ salt).wrapping_mul(0x9e37_79b1).rotate_left(seed % 31);
            let mut options = vec_of(&[1, 1, 8, 10]);
            options.extend((random(3) | 1).to_be_bytes());
            options.extend((random(4) & 0x7fff_fffe | 2).to_be_bytes());
            let before = Made {
                sequence: random(1),
                acknowledgment: random(2),
                window: (random(5) as u16) & !3,
                options,
                payload: random(6).to_be_bytes()[..(seed % 4) as usize].to_vec(),
                ..Made::new(from)
            };
            let mut frame = before.bytes();
            let there = Way {
                to,
                translation: BY,
                ..way()
            };
            let back = Way {
                to: from,
                translation: inverse,
                ..way()
            };
            assert_eq!(apply(&mut frame, &there), Ok(()));
            assert_eq!(apply(&mut frame, &back), Ok(()));
            assert_eq!(frame, Made { hops: 62, ..before }.bytes(), "seed {seed}");
        }
    }
}

fn vec_of(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}
