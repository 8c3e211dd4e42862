//! Tests of the packet parser.

use super::*;

/// A packet in hexadecimal as bytes.
fn bytes(text: &str) -> Vec<u8> {
    crate::rules::pattern::hex(text).unwrap()
}

#[test]
fn every_part_of_a_packet_waits_for_the_rest() {
    for text in [
        "101400044d5154540402003c0008746573745f737562",
        "101800044d5154540502003c032100140008746573745f737562",
        "20020000",
        "200600000322000a",
    ] {
        let packet = bytes(text);
        assert!(Packet::parse(&packet).is_ok(), "{text}");
        for cut in 0..packet.len() {
            assert_eq!(
                Packet::parse(&packet[..cut]),
                Err(Unread::Incomplete),
                "{text} after {cut} bytes"
            );
        }
    }
}

#[test]
fn a_connect_packet_is_taken_apart() {
    let packet = bytes(
        "103a00044d51545404ee003c0008746573745f737562000977696c6c746f706963000b77696c6c7061796c6f61640004746573740006706173737764",
    );
    let Ok(Packet::Connect(connect)) = Packet::parse(&packet) else {
        panic!("no CONNECT packet");
    };
    assert_eq!((connect.protocol_name, connect.version), (&b"MQTT"[..], 4));
    assert_eq!((connect.flags, connect.keep_alive), (0xee, 60));
    assert_eq!(connect.client_identifier, b"test_sub");
    let will = connect.will.unwrap();
    assert_eq!((will.topic, will.payload), (&b"willtopic"[..], &b"willpayload"[..]));
    assert_eq!(
        (connect.username, connect.password),
        (Some(&b"test"[..]), Some(&b"passwd"[..]))
    );
}

#[test]
fn properties_are_found_by_their_number() {
    let packet = bytes("20250000221100000078217fff24012501270000ffff22000a2600016100016226000163000164");
    let Ok(Packet::Connack(connack)) = Packet::parse(&packet) else {
        panic!("no CONNACK packet");
    };
    assert_eq!(connack.version, 5);
    for (id, expected) in [(17, 120), (33, 32_767), (36, 1), (39, 65_535), (34, 10)] {
        assert_eq!(
            connack.properties.get(id),
            Some(Property::Number(expected)),
            "property {id}"
        );
    }
    assert_eq!(connack.properties.get(38), None);
    assert_eq!(connack.properties.get(31), None);
}
