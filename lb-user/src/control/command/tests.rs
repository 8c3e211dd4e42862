//! Commands and what they answer and change. The end-to-end tests compare many more with the peer's answers.

use std::sync::atomic::Ordering::Relaxed;

use crate::control::testing::{ask, ask_at, world};
use crate::plan::global::CliLevel;

const CONFIG: &str = "
    global
        set-var proc.zone str(edge)
        set-var proc.other var(proc.zone),concat(-1)
    defaults
        mode http
        timeout connect 1s
        timeout client 1s
        timeout server 1s
    frontend web
        bind 127.0.0.1:8080
        option socket-stats
        maxconn 100
        stick-table type ip size 5 expire 30s store gpc0,conn_rate(10s),server_key
        default_backend be
    backend be
        cookie S insert
        server s1 127.0.0.1:8081 weight 10
        server s2 127.0.0.1:8082 id 7 backup cookie c2
        server s3 127.0.0.1:8083 check inter 1h
        server s4 127.0.0.1:8084 track be/s3
    backend fixed
        id 50
        balance source
        server s1 127.0.0.1:8085 weight 4
    listen both
        mode tcp
        bind 127.0.0.1:8086
        server s1 127.0.0.1:8087 disabled
";

/// Lines given one after the other, each with its answer.
fn told(dialogue: &[(&str, &str)]) {
    let world = world(CONFIG);
    for (line, answer) in dialogue {
        assert_eq!(ask(&world, line), *answer, "{line}");
    }
}

#[test]
fn weights() {
    told(&[
        ("get weight be/s1", "10 (initial 10)\n\n"),
        ("set weight be/s1 50%", "\n"),
        ("get weight be/s1", "5 (initial 10)\n\n"),
        ("set server #3/#7 weight 3", "\n"),
        ("get weight be/s2", "3 (initial 1)\n\n"),
        ("set weight be/s1 5000%", "\n"),
        ("get weight be/s1", "256 (initial 10)\n\n"),
        ("set weight be/s1 -5%", "Relative weight must be positive.\n\n"),
        (
            "set weight be/s1 257",
            "Absolute weight can only be between 0 and 256 inclusive.\n\n",
        ),
        ("set weight be/s1 5x", "Trailing garbage in weight string\n\n"),
        (
            "set weight be/s1 x",
            "Empty weight string empty or preceded by garbage\n\n",
        ),
        (
            "set weight fixed/s1 3",
            "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n\n",
        ),
        ("set weight fixed/s1 0%", "\n"),
        ("set weight fixed/s1 4", "\n"),
        ("set weight fixed/s9 4", "No such server.\n\n"),
        ("set weight nobody/s1 4", "No such backend.\n\n"),
        ("set weight fixed 4", "Require 'backend/server'.\n\n"),
    ]);
}

#[test]
fn variables() {
    told(&[
        ("get var proc.zone", "proc.zone: type=str value=<edge>\n"),
        ("get var proc.other", "proc.other: type=str value=<edge-1>\n"),
        (
            "set var proc.zone int(5)",
            "This command is restricted to experimental mode only.\n\n",
        ),
        (
            "experimental-mode on; set var proc.zone int(5); get var proc.zone",
            "\n\nproc.zone: type=sint value=<5>\n",
        ),
        (
            "experimental-mode on; set var proc.new var(proc.zone),add(1); get var proc.new",
            "\n\nproc.new: type=sint value=<6>\n",
        ),
        ("get var proc.new", "proc.new: type=sint value=<6>\n"),
        ("get var proc.newer", "Variable not found.\n\n"),
        (
            "experimental-mode on; set var txn.x int(1)",
            "\n'set var': cannot set variable 'txn.x', only scope 'proc' is permitted here.\n\n",
        ),
        (
            "experimental-mode on; set var proc.x foo",
            "\nunknown fetch method 'foo'\n\n",
        ),
        (
            "experimental-mode on; set var proc.x int(1),foo",
            "\nunknown converter 'foo'\n\n",
        ),
        (
            "experimental-mode on; set var proc.x src",
            "\nfetch method 'set-var(proc.x)' extracts information from 'client address', none of which is \
             available here\n\n",
        ),
        (
            "experimental-mode on; set var",
            "\nMissing process-wide variable identifier.\n\n",
        ),
        ("experimental-mode on; set var proc.x", "\nMissing expression.\n\n"),
        (
            "experimental-mode on; set var proc.x nbsrv(be); get var proc.x",
            "\n\nproc.x: type=sint value=<3>\n",
        ),
    ]);
}

