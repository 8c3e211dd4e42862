//! How frames are read and answered, without a kernel.
use std::net::IpAddr;

use etherparse::{LinkExtSlice, NetSlice, SlicedPacket, TransportSlice};
use lb_common::packet::{Bytes, Other, Version, attempt, refuse};
use proptest::prelude::*;

use crate::frames::{CLIENT_MAC, CUSTOMER_TAG, HOST_MAC, SERVICE_TAG, Segment};

fn v4() -> Segment {
    Segment::syn([192, 0, 2, 7].into(), [198, 51, 100, 1].into(), 80)
}

fn v6() -> Segment {
    let address = |last| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]);
    Segment::syn(address(7), address(1), 80)
}

fn tagged(mut segment: Segment, tags: &[u16]) -> Segment {
    segment.tags = tags.to_vec();
    segment
}

/// The frame with other bytes at an offset.
fn with(mut frame: Vec<u8>, offset: usize, bytes: &[u8]) -> Vec<u8> {
    frame[offset..offset + bytes.len()].copy_from_slice(bytes);
    frame
}

#[test]
fn attempts_are_found_behind_tags_options_and_padding() {
    let fast_open = Segment {
        payload: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        ..v4()
    };
    let mut padded = v4().bytes();
    padded.extend([0; 20]);
    let mut explicit_congestion = v6();
    explicit_congestion.tcp.ece = true;
    explicit_congestion.tcp.cwr = true;
    let cases = [
        ("IPv4", v4().bytes(), Version::V4, 0, 0),
        ("IPv6", v6().bytes(), Version::V6, 0, 0),
        ("802.1Q, IPv4", tagged(v4(), &[CUSTOMER_TAG]).bytes(), Version::V4, 1, 0),
        ("802.1Q, IPv6", tagged(v6(), &[CUSTOMER_TAG]).bytes(), Version::V6, 1, 0),
        (
            "802.1ad and 802.1Q",
            tagged(v4(), &[SERVICE_TAG, CUSTOMER_TAG]).bytes(),
            Version::V4,
            2,
            0,
        ),
        (
            "802.1Q twice, IPv6",
            tagged(v6(), &[CUSTOMER_TAG, CUSTOMER_TAG]).bytes(),
            Version::V6,
            2,
            0,
        ),
        ("data in the SYN", fast_open.bytes(), Version::V4, 0, 18),
        ("padding behind the packet", padded, Version::V4, 0, 0),
        ("ECN", explicit_congestion.bytes(), Version::V6, 0, 0),
    ];
    for (name, mut frame, version, tags, payload) in cases {
        let found = attempt(&Bytes(&mut frame)).unwrap_or_else(|other| panic!("{name}: {other:?}"));
        assert_eq!(
            (found.version, found.tags, found.payload),
            (version, tags, payload),
            "{name}"
        );
        assert_eq!(
            (found.source_port, found.destination_port, found.sequence),
            (40000, 80, 0x1234_5678),
            "{name}"
        );
        let segment = if version == Version::V4 { v4() } else { v6() };
        assert_eq!(
            (found.source, found.destination),
            (segment.source.into(), segment.destination.into()),
            "{name}"
        );
    }
}

