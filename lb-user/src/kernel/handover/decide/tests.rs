//! What may be handed over, and with what.
use std::net::SocketAddr;

use super::*;
use crate::kernel::handover::tuple;

/// Both sides at rest, seen by the kernel program, alike.
fn halves() -> [Half; 2] {
    let half = |peer: &str, local: &str, send_next: u32, receive_next: u32, stamp: u32| {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let mut way = Way::watched(flag::BEGUN | flag::STAMPED);
        way.first = receive_next;
        way.translation.timestamp = stamp;
        Half {
            tuple: tuple(address(peer), address(local)),
            way,
            leg: Leg {
                send_next,
                receive_next,
                timestamp: Some(9_000),
                peer_shift: 7,
                own_shift: 9,
                sack: true,
                ecn: false,
                receives: 1460,
                takes: 1460,
            },
            bytes: 10,
        }
    };
    [
        half("192.0.2.1:1000", "192.0.2.9:1883", 500, u32::MAX, 70_000),
        half("198.51.100.1:1883", "198.51.100.9:2000", 4_000_000, 3, 20),
    ]
}

#[test]
fn each_way_is_the_other_one_backwards() {
    let [client, server] = halves();
    let switch = switch(&client, &server, 1).expect("a switch");
    let (forth, back) = (switch.client.way, switch.server.way);
    assert_eq!(forth.to, server.tuple.reversed());
    assert_eq!(back.to, client.tuple.reversed());
    let (forth, back) = (forth.translation, back.translation);
    assert_eq!(
        forth.sequence, 4_000_001,
        "the client's next byte is the next that the server expects of us"
    );
    assert_eq!(forth.sequence.wrapping_add(back.acknowledgment), 0);
    assert_eq!(forth.acknowledgment.wrapping_add(back.sequence), 0);
    assert_eq!(forth.timestamp.wrapping_add(back.echo), 0);
    assert_eq!(70_000_u32.wrapping_add(forth.timestamp), 9_001, "just after our last");
    assert_eq!((forth.window_from, forth.window_to), (7, 9));
    assert_eq!(switch.client.way.next(), u32::MAX, "the bytes so far count");
    assert_eq!(switch.client.way.sent, 10);
}

#[test]
fn what_does_not_fit_stays() {
    let cases: [(&str, fn(&mut [Half; 2])); 10] = [
        ("only one side uses timestamps", |halves| halves[0].leg.timestamp = None),
        ("only one side uses selective acknowledgments", |halves| {
            halves[1].leg.sack = false
        }),
        ("only one side uses explicit congestion notification", |halves| {
            halves[1].leg.ecn = true
        }),
        ("one side may send larger segments than the other takes", |halves| {
            halves[1].leg.takes = 1400
        }),
        ("one side lays out its options in no known way", |halves| {
            halves[0].way.flags |= flag::UNFIT;
        }),
        ("no segment of one side was seen by the kernel program yet", |halves| {
            halves[1].way.flags = 0;
        }),
        ("no segment of one side was seen by the kernel program yet", |halves| {
            halves[1].way.flags = flag::BEGUN;
        }),
        ("a segment came meanwhile", |halves| halves[0].way.sent = 1),
        ("a segment came meanwhile", |halves| {
            halves[1].way.flags |= flag::FINISHED
        }),
        ("its way in the kernel is gone", |halves| {
            halves[1].way.state = State::Established
        }),
    ];
    for (reason, change) in cases {
        let mut halves = halves();
        change(&mut halves);
        let stays = switch(&halves[0], &halves[1], 1).expect_err(reason);
        assert_eq!(stays.to_string(), reason);
    }
}

#[test]
fn a_socket_rests_when_nothing_is_under_way() {
    let rest = Standing {
        established: true,
        unread: 0,
        unacknowledged: 0,
    };
    assert!(rests(rest).is_ok());
    assert!(matches!(
        rests(Standing {
            established: false,
            ..rest
        }),
        Err(Stays::ForGood(_))
    ));
    assert!(matches!(rests(Standing { unread: 1, ..rest }), Err(Stays::ForNow(_))));
    assert!(matches!(
        rests(Standing {
            unacknowledged: 1,
            ..rest
        }),
        Err(Stays::ForNow(_))
    ));
}