#[test]
fn dynamic_cookies() {
    told(&[
        ("disable dynamic-cookie backend be", "\n"),
        ("enable dynamic-cookie backend zz", "No such backend.\n\n"),
        ("enable dynamic-cookie backend web", "No such backend.\n\n"),
        ("enable dynamic-cookie backend", "A backend name is expected.\n\n"),
        ("set dynamic-cookie-key backend be", "String value expected.\n\n"),
        ("set dynamic-cookie-key backend be secret", "\n"),
    ]);
    let world = world(CONFIG);
    let backend = world.engine.backend(world.backend("be").unwrap().id).unwrap();
    let cookie = |index: usize| backend.cookies().of_server(index).map(<[u8]>::to_vec);
    ask(&world, "enable dynamic-cookie backend be");
    assert_eq!(cookie(0), None);
    ask(&world, "set dynamic-cookie-key backend be secret");
    let made = cookie(0).expect("a key and an address");
    assert_eq!(cookie(1).as_deref(), Some(&b"c2"[..]));
    ask(&world, "set server be/s1 addr 127.0.0.9");
    assert_ne!(cookie(0).expect("another address"), made);
    ask(&world, "disable dynamic-cookie backend be");
    assert_eq!(cookie(0), None);
}

#[test]
fn states_show_in_the_status_column() {
    let world = world(CONFIG);
    let status = |server: &str| {
        let table = ask(&world, "show stat -1 4 -1");
        let line = table
            .lines()
            .find(|line| line.starts_with(&format!("{server},")))
            .map(str::to_owned);
        line.and_then(|line| Some(line.split(',').nth(17)?.to_owned()))
    };
    for (line, server, expected) in [
        ("", "be,s1", "no check"),
        ("set server be/s1 state drain", "be,s1", "DRAIN"),
        ("set server be/s1 state maint", "be,s1", "MAINT"),
        ("set server be/s1 state ready", "be,s1", "no check"),
        ("set server be/s1 health down", "be,s1", "DOWN"),
        ("disable server be/s3", "be,s3", "MAINT"),
        ("", "be,s4", "MAINT (via be/s3)"),
        ("enable server be/s3", "be,s3", "UP 1/3"),
        ("set server be/s3 health up", "be,s3", "UP"),
        ("", "both,s1", "MAINT"),
        ("enable server both/s1", "both,s1", "no check"),
    ] {
        ask(&world, line);
        assert_eq!(status(server).as_deref(), Some(expected), "{server} after {line}");
    }
    assert_eq!(
        ask(&world, "set server be/s4 health down"),
        "cannot change health on a tracking server.\n\n"
    );
}

#[test]
fn addresses_of_checks_change_where_checks_go() {
    let world = world(CONFIG);
    assert_eq!(
        ask(&world, "set server be/s1 check-port 80"),
        "health checks are not enabled on this server\n\n"
    );
    assert_eq!(
        ask(&world, "set server be/s3 check-port 70000"),
        "provided port is invalid\n\n"
    );
    assert_eq!(ask(&world, "set server be/s3 check-addr 127.0.0.9 port 99"), "\n");
    let found = world.server("be/s3").expect("a server");
    assert_eq!(found.live.check.port.load(Relaxed), 99);
    assert_eq!(
        found
            .live
            .check
            .address
            .read()
            .expect("lock")
            .map(|ip| ip.to_string())
            .as_deref(),
        Some("127.0.0.9")
    );
}

#[test]
fn limits() {
    let world = world(CONFIG);
    ask(
        &world,
        "set maxconn frontend web 7;set maxconn server be/s1 8;set rate-limit sessions global 9",
    );
    let web = world.frontend("web").expect("a frontend");
    assert_eq!(web.frontend.max_connections.load(Relaxed), 7);
    assert_eq!(
        world
            .server("be/s1")
            .expect("a server")
            .live
            .max_connections
            .load(Relaxed),
        8
    );
    assert_eq!(world.process().max_session_rate.load(Relaxed), 9);
    assert_eq!(ask(&world, "set maxconn global 1001"), "Value out of range.\n\n");
    ask(&world, "set maxconn global 10");
    assert_eq!(world.process().max_connections.load(Relaxed), 10);
    ask(&world, "set maxconn global 0");
    assert_eq!(world.process().max_connections.load(Relaxed), 1_000);
    let refused = ask(&world, "set rate-limit ssl-sessions global 5");
    assert_eq!(
        refused,
        "'set rate-limit ssl-sessions' is not implemented in this version.\n\n"
    );
}