#[test]
fn other_frames_are_told_apart() {
    let flags = |flags: u8| with(v4().bytes(), v4().transport() + 13, &[flags]);
    let three_tags = tagged(v4(), &[SERVICE_TAG, CUSTOMER_TAG, CUSTOMER_TAG]);
    let cases = [
        ("ARP", with(v4().bytes(), 12, &[0x08, 0x06]), Other::NotIp),
        ("802.3 length", with(v4().bytes(), 12, &[0x00, 0x40]), Other::NotIp),
        ("three tags", three_tags.bytes(), Other::NotIp),
        ("UDP", with(v4().bytes(), 23, &[17]), Other::NotTcp),
        ("ICMPv6", with(v6().bytes(), 20, &[58]), Other::NotTcp),
        ("no next header", with(v6().bytes(), 20, &[59]), Other::NotTcp),
        ("IPv4 options", with(v4().bytes(), 14, &[0x46]), Other::Options),
        ("IPv6 hop-by-hop options", with(v6().bytes(), 20, &[0]), Other::Options),
        ("IPv6 routing", with(v6().bytes(), 20, &[43]), Other::Options),
        (
            "IPv6 destination options",
            with(v6().bytes(), 20, &[60]),
            Other::Options,
        ),
        ("first fragment", with(v4().bytes(), 20, &[0x20, 0x00]), Other::Fragment),
        ("later fragment", with(v4().bytes(), 20, &[0x00, 0xb9]), Other::Fragment),
        (
            "last fragment that may not be fragmented",
            with(v4().bytes(), 20, &[0x40, 0xb9]),
            Other::Fragment,
        ),
        ("IPv6 fragment", with(v6().bytes(), 20, &[44]), Other::Fragment),
        (
            "IPv4 header of version 6",
            with(v4().bytes(), 14, &[0x65]),
            Other::Malformed,
        ),
        (
            "IPv4 header too short",
            with(v4().bytes(), 14, &[0x44]),
            Other::Malformed,
        ),
        (
            "IPv6 header of version 4",
            with(v6().bytes(), 14, &[0x40]),
            Other::Malformed,
        ),
        (
            "TCP header too short",
            with(v4().bytes(), v4().transport() + 12, &[0x40]),
            Other::Malformed,
        ),
        (
            "TCP header beyond the packet",
            with(v4().bytes(), v4().transport() + 12, &[0xf0]),
            Other::Malformed,
        ),
        (
            "packet beyond the frame",
            with(v4().bytes(), 16, &[0xff, 0xff]),
            Other::Malformed,
        ),
        (
            "IPv6 packet beyond the frame",
            with(v6().bytes(), 18, &[0xff, 0xff]),
            Other::Malformed,
        ),
        (
            "packet shorter than its headers",
            with(v4().bytes(), 16, &[0, 39]),
            Other::Malformed,
        ),
        ("SYN and ACK", flags(0x12), Other::NotSyn),
        ("ACK", flags(0x10), Other::NotSyn),
        ("RST", flags(0x04), Other::NotSyn),
        ("SYN and RST", flags(0x06), Other::NotSyn),
        ("SYN and FIN", flags(0x03), Other::NotSyn),
        ("no flags", flags(0x00), Other::NotSyn),
    ];
    for (name, mut frame, other) in cases {
        assert_eq!(attempt(&Bytes(&mut frame)), Err(other), "{name}");
    }
}

#[test]
fn a_frame_cut_anywhere_is_malformed() {
    for segment in [
        v4(),
        v6(),
        tagged(v4(), &[SERVICE_TAG, CUSTOMER_TAG]),
        tagged(v6(), &[CUSTOMER_TAG]),
    ] {
        let frame = segment.bytes();
        for length in 0..frame.len() {
            let mut cut = frame[..length].to_vec();
            assert_eq!(
                attempt(&Bytes(&mut cut)),
                Err(Other::Malformed),
                "{length} bytes of {segment:?}"
            );
        }
    }
}

#[test]
fn a_refusal_is_what_a_closed_port_would_answer() {
    for payload in [0, 1, 18] {
        for tags in [&[][..], &[CUSTOMER_TAG], &[SERVICE_TAG, CUSTOMER_TAG]] {
            for mut segment in [tagged(v4(), tags), tagged(v6(), tags)] {
                segment.payload = vec![b'x'; payload];
                // Wraps around when SYN and data are acknowledged.
                segment.tcp.sequence_number = u32::MAX - 5;
                let mut frame = segment.bytes();
                let attempt = attempt(&Bytes(&mut frame)).expect("an attempt");
                let mut bytes = Bytes(&mut frame);
                refuse(&mut bytes, &attempt).expect("room for the refusal");
                assert_refusal(bytes.0, &segment);
            }
        }
    }
}

