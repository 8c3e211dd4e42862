//! Whole choices, against what the peer chose.

use super::*;
use crate::plan::balance::{HashFunction, HashType};
use proptest::prelude::*;

/// Live state whose loads the test sets.
struct Loads {
    loads: Vec<u32>,
    /// `maxconn` of every server (0: none).
    limit: u32,
}

impl Live for Loads {
    fn load(&self, server: usize) -> u32 {
        self.loads[server]
    }

    fn is_full(&self, server: usize) -> bool {
        self.limit > 0 && self.loads[server] >= self.limit
    }
}

fn idle(servers: usize) -> Loads {
    Loads {
        loads: vec![0; servers],
        limit: 0,
    }
}

fn inputs(weights: &[u32]) -> Vec<Input> {
    let input = |(weight, id): (&u32, u32)| Input {
        weight: weight * WEIGHT_SCALE,
        usable: true,
        backup: false,
        id,
    };
    weights.iter().zip(1..).map(input).collect()
}

fn balance(algorithm: Algorithm) -> Balance {
    Balance {
        algorithm,
        ..Balance::default()
    }
}

fn hashing(words: &str) -> Balance {
    let function = words.split_whitespace().find_map(|word| match word {
        "sdbm" => Some(HashFunction::Sdbm),
        "djb2" => Some(HashFunction::Djb2),
        "wt6" => Some(HashFunction::Wt6),
        "crc32" => Some(HashFunction::Crc32),
        _ => None,
    });
    Balance {
        hash: HashType {
            method: if words.starts_with("consistent") {
                HashMethod::Consistent
            } else {
                HashMethod::MapBased
            },
            function: function.unwrap_or_default(),
            avalanche: words.ends_with("avalanche"),
        },
        ..balance(Algorithm::Source)
    }
}

fn build(balance: &Balance, servers: &[Input]) -> Snapshot {
    Snapshot::build(balance, false, servers, None)
}

/// `turns` choices as numbers from one, each of them a session that stays; `-` for the backend's queue.
fn held(snapshot: &Snapshot, ask: &Ask, live: &mut Loads, turns: usize) -> String {
    let mut choose = || {
        let chosen = snapshot.pick(ask, live);
        chosen.map_or("-".to_owned(), |server| {
            live.loads[server] += 1;
            (server + 1).to_string()
        })
    };
    (0..turns).map(|_| choose()).collect()
}

/// `turns` choices, each of them a session that ends at once.
fn passing(snapshot: &Snapshot, ask: &Ask, turns: usize) -> String {
    let live = idle(8);
    let choose = |_| {
        snapshot
            .pick(ask, &live)
            .map_or("-".to_owned(), |server| (server + 1).to_string())
    };
    (0..turns).map(choose).collect()
}

/// For each `hash-type` the servers of /url1 … /url32, with the weights 1 1 1 1, 1 2 3 and 10 3 0 7.
const HASHED: &[(&str, [&str; 3])] = &[
    (
        "map-based sdbm",
        [
            "23412341241234123413412341234234",
            "32323132332323132322323132323323",
            "12411412441141241141411412411414",
        ],
    ),
    (
        "map-based djb2",
        [
            "12341234112341234122341234123341",
            "13232313223231323233132323132232",
            "24114124124114124114141141241241",
        ],
    ),
    (
        "map-based wt6",
        [
            "22222222222222222222211443322333",
            "33333333333333333333322332233212",
            "11114141111144141114112142441414",
        ],
    ),
    (
        "map-based crc32",
        [
            "24231312431314242132424131342131",
            "33322223322223333213333222233211",
            "44111124444121141141411221141241",
        ],
    ),
    (
        "map-based sdbm avalanche",
        [
            "12241311112314332314313222334242",
            "23332122223223223223222333213333",
            "11444221141114214111411144241141",
        ],
    ),
    (
        "map-based crc32 avalanche",
        [
            "44332424113422412234331433222434",
            "33213333212333323313222311333313",
            "44441414441444111141412412114114",
        ],
    ),
    (
        "consistent sdbm avalanche",
        [
            "21314211234212241244333332122321",
            "21313311223212221223223332322321",
            "44444411124211144111211441122124",
        ],
    ),
    (
        "consistent sdbm",
        [
            "44444444444444444444444444444444",
            "22222222233333333333333333333333",
            "22222222211111111111111111111111",
        ],
    ),
    (
        "consistent djb2",
        [
            "44444444422222222222222222222222",
            "33333333322222222222222222222222",
            "11111111122222222222222222222222",
        ],
    ),
    (
        "consistent wt6",
        [
            "33333333311111111114242424242333",
            "33333333311111111113232323232333",
            "11111111111111111114141414141144",
        ],
    ),
    (
        "consistent crc32",
        [
            "33423443431433242231131132133331",
            "32223233231223232233131132133332",
            "41441411244112442242111142114141",
        ],
    ),
    (
        "consistent djb2 avalanche",
        [
            "33424413214413143424344434441134",
            "33322113213132132132331332331133",
            "41411111244441411114441112141144",
        ],
    ),
];