#[test]
fn tables_keep_what_they_are_given() {
    let world = world(CONFIG);
    for number in 1..=6 {
        assert_eq!(
            ask(&world, &format!("set table web key 10.0.0.{number} data.gpc0 {number}")),
            "\n"
        );
    }
    let shown = |line: &str| -> Vec<String> {
        let answer = ask(&world, line);
        let entries = answer
            .lines()
            .filter_map(|line| Some(line.split_once("key=")?.1.to_owned()));
        entries
            .map(|entry| entry.split(' ').next().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(
        shown("show table web"),
        ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]
    );
    assert_eq!(
        shown("show table web data.gpc0 gt 2 data.gpc0 ne 4"),
        ["10.0.0.3", "10.0.0.5", "10.0.0.6"]
    );
    assert_eq!(shown("show table web key 10.0.0.4"), ["10.0.0.4"]);
    let whole = ask(&world, "show table web key 10.0.0.4");
    assert!(
        whole.starts_with("# table: web, type: ip, size:5, used:5\n0x"),
        "{whole}"
    );
    assert!(
        whole.ends_with(" gpc0=4 conn_rate(10000)=0 server_key=-\n\n"),
        "{whole}"
    );
    ask(&world, "clear table web key 10.0.0.4;clear table web data.gpc0 ge 6");
    assert_eq!(shown("show table web"), ["10.0.0.2", "10.0.0.3", "10.0.0.5"]);
    ask(&world, "clear table web");
    assert_eq!(
        ask(&world, "show table web"),
        "# table: web, type: ip, size:5, used:0\n\n"
    );
}

#[test]
fn statistics_choose_their_objects() {
    let world = world(CONFIG);
    let objects = |line: &str| -> Vec<String> {
        let answer = ask(&world, line);
        let lines = answer.lines().skip(1).filter(|line| !line.is_empty());
        lines
            .map(|line| line.split(',').take(2).collect::<Vec<_>>().join("/"))
            .collect()
    };
    for (line, expected) in [
        ("show stat web 3 -1", vec!["web/FRONTEND"]),
        ("show stat web -1 -1", vec!["web/FRONTEND", "web/sock-1"]),
        ("show stat both 3 -1", vec!["both/FRONTEND", "both/BACKEND"]),
        ("show stat 3 4 7", vec!["be/s2"]),
        ("show stat 50 6 -1", vec!["fixed/s1", "fixed/BACKEND"]),
        ("show stat both 4 -1 no-maint", vec![]),
        ("show stat both 4 -1 up", vec![]),
        ("show stat domain proxy 50 4 -1", vec!["fixed/s1"]),
    ] {
        assert_eq!(objects(line), expected, "{line}");
    }
    assert_eq!(objects("show stat").len(), 12);
    assert_eq!(ask(&world, "show stat nobody 1 1"), "No such proxy.\n\n");
}

#[test]
fn statistics_come_in_each_format() {
    let world = world(CONFIG);
    let typed = ask(&world, "show stat web 1 -1 typed");
    assert!(
        typed.starts_with("F.2.0.0.pxname.1:KNS:str:web\nF.2.0.1.svname.1:KNS:str:FRONTEND\n"),
        "{typed}"
    );
    let described = ask(&world, "show stat web 1 -1 typed desc");
    assert!(
        described.starts_with("F.2.0.0.pxname.1:KNS:str:web:\"Name of the proxy\"\n"),
        "{described}"
    );
    let json = ask(&world, "show stat web 1 -1 json");
    assert!(
        json.starts_with(
            "[[{\"objType\":\"Frontend\",\"proxyId\":2,\"id\":0,\"field\":{\"pos\":0,\"name\":\"pxname\"},\
             \"processNum\":1,\"tags\":{\"origin\":\"Key\",\"nature\":\"Name\",\"scope\":\"Service\"},\
             \"value\":{\"type\":\"str\",\"value\":\"web\"}},"
        ),
        "{json}"
    );
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
    let info = ask(&world, "show info json");
    assert!(
        info.starts_with("[{\"field\":{\"pos\":0,\"name\":\"Name\"},\"processNum\":1,"),
        "{info}"
    );
    assert!(serde_json::from_str::<serde_json::Value>(&info).is_ok());
    let info = ask(&world, "show info typed");
    assert!(info.contains("\n5.Process_num.1:KGP:u32:1\n"), "{info}");
    assert!(info.contains("\n16.Hard_maxconn.1:CLP:u32:1000\n"), "{info}");
    assert!(ask(&world, "show info float").contains("\nStart_time_sec: "));
}

#[test]
fn whom_addresses_concern() {
    let world = world(CONFIG);
    let line = "show stat be 4 7";
    assert!(ask_at(&world, CliLevel::Operator, line).contains(",127.0.0.1:8082,c2,http,"));
    assert!(ask_at(&world, CliLevel::User, line).contains(",,,http,"));
}

#[test]
fn counters_start_again() {
    let world = world(CONFIG);
    let web = world.frontend("web").expect("a frontend");
    web.frontend.connections.up();
    web.frontend.connections.up();
    web.frontend.connections.down();
    web.frontend.counters.bytes_in.add(5);
    let columns = || {
        let table = ask(&world, "show stat web 1 -1");
        let line = table.lines().nth(1).unwrap_or_default().to_owned();
        line.split(',')
            .skip(4)
            .take(5)
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(columns(), "1 2 100 0 5");
    ask(&world, "clear counters");
    assert_eq!(columns(), "1 1 100 0 5");
    ask(&world, "clear counters all");
    assert_eq!(columns(), "1 1 100 0 0");
}