/// Checks an answer against RFC 9293 section 3.10.7.1 with another implementation's eyes.
pub fn assert_refusal(frame: &[u8], attempt: &Segment) {
    assert_eq!(frame.len(), attempt.transport() + 20);
    assert_eq!(frame[..12], [CLIENT_MAC, HOST_MAC].concat());
    assert_eq!(
        frame[12..attempt.network()],
        attempt.bytes()[12..attempt.network()],
        "tags and type"
    );
    let packet = SlicedPacket::from_ethernet(frame).expect("a well-formed packet");
    let tags = packet
        .link_exts
        .iter()
        .filter(|extension| matches!(extension, LinkExtSlice::Vlan(_)));
    assert_eq!(tags.count(), attempt.tags.len());
    let Some(TransportSlice::Tcp(tcp)) = &packet.transport else {
        panic!("no TCP: {packet:?}");
    };
    let checksum = match &packet.net {
        Some(NetSlice::Ipv4(ip)) => {
            let header = ip.header().to_header();
            assert_eq!(
                (IpAddr::from(header.source), IpAddr::from(header.destination)),
                (attempt.destination, attempt.source)
            );
            assert_eq!(header.header_checksum, header.calc_header_checksum());
            assert_eq!(
                (header.time_to_live, header.dont_fragment, header.total_len),
                (64, true, 40)
            );
            tcp.calc_checksum_ipv4(header.source, header.destination)
        }
        Some(NetSlice::Ipv6(ip)) => {
            let header = ip.header().to_header();
            assert_eq!(
                (IpAddr::from(header.source), IpAddr::from(header.destination)),
                (attempt.destination, attempt.source)
            );
            assert_eq!((header.hop_limit, header.payload_length), (64, 20));
            tcp.calc_checksum_ipv6(header.source, header.destination)
        }
        other => panic!("no IP: {other:?}"),
    };
    assert_eq!(Some(tcp.checksum()), checksum.ok());
    assert_eq!(
        (tcp.source_port(), tcp.destination_port()),
        (attempt.tcp.destination_port, attempt.tcp.source_port)
    );
    assert!(tcp.rst() && tcp.ack() && !tcp.syn() && !tcp.fin());
    let acknowledged = attempt
        .tcp
        .sequence_number
        .wrapping_add(1 + attempt.payload.len() as u32);
    assert_eq!((tcp.sequence_number(), tcp.acknowledgment_number()), (0, acknowledged));
}

#[test]
fn a_repeated_attempt_is_known_and_another_one_is_not() {
    let fingerprint = |segment: &Segment| attempt(&Bytes(&mut segment.bytes())).expect("an attempt").fingerprint();
    let mut repeated = v4();
    repeated.tcp.window_size = 1;
    assert_eq!(fingerprint(&v4()), fingerprint(&repeated));
    let mut others = vec![fingerprint(&v4()), fingerprint(&v6())];
    for change in [
        |segment: &mut Segment| segment.tcp.sequence_number += 1,
        |segment: &mut Segment| segment.tcp.source_port += 1,
        |segment: &mut Segment| segment.tcp.destination_port += 1,
        |segment: &mut Segment| segment.source = [192, 0, 2, 8].into(),
        |segment: &mut Segment| segment.destination = [198, 51, 100, 2].into(),
    ] {
        let mut other = v4();
        change(&mut other);
        others.push(fingerprint(&other));
    }
    others.sort_unstable();
    others.dedup();
    assert_eq!(others.len(), 7);
}

proptest! {
    #[test]
    fn no_frame_panics(mut frame in proptest::collection::vec(any::<u8>(), 0..128), kind in any::<bool>()) {
        if let Some(bytes) = frame.get_mut(12..15) {
            bytes.copy_from_slice(if kind { &[0x08, 0x00, 0x45] } else { &[0x86, 0xdd, 0x60] });
        }
        let mut bytes = Bytes(&mut frame);
        if let Ok(attempt) = attempt(&bytes) {
            prop_assert!(refuse(&mut bytes, &attempt).is_some());
        }
    }
}