#[test]
fn keys_go_to_the_peers_servers() {
    for (words, expected) in HASHED {
        for (weights, expected) in [&[1, 1, 1, 1][..], &[1, 2, 3], &[10, 3, 0, 7]]
            .into_iter()
            .zip(expected)
        {
            let balance = hashing(words);
            let snapshot = build(&balance, &inputs(weights));
            let servers: String = (1..=32)
                .map(|n| Ask {
                    key: Some(key::of_bytes(balance.hash, format!("/url{n}").as_bytes())),
                    ..Ask::default()
                })
                .map(|ask| passing(&snapshot, &ask, 1))
                .collect();
            assert_eq!(servers, *expected, "{words} {weights:?}");
        }
    }
}

#[test]
fn a_request_without_key_goes_round() {
    let ring = "333333333332131312311312233313323331232333132322132232323231";
    let snapshot = build(&hashing("consistent"), &inputs(&[1, 2, 3]));
    assert_eq!(passing(&snapshot, &Ask::default(), ring.len()), ring);
    let snapshot = build(&hashing("map-based"), &inputs(&[1, 2, 3]));
    assert_eq!(passing(&snapshot, &Ask::default(), 8), "13232313");
}

/// `hash-balance-factor`, weights, key and the servers of sessions that all stay.
#[test]
fn bounded_loads_spill_over_as_the_peers() {
    for (factor, weights, expected) in [
        (125, &[1, 1, 1, 1][..], "34243242342342"),
        (125, &[1, 2, 3], "33233232332332"),
        (200, &[1, 1, 1, 1], "34434343434343"),
        (150, &[1, 2, 3], "33323332333233"),
        (110, &[5, 1, 2, 8], "34441414344141"),
    ] {
        let balance = Balance {
            factor,
            ..hashing("consistent sdbm avalanche")
        };
        let ask = Ask {
            key: Some(key::of_bytes(balance.hash, b"x")),
            ..Ask::default()
        };
        let snapshot = build(&balance, &inputs(weights));
        assert_eq!(
            held(&snapshot, &ask, &mut idle(4), expected.len()),
            expected,
            "{factor} {weights:?}"
        );
    }
}

/// Sessions that all stay on servers of `maxconn 2` (or without): algorithm, weights, the peer's choices.
#[test]
fn loads_and_limits_count_as_with_the_peer() {
    for (algorithm, limit, weights, expected) in [
        (Algorithm::LeastConnections, 0, &[1, 2, 3][..], "123323323123323123"),
        (
            Algorithm::LeastConnections,
            0,
            &[5, 1, 2, 8],
            "12344414144143144144134144142314",
        ),
        (Algorithm::LeastConnections, 2, &[1, 1, 1], "123123--"),
        (Algorithm::LeastConnections, 2, &[1, 2], "1221----"),
        (Algorithm::RoundRobin, 2, &[1, 2], "2211----"),
        (Algorithm::StaticRoundRobin, 2, &[1, 2], "1221----"),
        (Algorithm::First, 2, &[1, 2], "1122----"),
        // A request without a key.
        (Algorithm::Source, 2, &[1, 2], "1221----"),
    ] {
        let snapshot = build(&balance(algorithm), &inputs(weights));
        let mut live = Loads {
            limit,
            ..idle(weights.len())
        };
        let servers = held(&snapshot, &Ask::default(), &mut live, expected.len());
        assert_eq!(servers, expected, "{weights:?} {limit}");
    }
}

#[test]
fn idle_servers_take_turns_under_leastconn() {
    let snapshot = build(&balance(Algorithm::LeastConnections), &inputs(&[1, 2, 3]));
    assert_eq!(passing(&snapshot, &Ask::default(), 9), "123123123");
}

#[test]
fn a_hashed_key_waits_for_its_server() {
    for words in ["map-based", "consistent"] {
        let snapshot = build(&hashing(words), &inputs(&[1, 1]));
        let mut live = Loads { limit: 1, ..idle(2) };
        let servers = held(
            &snapshot,
            &Ask {
                key: Some(7),
                ..Ask::default()
            },
            &mut live,
            4,
        );
        assert!(servers == "1111" || servers == "2222", "{words} {servers}");
    }
}

#[test]
fn first_follows_the_identifiers() {
    let mut servers = inputs(&[1, 1, 1]);
    for (server, id) in servers.iter_mut().zip([50, 30, 10]) {
        server.id = id;
    }
    let mut live = Loads { limit: 1, ..idle(3) };
    let snapshot = build(&balance(Algorithm::First), &servers);
    assert_eq!(held(&snapshot, &Ask::default(), &mut live, 4), "321-");
}

/// Which servers are down, and who then serves, of three active servers and two backups.
#[test]
fn backups_step_in_when_nobody_else_is_left() {
    for (all_backups, down, expected) in [
        (false, &[][..], "123123"),
        (false, &[0, 2], "222222"),
        (false, &[0, 1, 2], "444444"),
        (true, &[0, 1, 2], "454545"),
        (true, &[0, 1, 2, 3], "555555"),
        (true, &[0, 1, 2, 3, 4], "------"),
    ] {
        let mut servers = inputs(&[1; 5]);
        servers[3].backup = true;
        servers[4].backup = true;
        for &server in down {
            servers[server].usable = false;
        }
        let snapshot = Snapshot::build(&Balance::default(), all_backups, &servers, None);
        assert_eq!(
            passing(&snapshot, &Ask::default(), 6),
            expected,
            "{all_backups} {down:?}"
        );
        assert_eq!(snapshot.is_empty(), expected.starts_with('-'));
    }
}

/// As the peer: after 1 2 3 4 1, without the second 3 4 1 3 4 1 3.
#[test]
fn a_round_goes_on_when_servers_come_and_go() {
    let balance = Balance::default();
    let mut servers = inputs(&[1; 4]);
    let before = build(&balance, &servers);
    assert_eq!(passing(&before, &Ask::default(), 5), "12341");
    servers[1].usable = false;
    let without = Snapshot::build(&balance, false, &servers, Some(&before));
    assert_eq!(passing(&without, &Ask::default(), 7), "3413413");
    servers[1].usable = true;
    let again = Snapshot::build(&balance, false, &servers, Some(&without));
    assert_eq!(passing(&again, &Ask::default(), 4), "4123");
}

#[test]
fn a_failed_server_is_avoided_where_the_algorithm_allows() {
    let algorithms = [
        Algorithm::RoundRobin,
        Algorithm::StaticRoundRobin,
        Algorithm::LeastConnections,
        Algorithm::First,
        Algorithm::Random { draws: 2 },
    ];
    let all = algorithms.map(balance).into_iter().chain([hashing("consistent")]);
    for balance in all {
        let snapshot = build(&balance, &inputs(&[1, 1, 1]));
        let alone = build(&balance, &inputs(&[1, 0, 0]));
        for draw in 0..50 {
            let ask = Ask {
                key: Some(draw * 0x0123_4567),
                draw,
                avoid: Some(0),
            };
            assert_ne!(snapshot.pick(&ask, &idle(3)), Some(0));
            assert_eq!(alone.pick(&ask, &idle(3)), Some(0));
        }
    }
    let map = build(&hashing("map-based"), &inputs(&[1, 1, 1]));
    let ask = Ask {
        key: Some(0),
        avoid: Some(0),
        ..Ask::default()
    };
    assert_eq!(map.pick(&ask, &idle(3)), Some(0));
}

#[test]
fn many_draws_find_the_least_loaded() {
    let snapshot = build(&balance(Algorithm::Random { draws: 60 }), &inputs(&[1, 2, 3]));
    let mut live = idle(3);
    for draw in 0..60 {
        held(
            &snapshot,
            &Ask {
                draw: draw * 1000,
                ..Ask::default()
            },
            &mut live,
            1,
        );
    }
    assert_eq!(live.loads, [10, 20, 30]);
}

#[test]
fn a_full_winner_of_random_leaves_the_session_to_the_backends_queue() {
    let snapshot = build(&balance(Algorithm::Random { draws: 1 }), &inputs(&[1]));
    let mut live = Loads { limit: 1, ..idle(1) };
    assert_eq!(held(&snapshot, &Ask::default(), &mut live, 2), "1-");
}

/// One of all algorithms.
fn numbered(number: usize, consistent: bool, factor: u32) -> Balance {
    let algorithms = [
        Algorithm::RoundRobin,
        Algorithm::StaticRoundRobin,
        Algorithm::LeastConnections,
        Algorithm::First,
        Algorithm::Source,
        Algorithm::Random { draws: 0 },
        Algorithm::Random { draws: 3 },
    ];
    Balance {
        algorithm: algorithms[number % algorithms.len()].clone(),
        factor,
        ..hashing(if consistent { "consistent" } else { "map-based" })
    }
}

fn any_server() -> impl Strategy<Value = Input> {
    (0u32..50, any::<bool>(), any::<bool>(), any::<u32>()).prop_map(|(weight, usable, backup, id)| Input {
        weight,
        usable,
        backup,
        id,
    })
}

proptest! {
    /// Whatever the servers and loads: a choice is a server in charge, and there is one unless all are full.
    #[test]
    fn a_choice_is_in_charge(
        number: usize,
        consistent: bool,
        factor in prop_oneof![Just(0u32), 101u32..300],
        servers in prop::collection::vec(any_server(), 0..6),
        all_backups: bool,
        asks in prop::collection::vec((any::<Option<u32>>(), any::<u32>(), prop::option::of(0usize..7)), 1..40),
    ) {
        let balance = numbered(number, consistent, factor);
        let first = Snapshot::build(&balance, all_backups, &servers, None);
        let snapshot = Snapshot::build(&balance, all_backups, &servers, Some(&first));
        let mut live = Loads { limit: 3, ..idle(servers.len()) };
        for (key, draw, avoid) in asks {
            match snapshot.pick(&Ask { key, draw, avoid }, &live) {
                Some(server) => {
                    prop_assert!(snapshot.servers().any(|member| member == server));
                    live.loads[server] += 1;
                }
                None if matches!(balance.algorithm, Algorithm::Random { .. }) => {}
                None => prop_assert!(snapshot.servers().all(|server| live.is_full(server))),
            }
        }
    }

    /// Only the keys of the server that leaves move.
    #[test]
    fn consistent_keys_stay(weights in prop::collection::vec(1u32..9, 2..6), keys in prop::collection::vec(any::<u32>(), 50)) {
        let balance = hashing("consistent");
        let mut servers = inputs(&weights);
        let before = build(&balance, &servers);
        servers[0].usable = false;
        let after = build(&balance, &servers);
        for key in keys {
            let ask = Ask { key: Some(key), ..Ask::default() };
            let (before, after) = (before.pick(&ask, &idle(6)), after.pick(&ask, &idle(6)));
            prop_assert!(before == Some(0) || before == after);
        }
    }
}
